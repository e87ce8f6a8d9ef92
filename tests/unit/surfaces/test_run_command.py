"""`tradewrit run` and `watchdog` given what they cannot work with: a clear word, and no secret in it."""

from pathlib import Path

import pytest

from tests.unit.surfaces.console import bar_file, market, run

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


@pytest.mark.parametrize("command", ["run --broker", "exchange executions --url"])
def test_an_exchange_that_is_not_there_is_told_with_what_to_look_at(command: str, tmp_path: Path) -> None:
    more = ("--journal", tmp_path / "desk.sqlite") if command.startswith("run") else ()
    done = run(*command.split(), NOWHERE, *more)
    assert done.exit_code == 1
    said = " ".join(done.output.split())
    assert f"{NOWHERE}: no exchange server is there (" in said
    assert "Does the exchange run (`tradewrit exchange serve`), and is that its address (--" in said


@pytest.mark.parametrize("name", ["notes.txt", "folder"])
def test_what_is_no_journal_is_refused_before_an_exchange_is_made_beside_it(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "folder").mkdir()
    data = bar_file(tmp_path / "bars.csv", market(1, 30))
    before = sorted(tmp_path.iterdir())
    done = run("run", "--data", data, "--journal", tmp_path / name)
    assert done.exit_code == 1
    assert "not a journal" in " ".join(done.output.split())
    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_journal_whose_folder_cannot_be_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    data = bar_file(tmp_path / "bars.csv", market(1, 30))
    done = run("run", "--data", data, "--journal", tmp_path / "notes.txt" / "desk.sqlite")
    assert done.exit_code == 1
    assert "notes.txt: cannot be made: " in "".join(done.output.splitlines())
    assert "--journal" in done.output
