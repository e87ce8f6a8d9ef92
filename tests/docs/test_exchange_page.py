"""The page about the exchange server says what it does, and its program runs as it stands."""

import json
import shlex
from pathlib import Path

import httpx
import pytest

from tests.unit.brokers.http.exchanges import GRANT, approved, bar, running, terms
from tradewrit.brokers.paper.http.faults import Faults
from tradewrit.brokers.paper.http.table import ENDPOINTS, EVENTS, STATUSES

DOCS = Path(__file__).parents[2] / "docs"
HOW_TO = (DOCS / "how-to" / "run-a-paper-exchange.md").read_text(encoding="utf-8")
REFERENCE = (DOCS / "reference" / "exchange-http.md").read_text(encoding="utf-8")


def blocks() -> list[str]:
    """The indented blocks of the page, without their indent."""
    found: list[list[str]] = [[]]
    for line in HOW_TO.splitlines():
        if line.startswith("    ") or (not line and found[-1]):
            found[-1].append(line[4:])
        elif found[-1]:
            found.append([])
    return ["\n".join(lines).strip() + "\n" for lines in found if lines]


def test_the_program_runs_and_tells_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = (block for block in blocks() if block.startswith("from tradewrit"))
    with running(key=None) as exchange:
        exchange.client.place(approved(terms("a")), GRANT)
        exchange.client.show_bars([bar(1, 100.0)])
        exec(compile(program.replace("http://127.0.0.1:8090", exchange.url), "page", "exec"), {})
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("99499.50 {'AAPL': Decimal('5')}")
    assert told[1:] == [
        "connected: events up to 3 are from before; now reconcile",
        "1 new",
        "2 trade",
        "3 100.0",
    ]


def test_the_curl_commands_are_answered() -> None:
    (by_hand,) = (block for block in blocks() if "curl" in block)
    with running(key=None) as exchange:
        for command in by_hand.split("curl -s ")[1:]:
            url, *rest = shlex.split(command)
            path = url.removeprefix("http://127.0.0.1:8090")
            body = rest[1] if rest else None
            answer = httpx.request(
                "POST" if body else "GET", exchange.url + path, content=body, trust_env=False
            )
            assert answer.status_code == 200, answer.text
        assert json.loads(answer.content)["cash"] == "100000.00"


def test_every_fault_is_explained() -> None:
    for name in Faults.__struct_fields__:
        assert f"| `{name}` |" in HOW_TO


def test_every_endpoint_and_every_error_is_in_the_reference() -> None:
    for endpoint in ENDPOINTS:
        assert f"| `{endpoint.method} {endpoint.path.replace(':path', '')}` |" in REFERENCE
    for name, status in STATUSES.items():
        assert f"| `{name}` | {status} |" in REFERENCE
    assert EVENTS in REFERENCE
