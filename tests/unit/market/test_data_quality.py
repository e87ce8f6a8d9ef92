"""What the quality report finds, and what it leaves alone."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray

from tradewrit.domain.market import DAY, HOUR, MINUTE
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.calendar import calendar_for
from tradewrit.market.findings import Finding, Kind, QualityReport, Severity
from tradewrit.market.quality import check
from tradewrit.market.store import read_bars

HEADER = "symbol,ts,open,high,low,close,volume"
NYSE = calendar_for("NYSE")
File = Callable[..., Path]
Daily = Callable[..., Bars]


def kinds(report: QualityReport) -> set[Kind]:
    return {finding.kind for finding in report.findings}


def only(report: QualityReport, kind: Kind) -> Finding:
    (finding,) = report.of(kind)
    return finding


@dataclass
class Market:
    """Daily NYSE bars that nothing is wrong with, to be spoilt by a test."""

    bars: Bars

    def but(self, **columns: Any) -> Bars:
        names = ("ts", "open", "high", "low", "close", "volume")
        return Bars(self.bars.symbol, *(columns.get(name, getattr(self.bars, name)) for name in names))

    def scaled(self, factor: NDArray[np.float64], volume: NDArray[np.float64] | float = 1.0) -> Bars:
        prices = {name: getattr(self.bars, name) * factor for name in ("open", "high", "low", "close")}
        return self.but(**prices, volume=self.bars.volume * volume)


@pytest.fixture
def market() -> Market:
    sessions = NYSE.sessions(date(2023, 1, 1), date(2023, 12, 31))
    n = len(sessions)
    chance = np.random.default_rng(4)
    close = 50 * np.exp(np.cumsum(0.01 * chance.standard_normal(n)))
    open_ = np.concatenate([close[:1], close[:-1]]) * np.exp(0.003 * chance.standard_normal(n))
    high, low = np.maximum(open_, close) * 1.004, np.minimum(open_, close) * 0.996
    ts = np.array([NYSE.midnight(session.date) for session in sessions])
    return Market(Bars("A", ts, open_, high, low, close, chance.integers(900, 1100, n).astype(float)))


def test_good_bars_are_clean_and_say_how_they_were_judged(market: Market) -> None:
    report = check([market.bars])
    assert report.is_clean
    assert report.findings == ()
    assert report.calendars == {"A": "NYSE"}
    assert (report.rows, report.symbols) == (250, ("A",))
    assert (report.first_at, report.last_at) == (int(market.bars.ts[0]), int(market.bars.ts[-1]))


def test_everything_that_reading_refuses_is_an_error_with_its_row(csv_file: File) -> None:
    path = csv_file(
        "A,2024-01-02,1,2,1,2,3",
        "A,2024-01-03,1,x,1,2,3",
        "A,2024-01-04,nan,2,1,2,3",
        "A,2024-01-05,1,2,0,2,3",
        "A,2024-01-08,1,2,1,2,-3",
        "A,2024-01-08,1,2,1,2,3",
        "A,2024-01-06,1,2,1,2,3",
        "A,never,1,2,1,2,3",
        "A,2024-01-09,1,2,1,2",
    )
    report = check(path)
    assert not report.is_clean
    assert {finding.kind for finding in report.errors} == {
        Kind.UNPARSABLE,
        Kind.NOT_FINITE,
        Kind.NOT_POSITIVE,
        Kind.NEGATIVE_VOLUME,
        Kind.DUPLICATE,
        Kind.UNORDERED,
    }
    assert only(report, Kind.NOT_FINITE).examples == ("row 3 (A, 2024-01-04T00:00:00Z): open is nan",)
    assert only(report, Kind.NOT_POSITIVE).examples == ("row 4 (A, 2024-01-05T00:00:00Z): low is 0.0",)
    assert only(report, Kind.DUPLICATE).examples == ("row 6 (A, 2024-01-08T00:00:00Z)",)
    assert only(report, Kind.UNORDERED).count == 1
    cells = {example for finding in report.of(Kind.UNPARSABLE) for example in finding.examples}
    assert {"row 2: 'x'", "row 8: 'never'", "row 9: '6 cells, the header has 7'"} <= cells


def test_missing_columns_are_one_finding_that_names_them_all(csv_file: File) -> None:
    report = check(csv_file("A,2024-01-02,1", header="symbol,ts,open"))
    finding = only(report, Kind.MISSING_COLUMN)
    assert finding.count == 4
    assert "high, low, close, volume" in finding.message


def test_a_file_of_nothing_and_a_file_of_rubbish_are_findings(tmp_path: Path) -> None:
    (tmp_path / "rubbish.parquet").write_bytes(b"PAR1" + bytes(range(200)) + b"PAR1")
    assert kinds(check(tmp_path / "rubbish.parquet")) == {Kind.UNREADABLE}
    (tmp_path / "empty.csv").write_text(HEADER + "\n")
    assert kinds(check(tmp_path / "empty.csv")) == {Kind.NO_ROWS}
    assert only(check(tmp_path / "empty.csv"), Kind.NO_ROWS).count == 1
    with pytest.raises(DataError, match="no such file"):
        check(tmp_path / "nowhere.csv")


def test_newest_first_rows_are_called_that(csv_file: File) -> None:
    path = csv_file(*(f"A,2024-01-0{day},1,2,1,2,3" for day in (5, 4, 3, 2)))
    assert only(check(path), Kind.UNORDERED).message == "the rows are newest first"


def test_a_high_below_the_close_is_a_warning_because_files_have_it(market: Market) -> None:
    high = market.bars.high.copy()
    high[7] = market.bars.close[7] * 0.99
    finding = only(check([market.but(high=high)]), Kind.OHLC_VIOLATION)
    assert (finding.severity, finding.count) == (Severity.WARNING, 1)
    assert "row 8" in finding.examples[0]


def test_missing_sessions_are_counted_by_gap_with_the_longest_first(market: Market) -> None:
    keep = np.ones(250, dtype=bool)
    keep[[40, 100, 101, 102]] = False
    names = ("ts", "open", "high", "low", "close", "volume")
    holed = Bars("A", *(getattr(market.bars, name)[keep] for name in names))
    finding = only(check([holed]), Kind.MISSING_SESSION)
    assert finding.count == 4
    assert "in 2 gap(s)" in finding.message
    assert finding.examples == ("2023-05-26 to 2023-05-31: 3 sessions", "2023-03-02")


def test_a_bar_on_a_holiday_is_found_when_the_calendar_is_named(market: Market) -> None:
    ts = market.bars.ts.copy()
    ts[0] -= 24 * HOUR  # 2 January 2023 was the day on which New Year was kept
    finding = only(check([market.but(ts=ts)], NYSE), Kind.OFF_SESSION)
    assert finding.examples == ("2023-01-02",)


def minutes(keep: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> Bars:
    sessions = NYSE.sessions(date(2024, 7, 1), date(2024, 7, 12))
    ts = np.concatenate([np.arange(s.open, s.close, MINUTE) for s in sessions])
    ts = ts[keep(ts)]
    price = 50 + np.sin(np.arange(len(ts)) / 9)
    return Bars("A", ts, price, price + 1, price - 1, price, np.full(len(ts), 9.0))


def test_whole_sessions_of_minutes_are_clean_half_days_included() -> None:
    assert check([minutes(lambda ts: ts > 0)]).findings == ()


def test_minutes_missing_inside_a_session_are_told_from_a_missing_session() -> None:
    opening = NYSE.sessions(date(2024, 7, 3), date(2024, 7, 3))[0].open
    other = NYSE.sessions(date(2024, 7, 9), date(2024, 7, 9))[0]
    report = check(
        [
            minutes(
                lambda ts: (
                    ~((ts >= opening) & (ts < opening + 7 * MINUTE))
                    & ~((ts >= other.open) & (ts < other.close))
                )
            )
        ]
    )
    bars, session = only(report, Kind.MISSING_BARS), only(report, Kind.MISSING_SESSION)
    assert (bars.count, bars.severity, bars.examples) == (7, Severity.INFO, ("2024-07-03: 7 missing",))
    assert (session.count, session.examples) == (1, ("2024-07-09",))


def test_a_market_without_weekends_is_held_to_every_minute() -> None:
    ts = np.delete(np.arange(0, 20 * 24 * HOUR, HOUR), [30, 31, 400])
    price = 5 + np.sin(np.arange(len(ts)))
    report = check([Bars("BTC", ts, price, price + 1, price - 1, price, price)])
    assert report.calendars == {"BTC": "24/7"}
    assert only(report, Kind.MISSING_BARS).count == 3


def test_times_of_no_known_venue_are_said_to_be_unchecked(market: Market) -> None:
    sundays = market.but(ts=market.bars.ts + 5 * 24 * HOUR)
    report = check([sundays])
    assert report.calendars == {"A": ""}
    assert only(report, Kind.NO_CALENDAR).severity is Severity.INFO


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (2, "2:1"),
        (3, "3:1"),
        (4, "4:1"),
        (7, "7:1"),
        (20, "20:1"),
        (0.5, "1:2 (reverse)"),
        (0.125, "1:8 (reverse)"),
    ],
)
def test_a_split_is_suspected_with_its_ratio_and_its_evidence(
    market: Market, ratio: float, words: str
) -> None:
    before = np.arange(250) < 120
    bars = market.scaled(np.where(before, ratio, 1.0), np.where(before, 1.0, ratio))
    finding = only(check([bars]), Kind.SUSPECTED_SPLIT)
    assert finding.severity is Severity.WARNING
    assert f": {words}, close" in finding.examples[0]
    assert "supports it" in finding.examples[0]
    assert finding.first_at == int(market.bars.ts[120])


def test_three_for_two_needs_the_volume_to_say_so_too(market: Market) -> None:
    before = np.arange(250) < 120
    factor = np.where(before, 1.5 * market.bars.open[120] / market.bars.close[119], 1.0)
    assert not check([market.scaled(factor)]).of(Kind.SUSPECTED_SPLIT)
    assert check([market.scaled(factor, np.where(before, 1.0, 1.5))]).of(Kind.SUSPECTED_SPLIT)


def test_a_crash_that_is_no_ratio_is_a_jump_and_no_split(market: Market) -> None:
    report = check([market.scaled(np.where(np.arange(250) < 120, 1.9, 1.0))])
    assert not report.of(Kind.SUSPECTED_SPLIT)
    (told,) = only(report, Kind.PRICE_JUMP).examples
    assert "x0.5" in told
    assert "without a bar" not in told


def test_a_jump_after_a_long_silence_says_how_long_it_was(market: Market) -> None:
    later = np.arange(250) >= 120
    bars = market.scaled(np.where(later, 1.0, 1.9))
    report = check([replace(bars, ts=bars.ts + np.where(later, 30 * DAY, 0))])
    assert "after 31 days without a bar" in only(report, Kind.PRICE_JUMP).examples[0]


def test_an_overnight_loss_of_a_fifth_is_no_defect(market: Market) -> None:
    assert check([market.scaled(np.where(np.arange(250) < 120, 1.25, 1.0))]).is_clean


@pytest.mark.parametrize("unit", [100.0, 0.01, 10.0, 0.1])
def test_a_stretch_in_another_unit_is_found_and_is_no_split(market: Market, unit: float) -> None:
    inside = (np.arange(250) >= 60) & (np.arange(250) < 90)
    report = check([market.scaled(np.where(inside, unit, 1.0))])
    assert only(report, Kind.SUSPECTED_UNIT_ERROR).count == 30
    assert not report.of(Kind.SUSPECTED_SPLIT)
    assert not report.of(Kind.PRICE_JUMP)


@pytest.mark.parametrize("column", ["open", "high", "low"])
def test_a_single_price_in_another_unit_is_found(market: Market, column: str) -> None:
    values = getattr(market.bars, column).copy()
    values[33] *= 0.1 if column == "low" else 100
    finding = only(check([market.but(**{column: values})]), Kind.SUSPECTED_UNIT_ERROR)
    assert finding.count == 1
    assert "row 34" in finding.examples[0]


def test_a_unit_that_changes_for_good_is_found_where_it_does(market: Market) -> None:
    finding = only(
        check([market.scaled(np.where(np.arange(250) < 200, 1.0, 100.0))]), Kind.SUSPECTED_UNIT_ERROR
    )
    assert "x100 from here on" in finding.message
    assert finding.first_at == int(market.bars.ts[200])


def test_bars_without_volume_are_worth_knowing_but_no_defect(market: Market) -> None:
    none = check([market.but(volume=np.zeros(250))])
    assert none.is_clean
    assert "no bar has any volume" in only(none, Kind.ZERO_VOLUME).message
    volume = market.bars.volume.copy()
    volume[10:17] = 0
    assert only(check([market.but(volume=volume)]), Kind.ZERO_VOLUME).count == 7


def test_the_same_bar_again_and_again_is_stale_if_it_claims_volume(market: Market) -> None:
    columns = {name: getattr(market.bars, name).copy() for name in ("open", "high", "low", "close")}
    for values in columns.values():
        values[50:58] = values[50]
    finding = only(check([market.but(**columns)]), Kind.STALE)
    assert (finding.severity, finding.count) == (Severity.WARNING, 8)
    volume = market.bars.volume.copy()
    volume[50:58] = 0
    assert only(check([market.but(**columns, volume=volume)]), Kind.STALE).severity is Severity.INFO


def test_each_symbol_is_judged_by_itself(market: Market, daily: Daily) -> None:
    report = check([market.bars, daily([5.0, -5.0], symbol="B")])
    assert {finding.symbol for finding in report.errors} == {"B"}


def test_a_directory_is_one_report(tmp_path: Path, csv_file: File) -> None:
    csv_file(name="1.csv")
    csv_file("B,2024-01-02,1,2,1,2,-3", name="2.csv")
    report = check(tmp_path)
    assert (report.rows, report.symbols) == (3, ("A", "B"))
    assert only(report, Kind.NEGATIVE_VOLUME).symbol == "B"


def test_the_report_is_plain_json(csv_file: File) -> None:
    written = json.loads(json.dumps(check(csv_file("A,2024-01-02,1,2,1,2,-3")).to_dict()))
    assert (written["is_clean"], written["errors"], written["rows"]) == (False, 1, 1)
    finding = written["findings"][0]
    assert (finding["kind"], finding["severity"], finding["symbol"]) == ("negative_volume", "error", "A")
    assert finding["first_at"] == finding["last_at"] == "2024-01-02T00:00:00Z"


cell = st.sampled_from(["1", "2.5", "0", "-1", "nan", "inf", "", "x", "1e999", "1e300", "1e-300", "100"])
time = st.sampled_from(
    [
        "2024-01-02",
        "2024-01-03",
        "2024-01-02T14:30:00Z",
        "5",
        "",
        "x",
        "1970-01-01",
        "2262-04-01",
        "1677-10-01",
    ]
)
row = st.tuples(st.sampled_from(["A", "B", ""]), time, cell, cell, cell, cell, cell).map(",".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(row | st.just("A,2024-01-04"), max_size=8))
def test_dirt_never_raises_and_errors_are_exactly_what_reading_refuses(
    tmp_path: Path, rows: list[str]
) -> None:
    path = tmp_path / "bars.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    report = check(path)
    json.dumps(report.to_dict())
    try:
        read_bars(path)
    except DataError:
        assert report.errors
    else:
        assert not report.errors


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rubbish=st.binary(max_size=400), name=st.sampled_from(["a.csv", "a.csv.gz", "a.parquet"]))
def test_any_bytes_are_a_report(tmp_path: Path, rubbish: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(rubbish)
    assert not check(tmp_path / name).is_clean
