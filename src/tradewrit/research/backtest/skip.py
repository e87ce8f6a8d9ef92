"""The skip engine: jumps from one thing that can happen to the next, and calls the same rules there.

Features and conditions are columns; entries, stops, targets, trails and time exits are found by
search; equity in between is a vector. Sizing, limits, fills, fees and the books are the functions
that the desk itself calls, so its results equal the event engine's to the last digit. What it leaves
out is the messages: there is no journal and nobody to ask.
"""

import heapq
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np
from msgspec.structs import replace

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.fills import Span
from tradewrit.domain.books import Books
from tradewrit.domain.fees import fee
from tradewrit.domain.folding import evolve

from tradewrit.domain.money import Price, canonical
from tradewrit.domain.orders import Order, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.portfolio import cash_change, equity, margin
from tradewrit.domain.positions import Direction, Fill, book
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.domain.reviews import PolicyKind
from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars, Floats
from tradewrit.research.backtest.candidates import Candidates, Room
from tradewrit.research.backtest.collect import Booked, equity_curve, in_exit_order
from tradewrit.research.backtest.exits import Entry, Exit, plan
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.tape import Tape
from tradewrit.research.backtest.tracks import Track
from tradewrit.research.results import Result, RoundTrip
from tradewrit.risk.judgement import judge
from tradewrit.risk.limits import facts
from tradewrit.runtime.clock import Stopwatch
from tradewrit.strategies.base import Strategy
from tradewrit.version import VERSION

_OPENS, _TRADES = 0, 1
_BLOCK = 4096
# Limits that depend on nothing that changes during a run: one refusal is for ever.
_FOR_EVER = frozenset(
    {"allow_short", "allowed_symbols", "currency", "halted", "min_reward_risk", "stop_fraction", "target_fraction"}
)


def objection(strategy: Strategy, setup: Setup) -> str | None:
    """Why this run needs the event engine; None when it can be skipped through."""
    rules = setup.rules
    if not strategy.is_columnar():
        return f"{strategy.name()} decides in Python on every bar (on_bar)"
    if rules.participation_fraction is not None:
        return "paper.participation_fraction fills orders in parts"
    if rules.sessions:
        return "paper.sessions follows the exchange calendar"
    if rules.settlement_days:
        return "paper.settlement_days follows the exchange calendar"
    if rules.reject_fraction:
        return "paper.reject_fraction refuses orders at random"
    if setup.review.kind is not PolicyKind.AUTOMATIC:
        return "the review policy asks people"
    return None


def run(
    bars: Sequence[Bars], strategy: Strategy, setup: Setup | None = None, *, load_seconds: float = 0.0
) -> Result:
    """The same result as the event engine, at a cost that grows with trades instead of bars.

    Raises ConfigError where `objection` has one, DataError and StrategyError as the event engine.
    """
    setup = setup or Setup()
    reason = objection(strategy, setup)
    if reason is not None:
        raise ConfigError(f"the skip engine cannot do this run: {reason}; use --engine events")
    watch = Stopwatch()
    engine = _Engine(Tape(bars), strategy, setup)
    engine.walk()
    return engine.result(strategy, load_seconds, watch)


class _Waiting(msgspec.Struct, frozen=True):
    """An approved entry that has not filled: its terms, what they cost, and the fill once it is known."""

    sized: Sized
    order: Order


