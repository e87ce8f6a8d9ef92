"""When silence counts as a cut, how pauses grow, and how many starts are too many."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.errors import JournalUnwritable
from tradewrit.runtime.live.starts import Starts
from tradewrit.runtime.live.supervise import Patience, Pulse, StartBudget

PATIENCE = Patience(beat_ns=30 * SECOND, data_ns=60 * SECOND)
NOW = 1_700_000_000 * SECOND


def test_a_line_without_a_sign_of_life_counts_as_cut_after_thirty_seconds() -> None:
    pulse = Pulse(beat_at=0, data_at=0, carries_prices=False)
    assert pulse.silence(30 * SECOND, PATIENCE, is_open=True) == ""
    assert pulse.silence(30 * SECOND + 1, PATIENCE, is_open=False) == "no sign of life for 30.0 s"
    assert pulse.heard(29 * SECOND, is_data=False).silence(58 * SECOND, PATIENCE, is_open=True) == ""


def test_heartbeats_without_prices_are_a_cut_while_the_market_is_open_only() -> None:
    pulse = Pulse(beat_at=0, data_at=0).heard(61 * SECOND, is_data=False)
    assert pulse.silence(61 * SECOND, PATIENCE, is_open=False) == ""
    assert "no price for 61.0 s while the market is open" in pulse.silence(
        61 * SECOND, PATIENCE, is_open=True
    )


def test_at_the_open_a_feed_that_rested_has_its_whole_time_again() -> None:
    opened = 3600 * SECOND
    pulse = Pulse(beat_at=0, data_at=0).rested(opened).heard(opened + 20 * SECOND, is_data=False)
    assert pulse.silence(opened + 40 * SECOND, PATIENCE, is_open=True) == ""


def test_no_patience_with_a_silent_line_is_longer_than_thirty_seconds() -> None:
    with pytest.raises(ValueError, match="at most 30 s"):
        Patience(beat_ns=31 * SECOND)


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_pauses_double_up_to_the_longest_and_are_never_drawn_longer(attempt: int, chance: float) -> None:
    pause = PATIENCE.pause_ns(attempt, chance)
    whole = PATIENCE.pause_ns(attempt, 0.0)
    assert whole == min(PATIENCE.first_ns * 2 ** min(attempt - 1, 40), PATIENCE.longest_ns)
    assert whole * (1 - PATIENCE.jitter_fraction) - 1 <= pause <= whole


@given(st.lists(st.integers(-20, 20).map(lambda m: NOW + m * MINUTE), max_size=12))
def test_a_budget_of_starts_is_spent_by_those_of_its_window_and_by_those_ahead_of_the_clock(
    starts: list[int],
) -> None:
    budget = StartBudget(most=3, window_ns=10 * MINUTE)
    recent = [at for at in starts if at > NOW - 10 * MINUTE]
    assert budget.is_spent(tuple(starts), NOW) == (len(recent) >= 3)


# -- the file


def starts(folder: Path, most: int = 3) -> Starts:
    return Starts(folder / "journal.sqlite.starts", StartBudget(most=most, window_ns=10 * MINUTE))


def test_the_start_after_too_many_crashes_is_a_guarded_one(tmp_path: Path) -> None:
    said = [starts(tmp_path).begin(NOW + n * SECOND) for n in range(5)]
    assert said[:3] == ["", "", ""]
    assert said[3] == "3 starts in 10 min ended in a crash"
    assert said[4] == "4 starts in 10 min ended in a crash"


def test_starts_that_end_properly_and_those_of_long_ago_are_not_counted(tmp_path: Path) -> None:
    for n in range(10):
        one = starts(tmp_path)
        assert one.begin(NOW + n * SECOND) == ""
        one.end()
    for n in range(10):
        assert starts(tmp_path).begin(NOW + n * 4 * MINUTE) == ""


def test_once_a_person_has_looked_into_it_the_count_begins_anew(tmp_path: Path) -> None:
    for n in range(4):
        starts(tmp_path).begin(NOW + n)
    starts(tmp_path).forgive()
    assert starts(tmp_path).begin(NOW + 5) == ""


@pytest.mark.parametrize("content", [b"", b"{", b'{"starts": "many"}', b"\xff\xfe"])
def test_a_file_that_cannot_be_read_counts_as_a_crash_loop(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "journal.sqlite.starts"
    path.write_bytes(content)
    assert "cannot be read" in starts(tmp_path).begin(NOW)
    assert "ended in a crash" in starts(tmp_path).begin(NOW + 1)


def test_a_start_that_cannot_be_noted_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(JournalUnwritable, match="the start cannot be noted"):
        Starts(tmp_path / "nowhere" / "x.starts", StartBudget()).begin(NOW)
