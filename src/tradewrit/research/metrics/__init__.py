"""How good a backtest was: every figure with its formula, source and unit in `docs/reference/metrics.md`.

Ratios and returns are fractions (0.05 is five in a hundred) under their usual names, because
`sharpe`, `win_rate` and `max_drawdown` are what readers and scripts look for. A figure that the
data do not define (no trade, no loss, one bar, a curve that never moves) is None, never NaN.
Knows no engine and no picture.
"""

from tradewrit.research.metrics.figures import Drawdown, Group, Metrics, PeriodReturn
from tradewrit.research.metrics.judging import compute

__all__ = ["Drawdown", "Group", "Metrics", "PeriodReturn", "compute"]
