"""`tradewrit data check|import`."""

import json
from pathlib import Path

import pytest

from tests.unit.surfaces.console import bar_file, market, run, shell
from tradewrit.market.store import read_bars

VENDOR = (
    "Date;Time;Open;High;Low;Close;Volume\n"
    "02.01.2024;09:31;10;11;9;10.5;1,000\n"
    "02.01.2024;09:32;10.5;12;10;11;2,000\n"
    "02.01.2024;09:33;11;11;11;11;-\n"
)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """A file without errors."""
    return bar_file(tmp_path / "bars.csv", market(2, 50))


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """A file as no contract describes it."""
    file = tmp_path / "vendor.txt"
    file.write_text(VENDOR)
    return file


def dirty(clean: Path, place: int, old: str, new: str) -> Path:
    """The file with one row changed."""
    rows = clean.read_text().splitlines()
    rows[place] = rows[place].replace(old, new)
    file = clean.with_name("dirty.csv")
    file.write_text("\n".join(rows) + "\n")
    return file


def test_check_is_content_with_data_that_a_backtest_takes(clean: Path) -> None:
    done = run("data", "check", clean)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{clean}: ")
    assert ", 2 symbols, 2024-01-02 14:30 to " in done.stdout
    found = json.loads(run("data", "check", clean, "--json").stdout)
    assert found["errors"] == 0
    assert found["symbols"] == ["SYN000", "SYN001"]


def test_check_lists_errors_first_with_their_places_and_fails(clean: Path) -> None:
    file = dirty(clean, 5, "SYN000", "")
    done = shell("data", "check", file)
    assert done.returncode == 1
    assert done.stderr == f"error: {file}: 1 error; a backtest refuses this data\n"
    rows = [line for line in done.stdout.splitlines() if line.startswith(("error", "warning", "info"))]
    assert rows[0].startswith("error")
    assert [row.split()[0] for row in rows] == sorted(
        (row.split()[0] for row in rows), key=["error", "warning", "info"].index
    )
    assert run("backtest", "--data", file).exit_code == 1


def test_check_says_the_same_as_json(clean: Path) -> None:
    file = dirty(clean, 5, ",", ",-")
    done = run("data", "check", file, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert found["errors"] == sum(one["severity"] == "error" for one in found["findings"]) > 0


def test_a_warning_is_no_failure(clean: Path) -> None:
    rows = clean.read_text().splitlines()
    name, ts, open_, _, low, close, volume = rows[5].split(",")
    rows[5] = f"{name},{ts},{open_},{low},{low},{close},{volume}"
    clean.write_text("\n".join(rows) + "\n")
    done = run("data", "check", clean)
    assert done.exit_code == 0
    assert "ohlc_violation" in done.stdout
    assert "usable: no errors, but look at the warnings" in done.stdout


def test_check_holds_the_times_against_the_calendar_that_is_named(clean: Path) -> None:
    assert "sessions of NYSE" in run("data", "check", clean, "--calendar", "nyse").stdout
    done = run("data", "check", clean, "--calendar", "MOON")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "unknown calendar 'MOON'" in done.stderr


@pytest.mark.parametrize(("name", "text"), [("none.csv", None), ("bars.txt", "x"), ("folder", None)])
def test_check_refuses_what_is_no_bar_file(name: str, text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    done = run("data", "check", tmp_path / name)
    assert (done.exit_code, done.stdout) == (1, "")
    assert str(tmp_path / name) in done.stderr


def test_a_file_that_cannot_be_decoded_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "bars.parquet"
    file.write_text("not parquet")
    done = run("data", "check", file, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["findings"][0]["kind"] == "unreadable"


def test_import_turns_a_vendors_file_into_one_that_a_backtest_takes(vendor: Path, tmp_path: Path) -> None:
    target = tmp_path / "bars.parquet"
    words = ("--symbol", "AAPL", "--timezone", "America/New_York", "--bar-time", "close", "--drop-incomplete")
    done = shell("data", "import", vendor, target, "--column", "ts=Date+Time", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{vendor}: 3 rows read\n{target}: 2 rows written, AAPL" in done.stdout
    assert "incomplete row(s) left out: 3" in done.stdout
    [bars] = read_bars(target)
    assert (bars.symbol, len(bars)) == ("AAPL", 2)
    assert bars.volume.tolist() == [1000.0, 2000.0]
    # 09:31 in New York is the end of the first minute of the session.
    assert bars.ts[0] == 1_704_205_800_000_000_000
    assert run("data", "check", target).exit_code == 0


def test_import_reports_as_json(vendor: Path, tmp_path: Path) -> None:
    done = run(
        *("data", "import", vendor, tmp_path / "bars.csv", "--symbol", "A", "--drop-incomplete", "--json"),
        *("--column", "ts=Date+Time", "--date-format", "%d.%m.%Y %H:%M", "--interval", "1m"),
    )
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["rows_read"], found["rows_written"], found["symbols"]) == (3, 2, ["A"])
    assert found["columns"]["ts"] == "Date+Time"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "not imported: "),
        (("--symbol", "A"), "--drop-incomplete"),
        (("--symbol", "A", "--timezone", "Mars/Olympus"), "Mars/Olympus"),
        (("--symbol", "A", "--date-format", "%Y"), "not every time reads as '%Y'"),
        (("--symbol", "A", "--drop-incomplete", "--bar-time", "close", "--interval", "7x"), "7x"),
        (("--symbol", "A", "--column", "close=Nothing"), "Nothing"),
    ],
)
def test_import_that_would_have_to_guess_is_refused_and_writes_nothing(
    words: tuple[str, ...], why: str, vendor: Path, tmp_path: Path
) -> None:
    target = tmp_path / "bars.csv"
    target.write_text("from yesterday\n")
    done = run("data", "import", vendor, target, "--column", "ts=Date+Time", *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert why in done.stderr
    assert target.read_text() == "from yesterday\n"


def test_import_onto_itself_or_into_an_unknown_format_is_refused(vendor: Path, tmp_path: Path) -> None:
    words = ("--symbol", "A", "--column", "ts=Date+Time", "--drop-incomplete")
    assert "same file" in run("data", "import", vendor, vendor, *words).stderr
    done = run("data", "import", vendor, tmp_path / "bars.xlsx", *words)
    assert done.exit_code == 1
    assert vendor.read_text() == VENDOR


@pytest.mark.parametrize("words", [("--column", "close"), ("--column", "=x"), ("--bar-time", "noon"), ()])
def test_wrong_use_of_import_is_exit_code_2(words: tuple[str, ...], vendor: Path) -> None:
    target = ("bars.csv",) if words else ()
    done = run("data", "import", vendor, *target, *words)
    assert (done.exit_code, done.stdout) == (2, "")
