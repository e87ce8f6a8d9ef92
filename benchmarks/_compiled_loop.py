"""The default strategy as a numba kernel: how fast the same rules can possibly be, for comparison.

Needs numba (`uv sync --all-extras --group bench`). It takes what the synthetic bars promise and a
general engine may not: prices in whole cents, all symbols on one clock. Money is counted in
thousandths of a cent, which the fee of 10 bps on a price in cents comes out even in, so everything
but the RSI is exact in 64-bit integers.
"""

from collections.abc import Sequence
from decimal import Decimal

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.plain_loop import SymbolColumns, Trade

Table = NDArray[np.float64]
Integers = NDArray[np.int64]
AVERAGE_BARS, RSI_BARS = 20, 14
STOP, TARGET = 95, 115  # per cent of the fill price
# In thousandths of a cent: a cent, the $1000 of the largest position, the $100,000 at the beginning.
CENT, LARGEST_POSITION, CASH = 1000, 100_000_000, 10_000_000_000
MONEY = Decimal("0.00001")
"""Dollars in a thousandth of a cent."""


def tables(symbols: Sequence[SymbolColumns]) -> list[Table]:
    """Open, high, low, close and volume of all symbols, a row each."""
    return [np.array([getattr(one, name) for one in symbols]) for name in SymbolColumns._fields[2:]]


def run(bars: Sequence[Table]) -> tuple[Integers, int]:
    """Trades as rows of `as_trades`, in the order of exits; and final equity in thousandths of a cent."""
    opens, highs, lows, closes, volumes = bars
    room = np.empty((closes.size // 2 + 1, 7), dtype=np.int64)
    count, equity = _trade(opens, highs, lows, closes, volumes, room)
    return room[:count], equity


def as_trades(rows: Integers, symbols: Sequence[SymbolColumns]) -> list[Trade]:
    """The rows of `run` in the words of the plain loop."""
    return [_as_trade(row, symbols) for row in rows.tolist()]


def _as_trade(row: list[int], symbols: Sequence[SymbolColumns]) -> Trade:
    rank, quantity, entered, entry, left, exit_, is_stop = row
    ts = symbols[rank].ts
    fees = quantity * (entry + exit_)
    return Trade(
        *(symbols[rank].symbol, "long", quantity, ts[entered], Decimal(entry) / 100),
        *(ts[left], Decimal(exit_) / 100, "stop" if is_stop else "target"),
        *(fees * MONEY, (quantity * (exit_ - entry) * CENT - fees) * MONEY),
    )


@numba.njit
def _cents(price: float) -> int:
    return round(price * 100.0)


@numba.njit
def _signals(close: Table, volume: Table, wants: NDArray[np.bool_]) -> None:
    """Where one symbol asks for an entry, in the loop's own order of floating-point operations."""
    gain = loss = 0.0
    close_sum = volume_sum = last = 0
    for t in range(len(close)):
        price, size = _cents(close[t]), round(volume[t])
        change = price - last if t else 0
        last = price
        if 0 < t <= RSI_BARS:
            gain += max(change, 0)
            loss += max(-change, 0)
            if t == RSI_BARS:
                gain /= RSI_BARS
                loss /= RSI_BARS
        elif t:
            gain = max(change, 0) / RSI_BARS + gain * (RSI_BARS - 1) / RSI_BARS
            loss = max(-change, 0) / RSI_BARS + loss * (RSI_BARS - 1) / RSI_BARS
        close_sum += price
        volume_sum += size
        if t >= AVERAGE_BARS:
            close_sum -= _cents(close[t - AVERAGE_BARS])
            volume_sum -= round(volume[t - AVERAGE_BARS])
        if t < AVERAGE_BARS - 1 or AVERAGE_BARS * price <= close_sum or AVERAGE_BARS * size <= volume_sum:
            continue
        if loss:
            wants[t] = 50.0 <= 100.0 * gain / (gain + loss) <= 70.0
        else:
            wants[t] = gain == 0.0


@numba.njit
def _trade(
    opens: Table, highs: Table, lows: Table, closes: Table, volumes: Table, trades: Integers
) -> tuple[int, int]:
    symbols, bars = closes.shape
    wants = np.zeros((bars, symbols), dtype=np.bool_)
    for s in range(symbols):
        _signals(closes[s], volumes[s], wants[:, s])
    ordered, reserves = np.zeros(symbols, dtype=np.int64), np.zeros(symbols, dtype=np.int64)
    held, marks = np.zeros(symbols, dtype=np.int64), np.zeros(symbols, dtype=np.int64)
    entered, entries = np.zeros(symbols, dtype=np.int64), np.zeros(symbols, dtype=np.int64)
    stops, targets = np.zeros(symbols, dtype=np.int64), np.zeros(symbols, dtype=np.int64)
    cash = equity = high_water = CASH
    reserved = value = count = 0  # value: of all positions at their last closes, in cents
    for t in range(bars):
        is_revalued = False
        for s in range(symbols):
            if ordered[s]:
                price = _cents(opens[s, t])
                held[s], ordered[s] = ordered[s], 0
                reserved -= reserves[s]
                cash -= held[s] * price * (CENT + 1)
                entered[s], entries[s], marks[s] = t, price, 0
                stops[s], targets[s] = price * STOP // 100, price * TARGET // 100
            if not held[s]:
                continue
            is_revalued = True
            is_stop = _cents(lows[s, t]) <= stops[s]
            if is_stop or _cents(highs[s, t]) >= targets[s]:
                opened = _cents(opens[s, t])
                price = min(stops[s], opened) if is_stop else max(targets[s], opened)
                cash += held[s] * price * (CENT - 1)
                value -= held[s] * marks[s]
                row = trades[count]
                row[0], row[1], row[2], row[3] = s, held[s], entered[s], entries[s]
                row[4], row[5], row[6] = t, price, is_stop
                count += 1
                held[s] = 0
            else:
                close = _cents(closes[s, t])
                value += held[s] * (close - marks[s])
                marks[s] = close
        if is_revalued:
            equity = cash + value * CENT
            high_water = max(high_water, equity)
        if 5 * equity <= 4 * high_water:
            continue
        for s in range(symbols):
            if wants[t, s] and not held[s]:
                price = _cents(closes[s, t]) * CENT
                quantity = min(LARGEST_POSITION // price, equity // (5 * price))
                cost = quantity * price // CENT * (CENT + 1)
                if quantity > 0 and 2 * (reserved + cost) <= 2 * cash - equity:
                    ordered[s], reserves[s] = quantity, cost
                    reserved += cost
    return count, equity
