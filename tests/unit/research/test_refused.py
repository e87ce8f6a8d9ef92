"""What a backtest says of entries that the venue refused."""

from msgspec.structs import replace

from tests.unit.research.backtests import result
from tradewrit.research.refused import by_code, stopped_short


def test_the_most_frequent_code_comes_first() -> None:
    assert list(by_code({"a": 1, "b": 3, "c": 3})) == ["b", "c", "a"]


def test_a_run_that_went_on_without_entries_says_where_and_why() -> None:
    assert stopped_short(result()) == ()
    (told,) = stopped_short(replace(result(), halted=("AAPL", "MSFT")))
    assert "none was tried any more in AAPL, MSFT" in told
    assert "risk.max_refusals" in told
    (told,) = stopped_short(replace(result(), halted=("", "AAPL")))
    assert "in every symbol" in told
