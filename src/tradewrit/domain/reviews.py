"""A review: one durable question to people, bound to the hash of exactly what they were shown.

PENDING -> APPROVED -> CONSUMED        PENDING -> REJECTED | EXPIRED | WITHDRAWN
PENDING -> MODIFIED -> PENDING (version + 1, after risk has agreed)
APPROVED -> INVALIDATED (price drifted, limits changed, halted, too late); where the price alone drifted
another review replaces it, at the new price
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from tradewrit.domain.money import ZERO
from tradewrit.domain.proposals import Sized
from tradewrit.errors import InvalidTransitionError


class PolicyKind(StrEnum):
    """Who has to agree before an entry leaves."""

    AUTOMATIC = "automatic"
    REQUIRE = "require"
    REQUIRE_ABOVE = "require_above"
    FOUR_EYES = "four_eyes"


class ReviewPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account's rule for entries. Exits and stops never ask anybody.

    above: with `require_above`, the cost, fees included, above which a person must agree.
    approvers: distinct people needed; `four_eyes` needs at least two, none of them the requester.
    expires_after_s: a question nobody answered by then is dead: no trade.
    max_drift_bps: how far the price may move between the question and the order.
    max_requotes: how often a trade whose price drifted further is asked about anew; 0: it ends at once.
    """

    kind: PolicyKind = PolicyKind.AUTOMATIC
    above: Decimal | None = None
    approvers: int = 1
    expires_after_s: int = 300
    max_drift_bps: Decimal = Decimal(100)
    max_requotes: int = 1

    def __post_init__(self) -> None:
        if self.kind is PolicyKind.REQUIRE_ABOVE and self.above is None:
            raise ValueError("the policy require_above needs `above`, an amount")
        if self.approvers < 1:
            raise ValueError(f"approvers must be at least 1, not {self.approvers}")
        if self.expires_after_s < 1:
            raise ValueError(f"expires_after_s must be at least 1, not {self.expires_after_s}")
        if self.max_requotes < 0:
            raise ValueError(f"max_requotes must be at least 0, not {self.max_requotes}")

    def people_needed(self, cost: Decimal) -> int:
        """How many distinct people must approve a trade of this cost; 0 means none."""
        match self.kind:
            case PolicyKind.AUTOMATIC:
                return 0
            case PolicyKind.REQUIRE:
                return self.approvers
            case PolicyKind.REQUIRE_ABOVE:
                return self.approvers if self.above is not None and cost > self.above else 0
            case PolicyKind.FOUR_EYES:
                return max(2, self.approvers)

    @property
    def most_people(self) -> int:
        """How many distinct people it asks for at most, whatever a trade costs."""
        return max(self.people_needed(ZERO), self.people_needed((self.above or ZERO) + 1))


class ReviewState(StrEnum):
    """Where a review is."""

    PENDING = "pending"
    MODIFIED = "modified"
    APPROVED = "approved"
    CONSUMED = "consumed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    INVALIDATED = "invalidated"


class Verdict(StrEnum):
    """What can happen to a review."""

    APPROVE = "approve"
    REJECT = "reject"
    MODIFY = "modify"
    REISSUE = "reissue"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    CONSUME = "consume"
    INVALIDATE = "invalidate"


_S = ReviewState
TRANSITIONS: Final[Mapping[ReviewState, Mapping[Verdict, ReviewState]]] = {
    _S.PENDING: {
        Verdict.APPROVE: _S.APPROVED,
        Verdict.REJECT: _S.REJECTED,
        Verdict.MODIFY: _S.MODIFIED,
        Verdict.EXPIRE: _S.EXPIRED,
        Verdict.WITHDRAW: _S.WITHDRAWN,
    },
    _S.MODIFIED: {
        Verdict.REISSUE: _S.PENDING,  # risk agreed: version + 1. If it refuses: the old version again
        Verdict.EXPIRE: _S.EXPIRED,
        Verdict.WITHDRAW: _S.WITHDRAWN,
    },
    _S.APPROVED: {
        Verdict.CONSUME: _S.CONSUMED,
        Verdict.INVALIDATE: _S.INVALIDATED,
        Verdict.WITHDRAW: _S.WITHDRAWN,
    },
    _S.CONSUMED: {},
    _S.REJECTED: {},
    _S.EXPIRED: {},
    _S.WITHDRAWN: {},
    _S.INVALIDATED: {},
}


def advance(state: ReviewState, verdict: Verdict) -> ReviewState:
    """The next state; raises InvalidTransitionError when the table has no such edge."""
    try:
        return TRANSITIONS[state][verdict]
    except KeyError:
        raise InvalidTransitionError("review", state.value, verdict.value) from None


def can(state: ReviewState, verdict: Verdict) -> bool:
    """Whether the table has this edge."""
    return verdict in TRANSITIONS[state]


class Review(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One question and the answers so far.

    shown: exactly what people see. shown_hash: its hash; an answer must repeat it.
    approved_by: distinct people who said yes to this version. seen: nonces of answers already taken,
    with what was replied, so that a repeated click gets the same reply. is_shown: whether people know of it.
    replaces: the review whose approval came after the price had moved; "" for the first of a trade.
    """

    id: str
    trade_id: str
    version: int
    state: ReviewState
    shown: Sized
    shown_hash: str
    people_needed: int
    created_at: int
    expires_at: int
    approved_by: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    note: str = ""
    is_shown: bool = True
    replaces: str = ""
