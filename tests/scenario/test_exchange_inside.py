"""`tradewrit run --broker paper`: the exchange in the desk's process fails, and its user is told what did."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenario.test_live_processes import home
from tests.unit.surfaces.console import PROGRAM, bar_file, market
from tradewrit.errors import OurFault
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.surfaces.cli.exchange_inside import Inside, exchange_inside

__all__ = ["home"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a desk's door is a Unix socket")


FULL_DISK = """
from tradewrit.brokers.paper.http.inputs import BarsClosed, InputFile
from tradewrit.errors import OurFault

added, seen = InputFile.add, []

def add(self, one):
    seen.append(one)
    if sum(isinstance(each, BarsClosed) for each in seen) > {bars}:
        raise OurFault(f"{{self.path}}: cannot be written: No space left on device")
    added(self, one)

InputFile.add = add
"""
BUG = """
from tradewrit.brokers.paper.http.replay import Replay

async def broken(*_):
    raise KeyError("AAPL")

Replay.run = broken
"""


def started(folder: Path, fault: str, data: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """A desk with an exchange of its own, in which this is wrong."""
    data = data or bar_file(folder / "bars.parquet", market(2, 60))
    command = ["run", "--data", data, "--speed", "max", "--journal", folder / "desk.sqlite"]
    return subprocess.run(
        [sys.executable, "-c", fault + PROGRAM, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("bars", [0, 25], ids=["at its first bar", "in the middle"])
def test_an_exchange_that_fails_ends_the_desk_in_good_order_and_says_why(tmp_path: Path, bars: int) -> None:
    done = started(tmp_path, FULL_DISK.format(bars=bars))
    said = " ".join(done.stderr.split())
    assert done.returncode == 1, said
    assert "error: the paper exchange of this desk has failed: its market failed: " in said
    assert "No space left on device" in said
    assert "desk.sqlite.exchange.jsonl: the same command goes on from there" in said
    assert "Traceback" not in said, "a full disk is no bug"
    if not bars:
        return  # no desk was begun
    assert "stopping: the paper exchange of this desk has failed" in said
    assert "stopped: the writs and the lease are given up" in said
    journal = SqliteJournal.open(tmp_path / "desk.sqlite", read_only=True)
    assert journal.verify("acct:paper").is_intact
    journal.close()
    again = started(tmp_path, FULL_DISK.format(bars=5))
    assert "crash" not in again.stderr, "it was no crash"


def test_other_bars_than_the_account_has_seen_are_no_way_to_go_on(tmp_path: Path) -> None:
    started(tmp_path, FULL_DISK.format(bars=25))
    other = bar_file(tmp_path / "other.parquet", market(2, 60, seed=8))
    done = started(tmp_path, "", other)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "these are other bars than the exchange has seen before" in said
    assert "Traceback" not in said


def test_a_desk_whose_first_line_nobody_reads_runs_all_the_same(tmp_path: Path) -> None:
    """As in `tradewrit run ... | head`: only the exchange's failure ends it here."""
    data = bar_file(tmp_path / "bars.parquet", market(2, 60))
    command = ["run", "--data", data, "--speed", "max", "--journal", tmp_path / "desk.sqlite"]
    gone, writes = os.pipe()
    os.close(gone)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK.format(bars=25) + PROGRAM, *map(str, command)],
        stdout=writes,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    os.close(writes)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "stopped: the writs and the lease are given up" in done.stderr


def test_a_bug_in_the_market_is_told_by_its_name_and_its_trace(tmp_path: Path) -> None:
    done = started(tmp_path, BUG)
    assert done.returncode == 1
    assert "its market failed: KeyError: 'AAPL'" in " ".join(done.stderr.split())
    assert "the replay failed" in done.stderr
    assert ", in broken" in done.stderr


def test_whoever_watches_too_late_is_told_all_the_same(tmp_path: Path) -> None:
    def fails(began: object) -> None:
        began("http://nowhere")  # type: ignore[operator]
        raise OurFault("disk full")

    heard: list[str] = []
    with exchange_inside(fails, lambda: None, tmp_path / "x") as inside:
        inside.join()
        inside.watch(heard.append)
        assert heard == ["disk full"]
        with pytest.raises(OurFault, match=r"disk full.*x: the same command"):
            inside.check()


def test_an_exchange_that_is_well_says_nothing(tmp_path: Path) -> None:
    one = Inside(lambda began: began("http://nowhere"), tmp_path / "x")
    one.begin()
    one.join()
    heard: list[str] = []
    one.watch(heard.append)
    one.check()
    assert (heard, one.why) == ([], "")
