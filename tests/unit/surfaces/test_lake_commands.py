"""`tradewrit data import` into a lake, `data resample` and `data lake`."""

import json
from pathlib import Path

import pytest

from tests.unit.surfaces.console import bar_file, run
from tradewrit.market.calendar import calendar_for
from tradewrit.market.selection import Selection
from tradewrit.market.stamps import read_time
from tradewrit.market.store import read_bars
from tradewrit.market.synth import synthetic_bars

EARLY = "2024-02-01"


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    """Two New York sessions of two symbols."""
    bars = synthetic_bars(["BBB", "AAA"], 780, seed=1, session=calendar_for("NYSE"))
    return bar_file(tmp_path / "minutes.parquet", bars)


def test_an_import_into_a_directory_makes_a_lake_and_the_same_again_changes_nothing(
    minutes: Path, tmp_path: Path
) -> None:
    lake = tmp_path / "lake"
    first = run("data", "import", minutes, lake, "--known-at", EARLY)
    assert first.exit_code == 0, first.stderr
    assert "BBB, AAA, 1m: 1,560 added, 0 known already" in first.stdout.replace("AAA, BBB", "BBB, AAA")
    again = run("data", "import", minutes, lake, "--json")
    told = json.loads(again.stdout)["lake"]
    assert (told["added"], told["same"], told["files"]) == (0, 1560, 0)
    assert [one.symbol for one in read_bars(lake)] == ["AAA", "BBB"]


def test_other_numbers_are_refused_until_they_are_to_replace(minutes: Path, tmp_path: Path) -> None:
    lake, other = tmp_path / "lake", tmp_path / "other.parquet"
    run("data", "import", minutes, lake, "--known-at", EARLY)
    bar_file(other, synthetic_bars(["AAA"], 780, seed=2, session=calendar_for("NYSE")))
    refused = run("data", "import", other, lake)
    assert refused.exit_code == 1
    assert "Import with --replace" in refused.stderr
    done = run("data", "import", other, lake, "--replace", "--known-at", "2024-03-01")
    assert done.exit_code == 0
    assert "replaced" in done.stdout
    before = read_bars(lake, Selection(known_at=read_time("2024-02-15")))
    assert before[0].close.tolist() == read_bars(minutes)[1].close.tolist()
    assert read_bars(lake)[0].close.tolist() == read_bars(other)[0].close.tolist()


def test_a_lake_is_data_for_a_backtest_and_a_check(minutes: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run("data", "import", minutes, lake, "--known-at", EARLY)
    done = run("backtest", "--strategy", "trend_following", "--data", lake, "--json")
    assert json.loads(done.stdout)["bars"] == 1560
    words = ("--from", "2024-01-03", "--symbols", "AAA", "--known-at", "2024-02-02", "--json")
    checked = json.loads(run("check", "trend_following", "--data", lake, *words).stdout)
    assert (checked["bars"], checked["symbols"]) == (390, ["AAA"])
    unknown = run("check", "trend_following", "--data", lake, "--known-at", "2024-01-01")
    assert unknown.exit_code == 1
    assert "no bars known at 2024-01-01T00:00:00Z" in unknown.stderr


def test_resampling_says_what_it_left_out(minutes: Path, tmp_path: Path) -> None:
    target = tmp_path / "days.csv"
    words = ("--interval", "1d", "--calendar", "NYSE")
    done = run("data", "resample", minutes, target, *words, "--symbols", "AAA")
    assert done.exit_code == 0, done.stderr
    assert "780 bars read, sessions of NYSE" in done.stdout
    assert "left out" not in done.stdout
    (days,) = read_bars(target)
    assert len(days) == 2
    always = synthetic_bars(["A"], 3000, seed=1)
    told = json.loads(
        run("data", "resample", bar_file(tmp_path / "b.csv", always), tmp_path / "h.csv", "--interval", "1h",
            "--calendar", "NYSE", "--json").stdout
    )  # fmt: skip
    assert told["left_out"] > 0
    assert told["rows_read"] == 3000


def test_a_lake_can_be_resampled_into_itself(minutes: Path, tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    run("data", "import", minutes, lake, "--known-at", EARLY)
    done = run("data", "resample", lake, lake, "--interval", "1h", "--known-at", EARLY)
    assert done.exit_code == 0, done.stderr
    shown = run("data", "lake", lake)
    assert [line.split()[:2] for line in shown.stdout.splitlines()[1:3]] == [["1h", "2"], ["1m", "2"]]
    told = json.loads(run("data", "lake", lake, "--json").stdout)
    assert [one["interval"] for one in told["bars"]] == ["1h", "1m"]
    assert len(told["imports"]) == 2
    ambiguous = run("backtest", "--data", lake)
    assert ambiguous.exit_code == 1
    assert "has bars of 1h, 1m; name one" in ambiguous.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("import", "minutes.parquet", "out.csv", "--known-at", "2024-01-01"), 2, "only a lake"),
        (("import", "minutes.parquet", "out.csv", "--replace"), 2, "only a lake"),
        (("import", "minutes.parquet", "lake", "--known-at", "yesterday"), 2, "is not a time"),
        (("import", "minutes.parquet", "full"), 1, "a directory, but no lake"),
        (("resample", "minutes.parquet", "out.csv", "--interval", "soon"), 1, "is no bar length"),
        (("resample", "minutes.parquet", "out.csv", "--interval", "1m"), 1, "cannot become bars of 1m"),
        (("resample", "minutes.parquet", "out.csv"), 2, "--interval"),
        (("lake", "full"), 1, "not a lake"),
    ],
)
def test_a_mistake_is_explained_and_nothing_is_written(
    minutes: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(minutes.parent)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("x")
    done = run("data", *words)
    assert done.exit_code == code
    assert said in " ".join(done.stderr.replace("│", " ").split())
    assert {path.name for path in tmp_path.iterdir()} == {"minutes.parquet", "full"}
