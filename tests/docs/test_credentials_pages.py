"""The commands on the pages about credentials work as they stand, in their order."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tradewrit.credentials.home import Home
from tradewrit.domain.constraints import Constraints

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"


def typed(page: str) -> list[str]:
    lines = (HOW_TO / page).read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.mark.skipif(os.name != "posix", reason="the pages are written for a POSIX shell")
@pytest.mark.parametrize(("page", "least"), [("keep-broker-keys.md", 5), ("manage-credentials.md", 13)])
def test_what_the_page_types_works(tmp_path: Path, page: str, least: int) -> None:
    commands = typed(page)
    assert len(commands) >= least
    program = f"tradewrit() {{ '{sys.executable}' -c 'from tradewrit.app import main; main()' \"$@\"; }}"
    done = subprocess.run(
        ["bash", "-euc", "\n".join([program, *commands])],
        cwd=tmp_path,
        env={"TRADEWRIT_HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_the_page_names_every_file_and_every_limit(tmp_path: Path) -> None:
    page = (HOW_TO / "manage-credentials.md").read_text(encoding="utf-8")
    home = Home(tmp_path)
    for place in (home.signing_key, home.store, home.nonce_key, home.sealed):
        assert f"| `{place.name}` |" in page
    for name in Constraints.__struct_fields__:
        assert f"`{name}`" in page
