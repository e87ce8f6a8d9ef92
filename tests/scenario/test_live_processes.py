"""Real processes: a desk, its exchange and its watchdog, stopped and killed. Nothing doubled, nothing naked.

F-01..F-20 at process level, F-65, R22, R35. The market is moved by hand, so no test waits for a clock.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TextIO

import msgspec
import pytest

from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.orders import OrderTerms, Role
from tradewrit.domain.times import iso, parse_iso
from tradewrit.errors import OurFault
from tradewrit.runtime.clock import SystemClock
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.live.door import door_of, knock
from tradewrit.runtime.live.requests import AskHalt, AskResume, AskStatus
from tradewrit.runtime.live.status import Mode, Status

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a desk's door is a Unix socket")

START = parse_iso("2024-03-04T14:30:00Z")
SYMBOL = "AAPL"
STRATEGY = """
from tradewrit import Signal, Strategy
from tradewrit.domain.orders import Side


class Once(Strategy, frozen=True, kw_only=True):
    \"\"\"Buys on the bar of 14:32, and on each that closes at 100 or more.\"\"\"

    def on_bar(self, bars):
        is_second = int(bars.ts[-1]) // 60_000_000_000 % 60 == 32
        return Signal(enter=Side.BUY) if is_second else None
"""
PATIENCE_S = 30.0


def patiently(attempt: Callable[[], object], what: str) -> None:
    """Until it is so; processes take their time."""
    clock, never = SystemClock(), threading.Event()
    until = clock.monotonic() + int(PATIENCE_S * SECOND)
    while not attempt():
        assert clock.monotonic() < until, f"never came to be: {what}"
        never.wait(0.02)


@contextmanager
def process(*arguments: str, stderr: int | TextIO = subprocess.PIPE) -> Iterator["subprocess.Popen[str]"]:
    """A `tradewrit` command; killed at the end if it is still there."""
    command = [sys.executable, "-c", "from tradewrit.app import main; main()", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=stderr, text=True, env={**os.environ}
    ) as one:
        try:
            yield one
        finally:
            if one.poll() is None:
                one.kill()


def first_line(one: "subprocess.Popen[str]") -> dict[str, object]:
    assert one.stdout is not None
    line = one.stdout.readline()
    assert line, one.communicate()[1]
    found: dict[str, object] = msgspec.json.decode(line)
    return found


class Market:
    """An exchange in a process of its own, moved by hand."""

    def __init__(self, client: ExchangeClient, url: str, server: "subprocess.Popen[str]") -> None:
        self.client = client
        self.url = url
        self.server = server
        self.at = START

    def bar(self, price: float = 175.5) -> None:
        """The next minute at one price."""
        bar = Bar(SYMBOL, self.at, price, price, price, price, 1e6)
        self.at += MINUTE
        self.client.show_bars([bar])

    @property
    def held(self) -> Decimal:
        return self.client.positions().get(SYMBOL, Decimal(0))

    def working(self, role: Role) -> Sequence[OrderTerms]:
        return [terms for terms in self.client.open_orders() if terms.role is role]


@contextmanager
def exchange(port: int = 0) -> Iterator[Market]:
    """An exchange in a process of its own, whose market has not begun."""
    manual = ("exchange", "serve", "--manual", "--symbols", SYMBOL, "--json")
    with process(*manual, "--port", str(port)) as server:
        url = str(first_line(server)["url"])
        client = ExchangeClient(url)
        yield Market(client, url, server)
        client.close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own."""
    monkeypatch.setenv("TRADEWRIT_HOME", str(tmp_path / "home"))


@pytest.fixture
def market() -> Iterator[Market]:
    with exchange() as one:
        one.bar()
        yield one


