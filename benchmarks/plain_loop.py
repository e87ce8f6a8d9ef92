"""The default strategy as a plain Python loop: the yardstick of every speed and parity figure.

One file, the standard library, nothing of the package it judges. The rules are those of the default
strategy `trend_following` under the default limits: long entries only, market orders at the next
open, a stop and a target at fixed distances, half of equity kept in cash.

It is written the way one writes such a loop by hand when speed matters: signals first, one symbol at
a time, with running sums; then one pass over the union of the bar times. Closes and volumes are
integers, so comparisons with an average are exact; money is Decimal, touched only when something is
filled or a position is marked; float64 serves the RSI and the comparison of printed prices.

    python benchmarks/plain_loop.py bars.parquet --trades trades.csv
    python benchmarks/plain_loop.py [--synthetic 20000x50]
"""

import argparse
import csv
import json
import math
import random
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, localcontext
from itertools import chain, groupby, pairwise
from operator import gt
from pathlib import Path
from typing import NamedTuple

AVERAGE_BARS = 20
RSI_BARS = 14
RSI_LOW, RSI_HIGH = 50.0, 70.0
LARGEST_POSITION = Decimal(1000)
POSITION_FRACTION = Decimal("0.20")
CASH_RESERVE_FRACTION = Decimal("0.50")
DRAWDOWN_FLOOR = Decimal("0.80")

# Sums of products of prices, sizes and fees never come near this many digits, so nothing rounds.
EXACT_DIGITS = 100
# A decimal of up to 15 digits is named by exactly one float64, and read back from it unchanged.
FAITHFUL = 10**15


class SymbolColumns(NamedTuple):
    """Bars of one symbol, oldest first; equally long lists. ts: UTC ns of the bar's open."""

    symbol: str
    ts: list[int]
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]


class Trade(NamedTuple):
    """A round trip. Times are the `ts` of the filling bars; fees of both sides; pnl net of them."""

    symbol: str
    side: str
    quantity: int
    entry_time: int
    entry_price: Decimal
    exit_time: int
    exit_price: Decimal
    exit_reason: str
    fees: Decimal
    pnl: Decimal


class OpenPosition(NamedTuple):
    """What was held at the end, marked at the symbol's last close."""

    symbol: str
    side: str
    quantity: int
    entry_time: int
    entry_price: Decimal
    mark: Decimal


class Outcome(NamedTuple):
    """trades: in the order of their exits, symbols of one time by rank. fees: of all fills."""

    trades: list[Trade]
    open_positions: list[OpenPosition]
    final_equity: Decimal
    fees: Decimal
    cash: Decimal


class _Bracket(NamedTuple):
    """Where stop and target lie: at these multiples of the fill price, rounded down to the tick."""

    stop_factor: Decimal
    target_factor: Decimal
    tick: Decimal


class _Symbol:
    """A symbol on its way through the loop: its columns, and what it owns or has asked for."""

    __slots__ = (
        *("closes", "entry_fee", "entry_price", "entry_time", "highs", "lows", "mark", "name", "opens"),
        *("ordered", "quantity", "reserved", "row", "signals", "stop", "stop_price", "target"),
        *("target_price", "ts"),
    )

    def __init__(self, columns: SymbolColumns, closes: list[int], never: int) -> None:
        self.name = columns.symbol
        self.ts = [*columns.ts, never]  # a time that does not come ends the walk
        self.opens, self.highs, self.lows = columns.open, columns.high, columns.low
        self.closes = closes
        self.signals = entry_signals(closes, as_integers([columns.volume], first=0)[0][0])
        self.row = 0
        self.ordered = self.quantity = 0  # units asked for, units held
        self.reserved = self.entry_price = self.entry_fee = Decimal(0)
        self.stop_price = self.target_price = Decimal(0)
        self.stop = self.target = 0.0  # the same two as floats, to compare with a bar
        self.entry_time = self.mark = 0


def run(
    symbols: Sequence[SymbolColumns],
    *,
    initial_cash: str = "100000",
    fee: str = "0.001",
    tick: str = "0.01",
    stop: str = "0.05",
    target: str = "0.15",
) -> Outcome:
    """Trade all symbols from one account.

    symbols: in rank order. initial_cash: quote currency. fee: fraction of notional per fill.
    tick: the price step that stops and targets are rounded down to; fills are at printed prices.
    stop, target: their distances from the fill price, as fractions of it.
    Raises ValueError for empty, uneven or unsorted columns, duplicate times or symbols, a value that
    is not finite, and a price that is not positive.
    """
    _check(symbols)
    with localcontext() as context:
        context.prec = EXACT_DIGITS
        bracket = _Bracket(1 - Decimal(stop), 1 + Decimal(target), Decimal(tick))
        return _trade(symbols, Decimal(initial_cash), Decimal(fee), bracket)


