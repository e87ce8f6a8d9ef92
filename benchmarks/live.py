"""What a live desk costs: from a bar or quote to the order that leaves, recovery, and memory over a long run.

    python -m benchmarks.live [--decisions 1000] [--events 100000] [--market-events 1000000] [--json]

A decision is the whole path: the market shows a bar, every agent hears it, the strategy proposes, risk
sizes, the reviewer waives, the executor commits the intent, and the writ is checked; it ends when the order
is handed to whoever speaks to the broker. With the journal it holds one commit that waits for the disk; a
bare SQLite commit of one row of the same bytes, made in the same rounds, is the measure.
"""

import argparse
import json
import resource
import sqlite3
import statistics
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.capabilities import PAPER
from tradewrit.domain.effects import PlaceOrders
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.events.market import QuoteReceived
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.instruments import plain
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, SECOND, Bar, Quote
from tradewrit.domain.orders import OrderType, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.reviews import ReviewPolicy
from tradewrit.domain.signals import Signal
from tradewrit.features.bars import Bars
from tradewrit.runtime.clock import ManualClock, draw_journal_id
from tradewrit.runtime.desk import Desk, stream_of
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.market import LiveMarket
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.perform import Departure
from tradewrit.runtime.replay import load
from tradewrit.strategies.base import Strategy

START = 1_709_562_600_000_000_000
"""2024-03-04T14:30:00Z, in UTC ns."""


class Eager(Strategy, frozen=True, kw_only=True):
    """Buys whenever it is flat, so that every bar leads to an order."""

    def on_bar(self, bars: Bars) -> Signal | None:
        """Always the same."""
        return Signal(enter=Side.BUY) if len(bars.ts) else None


class Quiet(Strategy, frozen=True, kw_only=True):
    """Never says anything."""

    def on_bar(self, bars: Bars) -> Signal | None:
        """Nothing."""
        del bars
        return None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100_000, help="journal events to recover from")
    parser.add_argument("--market-events", type=int, default=1_000_000, help="quotes of the long run")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "decision": decision(Path(folder), wanted.decisions),
            "recovery": recovery(Path(folder), wanted.events),
            "memory": memory(wanted.market_events),
        }
    print(json.dumps(results) if wanted.json else described(results))


def described(results: dict[str, Any]) -> str:
    """As lines to be read."""
    one, back, long = results["decision"], results["recovery"], results["memory"]
    return "\n".join(
        (
            "a bar to the order handed over",
            f"  journal in memory   p50 {one['memory_p50_us']:7.1f} us   (at most 200)",
            f"  one FULL commit     p50 {one['full_p50_us']:7.1f} us   p99 {one['full_p99_us']:7.1f} us",
            f"  bare FULL commit    p50 {one['bare_p50_us']:7.1f} us   p99 {one['bare_p99_us']:7.1f} us",
            f"  ratio               p50 {one['ratio_p50']:7.2f} (max 3)  p99 {one['ratio_p99']:5.2f} (max 6)",
            f"recovery of {back['events']:,} events: {back['cpu_seconds']:.2f} s of CPU (at most 2)",
            f"{long['quotes']:,} quotes at {long['per_second']:,.0f} a second",
            f"  resident memory {long['first_mb']:.1f} MB after a tenth, {long['last_mb']:.1f} MB at the end",
        )
    )


def decision(folder: Path, count: int) -> dict[str, float]:
    """Microseconds from a closed bar to the order, with and without the disk, and a bare commit beside it."""
    in_memory = [took for took, _ in _decisions(MemoryJournal(draw_journal_id(1)), count)]
    path = folder / "decision.sqlite"
    journal = SqliteJournal.open(path, id=draw_journal_id(2), synchronous="FULL")
    bare = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB)")
    full, commits = [], []
    for took, size in _decisions(journal, count):
        full.append(took)
        body = b"x" * size
        began = time.perf_counter_ns()
        bare.execute("BEGIN")
        bare.execute("INSERT INTO rows (body) VALUES (?)", (body,))
        bare.execute("COMMIT")
        commits.append((time.perf_counter_ns() - began) / 1e3)
    bare.close()
    figures = {
        "memory_p50_us": _at(in_memory, 50),
        "full_p50_us": _at(full, 50),
        "full_p99_us": _at(full, 99),
        "bare_p50_us": _at(commits, 50),
        "bare_p99_us": _at(commits, 99),
    }
    figures["ratio_p50"] = figures["full_p50_us"] / figures["bare_p50_us"]
    figures["ratio_p99"] = figures["full_p99_us"] / figures["bare_p99_us"]
    return figures