class Place:
    """Where one desk lives, and how it is started and asked."""

    def __init__(self, folder: Path, market: Market) -> None:
        self.journal = folder / "desk.sqlite"
        self.strategy = folder / "once.py"
        self.strategy.write_text(STRATEGY)
        self.market = market

    @contextmanager
    def desk(self, *more: str, stderr: int | TextIO = subprocess.PIPE) -> Iterator["subprocess.Popen[str]"]:
        """A desk that runs. Its lease is short, so that the next one need not wait long after a crash."""
        arguments = ["--broker", self.market.url, "--journal", str(self.journal), "--symbols", SYMBOL]
        strategy = ["--strategy", str(self.strategy), "--lease", "2"]
        with process("run", *strategy, *arguments, *more, "--json", stderr=stderr) as one:
            first_line(one)
            patiently(self.is_running, "the desk runs")
            yield one

    def status(self) -> Status | None:
        try:
            return knock(door_of(self.journal), AskStatus(), timeout_s=5.0).status
        except OurFault:
            return None

    def is_running(self) -> bool:
        status = self.status()
        return status is not None and status.mode is Mode.RUNNING

    def enter(self) -> None:
        """A signal, and the entry's acceptance."""
        self.market.bar()
        self.market.bar()
        patiently(lambda: self.market.working(Role.ENTRY), "the entry works at the venue")

    def is_covered(self) -> bool:
        held = self.market.held
        return held > 0 and sum(stop.quantity for stop in self.market.working(Role.STOP)) == held

    def audit(self, *, at_most: int | None = None) -> None:
        """One entry, however often it was sent, or at most so many; the chain is whole."""
        journal = SqliteJournal.open(self.journal, read_only=True)
        try:
            assert journal.verify("acct:paper").is_intact
        finally:
            journal.close()
        fills = self.market.client.executions(0)
        assert len({fill.client_order_id for fill in fills}) == len(fills)
        assert len(fills) == 1 if at_most is None else len(fills) <= at_most


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_log_on_a_full_disk_does_not_end_the_desk(tmp_path: Path, market: Market) -> None:
    place = Place(tmp_path, market)
    with Path("/dev/full").open("w") as full, place.desk(stderr=full) as desk:
        place.enter()
        market.bar()
        patiently(place.is_covered, "what was bought has its stop")
        desk.terminate()
        assert desk.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_desk_that_is_told_to_stop_leaves_its_stop_and_gives_the_account_free(
    tmp_path: Path, market: Market, number: signal.Signals
) -> None:
    place = Place(tmp_path, market)
    with place.desk() as desk:
        place.enter()
        market.bar()
        patiently(place.is_covered, "the position is covered")
        patiently(lambda: (status := place.status()) is not None and not status.naked, "the desk knows it")
        desk.send_signal(number)
        _, said = desk.communicate(timeout=PATIENCE_S)
        assert desk.returncode == 0, said
        assert "stopping: SIG" in said
        assert "Traceback" not in said
    assert place.is_covered()
    place.audit()
    with place.desk():  # at once: the lease was given up
        status = place.status()
        assert status is not None
        assert status.held == {SYMBOL: market.held}
        assert status.naked == ()
    place.audit()


def test_a_second_signal_ends_at_once(tmp_path: Path, market: Market) -> None:
    place = Place(tmp_path, market)
    with place.desk() as desk:
        os.kill(desk.pid, signal.SIGSTOP)  # so that both wait for it when it goes on
        os.kill(desk.pid, signal.SIGINT)
        os.kill(desk.pid, signal.SIGTERM)
        os.kill(desk.pid, signal.SIGCONT)
        _, said = desk.communicate(timeout=PATIENCE_S)
        assert desk.returncode == 130, said
        assert "again: ended at once" in said


def test_a_desk_that_is_killed_between_its_entry_and_its_fill_comes_back_and_protects_once(
    tmp_path: Path, market: Market
) -> None:
    place = Place(tmp_path, market)
    with place.desk() as desk:
        place.enter()
        desk.kill()
        desk.wait()
    market.bar()  # it fills while nobody is there; its bracket goes with it
    assert market.held > 0
    with place.desk():
        patiently(place.is_covered, "the position is covered")
        status = place.status()
        assert status is not None
        assert status.held == {SYMBOL: market.held}
    place.audit()


