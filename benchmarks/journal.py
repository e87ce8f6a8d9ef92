"""What a durable event costs, as a multiple of a bare SQLite insert + commit at the same setting.

    python benchmarks/journal.py [--events 500] [--rounds 15] [--folder DIR] [--json]

Both sides write to the same folder in interleaved rounds, so that a busy disk slows both; each
round gives one ratio of wall time, and the median over the rounds is the result. The bare side is
the least SQLite can do: BEGIN, one INSERT of the same body into a table of two columns, COMMIT.
"""

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tradewrit.runtime.clock import draw_journal_id
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.journal.sqlite_file import Synchronous

STREAM = "acct:default/paper"
TARGET = 3.0
# The size of an order event as JSON.
BODY = b'{"type":"OrderAccepted","order_id":"' + b"7" * 26 + b'","reason":"' + b"x" * 490 + b'"}'


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost of the journal against bare SQLite.")
    parser.add_argument("--events", type=int, default=500, help="appends per round and side")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", help="where to write; the system's temporary folder if not given")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
        results = measure(Path(folder), wanted.events, wanted.rounds)
    if wanted.json:
        print(json.dumps(results))
        return
    for setting in ("FULL", "OFF"):
        one = results["durable"][setting]
        print(
            f"synchronous={setting:<5} bare {one['bare_us']:8.1f} us   journal {one['journal_us']:8.1f} us   "
            f"ratio {one['ratio']:.2f} (rounds {one['lowest']:.2f} to {one['highest']:.2f})"
        )
    print(f"target at FULL: at most {TARGET}")
    for name, micros in results["microseconds_per_event"].items():
        print(f"{name:<32} {micros:8.2f} us")


def measure(folder: Path, events: int, rounds: int) -> dict[str, Any]:
    """All figures, in microseconds of wall time per event and as ratios."""
    durable = {setting: against_bare(folder, setting, events, rounds) for setting in ("FULL", "OFF")}
    return {
        "events": events,
        "rounds": rounds,
        "body_bytes": len(BODY),
        "sqlite": sqlite3.sqlite_version,
        "target_ratio": TARGET,
        "durable": durable,
        "microseconds_per_event": other_ways(folder),
    }


def against_bare(folder: Path, setting: Synchronous, events: int, rounds: int) -> dict[str, float]:
    """One event per append, against one insert per commit."""
    bare = bare_table(folder / f"bare-{setting}.sqlite", setting)
    journal = SqliteJournal.open(
        folder / f"journal-{setting}.sqlite", id=draw_journal_id(1), synchronous=setting
    )
    pairs = []
    for number in range(rounds + 1):
        sides = [lambda: insert(bare, events), lambda: append(journal, events, 1)]
        # Who goes first alternates, so that neither always finds the disk idle.
        order = (0, 1) if number % 2 else (1, 0)
        took = {side: timed(sides[side]) / events for side in order}
        pairs.append((took[0], took[1]))
    bare.close()
    journal.close()
    pairs = pairs[1:]
    ratios = [ours / theirs for theirs, ours in pairs]
    return {
        "bare_us": 1e6 * statistics.median(theirs for theirs, _ in pairs),
        "journal_us": 1e6 * statistics.median(ours for _, ours in pairs),
        "ratio": statistics.median(ratios),
        "lowest": min(ratios),
        "highest": max(ratios),
    }


def bare_table(path: Path, setting: Synchronous) -> sqlite3.Connection:
    """The yardstick's table."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {setting}")
    connection.execute("CREATE TABLE bare (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    return connection


def insert(connection: sqlite3.Connection, events: int) -> None:
    """The yardstick."""
    for _ in range(events):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO bare (body) VALUES (?)", (BODY,))
        connection.execute("COMMIT")


def append(journal: Journal, events: int, batch: int) -> None:
    """`events` events, `batch` in each append; every tenth is an outside fact with a dedup key."""
    seq = journal.head(STREAM).seq
    for start in range(seq, seq + events, batch):
        entries = [
            Entry(
                type="order.submit.accepted",
                at=start,
                body=BODY,
                source="executor",
                caused_by=n,
                correlation="scan:0001",
                trace="trade:AAPL:0001",
                dedup_key=None if n % 10 else f"exec:paper:{n}",
            )
            for n in range(start, start + batch)
        ]
        journal.append(STREAM, entries, expected_seq=start, recorded_at=start)


def other_ways(folder: Path) -> dict[str, float]:
    """Batches, memory, and reading back, for whoever wonders."""
    events = 20_000
    memory = MemoryJournal(draw_journal_id(2))
    disk = SqliteJournal.open(folder / "batches.sqlite", id=draw_journal_id(2))
    took = {
        "append in memory, 1 at a time": timed(lambda: append(memory, events, 1)),
        "append FULL, 10 at a time": timed(lambda: append(disk, events, 10)),
        "append FULL, 100 at a time": timed(lambda: append(disk, events, 100)),
        "read and check (SQLite)": timed(lambda: sum(1 for _ in disk.read(STREAM, after=events))),
        "verify (SQLite)": timed(lambda: disk.verify(STREAM)) / 2,
    }
    disk.close()
    return {name: 1e6 * seconds / events for name, seconds in took.items()}


def timed(work: Callable[[], object]) -> float:
    """Wall seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
