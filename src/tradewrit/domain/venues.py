"""Which exchange an account is at: the identity that a journal is bound to."""

import msgspec


class VenueIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Whose orders these are, as the venue itself says it.

    venue: where orders go, by the name that a writ's constraints use. exchange: the one instance of it, where
    there can be several; "" where there is but one. account: the account's id there. is_paper: whether its
    money is play money.
    """

    venue: str
    exchange: str = ""
    account: str
    is_paper: bool = True

    def __str__(self) -> str:
        """For people."""
        which = f"{self.venue} exchange {self.exchange}" if self.exchange else self.venue
        return f"{which}, account {self.account} ({'play' if self.is_paper else 'REAL'} money)"


def objection_to(known: VenueIdentity | None, answering: VenueIdentity) -> str:
    """Why a journal must not go on with who answers; "" when it may. known: whose the journal is."""
    return "" if known is None or known == answering else objection(known, f"{answering} answers")


def objection(known: VenueIdentity, answer: str) -> str:
    """That somebody else answers than the exchange of a journal, and what to do. answer: who, in words."""
    return (
        f"this journal belongs to {known}, and there {answer}: nothing was sent. Start the exchange of this "
        "journal again (`tradewrit exchange serve` with its --state), or take a new journal (--journal)"
    )
