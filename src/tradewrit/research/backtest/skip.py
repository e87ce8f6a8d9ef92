"""The skip engine: jumps from one thing that can happen to the next, and calls the same rules there.

Features and conditions are columns; entries, stops, targets, trails and time exits are found by
search; equity in between is a vector. Sizing, limits, fills, fees and positions are the functions
that the desk itself calls, so its results equal the event engine's to the last digit. What it leaves
out is the messages: there is no journal and nobody to ask.
"""

import heapq
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, assert_never

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.folding import evolve
from tradewrit.domain.market import DAY
from tradewrit.domain.money import ZERO, Price, canonical, exactly
from tradewrit.domain.orders import Side
from tradewrit.domain.positions import ClosedLot, Direction
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.domain.reviews import PolicyKind
from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars, Floats
from tradewrit.research.backtest.account import Account
from tradewrit.research.backtest.candidates import Candidate, Candidates, Room
from tradewrit.research.backtest.collect import Booked, equity_curve, in_exit_order
from tradewrit.research.backtest.door import Door, may_refuse
from tradewrit.research.backtest.entries import Entry, Lapse, entry_terms, fill_of
from tradewrit.research.backtest.exits import Exit, plan
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.tracks import Track
from tradewrit.research.backtest.worth import Worth
from tradewrit.research.results import Result, RoundTrip
from tradewrit.risk.judgement import judge
from tradewrit.runtime.clock import Stopwatch
from tradewrit.strategies.base import Strategy
from tradewrit.version import VERSION

_OPENS, _TRADES, _ENDS = 0, 1, 2
Closed = tuple[ClosedLot, ...]
_FIRST_LOOK: Final = 64
# Limits that depend on nothing that changes during a run: one refusal is for ever.
_FOR_EVER: Final = frozenset(
    {
        "allow_short",
        "allowed_symbols",
        "currency",
        "halted",
        "min_reward_risk",
        "stop_fraction",
        "target_fraction",
    }
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
    bars: Sequence[Bars] | Prepared,
    strategy: Strategy,
    setup: Setup | None = None,
    *,
    load_seconds: float = 0.0,
) -> Result:
    """The same result as the event engine, at a cost that grows with trades instead of bars.

    bars: by rank; or made ready with `Prepared`, for many runs over the same ones.
    Raises ConfigError where `objection` has one, DataError and StrategyError as the event engine.
    """
    setup = setup or Setup()
    reason = objection(strategy, setup)
    if reason is not None:
        raise ConfigError(f"the skip engine cannot do this run: {reason}; use --engine events")
    watch = Stopwatch()
    with exactly():
        prepared = bars if isinstance(bars, Prepared) else Prepared(bars, is_kept=False)
        walk = _Walk(prepared, strategy, setup)
        walk.walk()
        return walk.result(load_seconds, watch)


class _Peak(msgspec.Struct, frozen=True):
    """Where equity was highest: when, and what was held then."""

    time: int
    base: Decimal
    units: dict[int, int]


