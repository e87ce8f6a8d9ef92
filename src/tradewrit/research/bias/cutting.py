"""Whether a formula knows later bars: cut them off and see what changes; then feed it bar by bar.

A step of a formula that changes when what came later is cut off has seen it. Fed one bar at a time,
as live, it cannot see it: every bar of the walk is compared, so nothing escapes between the cuts.
"""

from collections.abc import Callable
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradewrit.domain.times import iso
from tradewrit.features.bars import Bars
from tradewrit.features.evaluate import Stepper
from tradewrit.research.bias.findings import Finding, Kind, Severity
from tradewrit.research.bias.formulas import Column, Node, authors_own, differ, nodes_in, roots, values
from tradewrit.research.bias.subject import Outcome, Subject, Tell, owned, sample

_STRETCH: Final = 8192


class _Change(msgspec.Struct, frozen=True, kw_only=True):
    """The first place where a step gave two values. bars: on how many bars it did."""

    symbol: str
    at: int
    i: int
    before: float
    after: float
    bars: int
    reach: int = 0

    def told(self) -> str:
        return f"{self.symbol} {iso(self.at)}: {_number(self.before)} became {_number(self.after)}"


def cost(subject: Subject) -> int:
    """Bars to be worked through."""
    cuts = subject.effort.cuts * subject.walked_rows // 2
    return 3 * subject.walked_rows + cuts // _CHEAP


# A bar of a column costs about a tenth of a bar that is stepped.
_CHEAP: Final = 10


def check(subject: Subject, tell: Tell) -> Outcome:
    """Look-ahead, columns that differ from steps, and formulas that differ from one time to the next."""
    seen = _Seen()
    cuts = 0
    for bars in subject.walked:
        nodes = nodes_in(subject, bars.symbol)
        whole = values(nodes, bars)
        cuts += _cut(subject, bars, nodes, whole, seen, tell)
        _again(subject, bars, nodes, whole, seen)
        _step(bars, nodes, whole, seen, tell)
    looked_at = {"bars_one_by_one": subject.walked_rows, "cuts": cuts, "formulas": len(seen.texts)}
    return Outcome(findings=tuple(seen.findings()), looked_at=looked_at)


class _Seen:
    """What changed, by step of the formulas: over all symbols a step is one finding."""

    def __init__(self) -> None:
        self.texts: dict[str, bool] = {}
        self.cut: dict[str, list[_Change]] = {}
        self.unsteady: dict[str, list[_Change]] = {}
        self.stepped: dict[str, list[_Change]] = {}

    def findings(self) -> list[Finding]:
        found = [self._unsteady(text, changes) for text, changes in self.unsteady.items()]
        found += [self._cut(text, changes) for text, changes in self.cut.items() if text not in self.unsteady]
        known = self.unsteady.keys() | self.cut.keys()
        return found + [
            self._stepped(text, changes) for text, changes in self.stepped.items() if text not in known
        ]

    def _cut(self, text: str, changes: list[_Change]) -> Finding:
        reach = max(change.reach for change in changes)
        is_next = reach == 1
        what = "the bar after, in which its order fills" if is_next else f"up to {reach:,} bars after"
        return Finding(
            kind=Kind.FORMING_BAR if is_next else Kind.LOOK_AHEAD,
            severity=self._severity(text),
            message=f"{text} knows {what}: it changes when later bars are cut off",
            numbers={"bars_ahead": reach, "changed_bars": sum(change.bars for change in changes)},
            examples=tuple(change.told() for change in changes[:3]),
        )

    def _unsteady(self, text: str, changes: list[_Change]) -> Finding:
        return Finding(
            kind=Kind.HIDDEN_STATE,
            severity=self._severity(text),
            message=f"{text} gives other values when it is computed a second time on the same bars",
            numbers={"changed_bars": sum(change.bars for change in changes)},
            examples=tuple(change.told() for change in changes[:3]),
        )

    def _stepped(self, text: str, changes: list[_Change]) -> Finding:
        return Finding(
            kind=Kind.COLUMN_MISMATCH,
            severity=self._severity(text),
            message=f"{text} gives one value as a column, in a backtest, and another bar by bar, as live",
            numbers={"changed_bars": sum(change.bars for change in changes)},
            examples=tuple(change.told() for change in changes[:3]),
        )

    def _severity(self, text: str) -> Severity:
        return Severity.ERROR if self.texts.get(text, True) else Severity.WARNING


