"""Listens to a run and keeps what its result is made of: round trips, fills, and nothing per bar."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

import msgspec
import numpy as np

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.orders import Role
from tradewrit.domain.positions import ClosedLot, Direction, is_paid_in_full
from tradewrit.features.bars import Floats, Times
from tradewrit.research.backtest.tape import Tape
from tradewrit.research.results import EquityCurve, RoundTrip
from tradewrit.runtime.journal.records import Record

_REASONS: Final = {Role.STOP: "stop", Role.TARGET: "target"}


class Booked(msgspec.Struct, frozen=True):
    """One fill as the curve needs it: units signed, cash it moved, profit it realised."""

    at: int
    symbol: str
    signed: float
    cost: float
    cash: float


class Collector:
    """A pump listener; `books` must give the books as they are after the event's transaction."""

    def __init__(self) -> None:
        self.round_trips: list[RoundTrip] = []
        self.booked: list[Booked] = []
        self.counts: dict[str, int] = {}
        self._books: Books = Books()

    def watch(self, books: Books) -> None:
        """The books that the next events belong to (exit reasons and protection are looked up there)."""
        self._books = books

    def __call__(self, event: Event, record: Record | None) -> None:
        """Keep what a fill did; count everything that was journalled."""
        if record is None:
            return
        self.counts[record.entry.type] = self.counts.get(record.entry.type, 0) + 1
        if isinstance(event, FillBooked):
            self._keep(event)

    def _keep(self, event: FillBooked) -> None:
        fill = event.fill
        self.booked.append(
            Booked(
                fill.at,
                fill.symbol,
                float(fill.quantity) * fill.side.sign,
                float(fill.price),
                float(event.cash_change),
            )
        )
        for lot in event.closed:
            self.round_trips.append(self._round_trip(event, lot))

    def _round_trip(self, event: FillBooked, lot: ClosedLot) -> RoundTrip:
        trade = self._books.trades.get(lot.trade_id)
        reason = _REASONS.get(event.role) or (trade.exit_reason if trade is not None else "")
        return RoundTrip(
            symbol=lot.symbol,
            side="long" if lot.direction is Direction.LONG else "short",
            quantity=lot.quantity,
            entry_time=lot.entry_at,
            entry_price=lot.entry_price,
            exit_time=lot.exit_at,
            exit_price=lot.exit_price,
            exit_reason=reason or "external",
            fees=lot.fees,
            pnl=lot.pnl,
            stop=None if trade is None else trade.stop_price,
            target=None if trade is None else trade.target_price,
        )


def in_exit_order(round_trips: Sequence[RoundTrip], symbols: Sequence[str]) -> tuple[RoundTrip, ...]:
    """By the bar of the exit, then by symbol rank: a fill at the open tells no more of its time than one
    inside the bar."""
    rank = {symbol: place for place, symbol in enumerate(symbols)}
    return tuple(sorted(round_trips, key=lambda trade: (trade.exit_time, rank[trade.symbol])))


def equity_curve(tape: Tape, booked: list[Booked], books: Books, initial_cash: Decimal) -> EquityCurve:
    """Equity and exposure at the close of every bar time, from the fills, as vectors.

    Statistics, hence float64; the exact final equity is taken from the books.
    """
    times = tape.times()
    cash = _steps(times, booked, [fill.cash for fill in booked]) + float(initial_cash)
    value, gross = np.zeros(len(times)), np.zeros(len(times))
    by_symbol: dict[str, list[Booked]] = {}
    for fill in booked:
        by_symbol.setdefault(fill.symbol, []).append(fill)
    for bars in tape.bars:
        fills = by_symbol.get(bars.symbol)
        if fills is None:
            continue
        instrument = books.instrument(bars.symbol)
        units = _steps(times, fills, [fill.signed for fill in fills]) * float(instrument.multiplier)
        marks = _filled_forward(times, bars.ts, bars.close)
        held = np.where(units == 0.0, 0.0, units * marks)
        gross += np.abs(held)
        is_paid = np.array([is_paid_in_full(side, instrument) for side in (Direction.LONG, Direction.SHORT)])
        basis = _basis(times, fills, float(instrument.multiplier))
        value += np.where(units > 0, held - (0.0 if is_paid[0] else basis), held - basis)
    equity = cash + value
    with np.errstate(divide="ignore", invalid="ignore"):
        exposure = np.where(equity > 0, gross / equity, 0.0)
    return EquityCurve(times, equity, exposure)


def _steps(times: Times, fills: list[Booked], changes: list[float]) -> Floats:
    """The running sum of changes, seen at every bar time."""
    total = np.concatenate([[0.0], np.cumsum(np.array(changes, dtype=np.float64))])
    at = np.array([fill.at for fill in fills], dtype=np.int64)
    return total[np.searchsorted(at, times, side="right")]


def _filled_forward(times: Times, ts: Times, close: Floats) -> Floats:
    """The last close at every bar time; 0 before the first."""
    if len(ts) == len(times):
        return close
    seen = np.searchsorted(ts, times, side="right")
    return np.concatenate([[0.0], close])[seen]


def _basis(times: Times, fills: list[Booked], multiplier: float) -> Floats:
    """Signed notional at entry of what is open, seen at every bar time (average cost)."""
    quantity, average = 0.0, 0.0
    levels = [0.0]
    for fill in fills:
        after = quantity + fill.signed
        if quantity * fill.signed >= 0:
            average = (average * quantity + fill.cost * fill.signed) / after if after else 0.0
        elif quantity * after < 0:
            average = fill.cost
        quantity = after
        levels.append(quantity * average * multiplier)
    at = np.array([fill.at for fill in fills], dtype=np.int64)
    return np.array(levels)[np.searchsorted(at, times, side="right")]