class _Walk:
    """One run. A time is always an index into the union of all bar times.

    agenda: what is due, by time, part of the bar and rank: at most one thing per symbol. due: when the
    first of it is; the end of the times when nothing is.
    refused: entries the venue did not take; what risk set aside for them is free again a time later.
    """

    def __init__(self, prepared: Prepared, strategy: Strategy, setup: Setup) -> None:
        self.tape, self.times = prepared.tape, prepared.times
        self.strategy, self.setup = strategy, setup
        self.protection = strategy.protection()
        self.tracks = prepared.tracks(strategy, setup)
        self.worth = Worth(self.tracks, len(self.times))
        self.candidates = Candidates(self.tracks, setup.limits, self.worth)
        opening = setup.opening("0" * 32, strategy.name(), int(self.times[0]), VERSION)
        self.account = Account(evolve(Books(), opening))
        self.door = Door(setup, self._last_close) if may_refuse(setup) else None
        self.sized: dict[int, Sized] = {}
        self.agenda: list[tuple[int, int, int, Entry | Lapse | Exit]] = []
        self.due = len(self.times)
        self.refused: list[int] = []
        self.round_trips: list[RoundTrip] = []
        self.booked: list[Booked] = []
        self.now = 0
        self.calm = 1.0 - float(setup.limits.max_drawdown_fraction)
        self.peak = float(setup.initial_cash)
        self.peak_at: _Peak | None = None

    # -- the walk

    def walk(self) -> None:
        """From one time at which something is due to the next; in between, entries are looked for."""
        time, end = 0, len(self.times)
        while time < end:
            while self.due == time:
                _, _, rank, what = heapq.heappop(self.agenda)
                self.due = self.agenda[0][0] if self.agenda else end
                self._happen(rank, what)
            length = _FIRST_LOOK
            while time < self.due:
                stop = min(self.due, self.worth.reach(time))
                if self.candidates.is_anyone_free:
                    stop = min(stop, time + length)
                time, length = self._look(time, stop), length * 2

    def _look(self, start: int, stop: int) -> int:
        """Judge every entry that may pass; returns where it had to stop: at `stop`, or before it."""
        worth = self.worth.roughly(start, stop, self.account.base)
        if not self.candidates.is_anyone_free:
            self._mark(worth, start)
            return stop
        seen = start
        self.candidates.skip_to(start)
        while self.candidates.is_anyone_free:
            found = self.candidates.next(stop, worth, start, self._room())
            if found is None:
                break
            self._mark(worth[seen - start : found.time + 1 - start], seen)
            seen = found.time + 1
            self._judge(found, worth[found.time - start])
            stop = min(stop, self.due, seen if self.refused else stop)
        self._mark(worth[seen - start : stop - start], seen)
        self._forget_refused()
        return stop

    def _room(self) -> Room:
        return Room(float(self.account.free), self.peak * self.calm)

    def _mark(self, worth: Floats, start: int) -> None:
        """Keep the high-water mark in floats, and where it was, so that it can be made exact."""
        if len(worth) and worth.max() > self.peak:
            highest = int(worth.argmax())
            self.peak = float(worth[highest])
            self.peak_at = _Peak(start + highest, self.account.base, dict(self.worth.units))

    # -- decisions

    def _judge(self, found: Candidate, roughly: float) -> None:
        """What risk makes of a candidate, on exact figures."""
        track, self.now = self.tracks[found.rank], found.time
        proposal = self._proposal(track, found)
        self._measure_drawdown(roughly)
        worth = self.worth.exactly(found.time, self.account.base, self.worth.units)
        judged = judge(self.account.books, proposal, self.account.facts(worth))
        if not judged.broken:
            self._approve(found.rank, judged.sized)
        elif not _FOR_EVER.isdisjoint(breach.limit for breach in judged.broken):
            self.candidates.close_for_ever(found.rank, found.side)

    def _proposal(self, track: Track, found: Candidate) -> Proposal:
        kept = self.protection
        close = float(track.bars.close[track.row_at(found.time)])
        return Proposal(
            trade_id=track.symbol,
            symbol=track.symbol,
            side=found.side,
            entry_type=self.setup.entry_type,
            entry_price=track.instrument.traded(close),
            stop_fraction=kept.stop_fraction,
            target_fraction=kept.target_fraction,
            trail_fraction=kept.trail_fraction,
            max_bars=kept.max_bars,
            strategy=self.account.books.strategy,
            decided_at=int(self.times[found.time]),
        )

    def _measure_drawdown(self, worth: float) -> None:
        """Make the high-water mark exact if the drawdown limit is anywhere near."""
        if self.peak_at is not None and worth <= self.peak * self.calm * (1 + 1e-9):
            peak, self.peak_at = self.peak_at, None
            highest = self.worth.exactly(peak.time, peak.base, peak.units)
            self.account.high_water = max(self.account.high_water, highest)

    def _approve(self, rank: int, sized: Sized) -> None:
        """Reserve the cash, and find the bar on which the entry fills."""
        track = self.tracks[rank]
        self.account.reserve(track.symbol, sized.cost)
        self.candidates.block(rank)
        if self.door is not None and not self.door.admits(entry_terms(track, sized)):
            self.refused.append(rank)
            return
        self.sized[rank] = sized
        is_daily = self.tape.interval == DAY
        row = track.row_at(self.now) + 1
        found = fill_of(track, row, sized.proposal, self.setup.rules, is_daily=is_daily)
        if isinstance(found, Entry):
            self._plan(rank, found, _TRADES if found.is_inside else _OPENS)
        elif isinstance(found, Lapse):
            self._plan(rank, found, _ENDS)

    def _plan(self, rank: int, what: Entry | Lapse | Exit, phase: int) -> None:
        heapq.heappush(self.agenda, (self.tracks[rank].time_of(what.row), phase, rank, what))
        self.due = self.agenda[0][0]

    def _forget_refused(self) -> None:
        """Free what the venue's refusals had reserved: risk learns of them when all have been decided on."""
        for rank in self.refused:
            self.account.release(self.tracks[rank].symbol)
            self.candidates.unblock(rank)
        self.refused.clear()

    # -- what happens

    def _happen(self, rank: int, what: Entry | Lapse | Exit) -> None:
        match what:
            case Entry():
                self._enter(rank, what)
            case Lapse():
                self._let_go(rank)
                self.candidates.unblock(rank)
            case Exit():
                self._leave(rank, what)
            case _:
                assert_never(what)

    def _let_go(self, rank: int) -> Sized:
        """The entry's order is over."""
        symbol = self.tracks[rank].symbol
        self.account.release(symbol)
        if self.door is not None:
            self.door.release(symbol)
        return self.sized.pop(rank)

    def _enter(self, rank: int, entry: Entry) -> None:
        sized = self._let_go(rank)
        side = sized.proposal.side
        self._book(rank, side, sized.quantity, entry.price, entry.row)
        ending = plan(self.tracks[rank], entry, Direction.opened_by(side), sized, self.setup.rules)
        if ending is not None:
            self._plan(rank, ending, _OPENS if ending.is_open else _TRADES)

    def _leave(self, rank: int, ending: Exit) -> None:
        position = self.account.positions[self.tracks[rank].symbol]
        side = position.direction.exit_side
        closed = self._book(rank, side, position.quantity, ending.price, ending.row)
        multiplier = self.tracks[rank].instrument.multiplier
        self.round_trips.extend(_round_trip(lot, ending, multiplier) for lot in closed)
        self.candidates.unblock(rank)

    def _book(self, rank: int, side: Side, quantity: Decimal, price: Price, row: int) -> Closed:
        track = self.tracks[rank]
        instrument = track.instrument
        fill, closed = self.account.book(instrument, side, quantity, price, int(track.bars.ts[row]))
        if self.door is not None:
            self.door.settle(instrument, fill)
        position = self.account.positions.get(track.symbol)
        self.worth.hold(rank, ZERO if position is None else position.signed * instrument.multiplier)
        signed = float(quantity) * side.sign
        self.booked.append(Booked(fill.at, track.symbol, signed, float(price), float(fill.fee)))
        return closed

    def _last_close(self, symbol: str) -> float:
        track = self.tracks[self.tape.rank[symbol]]
        return float(track.bars.close[track.row_at(self.now)])

    def result(self, load_seconds: float, watch: Stopwatch) -> Result:
        """What the run came to."""
        tape, account, setup = self.tape, self.account, self.setup
        return Result(
            engine="skip",
            strategy=self.strategy.name(),
            parameters=self.strategy.parameters(),
            symbols=tape.symbols,
            bars=tape.rows,
            trades=in_exit_order(self.round_trips, tape.symbols),
            open_positions=len(account.positions),
            initial_cash=setup.initial_cash,
            final_equity=self.worth.exactly(len(self.times) - 1, account.base, self.worth.units),
            fees=canonical(account.fees),
            curve=equity_curve(tape, self.booked, account.books, setup.initial_cash),
            interval_ns=tape.interval,
            load_seconds=load_seconds,
            run_seconds=watch.wall(),
            run_cpu_seconds=watch.cpu(),
            currency=setup.currency,
        )


def _round_trip(lot: ClosedLot, ending: Exit, multiplier: Decimal) -> RoundTrip:
    return RoundTrip(
        symbol=lot.symbol,
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
        multiplier=multiplier,
    )
