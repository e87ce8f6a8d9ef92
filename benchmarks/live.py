"""What a live desk costs: from a bar or quote to the order that leaves, recovery, memory, simulation.

    python -m benchmarks.live [--decisions 1000] [--events 100000] [--market-events 1000000]
        [--trades 100] [--seeds 40] [--json]

A decision is the whole path: the market shows a bar, every agent hears it, the strategy proposes, risk
sizes, the reviewer waives, the executor commits the intent, and the writ is checked; it ends when the order
is handed to whoever speaks to the broker. With the journal it holds one commit that waits for the disk; a
bare SQLite commit of one row of the same bytes, made in the same rounds, is the measure. A quote leads to an
order where it reaches a target that no venue watches: the stop is taken back, so that the exit may follow.
Between two rounds the desk ticks, as one that runs does every second: writs are renewed there. What waits for
nothing is measured in CPU time, which neighbours on the machine lengthen less than the wall time of the rest.
"""

import argparse
import json
import os
import resource
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, perf_counter_ns, process_time, process_time_ns
from typing import Any

from msgspec.structs import replace

from benchmarks._rig import START, Eager, Quiet, desk_of, done, refused
from tradewrit.domain.capabilities import PAPER
from tradewrit.domain.events.market import QuoteReceived
from tradewrit.domain.market import MINUTE, SECOND, Bar, Quote
from tradewrit.runtime.clock import ManualClock, draw_journal_id
from tradewrit.runtime.desk import Desk, stream_of
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.replay import load
from tradewrit.simulation.explorer import search

