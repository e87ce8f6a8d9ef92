"""Limits that hold back a stranger and nobody else, in memory that no flood can enlarge."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.rings import entropy
from tradewrit.credentials.rate_limits import (
    APP_AUTH,
    HASHING,
    OPEN,
    OPERATOR_AUTH,
    REFUSED,
    Rate,
    RateLimit,
    peer_key,
)
from tradewrit.domain.market import SECOND
from tradewrit.runtime.clock import ManualClock

RATE = Rate(burst=3, per_minute=6)


def limit(clock: ManualClock, rate: Rate = RATE, slots: int = 1 << 16) -> RateLimit:
    return RateLimit(rate, clock, entropy(), slots=slots)


def test_a_burst_may_pass_and_then_one_in_each_interval() -> None:
    clock = ManualClock()
    limited = limit(clock)
    assert [limited.wait_ns("10.0.0.1") for _ in range(3)] == [0, 0, 0]
    assert limited.wait_ns("10.0.0.1") == 10 * SECOND
    clock.advance(9 * SECOND)
    assert limited.wait_ns("10.0.0.1") == SECOND
    clock.advance(SECOND)
    assert [limited.wait_ns("10.0.0.1") for _ in range(2)] == [0, 10 * SECOND]


def test_asking_on_does_not_lengthen_the_wait() -> None:
    clock = ManualClock()
    limited = limit(clock)
    waits = [limited.wait_ns("a") for _ in range(1_000)]
    assert waits[-1] == 10 * SECOND


def test_a_stranger_who_knows_a_client_id_cannot_lock_its_app_out() -> None:
    limited = limit(ManualClock())
    for _ in range(100):
        limited.wait_ns("198.51.100.7", "des-0123456789ab")
    assert limited.wait_ns("198.51.100.7", "des-0123456789ab") > 0
    assert limited.wait_ns("10.0.0.1", "des-0123456789ab") == 0


def test_a_flood_of_other_keys_does_not_refill_ones_own_bucket() -> None:
    limited = limit(ManualClock(), slots=4_096)
    while limited.wait_ns("attacker", "victim") == 0:
        pass
    for number in range(20_000):
        limited.wait_ns("attacker", f"made-up-{number}")
    assert limited.wait_ns("attacker", "victim") > 0


def test_a_flood_of_keys_costs_no_memory() -> None:
    limited = limit(ManualClock(), slots=1_024)
    size = sys.getsizeof(limited._full_at)
    for number in range(20_000):
        limited.wait_ns("198.51.100.7", str(number))
    assert sys.getsizeof(limited._full_at) == size
    assert len(limited._full_at) == 1_024


def test_who_shares_a_slot_cannot_be_known_outside() -> None:
    slots = [
        [RateLimit(RATE, ManualClock(), entropy(seed))._slot((str(key),)) for key in range(50)]
        for seed in (1, 2)
    ]
    assert slots[0] != slots[1]


def test_two_keys_never_read_as_one_text() -> None:
    limited = limit(ManualClock())
    assert limited._slot(("a", "b")) != limited._slot(("ab",))
    assert limited._slot(("a", "1:b")) != limited._slot(("a1:", "b"))


def test_the_wall_clock_does_not_matter() -> None:
    clock = ManualClock(at=1_000 * SECOND)
    limited = limit(clock)
    while limited.wait_ns("a") == 0:
        pass
    clock.set(900_000 * SECOND, is_jump=True)
    assert limited.wait_ns("a") == 10 * SECOND
    clock.set(0, is_jump=True)
    assert limited.wait_ns("a") == 10 * SECOND


def test_many_threads_together_get_no_more_than_one() -> None:
    limited = limit(ManualClock(), Rate(burst=50, per_minute=1))
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: limited.wait_ns("a"), range(400)))
    assert waits.count(0) == 50


@given(st.lists(st.integers(0, 30 * SECOND), max_size=60))
def test_never_more_than_the_burst_and_the_rate_together(pauses: list[int]) -> None:
    clock = ManualClock()
    limited = limit(clock)
    passed = 0
    for pause in pauses:
        clock.advance(pause)
        passed += limited.wait_ns("a") == 0
        assert passed <= RATE.burst + clock.monotonic() / RATE.every_ns


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_an_address_is_reduced_to_what_costs_something_to_change(address: str, key: str) -> None:
    assert peer_key(address) == key


@pytest.mark.parametrize("rate", [APP_AUTH, OPERATOR_AUTH, HASHING, OPEN, REFUSED])
def test_the_limits_let_an_honest_client_through(rate: Rate) -> None:
    clock = ManualClock()
    limited = limit(clock, rate)
    for _ in range(200):
        assert limited.wait_ns("10.0.0.1") == 0
        clock.advance(2 * SECOND)
