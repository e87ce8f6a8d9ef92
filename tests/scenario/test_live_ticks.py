"""A running desk hears the trades of its market, and a line that was cut costs it prints: that is said.

MD-4, MD-8. Real processes; the market is moved by hand.
"""

import sys
from pathlib import Path

import pytest

from tests.roads import Fate, Road, always
from tests.scenario.test_live_processes import PATIENCE_S, SYMBOL, Place, home, patiently
from tests.scenario.test_live_roads import place_of, reached
from tradewrit.domain.orders import Role
from tradewrit.runtime.live.status import Status

__all__ = ["home"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a desk's door is a Unix socket")


def status_of(place: Place) -> Status:
    status = place.status()
    assert status is not None
    return status


def cut_while_the_market_moves(road: Road, place: Place) -> None:
    road.fate = always(Fate.CUT)
    road.cut()
    patiently(lambda: not status_of(place).lines[0].is_up, "the desk knows that its line is cut")
    for _ in range(3):
        place.market.bar()
    road.let_go()


def test_a_running_desk_hears_ticks_and_is_told_of_those_it_missed(tmp_path: Path) -> None:
    with reached() as (market, road):
        place = place_of(tmp_path, market, road)
        with place.desk() as desk:
            place.enter()
            place.market.bar()
            patiently(place.is_covered, "what was bought has its stop")
            # Two of every bar that it saw, that of its own buy, and the last from before it came.
            patiently(lambda: status_of(place).ticks == 1 + 3 * 2 + 1, "all prints are heard")
            assert status_of(place).gaps == 0
            cut_while_the_market_moves(road, place)
            patiently(lambda: status_of(place).gaps == 1, "the prints of three bars are missed")
            place.market.bar()
            patiently(lambda: status_of(place).ticks == 11, "the prints are asked for again")
            assert status_of(place).gaps == 1, "the next ones follow each other"
            assert "GAPS IN TICKS: 1 so far, 11 heard" in status_of(place).line()
            assert len(place.market.working(Role.STOP)) == 1
            desk.terminate()
            _, said = desk.communicate(timeout=PATIENCE_S)
        assert f"GAP {SYMBOL}: 5 ticks lost: " in said
        place.audit()


def test_the_numbers_go_on_over_a_restart_of_the_desk(tmp_path: Path) -> None:
    with reached() as (market, road):
        place = place_of(tmp_path, market, road)
        for _ in range(2):
            with place.desk() as desk:
                patiently(lambda: status_of(place).ticks == 1, "the latest print is heard at once")
                place.market.bar()
                patiently(lambda: status_of(place).ticks == 3, "and what follows it")
                assert status_of(place).gaps == 0
                desk.terminate()
                desk.wait()
