"""A desk that asks people, and a person at a second terminal: real processes. R29, F-45."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.scenario.test_live_processes import Market, Place, home, market, patiently

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


def test_who_cannot_tell_people_apart_refuses_four_eyes(tmp_path: Path) -> None:
    config = tmp_path / "desk.yaml"
    config.write_text("review: {kind: four_eyes}\n")
    done = tradewrit("run", "--config", str(config), "--broker", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "cannot tell two people apart" in done.stderr
