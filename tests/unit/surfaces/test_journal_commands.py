"""`tradewrit journal show|verify|replay|head` on journals whole and damaged."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.unit.surfaces.console import market, run, shell
from tradewrit.research.backtest.events import Run
from tradewrit.research.backtest.events import run as backtest
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.journal.heads import read_head
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.replay import snapshot_of
from tradewrit.runtime.strategies import load_strategy

ID = "0123456789abcdef" * 2


class Kept:
    """A journal on disk, the run it records, and its exported head."""

    def __init__(self, folder: Path) -> None:
        self.file, self.head = folder / "j.sqlite", folder / "head.json"
        journal = SqliteJournal.open(self.file, id=ID, synchronous="OFF")
        self.run: Run = backtest(market(2, 300), load_strategy("trend_following"), Setup(), journal=journal)
        self.records = journal.head(self.run.stream).seq
        self.trade = next(
            record.entry.trace
            for record in journal.read(self.run.stream)
            if record.entry.type == "position.trade.closed"
        )
        journal.save_snapshot(snapshot_of(self.run.books, self.run.stream, self.records))
        journal.close()
        assert run("journal", "head", self.file, "--out", self.head).exit_code == 0


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """A whole journal; tests that damage one copy it."""
    return Kept(tmp_path_factory.mktemp("journal"))


@pytest.fixture
def copy(kept: Kept, tmp_path: Path) -> Path:
    """The journal's file, to be damaged."""
    return Path(shutil.copy(kept.file, tmp_path / "copy.sqlite"))


def edit(file: Path, *statements: str) -> None:
    """What somebody with an SQLite tool can do."""
    connection = sqlite3.connect(file)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def lines(*words: str | Path) -> list[dict[str, Any]]:
    """The records of `journal show --json`."""
    done = run("journal", "show", *words, "--json")
    assert done.exit_code == 0
    return [json.loads(line) for line in done.stdout.splitlines()]


# Show


def test_show_prints_the_last_fifty_and_says_how_many_there_are(kept: Kept) -> None:
    done = run("journal", "show", kept.file)
    assert done.exit_code == 0
    rows = done.stdout.splitlines()
    assert rows[0].split()[:2] == ["record", "time"]
    assert len(rows) == 51
    assert rows[-1].split()[0] == str(kept.records)
    assert done.stderr == f"the last 50 of {kept.records:,} records; --all shows every one\n"


def test_show_gives_every_record_as_a_line_of_json_with_the_event_as_it_was_recorded(kept: Kept) -> None:
    found = lines(kept.file, "--all")
    assert [line["seq"] for line in found] == list(range(1, kept.records + 1))
    assert set(found[0]) == {
        *("stream", "seq", "at", "recorded_at", "type", "source", "caused_by", "correlation", "trace"),
        *("agent_id", "token_id", "event", "hash"),
    }
    assert found[0]["event"]["initial_cash"] == "100000"
    assert found[-1]["hash"] == read_head(kept.head).hash


def test_show_selects_by_trade_by_type_and_by_number(kept: Kept) -> None:
    of_trade = lines(kept.file, "--trade", kept.trade[:6])
    assert {line["trace"] for line in of_trade} == {kept.trade}
    assert of_trade[-1]["type"] == "strategy.trade.logged"
    fills = lines(kept.file, "--type", "order.fill.*")
    assert {line["type"] for line in fills} == {"order.fill.completed"}
    assert lines(kept.file, "--type", "order.filled") == fills  # the other spelling of the same fact
    assert lines(kept.file, "--type", "order.fill.*", "--last", "2") == fills[-2:]
    assert lines(kept.file, "--stream", kept.run.stream, "--last", "1") == lines(kept.file, "--last", "1")


def test_show_says_so_when_nothing_fits(kept: Kept) -> None:
    done = run("journal", "show", kept.file, "--trade", "nobody")
    assert (done.exit_code, done.stdout) == (0, "no such records\n")


