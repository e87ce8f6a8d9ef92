"""The market of the proof: prices that walk, and bars that say what the desk should want.

Drawn from a seed. Steps are one minute of the exchange each, however fast they come.
"""

from collections.abc import Sequence
from random import Random
from typing import Final

from tests.proofs.kills.told import LEAVE, LONG, QUIET, SHORT
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.times import parse_iso

SYMBOLS: Final = ("AAPL", "MSFT", "NVDA", "TSLA")
_START: Final = parse_iso("2024-03-04T14:30:00Z")
_SAYINGS: Final = (QUIET, QUIET, QUIET, LONG, LONG, SHORT, LEAVE)


class Market:
    """Moved one minute at a time."""

    def __init__(self, client: ExchangeClient, chance: Random) -> None:
        self._client = client
        self._chance = chance
        self._prices = dict.fromkeys(SYMBOLS, 100.0)
        self.at = _START
        self.bars = 0

    def step(self) -> int:
        """A minute in which prices move and the desk is told things; returns how many reports it led to."""
        return self._show([self._moving(symbol) for symbol in SYMBOLS])

    def rest(self) -> None:
        """A minute in which nothing moves, and nobody is told anything."""
        self._show([self._bar(symbol, price, price, QUIET) for symbol, price in self._prices.items()])

    def _moving(self, symbol: str) -> Bar:
        before = self._prices[symbol]
        after = round(min(max(before * (1 + self._chance.gauss(0, 0.004)), 50.0), 200.0), 2)
        self._prices[symbol] = after
        return self._bar(symbol, before, after, self._chance.choice(_SAYINGS))

    def _bar(self, symbol: str, before: float, after: float, volume: int) -> Bar:
        return Bar(symbol, self.at, before, max(before, after), min(before, after), after, float(volume))

    def _show(self, bars: Sequence[Bar]) -> int:
        shown = self._client.show_bars(bars)
        self.at += MINUTE
        self.bars += 1
        return len(shown.reports)