def test_a_second_desk_on_the_account_refuses_and_the_first_does_not_notice(
    tmp_path: Path, market: Market
) -> None:
    place = Place(tmp_path, market)
    with place.desk():
        arguments = ["--broker", market.url, "--journal", str(place.journal)]
        with process("run", "--strategy", str(place.strategy), *arguments) as second:
            _, said = second.communicate(timeout=PATIENCE_S)
            assert second.returncode == 1
            assert "two desks on one account" in said
        assert place.is_running()


def test_a_desk_that_slept_while_another_took_over_sends_nothing_and_ends(
    tmp_path: Path, market: Market
) -> None:
    place = Place(tmp_path, market)
    with place.desk() as first:
        place.enter()
        patiently(lambda: (s := place.status()) and s.working and not s.flying, "the desk is at rest")
        os.kill(first.pid, signal.SIGSTOP)  # not in the middle of a commit: it would keep the file to itself
        market.bar()
        with place.desk():
            patiently(place.is_covered, "the second desk looks after the position")
            os.kill(first.pid, signal.SIGCONT)
            _, said = first.communicate(timeout=PATIENCE_S)
            assert first.returncode == 1
            assert "is lost" in said
            assert "Traceback" not in said
            patiently(place.is_running, "the second did not notice")
    assert place.is_covered()
    place.audit()


def test_a_desk_sends_nothing_to_another_exchange_than_its_journal_s(tmp_path: Path) -> None:
    with exchange() as market:
        market.bar()
        place, port = Place(tmp_path, market), int(market.url.rpartition(":")[2])
        with place.desk() as desk:
            place.enter()
            market.bar()
            patiently(place.is_covered, "the position is covered")
            market.server.kill()
            with exchange(port) as other:  # at the same address, with an account of its own
                other.at = market.at
                other.bar()
                _, said = desk.communicate(timeout=PATIENCE_S)
                assert desk.returncode == 1
                refused_in_so_many_words(said)
                at = ("--journal", str(place.journal), "--broker", other.url)
                for command in (("run", "--strategy", str(place.strategy)), ("watchdog",)):
                    for _ in range(6 if command[0] == "run" else 1):  # and that is no crash loop
                        with process(*command, *at) as again:
                            _, said = again.communicate(timeout=PATIENCE_S)
                            assert again.returncode == 1
                            refused_in_so_many_words(said)
                assert "SAFE MODE" not in said
                assert not other.client.open_orders()
                assert other.held == 0
                assert other.client.clock().last == 1, "nobody has placed anything, not even to be refused"


def refused_in_so_many_words(said: str) -> None:
    said = " ".join(said.split())
    assert "this journal belongs to paper exchange" in said, said
    assert "Start the exchange of this journal again (`tradewrit exchange serve` with its --state)" in said
    assert "or take a new journal (--journal)" in said
    assert "Traceback" not in said


