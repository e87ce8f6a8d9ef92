"""A desk that asks people, and a person at a second terminal: real processes. R29, F-45."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.scenario.test_live_processes import PATIENCE_S, Market, Place, home, market, patiently
from tradewrit.domain.orders import Role

__all__ = ["home", "market"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a desk's door is a Unix socket")


def tradewrit(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A command that is waited for."""
    command = [sys.executable, "-c", "from tradewrit.app import main; main()", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})


def waiting(journal: Path) -> list[dict[str, Any]]:
    found: dict[str, list[dict[str, Any]]] = msgspec.json.decode(
        tradewrit("review", "list", "--journal", str(journal), "--json").stdout
    )
    return found["reviews"]


def test_a_person_at_another_terminal_lets_a_trade_out_once(tmp_path: Path, market: Market) -> None:
    place = Place(tmp_path, market)
    config = tmp_path / "desk.yaml"
    config.write_text("review: {kind: require}\n")
    at = ("--journal", str(place.journal))
    with place.desk("--config", str(config)) as desk:
        market.bar()
        market.bar()
        patiently(lambda: waiting(place.journal), "a question waits")
        (task,) = waiting(place.journal)
        assert not market.client.open_orders()
        blind = tradewrit("review", "approve", task["review"], "--yes", *at)
        assert (blind.returncode, "--yes needs --hash" in blind.stderr) == (2, True)
        other = tradewrit("review", "approve", task["review"], "--yes", "--hash", "0" * 12, *at)
        assert (other.returncode, "look again" in other.stderr) == (1, True)
        yes = ("review", "approve", task["review"][:6], "--yes", "--hash", task["hash"][:12], *at)
        first = tradewrit(*yes)
        assert (first.returncode, first.stdout) == (0, "approved: the order is on its way\n")
        again = tradewrit(*yes)
        assert (again.returncode, again.stderr) == (1, "error: refused: already decided: consumed\n")
        market.bar()
        patiently(lambda: market.held > 0, "it was bought")
        desk.terminate()
        _, log = desk.communicate()
    assert f"REVIEW WAITS: buy {task['quantity']} AAPL" in log
    assert f"tradewrit review show {task['review']}" in log


class Operator:
    """Somebody whom the authority knows, and the file with their secret."""

    def __init__(self, name: str, folder: Path) -> None:
        made = tradewrit("credentials", "operator", "add", name, "--json")
        assert made.returncode == 0, made.stderr
        self.secret = str(msgspec.json.decode(made.stdout)["secret"])
        self.file = folder / f"{name}.secret"
        self.file.touch(0o600)
        self.file.write_text(self.secret)
        self.options = ("--as", name, "--secret-file", str(self.file))


def test_a_question_outlives_the_desk_that_asked_it_and_is_shown_and_answered_in_the_next_life(
    tmp_path: Path, market: Market
) -> None:
    place = Place(tmp_path, market)
    config = tmp_path / "desk.yaml"
    config.write_text("review: {kind: require}\n")
    at = ("--journal", str(place.journal))
    with place.desk("--config", str(config)) as desk:
        market.bar()
        market.bar()
        patiently(lambda: waiting(place.journal), "a question waits")
        (task,) = waiting(place.journal)
        desk.kill()
        desk.wait()
    with place.desk("--config", str(config)) as desk:
        patiently(lambda: [one["hash"] for one in waiting(place.journal)] == [task["hash"]], "it still waits")
        yes = tradewrit("review", "approve", task["review"], "--yes", "--hash", task["hash"], *at)
        assert yes.returncode == 0, yes.stderr
        patiently(lambda: market.working(Role.ENTRY), "the entry works at the venue")
        desk.terminate()
        _, said = desk.communicate(timeout=PATIENCE_S)
    assert f"tradewrit review show {task['review']}" in said
    assert "Traceback" not in said


def test_four_eyes_are_those_of_two_operators(tmp_path: Path, market: Market) -> None:
    place = Place(tmp_path, market)
    config = tmp_path / "desk.yaml"
    config.write_text("review: {kind: four_eyes}\n")
    at = ("--journal", str(place.journal), "--config", str(config))
    maria, jonas = Operator("maria", tmp_path), Operator("jonas", tmp_path)
    with place.desk("--config", str(config)) as desk:
        market.bar()
        market.bar()
        patiently(lambda: waiting(place.journal), "a question waits")
        (task,) = waiting(place.journal)

        def approve(*who: str) -> tuple[int, str]:
            yes = ("review", "approve", task["review"], "--yes", "--hash", task["hash"], *at)
            done = tradewrit(*yes, *who)
            return done.returncode, " ".join((done.stdout + done.stderr).split())

        code, said = approve()
        assert (code, "log in with --as NAME" in said) == (1, True)
        code, said = approve("--as", "maria", "--secret-file", str(jonas.file))
        assert (code, said) == (
            1,
            "error: that is not the secret of maria: one begins with op-maria-, as it was handed over",
        )
        maria.file.write_text(maria.secret[:-4] + "0000")
        code, said = approve(*maria.options)
        assert (code, said) == (1, "error: invalid credentials")
        maria.file.write_text(maria.secret)
        assert approve(*maria.options) == (0, "recorded: 1 more must approve")
        code, said = approve(*maria.options)
        assert (code, said) == (1, "error: refused: one person counts once")
        assert not market.client.open_orders()
        assert approve(*jonas.options) == (0, "approved: the order is on its way")
        market.bar()
        patiently(lambda: market.held > 0, "it was bought")
        desk.terminate()
        _, log = desk.communicate()
    assert maria.secret not in log
    shown = tradewrit("journal", "show", str(place.journal), "--json").stdout
    assert "human:maria" in shown
    assert "human:jonas" in shown
    assert maria.secret not in shown


def test_a_damaged_credential_store_keeps_no_desk_from_looking_after_what_it_holds(
    tmp_path: Path, market: Market
) -> None:
    place = Place(tmp_path, market)
    config = tmp_path / "desk.yaml"
    config.write_text("review: {kind: four_eyes}\n")
    Operator("maria", tmp_path)
    (tmp_path / "home" / "credentials.db").write_bytes(b"no database")
    with place.desk("--config", str(config)) as desk:
        desk.terminate()
        _, log = desk.communicate()
        assert desk.returncode == 0
    assert "nobody can say who they are" in log


def test_a_desk_with_too_few_operators_says_so_and_runs(tmp_path: Path, market: Market) -> None:
    place = Place(tmp_path, market)
    config = tmp_path / "desk.yaml"
    config.write_text("review: {kind: four_eyes}\n")
    with place.desk("--config", str(config)) as desk:
        desk.terminate()
        _, log = desk.communicate()
    assert "the authority of this machine knows 0" in log
    assert "tradewrit credentials operator add NAME" in log
