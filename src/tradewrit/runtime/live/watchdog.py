"""The watchdog: a second process that protects what a dead desk holds, and can do nothing else.

    every 15 s: positions at the venue ── working stops at the venue ─▶ what is uncovered
                    └─ uncovered for 30 s, and no beat of the desk's lease for as long
                       ─▶ the stop that the desk itself would place, under the same client order id

It has a credential of its own, with the protective scope alone. Since the id derives from the journal, the
desk that comes back and the watchdog cannot place two stops: the venue knows the order already. Where a venue
does not remember ids for good, it raises the alarm and sends nothing. In the venue's maintenance it waits for
the end of it.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Final

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import Dedupe
from tradewrit.domain.constraints import PROTECTIVE, Constraints, Mode, both
from tradewrit.domain.effects import PlaceOrders
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.events.registry import encode, name_of
from tradewrit.domain.events.running import PositionRescued
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.maintenance import Maintenance, Period
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import OrderTerms, OrderType, Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.times import iso
from tradewrit.domain.writs import EXECUTOR, KEEPER
from tradewrit.errors import JournalError, PermissionDenied, TheirFault
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.desk import stream_of
from tradewrit.runtime.gate import Gate
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.journal.leases import Lease
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Entry
from tradewrit.runtime.live.shadow import Shadow
from tradewrit.runtime.ports import Broker
from tradewrit.runtime.replay import load
from tradewrit.runtime.roles import PROTECTIVE_TTL_S, Terms
from tradewrit.runtime.writs import Writs

WATCHDOG: Final = "watchdog"
_STOPS: Final = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
_SILENT: Final = "the desk has not renewed its lease"


class WatchPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """every_ns: between two looks. patience_ns: for how long a position may be uncovered, its desk silent.

    maintenance: when the venue is down by its own word.
    """

    every_ns: int = 15 * SECOND
    patience_ns: int = 30 * SECOND
    maintenance: Maintenance = Maintenance()


def terms_of_watchdog(mode: Mode, venue: str) -> Mapping[str, Terms]:
    """What a watchdog asks the authority for: to protect and to look, in this mode at this venue."""
    here = Constraints(modes=(mode,), venues=(venue,))
    scopes = ("write:trades:*", "read:trades:*", "write:journal:watchdog")
    terms = Terms(
        scopes=scopes,
        constraints=both(PROTECTIVE, here),
        is_protective=True,
        ttl_s=PROTECTIVE_TTL_S,  # it has to outlast an authority that is down
    )
    return {WATCHDOG: terms}


def uncovered(positions: Mapping[str, Decimal], working: Sequence[OrderTerms]) -> dict[str, Decimal]:
    """Units of each symbol, signed, that no working stop and no order at market would close."""
    found = {}
    for symbol, units in positions.items():
        side = Side.SELL if units > 0 else Side.BUY
        closing = sum(
            (
                terms.quantity
                for terms in working
                if terms.symbol == symbol and terms.side is side
                if terms.type in _STOPS or terms.type is OrderType.MARKET
            ),
            ZERO,
        )
        if abs(units) > closing:
            found[symbol] = (abs(units) - closing).copy_sign(units)
    return found


class _Since(msgspec.Struct):
    """Since when (monotonic ns) something has been so."""

    lease: Lease | None = None
    lease_at: int = 0
    uncovered_at: dict[str, int] = {}


class Watchdog:
    """The watchdog of one account. issuer: gives it a writ of its own. log: takes lines for people.

    uncovered: symbols that are held without a stop for all of it, as of the last look; None when that failed.
    """

    def __init__(
        self,
        journal: Journal,
        account: str,
        broker: Broker,
        clock: Clock,
        issuer: Issuer,
        terms: Mapping[str, Terms],
        *,
        policy: WatchPolicy | None = None,
        log: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._journal = journal
        self._stream = stream_of(account)
        self._own = f"{WATCHDOG}:{account}"
        self._broker = broker
        self._clock = clock
        self._writs = Writs(issuer, terms)
        self.writ: Final[Writs] = _AsKeeper(issuer, terms, self._writs)
        self._gate = Gate(self.writ)
        self.policy = policy or WatchPolicy()
        self._log = log
        self._since = _Since(uncovered_at={})
        self._told: dict[str, str] = {}
        self.uncovered: tuple[str, ...] | None = None

    def look(self) -> list[PositionRescued]:
        """One look, to be taken every `every_ns`; returns what it protected."""
        now = self._clock.monotonic()
        self._writs.keep(self._clock.now())
        try:
            silent = self._is_silent(now)
            bare = uncovered(self._broker.positions(), self._broker.open_orders())
        except (TheirFault, JournalError) as lost:
            down = self._maintenance()
            expected = f", in the venue's maintenance until {iso(down.ends)}" if down is not None else ""
            self._tell("", f"cannot look{expected}: {lost}")
            self.uncovered = None
            return []
        self.uncovered = tuple(bare)
        since = self._since.uncovered_at
        self._since.uncovered_at = {symbol: since.get(symbol, now) for symbol in bare}
        long_bare = [
            symbol for symbol, at in self._since.uncovered_at.items() if now - at >= self.policy.patience_ns
        ]
        for symbol in bare.keys() - self._told.keys():
            self._tell(symbol, f"{bare[symbol]:+f} {symbol} has no working stop")
        for symbol in self._told.keys() - bare.keys() - {""}:
            del self._told[symbol]
            self._log(f"{symbol} is covered")
        if not (long_bare and silent):
            return []
        if (down := self._maintenance()) is not None:
            self._put_off(long_bare, bare, down)
            return []
        return self._rescue(long_bare, bare)

    def stop(self) -> None:
        """Give the writ back."""
        self._writs.release(self._clock.now())

    def _is_silent(self, now: int) -> bool:
        """Whether the desk's lease has stood still for as long as our patience. One given up stands still."""
        lease = self._journal.lease(self._stream)
        if lease != self._since.lease or not self._since.lease_at:
            self._since.lease, self._since.lease_at = lease, now
        return now - self._since.lease_at >= self.policy.patience_ns

    def _maintenance(self) -> Period | None:
        """The maintenance the venue is in. The margin before it is no part: then a stop still arrives."""
        now = self._clock.now()
        period = self.policy.maintenance.at(now)
        return period if period is not None and period.begins <= now else None

    def _put_off(self, symbols: Sequence[str], bare: Mapping[str, Decimal], down: Period) -> None:
        """Nothing arrives there now; the first look after it finds the position as bare, or covered."""
        until = f"the venue is in maintenance until {iso(down.ends)}, its stop is placed then"
        for symbol in symbols:
            self._tell(symbol, f"{bare[symbol]:+f} {symbol} is uncovered; {until}")

    def _rescue(self, symbols: Sequence[str], bare: Mapping[str, Decimal]) -> list[PositionRescued]:
        if self._broker.capabilities.dedupe is not Dedupe.FOREVER:
            for symbol in symbols:
                reason = "this venue does not remember order ids for good: only a person can place its stop"
                self._tell(symbol, f"ALARM: {bare[symbol]:+f} {symbol} is uncovered; {reason}")
            return []
        try:
            books = load(self._journal, self._stream).books
            shadow = Shadow(books, self._clock.now())
            shadow.hear(self._news(books))
        except (TheirFault, JournalError) as lost:
            self._tell("", f"ALARM: what the desk would do cannot be worked out: {lost}")
            return []
        done = (self._protect(symbol, bare[symbol], shadow) for symbol in symbols)
        return [one for one in done if one is not None]

    def _news(self, books: Books) -> list[ExecutionReport]:
        """What the venue says of the orders that may still be open, and the journal has not got."""
        # The entry first: what a leg traded it had brought.
        lapsed = ((key, *sorted(one.orders.keys() - {key})) for key, one in books.lapsed.items())
        known = (*books.orders, *chain.from_iterable(lapsed))
        return [
            report
            for order_id in known
            for report in self._broker.order(order_id)
            if not self._journal.has_seen(self._stream, f"exec:{report.exec_id}")
        ]

    def _protect(self, symbol: str, units: Decimal, shadow: Shadow) -> PositionRescued | None:
        effect = shadow.protection_of(symbol)
        if effect is None:
            reason = "no trade in the journal explains it: only a person can say where its stop belongs"
            self._tell(symbol, f"ALARM: {units:+f} {symbol} is uncovered; {reason}")
            return None
        now = self._clock.now()
        grant = self._gate.admit(effect, EXECUTOR, shadow.books, now)
        if isinstance(grant, WritDenied):
            self._tell(symbol, f"ALARM: {units:+f} {symbol} is uncovered; no writ: {grant.reason}")
            return None
        answer = self._place(effect, grant)
        self._log(f"RESCUED {symbol}: {answer}")
        rescued = PositionRescued(
            at=now,
            trace=effect.trace,
            symbol=symbol,
            trade_id=effect.trace,
            quantity=units,
            orders=tuple(terms.client_order_id for terms in effect.approved.orders),
            reason=f"uncovered for {self.policy.patience_ns / SECOND:g} s, and {_SILENT} for as long",
            answer=answer,
        )
        self._record(rescued, grant)
        return rescued

    def _place(self, effect: PlaceOrders, grant: Grant) -> str:
        try:
            reports = self._broker.place(effect.approved, grant)
        except TheirFault as failed:
            return f"{failed}; tried again at the next look, under the same id"
        said = [f"{report.client_order_id} {report.kind}" for report in reports]
        if any(report.kind is Exec.REJECTED for report in reports):
            said.append("; ".join(report.reason for report in reports if report.reason))
        return ", ".join(said)

    def _record(self, rescued: PositionRescued, grant: Grant) -> None:
        """In a stream of its own: the account's belongs to whoever holds its lease."""
        entry = Entry(
            type=name_of(PositionRescued),
            at=rescued.at,
            body=encode(rescued),
            source=WATCHDOG,
            agent_id=grant.agent_id,
            token_id=grant.id,
            correlation=rescued.trade_id,
            trace=rescued.trade_id,
        )
        try:
            head = self._journal.head(self._own)
            self._journal.append(self._own, [entry], expected_seq=head.seq, recorded_at=self._clock.now())
        except JournalError as full:
            self._log(f"the rescue of {rescued.symbol} is not on record: {full}")

    def _tell(self, about: str, text: str) -> None:
        """Once for as long as it is the same."""
        if self._told.get(about) != text:
            self._told[about] = text
            self._log(text)


class _AsKeeper(Writs):
    """The watchdog's writ where the gate asks for the keeper's; nobody else's is there to be asked for."""

    def __init__(self, issuer: Issuer, terms: Mapping[str, Terms], held: Writs) -> None:
        super().__init__(issuer, terms)
        self._held_by_watchdog = held

    def live(self, role: str, now: int) -> Grant:
        """Raises PermissionDenied for whatever does not only protect."""
        if role != KEEPER:
            raise PermissionDenied(f"{role}: a watchdog only protects")
        return self._held_by_watchdog.live(WATCHDOG, now)