def _trade(symbols: Sequence[SymbolColumns], cash: Decimal, fee: Decimal, bracket: _Bracket) -> Outcome:
    closes, decimals = as_integers([columns.close for columns in symbols], first=2)
    unit = Decimal(1).scaleb(-decimals)
    never = max(columns.ts[-1] for columns in symbols) + 1
    states = [_Symbol(columns, ints, never) for columns, ints in zip(symbols, closes, strict=True)]
    trades: list[Trade] = []
    reserved = fees = Decimal(0)
    held = 0  # market value of all positions at their last closes, in units of `unit`
    equity = high_water = cash

    for now, _ in groupby(sorted(chain.from_iterable(columns.ts for columns in symbols))):
        wanting: list[_Symbol] = []
        is_revalued = False
        for s in states:
            row = s.row
            if s.ts[row] != now:
                continue
            s.row = row + 1
            if s.ordered:
                reserved -= s.reserved
                _enter(s, row, fee, bracket)
                cash -= s.quantity * s.entry_price + s.entry_fee
                fees += s.entry_fee
            if s.quantity:
                is_revalued = True
                if s.lows[row] <= s.stop or s.highs[row] >= s.target:
                    trade = _leave(s, row, fee)
                    trades.append(trade)
                    exit_fee = trade.fees - s.entry_fee
                    cash += trade.quantity * trade.exit_price - exit_fee
                    fees += exit_fee
                    held -= trade.quantity * s.mark
                else:
                    close = s.closes[row]
                    held += s.quantity * (close - s.mark)
                    s.mark = close
            if s.signals[row] and not s.quantity:
                wanting.append(s)
        if is_revalued:
            equity = cash + held * unit
            high_water = max(high_water, equity)
        if not wanting or equity <= DRAWDOWN_FLOOR * high_water:
            continue
        budget = min(LARGEST_POSITION, POSITION_FRACTION * equity)
        spendable = cash - CASH_RESERVE_FRACTION * equity
        for s in wanting:
            price = s.closes[s.row - 1] * unit
            quantity = int(budget // price)
            cost = quantity * price * (1 + fee)
            if quantity > 0 and reserved + cost <= spendable:
                s.ordered, s.reserved = quantity, cost
                reserved += cost

    still_open = [
        OpenPosition(s.name, "long", s.quantity, s.entry_time, s.entry_price, s.mark * unit)
        for s in states
        if s.quantity
    ]
    return Outcome(trades, still_open, equity, fees, cash)


def _enter(s: _Symbol, row: int, fee: Decimal, bracket: _Bracket) -> None:
    """Fill the waiting order at this bar's open, and protect what it bought."""
    price = _printed(s.opens[row])
    s.quantity, s.ordered = s.ordered, 0
    s.entry_time, s.entry_price, s.entry_fee = s.ts[row], price, s.quantity * price * fee
    s.stop_price = _floor(price * bracket.stop_factor, bracket.tick)
    s.target_price = _floor(price * bracket.target_factor, bracket.tick)
    s.stop, s.target = float(s.stop_price), float(s.target_price)
    s.mark = 0


def _leave(s: _Symbol, row: int, fee: Decimal) -> Trade:
    """Sell everything on a bar that touches stop or target: at the stop if it touches both.

    A bar that opens beyond the price it touches fills at its open.
    """
    opened = s.opens[row]
    if s.lows[row] <= s.stop:
        reason, price, is_gap = "stop", s.stop_price, opened < s.stop
    else:
        reason, price, is_gap = "target", s.target_price, opened > s.target
    if is_gap:
        price = _printed(opened)
    quantity, s.quantity = s.quantity, 0
    fees = s.entry_fee + quantity * price * fee
    pnl = quantity * (price - s.entry_price) - fees
    return Trade(
        *(s.name, "long", quantity, s.entry_time, s.entry_price),
        *(s.ts[row], price, reason, fees, pnl),
    )


def entry_signals(closes: list[int], volumes: list[int]) -> bytearray:
    """1 at every bar whose close asks for an entry; element t uses bars up to t only.

    close above its 20-bar average, volume above its own, Wilder's RSI of 14 from 50 to 70.
    closes, volumes: in whole units of any one step each.
    """
    signals = bytearray(len(closes))
    if len(closes) < AVERAGE_BARS:
        return signals
    changes = [b - a for a, b in pairwise(closes[:AVERAGE_BARS])]
    gain = sum(change for change in changes[:RSI_BARS] if change > 0) / RSI_BARS
    loss = sum(-change for change in changes[:RSI_BARS] if change < 0) / RSI_BARS
    for change in changes[RSI_BARS : AVERAGE_BARS - 2]:
        gain = max(change, 0) / RSI_BARS + gain * (RSI_BARS - 1) / RSI_BARS
        loss = max(-change, 0) / RSI_BARS + loss * (RSI_BARS - 1) / RSI_BARS

    last = closes[AVERAGE_BARS - 2]
    close_sum = sum(closes[: AVERAGE_BARS - 1])
    volume_sum = sum(volumes[: AVERAGE_BARS - 1])
    for t in range(AVERAGE_BARS - 1, len(closes)):
        close, volume = closes[t], volumes[t]
        close_sum += close
        volume_sum += volume
        if close > last:
            gain = (close - last) / RSI_BARS + gain * (RSI_BARS - 1) / RSI_BARS
            loss = loss * (RSI_BARS - 1) / RSI_BARS
        else:
            gain = gain * (RSI_BARS - 1) / RSI_BARS
            loss = (last - close) / RSI_BARS + loss * (RSI_BARS - 1) / RSI_BARS
        if AVERAGE_BARS * close > close_sum and AVERAGE_BARS * volume > volume_sum:
            # With a close above its average something has risen, so the two are not both 0
            # unless that rise has decayed to nothing.
            rsi = 100.0 * gain / (gain + loss) if loss else 100.0 if gain else 50.0
            signals[t] = RSI_LOW <= rsi <= RSI_HIGH
        close_sum -= closes[t - AVERAGE_BARS + 1]
        volume_sum -= volumes[t - AVERAGE_BARS + 1]
        last = close
    return signals


def _check(symbols: Sequence[SymbolColumns]) -> None:
    if not symbols:
        raise ValueError("no symbol to trade")
    if len({columns.symbol for columns in symbols}) < len(symbols):
        raise ValueError("a symbol appears twice")
    for columns in symbols:
        name, ts, *values = columns
        if not ts or any(len(column) != len(ts) for column in values):
            raise ValueError(f"{name}: columns must be equally long, with one bar at least")
        if not all(map(gt, ts[1:], ts)):
            raise ValueError(f"{name}: times must rise, without duplicates")
        if not all(math.isfinite(sum(column)) for column in values):
            raise ValueError(f"{name}: a price or volume is not a number")
        if any(min(column) <= 0 for column in values[:-1]):
            raise ValueError(f"{name}: a price is zero or negative")


def as_integers(columns: list[list[float]], *, first: int) -> tuple[list[list[int]], int]:
    """The printed numbers in whole steps of 10**-decimals, and the decimals it took for all."""
    for decimals in range(first, first + 7, 2):
        scale = 10**decimals
        whole = [[round(value * scale) for value in column] for column in columns]
        if all(
            [n / scale for n in ints] == column and max(ints) < FAITHFUL
            for ints, column in zip(whole, columns, strict=True)
        ):
            return whole, decimals
    exact = [[_printed(value) for value in column] for column in columns]
    decimals = max(-int(number.as_tuple().exponent) for column in exact for number in column)
    return [[int(number.scaleb(decimals)) for number in column] for column in exact], decimals


def _printed(price: float) -> Decimal:
    """The shortest decimal that names this float: the price as the market printed it."""
    return Decimal(repr(price))


def _floor(price: Decimal, tick: Decimal) -> Decimal:
    return (price / tick).to_integral_value(ROUND_FLOOR) * tick


def synthetic(bars: int, symbols: int, *, seed: int = 7, sigma: float = 0.002) -> list[SymbolColumns]:
    """Made-up minute bars on a shared clock: random walks in cents, kept between 10 and 1000.

    sigma: standard deviation of a bar's return. The same arguments give the same bars.
    """
    rng = random.Random(seed)
    first, minute = 1_704_067_200_000_000_000, 60_000_000_000  # 2024-01-01, in UTC ns
    ts = list(range(first, first + bars * minute, minute))
    return [SymbolColumns(f"SYN{rank:03d}", ts, *_walk(rng, bars, sigma)) for rank in range(symbols)]


def _walk(rng: random.Random, bars: int, sigma: float) -> tuple[list[float], ...]:
    rows: list[tuple[float, float, float, float, float]] = []
    close = 100.0
    for _ in range(bars):
        move = rng.gauss(0.0, sigma)
        opened, close = close, round(close * math.exp(move), 2)
        if not 10.0 < close < 1000.0:
            close = round(opened * math.exp(-move), 2)
        wick = 1.0 + abs(rng.gauss(0.0, sigma / 4))
        high, low = round(max(opened, close) * wick, 2), round(min(opened, close) / wick, 2)
        rows.append((opened, high, low, close, float(rng.randrange(100, 10_000))))
    return tuple(map(list, zip(*rows, strict=True)))


def read(path: Path) -> list[SymbolColumns]:
    """Bars of a Parquet or CSV file; symbols rank by their first row.

    ts may be a date, a time (UTC where no zone is given), ISO-8601 text, or UTC ns.
    Raises ValueError for a column or a value that is missing.
    """
    import polars as pl

    table = pl.read_csv(path) if path.suffix == ".csv" else pl.read_parquet(path)
    missing = [name for name in SymbolColumns._fields if name not in table.columns]
    if missing:
        raise ValueError(f"{path}: no column {', '.join(missing)}")
    table = table.select(SymbolColumns._fields)
    if sum(table.null_count().row(0)):
        raise ValueError(f"{path}: a value is missing")
    ts = table["ts"]
    if ts.dtype == pl.String:
        ts = ts.str.to_datetime(time_unit="ns", time_zone="UTC")
    if not ts.dtype.is_integer():
        ts = ts.cast(pl.Datetime("ns", time_zone=getattr(ts.dtype, "time_zone", None)))
    table = table.with_columns(
        ts.cast(pl.Int64), pl.col("open", "high", "low", "close", "volume").cast(pl.Float64)
    )
    return [
        SymbolColumns(
            str(part["symbol"][0]),
            *(part[name].to_list() for name in SymbolColumns._fields[1:]),
        )
        for part in table.partition_by("symbol", maintain_order=True)
    ]


def write_trades(path: Path, trades: Sequence[Trade]) -> None:
    """The trades as CSV: plain decimals, times in ISO-8601 with `Z`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Trade._fields)
        writer.writerows(map(_csv_row, trades))


def _csv_row(trade: Trade) -> list[str]:
    return [
        *(trade.symbol, trade.side, str(trade.quantity)),
        *(_iso(trade.entry_time), _plain(trade.entry_price)),
        *(_iso(trade.exit_time), _plain(trade.exit_price), trade.exit_reason),
        *(_plain(trade.fees), _plain(trade.pnl)),
    ]


def _plain(amount: Decimal) -> str:
    """All digits, no exponent, two decimals at least and no other trailing zeros."""
    whole, _, fraction = f"{amount:f}".partition(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"


def _iso(ns: int) -> str:
    seconds, fraction = divmod(ns, 1_000_000_000)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    digits = f".{fraction:09d}" if fraction else ""
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{moment:%Y-%m-%dT%H:%M:%S}{digits}Z"


def _measure(name: str, symbols: list[SymbolColumns]) -> Outcome:
    start = time.process_time()
    outcome = run(symbols)
    seconds = time.process_time() - start
    bars = sum(len(columns.ts) for columns in symbols)
    figures = {
        "data": name,
        "bars": bars,
        "symbols": len(symbols),
        "trades": len(outcome.trades),
        "open_positions": len(outcome.open_positions),
        "final_equity": _plain(outcome.final_equity),
        "fees": _plain(outcome.fees),
        "run_cpu_seconds": round(seconds, 4),
        "cpu_us_per_bar": round(seconds / bars * 1e6, 3),
    }
    print(json.dumps(figures))
    return outcome


def _size(text: str) -> tuple[int, int]:
    bars, _, symbols = text.partition("x")
    if not (bars.isdecimal() and symbols.isdecimal() and int(bars) and int(symbols)):
        raise argparse.ArgumentTypeError(f"{text!r} is not BARSxSYMBOLS, such as 20000x50")
    return int(bars), int(symbols)


def main(arguments: Sequence[str] | None = None) -> int:
    """Trade a file or made-up bars (1000000x1 and 20000x50 by default); print a line of JSON for each."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("bars", nargs="?", type=Path, help="Parquet or CSV: symbol, ts, open ... volume")
    parser.add_argument("--trades", type=Path, metavar="OUT.csv", help="write the round trips here")
    parser.add_argument("--synthetic", type=_size, action="append", default=[], metavar="BARSxSYMBOLS")
    asked = parser.parse_args(arguments)
    sizes = asked.synthetic or ([] if asked.bars else [(1_000_000, 1), (20_000, 50)])
    try:
        for bars, symbols in sizes:
            outcome = _measure(f"synthetic {bars}x{symbols}", synthetic(bars, symbols))
        if asked.bars is not None:
            outcome = _measure(asked.bars.name, read(asked.bars))
    except (OSError, ValueError) as why:
        print(f"{parser.prog}: {why}", file=sys.stderr)
        return 1
    if asked.trades is not None:
        write_trades(asked.trades, outcome.trades)
    return 0


if __name__ == "__main__":
    sys.exit(main())
