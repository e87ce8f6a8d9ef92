"""`tradewrit exchange serve` as a process: what it prints, how it ends, and what outlives whom."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tests.unit.brokers.http.exchanges import GRANT, approved, bar, terms
from tests.unit.surfaces.console import PROGRAM, bar_file, market, run
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.wire import BarsShown, MarketOver, Reported
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.market import MINUTE
from tradewrit.domain.orders import OrderType, Role, Side
from tradewrit.errors import Unauthorized, Unreachable
from tradewrit.runtime.clock import seeded
from tradewrit.runtime.secret import Secret

MANUAL = ("--manual", "--symbols", "AAPL,MSFT")


class Served(msgspec.Struct, frozen=True):
    """A server process that answers, and a client of it."""

    process: "subprocess.Popen[str]"
    url: str
    port: int
    venue: str
    client: ExchangeClient


@contextmanager
def served(*options: str | Path, key: str = "") -> Iterator[Served]:
    """The command on a free port; killed at the end if it has not ended by then."""
    words = [*map(str, options), "--json", *(["--key-env", "EXCHANGE_KEY"] if key else [])]
    if "--port" not in words:
        words += ["--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "exchange", "serve", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"EXCHANGE_KEY": key, "PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise AssertionError(f"the server did not start: {process.communicate()[1]}")
    told = json.loads(line)
    client = ExchangeClient(told["url"], Secret("exchange_key", key) if key else None)
    try:
        yield Served(process, told["url"], told["port"], told["venue"], client)
    finally:
        client.close()
        process.kill()
        process.communicate()


def ended(server: Served, how: signal.Signals) -> tuple[int, str]:
    """Exit code and log after a signal."""
    server.process.send_signal(how)
    _, told = server.process.communicate(timeout=60)
    return server.process.returncode, told


def test_it_replays_a_file_and_says_when_it_is_over(tmp_path: Path) -> None:
    bars = market(2, 30)
    data = bar_file(tmp_path / "bars.csv", bars)
    with served("--data", data, "--speed", "max", "--cash", "5000", "--wait") as server:
        assert server.port == int(server.url.rpartition(":")[2])
        seen = []
        for _, message in server.client.events():
            seen.append(message)
            if isinstance(message, MarketOver):
                break
        shown = [one for message in seen if isinstance(message, BarsShown) for one in message.bars]
        for symbol in bars:
            assert [one for one in shown if one.symbol == symbol.symbol] == list(symbol.rows())
        assert server.client.account().cash == 5_000
        code, log = ended(server, signal.SIGTERM)
    assert code == 0
    assert "waiting for a client to listen" in log
    assert "listens from event 0" in log
    assert "the data are at their end" in log


def test_a_desk_that_is_killed_finds_its_orders_and_its_position_again() -> None:
    with served(*MANUAL) as server:
        program = (
            "import os, signal, sys\n"
            "from tests.unit.brokers.http.exchanges import GRANT, approved, bar, terms\n"
            "from tradewrit.brokers.paper.http.client import ExchangeClient\n"
            "client = ExchangeClient(sys.argv[1])\n"
            "client.place(approved(terms('a')), GRANT)\n"
            "client.show_bars([bar(1, 100.0)])\n"
            "client.place(approved(terms('b')), GRANT)\n"
            "os.kill(os.getpid(), signal.SIGKILL)\n"
        )
        desk = subprocess.run(
            [sys.executable, "-c", program, server.url], cwd=Path(__file__).parents[3], check=False
        )
        assert desk.returncode == -signal.SIGKILL
        assert server.client.positions() == {"AAPL": Decimal(5)}
        assert [one.client_order_id for one in server.client.open_orders()] == ["b"]
        assert [one.client_order_id for one in server.client.executions(0)] == ["a"]


def test_a_server_that_is_killed_comes_back_with_everything(tmp_path: Path) -> None:
    state = tmp_path / "exchange.jsonl"
    stop = terms(
        "s",
        Side.SELL,
        type=OrderType.STOP,
        role=Role.STOP,
        stop_price=Decimal(95),
        parent="a",
        reduce_only=True,
    )
    with served(*MANUAL, "--state", state) as first:
        first.client.place(approved(terms("a"), stop), GRANT)
        first.client.show_bars([bar(1, 100.0)])
        first.client.place(approved(terms("b", symbol="MSFT")), GRANT)
        reports = first.client.order("a")
        taken = first.client.events()
        numbers = []
        for number, _ in taken:
            numbers.append(number)
            if number == first.client.clock().last:
                break
        last = numbers[-1]
        code, _ = ended(first, signal.SIGKILL)
        assert code == -signal.SIGKILL
        with pytest.raises(Unreachable):
            first.client.positions()
    with served(*MANUAL, "--state", state, "--port", str(first.port)) as second:
        assert second.venue == first.venue
        client = second.client
        assert client.positions() == {"AAPL": Decimal(5)}
        assert [one.client_order_id for one in client.open_orders()] == ["s", "b"]
        assert client.order("a") == reports
        client.place(approved(terms("a"), stop), GRANT)  # the desk asks again under the same ids
        client.show_bars([bar(2, 94.0)])
        assert client.positions() == {}
        number, told = next(one for one in client.events(after=last, venue=first.venue) if one[0])
        assert number == last + 1
        assert isinstance(told, Reported)
        assert [(one.client_order_id, one.kind) for one in told.reports] == [("s", Exec.TRADE)]
        assert client.clock().at == 3 * MINUTE


def test_no_order_and_no_event_is_lost_over_kills_in_the_middle_of_a_market(tmp_path: Path) -> None:
    data, chance = bar_file(tmp_path / "bars.csv", market(1, 3_000)), seeded(5, "kills")
    options = ("--data", data, "--state", tmp_path / "exchange.jsonl", "--cash", "1000000")
    known: list[str] = []
    port = "0"
    for _ in range(3):
        with served(*options, "--speed", "3000x", "--port", port) as server:
            port = str(server.port)
            for _ in range(chance.randrange(5, 60)):
                name = f"o{len(known)}"
                server.client.place(approved(terms(name, symbol="SYN000")), GRANT)
                known.append(name)
            server.process.kill()
    with served(*options, "--speed", "max", "--port", port) as server:
        numbers, fills = [], []
        for number, message in server.client.events():
            if number:
                numbers.append(number)
            if isinstance(message, Reported):
                fills += [report for report in message.reports if report.kind is Exec.TRADE]
            if isinstance(message, MarketOver):
                break
        assert numbers == list(range(1, len(numbers) + 1))
        assert [fill.client_order_id for fill in fills] == known
        assert tuple(fills) == server.client.executions(0)
        assert server.client.positions() == {"SYN000": Decimal(5 * len(known))}


def test_the_key_comes_from_the_environment_and_is_told_to_nobody() -> None:
    with served(*MANUAL, key="open-sesame") as server:
        assert server.client.positions() == {}
        stranger = ExchangeClient(server.url)
        with pytest.raises(Unauthorized):
            stranger.positions()
        stranger.close()
        _, log = ended(server, signal.SIGTERM)
    assert "showed no valid key" in log
    assert "open-sesame" not in log


def test_orders_and_fills_are_in_the_log() -> None:
    with served(*MANUAL, "--fault", "duplicate_event=0.5") as server:
        server.client.place(approved(terms("a"), terms("x", symbol="TSLA")), GRANT)
        server.client.place(approved(terms("b")), GRANT)
        server.client.show_bars([bar(1, 100.0)])
        code, log = ended(server, signal.SIGINT)
    assert code == 0
    assert "faults are on: Faults(" in log
    assert "rejected x TSLA buy (unknown_symbol: TSLA is not traded here)" in log
    assert "new b AAPL buy" in log
    assert "trade b AAPL buy 5 at 100.00, 5 in all" in log


def test_a_log_that_nobody_reads_holds_up_nobody() -> None:
    with served(*MANUAL) as server:
        for number in range(700):  # a hundred kilobytes of log: more than a pipe holds
            server.client.place(approved(terms(f"{number:0100}")), GRANT)
        assert len(server.client.open_orders()) == 700
        server.process.terminate()
        assert server.process.wait(timeout=60) == 0  # and it ends, though nobody has read a line


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "name the bars to replay, or --manual"),
        (("--manual",), 2, "--symbols AAPL"),
        (("--manual", "--data", "x.csv"), 2, "name the bars to replay"),
        ((*MANUAL, "--interval", "7m"), 2, "unknown bar interval"),
        ((*MANUAL, "--cash", "lots"), 2, "must be a number above 0"),
        ((*MANUAL, "--cash", "NaN"), 2, "must be a number above 0"),
        ((*MANUAL, "--fault", "drop_anser=0.1"), 1, "there is no fault 'drop_anser'; known: drop_request"),
        ((*MANUAL, "--fault", "drop_answer=2"), 1, "a number from 0 to 1 is needed"),
        ((*MANUAL, "--fault", "refuse"), 1, "a number from 0 to 1 is needed"),
        ((*MANUAL, "--key-env", "NO_SUCH_NAME"), 1, "--key-env NO_SUCH_NAME: that variable is not set"),
        (("--data", "nowhere.csv"), 1, "no such file"),
    ],
)
def test_wrong_use_is_explained(words: tuple[str, ...], code: int, said: str) -> None:
    done = run("exchange", "serve", "--port", "0", *words)
    assert done.exit_code == code
    assert said in " ".join(done.output.replace("│", " ").split())


def test_a_speed_that_is_none_is_refused(tmp_path: Path) -> None:
    data = bar_file(tmp_path / "bars.csv", market(1, 5))
    for speed in ("fast", "0x", "-1", "nan"):
        done = run("exchange", "serve", "--data", data, "--speed", speed)
        assert done.exit_code == 2
        assert "is no speed" in done.output


def test_a_port_that_is_taken_is_named() -> None:
    with served(*MANUAL) as server:
        done = run("exchange", "serve", *MANUAL, "--port", str(server.port))
        assert done.exit_code == 1
        assert f"port {server.port}" in done.output


def test_people_of_the_exchange_halt_a_symbol_and_take_back_a_trade() -> None:
    with served(*MANUAL) as exchange:
        at = ("--url", exchange.url)
        exchange.client.place(approved(terms("a")), GRANT)
        (fill,) = exchange.client.show_bars([bar(1, 100.0)]).reports
        listed = json.loads(run("exchange", "executions", *at, "--json").stdout)["executions"]
        assert [one["exec_id"] for one in listed] == [fill.exec_id]
        said = run("exchange", "correct", fill.exec_id, "--quantity", "3", "--price", "99.50", *at).stdout
        assert "corrected a: 3 at 99.5" in said
        assert exchange.client.positions() == {"AAPL": Decimal(3)}
        assert "AAPL is halted: news" in run("exchange", "halt", "AAPL", "--reason", "news", *at).stdout
        assert exchange.client.halts() == {"AAPL": "news"}
        assert run("exchange", "resume", "AAPL", *at).exit_code == 0
        assert "busted a" in run("exchange", "bust", fill.exec_id, *at).stdout
        assert exchange.client.positions() == {}
        again = run("exchange", "bust", fill.exec_id, *at)
        assert (again.exit_code, "was busted before" in again.stderr) == (1, True)
        assert run("exchange", "correct", fill.exec_id, *at).exit_code == 2
        assert run("exchange", "correct", fill.exec_id, "--price", "much", *at).exit_code == 2
