"""What a person wants to know of a desk at three in the morning, as a value and as one line."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.orders import OrderState, Role
from tradewrit.domain.portfolio import equity
from tradewrit.domain.reviews import ReviewState
from tradewrit.domain.signals import Market
from tradewrit.runtime.live.breakers import BreakerStatus
from tradewrit.runtime.resilience.breaker import Gate


class Mode(StrEnum):
    """How a desk works at this moment.

    RUNNING: entries may leave. GUARDED: they may not, what is held is looked after. HALTED: the kill switch
    is thrown. SAFE: the journal cannot be written, so nothing leaves and nothing is taken. STOPPING: it ends.
    """

    RUNNING = "running"
    GUARDED = "guarded"
    HALTED = "halted"
    SAFE = "safe"
    STOPPING = "stopping"


class LineStatus(msgspec.Struct, frozen=True):
    """One line: whether it is up, for how long it has been silent, and how often it was cut so far."""

    name: str
    is_up: bool
    silent_s: float
    cuts: int = 0


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A desk at one moment. Money in account currency.

    because: why not RUNNING. naked: symbols held without a working stop. overnight: those of them whose
    stop ended with the session and is put back at the open. unknown: orders of which nobody knows the fate.
    disputed: symbols in which the venue holds something else, and what. suspended, paused: symbols in which
    nothing new is done, by the desk or because the venue has halted them, and why. questioned: symbols of
    which a fill can hardly be right, and why. strangers: working orders that are not the desk's. venue: whose
    journal this is. waits, flying: calls. queued: inputs by priority. dropped, overdue: so far. skew_s: how
    far the machine's clock is ahead of the venue's; None where nobody can say. refused: bars and quotes that
    were not believed, ticks: heard, gaps: jumps in their numbers, so far. cooling: why no entry is tried,
    after the venue's refusals. failed: requests of people that the desk failed on, so far.
    """

    at: int
    mode: Mode
    because: str
    account: str
    strategy: str
    equity: Decimal
    cash: Decimal
    held: dict[str, Decimal]
    naked: tuple[str, ...]
    overnight: tuple[str, ...]
    working: int
    unknown: tuple[str, ...]
    reviews: int
    cooling: tuple[str, ...]
    disputed: dict[str, str] = {}
    suspended: dict[str, str] = {}
    paused: dict[str, str] = {}
    questioned: dict[str, str] = {}
    strangers: tuple[str, ...] = ()
    venue: str = ""
    waits: int
    flying: int
    queued: tuple[int, ...]
    dropped: int
    refused: int
    overdue: int
    skew_s: float | None
    lines: tuple[LineStatus, ...]
    breakers: tuple[BreakerStatus, ...] = ()
    failed: int = 0
    ticks: int = 0
    gaps: int = 0

    def line(self) -> str:
        """The whole of it, worst first."""
        parts = [f"{self.mode.upper()}{f' ({self.because})' if self.because else ''}"]
        if bare := [symbol for symbol in self.naked if symbol not in self.overnight]:
            parts.append(f"WITHOUT A STOP: {', '.join(bare)}")
        if self.overnight:
            parts.append(f"UNPROTECTED OVERNIGHT: {', '.join(self.overnight)}")
        if self.unknown:
            parts.append(f"unknown: {', '.join(self.unknown)}")
        parts.extend(self._waiting_for_people())
        parts.extend(f"NO ENTRY: {why}" for why in self.cooling)
        parts.extend(str(breaker) for breaker in self.breakers if breaker.gate != Gate.CLOSED)
        held = ", ".join(f"{quantity:+f} {symbol}" for symbol, quantity in self.held.items())
        parts.append(f"{self.account} {self.strategy}: equity {self.equity:,.2f}, cash {self.cash:,.2f}")
        parts.append(f"holds {held or 'nothing'}, {self.working} orders working, {self.reviews} reviews wait")
        parts.append(f"calls {self.flying} in flight, {self.waits} waiting, {self.overdue} overdue so far")
        parts.append(f"inputs {'/'.join(map(str, self.queued))}, {self.dropped} dropped so far")
        if self.refused:
            parts.append(f"BAD PRICES: {self.refused} refused so far")
        if self.failed:
            parts.append(f"REQUESTS FAILED: {self.failed} so far; look for FAILED in the log")
        if self.gaps:
            parts.append(f"GAPS IN TICKS: {self.gaps} so far, {self.ticks} heard")
        if self.skew_s is not None:
            parts.append(f"clock {self.skew_s:+.1f} s against the venue's")
        parts.extend(
            f"{line.name} {'up' if line.is_up else 'CUT'}, heard {line.silent_s:.0f} s ago{_cuts(line.cuts)}"
            for line in self.lines
        )
        return "; ".join(parts)

    def _waiting_for_people(self) -> Iterator[str]:
        """What does not go on before a person has looked, with the command that then lets it."""
        for symbol, why in self.disputed.items():
            yield f"DISPUTED: {symbol} {why} (tradewrit adopt {symbol})"
        for symbol, why in self.suspended.items():
            yield f"SUSPENDED: {symbol}: {why} (tradewrit resume --symbol {symbol})"
        for symbol, why in self.questioned.items():
            yield f"FILL IN QUESTION: {symbol}: {why} (tradewrit resume --symbol {symbol})"
        for symbol, why in self.paused.items():
            yield f"HALTED BY THE VENUE: {symbol}: {why} (tradewrit resume --symbol {symbol}, once it trades)"
        if self.strangers:
            yield f"orders of others: {', '.join(self.strangers)}"


