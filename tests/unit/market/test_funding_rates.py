"""Funding rates are read strictly, and each meets the bars of its symbol at one moment."""

import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tradewrit.domain.market import HOUR, MINUTE
from tradewrit.domain.times import parse_iso
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.funding import FundingRate, funding_of, read_funding

HEADER = "symbol,ts,rate\n"
GOOD = (
    HEADER
    + "XRP,2021-11-18T00:00:00.017Z,0.0001\nXRP,2021-11-18T08:00:00Z,-0.00003\nBTC,2021-11-18T08:00Z,0\n"
)
EIGHT = parse_iso("2021-11-18T08:00:00Z")


def file_of(text: str, folder: Path) -> Path:
    path = folder / "rates.csv"
    path.write_text(text)
    return path


def refusal(text: str, folder: Path) -> str:
    with pytest.raises(DataError) as raised:
        read_funding(file_of(text, folder))
    return str(raised.value)


def test_rates_are_read_exactly_and_stamps_are_cut_to_the_minute(tmp_path: Path) -> None:
    rates = read_funding(file_of(GOOD, tmp_path))
    assert rates["XRP"] == (
        FundingRate(at=EIGHT - 8 * HOUR, rate=Decimal("0.0001")),
        FundingRate(at=EIGHT, rate=Decimal("-0.00003")),
    )
    assert list(rates) == ["XRP", "BTC"]


def test_a_parquet_file_says_the_same_and_may_name_its_mark_price(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"symbol": ["XRP"], "ts": [EIGHT // 10**6 + 7], "funding_rate": [0.0001], "mark_price": [1.0875]}
    )
    frame = frame.with_columns(pl.col("ts").cast(pl.Datetime("ms", "UTC")))
    frame.write_parquet(tmp_path / "rates.parquet")
    read = read_funding(tmp_path / "rates.parquet")
    assert read == {"XRP": (FundingRate(at=EIGHT, rate=Decimal("0.0001"), mark=Decimal("1.0875")),)}


def test_stamps_may_count_milliseconds_as_venues_write_them(tmp_path: Path) -> None:
    text = HEADER + f"XRP,{EIGHT // 10**6 + 11},0.0001\n"
    assert read_funding(file_of(text, tmp_path))["XRP"][0].at == EIGHT


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("symbol,ts\nXRP,2021-11-18T08:00Z\n", "no column rate (found: symbol, ts)"),
        (HEADER + "XRP,soon,0.1\n", "row 1 (XRP): ts is 'soon'"),
        (HEADER + ",2021-11-18T08:00Z,0.1\n", "row 1 (no symbol): symbol is empty"),
        (HEADER + "XRP,2021-11-18T08:00Z,much\n", "rate is 'much', not a number"),
        (HEADER + "XRP,2021-11-18T08:00Z,nan\n", "rate is 'nan', not a number"),
        (HEADER + "XRP,2021-11-18T08:00Z,1.5\n", "0.0001 is 0.01 %"),
        (GOOD + "XRP,2021-11-18T08:00:30Z,0\n", "row 4 (XRP): 2021-11-18T08:00:00Z repeats"),
        (GOOD + "XRP,2021-11-17T08:00:00Z,0\n", "falls behind"),
        ("symbol,ts,rate,mark_price\nXRP,2021-11-18T08:00Z,0.1,-3\n", "mark_price is '-3', not a positive"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_with_its_place(
    text: str, said: str, tmp_path: Path
) -> None:
    message = refusal(text, tmp_path)
    assert said in message
    assert re.match(r".*rates\.csv: ", message)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        read_funding(tmp_path / "none.csv")


def bars(closes: list[float], step: int = MINUTE, start: int = EIGHT - 2 * MINUTE) -> Bars:
    close = np.array(closes)
    ts = start + np.arange(len(close), dtype=np.int64) * step
    return Bars("XRP", ts, close, close, close, close, np.ones(len(close)))


def test_it_takes_effect_before_the_bar_that_opens_then_at_the_last_close() -> None:
    rates = {"XRP": (FundingRate(at=EIGHT, rate=Decimal("0.0001")),)}
    (told,) = funding_of([bars([1.1, 1.2, 1.3, 1.4])], rates)
    assert (told.at, told.price, told.rate) == (EIGHT, Decimal("1.20"), Decimal("0.0001"))
    assert told.action == "XRP:2021-11-18T08:00:00Z"


def test_a_time_between_two_bars_waits_for_the_next_one() -> None:
    rates = {"XRP": (FundingRate(at=EIGHT, rate=Decimal("0.0001"), mark=Decimal("1.25")),)}
    (told,) = funding_of([bars([1.1, 1.2], step=24 * HOUR, start=EIGHT - 8 * HOUR)], rates)
    assert (told.at, told.price) == (EIGHT + 16 * HOUR, Decimal("1.25"))


def test_what_lies_outside_the_bars_or_belongs_to_others_is_left_out() -> None:
    early, late = EIGHT - 2 * MINUTE, EIGHT + HOUR
    rates = {
        "XRP": tuple(FundingRate(at=at, rate=Decimal("0.0001")) for at in (early, late)),
        "BTC": (FundingRate(at=EIGHT, rate=Decimal("0.0001")),),
    }
    assert funding_of([bars([1.1, 1.2, 1.3])], rates) == ()
