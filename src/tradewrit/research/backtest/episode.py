"""A trade that is more than one fill in and one fill out, played by a desk of its own.

Where volume lets an order fill in parts only, the venue refuses orders at random, or shares split or are
gone while they are held, what becomes of a trade is not found by one search. So the desk itself plays it:
the same agents and the same venue as in the event engine, over this symbol's bars alone, from the decision
until nothing of the trade is left. Risk has had its say, so no limit binds here. Bars that cannot concern
the trade are passed over.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from tradewrit.brokers.paper.book import Part, SymbolBook
from tradewrit.brokers.paper.chance import Chance
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.events.account import LimitsChanged
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import CorporateAction
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.events.orders import OrderRejected
from tradewrit.domain.events.positions import PositionClosed
from tradewrit.domain.events.review import ReviewApproved
from tradewrit.domain.events.strategy import CandidateFound
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import DAY, SECOND
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Role, Side, TimeInForce
from tradewrit.domain.proposals import Sized
from tradewrit.domain.signals import Signal
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.features.bars import Times
from tradewrit.research.backtest.agenda import Phase
from tradewrit.research.backtest.collect import Collector
from tradewrit.research.backtest.corporate import Ahead
from tradewrit.research.backtest.happening import Happening, Outside, Sale
from tradewrit.research.backtest.schedule import VenueCalendars
from tradewrit.research.backtest.setup import VENUE, Setup
from tradewrit.research.backtest.solo import SoloMarket
from tradewrit.research.backtest.tracks import Track
from tradewrit.risk.watch import is_time_up, trailed
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.roles import roles
from tradewrit.runtime.writs import Writs
from tradewrit.version import VERSION

_JOURNAL: Final = "0" * 32
_PLENTY: Final = Decimal(10) ** 18
_NEAR: Final = 1e-9
# States in which nothing but a price, a signal or the clock can make the desk do something.
_CALM: Final = frozenset({TradeState.ORDER_PLACED, TradeState.HOLDING, TradeState.ORDER_CLOSING})
# States in which it tries again whenever bars of any symbol close.
_RESTLESS: Final = frozenset({TradeState.PROTECTING, TradeState.EXIT_TRIGGERED, TradeState.FILLED})


class Scene(msgspec.Struct, frozen=True, eq=False):
    """What the episodes of a run have in common.

    opens, closes: of the bars of every time. calendars: the venue's, by symbol. chance: what the venue of
    the run draws from, for each symbol apart.
    """

    setup: Setup
    strategy: str
    protection: Signal
    opens: Times
    closes: Times
    interval: int
    calendars: VenueCalendars
    chance: Chance

    def least_volume(self, instrument: Instrument) -> float:
        """A bar with less of it fills no order, not even in part."""
        share = self.setup.rules.participation_fraction
        return 0.0 if share is None else float(instrument.lot / share) * (1.0 - _NEAR)


class Episode:
    """One symbol at a desk of its own, from an entry that was approved until it is flat again.

    decided: the row at whose close. actions: all of this symbol's; those before then are passed over.
    """

    def __init__(
        self,
        scene: Scene,
        track: Track,
        decided: int,
        actions: Sequence[CorporateAction | FundingSettled] = (),
    ) -> None:
        setup, symbol = scene.setup, track.symbol
        self._scene, self._track, self._symbol = scene, track, symbol
        self._time = track.time_of(decided)
        at, opened_at = int(scene.closes[self._time]), int(scene.opens[self._time])
        self._clock = ManualClock(at)
        self._market = market = SoloMarket(track, scene.protection, decided)
        self._exchange = PaperExchange(
            setup.instrument,
            initial_cash=_PLENTY,
            rules=setup.rules,
            chance=scene.chance,
            calendar=scene.calendars,
            interval=scene.interval,
            marks=market.last,
            quotes=market.quote,
            last_at=market.last_at,
            clock=self._clock.now,
            account=setup.account,
        )
        self._collector = Collector(setup.instrument, opened_at)
        self._limits = _unbound(setup.limits)
        self._desk = Desk(
            _rich(setup).opening(_JOURNAL, scene.strategy, at, VERSION),
            journal=MemoryJournal(_JOURNAL, keep_records=False),
            market=market,
            broker=self._exchange,
            clock=self._clock,
            writs=Writs(LocalIssuer(_JOURNAL, setup.account, ttl_s=None), roles(setup.mode, VENUE)),
            listeners=(self._collector, self._hear),
        )
        self._ahead = Ahead(action for action in actions if action.at > opened_at)
        self._seen = self._desk.books
        self._outside: list[Outside] = []
        self._ended = self._refused = ""
        self._phase = Phase.ENTERS_AT_CLOSE
        self._happenings = self._play()
        self._reserved = ZERO
        self._trade_id = ""
        self._trades = 0

    def enter(self, sized: Sized, phase: Phase) -> None:
        """Send an entry that risk and review let through: at the close of the last bar, or on an exit.

        phase: in which it is sent, and filled if it need not wait.
        """
        at, self._trades = self._clock.now(), self._trades + 1
        self._ended = self._refused = ""
        self._trade_id = trade_id = f"{self._symbol}:{self._trades}"
        proposal = replace(sized.proposal, trade_id=trade_id)
        sized = replace(sized, proposal=proposal)
        found = CandidateFound(
            at=at,
            trace=trade_id,
            scan=trade_id,
            trade_id=trade_id,
            symbol=self._symbol,
            side=proposal.side,
            strategy=proposal.strategy,
            price=proposal.entry_price,
            inputs={},
        )
        approved = ReviewApproved(
            at=at,
            trace=trade_id,
            review_id=trade_id,
            trade_id=trade_id,
            version=1,
            sized=sized,
            sized_hash=sized.hash,
            approved_by=("policy:automatic",),
            risk_id=trade_id,
            expires_at=at + SECOND,
        )
        # What may be entered is judged outside: between one entry and the next nothing is allowed here.
        allow = LimitsChanged(at=at, limits=self._limits, actor="episode")
        forbid = replace(allow, limits=replace(self._limits, allowed_symbols=frozenset()))
        self._reserved = sized.cost
        for event in (allow, found, approved, forbid):
            self._desk.feed(event)
        self._phase = phase

    def next(self) -> Happening | None:
        """What happens next; None when nothing does before the data end. Not to be asked when all is over."""
        return next(self._happenings, None)

    def wants(self, side: Side) -> bool:
        """Whether the strategy, as of the last bar, wants to enter this side."""
        signal = self._market.signal(self._symbol)
        return signal is not None and signal.enter is side

    def _play(self) -> Iterator[Happening]:
        """All that happens, in order. Whoever takes it may `enter` anew as soon as a trade is over."""
        yield from self._news(self._phase)
        while self._trade is not None:
            time = self._next_time()
            if time >= len(self._scene.opens):
                return
            yield from self._walk(time)

    # -- the walk of the event engine, for one symbol

    def _walk(self, time: int) -> Iterator[Happening]:
        self._time, opened_at = time, int(self._scene.opens[time])
        row = self._track.row_at(time)
        has_bar = self._track.time_of(row) == time
        if row - has_bar > self._market.row:
            self._market.show(row - has_bar)  # bars that were passed over
        self._collector.bar_at = opened_at
        self._clock.set(opened_at)
        if self._ahead.due <= opened_at:
            self._ahead.happen(opened_at, self._desk, self._exchange)
            yield from self._news(Phase.GOES_EX)
        if has_bar:
            yield from self._trade_bar(row)
        if self._trade is None:
            return
        self._clock.set(int(self._scene.closes[time]))
        if has_bar:
            self._market.show(row)
        else:
            self._market.hush()
        phase = self._leaving_phase()
        self._desk.feed(BarsClosed(at=self._clock.now(), count=1), "market")
        yield from self._news(phase)

    def _leaving_phase(self) -> Phase:
        """When an exit at this close is heard of: early, if nothing has to be taken back before it."""
        trade, book = self._trade, self._book
        is_bare = trade is not None and trade.state is TradeState.EXIT_TRIGGERED and not book
        return Phase.RETRIES_AT_CLOSE if is_bare else Phase.LEAVES_AT_CLOSE

    def _trade_bar(self, row: int) -> Iterator[Happening]:
        """The venue's part of a bar."""
        bar, book = self._track.bars.row(row), self._book
        if book is None or book.is_untouched_by(bar.low, bar.high, bar.ts):
            return
        exchange = self._exchange
        parts = (
            (Phase.OPENS, exchange.open),
            (Phase.TRADES, exchange.trade),
            (Phase.ENDS, exchange.close),
        )
        for phase, part in parts:
            self._desk.feed_all(part(bar), "broker")
            yield from self._news(phase)
            if self._trade is None:
                return

    # -- what it comes to

    def _hear(self, event: Event, record: Record | None) -> None:
        if record is None:
            return
        if isinstance(event, Outside):
            self._outside.append(event)
        elif isinstance(event, PositionClosed):
            self._ended = event.reason
        elif isinstance(event, OrderRejected) and event.role is Role.ENTRY:
            self._refused = event.code

    def _news(self, phase: Phase) -> Iterator[Happening]:
        """What a part of a bar led to; then what an entry led to that somebody sent because of that."""
        while (news := self._change(phase)) is not None:
            yield news
            phase = self._phase

    def _change(self, phase: Phase) -> Happening | None:
        """What is new since it was last asked, if anything is that others can see."""
        before, now = self._seen, self._desk.books
        is_over = self._trade is None
        self._seen = now
        if now is before or not (self._outside or is_over or now.reserved != self._reserved):
            return None
        self._reserved = now.reserved
        collected = self._collector
        round_trips, collected.round_trips = tuple(collected.round_trips), []
        booked, collected.booked = tuple(collected.booked), []
        outside, self._outside = tuple(self._outside), []
        if phase is Phase.LEAVES_AT_CLOSE and round_trips and round_trips[-1].exit_reason == "time":
            phase = Phase.TIMED_OUT_AT_CLOSE
        return Happening(
            time=self._time,
            row=self._track.row_at(self._time),
            phase=phase,
            cash=now.cash - before.cash,
            fees=now.stats.fees - before.stats.fees,
            funding=now.stats.funding - before.stats.funding,
            position=now.positions.get(self._symbol),
            reserved=now.reserved,
            held=self._exchange.held,
            mark=self._market.mark(self._symbol),
            unsettled=_added(before.unsettled, now.unsettled),
            outside=outside,
            booked=booked,
            round_trips=round_trips,
            ended=(self._ended or "aborted") if is_over else "",
            refused=self._refused,
        )

    # -- where to look next

    @property
    def _trade(self) -> Trade | None:
        """The trade while it lasts."""
        return self._desk.books.trades.get(self._trade_id)

    @property
    def _book(self) -> SymbolBook | None:
        return self._exchange.working.get(self._symbol)

    def _next_time(self) -> int:
        """The next time at which something may happen; beyond all times when nothing can."""
        trade, track, row = self._trade, self._track, self._market.row + 1
        happens = int(self._scene.opens.searchsorted(self._ahead.due))
        if self._symbol in self._desk.books.suspended:
            return happens  # nothing trades under this name any more
        if trade is not None and (trade.state in _RESTLESS or self._is_overdue(trade)):
            return self._time + 1
        book = self._book
        if trade is not None and book is not None and trade.state in _CALM and self._is_calm(book):
            row = self._next_row(trade, book, row)
        return min(track.time_of(row) if row < len(track) else len(self._scene.opens), happens)

    def _is_overdue(self, trade: Trade) -> bool:
        """Whether the keeper could not do what the last bar asked: it tries again when any bar closes."""
        if trade.state is not TradeState.HOLDING:
            return False
        return is_time_up(self._market, trade) or trailed(self._desk.books, self._market, trade) is not None

    def _is_calm(self, book: SymbolBook) -> bool:
        """Whether its orders wait for their prices, or for volume, whatever else a bar brings."""
        is_daily = self._scene.interval >= DAY
        return not any(
            order.born_part is Part.INSIDE or (is_daily and order.terms.time_in_force is TimeInForce.DAY)
            for order in book
        )

    def _next_row(self, trade: Trade, book: SymbolBook, row: int) -> int:
        """The first row from `row` on that touches an order, tightens the stop, or ends with a decision."""
        track, low, high, stop = self._track, book.down, book.up, len(self._track)
        if self._ahead.due <= int(track.bars.ts[-1]):
            stop = int(track.bars.ts.searchsorted(self._ahead.due))
        if trade.state is TradeState.HOLDING:
            stop = min(stop, self._next_leave(trade, row))
            low, high = _trailing(trade, low, high)
        elif trade.state is TradeState.ORDER_PLACED:
            stop = min(stop, track.next_session_end(row))
        if book.expires_at <= int(track.bars.ts[-1]) + self._scene.interval:
            stop = min(stop, int(track.bars.ts.searchsorted(book.expires_at - self._scene.interval)))
        if book.is_eager:
            stop = track.next_volume(row, stop, self._scene.least_volume(track.instrument))
        return track.next_price(row, max(stop, row), low, high)

    def _next_leave(self, trade: Trade, row: int) -> int:
        """The first row from `row` on at whose close the strategy or the clock ends the trade."""
        track, direction = self._track, trade.direction
        leave = track.next_leave(row, direction)
        if self._scene.setup.reverse:
            leave = min(leave, track.next_turn(row, direction))
        most = None if trade.sized is None else trade.sized.proposal.max_bars
        return (
            leave if most is None else min(leave, int(track.bars.ts.searchsorted(trade.opened_at)) + most - 1)
        )


