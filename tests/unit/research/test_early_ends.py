"""A position in a symbol whose bars have ended is worth its last close, and the reader is told."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.unit.research.backtests import curve, random_bars, result
from tradewrit import Bars
from tradewrit.domain.market import DAY, MINUTE
from tradewrit.research.early_ends import early_ends


def part(bars: Bars, *rows: slice) -> Bars:
    return bars.take(np.concatenate([np.arange(len(bars))[one] for one in rows]))


def told(bars: Sequence[Bars], *, still_open: int = 1) -> tuple[str, ...]:
    whole = max(bars, key=lambda one: int(one.ts[-1]))
    line = curve([100_000.0] * len(whole), start=int(whole.ts[0]), step=int(whole.ts[1] - whole.ts[0]))
    return early_ends(result(curve=line, open_positions=still_open), bars)


def test_a_symbol_that_ends_early_is_named_with_its_last_day() -> None:
    whole, short = random_bars("WHOLE", 300), part(random_bars("SHORT", 300), slice(60))
    (said,) = told([whole, short])
    assert said.startswith("The bars of 1 of 2 symbols end before the test does (SHORT 2024-")
    assert said.endswith("what is still open there is marked at its last close.")


def test_many_are_counted_and_a_few_are_named() -> None:
    gone = [part(random_bars(f"S{k}", 300), slice(50 + k)) for k in range(5)]
    (said,) = told([random_bars("WHOLE", 300), *gone])
    assert "5 of 6 symbols end" in said
    assert "and 2 more" in said
    assert "S3" not in said


def test_nothing_is_said_where_nothing_is_open() -> None:
    assert told([random_bars("WHOLE", 300), part(random_bars("SHORT", 300), slice(60))], still_open=0) == ()


@pytest.mark.parametrize("step", [DAY, MINUTE])
def test_a_silence_no_longer_than_those_before_is_no_end(step: int) -> None:
    whole, sparse = random_bars("WHOLE", 300, step=step), random_bars("SPARSE", 300, step=step)
    assert told([whole, part(sparse, slice(100), slice(110, 290))]) == ()
    assert told([whole, part(sparse, slice(100), slice(110, 280))]) != ()


def test_a_symbol_of_one_bar_ends_with_it() -> None:
    assert "ONE" in told([random_bars("WHOLE", 300), part(random_bars("ONE", 300), slice(9, 10))])[0]
