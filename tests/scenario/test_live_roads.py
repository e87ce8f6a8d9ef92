"""Real processes on bad roads: a road cut, slow or dying, an exchange that lies, stands still or refuses.

Of every order there is one, nothing is booked that the exchange has not said, and the desk goes on when it is
well again. The market is moved by hand.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.roads import Answer, Fate, Road, always, dripping, for_orders, road_to, said
from tests.scenario.test_live_processes import (
    PATIENCE_S,
    Market,
    Place,
    exchange,
    patiently,
    process,
)
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.orders import Role
from tradewrit.runtime.live.door import door_of, knock
from tradewrit.runtime.live.requests import AskStop
from tradewrit.runtime.live.status import Mode, Status

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a desk's door is a Unix socket")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own."""
    monkeypatch.setenv("TRADEWRIT_HOME", str(tmp_path / "home"))


@contextmanager
def reached() -> Iterator[tuple[Market, Road]]:
    """An exchange, and the road by which a desk is to reach it."""
    with exchange() as market, road_to(market.url) as road:
        market.bar()
        yield market, road


def place_of(folder: Path, market: Market, road: Road) -> Place:
    """Where a desk lives that takes the road. The test itself goes to the exchange directly."""
    near = Market(market.client, road.url, market.server)
    place = Place(folder, near)
    near.at = market.at
    return place


def accepted(market: Market) -> list[str]:
    """The ids of all orders that the exchange ever took, each as often as it did."""
    found: list[str] = []
    last = market.client.clock().last
    for number, message in market.client.events():
        reports = getattr(message, "reports", ())
        found += [one.client_order_id for one in reports if one.kind is Exec.NEW]
        if number >= last:
            break
    return found


# -- two roads


@pytest.mark.parametrize("fate", [Fate.CUT, Fate.SWALLOW, Fate.HOLD], ids=["cut", "dying", "slow"])
def test_with_a_second_road_a_stop_arrives_once_whatever_becomes_of_the_first(
    tmp_path: Path, fate: Fate
) -> None:
    (tmp_path / "desk.yaml").write_text("protection: after_fill\n")
    with reached() as (market, road), road_to(market.url) as second:
        place = place_of(tmp_path, market, road)
        with place.desk("--config", str(tmp_path / "desk.yaml"), "--second", second.url):
            place.enter()
            road.fate = for_orders(fate)
            place.market.bar()
            patiently(place.is_covered, "the stop has arrived")
            assert road.met, "the first road was tried"
            road.let_go()
            patiently(lambda: (s := place.status()) and not s.unknown and not s.flying, "all is settled")
            patiently(place.is_running, "entries may leave again")
            assert place.is_covered()
            assert len(place.market.working(Role.STOP)) == 1
            assert len(set(accepted(market))) == len(accepted(market)) == 3  # entry, stop and target
        place.audit()


