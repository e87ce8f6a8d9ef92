"""What the benchmarks share: the same bars for all, a stopwatch for CPU, and the proof that two agree."""

import gc
import time
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from benchmarks.plain_loop import Outcome, SymbolColumns, Trade
from tradewrit.features.bars import Bars

Value = TypeVar("Value")
Given = ParamSpec("Given")


def bars_of(columns: SymbolColumns) -> Bars:
    """The same columns as arrays."""
    values = (columns.open, columns.high, columns.low, columns.close, columns.volume)
    return Bars(
        columns.symbol,
        np.array(columns.ts, dtype=np.int64),
        *(np.array(column, dtype=np.float64) for column in values),
    )


def set_aside() -> None:
    """Keep Python's garbage collector from walking through what exists by now.

    The loop's columns are lists of millions of numbers: a collection in the middle of somebody's work
    would look at all of them, and be charged to whoever happened to allocate something.
    """
    gc.collect()
    gc.freeze()


def timed(call: Callable[Given, Value], *given: Given.args, **named: Given.kwargs) -> tuple[float, Value]:
    """CPU seconds of this process during a call, and what the call gave back."""
    began = time.process_time()
    value = call(*given, **named)
    return time.process_time() - began, value


def ensure_agreement(name: str, plain: Outcome, trades: Iterable[Any], **totals: object) -> None:
    """Raise AssertionError, naming the first difference, unless every trade and total is the loop's.

    trades: objects with the attributes of `Trade`. totals: attributes of `Outcome`, such as final_equity.
    """
    theirs = [Trade(*(getattr(trade, field) for field in Trade._fields)) for trade in trades]
    for number, (ours, other) in enumerate(zip(plain.trades, theirs, strict=False)):
        if ours != other:
            raise AssertionError(f"{name}: trade {number} is {other}, in the plain loop {ours}")
    if len(theirs) != len(plain.trades):
        raise AssertionError(f"{name}: {len(theirs)} trades, in the plain loop {len(plain.trades)}")
    for total, value in totals.items():
        if value != getattr(plain, total):
            raise AssertionError(f"{name}: {total} {value}, in the plain loop {getattr(plain, total)}")


def as_share(ratio: float) -> str:
    """A ratio as people say it: 1/14.2 of the loop, or 1.25 times as much."""
    return f"1/{1 / ratio:.1f}" if ratio < 0.3 else f"{ratio:.2f}"
