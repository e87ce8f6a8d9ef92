"""The comparison with published backtests: what it reads, what it runs, and that it can fail."""

import csv
import io
import json
import sys
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from msgspec.structs import replace

from benchmarks.reference import __main__ as reference
from benchmarks.reference.cases import CASES, Case
from benchmarks.reference.data import FILES, ParquetFolder, Source, bars_of, source_in
from benchmarks.reference.lean import LeanFolder
from benchmarks.reference.strategies import BasicTemplate, MacdTrend
from tradewrit.domain.market import MINUTE
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.store import write_bars
from tradewrit.strategies.base import Strategy

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2013, 10, 7)
CLOSES = [100.0, 101.0, 102.5, 101.5, 103.0]
FACTORS = [("20131220", "0.9", "0.5", "180"), ("20501231", "1", "1", "0")]


def stamp(day: int, hour: int = 0, minute: int = 0) -> int:
    return int(datetime(2013, 10, day, hour, minute, tzinfo=NEW_YORK).timestamp()) * 10**9


def of(times: Sequence[int], closes: Sequence[float]) -> Bars:
    close = np.array(closes)
    return Bars(
        "SPY",
        np.array(times, dtype=np.int64),
        close - 0.25,
        close + 0.5,
        close - 0.5,
        close,
        np.full(len(close), 70.0),
    )


DAILY = of([stamp(day) for day in range(7, 12)], CLOSES)
HOUR = of([stamp(day, 9) for day in range(7, 12)], CLOSES)
# The first minute lies before the session, the last after it.
MINUTES = of([stamp(7, 9, 29), stamp(7, 9, 30), stamp(7, 9, 31), stamp(7, 15, 59), stamp(7, 16, 0)], CLOSES)


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """The same bars as Parquet files."""
    folder = tmp_path / "parquet"
    folder.mkdir()
    for name, bars in (("daily", DAILY), ("hour", HOUR), ("minute", MINUTES)):
        write_bars(folder / FILES[name], [bars])
    ts = pl.Series(MINUTES.ts).cast(pl.Datetime("ns", "UTC"))
    quotes = {
        "symbol": ["SPY"] * 5,
        "ts": ts,
        "bid_close": MINUTES.close - 0.01,
        "ask_close": MINUTES.close + 0.02,
    }
    pl.DataFrame(quotes).write_parquet(folder / FILES["quotes"])
    columns = zip(*FACTORS, strict=True)
    names = ("last_date", "price_factor", "split_factor", "reference_price")
    table = {name: list(column) for name, column in zip(names, columns, strict=True)}
    pl.DataFrame({"symbol": ["SPY"] * 2, **table}).write_parquet(folder / FILES["factors"])
    return folder


