"""What a sweep asks for and what it hears back: jobs go out, outcomes come in, both are plain values."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from tradewrit.features.bars import Floats
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.sweep.deflated import Moments
from tradewrit.research.sweep.walk_forward import Leg

Value = bool | int | float | str | None
"""What a parameter can be."""

OBJECTIVES: Final = (
    *("sharpe", "sortino", "calmar", "total_return", "cagr", "max_drawdown", "profit_factor", "expectancy"),
    *("sqn", "win_rate"),
)
"""Figures a sweep can look for the highest of; a drawdown is negative, so the highest is the shallowest."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """A backtest in a row of a table; each figure is the one of that name in `metrics.Metrics`.

    skewness, kurtosis: of the daily returns that the Sharpe ratio is made of; 0 and 3 for normal ones.
    """

    engine: str
    trades: int
    open_positions: int
    final_equity: Decimal
    fees: Decimal
    total_return: float | None
    cagr: float | None
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    max_drawdown: float
    exposure: float | None
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    sqn: float | None
    samples: int
    periods_per_year: float | None
    skewness: float
    kurtosis: float

    def objective(self, name: str) -> float | None:
        """The figure that is looked for; None where it is undefined, and always without a trade."""
        found: float | None = getattr(self, name)
        return found if self.trades else None

    @property
    def moments(self) -> Moments | None:
        """What the deflated Sharpe ratio needs; None without a Sharpe ratio."""
        if self.sharpe is None or self.periods_per_year is None or not self.trades:
            return None
        return Moments(
            count=self.samples - 1,
            sharpe=self.sharpe / self.periods_per_year**0.5,
            skewness=self.skewness,
            kurtosis=self.kurtosis,
        )


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One point and the legs it is to run on.

    trial: its number. parameters: of the strategy, as text or as a configuration holds them.
    """

    trial: int
    parameters: Mapping[str, object]
    setup: Setup
    legs: tuple[Leg, ...]


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """A run that ended: figures, or the error that it failed with.

    returns: one per day, as fractions; kept of out-of-sample legs, whose days are strung together.
    seconds: on the wall, of the first time where it is kept from before.
    """

    figures: Figures | None = None
    returns: tuple[float, ...] = ()
    error: str = ""
    seconds: float = 0.0


class Outcome(msgspec.Struct, frozen=True):
    """What came of one leg of a job. ran: None when its worker died, so that nothing can be said of it."""

    trial: int
    leg: Leg
    ran: Ran | None


def shape_of(returns: Floats) -> tuple[float, float]:
    """Skewness and kurtosis (third and fourth standardised moments); those of a normal without any spread.

    >>> shape_of(np.array([1.0, 2.0, 3.0]))[0]
    0.0
    """
    if len(returns) < 2:
        return 0.0, 3.0
    away = returns - returns.mean()
    square = float(np.mean(away**2))
    if not square > 0.0:
        return 0.0, 3.0
    return float(np.mean(away**3)) / square**1.5, float(np.mean(away**4)) / square**2
