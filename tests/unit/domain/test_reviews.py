"""The review machine and the policies that decide whether people are asked at all."""

from decimal import Decimal
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.reviews import (
    TRANSITIONS,
    PolicyKind,
    ReviewPolicy,
    ReviewState,
    Verdict,
    advance,
    can,
)
from tradewrit.errors import InvalidTransitionError

S = ReviewState

EDGES = """
pending   approve     approved
pending   reject      rejected
pending   modify      modified
pending   expire      expired
pending   withdraw    withdrawn
modified  reissue     pending
modified  expire      expired
modified  withdraw    withdrawn
approved  consume     consumed
approved  invalidate  invalidated
approved  withdraw    withdrawn
"""
LEGAL = {
    (S(state), Verdict(on)): S(after)
    for state, on, after in (line.split() for line in EDGES.splitlines() if line)
}


@pytest.mark.parametrize(("state", "verdict"), list(product(ReviewState, Verdict)), ids=str)
def test_every_state_and_verdict_either_moves_as_written_or_raises_naming_both(
    state: ReviewState, verdict: Verdict
) -> None:
    if (state, verdict) in LEGAL:
        assert can(state, verdict)
        assert advance(state, verdict) is LEGAL[state, verdict]
        return
    assert not can(state, verdict)
    with pytest.raises(InvalidTransitionError, match=f"review: cannot transition from {state} on {verdict}"):
        advance(state, verdict)


def test_every_state_is_reached_from_a_pending_question() -> None:
    assert {S.PENDING, *LEGAL.values()} == set(ReviewState)


@given(st.lists(st.sampled_from(Verdict)))
def test_an_approval_is_used_at_most_once_and_a_dead_question_stays_dead(verdicts: list[Verdict]) -> None:
    path = [S.PENDING]
    for verdict in verdicts:
        path.append(advance(path[-1], verdict) if can(path[-1], verdict) else path[-1])
    moves = [(before, after) for before, after in pairwise(path) if before is not after]
    assert sum(after is S.CONSUMED for _, after in moves) <= 1
    assert all(TRANSITIONS[before] for before, _ in moves)
    assert all(before is S.APPROVED for before, after in moves if after in {S.CONSUMED, S.INVALIDATED})


@pytest.mark.parametrize(
    ("policy", "cost", "people"),
    [
        (ReviewPolicy(), "1000000", 0),
        (ReviewPolicy(kind=PolicyKind.REQUIRE), "0.01", 1),
        (ReviewPolicy(kind=PolicyKind.REQUIRE, approvers=3), "0.01", 3),
        (ReviewPolicy(kind=PolicyKind.REQUIRE_ABOVE, above=Decimal(500)), "500.00", 0),
        (ReviewPolicy(kind=PolicyKind.REQUIRE_ABOVE, above=Decimal(500)), "500.01", 1),
        (ReviewPolicy(kind=PolicyKind.FOUR_EYES), "0.01", 2),
        (ReviewPolicy(kind=PolicyKind.FOUR_EYES, approvers=3), "0.01", 3),
    ],
)
def test_a_policy_asks_for_that_many_people(policy: ReviewPolicy, cost: str, people: int) -> None:
    assert policy.people_needed(Decimal(cost)) == people


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kind": PolicyKind.REQUIRE_ABOVE}, "needs `above`"),
        ({"approvers": 0}, "approvers must be at least 1, not 0"),
        ({"expires_after_s": 0}, "expires_after_s must be at least 1, not 0"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReviewPolicy(**wrong)  # type: ignore[arg-type]
