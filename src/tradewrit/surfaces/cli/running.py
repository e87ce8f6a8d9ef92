"""The work behind `tradewrit backtest`: bars from a file, a journal in its place, a run, its figures.

Imports the engine, so commands import it when they are called.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError, JournalUnwritable
from tradewrit.features.bars import Bars
from tradewrit.market.selection import Selection
from tradewrit.market.store import read_bars
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.calendars import with_calendars
from tradewrit.research.backtest.corporate import in_last_shares
from tradewrit.research.backtest.quotes import check_quotes
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.early_ends import early_ends
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.metrics.benchmark import bars_of
from tradewrit.research.no_trades import why_no_trades
from tradewrit.research.refused import stopped_short
from tradewrit.research.results import Result
from tradewrit.runtime.clock import Stopwatch, SystemClock, draw_journal_id
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.strategies import load_strategy
from tradewrit.strategies.base import Strategy
from tradewrit.surfaces.cli.engines import Engine
from tradewrit.surfaces.cli.errors import explain
from tradewrit.surfaces.cli.figures import WhyNot
from tradewrit.surfaces.cli.output import progress
from tradewrit.surfaces.cli.prices import adjusted_prices, with_funding_of

_FEWEST_TICKS: Final = 100


class Done(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A finished backtest: its result and figures, the bars it saw, and what kept ideas from trading.

    shown: the result with trades restated in the shares of the last bar, to be drawn beside `known`.
    counts: how often each event was journalled; empty when there were none to count.
    known: every symbol whose bars its figures rest on: those traded, and the one it was judged against.
    notes: sentences to print beside the figures, such as why nothing traded.
    """

    result: Result
    shown: Result
    counts: Mapping[str, int]
    metrics: Metrics
    bars: Sequence[Bars]
    known: Mapping[str, Bars]
    why_not: WhyNot
    notes: tuple[str, ...]


def run_backtest(
    config: Config,
    setup: Setup,
    data: Path,
    selection: Selection,
    journal: Path | None,
    *,
    show_progress: bool,
    benchmark: str | None = None,
    risk_free: float = 0.0,
    engine: Engine = Engine.AUTO,
) -> Done:
    """Read the bars, run the strategy over them, and judge the result.

    selection: which bars. journal: a file that does not exist yet; None for memory. benchmark: a symbol
    of the data to judge against, traded or not; None for buy and hold of what is traded. risk_free: yearly
    rate, a fraction. engine: auto skips through what it can, and walks event by event where a journal is
    wanted, where the run needs it, and where nothing traded, to say why.

    Raises DataError, StrategyError, and JournalUnwritable for a disk that is full.
    """
    strategy = load_strategy(config.strategy.name, config.strategy.parameters)
    watch = Stopwatch()
    everything = read_bars(data, msgspec.structs.replace(selection, symbols=None))
    against = None if benchmark is None else bars_of(benchmark, {one.symbol: one for one in everything})
    selection.check_symbols(str(data), [one.symbol for one in everything])
    bars = [one for one in everything if selection.wants(one.symbol)]
    check_quotes(bars, setup.rules, str(data))
    adjusted = adjusted_prices(bars, setup, config.data)
    drawn = bars
    if adjusted is not None:
        bars, drawn, setup = adjusted.bars, adjusted.drawn, adjusted.setup
        if against is not None:
            against = adjusted.as_drawn(against)
    setup = with_calendars(bars, with_funding_of(bars, setup, config.data), strategy)
    load_seconds = watch.wall()
    _warn_of_ticks(bars, setup)
    why_not = WhyNot()
    result = _skipped(engine, bars, strategy, setup, journal, load_seconds)
    total = sum(len(one) for one in bars)
    counts: Mapping[str, int] = {}
    if result is None:
        from tradewrit.research.backtest.events import run

        with _journal(journal, config.seed) as kept, progress("bars", total) as advance:
            done = run(
                bars,
                strategy,
                setup,
                journal=kept,
                progress=advance if show_progress else None,
                load_seconds=load_seconds,
                listeners=(why_not,),
            )
        result, counts = done.result, done.counts
    known = {one.symbol: one for one in drawn} | ({} if against is None else {against.symbol: against})
    shown = in_last_shares(result, setup.actions)
    metrics = compute(shown, risk_free=risk_free, bars=known, benchmark=benchmark)
    notes = why_no_trades(
        result,
        strategy,
        bars,
        setup,
        counts=counts,
        limits=list(why_not.limits),
        held=list(why_not.held),
        rejected=why_not.rejected,
    )
    return Done(
        result=result,
        shown=shown,
        counts=counts,
        metrics=metrics,
        bars=bars,
        known=known,
        why_not=why_not,
        notes=(*notes, *early_ends(result, bars), *stopped_short(result)),
    )


def _skipped(
    engine: Engine,
    bars: list[Bars],
    strategy: Strategy,
    setup: Setup,
    journal: Path | None,
    load_seconds: float,
) -> Result | None:
    """The result of the skip engine where it is wanted and can; None for the event engine.

    Raises ConfigError when it is asked for by name and cannot.
    """
    if engine is Engine.EVENTS:
        return None
    if engine is Engine.SKIP:
        if journal is not None:
            raise ConfigError("the skip engine keeps no journal: leave out --journal, or use --engine events")
        return skip.run(bars, strategy, setup, load_seconds=load_seconds)
    if journal is not None or skip.objection(strategy, setup) is not None:
        return None
    result = skip.run(bars, strategy, setup, load_seconds=load_seconds)
    return result if result.trades else None


def _warn_of_ticks(bars: list[Bars], setup: Setup) -> None:
    """A price of a few ticks has no room for a stop: nearly always an instrument that nobody defined."""
    coarse = []
    for one in bars:
        tick, price = setup.instrument(one.symbol).tick, median(one.close[:: len(one) // 500 + 1].tolist())
        if price < _FEWEST_TICKS * float(tick):
            coarse.append(f"{one.symbol} trades near {price:.6g} in ticks of {tick}")
    if coarse:
        shown = ", ".join(coarse[:3]) + (f" and {len(coarse) - 3} more" if len(coarse) > 3 else "")
        explain(
            f"{shown}: too coarse for a stop; set the tick under `instruments` in --config", is_warning=True
        )


@contextmanager
def _journal(path: Path | None, seed: int) -> Iterator[Journal]:
    journal_id = draw_journal_id(seed)
    if path is None:
        from tradewrit.runtime.journal.memory import MemoryJournal

        # Nobody can read it once the command is over: heads are enough, and memory stays small.
        yield MemoryJournal(journal_id, keep_records=False)
        return
    from tradewrit.runtime.journal.sqlite import SqliteJournal

    journal = SqliteJournal.open(
        path,
        id=journal_id,
        created_at=SystemClock().now(),
        synchronous="NORMAL",  # a backtest can be run again: nothing is worth waiting for the disk
    )
    try:
        yield journal
        journal.close()
    except JournalUnwritable as error:
        # What it holds is the evidence of how far the run came.
        journal.close()
        raise JournalUnwritable(
            f"{error}; what was recorded until then is whole, see `tradewrit journal verify {path}`"
        ) from error
    except BaseException:
        # The journal of a run without a result would only be in the way of the next one.
        journal.close()
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        raise