def test_with_an_exchange_in_the_same_process_the_account_outlives_it(tmp_path: Path) -> None:
    bars = tmp_path / "minutes.csv"
    at = [iso(START + n * MINUTE) for n in range(600)]
    rows = [f"{SYMBOL},{ts},175.5,175.6,175.4,175.5,1000" for ts in at]
    bars.write_text("\n".join(["symbol,ts,open,high,low,close,volume", *rows]))
    strategy = tmp_path / "once.py"
    strategy.write_text(STRATEGY.replace("== 32", "% 4 == 0"))
    journal = tmp_path / "desk.sqlite"
    arguments = ["--broker", "paper", "--data", str(bars), "--speed", "600x", "--journal", str(journal)]

    def status() -> Status | None:
        try:
            return knock(door_of(journal), AskStatus(), timeout_s=5.0).status
        except OurFault:
            return None

    held: list[Decimal] = []
    for _ in range(2):
        with process("run", "--strategy", str(strategy), *arguments) as desk:
            patiently(lambda: (found := status()) is not None and found.held and not found.naked, "it holds")
            found = status()
            assert found is not None
            held.append(found.held[SYMBOL])
            desk.send_signal(signal.SIGTERM)
            told, said = desk.communicate(timeout=PATIENCE_S)
            assert desk.returncode == 0, said
            assert told.endswith("Stopped.\n")
    assert held[0] == held[1]
    account = tmp_path / "desk.sqlite.exchange.jsonl"
    account.unlink()
    with process("run", "--strategy", str(strategy), *arguments) as desk:
        _, said = desk.communicate(timeout=PATIENCE_S)
        assert desk.returncode == 1
        refused_in_so_many_words(said)
        assert f"`--broker paper` keeps its account in {account}" in " ".join(said.split())


def test_a_person_halts_resumes_and_flattens_from_another_terminal(tmp_path: Path, market: Market) -> None:
    place = Place(tmp_path, market)
    door = door_of(place.journal)
    with place.desk() as desk:
        place.enter()
        market.bar()
        patiently(place.is_covered, "the position is covered")
        with process("status", "--journal", str(place.journal)) as asked:
            told, why = asked.communicate(timeout=PATIENCE_S)
            assert asked.returncode == 0, why
            assert "RUNNING" in told
        assert "halted" in knock(door, AskHalt(reason="drill"), timeout_s=5).said
        assert "resumed" in knock(door, AskResume(reason="over"), timeout_s=5).said
        with process("flatten", "--journal", str(place.journal), "--yes") as flat:

            def is_flat() -> bool:
                market.bar()
                return flat.poll() is not None

            patiently(is_flat, "the account is flat")
            told, why = flat.communicate()
            assert flat.returncode == 0, why
            assert "the account is flat" in told
        assert market.held == 0
        assert list(market.client.open_orders()) == []
        with process("shutdown", "--journal", str(place.journal), "--reason", "evening") as asked:
            told, why = asked.communicate(timeout=PATIENCE_S)
            assert (asked.returncode, told) == (0, "stopping\n"), why
        assert desk.wait(timeout=PATIENCE_S) == 0


def test_a_watchdog_in_a_process_of_its_own_protects_what_a_killed_desk_never_heard_of(
    tmp_path: Path, market: Market
) -> None:
    place = Place(tmp_path, market)
    config = tmp_path / "desk.yaml"
    config.write_text("protection: after_fill\n")
    arguments = ["--broker", market.url, "--journal", str(place.journal)]
    with place.desk("--config", str(config)) as desk:
        place.enter()
        desk.kill()
        desk.wait()
    market.bar()
    assert market.held > 0
    assert not place.is_covered()
    with process("watchdog", *arguments, "--authority", "--every", "0.3", "--patience", "1") as dog:
        patiently(place.is_covered, "the watchdog has placed the stop")
        (stop,) = market.working(Role.STOP)
        dog.send_signal(signal.SIGTERM)
        _, said = dog.communicate(timeout=PATIENCE_S)
        assert dog.returncode == 0, said
        assert f"RESCUED {SYMBOL}" in said
    with place.desk("--config", str(config)):
        patiently(
            lambda: (status := place.status()) is not None and status.held, "the desk knows of its fill"
        )
        patiently(place.is_covered, "one stop, and only one")
        assert [one.client_order_id for one in market.working(Role.STOP)] == [stop.client_order_id]
    place.audit()


