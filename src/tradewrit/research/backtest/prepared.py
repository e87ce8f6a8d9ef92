"""Bars made ready for many runs: what does not depend on an account is worked out once.

A sweep hands the same `Prepared` to every run. Features are shared between strategies that name the
same ones, whole conditions between strategies that differ in stops, targets, sizes or limits only.
"""

from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Final

import numpy as np

from tradewrit.domain.events.corporate import CorporateAction
from tradewrit.domain.sizing import Sizing, VolatilityTarget
from tradewrit.features.bars import Bars
from tradewrit.features.evaluate import Memory, program_key
from tradewrit.features.hours import Hours
from tradewrit.research.backtest.restating import end, restate
from tradewrit.research.backtest.schedule import Schedule
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.tape import Tape
from tradewrit.research.backtest.tracks import Indices, Track
from tradewrit.research.backtest.volatility import Volatility, volatility_of
from tradewrit.strategies.base import Signals, Strategy
from tradewrit.strategies.evaluation import Verdicts, conditions_of, formulas_of, grid_of, rows_of_verdicts

_MOST_VALUES: Final = 1 << 20
"""Values of one column that are computed side by side."""
_MOST_KEPT: Final = 4
_LARGEST_BLOCK: Final = (1 << 25) - (1 << 13)
"""Bytes; the largest by which glibc still raises its threshold (mallopt(3), M_MMAP_THRESHOLD)."""
Grid = tuple[int, int]
Voice = tuple[Grid, Hours | None]
"""What decides the formulas of a symbol: its grid and the hours of its market."""


class _Block:
    """Symbols whose columns are computed side by side: of one length and one voice."""

    def __init__(self, ranks: Sequence[int], bars: Sequence[Bars], memory: Memory | None) -> None:
        self.ranks = ranks
        self._bars = [bars[rank] for rank in ranks]
        self._memory = memory
        self._kept: dict[Hashable, tuple[Signals, Verdicts]] = {}

    def verdicts(self, strategy: Strategy, formulas: Signals, hours: Hours | None) -> Verdicts:
        """A row for each symbol."""
        if self._memory is None:
            return rows_of_verdicts(strategy, formulas, self._bars, hours=hours)
        present = conditions_of(formulas, hours)
        outputs = [condition for _, condition in present]
        key = (tuple(bit for bit, _ in present), program_key(outputs, self._memory))
        if key not in self._kept:
            found = rows_of_verdicts(strategy, formulas, self._bars, self._memory, hours)
            self._kept[key] = (formulas, found)
            for old in list(islice(self._kept, max(0, len(self._kept) - _MOST_KEPT))):
                del self._kept[old]
        return self._kept[key][1]


class Prepared:
    """Bars of all symbols by rank, and what runs over them have in common.

    is_kept: whether columns are remembered for the next run; costs their memory.
    Raises DataError as `Tape` does.
    """

    def __init__(self, bars: Sequence[Bars], *, is_kept: bool = True) -> None:
        _keep_freed_memory()
        self.tape = Tape(bars)
        self.times = self.tape.times()
        self._is_kept = is_kept
        self._blocks: dict[tuple[Voice, ...], list[tuple[Voice, _Block]]] = {}
        self._sized_by: tuple[Sizing, tuple[CorporateAction, ...]] | None = None
        self._known: list[Volatility | None] = []
        self._places: list[Indices | None] = [None] * len(bars)
        if not self.tape.is_aligned:
            self._places = [self.times.searchsorted(one.ts) for one in bars]

    def tracks(self, strategy: Strategy, setup: Setup) -> list[Track]:
        """Every symbol with what the strategy says of its bars; raises StrategyError when it cannot."""
        bars = self.tape.bars
        instruments = [setup.instrument(symbol) for symbol in self.tape.symbols]
        schedule = Schedule(setup, self.times, self.tape.interval)
        hours = [schedule.of(symbol) for symbol in self.tape.symbols]
        voices = tuple(zip(map(grid_of, instruments), hours, strict=True))
        # One instrument speaks for all of its voice.
        speakers = dict(zip(reversed(voices), reversed(instruments), strict=True))
        formulas = {voice: formulas_of(strategy, one, voice[1]) for voice, one in speakers.items()}
        verdicts: list[Verdicts] = [np.zeros(0, dtype=np.uint8)] * len(bars)
        for voice, block in self._blocks_of(voices):
            rows = block.verdicts(strategy, formulas[voice], voice[1])
            for rank, row in zip(block.ranks, rows, strict=True):
                verdicts[rank] = row
        tracks = list(map(Track, bars, instruments, verdicts, self._places))
        for track, known in zip(tracks, hours, strict=True) if setup.actions else ():
            restate(track, strategy, setup.actions, known)
            end(track, setup.actions)
        for track, known in zip(tracks, hours, strict=True) if setup.rules.sessions else ():
            track.trade_only(known)
        if isinstance(setup.sizing, VolatilityTarget):
            for track, volatility in zip(tracks, self._volatilities(setup), strict=True):
                track.volatility = volatility
        return tracks

    def _volatilities(self, setup: Setup) -> list[Volatility | None]:
        """By rank; those of the last run serve the next one that sizes as it does."""
        key = (setup.sizing, setup.actions)
        if self._sized_by != key:
            self._sized_by = key
            self._known = [volatility_of(one, *key) for one in self.tape.bars]
        return self._known

    def _blocks_of(self, voices: tuple[Voice, ...]) -> list[tuple[Voice, _Block]]:
        if voices not in self._blocks:
            alike: dict[tuple[Voice, int], list[int]] = {}
            for rank, (voice, bars) in enumerate(zip(voices, self.tape.bars, strict=True)):
                if len(bars):
                    alike.setdefault((voice, len(bars)), []).append(rank)
            self._blocks[voices] = [
                (voice, _Block(ranks[i : i + most], self.tape.bars, Memory() if self._is_kept else None))
                for (voice, length), ranks in alike.items()
                for most in (max(1, _MOST_VALUES // length),)
                for i in range(0, len(ranks), most)
            ]
        return self._blocks[voices]


def _keep_freed_memory() -> None:
    """Have the next column use the memory of the last one, instead of getting it anew from the system.

    glibc hands large blocks back when they are freed, and every page of a new one has to be cleared: a
    sixth of a run. It stops doing so up to the size of the largest block it has seen freed, and a block
    that nobody writes to costs nothing. On other systems this does nothing.
    """
    np.empty(_LARGEST_BLOCK, dtype=np.uint8)
