"""The event engine: every bar through the same desk that runs live, against the paper exchange.

One bar time is: what was decided earlier fills at the open; then exits, also of what has just been
filled; then the bars close, features and marks move; then decisions, by symbol rank. Where market
orders fill at once, they do when all decisions of the time have been made.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.books import Books
from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.market import Bar
from tradewrit.domain.money import exactly
from tradewrit.domain.portfolio import equity
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.collect import Collector, equity_curve, in_exit_order
from tradewrit.research.backtest.columns import ColumnMarket
from tradewrit.research.backtest.corporate import Ahead
from tradewrit.research.backtest.quotes import check_quotes
from tradewrit.research.backtest.schedule import Schedule, VenueCalendars
from tradewrit.research.backtest.setup import VENUE, Setup
from tradewrit.research.backtest.tape import Row, Tape
from tradewrit.research.backtest.window import Stretch, cut
from tradewrit.research.refused import by_code, halted
from tradewrit.research.results import Result
from tradewrit.runtime.clock import Clock, ManualClock, Stopwatch, draw_journal_id
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.pump import Listener
from tradewrit.runtime.roles import Terms, roles
from tradewrit.runtime.writs import Writs
from tradewrit.strategies.base import Strategy
from tradewrit.version import VERSION

IssuerOf = Callable[[Clock, Mapping[str, Terms]], Issuer]
"""Makes whoever issues the writs: by the clock of the run, for these terms."""
Progress = Callable[[int], None]
"""Told now and then how many rows have been walked."""
_PROGRESS_EVERY = 512


class Run(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A finished run: its result, the books at the end, and how often each event was journalled."""

    result: Result
    books: Books
    counts: dict[str, int]
    journal: Journal
    stream: str


def run(
    bars: Sequence[Bars],
    strategy: Strategy,
    setup: Setup | None = None,
    *,
    journal: Journal | None = None,
    progress: Progress | None = None,
    listeners: Sequence[Listener] = (),
    load_seconds: float = 0.0,
    stretch: Stretch | None = None,
    issuer: IssuerOf | None = None,
) -> Run:
    """Walk the bars with a whole desk. Symbols rank in the order given.

    journal: where to record; in memory under an id drawn from the seed if none is given.
    stretch: trade these bars only, with features that know all bars before them; None for all.
    issuer: who issues the writs; in memory, with nothing to renew, if none is given.
    Raises DataError for unusable bars and StrategyError for what the strategy raises.
    """
    setup = setup or Setup()
    watch = Stopwatch()
    tape = Tape(bars)
    check_quotes(tape.bars, setup.rules)
    earlier: list[int] | None = None
    journal = journal if journal is not None else MemoryJournal(draw_journal_id(setup.seed))
    schedule = Schedule(setup, tape.times(), tape.interval)
    market = ColumnMarket(tape.bars, strategy, setup.instrument, setup.sizing, schedule.of)
    if stretch is not None:
        whole, tape = tape, Tape(cut(bars, stretch))
        tape.interval = whole.interval
        earlier = [stretch.rows(one).start for one in bars]
    start = min(int(one.ts[0]) for one in tape.bars if len(one))
    clock = ManualClock(start)
    exchange = PaperExchange(
        setup.instrument,
        initial_cash=setup.initial_cash,
        rules=setup.rules,
        seed=setup.seed,
        calendar=VenueCalendars(setup),
        interval=tape.interval,
        marks=_mark_of(market),
        quotes=market.quote,
        last_at=market.last_at,
        clock=clock.now,
        account=setup.account,
    )
    collector = Collector(setup.instrument, start)
    terms = terms_of(setup, tape.symbols)
    desk = Desk(
        setup.opening(journal.id, strategy.name(), start, VERSION),
        journal=journal,
        market=market,
        broker=exchange,
        clock=clock,
        writs=Writs(
            LocalIssuer(journal.id, setup.account, ttl_s=None) if issuer is None else issuer(clock, terms),
            terms,
        ),
        listeners=(collector, *listeners),
    )
    with exactly():
        _walk(tape, desk, exchange, market, clock, collector, Ahead(setup.happenings), progress, earlier)
        desk.stop()
        books = desk.books
        final_equity = equity(books, market.mark)
    result = Result(
        engine="events",
        strategy=strategy.name(),
        parameters=strategy.parameters(),
        symbols=tape.symbols,
        bars=tape.rows,
        trades=in_exit_order(collector.round_trips, tape.symbols),
        open_positions=len(books.positions),
        initial_cash=setup.initial_cash,
        final_equity=final_equity,
        fees=books.stats.fees,
        funding=books.stats.funding,
        curve=equity_curve(tape, collector.booked, books, setup.initial_cash),
        interval_ns=tape.interval,
        load_seconds=load_seconds,
        run_seconds=watch.wall(),
        run_cpu_seconds=watch.cpu(),
        currency=setup.currency,
        sizing=setup.sizing,
        denied=collector.denied,
        refused=by_code(collector.refused),
        halted=halted(books),
    )
    return Run(result=result, books=books, counts=collector.counts, journal=journal, stream=desk.stream)


def terms_of(setup: Setup, symbols: Iterable[str]) -> Mapping[str, Terms]:
    """What each role of a run is given, in these symbols.

    Bars may be days apart, and nothing is renewed between two of them: one life for all, the issuer's.
    """
    return roles(setup.mode, VENUE, symbols=symbols, executor=setup.entries, protective_ttl_s=None)


def _walk(
    tape: Tape,
    desk: Desk,
    exchange: PaperExchange,
    market: ColumnMarket,
    clock: ManualClock,
    collector: Collector,
    actions: Ahead,
    progress: Progress | None,
    earlier: list[int] | None,
) -> None:
    """earlier: how many bars of each symbol the market knows that are not walked; None for none."""
    names, working, feed = tape.symbols, exchange.working, desk.pump.feed
    seen, told = 0, 0
    for opened_at, closed_at, rows in tape.slices():
        collector.bar_at = opened_at
        clock.set(opened_at)
        if actions.due <= opened_at:
            actions.happen(opened_at, desk, exchange)
        if working:
            _trade(rows, opened_at, names, exchange, desk)
        clock.set(closed_at)
        market.advance(rows if earlier is None else [(r[0], earlier[r[0]] + r[1], *r[2:]) for r in rows])
        feed(BarsClosed(at=closed_at, count=len(rows)), "market")
        if progress is not None:
            seen += len(rows)
            if seen - told >= _PROGRESS_EVERY:
                progress(seen)
                told = seen


def _trade(
    rows: list[Row],
    ts: int,
    names: Sequence[str],
    exchange: PaperExchange,
    desk: Desk,
) -> None:
    """The venue's part of one bar time, for symbols with orders that its bar can touch."""
    bars = []
    for row in rows:
        book = exchange.working.get(names[row[0]])
        if book is not None and not book.is_untouched_by(row[4], row[3], ts):
            bars.append(Bar(names[row[0]], ts, *row[2:]))
    if not bars:
        return
    for phase in (exchange.open, exchange.trade, exchange.close):
        for bar in bars:
            desk.feed_all(phase(bar), "broker")


def _mark_of(market: ColumnMarket) -> Callable[[str], float | None]:
    def mark(symbol: str) -> float | None:
        last = market.last(symbol)
        return None if math.isnan(last) else last

    return mark
