"""Bars of a live market are looked at before anybody can see them.

The rule is market_watch's, as for quotes. What cannot be true is refused always. What is wildly far away from
the last price is refused as a bad print until several bars in a row agree with each other: then the market
has really moved, and refusing on would lock the symbol for ever. A person may say so before.
"""

from typing import Final

import msgspec

from tradewrit.agents.market_watch import bar_defect, wild
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import BarRefused, PriceLevelBelieved
from tradewrit.domain.market import Bar

AGREEING: Final = 3
"""The bar of a new level that is let in: two before it have said the same."""
_NEAR: Final = 1.5
"""Bars whose closes differ by no more than this factor agree."""


class _Level(msgspec.Struct, frozen=True):
    """Where the last refused bars of a symbol closed, and how many agree on it."""

    close: float
    bars: int


class Scrutiny:
    """What one market refuses, and has to tell of it."""

    def __init__(self) -> None:
        self._levels: dict[str, _Level] = {}
        self._vouched: set[str] = set()
        self._said: list[BarRefused | PriceLevelBelieved] = []

    def passes(self, bar: Bar, last: float) -> bool:
        """Whether the market may absorb it. last: the price before, NaN for none."""
        reason = bar_defect(bar)
        if reason is None:
            # A spike inside the bar would trail a stop as well.
            reason = wild(bar.close, last) or wild(bar.high, last) or wild(bar.low, last)
            is_vouched = bar.symbol in self._vouched
            self._vouched.discard(bar.symbol)
            if reason is None:
                self._levels.pop(bar.symbol, None)
                return True
            level = self._levels[bar.symbol] = _joined(self._levels.get(bar.symbol), bar.close)
            if is_vouched or level.bars >= AGREEING:
                del self._levels[bar.symbol]
                self._believe(bar, last, 1 if is_vouched else AGREEING)
                return True
            reason += f" ({level.bars} of {AGREEING} bars that agree)"
        self._said.append(
            BarRefused(at=0, symbol=bar.symbol, opened_at=bar.ts, close=f"{bar.close:g}", reason=reason)
        )
        return False

    def said(self, at: int) -> tuple[Event, ...]:
        """What there is to tell since this was last asked. at: now, UTC ns."""
        said = tuple(msgspec.structs.replace(event, at=at) for event in self._said)
        self._said.clear()
        return said

    def vouch(self, symbol: str) -> None:
        """A person says that what is refused is real: the next bar passes, if it can be true at all."""
        self._vouched.add(symbol)

    def _believe(self, bar: Bar, last: float, bars: int) -> None:
        self._said.append(
            PriceLevelBelieved(at=0, symbol=bar.symbol, before=last, close=bar.close, bars=bars)
        )


def _joined(before: _Level | None, close: float) -> _Level:
    agrees = before is not None and before.close / _NEAR < close < before.close * _NEAR
    return _Level(close, before.bars + 1 if before is not None and agrees else 1)
