"""What may be believed of a sweep: its best point against luck, and on data it was not chosen on."""

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Final

import msgspec
import numpy as np

from tradewrit.features.bars import Floats
from tradewrit.research.metrics.returns import NOISE
from tradewrit.research.sweep.deflated import Luck, Moments, luck_of, probabilistic_sharpe
from tradewrit.research.sweep.runs import Figures, Value, shape_of
from tradewrit.research.sweep.sweeping import Swept, Trial
from tradewrit.research.sweep.walk_forward import Leg, Part

_FEWEST_RANKED: Final = 3


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """A point on one side of the split, over all its splits: in sample, or out of it.

    score, sharpe, total_return: means of the splits that have one. max_drawdown: the deepest.
    trades: the sum. splits: on how many it ran.
    """

    score: float | None
    sharpe: float | None
    total_return: float | None
    max_drawdown: float | None
    trades: int
    splits: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One point as a row of the result table.

    is_eligible: whether it has a score and trades enough on every in-sample part it ran on. error: of the
    first run that failed.
    """

    number: int
    values: dict[str, Value]
    inside: Side
    outside: Side | None
    is_eligible: bool
    error: str


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What one split chose on its train part, and how that did on its test part.

    trials: tried on the train part, earlier sweeps among them. best_by_luck: Sharpe ratio a year.
    """

    split: int
    train: Leg
    test: Leg | None
    number: int
    values: dict[str, Value]
    score: float
    inside: Figures
    outside: Figures | None
    score_outside: float | None
    luck: Luck | None
    best_by_luck: float | None


class Strung(msgspec.Struct, frozen=True, kw_only=True):
    """The tests of all splits, one after the other, each traded with what its own split had chosen.

    equity: growth of 1, one point per day, from the first day's start. starts: for each test, the point at
    which it begins, and the first bar's time, UTC ns. skill: the probability that the true
    Sharpe ratio is above 0, as of a single trial, which it is: nobody chose among walks.
    """

    equity: tuple[float, ...]
    starts: tuple[tuple[int, int], ...]
    total_return: float
    sharpe: float | None
    max_drawdown: float
    trades: int
    days: int
    skill: float | None


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """All of it.

    rows: by trial. best: number of the best point in sample, None when none is eligible. choices: one per
    split; of a sweep without splits, the best. agreement: Spearman's rank correlation of the points' scores
    in and out of sample, the mean over the splits.
    """

    rows: tuple[Row, ...]
    best: int | None
    choices: tuple[Choice, ...]
    strung: Strung | None
    agreement: float | None


def judge(swept: Swept) -> Judgement:
    """Judge a sweep, finished or not."""
    rows = tuple(_row(swept, trial) for trial in swept.trials)
    splits = dict.fromkeys(leg.split for leg in swept.legs)
    choices = tuple(choice for split in splits if (choice := _choice(swept, split)) is not None)
    eligible = [row for row in rows if row.is_eligible and row.inside.score is not None]
    best = max(eligible, key=lambda row: (row.inside.score, -row.number), default=None)
    return Judgement(
        rows=rows,
        best=None if best is None else best.number,
        choices=choices,
        strung=_strung(swept, choices),
        agreement=_agreement(swept),
    )


def _row(swept: Swept, trial: Trial) -> Row:
    objective, least = swept.request.objective, swept.request.least_trades
    legs = [leg for leg in swept.legs if (leg.split, leg.part) in trial.ran]
    inside = [leg for leg in legs if leg.part is not Part.OUT_OF_SAMPLE]
    outside = [leg for leg in legs if leg.part is Part.OUT_OF_SAMPLE]
    errors = (ran.error for ran in trial.ran.values() if ran.error)
    return Row(
        number=trial.number,
        values=trial.values,
        inside=_side(trial, inside, objective),
        outside=_side(trial, outside, objective) if swept.request.plan is not None else None,
        is_eligible=bool(inside) and all(trial.score(leg, objective, least) is not None for leg in inside),
        error=next(errors, ""),
    )


