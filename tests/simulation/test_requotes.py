"""People who answer slowly in a fast market: approvals come too late for their price, and are asked for anew."""

from tests.simulation.planting import Aim
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.events.review import EntryRequoted, ReviewConsumed
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.simulation.plan import Faults, People
from tradewrit.simulation.world import World

SLOW = Aim(
    faults=Faults(kill=0.01, drop=0.02),
    account={
        "review": ReviewPolicy(kind=PolicyKind.REQUIRE, expires_after_s=120, max_requotes=2),
        "people": People(delay_s=20.0, double_click=0.5, stale=0.1, edit=0.1),
        "volatility": 0.008,
    },
)


def test_whatever_goes_wrong_with_questions_asked_anew_no_invariant_breaks() -> None:
    requoted = consumed = 0
    for seed in range(8):
        world = World(SLOW.plan(seed), keep_trace=True)
        outcome = world.run()
        assert not outcome.violations, outcome.violations[0]
        lines = "\n".join(outcome.lines)
        requoted += lines.count(name_of(EntryRequoted))
        consumed += lines.count(name_of(ReviewConsumed))
    assert requoted > 10
    assert consumed > 5
