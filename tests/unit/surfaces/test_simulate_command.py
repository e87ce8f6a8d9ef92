"""`tradewrit simulate`: its contract for scripts, its exit codes, and the command that shows a failure again."""

import json
import shlex

import pytest

from tests.unit.surfaces.console import run
from tradewrit.simulation.invariants import venue

KEYS = ("seeds", "events", "faults", "violations", "coverage", "coverage_by_fault", "seconds")


def test_json_is_one_object_with_the_keys_that_scripts_rely_on() -> None:
    done = run("simulate", "--seeds", "3", "--profile", "calm", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert tuple(found) == KEYS
    assert (found["seeds"], found["violations"]) == (3, [])
    assert found["events"] > found["coverage"] > 0


def test_a_violation_is_exit_code_1_and_comes_with_the_command_that_shows_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(venue, "_MOST_REQUESTS", 3)  # no desk can be as quiet as that
    done = run("simulate", "--seeds", "4", "--profile", "calm", "--json")
    assert done.exit_code == 1
    first = json.loads(done.stdout)["violations"][0]
    assert (first["invariant"], first["profile"]) == ("I-12", "calm")
    again = run(*shlex.split(first["reproduce"])[1:])
    assert again.exit_code == 1
    assert f"VIOLATION I-12: {first['message']}" in again.stdout
    small = run("simulate", "shrink", str(first["seed"]), "--profile", "calm")
    assert small.exit_code == 0
    assert "needs no fault at all" in small.stdout
    assert run(*shlex.split(small.stdout.splitlines()[-1])[1:]).exit_code == 1


def test_a_replay_tells_every_line_and_switches_off_what_it_is_told_to() -> None:
    whole = run("simulate", "replay", "7", "--trace").stdout
    assert "account.journal.opened" in whole
    told = json.loads(run("simulate", "replay", "7", "--without", "kill,drop,slow", "--json").stdout)
    assert not {"kill", "drop", "slow"} & told["faults"].keys()
    assert told["trace_hash"] != json.loads(run("simulate", "replay", "7", "--json").stdout)["trace_hash"]


def test_one_death_of_an_enumeration_can_be_shown_alone() -> None:
    done = run("simulate", "enumerate", "--trade", "stop_only", "--point", "20", "--death", "power")
    assert done.exit_code == 0
    assert "! power desk at" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--profile", "no_such"), "unknown profile 'no_such'; known: swarm"),
        (("replay", "1", "--without", "rain"), "no fault is called rain; known: drop"),
        (("enumerate", "--trade", "tulips"), "no trade is called 'tulips'; known: oco"),
        (("enumerate", "--point", "noon"), "--point takes numbers, such as 20 or 20,23, not 'noon'"),
        (("shrink", "1", "--profile", "calm"), "violates nothing"),
    ],
)
def test_what_cannot_be_done_is_explained(words: tuple[str, ...], told: str) -> None:
    done = run("simulate", *words)
    assert done.exit_code == 1
    assert told in done.stderr


def test_profiles_are_listed() -> None:
    assert "swarm" in json.loads(run("simulate", "profiles", "--json").stdout)
    assert "two desks want one account" in run("simulate", "profiles").stdout
