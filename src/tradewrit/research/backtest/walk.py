"""One run of the skip engine: from one time at which something is due to the next.

What comes in between are decisions: entries that risk may let through, found by search and judged on
exact figures. Knows no result.
"""

from decimal import Decimal
from typing import Final, assert_never

from tradewrit.brokers.paper.sessions import Sessions
from tradewrit.domain.books import Books
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.folding import evolve
from tradewrit.domain.money import ZERO, Price
from tradewrit.domain.orders import OrderType, Side, TimeInForce
from tradewrit.domain.positions import ClosedLot
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.signals import REVERSE
from tradewrit.domain.terms import entry_terms
from tradewrit.research.backtest.account import Account
from tradewrit.research.backtest.agenda import Agenda, Phase
from tradewrit.research.backtest.allowance import Allowance, may_deny
from tradewrit.research.backtest.candidates import Candidate, Candidates, Room
from tradewrit.research.backtest.collect import Booked
from tradewrit.research.backtest.door import Door, may_refuse
from tradewrit.research.backtest.entries import Entry, Lapse, fill_of, lapse_of
from tradewrit.research.backtest.exits import Exit, plan, round_trip
from tradewrit.research.backtest.happening import Happening
from tradewrit.research.backtest.highwater import HighWater
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.quotes import check_quotes
from tradewrit.research.backtest.schedule import VenueCalendars
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.stage import Stage, may_be_needed
from tradewrit.research.backtest.tracks import Track
from tradewrit.research.backtest.wanted import wanted
from tradewrit.research.backtest.worth import Worth
from tradewrit.research.results import RoundTrip
from tradewrit.risk.judgement import judge
from tradewrit.strategies.base import Strategy
from tradewrit.version import VERSION

Closed = tuple[ClosedLot, ...]
Left = Exit | Happening
"""How a position ended that is to be reversed."""
_FIRST_LOOK: Final = 64
_ENTERS: Final = (Phase.ENTERS_AT_CLOSE, Phase.REENTERS_AT_CLOSE, Phase.REVERSES_AT_CLOSE)
_LEAVES: Final = (Phase.TIMED_OUT_AT_CLOSE, Phase.LEAVES_AT_CLOSE)
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


