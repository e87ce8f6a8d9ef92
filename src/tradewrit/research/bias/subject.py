"""What is checked: a strategy, the bars it is checked on, and how much work that may be."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final

import msgspec
import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from tradewrit.features.bars import Bars
from tradewrit.features.hours import Hours
from tradewrit.research.backtest.schedule import Schedule, schedule_of
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.bias.findings import Finding
from tradewrit.strategies.base import Strategy

Tell = Callable[[int], None]
"""Told how many bars have been worked through since it was last told."""

_COLUMNS: Final = ("ts", "open", "high", "low", "close", "volume")


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How much is looked at.

    walked: bars, over all symbols, that are gone through one at a time. cuts: times each symbol's
    history is cut off. starts: times it begins later. asked: bars of each symbol on which `on_bar` is
    asked again, out of order.
    """

    walked: int = 100_000
    cuts: int = 32
    starts: int = 8
    asked: int = 120


class Subject:
    """A strategy and its bars.

    walked: the bars that are gone through one at a time, each symbol's first. setup: account, limits,
    venue. seed: of the samples that are drawn.
    """

    def __init__(
        self,
        strategy: Strategy,
        bars: Iterable[Bars],
        setup: Setup | None = None,
        *,
        effort: Effort | None = None,
        seed: int = 0,
    ) -> None:
        self.strategy = strategy
        self.bars = tuple(bars)
        self.setup = setup or Setup()
        self.effort = effort or Effort()
        self._seed = seed

    @cached_property
    def rows(self) -> int:
        """Bars over all symbols."""
        return sum(len(one) for one in self.bars)

    @cached_property
    def walked(self) -> tuple[Bars, ...]:
        """The first bars of each symbol, in equal shares of what the effort allows; copies."""
        most = max(1, self.effort.walked // max(1, len(self.bars)))
        return tuple(owned(one, 0, min(len(one), most)) for one in self.bars if len(one))

    @cached_property
    def walked_rows(self) -> int:
        """Bars in `walked`."""
        return sum(len(one) for one in self.walked)

    def hours(self, symbol: str) -> Hours | None:
        """When a symbol's market is open, by all of its bars, however many are looked at."""
        return self._schedule.of(symbol)

    @cached_property
    def _schedule(self) -> Schedule:
        return schedule_of(self.setup, self.bars)

    def chance(self, name: str) -> Generator:
        """A generator for one consumer, the same on every run."""
        return Generator(PCG64(SeedSequence([self._seed, *name.encode()])))


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found, and what it measured on the way."""

    findings: tuple[Finding, ...] = ()
    looked_at: dict[str, Any] = {}


def owned(bars: Bars, start: int, stop: int) -> Bars:
    """The bars from `start` to before `stop`, in memory that holds nothing else; writable."""
    return bars.take(np.arange(start, stop))


def same_bars(a: Bars, b: Bars) -> bool:
    """Whether every number of both is the same."""
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in _COLUMNS)


def sample(length: int, near: NDArray[np.intp], count: int, chance: Generator) -> list[int]:
    """At most `count` rising places in 0..length-1: half of them among `near`, the rest anywhere."""
    some = chance.choice(near, min(len(near), count // 2), replace=False) if len(near) else near
    rest = chance.choice(length, min(length, count - len(some)), replace=False)
    return sorted({*map(int, some), *map(int, rest)})
