"""The default strategy word by word, without a thought for speed: what the plain loop must equal.

Everything is worked out anew from the bars seen so far, in exact fractions, in the order in which
the rules are written down.
"""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import NamedTuple

from benchmarks.plain_loop import SymbolColumns


class Bar(NamedTuple):
    """One row; prices as printed."""

    open: Fraction
    high: Fraction
    low: Fraction
    close: Fraction
    volume: Fraction


class Order(NamedTuple):
    """Decided, not yet filled."""

    quantity: int
    cost: Fraction


class Holding(NamedTuple):
    """Filled, not yet left."""

    quantity: int
    at: int
    price: Fraction


RoundTrip = tuple[str, int, int, Fraction, int, Fraction, str, Fraction, Fraction]


class Books:
    """One account trading by the text; `rows` are the round trips, in the order of their exits."""

    def __init__(self, cash: str, fee: str, tick: str) -> None:
        self.cash, self.fee, self.tick = Fraction(cash), Fraction(fee), Fraction(tick)
        self.fees = Fraction(0)
        self.high_water = self.equity = self.cash
        self.seen: dict[str, list[Bar]] = {}
        self.orders: dict[str, Order] = {}
        self.holdings: dict[str, Holding] = {}
        self.rows: list[RoundTrip] = []

    def pass_time(self, at: int, bars: dict[str, Bar]) -> None:
        """Fills, exits, features, decisions: over all symbols, in that order."""
        for symbol, bar in bars.items():
            self.seen.setdefault(symbol, []).append(bar)
            if symbol in self.orders:
                self._pay(-self.orders[symbol].quantity * bar.open)
                self.holdings[symbol] = Holding(self.orders.pop(symbol).quantity, at, bar.open)
        for symbol, bar in bars.items():
            if symbol in self.holdings:
                self._protect(symbol, at, bar)
        self.equity = self.cash + sum(
            held.quantity * self.seen[symbol][-1].close for symbol, held in self.holdings.items()
        )
        self.high_water = max(self.high_water, self.equity)
        for symbol in bars:
            if (
                symbol not in self.holdings
                and symbol not in self.orders
                and asks_for_entry(self.seen[symbol])
            ):
                self._decide(symbol)

    def _pay(self, amount: Fraction) -> None:
        self.cash += amount - abs(amount) * self.fee
        self.fees += abs(amount) * self.fee

    def _protect(self, symbol: str, at: int, bar: Bar) -> None:
        held = self.holdings[symbol]
        stop = floor(held.price * Fraction("0.95") / self.tick) * self.tick
        target = floor(held.price * Fraction("1.15") / self.tick) * self.tick
        if bar.low <= stop:
            price, reason = min(stop, bar.open), "stop"
        elif bar.high >= target:
            price, reason = max(target, bar.open), "target"
        else:
            return
        del self.holdings[symbol]
        self._pay(held.quantity * price)
        fees = held.quantity * (held.price + price) * self.fee
        pnl = held.quantity * (price - held.price) - fees
        self.rows.append((symbol, held.quantity, held.at, held.price, at, price, reason, fees, pnl))

    def _decide(self, symbol: str) -> None:
        close = self.seen[symbol][-1].close
        quantity = floor(min(Fraction(1000), self.equity / 5) / close)
        cost = quantity * close * (1 + self.fee)
        reserved = sum(order.cost for order in self.orders.values())
        is_blocked = self.equity <= self.high_water * Fraction("0.8")
        if quantity > 0 and not is_blocked and self.cash - reserved - cost >= self.equity / 2:
            self.orders[symbol] = Order(quantity, cost)


def asks_for_entry(bars: list[Bar]) -> bool:
    """The entry condition at the close of the last bar."""
    if len(bars) < 20:
        return False
    window = bars[-20:]
    return (
        20 * bars[-1].close > sum(bar.close for bar in window)
        and 20 * bars[-1].volume > sum(bar.volume for bar in window)
        and 50 <= wilder_rsi([bar.close for bar in bars]) <= 70
    )


def wilder_rsi(closes: list[Fraction]) -> float:
    """RSI14 at the last close, from the first change on."""
    changes = [float((b - a) * 10_000) for a, b in pairwise(closes)]
    gains = [max(change, 0.0) for change in changes]
    losses = [max(-change, 0.0) for change in changes]
    gain, loss = sum(gains[:14]) / 14, sum(losses[:14]) / 14
    for up, down in zip(gains[14:], losses[14:], strict=True):
        gain = up / 14 + gain * 13 / 14
        loss = down / 14 + loss * 13 / 14
    if loss == 0:
        return 50.0 if gain == 0 else 100.0
    return 100 * gain / (gain + loss)


def trade_by_the_text(
    symbols: list[SymbolColumns], cash: str, fee: str = "0.001", tick: str = "0.01"
) -> Books:
    """The books after the last bar; symbols in rank order."""
    tables = {
        columns.symbol: {
            ts: Bar(*(Fraction(Decimal(repr(value))) for value in row))
            for ts, *row in zip(*columns[1:], strict=True)
        }
        for columns in symbols
    }
    books = Books(cash, fee, tick)
    for at in sorted({ts for table in tables.values() for ts in table}):
        books.pass_time(at, {symbol: table[at] for symbol, table in tables.items() if at in table})
    return books
