"""The page on running the authority: its program runs, its paths are served, its limits are those in force."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.credentials.http.servers import thread
from tradewrit.credentials.http.limits import Rates
from tradewrit.credentials.http.sampling import LINES_A_MINUTE
from tradewrit.credentials.http.settings import MAX_BODY_BYTES, Patience, ServerSettings
from tradewrit.credentials.http.table import ENDPOINTS
from tradewrit.credentials.rate_limits import Rate

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "run-the-authority.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8080"


def programs() -> list[str]:
    """The Python blocks: those that begin with an import."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, flags=re.MULTILINE)
    texts = ["\n".join(line[4:] for line in block.splitlines()).strip() + "\n" for block in blocks]
    return [text for text in texts if text.startswith(("import ", "from "))]


def test_the_programs_on_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(programs()) == 2
    with thread(tmp_path / "home", ServerSettings(port=0)) as served:
        monkeypatch.setenv("CLIENT_ID", served.client_id)
        monkeypatch.setenv("CLIENT_SECRET", served.client_secret)
        for program in programs():
            assert ADDRESS in program
            names: dict[str, Any] = {
                "client_id": served.client_id,
                "client_secret": served.client_secret,
            }
            exec(program.replace(ADDRESS, served.url), names)
            for name in ("app", "client"):
                if name in names:
                    names[name].close()
            token = names["agent"].access_token if "agent" in names else names["issued"].token
            assert served.authority is not None
            assert served.authority.validate(token) is None


def test_every_path_on_the_page_is_served() -> None:
    paths = {endpoint.path for endpoint in ENDPOINTS}
    named = set(re.findall(r"/(?:v1|\.well-known)/[a-z./-]+[a-z]", PAGE))
    assert named
    assert named <= paths


def test_the_limits_on_the_page_are_those_in_force() -> None:
    rates, patience, settings = Rates(), Patience(), ServerSettings()
    assert rates.open == Rate(burst=2_000, per_minute=60_000)
    assert "| open routes | 1,000 a second, 2,000 at once," in PAGE
    assert rates.app == rates.operator == Rate(burst=10, per_minute=60)
    assert "| an app's login | 60 a minute, 10 at once," in PAGE
    assert (rates.hashing.per_minute, rates.refused.per_minute) == (300, 300)
    assert rates.holder == Rate(burst=100, per_minute=600)
    assert "| 600 renewals, releases and delegations a minute, 100 at once:" in PAGE
    assert f"{LINES_A_MINUTE} lines a minute".replace("10", "ten") in PAGE
    assert PAGE.count("300 a minute for each address") == 2
    assert (
        f"headers {patience.head_s:g} s, body {patience.body_s:g} s, an answer {patience.answer_s:g} s, "
        f"a connection nobody uses {patience.idle_s:g} s" in PAGE
    )
    assert f"| connections | {settings.max_connections:,};" in PAGE
    assert MAX_BODY_BYTES == 1 << 20
    assert "| a body | 1 MiB |" in PAGE


def test_every_option_on_the_page_is_one() -> None:
    from tests.unit.surfaces.console import run

    shown = run("credentials", "serve", "--help").output + run("credentials", "app", "add", "--help").output
    for option in set(re.findall(r"(?<![\w-])--[a-z-]+[a-z]", PAGE)):
        assert option in shown, option
