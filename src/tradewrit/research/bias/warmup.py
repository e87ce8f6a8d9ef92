"""Whether an answer depends on how much history came before: begin the data later and compare.

After its declared warm-up a formula should say the same however far back the data reach. Averages
that never quite forget (exponential, Wilder's) need a few times their length; what needs more than
`_LATE` times the declared warm-up has not declared its memory, and what never settles counts from
the start of the data.
"""

from typing import Any, Final

import msgspec
import numpy as np

from tradewrit.domain.times import iso
from tradewrit.features.bars import Bars
from tradewrit.research.bias.findings import Finding, Kind, Severity
from tradewrit.research.bias.formulas import Column, Node, nodes_in, roots, values
from tradewrit.research.bias.subject import Outcome, Subject, Tell, owned

_SHORTEST: Final = 20  # bars; a declared warm-up below this is taken for this long
_SLOW: Final = 10
_LATE: Final = 20
_LEAST_BARS: Final = 100
_CHEAP: Final = 10


class _Settling(msgspec.Struct, frozen=True, kw_only=True):
    """One condition that differed after its warm-up, in the history where it took longest.

    late: bars after the warm-up until it agreed for good. room: bars after the warm-up there were.
    differing: bars on which it differed.
    """

    node: Node
    symbol: str
    at: int
    late: int
    room: int
    differing: int
    histories: int = 1

    @property
    def allowed(self) -> int:
        return max(_SHORTEST, self.node.series.warmup)

    @property
    def never_settles(self) -> bool:
        return self.late > self.room * 9 // 10


def cost(subject: Subject) -> int:
    """Bars to be worked through."""
    return subject.effort.starts * subject.walked_rows * 3 // 4 // _CHEAP


def check(subject: Subject, tell: Tell) -> Outcome:
    """Conditions whose answer after the declared warm-up depends on where the data begin."""
    found: dict[str, _Settling] = {}
    declared, starts, short = 0, 0, 0
    for bars in subject.walked:
        nodes = nodes_in(subject, bars.symbol)
        declared = max(declared, max((node.series.warmup for node in nodes if node.decides), default=0))
        if len(bars) < _LEAST_BARS + 2 * declared:
            short += 1
            continue
        whole = values(nodes, bars)
        chance = subject.chance(f"starts {bars.symbol}")
        for start in chance.integers(1, len(bars) // 2, subject.effort.starts).tolist():
            _compare(bars, start, nodes, whole, found)
            starts += 1
            tell((len(bars) - start) // _CHEAP)
    longest = max((one.late for one in found.values()), default=0)
    findings = [one for one in map(_judged, found.values()) if one is not None]
    if not starts:
        findings.append(_too_short(declared))
    looked_at: dict[str, Any] = {
        "declared_warmup_bars": declared,
        "starts": starts,
        "agrees_after_bars": declared + longest,
    }
    if short:
        looked_at["symbols_too_short"] = short
    return Outcome(findings=tuple(findings), looked_at=looked_at)


def _compare(
    bars: Bars, start: int, nodes: list[Node], whole: list[Column], found: dict[str, _Settling]
) -> None:
    later = values(nodes, owned(bars, start, len(bars)))
    settling: list[_Settling | None] = []
    for node, column, full in zip(nodes, later, whole, strict=True):
        known = node.series.warmup
        unlike = column[known:] != full[start + known :]
        if not (node.is_condition and node.decides and unlike.any()):
            settling.append(None)
            continue
        last = int(np.flatnonzero(unlike)[-1])
        settling.append(
            _Settling(
                node=node,
                symbol=bars.symbol,
                at=int(bars.ts[start + known + last]),
                late=last + 1,
                room=len(unlike),
                differing=int(unlike.sum()),
            )
        )
    for k in roots(nodes, [one is not None for one in settling]):
        one = settling[k]
        if one is None:
            continue
        known_one = found.get(one.node.text)
        histories = 1 if known_one is None else known_one.histories + 1
        worst = one if known_one is None or one.late > known_one.late else known_one
        found[one.node.text] = msgspec.structs.replace(worst, histories=histories)


def _judged(one: _Settling) -> Finding | None:
    if one.late <= _SLOW * one.allowed:
        return None
    is_error = one.late > _LATE * one.allowed or (one.never_settles and one.room >= _LEAST_BARS)
    declared = one.node.series.warmup
    if one.never_settles:
        how = "never settles: its answers depend on where the data begin"
    else:
        how = f"declares a warm-up of {declared:,} bars and needs {declared + one.late:,}"
    return Finding(
        kind=Kind.UNSTABLE_WARMUP,
        severity=Severity.ERROR if is_error else Severity.WARNING,
        message=f"{one.node.text} {how}",
        numbers={
            "declared_warmup_bars": declared,
            "settles_after_bars": None if one.never_settles else declared + one.late,
            "differing_bars": one.differing,
            "histories": one.histories,
        },
        examples=(f"{one.symbol}: still differed at {iso(one.at)}",),
    )


def _too_short(declared: int) -> Finding:
    return Finding(
        kind=Kind.NOT_CHECKED,
        severity=Severity.INFO,
        message=f"too few bars to begin later: {_LEAST_BARS + 2 * declared:,} of a symbol are needed",
        numbers={"declared_warmup_bars": declared},
    )