def test_under_the_authority_of_this_machine_its_kill_switch_halts_the_desk(tmp_path: Path) -> None:
    with exchange() as market:
        market.at = SystemClock().now() // MINUTE * MINUTE - MINUTE  # tokens live by the time of now
        market.bar()
        place = Place(tmp_path, market)
        with place.desk("--authority"):
            with process("credentials", "kill", "--reason", "drill") as kill:
                _, why = kill.communicate(timeout=PATIENCE_S)
                assert kill.returncode == 0, why
            patiently(lambda: (status := place.status()) and status.mode is Mode.HALTED, "the desk is halted")


def test_a_market_of_the_past_has_no_use_for_tokens_of_now(tmp_path: Path, market: Market) -> None:
    arguments = ["--broker", market.url, "--journal", str(tmp_path / "d"), "--authority"]
    with process("run", *arguments) as asked:
        _, why = asked.communicate(timeout=PATIENCE_S)
        assert asked.returncode == 1
        assert "leave out --authority" in " ".join(why.split())


def test_without_a_desk_a_person_is_told_how_to_start_one(tmp_path: Path) -> None:
    with process("status", "--journal", str(tmp_path / "none.sqlite")) as asked:
        _, why = asked.communicate(timeout=PATIENCE_S)
        assert asked.returncode == 1
        assert "start one with tradewrit run" in " ".join(why.split())


def test_of_a_desk_that_hangs_a_person_is_told_since_when(tmp_path: Path, market: Market) -> None:
    place = Place(tmp_path, market)
    status = ("status", "--journal", str(place.journal))

    def said() -> str:
        with process(*status) as asked:
            _, why = asked.communicate(timeout=PATIENCE_S)
            assert asked.returncode == 1
            return " ".join(why.split())

    with place.desk() as desk:
        os.kill(desk.pid, signal.SIGSTOP)
        hangs = said()
        assert "the desk did not answer within 5 s" in hangs
        assert f":{desk.pid}:" in hangs
        assert re.search(
            r"has not renewed its lease since 20\d\d-\S+Z, \d+ s ago: it hangs or is dead", hangs
        )
        desk.kill()
        desk.wait()
    with place.desk() as desk:
        desk.terminate()
        desk.wait()
    assert re.search(r"no desk answers at .* The last one let go of the account at 20\d\d-", said())


def test_doctor_looks_at_the_connection_and_changes_nothing(tmp_path: Path, market: Market) -> None:
    place = Place(tmp_path, market)
    at = ("doctor", "--broker", market.url, "--journal", str(place.journal), "--json")

    def found() -> dict[str, dict[str, object]]:
        with process(*at) as asked:
            told, _ = asked.communicate(timeout=PATIENCE_S)
            return {check["name"]: check for check in msgspec.json.decode(told)["checks"]}

    with place.desk():
        before = market.client.clock().last
        checks = found()
        assert "paper exchange" in str(checks["exchange"]["found"])
        assert re.search(r"answers in [\d.]+ ms", str(checks["exchange"]["found"]))
        assert "the market stands at 2024-03-04T14:31:00Z" in str(checks["prices"]["found"])
        assert "the exchange plays 2024-03-04" in str(checks["clock"]["found"])
        assert "run by" in str(checks["journal"]["found"])
        assert all(checks[name]["ok"] for name in ("exchange", "prices", "clock", "journal"))
        assert market.client.clock().last == before
    with exchange() as other:
        other.bar()
        at = (*at[:2], other.url, *at[3:])
        checks = found()
        assert not checks["journal"]["ok"]
        assert "take a new journal" in str(checks["journal"]["advice"])
    checks = found()
    assert not checks["exchange"]["ok"], "it is gone"
    assert "tradewrit exchange serve" in str(checks["exchange"]["advice"])


def test_real_money_is_refused_in_so_many_words(tmp_path: Path) -> None:
    with process(
        "run", "--live", "--broker", "http://127.0.0.1:9", "--journal", str(tmp_path / "d")
    ) as asked:
        _, why = asked.communicate(timeout=PATIENCE_S)
        assert asked.returncode == 1
        assert "no gateway to a broker with real money" in " ".join(why.split())