def _added(before: Iterable[Sale], now: Iterable[Sale]) -> tuple[Sale, ...]:
    """The sales that are new. Two parts of one order may be alike to the cent: each counts."""
    return tuple((Counter(now) - Counter(before)).elements())


def _trailing(trade: Trade, low: float, high: float) -> tuple[float, float]:
    """The low and the high from which on a bar concerns a trade, its trailing stop included."""
    fraction = None if trade.sized is None else trade.sized.proposal.trail_fraction
    if fraction is None or trade.stop_price is None:
        return low, high
    stop, sign = float(trade.stop_price), trade.direction.sign
    best = stop / (1.0 - sign * float(fraction)) * (1.0 - sign * _NEAR)
    return (low, min(high, best)) if sign > 0 else (max(low, best), high)


def _unbound(limits: Limits) -> Limits:
    """The limits of a trade that they have let through: its distances still count, the account does not."""
    return replace(
        limits,
        max_position_notional=None,
        max_position_fraction=Decimal(1),
        min_cash_fraction=ZERO,
        max_drawdown_fraction=Decimal(1),
        max_open_positions=None,
        max_order_quantity=None,
        refusal_cooldown_s=0,
        max_refusals=None,
    )


def _rich(setup: Setup) -> Setup:
    return replace(setup, initial_cash=_PLENTY, limits=_unbound(setup.limits))
