"""Why a backtest closed no trade, in sentences for the person who expected some.

Knows no engine: it reads what was counted and refused, and works the strategy's formulas out again.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tradewrit.features.bars import Bars
from tradewrit.features.evaluate import columns
from tradewrit.features.rules import Elementwise
from tradewrit.features.series import Condition
from tradewrit.research.backtest.schedule import schedule_of
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.results import Result
from tradewrit.strategies.base import Signals, Strategy
from tradewrit.strategies.evaluation import formulas_of

_ENTRIES: Final = ("enter_long", "enter_short")
_PARTS: Final = 6
_REASONS: Final = 3


def why_no_trades(
    result: Result,
    strategy: Strategy,
    bars: Sequence[Bars],
    setup: Setup,
    *,
    counts: Mapping[str, int],
    limits: Sequence[str] = (),
    held: Sequence[str] = (),
    rejected: int = 0,
) -> tuple[str, ...]:
    """What stood between the strategy and its first closed trade; nothing where there was one.

    counts: how often each event was journalled; empty where nothing was. limits: named in refusals.
    held: why the strategist kept still. rejected: orders that the venue did not take.
    """
    if result.trades:
        return ()
    if result.open_positions:
        return ("Nothing was closed: what was opened is still open at the end.",)
    if held:
        return (f"The strategist held back: {_listed(held)}.",)
    signals = counts.get("strategy.entry.signal", 0)
    if signals:
        return (_lost_on_the_way(signals, counts, limits, result, rejected),)
    return _never_asked(strategy, bars, setup)


def _lost_on_the_way(
    signals: int, counts: Mapping[str, int], limits: Sequence[str], result: Result, rejected: int
) -> str:
    refused, denied = counts.get("risk.limit.exceeded", 0), sum(result.denied.values())
    ends = []
    if refused:
        ends.append(f"risk refused {refused:,} ({_listed(limits)})")
    if denied:
        ends.append(f"the executor's writ denied {denied:,} ({_listed(list(result.denied_by))})")
    if rejected:
        ends.append(f"the venue rejected {rejected:,}")
    if not ends:
        ends.append("their orders were not filled before the data ended")
    return f"Entry signals: {signals:,}. No trade came of them: {', '.join(ends)}."


def _never_asked(strategy: Strategy, bars: Sequence[Bars], setup: Setup) -> tuple[str, ...]:
    total = sum(len(one) for one in bars)
    if not strategy.is_columnar():
        return (f"on_bar asked for no entry on any of {_bars(total)}.",)
    schedule, symbols = schedule_of(setup, bars), [one.symbol for one in bars]
    formulas = [formulas_of(strategy, setup.instrument(name), schedule.of(name)) for name in symbols]
    names = [name for name in _ENTRIES if any(getattr(one, name) is not None for one in formulas)]
    if not names:
        return ("The strategy never enters: its signals have neither enter_long nor enter_short.",)
    return tuple(_unheld(name, formulas, bars, total) for name in names)


def _unheld(name: str, formulas: Sequence[Signals], bars: Sequence[Bars], total: int) -> str:
    """How often a condition held, and how often each of the parts that are joined by `&`."""
    pairs = [(getattr(said, name), one) for said, one in zip(formulas, bars, strict=True)]
    given = [(condition, one) for condition, one in pairs if condition is not None]
    longest, warmup = max(len(one) for _, one in given), min(condition.warmup for condition, _ in given)
    if longest <= warmup:
        return f"{name} needs {warmup + 1:,} bars for its first answer; the longest history has {longest:,}."
    held = sum(_held([condition], one)[0] for condition, one in given)
    if held:
        return f"{name} held on {held:,} of {_bars(total)}; --engine events says what became of it."
    parts = [_parts(condition) for condition, _ in given]
    if len(parts[0]) == 1 or len({len(those) for those in parts}) > 1:
        return f"{name}, {parts[0][0]}, held on none of {_bars(total)}."
    times = np.sum([_held(those, one) for those, (_, one) in zip(parts, given, strict=True)], axis=0)
    rarest = np.argsort(times, kind="stable")[:_PARTS]
    shown = ", ".join(f"{parts[0][k]} on {times[k]:,}" for k in rarest)
    return f"{name} held on none of {_bars(total)}. Of its parts held: {shown}."


def _held(conditions: Sequence[Condition], bars: Bars) -> list[int]:
    return [int(np.count_nonzero(column)) for column in columns(conditions, bars)]


def _parts(condition: Condition) -> list[Condition]:
    """The conditions that must all hold for this one to."""
    match condition.rule:
        case Elementwise(ufunc=np.logical_and):
            return [
                part
                for source in condition.sources
                if isinstance(source, Condition)
                for part in _parts(source)
            ]
        case _:
            return [condition]


def _bars(count: int) -> str:
    return f"{count:,} bar{'' if count == 1 else 's'}"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:_REASONS]) + (", ..." if len(words) > _REASONS else "")
