"""`tradewrit demo`: what it writes, what it tells, and what it leaves alone."""

import csv
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.surfaces.console import run, shell
from tradewrit.research import demo
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.journal.sqlite_file import Synchronous

SUMMARY = (
    *("trades", "orders", "fills", "events", "final_equity", "journal_verified", "replay_hash_equal"),
    "report",
)
FILES = ["bars.csv", "demo.json", "head.json", "home", "journal.sqlite", "report.html", "trades.csv"]


class Finished:
    """One demo, told and as an object; made once for all tests here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        told = run("demo", "--out", folder)
        assert (told.exit_code, told.stderr) == (0, "")
        self.told = told.stdout
        self.ids = json.loads((folder / "head.json").read_text())
        again = run("demo", "--out", folder, "--json")
        assert (again.exit_code, again.stderr) == (0, "")
        self.summary = json.loads(again.stdout, parse_float=Decimal)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A demo that ran twice into the same folder."""
    return Finished(tmp_path_factory.mktemp("demo") / "runs" / "demo")


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a demo run on the first weeks only, where the numbers do not matter."""
    bars = [one.head(60) for one in demo.demo_bars()]
    monkeypatch.setattr(demo, "demo_bars", lambda: bars)


def test_json_is_one_object_with_the_keys_that_scripts_rely_on(finished: Finished) -> None:
    found = finished.summary
    assert tuple(found) == SUMMARY
    assert found["journal_verified"] is True
    assert found["replay_hash_equal"] is True
    assert found["report"] == str(finished.folder / "report.html")
    assert all(type(found[name]) is int for name in ("trades", "orders", "fills", "events"))


def test_the_counts_are_those_of_the_files(finished: Finished) -> None:
    found = finished.summary
    rows = list(csv.DictReader((finished.folder / "trades.csv").read_text().splitlines()))
    assert found["trades"] == len(rows) > 100
    lines = run("journal", "show", finished.folder / "journal.sqlite", "--all", "--json").stdout.splitlines()
    types = [json.loads(line)["type"] for line in lines]
    assert found["events"] == len(types)
    assert found["orders"] == types.count("order.submit.requested")
    assert found["fills"] == types.count("order.fill.completed") + types.count("order.fill.partial")
    # Every trade closed by one fill, every open one entered by another.
    assert found["fills"] > 2 * found["trades"]


def test_it_writes_a_folder_and_names_every_file_in_it(finished: Finished) -> None:
    assert sorted(path.name for path in finished.folder.iterdir()) == FILES
    for name in FILES:
        if name != "demo.json":
            assert str(finished.folder / name) in finished.told


def test_it_tells_one_trade_in_thirteen_steps_from_scan_to_log(finished: Finished) -> None:
    story = finished.told.partition("One trade")[2].partition("Results")[0]
    heads = [line for line in story.splitlines() if line[:2].strip().isdigit()]
    assert [int(line[:2]) for line in heads] == list(range(1, 14))
    names = [line[2:20].strip() for line in heads]
    assert names == [
        *("scan", "evaluate", "risk", "entry order", "entry fill", "track", "stop at broker", "hold"),
        *("exit hit", "exit order", "exit fill", "close", "log"),
    ]
    assert "target reached" in story
    for agent in ("strategist", "risk_officer", "executor", "position_keeper"):
        assert agent in story


def test_the_numbers_of_the_story_stand_in_the_journal(finished: Finished) -> None:
    trade = finished.told.rpartition("--trade ")[2].split()[0]
    shown = run("journal", "show", finished.folder / "journal.sqlite", "--trade", trade, "--json").stdout
    events = [json.loads(line)["event"] for line in shown.splitlines()]
    closed = next(event for event in events if event["event"] == "position.trade.closed")
    assert closed["reason"] == "target"
    assert f"P&L {closed['pnl']}" in finished.told
    assert Decimal(closed["gross"]) - Decimal(closed["fees"]) == Decimal(closed["pnl"])


def test_what_it_suggests_to_try_next_works(finished: Finished, tmp_path: Path) -> None:
    suggested = [line.split() for line in finished.told.splitlines() if line.startswith("  tradewrit ")]
    assert len(suggested) == 3
    for _, *words in suggested:
        assert run(*words).exit_code == 0
    trades = tmp_path / "mine.csv"
    again = run("backtest", "--data", finished.folder / "bars.csv", "--trades", trades)
    assert again.exit_code == 0
    assert trades.read_text() == (finished.folder / "trades.csv").read_text()


def test_the_same_seed_gives_the_same_journal_to_the_last_hash(finished: Finished) -> None:
    assert json.loads((finished.folder / "head.json").read_text()) == finished.ids


def test_another_seed_gives_other_ids_and_the_same_trades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    heads, trades = [], []
    for seed in ("0", "1"):
        folder = tmp_path / seed
        assert run("demo", "--out", folder, "--seed", seed, "--json").exit_code == 0
        heads.append(json.loads((folder / "head.json").read_text()))
        trades.append((folder / "trades.csv").read_text())
    assert heads[0]["journal_id"] != heads[1]["journal_id"]
    assert heads[0]["hash"] != heads[1]["hash"]
    assert trades[0] == trades[1]


def test_waiting_for_the_disk_changes_nothing_but_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    opened: list[str] = []
    original = SqliteJournal.open

    def watched(*args: Any, synchronous: Synchronous, **given: Any) -> SqliteJournal:
        opened.append(synchronous)
        return original(*args, synchronous=synchronous, **given)

    monkeypatch.setattr(SqliteJournal, "open", watched)
    for name, words in (("normal", ()), ("full", ("--full-sync",))):
        assert run("demo", "--out", tmp_path / name, "--json", *words).exit_code == 0
    assert opened == ["NORMAL", "FULL"]
    assert (tmp_path / "normal" / "head.json").read_text() == (tmp_path / "full" / "head.json").read_text()


def test_the_report_asks_nobody_for_anything(finished: Finished) -> None:
    page = (finished.folder / "report.html").read_text()
    assert "Quandl WIKI prices, declared public domain" in page
    assert "no evidence that the strategy earns" in page
    assert 'src="http' not in page
    assert 'href="http' not in page


# The folder


def test_a_folder_with_other_peoples_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine")
    done = shell("demo", "--out", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "are left alone; choose another folder with --out" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text() == "mine"


def test_a_note_that_names_other_files_deletes_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    folder = tmp_path / "demo"
    folder.mkdir()
    (tmp_path / "precious").write_text("mine")
    (folder / "thesis.tex").write_text("mine too")
    (folder / "demo.json").write_text(
        '{"made_by": "tradewrit demo", "files": ["../precious", "thesis.tex", "trades.csv"]}'
    )
    assert run("demo", "--out", folder, "--json").exit_code == 0
    assert (tmp_path / "precious").read_text() == "mine"
    assert (folder / "thesis.tex").read_text() == "mine too"


@pytest.mark.parametrize("note", ["", "{}", '{"made_by": "somebody", "files": []}', "[1]"])
def test_a_folder_whose_note_is_not_ours_is_refused(note: str, tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text(note)
    done = run("demo", "--out", tmp_path)
    assert done.exit_code == 1
    assert (tmp_path / "demo.json").read_text() == note


def test_what_an_interrupted_demo_left_is_recognised_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small(monkeypatch)
    folder = tmp_path / "demo"

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(demo, "run", interrupt)
        done = run("demo", "--out", folder)
    assert done.exit_code == 130
    assert done.stderr == "error: interrupted; nothing was half-written\n"
    assert (folder / "journal.sqlite").exists()
    assert run("demo", "--out", folder, "--json").exit_code == 0


@pytest.mark.parametrize("is_nested", [False, True])
def test_a_place_that_cannot_be_a_folder_is_named(is_nested: bool, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    done = run("demo", "--out", file / "demo" if is_nested else file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: cannot write to {file}")


def test_without_the_sample_prices_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradewrit.market.sample.importlib.util.find_spec", lambda _name: None)
    done = run("demo", "--out", tmp_path / "demo")
    assert done.exit_code == 1
    assert "pip install 'tradewrit[demo]'" in done.stderr