@pytest.mark.prove
def test_with_the_first_road_gone_a_fill_is_heard_of_and_protected_by_the_second(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text("protection: after_fill\n")
    with reached() as (market, road), road_to(market.url) as second:
        place = place_of(tmp_path, market, road)
        with place.desk("--config", str(tmp_path / "desk.yaml"), "--second", second.url):
            place.enter()
            patiently(lambda: (s := place.status()) and s.working and not s.flying, "the desk is at rest")
            road.fate = always(Fate.CUT)
            road.cut()
            place.market.bar()
            patiently(place.is_covered, "the stop has arrived")
            status = place.status()
            assert status is not None
            assert status.mode is Mode.GUARDED, "no entry leaves"
            assert not status.lines[0].is_up
            assert len(place.market.working(Role.STOP)) == 1
        place.audit()


# -- an exchange that is none

_LIES: dict[str, Answer] = {
    "garbage": said(b"\x00\xff\xfe<html>"),
    "no HTTP": lambda near: near.sendall(b"\x16\x03\x01 no exchange lives here\r\n\r\n"),
    "cut in the middle": said(b'{"reports": [{"kind": "tra', promised=9_000),
    "ten megabytes": said(b'{"reports": "' + b"x" * 10_000_000 + b'"}'),
    "wrong types": said(
        b'{"reports": [{"kind": "trade", "last_quantity": true}], "orders": 7, "positions": null}'
    ),
    "numbers that are none": said(
        b'{"positions": [{"symbol": "AAPL", "quantity": "NaN"}], "orders": [], "reports": []}'
    ),
    "a redirect": said(b"", "307 Temporary Redirect", headers="Location: http://127.0.0.1:9/\r\n"),
    "without end": dripping,
}


def lies(*daily: str) -> list[object]:
    """All of them; those that are not told here by name under `make prove` only."""
    return [
        pytest.param(lie, id=name, marks=() if name in daily else pytest.mark.prove)
        for name, lie in _LIES.items()
    ]


@contextmanager
def covered(place: Place, log: Path) -> Iterator[Status]:
    """A desk that holds something and knows that it is covered."""
    with log.open("w") as told, place.desk(stderr=told):
        place.enter()
        place.market.bar()
        patiently(place.is_covered, "the position is covered")
        patiently(lambda: (s := place.status()) and s.held and not s.naked, "the desk knows it")
        before = place.status()
        assert before is not None
        yield before
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("lie", lies("garbage", "without end"))
def test_a_line_to_an_exchange_that_is_none_counts_as_cut(tmp_path: Path, lie: Answer) -> None:
    with reached() as (market, road):
        place, log = place_of(tmp_path, market, road), tmp_path / "log"
        with covered(place, log) as before:
            road.fate = always(lie)
            road.cut()
            patiently(lambda: road.met, "it was met")
            status = place.status()
            assert status is not None
            assert status.mode is Mode.GUARDED, "no entry leaves"
            assert (status.cash, status.held) == (before.cash, before.held)
            assert "CUT" in status.line()
            road.let_go()
            road.cut()
            patiently(place.is_running, "the desk goes on")
            assert place.is_covered()
        place.audit()


@pytest.mark.parametrize("lie", lies("wrong types", "cut in the middle"))
def test_nonsense_about_the_account_books_nothing_and_is_asked_again(tmp_path: Path, lie: Answer) -> None:
    with reached() as (market, road):
        place, log = place_of(tmp_path, market, road), tmp_path / "log"
        with covered(place, log) as before:
            road.fate = lambda line: Fate.PASS if "/events" in line else lie
            road.cut()
            patiently(lambda: road.met, "the account was asked for")
            status = place.status()
            assert status is not None
            assert (status.cash, status.held) == (before.cash, before.held)
            assert status.mode is Mode.GUARDED, "no entry leaves before the account is known"
            road.let_go()
            road.cut()
            patiently(place.is_running, "the desk goes on")
            assert place.is_covered()
        place.audit()


def test_a_lie_about_an_order_is_taken_for_no_answer_and_the_order_is_there_once(tmp_path: Path) -> None:
    (tmp_path / "desk.yaml").write_text("protection: after_fill\n")
    with reached() as (market, road):
        place = place_of(tmp_path, market, road)
        with place.desk("--config", str(tmp_path / "desk.yaml")):
            place.enter()
            road.fate = for_orders(said(b'{"reports": [{"kind": "new"}]}'))
            place.market.bar()
            patiently(lambda: road.met, "the stop was answered with a lie")
            assert not place.is_covered()
            road.let_go()
            patiently(place.is_covered, "the stop is there")
            assert len(place.market.working(Role.STOP)) == 1
        place.audit()


def test_an_exchange_that_stands_still_and_goes_on_has_lost_nothing(tmp_path: Path) -> None:
    with exchange() as market:
        market.bar()
        place = Place(tmp_path, market)
        with place.desk():
            place.enter()
            os.kill(market.server.pid, signal.SIGSTOP)
            try:
                patiently(lambda: (s := place.status()) and s.mode is Mode.GUARDED, "its silence is noticed")
            finally:
                os.kill(market.server.pid, signal.SIGCONT)
            patiently(place.is_running, "it is heard again")
            market.bar()
            patiently(place.is_covered, "the entry has filled, and is covered")
            patiently(lambda: (s := place.status()) and s.held and not s.naked, "the desk knows it")
        place.audit()


# -- waiting, and being refused


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_desk_that_waits_for_the_lease_of_a_dead_one_can_be_told_to_stop(
    tmp_path: Path, number: signal.Signals
) -> None:
    with reached() as (market, road):
        place = place_of(tmp_path, market, road)
        with place.desk("--lease", "3600") as dead:
            dead.kill()
            dead.wait()
        arguments = ["--broker", road.url, "--journal", str(place.journal), "--strategy", str(place.strategy)]
        with process("run", *arguments) as waiting:
            assert waiting.stderr is not None
            line = waiting.stderr.readline()
            while "WAITING" not in line:
                assert line, "it ended"
                line = waiting.stderr.readline()
            waiting.send_signal(number)
            _, rest = waiting.communicate(timeout=PATIENCE_S)
            assert waiting.returncode == 0, rest
            assert "Traceback" not in rest


def test_a_liquidation_that_the_venue_refuses_goes_on_until_it_does_not(tmp_path: Path) -> None:
    refusal = said(b'{"error_code": "maintenance", "detail": "later"}', "503 Service Unavailable")
    with reached() as (market, road):
        place = place_of(tmp_path, market, road)
        log = tmp_path / "log"
        with log.open("w") as told, place.desk(stderr=told):
            place.enter()
            place.market.bar()
            patiently(place.is_covered, "the position is covered")
            patiently(lambda: (s := place.status()) and s.held and not s.naked, "the desk knows it")
            road.fate = for_orders(refusal)
            with process("flatten", "--journal", str(place.journal), "--yes") as flat:
                patiently(lambda: "flatten round 2" in log.read_text(), "it was tried again")
                assert flat.poll() is None
                assert place.market.held > 0
                road.let_go()

                def is_flat() -> bool:
                    place.market.bar()
                    return flat.poll() is not None

                patiently(is_flat, "the account is flat")
                said_so, why = flat.communicate()
                assert flat.returncode == 0, why
                assert "the account is flat" in said_so
            assert place.market.held == 0
            assert list(place.market.client.open_orders()) == []
        place.audit(at_most=2)


def test_a_liquidation_that_is_given_up_says_what_is_left(tmp_path: Path) -> None:
    refusal = said(b'{"error_code": "maintenance", "detail": "later"}', "503 Service Unavailable")
    with reached() as (market, road):
        place = place_of(tmp_path, market, road)
        log = tmp_path / "log"
        with log.open("w") as told, place.desk(stderr=told) as desk:
            place.enter()
            place.market.bar()
            patiently(place.is_covered, "the position is covered")
            road.fate = for_orders(refusal)
            with process("flatten", "--journal", str(place.journal), "--yes") as flat:
                patiently(lambda: "flatten round 2" in log.read_text(), "it was tried again")
                knock(door_of(place.journal), AskStop(reason="enough"), timeout_s=5)
                _, why = flat.communicate(timeout=PATIENCE_S)
                assert flat.returncode == 1
                assert "given up" in " ".join(why.split())
            assert desk.wait(timeout=PATIENCE_S) == 0
            assert place.market.held > 0
