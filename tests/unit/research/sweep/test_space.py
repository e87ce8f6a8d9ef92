"""What `--param` says: values, steps and ranges, and what it may not say."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.errors import ConfigError
from tradewrit.research.sweep.space import axis_of, space_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("window=1,2,3", ("1", "2", "3")),
        ("window=5", ("5",)),
        ("kind=fast,slow", ("fast", "slow")),
        ("window=10:30:10", ("10", "20", "30")),
        ("window=10:35:10", ("10", "20", "30")),
        ("stop=0.01:0.03:0.005", ("0.01", "0.015", "0.02", "0.025", "0.03")),
        ("shift=-2:2:2", ("-2", "0", "2")),
        (" low = 1 , 2 ", ("1", "2")),
    ],
)
def test_values_and_steps_are_what_was_typed(text: str, values: tuple[str, ...]) -> None:
    axis = axis_of(text)
    assert axis.values == values
    assert not axis.is_range


@pytest.mark.parametrize(
    ("text", "low", "high", "count"),
    [
        ("window=5..50", "5", "50", 46),
        ("stop=0.01..0.2", "0.01", "0.2", 1901),
        ("stop=.01..0.2", "0.01", "0.2", 1901),
        ("stop=1.0..2.0", "1", "2", 1001),
        ("shift=-1..1", "-1", "1", 3),
    ],
)
def test_a_range_is_drawn_from_in_steps_that_people_would_type(
    text: str, low: str, high: str, count: int
) -> None:
    axis = axis_of(text)
    assert (axis.values[0], axis.values[-1], len(axis.values)) == (low, high, count)
    assert axis.is_range
    assert axis.is_ordered


@given(
    low=st.decimals(-1000, 1000, places=4),
    step=st.decimals("0.0001", 100, places=4),
    count=st.integers(0, 200),
)
def test_steps_are_exact_whatever_their_size(low: Decimal, step: Decimal, count: int) -> None:
    high = low + count * step
    values = axis_of(f"x={low}:{high}:{step}").values
    assert [Decimal(value) for value in values] == [low + k * step for k in range(count + 1)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("window", "names no values"),
        ("window=", "names no values"),
        ("=3", "names no values"),
        ("window=1,,2", "has an empty value"),
        ("window=1,2,1", "1 comes twice"),
        ("window=1,1.0", "1.0 comes twice"),
        ("window=3:1:1", "the range is empty: it ends at 1, before it begins at 3"),
        ("window=1:3:0", "the step 0 must be above 0"),
        ("window=1:3:-1", "the step -1 must be above 0"),
        ("window=1:3", "steps are FROM:TO:STEP, such as window=10:30:5"),
        ("window=a:3:1", "a is not a number"),
        ("window=2..2", "the range is empty"),
        ("window=3..2", "the range is empty"),
        ("window=x..2", "x is not a number"),
        ("window=nan..2", "nan is not a number"),
        ("window=1:1e9:1", "that is 1,000,000,000 values"),
    ],
)
def test_what_cannot_be_meant_is_quoted_and_explained(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        axis_of(text)
    assert told in str(error.value)
    assert str(error.value).startswith(f"--param {text}: ")


def test_the_same_parameter_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match="window is given twice"):
        space_of(["window=1,2", "stop=1", "window=3"])


def test_a_name_with_a_dot_is_a_key_of_the_configuration() -> None:
    space = space_of(["risk.max_leverage=1,2", "window=5,6,7"])
    assert [axis.is_setting for axis in space.axes] == [True, False]
    assert space.size == 6
    assert space.values((1, 2)) == {"risk.max_leverage": "2", "window": "7"}