def test_show_tells_every_recorded_event_in_words(kept: Kept) -> None:
    out = run("journal", "show", kept.file, "--all").stdout
    assert "order.submit.requested  entry: buy " in out
    assert "position.track.opened  " in out
    assert "account.journal.opened  paper: 100,000 USD, strategy trend_following" in out
    assert len(out.splitlines()) == kept.records + 1


def test_show_stops_at_a_record_that_was_edited_and_prints_what_was_good(copy: Path) -> None:
    edit(copy, "UPDATE journal SET source = 'nobody' WHERE seq = 20")
    done = run("journal", "show", copy, "--all", "--json")
    assert done.exit_code == 1
    assert [json.loads(line)["seq"] for line in done.stdout.splitlines()] == list(range(1, 20))
    assert "record 20 was altered" in done.stderr
    table = run("journal", "show", copy, "--last", "3")
    assert table.exit_code == 1
    assert [line.split()[0] for line in table.stdout.splitlines()[1:]] == ["17", "18", "19"]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("--all", "--last", "3"), 2, "exclude each other"),
        (("--last", "0"), 2, "greater than or equal to 1"),
        (("--type", "order..x"), 1, "is not a topic pattern"),
        (
            ("--stream", "acct:nobody"),
            1,
            "there is no stream 'acct:nobody' in this journal; it has acct:paper",
        ),
    ],
)
def test_show_refuses_what_cannot_be_meant(words: tuple[str, ...], code: int, why: str, kept: Kept) -> None:
    done = run("journal", "show", kept.file, *words)
    assert (done.exit_code, done.stdout) == (code, "")
    assert why in done.stderr


# Verify


def test_verify_is_content_with_a_whole_journal(kept: Kept) -> None:
    done = shell("journal", "verify", kept.file, "--head", kept.head)
    assert (done.returncode, done.stderr) == (0, "")
    assert "intact" in done.stdout
    assert "ends there" in done.stdout
    found = json.loads(run("journal", "verify", kept.file, "--json").stdout)
    assert found == {
        "ok": True,
        "journal_id": ID,
        "streams": [
            {
                "stream": "acct:paper",
                "intact": True,
                "records": kept.records,
                "last_good": kept.records,
                "head": read_head(kept.head).hash,
                "fault": None,
            }
        ],
    }


