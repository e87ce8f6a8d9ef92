"""How much of a Sharpe ratio is left when one knows that it is the best of many.

Bailey, D. H. and Lopez de Prado, M. (2014): The Deflated Sharpe Ratio: Correcting for Selection Bias,
Backtest Overfitting and Non-Normality. Journal of Portfolio Management 40 (5), 94-107. Ratios here are per
sample (a day's return), not annualised, as in the paper.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist, variance
from typing import Final

import msgspec

SKILL: Final = 0.95
"""The deflated ratio from which a result is told from luck, as usual at 5 %."""
_EULER: Final = 0.5772156649015329
_NORMAL: Final = NormalDist()


class Moments(msgspec.Struct, frozen=True, kw_only=True):
    """The returns of one backtest. sharpe: mean over standard deviation (n - 1), per sample.

    count: of returns. skewness: 0 for a symmetric distribution. kurtosis: 3 for a normal one.
    """

    count: int
    sharpe: float
    skewness: float = 0.0
    kurtosis: float = 3.0


def probabilistic_sharpe(found: Moments, benchmark: float = 0.0) -> float | None:
    """The probability that the true ratio is above `benchmark`; None when the moments allow no answer.

    Z[(SR - SR*) sqrt(T - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR**2)], equation (2) of the paper, where Z is
    the normal distribution, T the count, g3 the skewness and g4 the kurtosis.
    """
    spread = 1.0 - found.skewness * found.sharpe + (found.kurtosis - 1.0) / 4.0 * found.sharpe**2
    if found.count < 2 or not spread > 0.0:
        return None
    return _NORMAL.cdf((found.sharpe - benchmark) * math.sqrt(found.count - 1) / math.sqrt(spread))


def expected_best(trials: int, spread: float) -> float:
    """The highest ratio that `trials` independent trials without skill are expected to show.

    spread: standard deviation of the ratio among the trials.
    spread * ((1 - c) Z^-1[1 - 1/N] + c Z^-1[1 - 1/(N e)]) with c the Euler-Mascheroni constant, equation (1)
    of the paper; 0 for a single trial, which nobody chose.
    """
    if trials < 2:
        return 0.0
    first, second = (_NORMAL.inv_cdf(1.0 - 1.0 / (trials * scale)) for scale in (1.0, math.e))
    return spread * ((1.0 - _EULER) * first + _EULER * second)


class Luck(msgspec.Struct, frozen=True, kw_only=True):
    """A best trial held against what luck does among as many.

    trials: all that were made, without a ratio too. expected: the best ratio by luck alone, per sample.
    deflated: the probability that the true ratio of the best is above 0 given that it was chosen; None when
    the returns do not allow an answer.
    """

    trials: int
    expected: float
    deflated: float | None

    @property
    def is_skill(self) -> bool:
        """Whether the best is told from luck."""
        return self.deflated is not None and self.deflated >= SKILL


def luck_of(best: Moments, ratios: Sequence[float], trials: int) -> Luck:
    """Deflate the ratio of the best trial.

    ratios: per sample, of every trial that has one, the best among them. Trials that resemble each other
    count in full, so what is called skill here would be with fewer independent ones as well.
    """
    expected = expected_best(trials, math.sqrt(variance(ratios)) if len(ratios) > 1 else 0.0)
    return Luck(trials=trials, expected=expected, deflated=probabilistic_sharpe(best, expected))