class _Engine:
    """One run. `time` is always an index into the union of all bar times."""

    def __init__(self, tape: Tape, strategy: Strategy, setup: Setup) -> None:
        times = tape.times()
        self.tape, self.setup, self.times = tape, setup, times
        self.tracks = [Track(one, setup.instrument(one.symbol), strategy, times) for one in tape.bars]
        self.candidates = Candidates(self.tracks, setup.limits)
        opening = setup.opening("0" * 32, strategy.name(), int(times[0]), VERSION)
        self.books: Books = evolve(Books(), opening)
        self.protection = strategy.protection()
        self.may_enter = np.ones((len(self.tracks), 2), dtype=np.bool_)
        self.waiting: dict[int, _Waiting] = {}
        self.closed_for: set[tuple[int, int]] = set()
        self.agenda: list[tuple[int, int, int, Entry | Exit]] = []
        self.round_trips: list[RoundTrip] = []
        self.booked: list[Booked] = []
        self.peak = float(setup.initial_cash)
        self.peak_at: tuple[int, Books] | None = None

    # -- the walk

    def walk(self) -> None:
        """Block after block of times: decide on candidates, until the next fill is due."""
        time, length = 0, 64
        while time < len(self.times):
            due = self.agenda[0][0] if self.agenda else len(self.times)
            if due == time:
                self._happen(time)
                due = self.agenda[0][0] if self.agenda else len(self.times)
                length = 64
            stop = min(due, time + length) if due > time else time + 1
            stop = self._decide(time, stop)
            time = stop
            length = min(length * 2, _BLOCK)

    def _happen(self, time: int) -> None:
        """All fills of one time: at the open first, then inside the bar, each by rank."""
        while self.agenda and self.agenda[0][0] == time:
            _, _, rank, what = heapq.heappop(self.agenda)
            if isinstance(what, Entry):
                self._enter(rank, what)
            else:
                self._leave(rank, what)

    def _decide(self, start: int, stop: int) -> int:
        """Judge candidates from `start` on; returns where it had to stop: `stop`, or an earlier fill."""
        worth = self._worth(start, stop)
        seen = start
        while True:
            room = Room(
                float(self.books.cash - self.books.reserved - margin(self.books)),
                self.peak * (1.0 - float(self.setup.limits.max_drawdown_fraction)),
            )
            k = self.candidates.next(stop, self.may_enter, worth, start, room)
            until = stop if k is None else int(self.candidates.times[k]) + 1
            self._mark(start, seen, until, worth)
            seen = until
            if k is None:
                return stop
            if not self._is_blocked(worth[until - 1 - start]):
                self._judge(k)
            if self.agenda and self.agenda[0][0] < stop:
                stop = self.agenda[0][0]
            self.candidates.skip_to(start)

    def _worth(self, start: int, stop: int) -> Floats:
        """Equity at each time, in floats."""
        holdings = self.books.holdings
        worth = np.full(stop - start, holdings.rough_base)
        for symbol, units in holdings.rough_units:
            worth += units * self.by_symbol(symbol).closes(start, stop)
        return worth

    def by_symbol(self, symbol: str) -> Track:
        """The track of a symbol."""
        return self.tracks[self.tape.symbols.index(symbol)]

    def _mark(self, start: int, seen: int, until: int, worth: Floats) -> None:
        """Keep the high-water mark: its value in floats, and where it was so that it can be made exact."""
        if until <= seen:
            return
        stretch = worth[seen - start : until - start]
        best = int(stretch.argmax())
        if stretch[best] > self.peak:
            self.peak, self.peak_at = float(stretch[best]), (seen + best, self.books)

    def _is_blocked(self, worth: float) -> bool:
        """Bring the exact high-water mark into the books if the drawdown limit is anywhere near."""
        floor = self.peak * (1.0 - float(self.setup.limits.max_drawdown_fraction))
        if worth <= floor * (1 + 1e-9) and self.peak_at is not None:
            time, books = self.peak_at
            mark = equity(books, lambda symbol: self.by_symbol(symbol).mark(time))
            self.books = replace(self.books, high_water=max(mark, self.books.high_water))
        return False

    # -- decisions

    def _judge(self, k: int) -> None:
        candidates = self.candidates
        rank, row, time = int(candidates.ranks[k]), int(candidates.rows[k]), int(candidates.times[k])
        track = self.tracks[rank]
        side = Side.BUY if candidates.sides[k] > 0 else Side.SELL
        at = int(self.times[time])
        price = track.instrument.traded(float(track.bars.close[row]))
        kept = self.protection
        proposal = Proposal(
            trade_id=track.symbol,
            symbol=track.symbol,
            side=side,
            entry_type=self.setup.entry_type,
            entry_price=price,
            stop_fraction=kept.stop_fraction,
            target_fraction=kept.target_fraction,
            trail_fraction=kept.trail_fraction,
            max_bars=kept.max_bars,
            strategy=self.books.strategy,
            decided_at=at,
        )
        judged = judge(self.books, proposal, facts(self.books, lambda s: self.by_symbol(s).mark(time), at))
        if judged.broken:
            if any(breach.limit in _FOR_EVER for breach in judged.broken):
                self._close_for_ever(rank, side)
            return
        self._approve(rank, row, judged.sized)

    def _close_for_ever(self, rank: int, side: Side) -> None:
        column = 0 if side is Side.BUY else 1
        self.closed_for.add((rank, column))
        self.may_enter[rank, column] = False

    def _approve(self, rank: int, row: int, sized: Sized) -> None:
        """Reserve the cash, and find the bar on which the entry fills."""
        track = self.tracks[rank]
        proposal = sized.proposal
        order = Order(
            terms=OrderTerms(
                client_order_id=track.symbol,
                trade_id=track.symbol,
                symbol=track.symbol,
                side=proposal.side,
                quantity=track.instrument.qty(sized.quantity),
                type=OrderType.MARKET,
                role=Role.ENTRY,
            ),
            state=OrderState.ACCEPTED,
            reserved=sized.cost,
        )
        self.waiting[rank] = _Waiting(sized, order)
        self.books = replace(self.books, orders={**self.books.orders, track.symbol: order})
        self.may_enter[rank] = False
        entry = self._entry(track, row + 1, proposal)
        if entry is not None:
            phase = _TRADES if entry.is_inside else _OPENS
            heapq.heappush(self.agenda, (track.time_of(entry.row), phase, rank, entry))

    def _entry(self, track: Track, row: int, proposal: Proposal) -> Entry | None:
        """The fill of an entry that works from `row` on; None when the data end first."""
        side, instrument, rules = proposal.side, track.instrument, self.setup.rules
        if proposal.entry_type is OrderType.MARKET:
            if row >= len(track):
                return None
            printed = float(track.bars.open[row])
            return Entry(row=row, price=fills.market(side, printed, instrument, rules.slippage_bps))
        snap = instrument.price_down if side is Side.BUY else instrument.price_up
        limit = snap(proposal.entry_price)
        reach = float(fills.limit_reach(side, limit, instrument, through=rules.is_through))
        low, high = (reach, float("inf")) if side is Side.BUY else (float("-inf"), reach)
        row = track.next_touch(row, len(track), low, high)
        if row >= len(track):
            return None
        span = Span.of(track.bars.row(row))
        price = fills.limit(side, limit, span, instrument, through=rules.is_through)
        if price is None:
            raise AssertionError(f"{track.symbol}: row {row} touches {limit} and does not fill it")
        at_open = fills.limit(side, limit, Span.at(span.first), instrument, through=rules.is_through)
        return Entry(row=row, price=price, is_inside=at_open is None)

    # -- fills

    def _enter(self, rank: int, entry: Entry) -> None:
        track, sized = self.tracks[rank], self.waiting.pop(rank).sized
        orders = {key: order for key, order in self.books.orders.items() if key != track.symbol}
        self.books = replace(self.books, orders=orders)
        side = sized.proposal.side
        self._book(track, side, sized.quantity, entry.price, entry.row, None)
        direction = Direction.opened_by(side)
        ending = plan(track, entry, direction, sized, self.setup.rules)
        if isinstance(ending, Exit):
            phase = _OPENS if ending.is_open else _TRADES
            heapq.heappush(self.agenda, (track.time_of(ending.row), phase, rank, ending))

    def _leave(self, rank: int, ending: Exit) -> None:
        track = self.tracks[rank]
        position = self.books.positions[track.symbol]
        self._book(
            track, position.direction.exit_side, position.quantity, ending.price, ending.row, ending
        )
        for column in (0, 1):
            self.may_enter[rank, column] = (rank, column) not in self.closed_for

    def _book(
        self, track: Track, side: Side, quantity: Decimal, price: Price, row: int, ending: Exit | None
    ) -> None:
        """Enter one fill into the books, as the bookkeeper does."""
        instrument, symbol = track.instrument, track.symbol
        fill = Fill(
            trade_id=symbol,
            symbol=symbol,
            side=side,
            quantity=quantity,
            price=price,
            fee=fee(self.setup.rules.fees, quantity, instrument.value(price, quantity)),
            at=int(track.bars.ts[row]),
        )
        books = self.books
        position, closed = book(books.positions.get(symbol), fill, instrument)
        change = cash_change(fill, closed, instrument)
        positions = {key: held for key, held in books.positions.items() if key != symbol}
        if position is not None:
            positions[symbol] = position
        self.books = replace(
            books,
            positions=positions,
            cash=canonical(books.cash + change),
            stats=replace(books.stats, fees=canonical(books.stats.fees + fill.fee)),
        )
        self.booked.append(
            Booked(fill.at, symbol, float(quantity) * side.sign, float(price), float(fill.fee))
        )
        if ending is not None:
            self.round_trips.extend(
                RoundTrip(
                    symbol=symbol,
                    side="long" if lot.direction is Direction.LONG else "short",
                    quantity=lot.quantity,
                    entry_time=lot.entry_at,
                    entry_price=lot.entry_price,
                    exit_time=lot.exit_at,
                    exit_price=lot.exit_price,
                    exit_reason=ending.reason,
                    fees=lot.fees,
                    pnl=lot.pnl,
                    stop=ending.stop,
                    target=ending.target,
                )
                for lot in closed
            )

    def result(self, strategy: Strategy, load_seconds: float, watch: Stopwatch) -> Result:
        """What the run came to."""
        tape, books, last = self.tape, self.books, len(self.times) - 1
        return Result(
            engine="skip",
            strategy=strategy.name(),
            parameters=strategy.parameters(),
            symbols=tape.symbols,
            bars=tape.rows,
            trades=in_exit_order(self.round_trips, tape.symbols),
            open_positions=len(books.positions),
            initial_cash=self.setup.initial_cash,
            final_equity=equity(books, lambda symbol: self.by_symbol(symbol).mark(last)),
            fees=books.stats.fees,
            curve=equity_curve(tape, self.booked, books, self.setup.initial_cash),
            interval_ns=tape.interval,
            load_seconds=load_seconds,
            run_seconds=watch.wall(),
            run_cpu_seconds=watch.cpu(),
            currency=self.setup.currency,
        )


