"""The market of a simulated world: quotes that wander and jump, their bars, and a strategy of whims."""

import math
import zlib
from collections.abc import Iterator
from random import Random
from typing import Final

from tradewrit.domain.market import SECOND, Bar, Quote
from tradewrit.domain.signals import Signal
from tradewrit.features.bars import Bars
from tradewrit.runtime.clock import seeded
from tradewrit.simulation.plan import Plan
from tradewrit.strategies.base import Strategy, enter_long, enter_short, leave

_DEEP: Final = 1e6
_HALF_SPREAD: Final = 0.0001


class Prices:
    """One symbol's price. Each quote is a step of its walk, and one in so many a jump of up to 9 %."""

    def __init__(self, plan: Plan, symbol: str) -> None:
        self._plan = plan
        self.symbol = symbol
        self._rng: Random = seeded(plan.seed, f"prices {symbol}")
        self.mid = round(self._rng.uniform(20.0, 80.0), 2)
        self._bar: list[float] = []

    def quote(self, at: int, *, is_calm: bool = False, is_still: bool = False) -> Quote:
        """The next quote, at `at` (UTC ns).

        is_calm: it has no gap, and size for everybody. is_still: it is where the last one was.
        """
        rng, faults = self._rng, self._plan.faults
        step = rng.gauss(0.0, self._plan.volatility)
        if rng.random() < faults.gaps and not is_calm:
            step += rng.choice((-1, 1)) * rng.uniform(0.02, 0.09)
        if is_still:
            step = 0.0
        self.mid = max(1.0, round(self.mid * math.exp(step), 2))
        is_thin = rng.random() < faults.thin and not is_calm
        size = float(rng.randint(1, 12)) if is_thin else _DEEP
        self._bar.append(self.mid)
        bid, ask = self.mid * (1 - _HALF_SPREAD), self.mid * (1 + _HALF_SPREAD)
        return Quote(self.symbol, at, round(bid, 2), round(max(ask, bid + 0.01), 2), size, size)

    def close(self, opened_at: int) -> Bar | None:
        """The bar of the minute that began at `opened_at`; None without a quote in it."""
        seen, self._bar = self._bar, []
        if not seen:
            return None
        return Bar(self.symbol, opened_at, seen[0], max(seen), min(seen), seen[-1], 1e6)


GOLDEN: Final = (100.0, 100.0, 100.0, 100.0, 102.0, 105.0, 110.0, 116.0, 116.0, 116.0)
"""What the golden trade sees, a bar each: bought at 100, sold at its target of 115 or better."""


class GoldenPrices(Prices):
    """The path of the golden trade: one price a bar."""

    _began = 0

    def quote(self, at: int, *, is_calm: bool = False, is_still: bool = False) -> Quote:
        """As `Prices.quote`."""
        del is_calm, is_still
        self._began = self._began or at
        self.mid = GOLDEN[min((at - self._began) // (self._plan.bar_s * SECOND), len(GOLDEN) - 1)]
        self._bar.append(self.mid)
        return Quote(self.symbol, at, self.mid, self.mid, _DEEP, _DEEP)


class Whimsical(Strategy, frozen=True, kw_only=True):
    """Enters and leaves by the hash of seed, symbol and bar: what a restart sees again is the same.

    until: UTC ns; no entry on bars that open later. enter, leave, short: shares of bars, 0..1.
    """

    seed: int = 0
    until: int = 2**62
    enter: float = 0.3
    leave: float = 0.1
    short: float = 0.3

    def on_bar(self, bars: Bars) -> Signal | None:
        """Look up what the hash says."""
        opened_at = int(bars.ts[-1])
        drawn = zlib.crc32(f"{self.seed}:{bars.symbol}:{opened_at}".encode()) / 2**32
        if opened_at >= self.until:
            return None
        if drawn < self.enter * self.short:
            return enter_short()
        if drawn < self.enter:
            return enter_long()
        return leave() if drawn > 1.0 - self.leave else None


class GoldenStrategy(Strategy, frozen=True, kw_only=True):
    """Buys on the first bars, once: a restart in the middle of one misses it.

    until: UTC ns; no entry on bars that open later.
    """

    until: int = 0

    def on_bar(self, bars: Bars) -> Signal | None:
        """Buy on the first few."""
        return enter_long() if int(bars.ts[-1]) < self.until else None


def whims_of(plan: Plan, began: int) -> Strategy:
    """The strategy of a run that began at `began` (UTC ns)."""
    if plan.is_golden:
        return GoldenStrategy(until=began + 3 * plan.bar_s * SECOND)
    whims = plan.whims
    return Whimsical(
        seed=plan.seed,
        until=began + plan.horizon_s * SECOND,
        enter=whims.enter,
        leave=whims.leave,
        short=whims.short,
        stop_fraction=float(whims.stop_fraction),
        target_fraction=float(whims.target_fraction),
        trail_fraction=None if whims.trail_fraction is None else float(whims.trail_fraction),
        max_bars=whims.max_bars,
    )


def spoilt(quote: Quote, rng: Random) -> Quote:
    """A quote as a broken feed sends it: ten times too high, zero, negative, or crossed."""
    bid, ask = rng.choice(
        ((quote.bid * 10, quote.ask * 10), (0.0, 0.0), (-quote.bid, quote.ask), (quote.ask + 1.0, quote.bid))
    )
    return Quote(quote.symbol, quote.ts, bid, ask)


def arrivals(rng: Random, per_hour: float, until_s: int) -> Iterator[int]:
    """Times of a Poisson process in ns from its start, up to `until_s` seconds."""
    at = 0.0
    while per_hour > 0:
        at += rng.expovariate(per_hour / 3600)
        if at >= until_s:
            return
        yield int(at * SECOND)
