"""`tradewrit credentials kill --including-protection`: what it says of the desks, which it waits for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.desks import BUY, World
from tests.unit.credentials import authorities
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.app import command_line
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.desk import AuthorityIssuer
from tradewrit.credentials.home import open_home
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.orders import OrderType, Role
from tradewrit.runtime.clock import ManualClock, SystemClock
from tradewrit.runtime.roles import roles
from tradewrit.surfaces.cli import credentials_kill


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(
        command_line(),
        ["credentials", "kill", *words],
        env={"TRADEWRIT_HOME": str(folder)},
        prog_name="tradewrit",
    )


@contextmanager
def desk(folder: Path) -> Iterator[World]:
    """A desk on that home with a limit entry at work; its own clock stands still."""
    with Authority.open(open_home(folder)) as authority:
        now = SystemClock().now() - MINUTE
        terms = roles("paper", "paper")
        issuer = AuthorityIssuer(authority, "paper", terms, ttl_s=3_600)
        world = World(
            issuer=issuer,
            terms=terms,
            clock=ManualClock(now),
            at=now,
            broker=Unruly,
            entry=OrderType.LIMIT,
        )
        world.says(BUY)
        world.bar(175.50)
        assert world.working()
        yield world


def waiting(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """While the command waits, the desk goes on."""

    def pause() -> None:
        world.clock.advance(SECOND)
        world.desk.tick()

    monkeypatch.setattr(credentials_kill, "pause", pause)


def found(done: Result) -> Any:
    return json.loads(done.stdout)


def test_it_waits_for_the_desk_and_names_the_entries_that_were_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk(tmp_path) as world:
        entry = world.order(Role.ENTRY).id
        waiting(monkeypatch, world)
        done = run(tmp_path, "--including-protection", "--reason", "all of it", "--json")
        assert done.exit_code == 0, done.output
        said = found(done)
        assert not world.exchange.open_orders()
    assert (said["killed"], said["including_protection"], said["reason"]) == (True, True, "all of it")
    (one,) = said["desks"]
    assert (one["desk"], one["app"]) == ("paper", "desk-paper")
    assert (one["cancelled"], one["working"]) == ([entry], [])
    assert one["answered_at"]
    again = run(tmp_path, "--including-protection")
    assert again.exit_code == 0
    assert entry in again.stdout
    assert "protective writs too" in again.stdout


def test_a_desk_that_does_not_answer_is_named_with_what_to_do(tmp_path: Path) -> None:
    with desk(tmp_path) as world:
        done = run(tmp_path, "--including-protection", "--grace", "0", "--json")
        assert done.exit_code == 1
        (one,) = found(done)["desks"]
        assert (one["answered_at"], one["cancelled"]) == (None, [])
        assert "desk paper did not say that its entries are cancelled" in done.stderr
        assert "cancel them at the venue" in done.stderr
        world.desk.tick()
        assert world.working()


def test_entries_that_the_venue_does_not_cancel_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk(tmp_path) as world:
        entry = world.order(Role.ENTRY).id
        assert isinstance(world.broker, Unruly)
        world.broker.lose("cancel", *[UNREACHABLE] * 100)

        def pause() -> None:
            """The desk goes on, and somebody loses patience."""
            world.desk.tick()
            with Authority.open(open_home(tmp_path)) as authority:
                authority.kill(by="admin:jonas", including_protection=True, grace_s=0)

        monkeypatch.setattr(credentials_kill, "pause", pause)
        done = run(tmp_path, "--including-protection")
        assert done.exit_code == 1
        assert f"these still work: {entry}" in done.stderr
        assert entry in done.stdout


def test_without_waiting_it_says_until_when_protection_lives(tmp_path: Path) -> None:
    with desk(tmp_path) as world:
        done = run(tmp_path, "--including-protection", "--no-wait", "--json")
        assert done.exit_code == 0
        said = found(done)
        assert said["protection_ends_at"] > said["killed_at"]
        assert said["desks"][0]["answered_at"] is None
        world.desk.tick()
        assert not world.exchange.open_orders()


def test_without_the_flag_nothing_is_waited_for(tmp_path: Path) -> None:
    with desk(tmp_path):
        done = run(tmp_path, "--json")
    assert done.exit_code == 0
    assert (found(done)["including_protection"], found(done)["desks"]) == (False, [])
    assert found(done)["protection_ends_at"] is None
    wrong = run(tmp_path, "--grace", "5")
    assert (wrong.exit_code, wrong.stdout) == (2, "")


def test_the_wait_is_over_with_the_grace_or_when_somebody_rearms(tmp_path: Path) -> None:
    clock = ManualClock(authorities.NOW)
    with authorities.opened(tmp_path, clock=clock) as authority:
        authorities.register(authority, authorities.add_app(authority), is_protective=True)
        authority.kill(by="ana", including_protection=True, grace_s=5)
        looks: list[int] = []

        def pause() -> None:
            looks.append(clock.now())
            clock.advance(SECOND)

        state, answers = credentials_kill.heard(authority, clock.now, pause)
        assert (len(looks), state, answers[0].answered_at) == (5, authority.kill_state(), None)
        authority.rearm(by="ana")
        assert credentials_kill.heard(authority, clock.now, pause) == (None, [])
        assert len(looks) == 5
