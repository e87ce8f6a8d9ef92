"""The tester, tested: every planted bug is caught within thirty seeds of a profile aimed at it.

And by an invariant that it breaks, in a run that holds without it: a check that always cries finds nothing.
"""

import pytest

from tests.simulation.planted import BUGS, Bug
from tradewrit.simulation.explorer import run
from tradewrit.simulation.world import Outcome

SEEDS = 30


def caught(bug: Bug, patch: pytest.MonkeyPatch) -> Outcome | None:
    """The first run under which the bug shows."""
    with patch.context() as planted:
        bug.plant(planted)
        outcomes = (run(seed, bug.profile) for seed in range(SEEDS))
        return next((outcome for outcome in outcomes if outcome.violations), None)


@pytest.mark.parametrize("bug", BUGS, ids=[bug.name for bug in BUGS])
def test_a_planted_bug_is_caught_within_thirty_seeds(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    found = caught(bug, monkeypatch)
    assert found is not None, f"{SEEDS} seeds of {bug.profile} do not notice that {bug.name}"
    assert found.violations[0].invariant in bug.found_by, found.violations[0]
    assert not run(found.plan.seed, bug.profile).violations


def test_there_are_enough_bugs_and_they_break_most_invariants() -> None:
    assert len(BUGS) >= 20
    assert len({bug.name for bug in BUGS}) == len(BUGS)
    noticed = {name for bug in BUGS for name in bug.found_by}
    assert noticed >= {f"I-{n}" for n in (1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14)}
