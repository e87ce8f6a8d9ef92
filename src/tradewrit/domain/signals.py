"""What a strategy says about a bar, and what agents may know of the market."""

from collections.abc import Sequence
from decimal import Decimal
from enum import IntFlag
from typing import Final, Protocol

import msgspec

from tradewrit.domain.market import Bar, MarketPhase, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.positions import Direction


class Verdict(IntFlag):
    """What a strategy says of one bar, as bits: a quiet bar is 0 and costs one look.

    SESSION_ENDS: whatever it says, the account leaves before the session ends; with it come both leaves and
    no entry.
    """

    ENTER_LONG = 1
    ENTER_SHORT = 2
    LEAVE_LONG = 4
    LEAVE_SHORT = 8
    SESSION_ENDS = 16


# As plain numbers: the operators of an IntFlag cost a hundred times theirs.
_ENTER_LONG, _ENTER_SHORT, _LEAVE_LONG, _LEAVE_SHORT, _SESSION_ENDS = map(int, Verdict)
ENTER: Final = _ENTER_LONG | _ENTER_SHORT
LEAVE: Final = {Direction.LONG: _LEAVE_LONG, Direction.SHORT: _LEAVE_SHORT}
OPENING: Final = {Side.BUY: _ENTER_LONG, Side.SELL: _ENTER_SHORT}
OPPOSITE: Final = {Direction.LONG: _ENTER_SHORT, Direction.SHORT: _ENTER_LONG}
"""By side, and by direction held for the other side, the entry bits; a verdict for both is for neither."""
SESSION_END: Final = "session_end"
"""Why a trade is left, or its waiting entry taken back, before the session ends."""
REVERSE: Final = "reverse"
"""Why a trade is left whose strategy wants the other side, where the account reverses."""


class Signal(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A strategy's view of one symbol at the close of one bar.

    enter: the side to open with when flat. leave_long, leave_short: the reason to leave a position
    of that direction. stop_fraction and the like override the limit profile's defaults; None leaves
    it to risk, and a target_fraction of 0 means no target. inputs: the feature values behind it.
    is_session_end: the account leaves before the session ends, whatever the strategy says.
    """

    symbol: str = ""
    enter: Side | None = None
    leave_long: str | None = None
    leave_short: str | None = None
    stop_fraction: Decimal | None = None
    target_fraction: Decimal | None = None
    trail_fraction: Decimal | None = None
    max_bars: int | None = None
    confidence: float = 1.0
    reasons: tuple[str, ...] = ()
    inputs: dict[str, float] = {}
    is_session_end: bool = False

    @property
    def verdict(self) -> int:
        """The same as bits of `Verdict`."""
        return (
            (0 if self.enter is None else OPENING[self.enter])
            | (_LEAVE_LONG if self.leave_long else 0)
            | (_LEAVE_SHORT if self.leave_short else 0)
            | (_SESSION_ENDS if self.is_session_end else 0)
        )

    def leave(self, direction: Direction) -> str | None:
        """Why to leave a position of this direction; None to hold it."""
        return self.leave_long if direction is Direction.LONG else self.leave_short


class Market(Protocol):
    """The second input of every decision: last bars, quotes and signals.

    Rebuilt from data, never hashed, never journalled; nothing in it lies after the event's time.
    """

    @property
    def is_backtest(self) -> bool:
        """Whether prices and fills come from one file, so that neither can be held against the other."""
        ...

    def bar(self, symbol: str) -> Bar | None:
        """The last completed bar."""
        ...

    def quote(self, symbol: str) -> Quote | None:
        """The last sane quote."""
        ...

    def mark(self, symbol: str) -> Price | None:
        """The last price, exact: what an open position is worth now."""
        ...

    def last(self, symbol: str) -> float:
        """The last price as the float it arrived as; NaN before the first. For screens, not for money."""
        ...

    def sequence(self, symbol: str) -> int:
        """The number of the last tick of a symbol's stream; 0 before the first."""
        ...

    def bars_since(self, symbol: str, at: int) -> int:
        """How many completed bars of a symbol opened at or after `at`."""
        ...

    def phase(self, at: int) -> MarketPhase:
        """The phase of the session at `at`."""
        ...

    def speaking(self) -> Sequence[tuple[str, int]]:
        """What the strategy says of the bars that just closed: symbol and bits of `Verdict`, by rank.

        Symbols it has nothing to say about are left out.
        """
        ...

    def signal(self, symbol: str) -> Signal | None:
        """What the strategy says of one symbol's last bar; None before its first."""
        ...

    def volatility(self, symbol: str) -> float | None:
        """The annualised volatility that the account sizes by, at the last bar; None while it is not known.

        None as well where the account does not size by volatility.
        """
        ...

    def symbols(self) -> Sequence[str]:
        """Every symbol seen, by rank."""
        ...
