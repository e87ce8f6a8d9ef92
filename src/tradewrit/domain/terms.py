"""What the orders of a trade ask of a venue: its entry, its stop and target, its exit.

Quantities are whole lots and prices on the tick. Knows neither when an order leaves nor who let it
through. Both engines word entries here.
"""

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.events.positions import ExitRequested, ProtectionRequested
from tradewrit.domain.ids import client_order_id
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
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
    asked = ProtectionRequested(
        at=sized.proposal.decided_at,
        trade_id=entry.trade_id,
        symbol=entry.symbol,
        side=entry.side.opposite,
        quantity=entry.quantity,
        stop_price=stop,
        target_price=target,
        trail_fraction=sized.proposal.trail_fraction,
        attempt=0,
    )
    legs = protection_terms(books, asked)
    return (entry, *(replace(leg, parent=entry.client_order_id) for leg in legs))


def protection_terms(books: Books, event: ProtectionRequested) -> tuple[OrderTerms, ...]:
    """The stop that was asked for, and the target beside it where the venue has OCO."""
    can_reduce = books.capabilities.reduce_only
    pair = f"oco:{event.trade_id}:{event.attempt}" if books.capabilities.oco else None
    stop = OrderTerms(
        client_order_id=order_id(books, event.trade_id, Role.STOP, event.attempt),
        trade_id=event.trade_id,
        symbol=event.symbol,
        side=event.side,
        quantity=books.instrument(event.symbol).qty(event.quantity),
        type=OrderType.STOP,
        role=Role.STOP,
        stop_price=event.stop_price,
        reduce_only=can_reduce,
        oco=pair if event.target_price is not None else None,
    )
    if pair is None or event.target_price is None:
        return (stop,)
    target = OrderTerms(
        client_order_id=order_id(books, event.trade_id, Role.TARGET, event.attempt),
        trade_id=event.trade_id,
        symbol=event.symbol,
        side=event.side,
        quantity=stop.quantity,
        type=OrderType.LIMIT,
        role=Role.TARGET,
        limit_price=event.target_price,
        reduce_only=can_reduce,
        oco=pair,
    )
    return (stop, target)


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
