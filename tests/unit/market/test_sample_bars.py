"""The real sample prices, and how they are adjusted."""

import gzip
import importlib.machinery
import importlib.util
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.calendar import calendar_for
from tradewrit.market.findings import Kind
from tradewrit.market.quality import check
from tradewrit.market.sample import PROVENANCE, SYMBOLS, sample_bars, shares_per_share

PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def adjusted() -> list[Bars]:
    pytest.importorskip("bokeh_sampledata")
    return sample_bars()


def test_five_symbols_come_in_their_order_with_thirteen_years_of_days(adjusted: list[Bars]) -> None:
    assert tuple(bars.symbol for bars in adjusted) == SYMBOLS
    assert all("public domain" in PROVENANCE and symbol in PROVENANCE for symbol in SYMBOLS)
    assert len(adjusted[0]) == 3270
    assert [bars.symbol for bars in sample_bars(["MSFT", "AAPL"])] == ["MSFT", "AAPL"]


def test_each_bar_is_stamped_at_midnight_in_new_york_on_a_session(adjusted: list[Bars]) -> None:
    calendar = calendar_for("NYSE")
    days = calendar.sessions(date(2000, 3, 1), date(2013, 3, 1))
    midnights = {calendar.midnight(day.date) for day in days}
    assert all(set(bars.ts.tolist()) <= midnights for bars in adjusted)


def test_adjusted_prices_have_few_decimals_and_enclose_their_bodies(adjusted: list[Bars]) -> None:
    for bars in adjusted:
        assert bool((bars.high >= np.maximum(bars.open, bars.close)).all())
        assert bool((bars.low <= np.minimum(bars.open, bars.close)).all())
        assert bool((bars.low > 0).all())
        for name in PRICES:
            decimals = [
                -int(Decimal(repr(price)).as_tuple().exponent) for price in getattr(bars, name).tolist()
            ]
            assert max(decimals) <= 4


def test_adjusting_removes_the_splits_and_keeps_the_moves_of_other_days(adjusted: list[Bars]) -> None:
    raw = sample_bars(adjusted=False)
    assert {f.symbol for f in check(raw).of(Kind.SUSPECTED_SPLIT)} == {"AAPL", "MSFT"}
    assert not check(adjusted).of(Kind.SUSPECTED_SPLIT)
    for ours, printed in zip(adjusted, raw, strict=True):
        moves = np.log(ours.close[1:] / ours.close[:-1])
        printed_moves = np.log(printed.close[1:] / printed.close[:-1])
        agree = np.abs(moves - printed_moves) < 2e-4
        assert agree.mean() > 0.98  # the others are splits and dividends


@pytest.mark.usefixtures("adjusted")
def test_volumes_count_the_shares_of_the_last_day() -> None:
    (apple,), (raw,) = sample_bars(["AAPL"]), sample_bars(["AAPL"], adjusted=False)
    ratios = apple.volume / raw.volume
    assert ratios[0] == 4
    assert ratios[-1] == 1
    assert set(np.round(ratios, 6).tolist()) == {4, 2, 1}


def test_a_step_of_the_factor_is_a_split_only_when_it_is_a_whole_number() -> None:
    factor = np.array([0.1, 0.3, 0.31, 0.34, 0.17, 0.17])
    assert shares_per_share(factor).tolist() == [1.5, 0.5, 0.5, 0.5, 1.0, 1.0]
    assert shares_per_share(np.array([1.0])).tolist() == [1.0]


def test_an_unknown_symbol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DataError, match="no TSLA; it has AAPL, IBM"):
        sample_bars(["AAPL", "TSLA"])


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"pip install 'tradewrit\[demo\]'"):
        sample_bars()


@pytest.mark.parametrize(
    "content",
    [None, b"no gzip", gzip.compress(b"Ticker,Date\n", mtime=0), gzip.compress(b"x" * 99, mtime=0)[:20]],
)
def test_a_package_without_usable_prices_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    (tmp_path / "_data").mkdir()
    if content is not None:
        (tmp_path / "_data" / "stocks.csv.gz").write_bytes(content)
    spec = importlib.machinery.ModuleSpec("bokeh_sampledata", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    with pytest.raises(DataError, match=r"pip install 'tradewrit\[demo\]'"):
        sample_bars()


@pytest.mark.usefixtures("adjusted")
def test_the_sample_needs_no_data_frame_library() -> None:
    code = (
        "import sys; from tradewrit.market.sample import sample_bars; sample_bars(); "
        "print({'pandas', 'polars', 'bokeh_sampledata', 'shapely'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
