"""What the searches promise: calm worlds hold, every death is survived, failures are small and can be run again."""

import msgspec
import pytest

from tradewrit.domain.market import SECOND
from tradewrit.simulation.explorer import (
    GOLDEN,
    command,
    enumerate_deaths,
    merged,
    plan_of,
    points_of,
    search,
)
from tradewrit.simulation.invariants import venue
from tradewrit.simulation.plan import FAULTS, active
from tradewrit.simulation.points import Death
from tradewrit.simulation.profiles import PROFILES, draw
from tradewrit.simulation.scheduler import NodeClock, Scheduler
from tradewrit.simulation.shrinker import shrink
from tradewrit.simulation.world import World


def test_with_nothing_wrong_but_the_price_everything_holds() -> None:
    report = search(range(12), "calm")
    assert not report.failures
    assert report.trades > 12
    assert not set(report.faults) - {"bad_quote"}


@pytest.mark.proof
@pytest.mark.parametrize("first", range(0, 200, 25))
def test_two_hundred_random_worlds_hold(first: int) -> None:
    report = search(range(first, first + 25))
    assert [failure.reproduce for failure in report.failures] == []
    assert len(report.faults) > 10


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_every_profile_injects_what_it_says_and_nothing_else(profile: str) -> None:
    allowed = set(PROFILES[profile].faults) | set(PROFILES[profile].always)
    drawn = {name for seed in range(40) for name in active(draw(seed, profile))}
    assert drawn <= allowed
    assert all(set(PROFILES[profile].always) <= set(active(draw(seed, profile))) for seed in range(40))


def test_a_swarm_injects_every_kind_of_fault() -> None:
    # All but a broken promise, which has a profile of its own.
    assert {name for seed in range(60) for name in active(draw(seed))} == set(FAULTS) - {"twins"}
    report = search(range(40))
    assert {"drop", "duplicate", "reorder", "kill", "power", "partition", "pause", "rival"} <= set(
        report.faults
    )
    assert len(report.covered) > 100


def test_orders_are_seen_in_every_state_in_the_aftermath_of_halts_corrections_and_calls_not_taken() -> None:
    report = merged([search(range(12), profile) for profile in ("floor", "throttled")])
    faults = {fault for *_, fault in report.covered}
    assert {"halt", "correction", "throttle_burst", "venue_outage", "kept_back"} <= faults
    corrected = {state for state, event, _ in report.covered if event == "order.fill.corrected"}
    assert {"filled", "accepted"} & corrected
    assert report.faults["kept_back"] > 20


def test_a_golden_trade_is_bought_once_and_sold_at_its_target() -> None:
    for name, plan in GOLDEN.items():
        outcome = World(plan).run()
        assert (name, outcome.violations, outcome.trades) == (name, (), 1)


def test_a_desk_that_dies_at_any_point_of_a_trade_ends_it_as_one_trade() -> None:
    plan = GOLDEN["stop_only"]
    report = enumerate_deaths(plan, (Death.KILL,))
    assert report.runs == len(points_of(plan)) > 40
    assert report.failures == ()


def test_a_desk_that_dies_again_while_it_recovers_ends_the_trade_all_the_same() -> None:
    plan = GOLDEN["bracket"]
    report = enumerate_deaths(plan, (Death.KILL,), again_within=1)
    assert report.runs == 2 * len(points_of(plan))
    assert report.failures == ()
    assert report.faults["kill"] > report.runs


def test_neither_a_bus_nor_a_neighbour_changes_a_run() -> None:
    for seed in (3, 7):
        plan = draw(seed, "crash")
        alone = World(plan).run()
        beside = World(plan, has_neighbour=True)
        assert beside.run() == World(plan, is_watched=False).run() == alone
        assert beside.neighbour is not None
        assert beside.neighbour.events > 20


def test_a_broken_invariant_is_found_shrunk_and_can_be_run_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # A check nobody could pass: that the venue is never asked anything after it was slow.
    monkeypatch.setattr(venue, "_MOST_REQUESTS", 3)
    seed = search(range(5), "network").failures[0].seed
    plan, outcome = shrink(draw(seed, "network"))
    assert active(plan) == ()
    assert plan.horizon_s < draw(seed, "network").horizon_s
    assert outcome.violations[0].invariant == "I-12"
    told = command(plan).split()
    off, horizon = told[told.index("--without") + 1], int(told[told.index("--horizon") + 1])
    again = World(plan_of(seed, "network", off.split(","), horizon)).run()
    assert again == outcome


def test_there_is_nothing_to_shrink_in_a_run_that_holds() -> None:
    with pytest.raises(ValueError, match="violates nothing"):
        shrink(msgspec.structs.replace(draw(1, "calm"), horizon_s=60))


def test_reports_add_up() -> None:
    one, two, both = search(range(2), "calm"), search(range(2, 4), "calm"), search(range(4), "calm")
    assert merged([one, two]) == both


def test_two_processes_find_what_one_finds() -> None:
    assert search(range(6), jobs=2) == search(range(6))


def test_things_of_one_time_happen_in_an_order_that_the_seed_draws() -> None:
    from random import Random

    def order(seed: int) -> list[int]:
        said: list[int] = []
        scheduler = Scheduler(0, Random(seed))
        for n in range(8):
            scheduler.at(SECOND, said.append, n)
        scheduler.run(2 * SECOND)
        return said

    assert order(1) == order(1) != order(2)
    assert sorted(order(1)) == list(range(8))


def test_a_machine_whose_clock_jumps_has_a_monotonic_clock_that_does_not() -> None:
    from random import Random

    scheduler = Scheduler(100, Random(1))
    clock = NodeClock(scheduler, offset=7)
    scheduler.run(200)
    clock.jump(-1_000)
    assert (clock.now(), clock.monotonic()) == (200 + 7 - 1_000, 100)