NO_OCO = replace(PAPER, oco=False, bracket=False)
"""A venue that leaves the target to the desk."""
Rounds = Iterator[tuple[float, int]]
"""Of each round the microseconds, and the bytes that were put on record."""
Watch = Callable[[], int]
"""Nanoseconds: of the wall clock where something waits, else of the CPU."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--events", type=int, default=100_000, help="journal events to recover from")
    parser.add_argument("--market-events", type=int, default=1_000_000, help="quotes of the long run")
    parser.add_argument("--trades", type=int, default=100, help="trades that are open at one time")
    parser.add_argument("--seeds", type=int, default=40, help="runs of the simulation")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = {
            "bar": path(Path(folder) / "bar", from_bars, wanted.decisions),
            "quote": path(Path(folder) / "quote", from_quotes, wanted.decisions // 2),
            "recovery": recovery(Path(folder), wanted.events),
            "memory": memory(wanted.market_events),
            "trades": concurrent(wanted.trades),
            "simulation": simulation(wanted.seeds),
            "load": os.getloadavg()[0],
        }
    print(json.dumps(results) if wanted.json else described(results))


def described(results: dict[str, Any]) -> str:
    """As lines to be read."""
    back, long, many, seeds = (results[name] for name in ("recovery", "memory", "trades", "simulation"))
    lines = []
    for name in ("bar", "quote"):
        one = results[name]
        lines += [
            f"a {name} to the order handed over",
            f"  journal in memory   p50 {one['memory_p50_us']:7.1f} us   (at most 200)",
            f"  one FULL commit     p50 {one['full_p50_us']:7.1f} us   p99 {one['full_p99_us']:7.1f} us",
            f"  bare FULL commit    p50 {one['bare_p50_us']:7.1f} us   p99 {one['bare_p99_us']:7.1f} us",
            f"  ratio               p50 {one['ratio_p50']:7.2f} (max 3)  p99 {one['ratio_p99']:5.2f} (max 6)",
        ]
    lines += [
        f"recovery of {back['events']:,} events: {back['cpu_seconds']:.2f} s of CPU (at most 2)",
        f"{long['quotes']:,} quotes at {long['per_second']:,.0f} a second",
        f"  resident memory {long['first_mb']:.1f} MB after a tenth, {long['last_mb']:.1f} MB at the end",
        f"  slope {long['slope_bytes']:+,.0f} bytes per million quotes (about 0)",
        f"{many['open']} trades at one time",
        f"  a quote             p50 {many['quote_p50_us']:7.1f} us   p99 {many['quote_p99_us']:7.1f} us",
        f"  a report            p50 {many['report_p50_us']:7.1f} us   p99 {many['report_p99_us']:7.1f} us",
        f"{seeds['seeds']} simulated seeds: {seeds['per_minute']:,.0f} a minute of CPU (at least 400)",
        f"load of the machine {results['load']:.1f}",
    ]
    return "\n".join(lines)


# -- from what comes in to what leaves


def path(folder: Path, rounds: Callable[[Journal, int, Watch], Rounds], count: int) -> dict[str, float]:
    """Microseconds with and without the disk, and those of a bare commit beside it."""
    folder.mkdir()
    in_memory = [took for took, _ in rounds(MemoryJournal(draw_journal_id(1)), count, process_time_ns)]
    journal = SqliteJournal.open(folder / "desk.sqlite", id=draw_journal_id(2), synchronous="FULL")
    bare = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, body BLOB)")
    full, commits = [], []
    for took, size in rounds(journal, count, perf_counter_ns):
        full.append(took)
        body = b"x" * size
        began = perf_counter_ns()
        bare.execute("BEGIN")
        bare.execute("INSERT INTO rows (body) VALUES (?)", (body,))
        bare.execute("COMMIT")
        commits.append((perf_counter_ns() - began) / 1e3)
    bare.close()
    journal.close()
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


def from_bars(journal: Journal, count: int, watch: Watch) -> Rounds:
    """A bar on which the strategy enters; the venue refuses, and the next bar finds everything as it was."""
    clock = ManualClock(START)
    desk = desk_of(journal, clock, Eager())
    for _ in range(count):
        bar = _bar("AAPL", clock.now(), 175.5)
        clock.advance(MINUTE)
        desk.tick()
        head = journal.head(desk.stream).seq
        began = watch()
        desk.close_bars((bar,), clock.now())
        departure = desk.depart()
        took = (watch() - began) / 1e3
        if departure is None:
            raise AssertionError("no order came of it")
        size = _recorded(journal, desk.stream, head)
        desk.arrive(departure, refused(departure, clock.now()))
        yield took, size


def from_quotes(journal: Journal, count: int, watch: Watch) -> Rounds:
    """A quote that reaches the target; the exit is then gone through with, and the next bar enters again."""
    clock = ManualClock(START)
    desk = desk_of(journal, clock, Eager(), capabilities=NO_OCO)
    for _ in range(count):
        bar = _bar("AAPL", clock.now(), 100.0)
        clock.advance(MINUTE)
        desk.close_bars((bar,), clock.now())
        _go_through(desk, clock, "100")
        _show(desk, clock, "AAPL", 100.0)
        desk.tick()
        head = journal.head(desk.stream).seq
        clock.advance(SECOND)
        quote = _quote("AAPL", clock.now(), 115.5)
        began = watch()
        desk.feed(quote, "feed")
        departure = desk.depart()
        took = (watch() - began) / 1e3
        if departure is None:
            raise AssertionError("nothing came of it")
        size = _recorded(journal, desk.stream, head)
        desk.arrive(departure, done(departure, clock.now(), "115.5"))
        _go_through(desk, clock, "115.5")
        if desk.books.positions:
            raise AssertionError("the trade was not left")
        _show(desk, clock, "AAPL", 100.0)
        yield took, size


def _recorded(journal: Journal, stream: str, after: int) -> int:
    return sum(len(record.entry.body) for record in journal.read(stream, after=after))


# -- the desk over a long time, and with much to look after


def recovery(folder: Path, count: int) -> dict[str, float]:
    """Seconds from a journal file without snapshots to the books."""
    place = folder / "recovery.sqlite"
    journal = SqliteJournal.open(place, id=draw_journal_id(3), synchronous="OFF")
    stream = stream_of("paper")
    decisions = from_bars(journal, count, perf_counter_ns)
    while journal.head(stream).seq < count:
        next(decisions)
    journal.close()
    reopened = SqliteJournal.open(place)
    began, cpu_began = perf_counter(), process_time()
    loaded = load(reopened, stream)
    took, cpu = perf_counter() - began, process_time() - cpu_began
    reopened.close()
    return {"events": loaded.books.events, "seconds": took, "cpu_seconds": cpu}


def memory(count: int) -> dict[str, float]:
    """Resident memory of a desk that hears quotes: after a tenth, at the end, and its slope in between."""
    clock = ManualClock(START)
    desk = desk_of(MemoryJournal(draw_journal_id(4)), clock, Quiet())
    heard: list[int] = []
    resident: list[float] = []
    began = perf_counter()
    for number in range(count):
        clock.advance(SECOND // 100)
        now, price, symbol = clock.now(), 175.5 + number % 7 / 100, f"S{number % 50}"
        desk.feed(_quote(symbol, now, price), "feed")
        if number % 600 == 0:
            desk.close_bars((_bar(symbol, now - MINUTE, price),), now)
        if number >= count // 10 and number % (count // 200 or 1) == 0:
            heard.append(number)
            resident.append(_resident())
    return {
        "quotes": count,
        "per_second": count / (perf_counter() - began),
        "first_mb": resident[0] / 1e6,
        "last_mb": resident[-1] / 1e6,
        "slope_bytes": statistics.linear_regression(heard, resident).slope * 1e6,
    }


def concurrent(count: int, rounds: int = 3, quotes: int = 10) -> dict[str, float]:
    """Microseconds of every quote and of every report while so many trades are open; journal in memory."""
    clock = ManualClock(START)
    desk = desk_of(
        MemoryJournal(draw_journal_id(5)), clock, Eager(), cash=count * 10_000, capabilities=NO_OCO
    )
    symbols = [f"S{number:03}" for number in range(count)]
    by_quote: list[float] = []
    by_report: list[float] = []
    for _ in range(rounds):
        began_at = clock.now()
        clock.advance(MINUTE)
        desk.tick()
        desk.close_bars([_bar(symbol, began_at, 100.0) for symbol in symbols], clock.now())
        by_report += _go_through(desk, clock, "100")
        if len(desk.books.positions) != count:
            raise AssertionError(f"{len(desk.books.positions)} trades are open, not {count}")
        for number in range(quotes):
            by_quote += [_show(desk, clock, symbol, 100.0 + number / 100) for symbol in symbols]
        by_quote += [_show(desk, clock, symbol, 115.5) for symbol in symbols]
        by_report += _go_through(desk, clock, "115.5")
        for symbol in symbols:
            _show(desk, clock, symbol, 100.0)
    return {
        "open": count,
        "quote_p50_us": _at(by_quote, 50),
        "quote_p99_us": _at(by_quote, 99),
        "report_p50_us": _at(by_report, 50),
        "report_p99_us": _at(by_report, 99),
    }


def simulation(count: int) -> dict[str, float]:
    """Seeds of the swarm profile, with all that is checked about them, for each minute of one core."""
    began = process_time()
    report = search(range(count))
    cpu = process_time() - began
    if report.failures:
        raise AssertionError(f"seed {report.failures[0].seed} fails: {report.failures[0].reproduce}")
    return {"seeds": count, "events": report.events, "cpu_seconds": cpu, "per_minute": count / cpu * 60}


# -- parts of a round


def _go_through(desk: Desk, clock: ManualClock, price: str) -> list[float]:
    """Everything that leaves is done, until nothing more does; the microseconds that each answer took."""
    times = []
    while (departure := desk.depart()) is not None:
        clock.advance(SECOND // 1000)
        reports = done(departure, clock.now(), price)
        began = process_time_ns()
        desk.arrive(departure, reports)
        times.append((process_time_ns() - began) / 1e3)
    return times


def _show(desk: Desk, clock: ManualClock, symbol: str, price: float) -> float:
    clock.advance(SECOND // 1000)
    quote = _quote(symbol, clock.now(), price)
    began = process_time_ns()
    desk.feed(quote, "feed")
    return (process_time_ns() - began) / 1e3


def _quote(symbol: str, now: int, price: float) -> QuoteReceived:
    return QuoteReceived(at=now, quote=Quote(symbol, now, price, price + 0.01, 100.0, 100.0))


def _bar(symbol: str, opened_at: int, price: float) -> Bar:
    return Bar(symbol, opened_at, price, price, price, price, 1e6)


def _resident() -> float:
    """Bytes of this process that are in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return float(pages * resource.getpagesize())


def _at(values: list[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


if __name__ == "__main__":
    main()
