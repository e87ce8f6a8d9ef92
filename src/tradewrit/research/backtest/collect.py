"""Listens to a run and keeps what its result is made of: round trips, fills, and nothing per bar."""

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from tradewrit.domain.books import Books
from tradewrit.domain.constraints import broken_names
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import DelistingBooked, DividendBooked, SplitBooked
from tradewrit.domain.events.funding import FundingBooked
from tradewrit.domain.events.orders import OrderRejected
from tradewrit.domain.events.positions import (
    ExitRequested,
    FillBooked,
    PositionAdded,
    PositionClosed,
    PositionOpened,
    ProtectionRestated,
    StopMoved,
)
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.orders import Role
from tradewrit.domain.positions import ClosedLot, Direction
from tradewrit.domain.rejections import UNSENT
from tradewrit.domain.writs import EXECUTOR
from tradewrit.features.bars import Floats, Times
from tradewrit.research.backtest.tape import Tape
from tradewrit.research.results import EquityCurve, RoundTrip
from tradewrit.runtime.journal.records import Record

# What is left of units that came and went, as float64 adds them up.
_NOTHING: Final = 1e-12
_REASONS: Final = {Role.STOP: "stop", Role.TARGET: "target"}


class Booked(msgspec.Struct, frozen=True, gc=False):
    """One fill as the curve needs it. at: of its bar. signed: units traded, negative for sales."""

    at: int
    symbol: str
    signed: float
    price: float
    fee: float


class _Plan(msgspec.Struct):
    """How an open trade is to end, as far as the events so far tell."""

    stop: Decimal | None = None
    target: Decimal | None = None
    leaving: str = ""


class Collector:
    """A pump listener. instrument: of a symbol, for what a unit of it is worth.

    bar_at: when the bars opened that are being walked; the engine moves it. Fills at a close belong to
    their bar, though they are made at the very moment at which the next may open.
    """

    def __init__(self, instrument: Callable[[str], Instrument], bar_at: int) -> None:
        self._instrument = instrument
        self.bar_at = bar_at
        self.round_trips: list[RoundTrip] = []
        self.booked: list[Booked] = []
        self.counts: dict[str, int] = {}
        self.denied: Counter[tuple[str, ...]] = Counter()
        self.refused: Counter[str] = Counter()
        self._plans: dict[str, _Plan] = {}
        self._entered_at_close: dict[str, int] = {}

    def __call__(self, event: Event, record: Record | None) -> None:
        """Keep what a fill did, and what explains it; count everything that was journalled."""
        if record is None:
            return
        self.counts[record.entry.type] = self.counts.get(record.entry.type, 0) + 1
        match event:
            case FillBooked():
                self._keep(event)
            case PositionOpened() | PositionAdded():
                self._plans[event.trade_id] = _Plan(event.stop_price, event.target_price)
            case StopMoved():
                self._plan(event.trade_id).stop = event.stop_price
            case ProtectionRestated():
                plan = self._plan(event.trade_id)
                plan.stop, plan.target = event.stop_price, event.target_price
            case SplitBooked():
                self._keep_split(event)
            case DelistingBooked():
                self._keep_sold(event.symbol, event.at, event.closed, "delisted")
            case DividendBooked() | FundingBooked():
                self.booked.append(Booked(event.at, event.symbol, 0.0, 0.0, -float(event.cash_change)))
            case ExitRequested():
                self._plan(event.trade_id).leaving = event.reason
            case WritDenied() if event.agent == EXECUTOR:
                self.denied[broken_names(event.violations)] += 1
            case OrderRejected(role=Role.ENTRY, code=code) if code not in UNSENT:
                self.refused[code] += 1
            case PositionClosed():
                self._plans.pop(event.trade_id, None)
                self._entered_at_close.pop(event.trade_id, None)
            case _:
                return

    def _plan(self, trade_id: str) -> _Plan:
        return self._plans.setdefault(trade_id, _Plan())

    def _keep(self, event: FillBooked) -> None:
        fill = event.fill
        signed = float(fill.quantity) * fill.side.sign
        self.booked.append(Booked(self.bar_at, fill.symbol, signed, float(fill.price), float(fill.fee)))
        if event.role is Role.ENTRY and fill.at != self.bar_at:
            self._entered_at_close[fill.trade_id] = self.bar_at
        for lot in event.closed:
            self.round_trips.append(self._round_trip(lot, self.bar_at, _REASONS.get(event.role)))

    def _keep_split(self, event: SplitBooked) -> None:
        """To the curve: units that come for nothing, and the sale of what was no whole share."""
        sold = [float(lot.quantity) * lot.direction.sign for lot in event.closed]
        came = float(event.quantity) - float(event.before) + sum(sold)
        self.booked.append(Booked(event.at, event.symbol, came, 0.0, 0.0))
        self._keep_sold(event.symbol, event.at, event.closed, "split")

    def _keep_sold(self, symbol: str, at: int, closed: Sequence[ClosedLot], reason: str) -> None:
        """What was paid out in cash, and not sold at the venue."""
        for lot in closed:
            units = float(lot.quantity) * lot.direction.sign
            self.booked.append(Booked(at, symbol, -units, float(lot.exit_price), 0.0))
            self.round_trips.append(self._round_trip(lot, lot.exit_at, reason))

    def _round_trip(self, lot: ClosedLot, exit_time: int, reason: str | None) -> RoundTrip:
        plan = self._plan(lot.trade_id)
        return RoundTrip(
            symbol=lot.symbol,
            side="long" if lot.direction is Direction.LONG else "short",
            quantity=lot.quantity,
            entry_time=self._entered_at_close.get(lot.trade_id, lot.entry_at),
            entry_price=lot.entry_price,
            exit_time=exit_time,
            exit_price=lot.exit_price,
            exit_reason=reason or plan.leaving or "external",
            fees=lot.fees,
            funding=lot.funding,
            pnl=lot.pnl,
            stop=plan.stop,
            target=plan.target,
            multiplier=self._instrument(lot.symbol).multiplier,
        )