def _cut(
    subject: Subject, bars: Bars, nodes: list[Node], whole: list[Column], seen: _Seen, tell: Tell
) -> int:
    """Cut the history off after a bar, many times, and compare all that is left."""
    for node in nodes:
        seen.texts.setdefault(node.text, node.decides)
    wrong: list[NDArray[np.bool_]] = [np.zeros(len(bars), dtype=np.bool_) for _ in nodes]
    cut_values: list[dict[int, float]] = [{} for _ in nodes]
    places = sample(
        len(bars),
        _lively(nodes, whole, len(bars)),
        subject.effort.cuts,
        subject.chance(f"cuts {bars.symbol}"),
    )
    for place in places:
        left = values(nodes, owned(bars, 0, place + 1))
        for k, column in enumerate(left):
            unlike = differ(column, whole[k][: place + 1])
            if unlike.any():
                wrong[k][: place + 1] |= unlike
                i = int(np.flatnonzero(unlike)[-1])
                cut_values[k][i] = float(column[i])
        tell((place + 1) // _CHEAP)
    for k in roots(nodes, [bool(one.any()) for one in wrong]):
        i = min(cut_values[k])
        change = _change(bars, i, whole[k][i], cut_values[k][i], int(wrong[k].sum()))
        change = msgspec.structs.replace(change, reach=_reach(bars, nodes[k], whole[k], i))
        seen.cut.setdefault(nodes[k].text, []).append(change)
    return len(places)


def _again(subject: Subject, bars: Bars, nodes: list[Node], whole: list[Column], seen: _Seen) -> None:
    """The same formulas once more, from the strategy on."""
    again = nodes_in(subject, bars.symbol)
    if [node.text for node in again] != [node.text for node in nodes]:
        text = "what signals() returns"
        seen.unsteady.setdefault(text, []).append(_change(bars, len(bars) - 1, np.nan, np.nan, len(bars)))
        return
    _compare(bars, nodes, whole, values(again, bars), seen.unsteady)


def _step(bars: Bars, nodes: list[Node], whole: list[Column], seen: _Seen, tell: Tell) -> None:
    """Every bar, one at a time."""
    update = Stepper([node.series for node in nodes]).update
    columns: list[list[Column]] = [[] for _ in nodes]
    rows = []
    for i, bar in enumerate(bars.rows(), start=1):
        with authors_own(bars):
            rows.append(update(bar))
        if len(rows) == _STRETCH or i == len(bars):
            for column, given, node in zip(columns, zip(*rows, strict=True), nodes, strict=True):
                column.append(np.array(given, dtype=np.bool_ if node.is_condition else np.float64))
            tell(2 * len(rows))
            rows = []
    stepped = [np.concatenate(parts) for parts in columns]
    _compare(bars, nodes, whole, stepped, seen.stepped)


def _compare(
    bars: Bars, nodes: list[Node], whole: list[Column], other: list[Column], into: dict[str, list[_Change]]
) -> None:
    unlike = [differ(a, b) for a, b in zip(whole, other, strict=True)]
    for k in roots(nodes, [bool(one.any()) for one in unlike]):
        i = int(np.argmax(unlike[k]))
        change = _change(bars, i, whole[k][i], other[k][i], int(unlike[k].sum()))
        into.setdefault(nodes[k].text, []).append(change)


def _lively(nodes: list[Node], whole: list[Column], length: int) -> NDArray[np.intp]:
    """Where a final condition begins or ends to hold, and the bar after."""
    turns = np.zeros(length, dtype=np.bool_)
    for node, column in zip(nodes, whole, strict=True):
        if node.is_condition:
            turns |= np.diff(column, prepend=False)
    places = np.flatnonzero(turns)
    return np.unique(np.concatenate([places, np.minimum(places + 1, length - 1)]))


def _reach(bars: Bars, node: Node, whole: Column, i: int) -> int:
    """How many bars after bar i the value on bar i depends on; found by halving."""

    def knows_enough(ahead: int) -> bool:
        value = values([node], owned(bars, 0, i + 1 + ahead))[0][i : i + 1]
        return not differ(value, whole[i : i + 1])[0]

    return least(knows_enough, len(bars) - 1 - i)


def least(is_enough: Callable[[int], bool], most: int) -> int:
    """The smallest number above 0 that is enough, `most` at the latest: by doubling, then halving."""
    high = 1
    while high < most and not is_enough(high):
        high *= 2
    low, high = high // 2, min(high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def _change(bars: Bars, i: int, before: float, after: float, count: int) -> _Change:
    return _Change(
        symbol=bars.symbol, at=int(bars.ts[i]), i=i, before=float(before), after=float(after), bars=count
    )


def _number(value: float) -> str:
    return "nothing" if np.isnan(value) else f"{value:.10g}"
