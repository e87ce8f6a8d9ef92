import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.errors import OurFault
from tradewrit.runtime.clock import ManualClock, SystemClock, cpu_ns, draw_journal_id, seeded, system_entropy


def test_the_system_clock_tells_this_century_in_nanoseconds() -> None:
    assert 1_700_000_000 * 10**9 < SystemClock().now() < 4_102_444_800 * 10**9


def test_monotonic_and_processor_time_never_go_back() -> None:
    clock = SystemClock()
    for read in (clock.monotonic, cpu_ns):
        readings = [read() for _ in range(100)]
        assert readings == sorted(readings)


def test_a_manual_clock_stands_still_until_it_is_told() -> None:
    clock = ManualClock(at=100)
    assert (clock.now(), clock.now(), clock.monotonic()) == (100, 100, 0)
    clock.advance(5)
    clock.set(105)
    clock.set(200)
    assert (clock.now(), clock.monotonic()) == (200, 100)


def test_a_manual_clock_refuses_to_run_backwards() -> None:
    clock = ManualClock(at=100)
    with pytest.raises(OurFault, match="cannot go back to 99"):
        clock.set(99)
    with pytest.raises(OurFault, match="cannot go back to 99"):
        clock.advance(-1)
    assert (clock.now(), clock.monotonic()) == (100, 0)


@given(st.integers(-(10**18), 10**18), st.integers(-(10**18), 10**18))
def test_a_jump_moves_the_wall_clock_only(start: int, to: int) -> None:
    clock = ManualClock(at=start)
    clock.advance(7)
    clock.set(to, is_jump=True)
    assert (clock.now(), clock.monotonic()) == (to, 7)


def test_the_same_seed_and_name_draw_the_same_for_ever() -> None:
    # Pinned: another version of Python must not change a backtest.
    assert seeded(7, "fills").random() == seeded(7, "fills").random() == 0.4834433452089977


def test_consumers_do_not_share_a_generator() -> None:
    undisturbed = seeded(7, "slippage").random()
    fills, slippage = seeded(7, "fills"), seeded(7, "slippage")
    for _ in range(10):
        fills.random()
    assert slippage.random() == undisturbed
    assert len({seeded(s, n).random() for s in (1, 11, -1) for n in ("", "1", "a", "1:a")}) == 12


def test_a_journal_id_is_drawn_from_the_seed_or_from_the_system() -> None:
    assert draw_journal_id(7) == draw_journal_id(7) == "25e84d1eb6a028b48c43aeca51309d8c"
    assert draw_journal_id(7) != draw_journal_id(8)
    drawn = {draw_journal_id(None) for _ in range(10)}
    assert len(drawn) == 10
    for journal_id in drawn | {draw_journal_id(seed) for seed in range(50)}:
        assert len(journal_id) == 32
        assert set(journal_id) <= set("0123456789abcdef")


def test_system_entropy_gives_as_many_bytes_as_asked_and_never_the_same() -> None:
    drawn = {system_entropy(32) for _ in range(100)}
    assert len(drawn) == 100
    assert {len(raw) for raw in drawn} == {32}
