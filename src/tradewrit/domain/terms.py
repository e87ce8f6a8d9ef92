"""What the orders of a trade ask of a venue: its entry, its stop and target, its exit.

Quantities are whole lots and prices on the tick. Knows neither when an order leaves nor who let it
through. Both engines word entries here.
"""

from decimal import Decimal

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.events.positions import ExitRequested, ProtectionRequested
from tradewrit.domain.ids import client_order_id
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO, Price, Qty
from tradewrit.domain.orders import OrderTerms, OrderType, Role, Side, TimeInForce
from tradewrit.domain.proposals import Proposal, Sized


def order_id(books: Books, trade_id: str, role: Role, attempt: int) -> str:
    """The client order id of a trade's order in these books; attempt: as for `client_order_id`."""
    return client_order_id(books.journal_id, books.account, trade_id, role, attempt)


def entry_limit(instrument: Instrument, proposal: Proposal) -> Price | None:
    """The limit of an entry: the decision's price on the grid; None for one at market."""
    if proposal.entry_type is not OrderType.LIMIT:
        return None
    # A price the market printed need not be on the grid; ours is, and never worse than was approved.
    snap = instrument.price_down if proposal.side is Side.BUY else instrument.price_up
    return snap(proposal.entry_price)


def order_notional(instrument: Instrument, terms: OrderTerms, decided: Decimal | None) -> Decimal:
    """What an order is worth at its own price, else at the one it was decided on; 0 where there is none."""
    price = terms.limit_price or terms.stop_price or decided
    return ZERO if price is None else instrument.notional(price, terms.quantity).amount


def entry_terms(instrument: Instrument, sized: Sized, client_order_id: str) -> OrderTerms:
    """The entry order of a sized trade: at market until it fills, or a limit for the day."""
    proposal = sized.proposal
    limit = entry_limit(instrument, proposal)
    return OrderTerms(
        client_order_id=client_order_id,
        trade_id=proposal.trade_id,
        symbol=proposal.symbol,
        side=proposal.side,
        quantity=instrument.qty(sized.quantity),
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        role=Role.ENTRY,
        time_in_force=TimeInForce.GTC if limit is None else TimeInForce.DAY,
        limit_price=limit,
    )


def listed_terms(books: Books, sized: Sized, entry: OrderTerms) -> tuple[OrderTerms, ...]:
    """The entry, and with it, where brackets are used, the legs that the venue wakes as it fills.

    The legs have the prices that were approved, those of a fill at the decision's price. Attempt 0 is theirs:
    what is asked for later counts from 1. An entry whose stop or target would be no price leaves alone.
    """
    stop, target = sized.stop_price, sized.target_price
    if not books.lists_brackets or stop <= 0 or (target is not None and target <= 0):
        return (entry,)
    legs = _Legs(
        trade_id=entry.trade_id,
        symbol=entry.symbol,
        side=entry.side.opposite,
        quantity=entry.quantity,
        attempt=0,
        parent=entry.client_order_id,
    )
    return (entry, *legs.at(books, stop, target))


def protection_terms(books: Books, event: ProtectionRequested) -> tuple[OrderTerms, ...]:
    """The stop that was asked for, and the target beside it where the venue has OCO."""
    legs = _Legs(
        trade_id=event.trade_id,
        symbol=event.symbol,
        side=event.side,
        quantity=books.instrument(event.symbol).qty(event.quantity),
        attempt=event.attempt,
    )
    return legs.at(books, event.stop_price, event.target_price)


class _Legs(msgspec.Struct, frozen=True, kw_only=True):
    """What stop and target have in common. parent: the entry that they are listed with."""

    trade_id: str
    symbol: str
    side: Side
    quantity: Qty
    attempt: int
    parent: str | None = None

    def at(self, books: Books, stop: Price, target: Price | None) -> tuple[OrderTerms, ...]:
        """The stop, and the target where there is one and the venue has OCO."""
        if target is None or not books.capabilities.oco:
            return (self._leg(books, Role.STOP, OrderType.STOP, stop_price=stop),)
        pair = f"oco:{self.trade_id}:{self.attempt}"
        return (
            self._leg(books, Role.STOP, OrderType.STOP, stop_price=stop, oco=pair),
            self._leg(books, Role.TARGET, OrderType.LIMIT, limit_price=target, oco=pair),
        )

    def _leg(
        self,
        books: Books,
        role: Role,
        kind: OrderType,
        *,
        limit_price: Price | None = None,
        stop_price: Price | None = None,
        oco: str | None = None,
    ) -> OrderTerms:
        return OrderTerms(
            client_order_id=order_id(books, self.trade_id, role, self.attempt),
            trade_id=self.trade_id,
            symbol=self.symbol,
            side=self.side,
            quantity=self.quantity,
            type=kind,
            role=role,
            time_in_force=TimeInForce.GTC if books.capabilities.stop_gtc else TimeInForce.DAY,
            limit_price=limit_price,
            stop_price=stop_price,
            reduce_only=books.capabilities.reduce_only,
            oco=oco,
            parent=self.parent,
        )


def exit_terms(books: Books, event: ExitRequested) -> OrderTerms:
    """The order that leaves a trade: at market, or at the limit that was asked for."""
    is_limit = event.limit_price is not None
    return OrderTerms(
        client_order_id=order_id(books, event.trade_id, Role.EXIT, event.attempt),
        trade_id=event.trade_id,
        symbol=event.symbol,
        side=event.side,
        quantity=books.instrument(event.symbol).qty(event.quantity),
        type=OrderType.LIMIT if is_limit else OrderType.MARKET,
        role=Role.EXIT,
        limit_price=event.limit_price,
        reduce_only=books.capabilities.reduce_only,
    )