def in_exit_order(round_trips: Sequence[RoundTrip], symbols: Sequence[str]) -> tuple[RoundTrip, ...]:
    """By the bar of the exit, then by symbol rank.

    A fill at the open or the close tells no more of its time than one inside the bar.
    """
    rank = {symbol: place for place, symbol in enumerate(symbols)}
    return tuple(sorted(round_trips, key=lambda trade: (trade.exit_time, rank[trade.symbol])))


def equity_curve(tape: Tape, booked: list[Booked], books: Books, initial_cash: Decimal) -> EquityCurve:
    """Equity and exposure at the close of every bar time, from the fills, as vectors.

    Every fill counts as if it were paid in full, shorts and derivatives too: then equity is what was
    paid plus all units at their last close, whatever lots they belong to.
    Statistics, hence float64; the exact final equity is taken from the books.
    """
    times = tape.times()
    scale = {symbol: float(books.instrument(symbol).multiplier) for symbol in tape.symbols}
    paid = [fill.signed * scale[fill.symbol] * fill.price + fill.fee for fill in booked]
    equity = _steps(times, booked, float(initial_cash) - np.cumsum(paid), float(initial_cash))
    gross = np.zeros(len(times))
    by_symbol: dict[str, list[Booked]] = {}
    for fill in booked:
        by_symbol.setdefault(fill.symbol, []).append(fill)
    for bars in tape.bars:
        fills = by_symbol.get(bars.symbol)
        if fills is None:
            continue
        units = np.cumsum([fill.signed * scale[bars.symbol] for fill in fills])
        units[np.abs(units) < _NOTHING * np.abs(units).max()] = 0.0
        held = _steps(times, fills, units, 0.0)
        held *= _filled_forward(times, bars.ts, bars.close)
        equity += held
        gross += np.abs(held, out=held)
    is_worth_something = equity > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        exposure = np.divide(gross, equity, out=gross)
    if not is_worth_something.all():
        exposure[~is_worth_something] = 0.0
    return EquityCurve(times, equity, exposure)


def _steps(times: Times, fills: list[Booked], values: Floats, before: float) -> Floats:
    """A value for every bar time: `values[k]` from the time of fill k on, `before` ahead of the first."""
    at = np.array([fill.at for fill in fills], dtype=np.int64)
    edges = np.concatenate(((0,), times.searchsorted(at), (len(times),)))
    return np.repeat(np.concatenate(((before,), values)), np.diff(edges))


def _filled_forward(times: Times, ts: Times, close: Floats) -> Floats:
    """The last close at every bar time; 0 before the first."""
    if len(ts) == len(times):
        return close
    edges = np.concatenate(((0,), times.searchsorted(ts), (len(times),)))
    return np.repeat(np.concatenate(((0.0,), close)), np.diff(edges))
