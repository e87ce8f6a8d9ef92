"""The commands on the pages about credentials work as they stand, in their order."""

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from tests.unit.credentials.http import servers
from tradewrit.config.writs import AuthorityConfig
from tradewrit.credentials.home import Home
from tradewrit.domain.constraints import Constraints

ADDRESS = "http://127.0.0.1:8080"
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


@pytest.mark.skipif(os.name != "posix", reason="the pages are written for a POSIX shell")
def test_the_way_to_an_authority_elsewhere_works_as_it_is_typed(tmp_path: Path) -> None:
    commands = typed("use-a-remote-authority.md")
    serving = [command for command in commands if command.startswith("tradewrit credentials serve")]
    assert serving == ["tradewrit credentials serve --port 8080"]
    few_bars = (
        "from tradewrit.research import demo; bars = demo.demo_bars(); "
        "demo.demo_bars = lambda: [one.head(60) for one in bars]"
    )
    program = (
        f"tradewrit() {{ local first=pass; [ $1 != demo ] || first='{few_bars}'; "
        f'\'{sys.executable}\' -c "$first; from tradewrit.app import main; main()" "$@"; }}'
    )
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with servers.command(home) as (url, _):
        typing = [command.replace(ADDRESS, url) for command in commands if command not in serving]
        done = subprocess.run(
            ["bash", "-euc", "\n".join([program, *typing])],
            cwd=tmp_path,
            env={"TRADEWRIT_HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert "token_released" in done.stdout
    assert f"the authority at {url}" in " ".join(done.stdout.split())


def test_the_page_on_an_authority_elsewhere_names_keys_that_there_are() -> None:
    page = (HOW_TO / "use-a-remote-authority.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)
    there = msgspec.yaml.decode(shown)["writs"]["authority"]
    assert set(there) <= set(AuthorityConfig.__struct_fields__)
    named = set(
        re.findall(r"`(?:writs\.authority\.)?(poll_s|plain_protocol|allow_plain_http|certificates)", page)
    )
    assert named == {"poll_s", "plain_protocol", "allow_plain_http", "certificates"}
    assert f"every `poll_s` seconds ({AuthorityConfig().poll_s})" in page


def test_the_page_names_every_file_and_every_limit(tmp_path: Path) -> None:
    page = (HOW_TO / "manage-credentials.md").read_text(encoding="utf-8")
    home = Home(tmp_path)
    for place in (home.signing_key, home.store, home.nonce_key, home.sealed):
        assert f"| `{place.name}` |" in page
    for name in Constraints.__struct_fields__:
        assert f"`{name}`" in page