class Walk:
    """One run. A time is always an index into the union of all bar times.

    agenda: what will happen: to a symbol one thing at a time. stage: of trades that have a desk of their own.
    told: by phases, the last time of which the venue knows what left a position then.
    splits: of what is held, in the bar of the last one: its time, the rank, and the mark it left.
    """

    def __init__(self, prepared: Prepared, strategy: Strategy, setup: Setup) -> None:
        self.tape, self.times = prepared.tape, prepared.times
        self.closes = self.tape.closes
        check_quotes(self.tape.bars, setup.rules)
        self.setup = setup
        self.protection = strategy.protection()
        self.tracks = prepared.tracks(strategy, setup)
        self.worth = Worth(self.tracks, len(self.times))
        stop = self.protection.stop_fraction or setup.limits.stop_fraction
        want = wanted(setup.sizing, setup.rules.fees, float(stop), self.tracks)
        self.candidates = Candidates(self.tracks, setup.limits, want, self.worth)
        opening = setup.opening("0" * 32, strategy.name(), int(self.times[0]), VERSION)
        self.account = Account(evolve(Books(), opening))
        self.high_water = HighWater(self.worth, self.account)
        self.allowance = Allowance(setup) if may_deny(setup) else None
        self.door = Door(setup) if may_refuse(setup) else None
        self.stage = Stage(self.tape, strategy, setup) if may_be_needed(setup) else None
        self.sessions = Sessions(
            VenueCalendars(setup), self.tape.interval, settlement_days=setup.rules.settlement_days
        )
        self.splits: list[tuple[int, int, Price]] = []
        self.sized: dict[int, Sized] = {}
        self.told: dict[tuple[Phase, ...], int] = {}
        self.agenda: Agenda[Entry | Lapse | Exit | Happening] = Agenda()
        self.round_trips: list[RoundTrip] = []
        self.booked: list[Booked] = []

    # -- the walk

    def walk(self) -> None:
        """From one time at which something is due to the next; in between, entries are looked for."""
        time, end = 0, len(self.times)
        while time < end:
            self._happen_at(time)
            length = _FIRST_LOOK
            due = min(self.agenda.due, end)
            while time < due:
                stop = min(due, self.worth.reach(time))
                if self.candidates.is_anyone_free:
                    stop = min(stop, time + length)
                time, length = self._look(time, stop), length * 2
                due = min(self.agenda.due, end)
        self._happen_at(end)

    def _look(self, start: int, stop: int) -> int:
        """Judge every entry that may pass; returns where it had to stop: at `stop`, or before it."""
        if not self.candidates.is_anyone_free:
            self.high_water.mark(*self.worth.highest(start, stop, self.account.base))
            return stop
        worth = self.worth.roughly(start, stop, self.account.base)
        seen = start
        self.candidates.skip_to(start)
        while self.candidates.is_anyone_free:
            found = self.candidates.next(stop, worth, start, self._room())
            if found is None:
                break
            self.high_water.see(worth[seen - start : found.time + 1 - start], seen)
            seen = found.time + 1
            self._judge(found)
            stop = min(stop, self.agenda.due)
        self.high_water.see(worth[seen - start : stop - start], seen)
        return stop

    def _room(self) -> Room:
        return Room(float(self.account.free), self.high_water.floor)

    # -- decisions

    def _judge(self, found: Candidate, left: Left | None = None) -> None:
        """What risk makes of a candidate, on exact figures. left: the exit whose reversal it is."""
        known = left.mark if isinstance(left, Happening) else self.tracks[found.rank].mark(found.time)
        proposal = self._proposal(self.tracks[found.rank], found, known)
        worth = self.worth.exactly(found.time, self.account.base, self.worth.units)
        for at, rank, mark in self.splits:
            if at > found.time:  # since that close, which an exit at the next open has to go by
                worth += self.worth.restated(rank, found.time, mark)
        self.high_water.measure(float(worth))
        judged = judge(self.account.books, proposal, self.account.facts(worth, self._sent_at(found, left)))
        if not judged.broken:
            self._approve(found, judged.sized, left)
        elif not _FOR_EVER.isdisjoint(breach.limit for breach in judged.broken):
            self.candidates.close_for_ever(found.rank, found.side)

    def _proposal(self, track: Track, found: Candidate, price: Price) -> Proposal:
        kept = self.protection
        return Proposal(
            trade_id=track.symbol,
            symbol=track.symbol,
            side=found.side,
            entry_type=self.setup.entry_type,
            entry_price=price,
            stop_fraction=kept.stop_fraction,
            target_fraction=kept.target_fraction,
            trail_fraction=kept.trail_fraction,
            max_bars=kept.max_bars,
            volatility=self._volatility(track, found),
            strategy=self.account.books.strategy,
            decided_at=int(self.times[found.time]),
        )

    def _volatility(self, track: Track, found: Candidate) -> float | None:
        """What the account sizes by, as the desk knows it at the decision."""
        if track.volatility is None:
            return None
        is_split_since = any(at > found.time and rank == found.rank for at, rank, _ in self.splits)
        return track.volatility.at(track.row_at(found.time), is_split_since=is_split_since)

    def _approve(self, candidate: Candidate, sized: Sized, left: Left | None) -> None:
        """Reserve the cash, and find the bar on which the entry fills."""
        rank, track = candidate.rank, self.tracks[candidate.rank]
        decided = track.row_at(candidate.time)
        self.account.reserve(track.symbol, sized.cost)
        self.candidates.block(rank)
        self.sized[rank] = sized
        sent_at = self._sent_at(candidate, left)
        if not self._may_leave(track, sized, sent_at):
            self._turn_away(candidate, left)
            return
        if refused := self._refused_by_venue(candidate, sized, left):
            self._turn_away(candidate, left, refused)
            return
        over = self._lapse(track, decided, sent_at)
        phase = None if left is None else left.phase
        found = fill_of(track, decided, sized.proposal, self.setup.rules, over, phase)
        if self.stage is not None and self._is_staged(track, decided, sized, found):
            self._play(rank, decided, sized, left)
            return
        if found is None:
            return
        if self.door is not None and isinstance(found, Entry) and found.phase.is_at_close:
            self.door.release(track.symbol)
            self.door.settle(track.instrument, candidate.side, sized.quantity, found.price)
        self._plan(rank, found)

    def _sent_at(self, candidate: Candidate, left: Left | None) -> int:
        """When an entry is sent: with the decisions of a close, or when the exit it reverses is heard of."""
        is_in_bar = left is not None and not left.phase.is_at_close
        return int(self.times[candidate.time + 1] if is_in_bar else self.closes[candidate.time])

    def _lapse(self, track: Track, decided: int, sent_at: int) -> Lapse | None:
        """When an entry that waits for its price is over: with its session, or before that."""
        if self.setup.entry_type is not OrderType.LIMIT:
            return None
        expires_at = self.sessions.expires_at(track.symbol, TimeInForce.DAY, sent_at)
        return lapse_of(track, decided, expires_at, self.tape.interval)

    def _is_staged(self, track: Track, decided: int, sized: Sized, found: Entry | Lapse | None) -> bool:
        """Whether the trade is more than one fill in and one fill out."""
        ending = self._ending(track, found, sized) if isinstance(found, Entry) else None
        return self.stage is not None and self.stage.is_needed(track, decided, sized.quantity, found, ending)

    def _play(self, rank: int, decided: int, sized: Sized, left: Left | None) -> None:
        """Have a desk of its own play the trade; a reversal is for the desk that has just left."""
        if self.stage is None:
            return
        is_reversal = left is not None
        self.stage.enter(rank, self.tracks[rank], decided, sized, _entering(left), is_reversal=is_reversal)
        first = self._play_on(rank)
        if first is not None and self.door is not None and first.phase in _ENTERS:
            self.door.follow(self.tracks[rank].instrument, first)

    def _play_on(self, rank: int) -> Happening | None:
        """The next thing that happens to a trade with a desk of its own, now on the agenda."""
        following = None if self.stage is None else self.stage.next(rank)
        if following is not None:
            self.agenda.add(following.time, following.phase, rank, following)
        return following

    def _may_leave(self, track: Track, sized: Sized, sent_at: int) -> bool:
        """Whether the writ lets the entry go."""
        if self.allowance is None:
            return True
        terms = entry_terms(track.instrument, sized, track.symbol)
        return self.allowance.admits(track.instrument, terms, sized.proposal.entry_price, sent_at)

    def _refused_by_venue(self, candidate: Candidate, sized: Sized, left: Left | None) -> str:
        """With what code the venue does not take the entry, at the last price it knows; "" when it does."""
        if self.door is None:
            return ""
        track, is_in_bar = self.tracks[candidate.rank], left is not None and not left.phase.is_at_close
        close = track.bars.close[track.row_at(candidate.time)]
        last = float(left.price) if left is not None and is_in_bar else float(close)
        if left is None:
            self._tell_venue(candidate.time + 1, Phase.RETRIES_AT_CLOSE)
            self._take_back(self.door, candidate.time, track.symbol)
        terms = entry_terms(track.instrument, sized, track.symbol)
        refusal = self.door.refuses(terms, last, int(self.closes[candidate.time]))
        if refusal is None:
            return ""
        # It draws before it looks.
        is_by_chance = self.stage is not None and self.stage.chance.refuses(track.symbol)
        return Rejection.VENUE if is_by_chance else refusal.code

    def _take_back(self, door: Door, time: int, symbol: str) -> None:
        """Tell the venue of entries taken back at the close of a time in symbols that rank before this."""
        rank = self.tape.rank[symbol]
        for other, what in self.agenda.at(time + 1, Phase.ENTERS_AT_CLOSE):
            if other < rank and isinstance(what, Lapse):
                door.release(self.tracks[other].symbol)

    def _turn_away(self, candidate: Candidate, left: Left | None, refused: str = "") -> None:
        """An entry was kept back or refused: what was set aside is free when the desk hears of that."""
        rank, phase = candidate.rank, _entering(left)
        time = candidate.time + (phase is Phase.OPENS)
        self.agenda.add(time, phase, rank, Lapse(self.tracks[rank].row_at(time), phase, refused))

    def _plan(self, rank: int, what: Entry | Lapse | Exit) -> None:
        self.agenda.add(self.tracks[rank].time_of(what.row), what.phase, rank, what)

    # -- what happens

    def _happen_at(self, time: int) -> None:
        """All that comes before the decisions of a time, and after those of the time before."""
        self._tell_venue(time, Phase.RETRIES_AT_CLOSE)
        while self.agenda.due == time:
            if self.agenda.phase in _LEAVES:
                self._tell_venue(time, *_LEAVES)
            self._happen(*self.agenda.pop())

    def _tell_venue(self, time: int, *phases: Phase) -> None:
        """Exits at a close have all reached the venue before the first of them is heard of: say so, once."""
        if self.door is None or self.told.get(phases) == time:
            return
        self.told[phases] = time
        for rank, what in self.agenda.at(time, *phases):
            track = self.tracks[rank]
            if isinstance(what, Happening):
                self.door.follow(track.instrument, what)
            elif isinstance(what, Exit):
                position = self.account.positions[track.symbol]
                side = position.direction.exit_side
                settles_at = self._settles_at(track, side, what)
                self.door.settle(track.instrument, side, position.quantity, what.price, settles_at)

    def _happen(self, rank: int, what: Entry | Lapse | Exit | Happening) -> None:
        match what:
            case Entry():
                self._enter(rank, what)
            case Lapse():
                self._let_go(rank)
                if what.refused:
                    self._cool_down(rank, self.tracks[rank].time_of(what.row), what)
                self.candidates.unblock(rank)
            case Exit():
                self._leave(rank, what)
            case Happening():
                self._follow(rank, what)
            case _:
                assert_never(what)

    def _cool_down(self, rank: int, time: int, what: Lapse | Happening) -> None:
        """The venue did not take an entry, and the desk has heard of it."""
        heard_at = self.closes if what.phase.is_at_close else self.times
        self.account.refuse(self.tracks[rank].symbol, what.refused, int(heard_at[time]))

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
        self._book(rank, side, sized.quantity, entry)
        ending = self._ending(self.tracks[rank], entry, sized)
        if ending is not None:
            self._plan(rank, ending)

    def _ending(self, track: Track, entry: Entry, sized: Sized) -> Exit | None:
        direction, reverse = sized.proposal.direction, self.setup.reverse
        return plan(track, entry, direction, sized, self.setup.rules, reverse=reverse)

    def _leave(self, rank: int, ending: Exit) -> None:
        position = self.account.positions[self.tracks[rank].symbol]
        side = position.direction.exit_side
        closed = self._book(rank, side, position.quantity, ending)
        track = self.tracks[rank]
        self.round_trips.extend(round_trip(lot, ending, track.instrument.multiplier) for lot in closed)
        self.candidates.unblock(rank)
        # While the exit waited for the session to open, bars went by.
        last = ending.row - (not ending.phase.is_at_close)
        if ending.reason == REVERSE and track.wants(last, side):
            self._reverse(rank, side, ending)

    def _reverse(self, rank: int, side: Side, left: Left) -> None:
        """Judge the other side of a position that was left for it."""
        # At an open the desk knows the closes of the time before, and nothing of the bar itself.
        time = left.time if isinstance(left, Happening) else self.tracks[rank].time_of(left.row)
        known_at = time - (not left.phase.is_at_close)
        self._judge(Candidate(rank, known_at, side), left)

    def _follow(self, rank: int, what: Happening) -> None:
        """What happened to a trade with a desk of its own happened to the account."""
        track = self.tracks[rank]
        self.account.follow(track.instrument, what)
        if self.door is not None and not what.phase.is_ahead_at_venue:
            self.door.follow(track.instrument, what)
        self.worth.hold(rank, what.position.signed * track.instrument.multiplier if what.position else ZERO)
        if any(isinstance(one, SharesSplit) for one in what.outside):
            self.splits = [one for one in self.splits if one[0] == what.time]
            self.splits.append((what.time, rank, what.mark))
        self.booked.extend(what.booked)
        self.round_trips.extend(what.round_trips)
        if what.refused:
            self._cool_down(rank, what.time, what)
        if not what.ended:
            self._play_on(rank)
            return
        side = self.sized.pop(rank).proposal.side.opposite
        self.candidates.unblock(rank)
        if what.ended == REVERSE and self.stage is not None and self.stage.wants(rank, side):
            self._reverse(rank, side, what)

    def _book(self, rank: int, side: Side, quantity: Decimal, done: Entry | Exit) -> Closed:
        track, price = self.tracks[rank], done.price
        instrument = track.instrument
        at = int(track.bars.ts[done.row])
        settles_at = self._settles_at(track, side, done)
        fill, closed = self.account.book(instrument, side, quantity, price, at, settles_at)
        if self.door is not None and not done.phase.is_ahead_at_venue:
            self.door.settle(instrument, side, quantity, price, settles_at)
        position = self.account.positions.get(track.symbol)
        self.worth.hold(rank, ZERO if position is None else position.signed * instrument.multiplier)
        signed = float(quantity) * side.sign
        self.booked.append(Booked(fill.at, track.symbol, signed, float(price), float(fill.fee)))
        return closed

    def _settles_at(self, track: Track, side: Side, done: Entry | Exit) -> int:
        """When the cash of a fill may be spent again; 0 for at once."""
        rules = self.setup.rules
        if not rules.settlement_days or side is Side.BUY or track.instrument.asset_class.is_derivative:
            return 0
        filled_at = self.closes if done.phase.is_at_close else self.times
        return self.sessions.settles_at(track.symbol, int(filled_at[track.time_of(done.row)]))


def _entering(left: Left | None) -> Phase:
    """When an entry is sent: with the decisions of a close, or when an exit has been heard of."""
    if left is None:
        return Phase.ENTERS_AT_CLOSE
    if not left.phase.is_at_close:
        return Phase.OPENS
    is_early = left.phase is Phase.RETRIES_AT_CLOSE
    return Phase.REENTERS_AT_CLOSE if is_early else Phase.REVERSES_AT_CLOSE
