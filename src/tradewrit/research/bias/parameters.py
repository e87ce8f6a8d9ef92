"""What a result hangs on: the exact value of one parameter.

Each number is moved a step either way (whole numbers by 1, others by a tenth) and everything else
kept. A rule that works does about as well next door.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from tradewrit.errors import StrategyError
from tradewrit.research.bias.findings import Finding, Kind, Severity
from tradewrit.research.bias.luck import SIGNIFICANT, Evidence, evidence
from tradewrit.research.bias.subject import Outcome
from tradewrit.research.results import Result
from tradewrit.strategies.base import Strategy

_LOST: Final = 0.25  # of the profit left: the peak stands alone
_HALVED: Final = 0.5
_SOME: Final = 10
_DISTANCES: Final = ("stop_fraction", "trail_fraction")


class _Neighbour(msgspec.Struct, frozen=True):
    """The result with one parameter moved."""

    value: float
    found: Evidence


def neighbours(strategy: Strategy) -> dict[str, list[Strategy]]:
    """For each numeric parameter that is set: the strategy with it a step down, and a step up."""
    moved: dict[str, list[Strategy]] = {}
    for name, value in strategy.parameters().items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not value:
            continue
        step = 1 if isinstance(value, int) else 0.1 * value
        options = [value - step, value + step]
        if name in _DISTANCES:
            options = [one for one in options if 0 < one < 1]
        if name == "max_bars":
            options = [one for one in options if one >= 1]
        moved[name] = [msgspec.structs.replace(strategy, **{name: _rounded(one)}) for one in options]
    return moved


def check(strategy: Strategy, base: Result, run: Callable[[Strategy], Result]) -> Outcome:
    """A profit that goes, or changes sign, with the neighbouring value of a parameter.

    run: a backtest of a strategy. A neighbour for which the strategy raises is left out.
    """
    found = evidence(base.trades)
    findings, runs = [], 0
    for name, options in neighbours(strategy).items():
        around = []
        for option in options:
            try:
                result = run(option)
            except StrategyError:
                continue  # an average of 0 bars, a fast one that is slower than the slow
            runs += 1
            around.append(_Neighbour(getattr(option, name), evidence(result.trades)))
        findings += _judged(name, getattr(strategy, name), found, around)
    return Outcome(findings=tuple(findings), looked_at={"backtests": runs + 1})


def _judged(name: str, value: object, base: Evidence, around: list[_Neighbour]) -> list[Finding]:
    if not around or not base.trades:
        return []
    profits = [one.found.profit for one in around]
    is_told_from_chance = base.t is not None and base.t >= SIGNIFICANT and base.trades >= _SOME
    if is_told_from_chance and max(profits) <= _LOST * base.profit:
        severity, how = Severity.ERROR, "stands alone"
    elif any(one * base.profit < 0 for one in profits):
        # Next to zero a change of sign is what chance does.
        severity = Severity.INFO if abs(base.t or 0.0) < 1 else Severity.WARNING
        how = "changes its sign"
    elif is_told_from_chance and min(profits) <= _HALVED * base.profit:
        severity, how = Severity.WARNING, "is halved"
    else:
        return []
    shown = ", ".join(f"{one.found.profit:,.2f} at {one.value:g}" for one in around)
    return [
        Finding(
            kind=Kind.ONE_PARAMETER,
            severity=severity,
            message=f"the profit of {base.profit:,.2f} at {name} = {value} {how}: {shown}",
            numbers={
                "parameter": name,
                "value": value,
                "profit": base.profit,
                "t": base.t,
                "neighbours": {f"{one.value:g}": one.found.profit for one in around},
            },
        )
    ]


def _rounded(value: float) -> float:
    """0.1 + 0.01 without the float's tail, so that a distance stays a plain decimal."""
    return value if isinstance(value, int) else float(f"{value:.12g}")