DAMAGE = {
    "a changed byte": (
        "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'SYN', 'SYM') AS BLOB) WHERE seq = 40",
        40,
    ),
    "a changed time": ("UPDATE journal SET ts_event = ts_event + 1 WHERE seq = 30", 30),
    "a removed record": ("DELETE FROM journal WHERE seq = 25", 26),
    "a reordered record": (
        "UPDATE journal SET seq = CASE seq WHEN 50 THEN -51 ELSE -50 END WHERE seq IN (50, 51)",
        None,
    ),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_verify_names_the_first_bad_record_and_the_last_good_one(kind: str, copy: Path) -> None:
    statement, first_bad = DAMAGE[kind]
    edit(copy, statement, "UPDATE journal SET seq = -seq WHERE seq < 0")
    done = shell("journal", "verify", copy)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout
    found = json.loads(run("journal", "verify", copy, "--json").stdout)
    assert found["ok"] is False
    [stream] = found["streams"]
    assert stream["fault"] in done.stderr
    assert f"good up to record {stream['last_good']}" in done.stderr
    if first_bad is not None:
        assert f"record {first_bad} " in stream["fault"]
        assert stream["last_good"] == {26: 24}.get(first_bad, first_bad - 1)


def test_verify_sees_a_cut_tail_only_against_a_head(copy: Path, kept: Kept) -> None:
    edit(copy, f"DELETE FROM journal WHERE seq > {kept.records - 3}")
    assert run("journal", "verify", copy).exit_code == 0
    done = run("journal", "verify", copy, "--head", kept.head)
    assert done.exit_code == 1
    assert f"records {kept.records - 2} to {kept.records} were cut off" in done.stderr


def test_verify_sees_a_rebuilt_chain_against_a_head(tmp_path: Path, kept: Kept) -> None:
    file = tmp_path / "rebuilt.sqlite"
    with_other_rules = SqliteJournal.open(file, id=ID, synchronous="OFF")
    backtest(
        market(2, 300),
        load_strategy("trend_following"),
        Setup(seed=301, currency="EUR"),
        journal=with_other_rules,
    )
    with_other_rules.close()
    assert run("journal", "verify", file).exit_code == 0
    done = run("journal", "verify", file, "--head", kept.head)
    assert done.exit_code == 1
    assert "the chain was rebuilt; no record of it can be vouched for" in done.stderr


def test_verify_sees_that_a_whole_stream_is_gone(copy: Path, kept: Kept) -> None:
    edit(copy, "DELETE FROM journal")
    assert "a journal without records" in run("journal", "verify", copy).stdout
    done = run("journal", "verify", copy, "--head", kept.head)
    assert done.exit_code == 1
    assert f"records 1 to {kept.records} were cut off" in done.stderr


def test_verify_checks_every_stream(copy: Path) -> None:
    with_more = SqliteJournal.open(copy, synchronous="OFF")
    entry = Entry(type="account.halt", at=1, body=b"{}")
    for stream in ("acct:b", "acct:c"):
        with_more.append(stream, [entry, entry], expected_seq=0, recorded_at=1)
    with_more.close()
    edit(copy, "UPDATE journal SET source = 'x' WHERE stream = 'acct:c' AND seq = 2")
    found = json.loads(run("journal", "verify", copy, "--json").stdout)
    assert [(one["stream"], one["intact"]) for one in found["streams"]] == [
        ("acct:b", True),
        ("acct:c", False),
        ("acct:paper", True),
    ]


def test_verify_refuses_the_head_of_another_journal(copy: Path, tmp_path: Path, kept: Kept) -> None:
    other = tmp_path / "other.json"
    other.write_text(kept.head.read_text().replace(ID, "f" * 32))
    done = run("journal", "verify", copy, "--head", other)
    assert done.exit_code == 1
    assert "not of acct:paper in journal" in done.stderr


def _text(path: Path) -> None:
    path.write_text("symbol,ts\n" * 200)


NOT_JOURNALS: dict[str, Callable[[Path], None]] = {
    "nothing": lambda _path: None,
    "an empty file": Path.touch,
    "a text": _text,
    "a directory": Path.mkdir,
    "another database": lambda path: edit(path, "CREATE TABLE t (a)"),
}


@pytest.mark.parametrize("words", [("show",), ("verify", "--json"), ("replay",), ("head",)], ids=" ".join)
@pytest.mark.parametrize("kind", NOT_JOURNALS)
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(
    kind: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    NOT_JOURNALS[kind](file)
    done = run("journal", *words, file)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {file}: ")
    assert [path.name for path in tmp_path.iterdir()] == ([] if kind == "nothing" else ["file"])


@pytest.mark.parametrize(
    "text", ["", "{}", "not json", '{"journal_id": "x", "stream": "s", "seq": 1, "hash": ""}']
)
def test_a_file_that_is_no_head_is_refused(text: str, tmp_path: Path, kept: Kept) -> None:
    head = tmp_path / "head.json"
    head.write_text(text)
    done = run("journal", "verify", kept.file, "--head", head)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "is not an exported head" in done.stderr


def test_looking_at_a_journal_changes_no_byte_of_it(copy: Path) -> None:
    before = copy.read_bytes()
    for command in ("show", "verify", "replay", "head"):
        assert run("journal", command, copy).exit_code == 0
    assert copy.read_bytes() == before
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]


def test_a_journal_in_use_can_be_looked_at(copy: Path) -> None:
    writer = SqliteJournal.open(copy, synchronous="OFF")
    writer.append("acct:b", [Entry(type="account.halt", at=1, body=b"{}")], expected_seq=0, recorded_at=1)
    found = json.loads(run("journal", "verify", copy, "--json").stdout)
    writer.close()
    assert [one["stream"] for one in found["streams"]] == ["acct:b", "acct:paper"]


# Replay


def test_replay_folds_to_the_books_that_the_run_ended_with(kept: Kept) -> None:
    books = kept.run.books
    done = run("journal", "replay", kept.file, "--head", kept.head, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    [found] = json.loads(done.stdout)["streams"]
    assert found["state_hash"] == books.state_hash
    assert found["snapshot_agrees"] is True
    assert found["cash"] == str(books.cash)
    assert found["closed_trades"] == len(kept.run.result.trades)
    assert found["open_trades"] == list(books.trades)
    assert set(found["positions"]) == set(books.positions)


def test_replay_tells_the_books_in_a_table(kept: Kept) -> None:
    out = run("journal", "replay", kept.file).stdout
    assert kept.run.books.state_hash in out
    assert "the same books" in out
    assert f"{len(kept.run.result.trades)}, " in out


def test_replay_refuses_an_edited_journal(copy: Path) -> None:
    edit(copy, "UPDATE journal SET source = 'nobody' WHERE seq = 20")
    done = run("journal", "replay", copy)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "record 20 was altered" in done.stderr


def test_replay_holds_the_chain_against_a_head_first(copy: Path, kept: Kept) -> None:
    edit(copy, f"DELETE FROM journal WHERE seq = {kept.records}")
    done = run("journal", "replay", copy, "--head", kept.head)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "cut off" in done.stderr


def test_replay_says_when_the_snapshot_holds_other_books(copy: Path, kept: Kept) -> None:
    journal = SqliteJournal.open(copy, synchronous="OFF")
    # One record too early: whole, sealed, and wrong.
    journal.save_snapshot(snapshot_of(kept.run.books, kept.run.stream, 5))
    journal.close()
    edit(copy, f"DELETE FROM snapshots WHERE seq = {kept.records}")
    done = run("journal", "replay", copy)
    assert done.exit_code == 1
    assert "OTHER books" in done.stdout
    assert "the snapshot holds other books than its records fold to" in done.stderr


def test_a_record_of_a_newer_version_is_named(tmp_path: Path) -> None:
    file = tmp_path / "j.sqlite"
    journal = SqliteJournal.open(file, id=ID, synchronous="OFF")
    journal.append(
        "acct:a", [Entry(type="order.future.thing", at=1, body=b"{}")], expected_seq=0, recorded_at=1
    )
    journal.close()
    done = run("journal", "replay", file)
    assert done.exit_code == 1
    assert "written by a newer version" in done.stderr
    assert run("journal", "verify", file).exit_code == 0


# Head


def test_head_exports_the_end_of_the_only_stream(kept: Kept, tmp_path: Path) -> None:
    out = tmp_path / "head.json"
    done = run("journal", "head", kept.file, "--out", out, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["heads"] == [json.loads(out.read_text())]
    assert read_head(out).seq == kept.records


def test_head_asks_which_stream_when_there_are_several(copy: Path, tmp_path: Path) -> None:
    journal = SqliteJournal.open(copy, synchronous="OFF")
    journal.append("acct:b", [Entry(type="account.halt", at=1, body=b"{}")], expected_seq=0, recorded_at=1)
    journal.close()
    out = tmp_path / "head.json"
    done = run("journal", "head", copy, "--out", out)
    assert done.exit_code == 1
    assert "has 2 streams and a head file holds one; name it with --stream" in done.stderr
    assert not out.exists()
    assert run("journal", "head", copy, "--out", out, "--stream", "acct:b").exit_code == 0
    assert read_head(out).stream == "acct:b"


def test_head_says_when_it_cannot_be_written(kept: Kept, tmp_path: Path) -> None:
    done = run("journal", "head", kept.file, "--out", tmp_path / "none" / "head.json")
    assert done.exit_code == 1
    assert "cannot write the head" in done.stderr