def _decisions(journal: Journal, count: int) -> Any:
    """Each decision's microseconds, and the bytes of what it put on record."""
    clock, market = ManualClock(START), LiveMarket(Eager(), lambda symbol: plain(symbol, "USD"))
    desk = _desk(journal, clock, market)
    for number in range(count):
        bar = Bar("AAPL", clock.now(), 175.5, 175.6, 175.4, 175.5, 1e6)
        clock.advance(MINUTE)
        head = journal.head(desk.stream).seq
        began = time.perf_counter_ns()
        desk.close_bars((bar,), clock.now())
        departure = desk.depart()
        took = (time.perf_counter_ns() - began) / 1e3
        if departure is None:
            raise AssertionError("no order came of it")
        size = sum(len(record.entry.body) for record in journal.read(desk.stream, after=head))
        desk.arrive(departure, _refused(departure, clock.now(), number))
        yield took, size


def _refused(departure: Departure, now: int, number: int) -> list[ExecutionReport]:
    """The venue refuses, so that the next bar finds the desk as this one did."""
    effect = departure.asked.effect
    if not isinstance(effect, PlaceOrders):
        raise TypeError(f"an order was to leave, not {effect}")
    return [
        ExecutionReport(
            at=now,
            exec_id=f"bench:{number}:{terms.client_order_id}",
            client_order_id=terms.client_order_id,
            kind=Exec.REJECTED,
            code=Rejection.VENUE,
        )
        for terms in effect.approved.orders
    ]


def recovery(folder: Path, count: int) -> dict[str, float]:
    """Seconds from a journal file without snapshots to the books."""
    path = folder / "recovery.sqlite"
    journal = SqliteJournal.open(path, id=draw_journal_id(3), synchronous="OFF")
    stream = stream_of("paper")
    decisions = iter(_decisions(journal, count))
    while journal.head(stream).seq < count:
        next(decisions)
    journal.close()
    reopened = SqliteJournal.open(path)
    began, cpu_began = time.perf_counter(), time.process_time()
    loaded = load(reopened, stream)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    reopened.close()
    return {"events": loaded.books.events, "seconds": took, "cpu_seconds": cpu}


def memory(count: int) -> dict[str, float]:
    """Resident memory of a desk that hears quotes, after a tenth of them and at the end."""
    clock, market = ManualClock(START), LiveMarket(Quiet(), lambda symbol: plain(symbol, "USD"))
    desk = _desk(MemoryJournal(draw_journal_id(4)), clock, market)
    first, began = 0.0, time.perf_counter()
    for number in range(count):
        clock.advance(SECOND // 100)
        now, price = clock.now(), 175.5 + number % 7 / 100
        symbol = f"S{number % 50}"
        desk.feed(QuoteReceived(at=now, quote=Quote(symbol, now, price, price + 0.01, 100.0, 100.0)), "feed")
        if number % 600 == 0:
            desk.close_bars((Bar(symbol, now - MINUTE, price, price, price, price, 1e4),), now)
        if number == count // 10:
            first = _resident_mb()
    return {
        "quotes": count,
        "per_second": count / (time.perf_counter() - began),
        "first_mb": first,
        "last_mb": _resident_mb(),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def _desk(journal: Journal, clock: ManualClock, market: LiveMarket) -> Desk:
    exchange = PaperExchange(lambda symbol: plain(symbol, "USD"), initial_cash=Decimal(100_000))
    opening = AccountOpened(
        at=clock.now(),
        journal_id=journal.id,
        account="paper",
        currency="USD",
        initial_cash=Decimal(100_000),
        mode="paper",
        margin=True,
        strategy="benchmark",
        entry_type=OrderType.MARKET,
        limits=Limits(),
        review=ReviewPolicy(),
        fees=BpsFee(),
        capabilities=PAPER,
        instruments=(),
    )
    return Desk(opening, journal=journal, market=market, broker=exchange, clock=clock, outbox=Outbox())


def _at(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main()
