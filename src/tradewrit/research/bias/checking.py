"""All checks on one strategy, in order, as one report."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tradewrit.features.bars import Bars
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run as run_events
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.bias import asking, cutting, invented, luck, parameters, reading, warmup
from tradewrit.research.bias.findings import BiasReport, worst_first
from tradewrit.research.bias.reading import Access, watching
from tradewrit.research.bias.subject import Effort, Outcome, Subject
from tradewrit.research.results import Result
from tradewrit.runtime.clock import draw_journal_id
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.strategies.base import Strategy

Progress = Callable[[int, int], None]
"""Told how many steps are done, of how many."""


def check_strategy(
    strategy: Strategy,
    bars: Sequence[Bars],
    setup: Setup | None = None,
    *,
    data: Path | None = None,
    opened: Sequence[Access] = (),
    effort: Effort | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> BiasReport:
    """Everything that speaks against believing a backtest of this strategy on these bars.

    data: where the bars came from: a strategy that opens it itself is found out. opened: what was
    opened while the strategy was loaded. seed: of the samples.
    Raises StrategyError for what the strategy raises, DataError for unusable bars.
    """
    subject = Subject(strategy, bars, setup, effort=effort, seed=seed)
    work = _Work(subject, progress)
    with watching() as seen:
        outcomes = _knowledge(subject, work)
    outcomes["reading"] = Outcome(
        findings=tuple(reading.judged([*opened, *seen], data)), looked_at={"opened": len({*opened, *seen})}
    )
    base = work.backtest(strategy)
    outcomes["luck"] = luck.check(base)
    outcomes["parameters"] = parameters.check(strategy, base, work.backtest)
    work.finish()
    return BiasReport(
        strategy=strategy.name(),
        parameters=strategy.parameters(),
        symbols=tuple(one.symbol for one in bars),
        bars=subject.rows,
        findings=worst_first(finding for one in outcomes.values() for finding in one.findings),
        looked_at={name: one.looked_at for name, one in outcomes.items()},
    )


def _knowledge(subject: Subject, work: "_Work") -> dict[str, Outcome]:
    """What the strategy may know, and what it keeps."""
    if subject.strategy.is_columnar():
        outcomes = {
            "look_ahead": cutting.check(subject, work.tell),
            "warmup": warmup.check(subject, work.tell),
        }
    else:
        outcomes = {"on_bar": asking.check(subject, work.tell)}
    return {**outcomes, "invented_prices": invented.check(subject, work.tell)}


class _Work:
    """Runs backtests and counts what has been done."""

    def __init__(self, subject: Subject, progress: Progress | None) -> None:
        self._subject = subject
        self._bars = Prepared(subject.bars)
        self._progress = progress
        self._done = 0
        runs = 1 + sum(map(len, parameters.neighbours(subject.strategy).values()))
        checks: list[Any] = [invented]
        checks += [cutting, warmup] if subject.strategy.is_columnar() else [asking]
        self._total = sum(check.cost(subject) for check in checks) + runs * subject.rows

    def tell(self, steps: int) -> None:
        """So much more has been done."""
        self._done += steps
        if self._progress is not None:
            self._progress(min(self._done, self._total), self._total)

    def finish(self) -> None:
        """Nothing is left, whatever had been expected."""
        self.tell(max(0, self._total - self._done))

    def backtest(self, strategy: Strategy) -> Result:
        """The strategy over all bars, skipped through where that can be done; no event is kept."""
        start = self._done
        setup = self._subject.setup
        if skip.objection(strategy, setup) is None:
            result = skip.run(self._bars, strategy, setup)
        else:
            result = run_events(
                self._subject.bars,
                strategy,
                setup,
                journal=MemoryJournal(draw_journal_id(setup.seed), keep_records=False),
                progress=lambda rows: self.tell(start + rows - self._done),
            ).result
        self.tell(start + self._subject.rows - self._done)
        return result
