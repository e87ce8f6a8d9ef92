"""The skip engine: jumps from one thing that can happen to the next, and calls the same rules there.

Features and conditions are columns; entries, stops, targets, trails and time exits are found by
search; equity in between is a vector. Sizing, limits, fills, fees and positions are the functions
that the desk itself calls, so its results equal the event engine's to the last digit. What it leaves
out is the messages: there is no journal and nobody to ask.
"""

from collections.abc import Sequence

from tradewrit.domain.money import canonical, exactly
from tradewrit.domain.reviews import PolicyKind
from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.collect import equity_curve, in_exit_order
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.walk import Walk
from tradewrit.research.refused import by_code, halted
from tradewrit.research.results import Result
from tradewrit.runtime.clock import Stopwatch
from tradewrit.strategies.base import Strategy


def objection(strategy: Strategy, setup: Setup) -> str | None:
    """Why this run needs the event engine; None when it can be skipped through."""
    if not strategy.is_columnar():
        return f"{strategy.name()} decides in Python on every bar (on_bar)"
    if setup.review.kind is not PolicyKind.AUTOMATIC:
        return "the review policy asks people"
    return None


def run(
    bars: Sequence[Bars] | Prepared,
    strategy: Strategy,
    setup: Setup | None = None,
    *,
    load_seconds: float = 0.0,
) -> Result:
    """The same result as the event engine, at a cost that grows with trades instead of bars.

    bars: by rank; or made ready with `Prepared`, for many runs over the same ones.
    Raises ConfigError where `objection` has one, DataError and StrategyError as the event engine.
    """
    setup = setup or Setup()
    reason = objection(strategy, setup)
    if reason is not None:
        raise ConfigError(f"the skip engine cannot do this run: {reason}; use --engine events")
    watch = Stopwatch()
    with exactly():
        prepared = bars if isinstance(bars, Prepared) else Prepared(bars, is_kept=False)
        walk = Walk(prepared, strategy, setup)
        walk.walk()
        return _result(walk, strategy, load_seconds, watch)


def _result(walk: Walk, strategy: Strategy, load_seconds: float, watch: Stopwatch) -> Result:
    """What a walk came to."""
    tape, account, setup = walk.tape, walk.account, walk.setup
    return Result(
        engine="skip",
        strategy=strategy.name(),
        parameters=strategy.parameters(),
        symbols=tape.symbols,
        bars=tape.rows,
        trades=in_exit_order(walk.round_trips, tape.symbols),
        open_positions=len(account.positions),
        initial_cash=setup.initial_cash,
        final_equity=walk.worth.exactly(len(walk.times) - 1, account.base, walk.worth.units),
        fees=canonical(account.fees),
        funding=canonical(account.funding),
        curve=equity_curve(tape, walk.booked, account.books, setup.initial_cash),
        interval_ns=tape.interval,
        load_seconds=load_seconds,
        run_seconds=watch.wall(),
        run_cpu_seconds=watch.cpu(),
        currency=setup.currency,
        sizing=setup.sizing,
        refused=by_code(account.refused),
        halted=halted(account.books),
        denied={} if walk.allowance is None else walk.allowance.denied,
    )
