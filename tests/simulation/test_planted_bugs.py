"""The tester, tested: every planted bug is caught within thirty seeds of the worlds aimed at it.

By an invariant that it breaks, in a run that holds without it: a check that always cries finds nothing.
"""

from pathlib import Path

import pytest

from tests.simulation import planted
from tests.simulation.page import PAGE, planted_bugs_page
from tests.simulation.planting import BUDGET, BUGS, Bug, planted_in

ROOT = Path(__file__).parents[2]
ELSEWHERE = 1000
"""Seeds from here on have no part in how a bug was aimed at."""
every_bug = pytest.mark.parametrize("bug", planted_in(planted), ids=lambda bug: bug.name)


@pytest.mark.proof
@every_bug
def test_a_planted_bug_is_caught_by_an_invariant_that_it_breaks(bug: Bug) -> None:
    outcome = bug.hunt((bug.seed, *range(BUDGET - 1)))
    assert outcome is not None, f"{BUDGET} seeds do not notice that {bug.what}"
    assert outcome.violations[0].invariant in bug.caught_by, outcome.violations[0]
    assert not bug.run_without(outcome.plan.seed).violations


@pytest.mark.prove
@every_bug
def test_a_planted_bug_is_caught_in_worlds_that_were_not_chosen_for_it(bug: Bug) -> None:
    outcome = bug.hunt(range(ELSEWHERE, ELSEWHERE + BUDGET))
    assert outcome is not None, f"{BUDGET} seeds do not notice that {bug.what}"
    assert outcome.violations[0].invariant in bug.caught_by, outcome.violations[0]
    for seed in range(ELSEWHERE, ELSEWHERE + BUDGET):
        assert not bug.run_without(seed).violations, f"a false alarm, or a bug that nobody planted: {seed}"


def test_the_planted_bugs_break_every_invariant() -> None:
    named = {name for bug in BUGS.values() for name in bug.caught_by}
    assert named == {f"I-{n}" for n in range(1, 17)}


def test_nothing_of_a_bug_is_left_after_its_run() -> None:
    bug = BUGS["fees_forgotten"]
    before = bug.run_without(bug.seed)
    assert bug.run(bug.seed).digest != before.digest
    assert bug.run_without(bug.seed).digest == before.digest


def test_the_page_lists_every_bug_as_it_is() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == planted_bugs_page(), (
        "run python -m tests.simulation.page"
    )
