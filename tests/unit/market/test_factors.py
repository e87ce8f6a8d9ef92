"""Factor tables are read strictly: one that could be read in two ways is refused with its place."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from tradewrit.errors import DataError
from tradewrit.market.factors import FactorRow, read_factors

HEADER = "symbol,last_date,price_factor,split_factor,reference_price\n"
GOOD = HEADER + "AAPL,2014-06-06,0.9,0.25,645.57\nAAPL,2050-12-31,1,1,0\nSPY,20501231,1,1,0\n"


def file_of(text: str, folder: Path) -> Path:
    path = folder / "factors.csv"
    path.write_text(text)
    return path


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(DataError) as raised:
        read_factors(file_of(text, folder))
    return str(raised.value)


def test_rows_are_read_exactly_and_by_symbol(tmp_path: Path) -> None:
    factors = read_factors(file_of(GOOD, tmp_path))
    assert list(factors) == ["AAPL", "SPY"]
    assert factors["AAPL"][0] == FactorRow(
        last_date=date(2014, 6, 6),
        price_factor=Decimal("0.9"),
        split_factor=Decimal("0.25"),
        reference_price=Decimal("645.57"),
    )
    assert factors["SPY"][0].last_date == date(2050, 12, 31)


def test_parquet_gives_the_same_as_csv(tmp_path: Path) -> None:
    table = pl.DataFrame(
        {
            "symbol": ["AAPL", "AAPL", "SPY"],
            "last_date": [date(2014, 6, 6), date(2050, 12, 31), date(2050, 12, 31)],
            "price_factor": [0.9, 1.0, 1.0],
            "split_factor": [0.25, 1.0, 1.0],
            "reference_price": [645.57, 0.0, 0.0],
        }
    )
    table.write_parquet(tmp_path / "factors.parquet")
    assert read_factors(tmp_path / "factors.parquet") == read_factors(file_of(GOOD, tmp_path))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("AAPL,2014-06-06,1,1,0\nAAPL,2014-06-06,1,1,0", r"row 2 \(AAPL\): last_date 2014-06-06 repeats"),
        ("AAPL,2014-06-06,1,1,0\nAAPL,2013-06-06,1,1,0", "2013-06-06 falls behind 2014-06-06"),
        ("AAPL,2014-06-06,0,1,0", "price_factor is '0', not a positive number"),
        ("AAPL,2014-06-06,1,-4,0", "split_factor is '-4', not a positive number"),
        ("AAPL,2014-06-06,nan,1,0", "price_factor is 'nan', not a positive number"),
        ("AAPL,2014-06-06,1,,0", "split_factor is '', not a number"),
        ("AAPL,2014-06-06,1,1,-1", "reference_price is '-1', not zero or a positive number"),
        ("AAPL,June,1,1,0", "last_date is 'June', not a date such as 2014-06-06"),
        (",2014-06-06,1,1,0", "no symbol"),
    ],
)
def test_what_cannot_be_trusted_is_refused_with_its_place(row: str, words: str, tmp_path: Path) -> None:
    message = refusal(HEADER + row + "\n", tmp_path)
    assert "factors.csv: row" in message
    assert re.search(words, message)


def test_a_missing_column_is_named_beside_those_there_are(tmp_path: Path) -> None:
    message = refusal("symbol,last_date,price_factor\nAAPL,2014-06-06,1\n", tmp_path)
    assert "no column split_factor, reference_price" in message
    assert "found: symbol, last_date, price_factor" in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.csv: no such file"):
        read_factors(tmp_path / "nowhere.csv")