def _side(trial: Trial, legs: Sequence[Leg], objective: str) -> Side:
    ran = [one for leg in legs if (one := trial.figures(leg.split, leg.part)) is not None]
    return Side(
        score=_mean(one.objective(objective) for one in ran),
        sharpe=_mean(one.objective("sharpe") for one in ran),
        total_return=_mean(one.total_return for one in ran),
        max_drawdown=min((one.max_drawdown for one in ran), default=None),
        trades=sum(one.trades for one in ran),
        splits=len(ran),
    )


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _choice(swept: Swept, split: int) -> Choice | None:
    """The point with the highest score on the split's train part; the first of equals. None without any."""
    objective, least = swept.request.objective, swept.request.least_trades
    train, *tests = [leg for leg in swept.legs if leg.split == split]
    scored = [
        (score, trial)
        for trial in swept.trials
        if (score := trial.score(train, objective, least)) is not None
    ]
    if not scored:
        return None
    score, trial = max(scored, key=lambda pair: (pair[0], -pair[1].number))
    inside = trial.figures(split, train.part)
    assert inside is not None  # noqa: S101 - it has a score
    outside = trial.figures(split, tests[0].part) if tests else None
    luck, scale = _luck(swept, train, inside), math.sqrt(inside.periods_per_year or 0.0)
    return Choice(
        split=split,
        train=train,
        test=tests[0] if tests else None,
        number=trial.number,
        values=trial.values,
        score=score,
        inside=inside,
        outside=outside,
        score_outside=None if outside is None else outside.objective(objective),
        luck=luck,
        best_by_luck=None if luck is None else luck.expected * scale,
    )


def _luck(swept: Swept, train: Leg, best: Figures) -> Luck | None:
    """The chosen one's Sharpe ratio against everything that was ever tried on these bars."""
    if best.moments is None:
        return None
    found = (trial.figures(train.split, train.part) for trial in swept.trials)
    tried = [*swept.earlier.get(train.split, ()), *(one for one in found if one is not None)]
    ratios = [one.moments.sharpe for one in tried if one.moments is not None]
    return luck_of(best.moments, ratios, len(tried))


def _strung(swept: Swept, choices: Sequence[Choice]) -> Strung | None:
    """None without tests."""
    tested = [choice for choice in choices if choice.outside is not None]
    if not tested:
        return None
    trials = {trial.number: trial for trial in swept.trials}
    daily = [trials[one.number].ran[one.split, Part.OUT_OF_SAMPLE].returns for one in tested]
    returns = np.array([value for part in daily for value in part])
    before = np.cumsum([0, *map(len, daily)]).tolist()
    begins = [one.test.stretch.since for one in tested if one.test is not None]
    equity = np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    years = next((one.outside.periods_per_year for one in tested if one.outside), None)
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    ratio = float(returns.mean()) / spread if spread > NOISE else None
    skewness, kurtosis = shape_of(returns)
    return Strung(
        equity=tuple(equity.tolist()),
        starts=tuple(zip(before, begins, strict=False)),
        total_return=float(equity[-1]) - 1.0,
        sharpe=None if ratio is None or years is None else ratio * math.sqrt(years),
        max_drawdown=float((equity / np.maximum.accumulate(equity) - 1.0).min()),
        trades=sum(one.outside.trades for one in tested if one.outside),
        days=len(returns),
        skill=None
        if ratio is None
        else probabilistic_sharpe(
            Moments(count=len(returns), sharpe=ratio, skewness=skewness, kurtosis=kurtosis)
        ),
    )


def _agreement(swept: Swept) -> float | None:
    """The mean over the splits; None where none has three points to rank and something to tell them apart."""
    found = (_agreement_in(swept, split) for split in dict.fromkeys(leg.split for leg in swept.legs))
    return _mean(found)


def _agreement_in(swept: Swept, split: int) -> float | None:
    pairs = []
    for trial in swept.trials:
        sides = [trial.figures(split, part) for part in (Part.IN_SAMPLE, Part.OUT_OF_SAMPLE)]
        scores = [one.objective(swept.request.objective) for one in sides if one is not None]
        if len(scores) == 2 and None not in scores:
            pairs.append(scores)
    if len(pairs) < _FEWEST_RANKED:
        return None
    inside, outside = (_ranks(np.array(column, dtype=np.float64)) for column in zip(*pairs, strict=True))
    if min(float(inside.std()), float(outside.std())) <= NOISE:
        return None
    return float(np.corrcoef(inside, outside)[0, 1])


def _ranks(values: Floats) -> Floats:
    """Place of each among all; equals share the mean of their places."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle = last - (counts - 1) / 2.0
    return np.asarray(middle[inverse], dtype=np.float64)
