"""`tradewrit run` and `watchdog` given what they cannot work with: a clear word, and no secret in it."""

from pathlib import Path

import pytest

from tests.unit.surfaces.console import run

NOWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize("option", ["--stale-after", "--lease"])
@pytest.mark.parametrize("value", ["inf", "nan", "1e300", "-1"])
def test_a_time_that_is_none_is_wrong_use(option: str, value: str, tmp_path: Path) -> None:
    done = run("run", "--broker", NOWHERE, "--journal", tmp_path / "desk.sqlite", option, value)
    assert done.exit_code == 2, done.output
    assert option in done.output


@pytest.mark.parametrize("option", ["--every", "--patience"])
def test_a_watchdog_does_not_wait_for_ever(option: str, tmp_path: Path) -> None:
    done = run("watchdog", "--broker", NOWHERE, "--journal", tmp_path / "desk.sqlite", option, "inf")
    assert done.exit_code == 2, done.output


@pytest.mark.parametrize("option", ["--broker", "--second"])
def test_a_password_in_an_address_is_refused_and_not_shown(option: str, tmp_path: Path) -> None:
    more = ("--broker", NOWHERE) if option == "--second" else ()
    address = "http://maria:hunter2@127.0.0.1:1"
    done = run("run", *more, option, address, "--journal", tmp_path / "desk.sqlite")
    assert done.exit_code in {1, 2}
    assert "hunter2" not in f"{done.output}{done.exception}"


def test_an_address_that_cannot_be_taken_apart_is_refused(tmp_path: Path) -> None:
    done = run("run", "--broker", "http://[", "--journal", tmp_path / "desk.sqlite")
    assert done.exit_code == 1
    assert "is no address of an exchange server" in done.output


def test_a_strategy_that_asks_for_the_time_of_the_session_is_refused_in_so_many_words(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from tradewrit import Inputs, Signals, Strategy, minutes_to_close\n\n\n"
        "class Late(Strategy, frozen=True, kw_only=True):\n"
        "    def signals(self, bars: Inputs) -> Signals:\n"
        "        return Signals(enter_long=minutes_to_close(bars) <= 30)\n"
    )
    done = run(
        *("run", "--broker", NOWHERE, "--strategy", tmp_path / "mine.py", "--symbols", "AAPL"),
        *("--journal", tmp_path / "desk.sqlite"),
    )
    assert done.exit_code == 1
    assert "asks for the time of the session" in " ".join(done.output.split())
