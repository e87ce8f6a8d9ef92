"""No secret of a desk that trades can be read anywhere: not in its logs, answers, journal, nor at its authority.

A real exchange that asks for a key, a real authority, a sealed store, and a desk under all three.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.canaries import Canaries
from tests.scenario.test_live_processes import (
    PATIENCE_S,
    SYMBOL,
    Market,
    Place,
    first_line,
    patiently,
    process,
)
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.domain.market import MINUTE
from tradewrit.domain.orders import Role
from tradewrit.runtime.clock import SystemClock
from tradewrit.runtime.secret import Secret

pytestmark = [
    pytest.mark.prove,  # a dozen processes
    pytest.mark.skipif(sys.platform == "win32", reason="a desk's door is a Unix socket"),
]

CONFIG = """
writs:
  authority:
    url: {url}
    client_id: {client_id}
    sealed_as: authority
"""
EVERY_OTHER_MINUTE = """
from tradewrit import Signal, Strategy
from tradewrit.domain.orders import Side


class Once(Strategy, frozen=True, kw_only=True):
    def on_bar(self, bars):
        return Signal(enter=Side.BUY)
"""


class Told:
    """Everything that anybody is told, searched as it is."""

    def __init__(self, birds: Canaries) -> None:
        self.birds = birds
        self.bytes = 0

    def command(self, *words: str | Path, given: str = "") -> str:
        """What a command says."""
        done = subprocess.run(
            [sys.executable, "-c", "from tradewrit.app import main; main()", *map(str, words)],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        self.look(done.stdout + done.stderr, f"what {' '.join(map(str, words[:2]))} says")
        return done.stdout

    def look(self, text: str, where: str) -> None:
        assert text
        self.bytes += len(text)
        self.birds.refuse(text, where)


def showing(*words: str) -> dict[str, str]:
    """A command that has to show a secret, once."""
    with process("credentials", *words, "--json") as asked:
        told, why = asked.communicate(timeout=PATIENCE_S)
        assert asked.returncode == 0, why
        found: dict[str, str] = json.loads(told)
        return found


def address_of(authority: "subprocess.Popen[str]") -> str:
    """Where it listens: its first words are several lines."""
    assert authority.stdout is not None
    said = ""
    while not said.endswith("}\n"):
        line = authority.stdout.readline()
        assert line, authority.communicate()[1]
        said += line
    return str(json.loads(said)["url"])


def test_the_secrets_of_a_desk_that_trades_can_be_read_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, logs, birds = tmp_path / "home", tmp_path / "logs", Canaries()
    logs.mkdir()
    told = Told(birds)
    monkeypatch.setenv("TRADEWRIT_HOME", str(home))
    key = birds.new("broker key")
    monkeypatch.setenv("EXCHANGE_KEY", key)
    passphrase = tmp_path / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text(birds.new("passphrase"))
    app = showing("app", "add", "paper-desk", "--desk", "--limit", "modes=paper")
    birds.watch("client secret", app["client_secret"])
    operator = showing("operator", "add", "maria")
    birds.watch("operator secret", operator["secret"].rpartition("-")[2])
    told.command("secrets", "set", "authority", "--passphrase-file", passphrase, given=app["client_secret"])

    with (
        (logs / "exchange").open("w") as exchange_log,
        (logs / "authority").open("w") as authority_log,
        (logs / "desk").open("w") as desk_log,
        process(
            *("exchange", "serve", "--manual", "--symbols", SYMBOL, "--port", "0", "--json"),
            *("--key-env", "EXCHANGE_KEY"),
            stderr=exchange_log,
        ) as server,
        process("credentials", "serve", "--port", "0", "--json", stderr=authority_log) as authority,
    ):
        url, issuer = str(first_line(server)["url"]), address_of(authority)
        (tmp_path / "desk.yaml").write_text(CONFIG.format(url=issuer, client_id=app["client_id"]))
        client = ExchangeClient(url, Secret("exchange_key", key))
        market = Market(client, url, server)
        market.at = SystemClock().now() // MINUTE * MINUTE - 5 * MINUTE  # tokens live by the time of now
        market.bar()
        place = Place(tmp_path, market)
        place.strategy.write_text(EVERY_OTHER_MINUTE)
        options = ("--config", str(tmp_path / "desk.yaml"), "--key-env", "EXCHANGE_KEY", "--authority")
        with place.desk(*options, "--passphrase-file", str(passphrase), stderr=desk_log) as desk:
            market.bar()
            patiently(lambda: market.working(Role.ENTRY), "the entry works at the venue")
            market.bar()
            patiently(place.is_covered, "the position is covered")
            for words in (("status",), ("status", "--json")):
                told.command(*words, "--journal", place.journal)
            metrics = urllib.request.urlopen(f"{issuer}/v1/metrics", timeout=5).read()
            told.look(metrics.decode(), "the metrics of the authority")
            for shown in (("show", "--all"), ("show", "--all", "--json"), ("verify",)):
                told.command("journal", shown[0], place.journal, *shown[1:])
            told.command("credentials", "audit", "show", "--last", "200")
            desk.terminate()
            assert desk.wait(timeout=PATIENCE_S) == 0
            assert desk.stdout is not None
            birds.refuse(desk.stdout.read(), "what the desk says")
        client.close()
    for log in ("exchange", "authority", "desk"):
        birds.refuse((logs / log).read_text(), f"the log of the {log}")
    assert (logs / "desk").read_text()
    passphrase.unlink()
    assert birds.refuse_under(tmp_path) > 5