@pytest.fixture
def lean(tmp_path: Path) -> Path:
    """And in the formats of Lean's repository."""
    folder = tmp_path / "Data"
    usa = folder / "equity" / "usa"
    for name, bars in (("daily", DAILY), ("hour", HOUR)):
        _zip(
            usa / name / "spy.zip",
            [
                [_local(bar.ts).strftime("%Y%m%d %H:%M"), *_ohlcv(bars, i)]
                for i, bar in enumerate(bars.rows())
            ],
        )
    midnight = stamp(7)
    times = [str((int(ts) - midnight) // 10**6) for ts in MINUTES.ts]
    trades = [[at, *_ohlcv(MINUTES, i)] for i, at in enumerate(times)]
    _zip(usa / "minute" / "spy" / "20131007_trade.zip", trades)
    quotes = []
    for at, close in zip(times, MINUTES.close, strict=True):
        bid, ask = _cents(close - 0.01), _cents(close + 0.02)
        quotes.append([at, bid, bid, bid, bid, "5", ask, ask, ask, ask, "6"])
    _zip(usa / "minute" / "spy" / "20131007_quote.zip", quotes)
    (usa / "factor_files").mkdir()
    (usa / "factor_files" / "spy.csv").write_text("\n".join(",".join(row) for row in FACTORS) + "\n")
    return folder


def _local(ts: int) -> datetime:
    return datetime.fromtimestamp(ts / 10**9, NEW_YORK)


def _cents(price: float) -> str:
    return str(round(price * 10_000))


def _ohlcv(bars: Bars, i: int) -> list[str]:
    return [*(_cents(getattr(bars, name)[i]) for name in ("open", "high", "low", "close")), "70"]


def _zip(path: Path, rows: list[list[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("spy.csv", text.getvalue())


@pytest.mark.parametrize("interval", ["daily", "hour", "minute"])
def test_both_kinds_of_folder_hold_the_same_bars(interval: str, parquet: Path, lean: Path) -> None:
    sources: list[Source] = [source_in(parquet), source_in(lean)]
    assert [type(one) for one in sources] == [ParquetFolder, LeanFolder]
    one, other = (bars_of(source, interval, MONDAY, date(2013, 10, 11)) for source in sources)
    for name in ("ts", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert len(one) == (3 if interval == "minute" else 5)


def test_minutes_are_those_of_the_session_with_their_quotes_adjusted_like_their_prices(lean: Path) -> None:
    bars = bars_of(source_in(lean), "minute", MONDAY, MONDAY)
    assert bars.ts.tolist() == [stamp(7, 9, 30), stamp(7, 9, 31), stamp(7, 15, 59)]
    assert bars.ts[1] - bars.ts[0] == MINUTE
    assert bars.ask is not None
    assert bars.ask.tolist() == [round(0.45 * (close + 0.02), 8) for close in CLOSES[1:4]]


def test_a_bar_without_its_quote_is_named(parquet: Path) -> None:
    frame = pl.read_parquet(parquet / FILES["quotes"])
    frame.filter(pl.col("ts").dt.epoch("ns") != stamp(7, 9, 31)).write_parquet(parquet / FILES["quotes"])
    with pytest.raises(DataError, match="no SPY quote for the bar of 2013-10-07 13:31"):
        bars_of(source_in(parquet), "minute", MONDAY, MONDAY)


def test_a_folder_that_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither Lean's Data folder"):
        source_in(tmp_path)


def by_hand(is_right: bool) -> Case:
    """Bought at Tuesday's open, worth Friday's close: worked out on paper."""
    price, last = Decimal("100.75") * Decimal("0.45"), Decimal(103) * Decimal("0.45")
    seen = Decimal(100) * Decimal("0.45")
    shares = int(Decimal(99_750) / (seen + Decimal("0.005")))  # with the fee inside what may be spent
    fee = shares * Decimal("0.005")
    worth = 100_000 - shares * price - fee + shares * last
    return replace(
        CASES[2],
        first=MONDAY,
        last=date(2013, 10, 11),
        final_equity=worth.quantize(Decimal("0.01")) + (0 if is_right else Decimal("0.01")),
        fees=fee.quantize(Decimal("0.01")),
    )


@pytest.mark.parametrize(("is_right", "code"), [(True, 0), (False, 1)])
def test_a_cent_of_difference_is_an_exit_code(
    is_right: bool,
    code: int,
    lean: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(reference, "CASES", (by_hand(is_right),))
    monkeypatch.setattr(sys, "argv", ["reference", "--data", str(lean)])
    assert reference.main() == code
    told = capsys.readouterr().out
    assert ("all agree to the cent" in told) is is_right
    assert "events" in told
    assert "skip" in told
    monkeypatch.setattr(sys, "argv", ["reference", "--data", str(lean), "--json"])
    assert reference.main() == code
    assert len(json.loads(capsys.readouterr().out)) == 4


@pytest.mark.parametrize("strategy", [BasicTemplate(), MacdTrend()])
def test_the_strategies_leave_the_way_out_to_their_formulas(strategy: Strategy) -> None:
    kept = strategy.protection()
    assert (kept.stop_fraction, kept.target_fraction) == (Decimal("0.99"), Decimal(0))
    assert strategy.is_columnar()
