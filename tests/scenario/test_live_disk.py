"""A real full disk under a desk that runs: nothing leaves that is not on record, and it goes on by itself.

F-41, R24. The disk is a small file system in memory, which only the superuser of Linux may make.
"""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.scenario.test_live_processes import STRATEGY, Market, Place, exchange, patiently
from tests.scenario.test_live_roads import accepted
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.registry import decode
from tradewrit.domain.orders import Role
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.live.status import Mode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a small disk is made as Linux makes it")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own."""
    monkeypatch.setenv("TRADEWRIT_HOME", str(tmp_path / "home"))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place, mount, umount = tmp_path / "disk", shutil.which("mount"), shutil.which("umount")
    place.mkdir()
    if mount is None or umount is None:
        pytest.skip("there is no mount")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "none", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("only the superuser may make a disk")
    yield place
    subprocess.run([umount, "--lazy", place], check=True)


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"x" * size)
        assert not shutil.disk_usage(disk).free
    return filler


def on_record(place: Place) -> set[str]:
    """The ids of the orders that the journal says were to be sent."""
    journal = SqliteJournal.open(place.journal, read_only=True)
    try:
        events = [decode(record.entry.body) for record in journal.read("acct:paper")]
    finally:
        journal.close()
    return {event.terms.client_order_id for event in events if isinstance(event, OrderRequested)}


def bars(market: Market, price: float, count: int = 4) -> None:
    """Some minutes, on every other of which the strategy wants to buy."""
    for _ in range(count):
        market.bar(price)


def test_a_desk_on_a_full_disk_sends_nothing_and_goes_on_when_there_is_room(
    tmp_path: Path, disk: Path
) -> None:
    with exchange() as market:
        market.bar()
        place = Place(disk, market)
        place.strategy.write_text(STRATEGY.replace("== 32", "% 2 == 0"))
        with (tmp_path / "log").open("w") as told, place.desk(stderr=told):
            place.enter()
            market.bar()
            patiently(place.is_covered, "the position is covered")
            patiently(lambda: (s := place.status()) and s.held and not s.flying, "the desk knows it")
            before = accepted(market)
            filler = fill(disk)
            bars(market, 175.5)  # it is told things, and cannot put them down
            patiently(
                lambda: (s := place.status()) is None or s.mode is Mode.SAFE, "the desk knows of its disk"
            )
            bars(market, 150.0)  # the stop fills meanwhile
            assert market.held == 0
            bars(market, 150.0)
            assert accepted(market) == before
            filler.unlink()
            patiently(place.is_running, "it goes on")
            patiently(lambda: (s := place.status()) and not s.held, "it has heard of the fill")
            patiently(lambda: _enters(market), "and trades again")
        assert set(accepted(market)) <= on_record(place)
        assert "Traceback" not in (tmp_path / "log").read_text()
        place.audit(at_most=9)


def _enters(market: Market) -> bool:
    market.bar(150.0)
    return bool(market.working(Role.ENTRY)) or market.held > 0
