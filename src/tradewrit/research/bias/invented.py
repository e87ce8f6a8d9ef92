"""Whether a strategy knows prices that it was not given: give it invented ones and see.

The same times, with the real bars' moves in another order. Nothing in them tells what really
followed, so what a strategy says of them cannot foretell the real prices, unless it has them from
elsewhere: a file, a table in its code.
"""

from typing import Any, Final

import msgspec
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.signals import Verdict
from tradewrit.errors import StrategyError
from tradewrit.features.bars import Bars, Floats
from tradewrit.features.hours import Hours
from tradewrit.research.bias.asking import answer
from tradewrit.research.bias.findings import Finding, Kind, Severity
from tradewrit.research.bias.subject import Outcome, Subject, Tell
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import Columns

_AHEAD: Final = (1, 5, 20)
_LEAST: Final = 20  # answers; fewer prove nothing
_SIGMAS: Final = 5.0
_BEYOND: Final = 0.15  # of the answers more than chance would have right
_TOO_GOOD: Final = 0.3
_ALL_SAME: Final = 0.99

Verdicts = NDArray[np.uint8]


class _Score(msgspec.Struct, frozen=True, kw_only=True):
    """How often answers had the real move right, `ahead` bars later. chance: of an answer made blindly."""

    ahead: int
    answers: int
    right: int
    chance: float

    @property
    def share(self) -> float:
        return self.right / self.answers

    @property
    def sigmas(self) -> float:
        """Standard deviations above chance: the normal approximation of a binomial test."""
        spread = (self.chance * (1.0 - self.chance) / self.answers) ** 0.5
        return (self.share - self.chance) / spread if spread else 0.0

    def told(self) -> str:
        """For people."""
        bars = "bar" if self.ahead == 1 else f"{self.ahead} bars"
        return (
            f"{self.share:.0%} of {self.answers:,} answers are right about the next {bars}, "
            f"by chance {self.chance:.0%}"
        )

    def numbers(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "answers": self.answers,
            "right_fraction": self.share,
            "chance_fraction": self.chance,
            "sigmas": self.sigmas,
            "bars_ahead": self.ahead,
        }


def cost(subject: Subject) -> int:
    """Bars to be worked through."""
    return subject.walked_rows


def check(subject: Subject, tell: Tell) -> Outcome:
    """Foreknowledge, and answers that do not depend on prices at all."""
    told: list[tuple[Bars, Verdicts]] = []
    on_real: list[tuple[Bars, Verdicts]] = []
    same, speaking = 0, 0
    for bars in subject.walked:
        instrument, hours = subject.setup.instrument(bars.symbol), subject.hours(bars.symbol)
        fake = invented(bars, subject.chance(f"invented {bars.symbol}"))
        try:
            said = verdicts(subject.strategy, instrument, fake, hours)
        except StrategyError as error:
            return Outcome(findings=(_not_checked(error),))
        real = verdicts(subject.strategy, instrument, bars, hours)
        told.append((bars, said))
        on_real.append((bars, real))
        speaks = ((said | real) != 0) & (fake.close != bars.close)
        same += int(((said == real) & speaks).sum())
        speaking += int(speaks.sum())
        tell(len(bars))
    looked_at: dict[str, Any] = {"answers": speaking, "same_as_on_real_prices": same}
    findings = []
    if knowing := _best(told, _BEYOND):
        findings.append(_foreknowledge(knowing))
    elif knowing := _best(on_real, _TOO_GOOD):
        findings.append(_too_good(knowing))
    if speaking >= _LEAST and same >= _ALL_SAME * speaking:
        findings.append(_blind(same, speaking))
    return Outcome(findings=tuple(findings), looked_at=looked_at)


def invented(bars: Bars, chance: Generator) -> Bars:
    """The bars with their moves in another order: same times, same first close, same set of returns."""
    if len(bars) < 2:
        return bars
    order = 1 + chance.permutation(len(bars) - 1)
    before = bars.close[:-1][order - 1]
    level = bars.close[0] * np.cumprod(bars.close[order] / before)
    start = np.concatenate([bars.close[:1], level[:-1]])

    def moved(column: Floats) -> Floats:
        return np.concatenate([column[:1], start * (column[order] / before)])

    volume = np.concatenate([bars.volume[:1], bars.volume[order]])
    open_, high, low, close = map(moved, (bars.open, bars.high, bars.low, bars.close))
    return Bars(bars.symbol, bars.ts.copy(), open_, high, low, close, volume)


