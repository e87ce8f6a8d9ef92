"""Makes a failing plan small: every fault that is not needed is switched off, and the day is cut short."""

from collections.abc import Iterator

from msgspec.structs import replace

from tradewrit.simulation.plan import Plan, active, without
from tradewrit.simulation.world import Outcome, World

_SHORTEST_S = 30


def shrink(plan: Plan) -> tuple[Plan, Outcome]:
    """The smallest plan found that violates the same invariant, and what came of it.

    Raises ValueError when the plan violates nothing.
    """
    outcome = World(plan).run()
    if not outcome.violations:
        raise ValueError(f"seed {plan.seed} violates nothing: there is nothing to shrink")
    wanted = outcome.violations[0].invariant
    is_smaller = True
    while is_smaller:
        is_smaller = False
        for smaller in _smaller(plan):
            tried = World(smaller).run()
            if tried.violations and tried.violations[0].invariant == wanted:
                plan, outcome, is_smaller = smaller, tried, True
                break
    return plan, outcome


def _smaller(plan: Plan) -> Iterator[Plan]:
    for name in active(plan):
        yield without(plan, name)
    for seconds in (plan.horizon_s // 2, plan.horizon_s - 30):
        if seconds >= _SHORTEST_S:
            yield replace(plan, horizon_s=seconds)
