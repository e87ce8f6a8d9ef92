"""Runs jobs: the bars made ready once, features shared between runs, one engine or the other.

What every worker holds, wherever it is: in this process, in another one, on another machine.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tradewrit.errors import StrategyError, TradewritError
from tradewrit.features.bars import Bars
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run as run_events
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.window import Stretch, Window
from tradewrit.research.metrics.drawdowns import underwater
from tradewrit.research.metrics.returns import gain, ratios, returns_of, yearly_rate
from tradewrit.research.metrics.sampling import daily_rows, years_spanned
from tradewrit.research.metrics.trades import trade_figures
from tradewrit.research.results import EquityCurve, Result
from tradewrit.research.sweep.runs import Figures, Job, Outcome, Ran, shape_of
from tradewrit.research.sweep.walk_forward import Leg, Part
from tradewrit.runtime.clock import Stopwatch, draw_journal_id
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.strategies import strategy_class, with_parameters
from tradewrit.strategies.base import Strategy

Days = NDArray[np.intp]
_FROM_TRADES = ("trades", "win_rate", "profit_factor", "expectancy", "sqn")
_FROM_CURVE = ("volatility", "sharpe", "sortino", "samples", "periods_per_year")


class Runner:
    """The bars of a sweep and its strategy's class.

    strategy: a name or the path of a `.py` file. Raises DataError and StrategyError.
    """

    def __init__(self, bars: Sequence[Bars], strategy: str) -> None:
        self._bars = tuple(bars)
        self._whole = Prepared(self._bars)
        self._kind = strategy_class(strategy)
        self._windows: dict[Stretch, Window] = {}
        self._days: dict[Stretch, Days] = {}

    def run(self, job: Job) -> Iterator[Outcome]:
        """Every leg of a job, one after the other. What fails is an outcome too, and the next leg is run."""
        for leg in job.legs:
            yield Outcome(job.trial, leg, self._ran(job, leg))

    def _ran(self, job: Job, leg: Leg) -> Ran:
        watch = Stopwatch()
        try:
            figures, returns = self._judged(self._result(self._made(job), job.setup, leg), leg)
        except TradewritError as error:
            return Ran(error=str(error), seconds=watch.wall())
        return Ran(figures=figures, returns=returns, seconds=watch.wall())

    def _made(self, job: Job) -> Strategy:
        try:
            return with_parameters(self._kind, job.parameters)
        except TradewritError:
            raise
        except Exception as raised:  # an author's class may raise anything while it is made
            raise StrategyError(f"{self._kind.name()} raised {type(raised).__name__}: {raised}") from raised

    def _result(self, strategy: Strategy, setup: Setup, leg: Leg) -> Result:
        is_whole = leg.part is Part.WHOLE
        if skip.objection(strategy, setup) is None:
            return skip.run(self._whole if is_whole else self._window(leg.stretch), strategy, setup)
        return run_events(
            self._bars,
            strategy,
            setup,
            journal=MemoryJournal(draw_journal_id(setup.seed), keep_records=False),
            stretch=None if is_whole else leg.stretch,
        ).result

    def _window(self, stretch: Stretch) -> Window:
        if stretch not in self._windows:
            self._windows[stretch] = Window(self._whole, stretch)
        return self._windows[stretch]

    def _judged(self, result: Result, leg: Leg) -> tuple[Figures, tuple[float, ...]]:
        curve = result.curve
        if leg.stretch not in self._days:
            self._days[leg.stretch] = daily_rows(curve.ts)
        days = self._days[leg.stretch]
        daily = EquityCurve(curve.ts[days], curve.equity[days], curve.exposure[days])
        has_returns = len(daily) > 1 and bool((daily.equity > 0).all())
        returns = returns_of(daily.equity) if has_returns else np.zeros(0)
        kept = tuple(returns.tolist()) if leg.part is Part.OUT_OF_SAMPLE else ()
        return figures_of(result, daily, shape_of(returns)), kept


def figures_of(result: Result, daily: EquityCurve, shape: tuple[float, float]) -> Figures:
    """The figures of `metrics.compute` that a table of runs shows; the costly ones are left out.

    daily: the curve at its daily samples, which every ratio reads anyway. shape: skewness and kurtosis.
    """
    growth = gain(result.initial_cash, result.final_equity)
    cagr = yearly_rate(growth, years_spanned(result.curve.ts))
    fell = float(underwater(float(result.initial_cash), result.curve.equity).min())
    from_trades, from_curve = trade_figures(result.trades), ratios(daily, 0.0)
    return Figures(
        engine=result.engine,
        open_positions=result.open_positions,
        final_equity=result.final_equity,
        fees=result.fees,
        total_return=growth,
        cagr=cagr,
        calmar=None if cagr is None or not fell else cagr / -fell,
        max_drawdown=fell,
        exposure=float(np.abs(result.curve.exposure).mean()),
        skewness=shape[0],
        kurtosis=shape[1],
        **{name: from_trades[name] for name in _FROM_TRADES},
        **{name: from_curve[name] for name in _FROM_CURVE},
    )
