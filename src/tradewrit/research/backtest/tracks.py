"""Each symbol's columns beside the union of all bar times, for an engine that jumps.

A track knows where its rows lie in time and finds the next row on which something can happen.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tradewrit.brokers.paper.fills import Span
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.positions import Direction
from tradewrit.domain.signals import ENTER, LEAVE, OPENING, OPPOSITE, Verdict
from tradewrit.features.bars import Bars, Floats
from tradewrit.features.hours import Hours
from tradewrit.research.backtest.volatility import Volatility
from tradewrit.risk.exits import trailed_stop
from tradewrit.strategies.evaluation import Verdicts

Indices = NDArray[np.int64]
_FIRST_LOOK = 1024
_SESSION_ENDS = np.uint8(Verdict.SESSION_ENDS)
PRINTED = 1e4
"""Steps per unit of currency in which most prices are printed."""


class Track:
    """One symbol: its bars, what the strategy says of them, and where they lie among all times.

    place: for each row the index of its time in the union; None when the symbol has every time.
    restated: by the row with which a split takes effect, the verdict on the row before in the new shares.
    volatility: where the account sizes by it.
    """

    def __init__(self, bars: Bars, instrument: Instrument, verdicts: Verdicts, place: Indices | None) -> None:
        self.bars = bars
        self.instrument = instrument
        self.symbol = bars.symbol
        self.verdicts = verdicts
        self.place = place
        self.restated: dict[int, int] = {}
        self.volatility: Volatility | None = None
        self._lows, self._highs = bars.low, bars.high
        self._is_open: NDArray[np.bool_] | None = None
        self._session_ends: Indices | None = None
        self._leaves: dict[Direction, Indices] = {}
        self._turns: dict[Direction, Indices] = {}

    def __len__(self) -> int:
        return len(self.bars)

    def time_of(self, row: int) -> int:
        """The index of a row's time in the union."""
        return row if self.place is None else int(self.place[row])

    def row_at(self, time: int) -> int:
        """The last row that lies at or before a time; -1 when there is none yet."""
        return time if self.place is None else int(self.place.searchsorted(time, side="right")) - 1

    def rows_at(self, times: Indices) -> Indices:
        """The rows that lie at these times, where there is one at each."""
        return times if self.place is None else self.place.searchsorted(times)

    def part(self, bars: Bars, rows: slice, place: Indices | None) -> "Track":
        """The same symbol over some of its rows. bars: those. place: where they lie among their times."""
        part = Track(bars, self.instrument, self.verdicts[rows], place)
        part.restated = {row - rows.start: verdict for row, verdict in self.restated.items()}
        part.volatility = None if self.volatility is None else self.volatility.part(rows)
        if self._is_open is not None:
            part._trade_in(self._is_open[rows])
        return part

    def trade_only(self, hours: Hours | None) -> None:
        """Have no order filled by a bar that opens outside the regular sessions; a bar of a day is one."""
        if hours is not None and hours.is_intraday:
            self._trade_in(hours.is_open(self.bars.ts))

    def _trade_in(self, is_open: NDArray[np.bool_]) -> None:
        self._is_open = is_open
        self._lows = np.where(is_open, self.bars.low, np.inf)
        self._highs = np.where(is_open, self.bars.high, -np.inf)

    def trades_in(self, row: int) -> bool:
        """Whether orders can fill in a row."""
        return self._is_open is None or bool(self._is_open[row])

    def next_open(self, row: int) -> int:
        """The first row from `row` on in which orders can fill; the length if there is none."""
        if self._is_open is None or row >= len(self):
            return min(row, len(self))
        ahead = int(self._is_open[row:].argmax())
        return row + ahead if self._is_open[row + ahead] else len(self)

    def closes(self, start: int, stop: int) -> Floats:
        """The last close at each time from `start` to before `stop`; 0 before the first."""
        if self.place is None:
            return self.bars.close[start:stop]
        i, j = self.place.searchsorted((start, stop)).tolist()
        before = self.bars.close[i - 1 : i] if i else np.zeros(1)
        edges = np.concatenate(((0,), self.place[i:j] - start, (stop - start,)))
        return np.repeat(np.concatenate((before, self.bars.close[i:j])), np.diff(edges))

    def span(self, row: int) -> Span:
        """A bar as an order sees it that was live at its open."""
        bars = self.bars
        return Span(bars.open.item(row), bars.low.item(row), bars.high.item(row))

    def mark(self, time: int) -> Price:
        """The last close at a time at which there has been a bar, exact."""
        return self.instrument.traded(float(self.bars.close[self.row_at(time)]))

    @cached_property
    def is_printed(self) -> bool:
        """Whether every close is a whole number of 1 / `PRINTED`, and so small that floats can say which."""
        whole = np.rint(self.bars.close * PRINTED)
        return bool((whole / PRINTED == self.bars.close).all() and whole.max(initial=0.0) < 1e15)

    def next_leave(self, row: int, direction: Direction) -> int:
        """The first row from `row` on at whose close the strategy wants out; the length if never."""
        rows = self._leaves.get(direction)
        if rows is None:
            rows = self._leaves[direction] = np.flatnonzero(self.verdicts & LEAVE[direction])
        return self._first_of(rows, row)

    def is_session_end(self, row: int) -> bool:
        """Whether the account leaves at the close of a row as its session ends; False beyond the data."""
        return row < len(self) and bool(self.verdicts[row] & _SESSION_ENDS)

    def next_session_end(self, row: int) -> int:
        """The first row from `row` on at whose close the session is about to end; the length if never."""
        if self._session_ends is None:
            self._session_ends = np.flatnonzero(self.verdicts & _SESSION_ENDS)
        return self._first_of(self._session_ends, row)

    def next_turn(self, row: int, direction: Direction) -> int:
        """The first row from `row` on at whose close it wants the other side; the length if never."""
        rows = self._turns.get(direction)
        if rows is None:
            rows = self._turns[direction] = np.flatnonzero((self.verdicts & ENTER) == OPPOSITE[direction])
        return self._first_of(rows, row)

    def wants(self, row: int, side: Side) -> bool:
        """Whether the strategy would enter this side, and no other, at the close of a row."""
        return int(self.verdicts[row]) & ENTER == OPENING[side]

    def _first_of(self, rows: Indices, row: int) -> int:
        k = int(rows.searchsorted(row)) if len(rows) else 0
        return int(rows[k]) if k < len(rows) else len(self)

    def next_touch(self, row: int, stop: int, low: float, high: float) -> int:
        """The first row in row..stop-1 in which an order at `low` or below, or at `high` or above, can fill.

        `stop` if there is none.
        """
        return _first_beyond(self._lows, self._highs, row, stop, low, high)

    def next_price(self, row: int, stop: int, low: float, high: float) -> int:
        """The first row in row..stop-1 with a price at or below `low` or at or above `high`; else `stop`."""
        return _first_beyond(self.bars.low, self.bars.high, row, stop, low, high)

    def next_volume(self, row: int, stop: int, least: float) -> int:
        """The first row in row..stop-1 in which at least so much was traded; else `stop`."""
        while row < stop:
            end = min(row + _FIRST_LOOK, stop)
            hits = self.bars.volume[row:end] >= least
            k = int(hits.argmax())
            if hits[k]:
                return row + k
            row = end
        return stop

    def trailed(
        self, row: int, direction: Direction, fraction: Decimal, stop: Price
    ) -> Iterator[tuple[int, Price]]:
        """Where a trailing stop lies: (first row it is valid on, price), from `row` on, ever tighter.

        It moves at the close of a bar with a new extreme, so it is valid from the row after.
        """
        yield row, stop
        best = self.bars.high if direction is Direction.LONG else -self.bars.low
        extreme, length = np.array([-np.inf]), _FIRST_LOOK
        while row < len(self):
            running = np.maximum.accumulate(np.concatenate((extreme, best[row : row + length])))
            for i in np.flatnonzero(np.diff(running)).tolist():
                printed = self.instrument.traded(abs(float(best[row + i])))
                moved = trailed_stop(direction, printed, fraction, stop, self.instrument)
                if moved is not None:
                    stop = moved
                    yield row + i + 1, stop
            extreme, row, length = running[-1:], row + length, length * 2


def _first_beyond(lows: Floats, highs: Floats, row: int, stop: int, low: float, high: float) -> int:
    """The first of row..stop-1 that is at or below `low` or at or above `high`; else `stop`."""
    length = _FIRST_LOOK
    while row < stop:
        end = min(row + length, stop)
        hits = (lows[row:end] <= low) | (highs[row:end] >= high)
        k = int(hits.argmax())
        if hits[k]:
            return row + k
        row, length = end, length * 2
    return stop
