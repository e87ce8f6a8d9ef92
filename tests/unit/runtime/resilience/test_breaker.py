"""The breaker: opens after failures in a row, lets one call find out, and never guesses about a dead token."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tradewrit.domain.market import SECOND
from tradewrit.runtime.resilience.breaker import Breaker, Failure, Gate, Permit, Policy, Refusal

MINUTE = 60 * SECOND


def let_through(breaker: Breaker, now: int = 0, *, is_protective: bool = False) -> tuple[Breaker, Permit]:
    breaker, answer = breaker.ask(now, is_protective=is_protective)
    assert isinstance(answer, Permit)
    return breaker, answer


def refused(breaker: Breaker, now: int, *, is_protective: bool = False) -> Refusal:
    _, answer = breaker.ask(now, is_protective=is_protective)
    assert isinstance(answer, Refusal)
    return answer


def after(
    outcomes: Sequence[Failure | None], breaker: Breaker | None = None, now: int = 0, retry_after_ns: int = 0
) -> Breaker:
    """The breaker after calls that ended so, None for a success."""
    breaker = breaker or Breaker()
    for outcome in outcomes:
        breaker, permit = let_through(breaker, now)
        if outcome is None:
            breaker = breaker.succeed(permit)
        else:
            breaker = breaker.fail(permit, outcome, now, retry_after_ns=retry_after_ns)
    return breaker


OUTAGES = [Failure.OUTAGE] * 3


def test_three_failures_in_a_row_open_it() -> None:
    assert after(OUTAGES[:2]).gate is Gate.CLOSED
    assert after(OUTAGES).gate is Gate.OPEN


def test_a_success_between_starts_the_count_anew() -> None:
    assert after([*OUTAGES[:2], None, *OUTAGES[:2]]).gate is Gate.CLOSED


def test_an_open_breaker_lets_nothing_through_before_its_minute_is_over() -> None:
    breaker = after(OUTAGES)
    assert refused(breaker, MINUTE - 1) == Refusal(Failure.OUTAGE, MINUTE)
    assert let_through(breaker, MINUTE)[0].gate is Gate.HALF_OPEN


def test_of_ten_calls_at_once_one_probes() -> None:
    breaker, answers = after(OUTAGES), []
    for _ in range(10):
        breaker, answer = breaker.ask(MINUTE)
        answers.append(answer)
    assert sum(isinstance(answer, Permit) for answer in answers) == 1


def test_a_probe_that_succeeds_closes_it() -> None:
    breaker, probe = let_through(after(OUTAGES), MINUTE)
    closed = breaker.succeed(probe)
    assert (closed.gate, closed.failures, closed.openings) == (Gate.CLOSED, 0, 0)


def test_each_failed_probe_doubles_the_wait_up_to_the_longest() -> None:
    breaker, now, waits = after(OUTAGES), 0, []
    for _ in range(6):
        waits.append((breaker.until - now) // SECOND)
        now = breaker.until
        breaker, probe = let_through(breaker, now)
        breaker = breaker.fail(probe, Failure.OUTAGE, now)
    assert waits == [60, 120, 240, 480, 900, 900]


def test_a_fixed_backoff_waits_a_minute_every_time() -> None:
    breaker = after(OUTAGES, Breaker(policy=Policy(backoff="fixed")))
    breaker, probe = let_through(breaker, MINUTE)
    assert breaker.fail(probe, Failure.OUTAGE, MINUTE).until == 2 * MINUTE


def test_a_probe_that_never_comes_back_is_given_up() -> None:
    breaker, lost = let_through(after(OUTAGES), MINUTE)
    refused(breaker, MINUTE + 30 * SECOND - 1)
    breaker, probe = let_through(breaker, MINUTE + 30 * SECOND)
    assert breaker.succeed(lost) == breaker, "its late answer decides nothing"
    assert breaker.succeed(probe).gate is Gate.CLOSED


def test_a_call_from_before_the_opening_cannot_close_it() -> None:
    breaker, slow = let_through(Breaker())
    breaker = after(OUTAGES, breaker)
    assert breaker.succeed(slow).gate is Gate.OPEN


def test_a_refused_token_opens_it_at_once_and_for_good() -> None:
    breaker = after([Failure.TOKEN])
    assert breaker.gate is Gate.OPEN
    assert refused(breaker, 10 * MINUTE) == Refusal(Failure.TOKEN, None)
    assert refused(breaker, 10 * MINUTE, is_protective=True).until is None
    assert breaker.reset().gate is Gate.CLOSED


def test_a_venue_that_asks_for_a_longer_wait_gets_it() -> None:
    breaker = after([Failure.RATE] * 3, retry_after_ns=5 * MINUTE)
    assert breaker.until == 5 * MINUTE


def test_a_venue_that_asks_for_a_shorter_wait_gets_ours() -> None:
    assert after([Failure.RATE] * 3, retry_after_ns=SECOND).until == MINUTE


def test_what_protects_may_probe_long_before_the_minute_is_over() -> None:
    breaker = after(OUTAGES)
    refused(breaker, 5 * SECOND - 1, is_protective=True)
    refused(breaker, 5 * SECOND)
    breaker, probe = let_through(breaker, 5 * SECOND, is_protective=True)
    assert probe.is_probe
    refused(breaker, 5 * SECOND, is_protective=True)


def test_what_protects_does_not_press_a_venue_that_asked_for_quiet() -> None:
    breaker = after([Failure.RATE] * 3, retry_after_ns=20 * SECOND)
    refused(breaker, 20 * SECOND - 1, is_protective=True)
    assert let_through(breaker, 20 * SECOND, is_protective=True)[0].gate is Gate.HALF_OPEN


def test_what_protects_waits_no_longer_than_a_venue_asks_for_however_often_it_did() -> None:
    breaker = after([Failure.RATE] * 3, retry_after_ns=SECOND)
    for n in range(5):
        now = breaker.opened_at + 5 * SECOND
        refused(breaker, now - 1, is_protective=True)
        refused(breaker, now)
        breaker, permit = let_through(breaker, now, is_protective=True)
        breaker = breaker.fail(permit, Failure.RATE, now, retry_after_ns=SECOND)
        assert breaker.openings == n + 2


def test_jitter_draws_the_wait_longer_by_its_share_at_most() -> None:
    policy = Policy(jitter_fraction=0.5, threshold=1)
    breaker, permit = let_through(Breaker(policy=policy))
    assert breaker.fail(permit, Failure.OUTAGE, 0, chance=1.0).until == 90 * SECOND


def test_it_counts_what_it_let_through_and_what_it_did_not() -> None:
    breaker, _ = after(OUTAGES).ask(1)
    counted = breaker.statistics
    assert (counted.calls, counted.failures, counted.opened, counted.rejected) == (3, 3, 1, 1)


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 0}, {"cooldown_ns": 0}, {"jitter_fraction": 1.5}, {"probe_ns": 0}, {"longest_ns": SECOND}],
)
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"threshold|cooldown|jitter|probe"):
        Policy(**wrong)


calls = st.lists(
    st.tuples(
        st.integers(0, 200 * SECOND),
        st.booleans(),
        st.sampled_from([None, Failure.OUTAGE, Failure.RATE, "lost", "late"]),
    ),
    max_size=60,
)


@given(calls)
def test_at_most_one_probe_is_under_way_and_nothing_else_passes_an_open_gate(
    sequence: list[tuple[int, bool, Failure | str | None]],
) -> None:
    breaker, now = Breaker(), 0
    kept: list[tuple[Permit, int]] = []
    for wait, is_protective, outcome in sequence:
        now += wait
        before = breaker
        breaker, answer = breaker.ask(now, is_protective=is_protective)
        if isinstance(answer, Refusal):
            assert before.gate is not Gate.CLOSED
            continue
        if before.gate is not Gate.CLOSED:
            assert answer.is_probe
            assert all(
                not held.is_probe or held.round != breaker.round or now - began >= breaker.policy.probe_ns
                for held, began in kept
            )
        if outcome == "lost":
            kept.append((answer, now))
        elif outcome == "late" and kept:
            breaker = breaker.succeed(kept.pop()[0])
        elif isinstance(outcome, Failure):
            breaker = breaker.fail(answer, outcome, now)
        else:
            breaker = breaker.succeed(answer)
    assert breaker.statistics.rejected + breaker.statistics.calls == len(sequence)


def test_the_longest_outage_is_still_a_number() -> None:
    breaker = replace(after(OUTAGES), openings=10_000)
    breaker, probe = let_through(breaker, MINUTE)
    assert breaker.fail(probe, Failure.OUTAGE, MINUTE).until == MINUTE + 900 * SECOND