def verdicts(strategy: Strategy, instrument: Instrument, bars: Bars, hours: Hours | None = None) -> Verdicts:
    """What a strategy says on every bar, as bits of `Verdict`; raises StrategyError."""
    if strategy.is_columnar():
        return Columns(strategy, instrument, bars, hours).verdicts
    said = (answer(strategy, bars.head(i + 1)) for i in range(len(bars)))
    return np.fromiter((0 if one is None else one.verdict for one in said), np.uint8, len(bars))


def _best(told: list[tuple[Bars, Verdicts]], beyond: float) -> _Score | None:
    """The surest of the scores that chance does not explain; None without one."""
    scores = [one for one in (_score(told, ahead) for ahead in _AHEAD) if one is not None]
    knowing = [one for one in scores if one.sigmas >= _SIGMAS and one.share - one.chance >= beyond]
    return max(knowing, key=lambda one: one.sigmas, default=None)


def _score(told: list[tuple[Bars, Verdicts]], ahead: int) -> _Score | None:
    """Answers that do not overlap, held against the real move over the next `ahead` bars."""
    answers, right, by_chance = 0, 0, 0.0
    for bars, said in told:
        if len(bars) <= ahead:
            continue
        moves = np.sign(bars.close[ahead:] - bars.close[:-ahead])
        directions = _directions(said)[:-ahead]
        places = _apart(np.flatnonzero(directions), ahead)
        ups, downs = float((moves > 0).mean()), float((moves < 0).mean())
        longs = int((directions[places] > 0).sum())
        answers += len(places)
        right += int((directions[places] == moves[places]).sum())
        by_chance += longs * ups + (len(places) - longs) * downs
    if answers < _LEAST:
        return None
    return _Score(ahead=ahead, answers=answers, right=right, chance=by_chance / answers)


def _directions(said: Verdicts) -> NDArray[np.int8]:
    """+1 where it asks to be long or out of a short, -1 for the opposite, 0 for neither or both."""
    up = (said & np.uint8(Verdict.ENTER_LONG | Verdict.LEAVE_SHORT)) != 0
    down = (said & np.uint8(Verdict.ENTER_SHORT | Verdict.LEAVE_LONG)) != 0
    directions: NDArray[np.int8] = up.astype(np.int8) - down.astype(np.int8)
    return directions


def _apart(places: NDArray[np.intp], step: int) -> NDArray[np.intp]:
    """As many of the rising places as lie at least `step` apart."""
    if step == 1:
        return places
    kept: list[int] = []
    for place in places.tolist():
        if not kept or place - kept[-1] >= step:
            kept.append(place)
    return np.array(kept, dtype=np.intp)


def _foreknowledge(score: _Score) -> Finding:
    return Finding(
        kind=Kind.FOREKNOWLEDGE,
        severity=Severity.ERROR,
        message=f"given invented prices, it still foretells the real ones: {score.told()}",
        numbers=score.numbers(),
    )


def _too_good(score: _Score) -> Finding:
    return Finding(
        kind=Kind.FOREKNOWLEDGE,
        severity=Severity.WARNING,
        message=f"too good to be true: {score.told()}; either these prices are made up, or it knows them",
        numbers=score.numbers(),
    )


def _blind(same: int, speaking: int) -> Finding:
    return Finding(
        kind=Kind.PRICE_BLIND,
        severity=Severity.INFO,
        message=f"it says the same on invented prices as on the real ones ({same:,} of {speaking:,} answers)",
        numbers={"answers": speaking, "same": same},
    )


def _not_checked(error: StrategyError) -> Finding:
    return Finding(
        kind=Kind.NOT_CHECKED,
        severity=Severity.INFO,
        message=f"it could not be asked about invented prices: {error}",
    )
