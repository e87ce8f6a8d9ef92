"""What a desk of its own tells the run of a trade that it plays.

Knows neither the desk nor the run.
"""

from decimal import Decimal

import msgspec

from tradewrit.domain.events.corporate import DividendWentEx, SharesDelisted, SharesSplit
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.money import Price
from tradewrit.domain.positions import Position
from tradewrit.research.backtest.agenda import Phase
from tradewrit.research.backtest.collect import Booked
from tradewrit.research.results import RoundTrip

Outside = FillBooked | SharesSplit | DividendWentEx | SharesDelisted | FundingSettled
"""What reaches the venue's own account."""
Sale = tuple[int, Decimal]
"""When its cash may be spent, UTC ns, and how much that is."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """What one part of a bar did to a trade, and to the account it is in.

    time: index of the bar's time. row: the symbol's last bar that had begun.
    cash, fees, funding: what was added. position, reserved: as they are now. held: what the venue keeps for
    the entry.
    unsettled: sales whose cash comes later: when, and how much. mark: the symbol's last price as the desk
    knows it: of the bar before, until a bar has closed; in the new shares after a split.
    outside: what it was, in order. ended: why the trade is over; "" while it is not. refused: the code with
    which the venue did not take its entry; "" where it did.
    """

    time: int
    row: int
    phase: Phase
    cash: Decimal
    fees: Decimal
    funding: Decimal
    position: Position | None
    reserved: Decimal
    held: Decimal
    unsettled: tuple[Sale, ...]
    mark: Price
    outside: tuple[Outside, ...]
    booked: tuple[Booked, ...]
    round_trips: tuple[RoundTrip, ...]
    ended: str
    refused: str = ""

    @property
    def price(self) -> Decimal:
        """What was paid last in it."""
        return next(one.fill.price for one in reversed(self.outside) if isinstance(one, FillBooked))