def _cuts(count: int) -> str:
    return f", cut {'once' if count == 1 else f'{count} times'} so far" if count else ""


def naked(books: Books) -> tuple[str, ...]:
    """Symbols in which something is held that no live stop or exit of ours would close."""
    covered = {
        order.terms.symbol
        for order in books.orders.values()
        if order.is_live and order.terms.role in {Role.STOP, Role.EXIT}
        if order.state not in {OrderState.DRAFT, OrderState.SUBMITTED}
    }
    return tuple(symbol for symbol in books.positions if symbol not in covered)


def overnight(books: Books) -> tuple[str, ...]:
    """Symbols whose stop ended with the session, and is put back at the open."""
    return tuple(trade.symbol for trade in books.trades.values() if trade.stop_lapsed)


def unknown(books: Books) -> tuple[str, ...]:
    """Client order ids of which nobody knows what became of them."""
    return tuple(order.id for order in books.orders.values() if order.state is OrderState.UNKNOWN)


def cooling(books: Books, at: int) -> tuple[str, ...]:
    """Why entries are not tried, where the venue has refused some."""
    return tuple(one.reason for one in books.cooldowns.values() if not one.is_over(at))


def figures(books: Books, market: Market, at: int) -> dict[str, object]:
    """What the books alone tell of a status."""
    working = [order for order in books.orders.values() if order.is_live and order.is_sent]
    return {
        "cooling": cooling(books, at),
        "account": books.account,
        "strategy": books.strategy,
        "equity": equity(books, market.mark),
        "cash": books.cash,
        "held": {symbol: position.signed for symbol, position in books.positions.items()},
        "naked": naked(books),
        "overnight": overnight(books),
        "working": len(working),
        "unknown": unknown(books),
        "questioned": books.questioned,
        "disputed": books.disputed,
        "suspended": books.suspended,
        "paused": books.paused,
        "strangers": books.strangers,
        "venue": "" if books.identity is None else str(books.identity),
        "reviews": sum(one.state is ReviewState.PENDING for one in books.reviews.values()),
    }


def because(reasons: Sequence[str]) -> str:
    """Several reasons as one text."""
    return "; ".join(reason for reason in reasons if reason)
