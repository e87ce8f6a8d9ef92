"""The same bars and seed leave the same journal, whatever interpreter runs and however it hashes.

Interpreters that lack the package are given it in a throw-away environment: that needs a network, so
it is opt-in (`pytest -m network`). Without it they are skipped, and counted.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenario.a_run import ROOT, made, replayed

PROGRAM = Path(__file__).with_name("a_run.py")
VERSIONS = ("3.11", "3.12", "3.13")
# The first record of a journal names the version, so it must be installed, not merely found.
HAS_PACKAGE = "from importlib.metadata import version; version('tradewrit'); import msgspec, numpy"


def ask(python: str | Path, what: str, journal: Path, **environment: str) -> dict[str, str]:
    """Let an interpreter make or replay the run."""
    said = subprocess.run(
        [python, "-X", "utf8", PROGRAM, what, journal],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    answer: dict[str, str] = json.loads(said.stdout)
    return answer


def interpreter(wanted: str) -> Path | None:
    """A Python of this version: ourselves, on the path, or one of pyenv's."""
    if sys.version_info[:2] == tuple(map(int, wanted.split("."))):
        return Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = shutil.which(f"python{wanted}")
    found = [*([Path(named)] if named else []), *sorted(pyenv.glob(f"{wanted}.*/bin/python"))]
    return next((python for python in found if can(python, "import sqlite3")), None)


def can(python: Path, statement: str) -> bool:
    """Whether an interpreter starts and gets through a statement."""
    return subprocess.run([python, "-c", statement], capture_output=True, check=False).returncode == 0


def assert_same(python: Path, folder: Path) -> None:
    """It replays our journal to our state, and trades to our journal."""
    ours = made(folder / "ours.sqlite")
    assert int(ours["records"]) > 100
    assert ask(python, "replay", folder / "ours.sqlite") == {k: ours[k] for k in ("state", "records")}
    assert ask(python, "make", folder / "theirs.sqlite") == ours
    assert replayed(folder / "theirs.sqlite")["state"] == ours["state"]


def test_a_run_made_twice_is_one_run(tmp_path: Path) -> None:
    assert made(tmp_path / "one.sqlite") == made(tmp_path / "two.sqlite")


def test_another_seed_is_another_journal_with_the_same_trades(tmp_path: Path) -> None:
    one, other = made(tmp_path / "one.sqlite"), made(tmp_path / "other.sqlite", seed=1)
    assert one["head"] != other["head"]
    assert one["state"] != other["state"]
    assert (one["trades"], one["final_equity"]) == (other["trades"], other["final_equity"])


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_the_order_of_sets_and_dicts_decides_nothing(tmp_path: Path, seed: str) -> None:
    ours = made(tmp_path / "ours.sqlite")
    assert ask(sys.executable, "make", tmp_path / "theirs.sqlite", PYTHONHASHSEED=seed) == ours


@pytest.mark.parametrize("wanted", VERSIONS)
def test_every_python_comes_to_the_same(wanted: str, tmp_path: Path) -> None:
    python = interpreter(wanted)
    if python is None:
        pytest.skip(f"there is no Python {wanted} on this machine")
    if not can(python, HAS_PACKAGE):
        pytest.skip(f"Python {wanted} is without the package: pytest -m network installs it")
    assert_same(python, tmp_path)


@pytest.mark.network
@pytest.mark.parametrize("wanted", VERSIONS)
def test_every_python_comes_to_the_same_once_it_has_the_package(wanted: str, tmp_path: Path) -> None:
    python = interpreter(wanted)
    if python is None:
        pytest.skip(f"there is no Python {wanted} on this machine")
    home = tmp_path / "environment"
    subprocess.run([python, "-m", "venv", home], check=True, capture_output=True)
    inside = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)]
    subprocess.run(install, check=True, capture_output=True)
    assert_same(inside, tmp_path)
