"""Whether `on_bar` depends on the bars it is given and on nothing else.

It is walked over the bars twice, as a backtest does; then asked again on single bars, out of order, as
after a restart; then with memory that holds no later bar; then with a history that begins later.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import msgspec
import numpy as np

from tradewrit.domain.signals import Signal
from tradewrit.domain.times import iso
from tradewrit.errors import StrategyError
from tradewrit.features.bars import Bars
from tradewrit.research.bias.cutting import least
from tradewrit.research.bias.findings import Finding, Kind, Severity
from tradewrit.research.bias.subject import Outcome, Subject, Tell, owned, same_bars, sample
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import decide_on_bar

_SHORTEST: Final = 32  # bars of the shortest history that is tried
_EXAMPLES: Final = 12
_LEAST_LATE: Final = 400  # bars of a symbol below which nothing is late

Answer = str
"""What was said, as text that can be compared; empty for nothing."""


class _Unlike(msgspec.Struct, frozen=True):
    """A bar on which two askings gave two answers."""

    symbol: str
    at: int
    i: int
    one: Answer
    other: Answer

    def told(self) -> str:
        """For people."""
        return f"{self.symbol} {iso(self.at)}: {self.one or 'nothing'}, then {self.other or 'nothing'}"


def cost(subject: Subject) -> int:
    """Bars to be worked through."""
    asked = subject.effort.asked * len(subject.walked)
    return 2 * subject.walked_rows + 2 * asked


def check(subject: Subject, tell: Tell) -> Outcome:
    """Hidden state, look-ahead through shared memory, written data, and a warm-up without end."""
    walks = []
    findings: list[Finding] = []
    for _ in range(2):
        bars = [owned(one, 0, len(one)) for one in subject.walked]
        walks.append(_walked(subject.strategy, bars, tell))
        if not all(map(same_bars, bars, subject.walked)):
            findings.append(_changed_data())
    unsteady = list(_between(subject.walked, *walks))
    if findings or unsteady:
        findings += _state("gives other answers when it is run a second time on the same bars", unsteady)
        return Outcome(findings=tuple(findings[:2]), looked_at={"bars_one_by_one": subject.walked_rows})
    forgetful, ahead, endless = [], [], []
    asked, longest = 0, 0
    for bars_of_one, answers in zip(subject.walked, walks[0], strict=True):
        places = _places(subject, bars_of_one, answers)
        again = _asked(subject.strategy, bars_of_one, places, partial(_head, bars_of_one))
        kept = _differing(bars_of_one, places, {i: answers[i] for i in places}, again)
        forgetful += kept
        if not kept:  # else nothing tells later bars from what was kept
            alone = _asked(subject.strategy, bars_of_one, places, partial(owned, bars_of_one, 0))
            ahead += [
                (one, _reach(subject.strategy, bars_of_one, one.i, answers[one.i]))
                for one in _differing(bars_of_one, places, again, alone)[:_EXAMPLES]
            ]
        endless += [
            _Unlike(bars_of_one.symbol, int(bars_of_one.ts[i]), i, "", "")
            for i in places
            if _is_endless(subject.strategy, bars_of_one, i)
        ]
        longest = max([longest, *(_need(subject.strategy, bars_of_one, i) for i in places)])
        asked += len(places)
        tell(2 * len(places))
    findings += _state("answers otherwise when it has not been asked about every bar before", forgetful)
    findings += _ahead(ahead)
    # A strategy that keeps state needs all of its history by nature: once is enough.
    findings += [] if forgetful else _endless(endless, asked)
    return Outcome(
        findings=tuple(findings),
        looked_at={
            "bars_one_by_one": subject.walked_rows,
            "asked_again": asked,
            "history_needed_bars": longest,
        },
    )


def answer(strategy: Strategy, bars: Bars) -> Signal | None:
    """What `on_bar` says of the last bar; raises StrategyError."""
    return decide_on_bar(strategy, bars.symbol, bars)


def _head(bars: Bars, stop: int) -> Bars:
    return bars.head(stop)


def _walked(strategy: Strategy, bars: list[Bars], tell: Tell) -> list[list[Answer]]:
    """The answers on every bar of every symbol, in the order of a backtest: by time, then by rank."""
    answers: list[list[Answer]] = [[] for _ in bars]
    times = np.concatenate([one.ts for one in bars])
    ranks = np.repeat(np.arange(len(bars)), [len(one) for one in bars])
    for count, rank in enumerate(ranks[np.argsort(times, kind="stable")].tolist(), start=1):
        said = answer(strategy, bars[rank].head(len(answers[rank]) + 1))
        answers[rank].append(_text(said))
        if count % 512 == 0:
            tell(512)
    return answers


def _between(bars: tuple[Bars, ...], one: list[list[Answer]], other: list[list[Answer]]) -> Iterator[_Unlike]:
    for each, first, second in zip(bars, one, other, strict=True):
        yield from _differing(each, range(len(each)), first, second)


def _differing(
    bars: Bars,
    places: "range | list[int]",
    one: "list[Answer] | dict[int, Answer]",
    other: "list[Answer] | dict[int, Answer]",
) -> list[_Unlike]:
    return [_Unlike(bars.symbol, int(bars.ts[i]), i, one[i], other[i]) for i in places if one[i] != other[i]]


def _asked(
    strategy: Strategy, bars: Bars, places: list[int], history: Callable[[int], Bars]
) -> dict[int, Answer]:
    """Ask about single bars, the last one first: nothing can have been prepared by the bar before."""
    return {i: _tried(strategy, history(i + 1)) for i in reversed(places) if i < len(bars)}


def _tried(strategy: Strategy, bars: Bars) -> Answer:
    try:
        return _text(answer(strategy, bars))
    except StrategyError as error:
        return str(error.__cause__ or error)


def _places(subject: Subject, bars: Bars, answers: list[Answer]) -> list[int]:
    near = np.flatnonzero(np.array([bool(said) for said in answers], dtype=np.bool_))
    return sample(len(bars), near, subject.effort.asked, subject.chance(f"asked {bars.symbol}"))


def _reach(strategy: Strategy, bars: Bars, i: int, wanted: Answer) -> int:
    """How many later bars must lie in memory for the answer of the backtest."""

    def knows_enough(ahead: int) -> bool:
        return _tried(strategy, owned(bars, 0, i + 1 + ahead).head(i + 1)) == wanted

    return least(knows_enough, max(1, len(bars) - 1 - i))


def _need(strategy: Strategy, bars: Bars, i: int) -> int:
    """The length of history, doubling from `_SHORTEST`, from which on the verdict on bar i stays."""
    whole = _verdict(strategy, bars.head(i + 1))
    need = length = _SHORTEST
    while length <= i:
        if _verdict(strategy, owned(bars, i + 1 - length, i + 1)) != whole:
            need = min(2 * length, i + 1)
        length *= 2
    return need


def _is_endless(strategy: Strategy, bars: Bars, i: int) -> bool:
    """Whether the verdict on a late bar changes when a few of the very first bars are missing."""
    if len(bars) < _LEAST_LATE or i < 3 * len(bars) // 4:
        return False
    whole = _verdict(strategy, bars.head(i + 1))
    fewer = (1, 2, 3, 7, i // 8, i // 4)
    return any(_verdict(strategy, owned(bars, start, i + 1)) != whole for start in fewer)


def _verdict(strategy: Strategy, bars: Bars) -> int:
    try:
        said = answer(strategy, bars)
    except StrategyError:
        return -1
    return 0 if said is None else said.verdict


def _text(said: Signal | None) -> Answer:
    return "" if said is None else repr(said)


def _changed_data() -> Finding:
    return Finding(
        kind=Kind.CHANGES_DATA,
        severity=Severity.ERROR,
        message="on_bar writes into the bars it is given, so what came before is no longer what it was",
    )


def _state(message: str, places: list[_Unlike]) -> list[Finding]:
    if not places:
        return []
    return [
        Finding(
            kind=Kind.HIDDEN_STATE,
            severity=Severity.ERROR,
            message=f"on_bar {message}",
            numbers={"changed_bars": len(places)},
            examples=tuple(one.told() for one in places[:3]),
        )
    ]


def _ahead(found: list[tuple[_Unlike, int]]) -> list[Finding]:
    if not found:
        return []
    reach = max(bars for _, bars in found)
    is_next = reach == 1
    what = "the bar after, in which its order fills" if is_next else f"up to {reach:,} bars after"
    return [
        Finding(
            kind=Kind.FORMING_BAR if is_next else Kind.LOOK_AHEAD,
            severity=Severity.ERROR,
            message=f"on_bar knows {what}: it answers otherwise when later bars are not in memory",
            numbers={"bars_ahead": reach, "changed_bars": len(found)},
            examples=tuple(one.told() for one, _ in found[:3]),
        )
    ]


def _endless(places: list[_Unlike], asked: int) -> list[Finding]:
    """Late verdicts that depend on the first bars; a single one may be a coincidence of rounding."""
    if len(places) < 2:
        return []
    return [
        Finding(
            kind=Kind.UNSTABLE_WARMUP,
            severity=Severity.ERROR,
            message="on_bar never settles: its answers depend on where the data begin",
            numbers={"differing_bars": len(places), "asked_bars": asked},
            examples=tuple(f"{one.symbol} {iso(one.at)}, after {one.i + 1:,} bars" for one in places[:3]),
        )
    ]
