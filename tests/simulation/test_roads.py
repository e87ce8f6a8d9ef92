"""Two roads to one venue in a simulated world: the live hedge, and a process that dies between the two sends."""

import pytest
from msgspec.structs import replace

from tradewrit.domain.capabilities import Dedupe
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Role
from tradewrit.simulation.explorer import GOLDEN, points_of
from tradewrit.simulation.plan import Faults
from tradewrit.simulation.points import Death
from tradewrit.simulation.profiles import draw
from tradewrit.simulation.road import MS
from tradewrit.simulation.venue import Said
from tradewrit.simulation.world import World

ROADS = GOLDEN["roads"]
BETWEEN = [number for number, name in enumerate(points_of(ROADS), 1) if name.startswith("road.")]


def is_new(world: World, said: Said, role: Role) -> bool:
    """Whether the venue took an order of this role."""
    if not isinstance(said, ExecutionReport) or said.kind is not Exec.NEW:
        return False
    return world.venue.terms[said.client_order_id].role is role


def taken(world: World, role: Role) -> list[Said]:
    """What the venue said as it took orders of a role."""
    return [said for said in world.venue.log if is_new(world, said, role)]


def test_the_golden_trade_has_its_stop_and_its_exit_go_by_both_roads() -> None:
    world = World(ROADS)
    outcome = world.run()
    assert outcome.violations == ()
    assert outcome.faults["second_road"] == 2
    assert len(BETWEEN) == 4
    assert len(taken(world, Role.STOP)) == len(taken(world, Role.EXIT)) == 1
    assert set(world.venue.placed.values()) == {1}


@pytest.mark.parametrize("death", Death)
@pytest.mark.parametrize("point", BETWEEN)
def test_a_desk_that_dies_around_the_second_send_places_one_stop_and_one_exit(
    point: int, death: Death
) -> None:
    world = World(ROADS, die_at=(point,), death=death)
    outcome = world.run()
    assert outcome.violations == ()
    assert outcome.trades == 1
    assert set(world.venue.placed.values()) == {1}
    assert not world.venue.exchange.positions()


def test_with_the_first_road_cut_the_stop_arrives_by_the_second() -> None:
    """Fills are heard of by asking alone, for the stream comes by the first."""
    # A plan in which lines are cut, so that I-4 grants what a cut costs; here the test cuts it.
    world = World(replace(ROADS, faults=Faults(partitions_per_hour=0.001)))
    began, ends = world.scheduler.began, world.scheduler.began + ROADS.horizon_s * SECOND
    # Between the acceptance of the entry and its fill, until all is calm.
    world.scheduler.at(began + 20_300 * MS, setattr, world.wire, "cut_until", ends)
    outcome = world.run()
    assert outcome.violations == ()
    assert outcome.trades == 1
    (stop,) = taken(world, Role.STOP)
    assert stop.at < began + 70 * SECOND, "with the comparison of the minute"
    assert outcome.faults["second_road"] >= 1


def test_a_venue_that_makes_two_orders_of_one_id_is_found_out_and_rid_of_the_second() -> None:
    """Every list that comes by both roads, or twice by one, is taken as new orders."""
    doubled = 0
    for seed in range(20):
        world = World(draw(seed, "twins"))
        outcome = world.run()
        assert outcome.violations == ()
        assert world.watch.alarmed >= set(world.venue.twins.values())
        doubled += len(world.venue.twins)
    assert doubled >= 10


def test_no_world_has_a_second_road_to_a_venue_that_forgets_order_ids() -> None:
    plans = [draw(seed) for seed in range(200)]
    assert {plan.capabilities.dedupe for plan in plans if plan.second_road} == {Dedupe.FOREVER}
