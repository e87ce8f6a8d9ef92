"""What a venue can do. The recovery rules and the way a position is protected follow from it."""

from enum import StrEnum

import msgspec


class Dedupe(StrEnum):
    """How long a venue remembers a client order id and refuses a second order under it."""

    FOREVER = "forever"
    OPEN_ONLY = "open_only"
    NONE = "none"


class Protection(StrEnum):
    """When stop and target go to the venue: listed with the entry, or once it has filled."""

    BRACKET = "bracket"
    AFTER_FILL = "after_fill"


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """Declared by each gateway, checked by the broker contract suite.

    oco: two orders of which the first to fill cancels the other, sharing one held quantity.
    bracket: an entry with children that become live as it fills.
    stop_gtc: its stops work until they are cancelled; without, they end with the session.
    event_cursor: its stream can be taken up where it was cut.
    renames: a replace gives the order another `broker_order_id`.
    acceptance_s: for how long after it was sent a request that nobody answered may still be taken, seconds.
    """

    dedupe: Dedupe = Dedupe.NONE
    lookup_by_client_id: bool = False
    oco: bool = False
    bracket: bool = False
    stop_gtc: bool = False
    replace: bool = False
    reduce_only: bool = False
    trailing_stop: bool = False
    shorting: bool = False
    event_cursor: bool = False
    renames: bool = False
    acceptance_s: int = 10

    @property
    def brackets(self) -> bool:
        """Whether legs may be listed with an entry: they have to be moved to the fill's prices, too."""
        return self.bracket and self.replace


PAPER = Capabilities(
    dedupe=Dedupe.FOREVER,
    lookup_by_client_id=True,
    oco=True,
    bracket=True,
    stop_gtc=True,
    replace=True,
    reduce_only=True,
    trailing_stop=True,
    shorting=True,
    event_cursor=True,
)
