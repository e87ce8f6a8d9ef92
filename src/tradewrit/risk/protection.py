"""What a trade holds, and the stop and the target that belong to it. Used by the position keeper.

Facts in, events out. Never asks for protection while an order of the pair before may still trade:
two live sells for one position could sell it twice.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import CancelOrder
from tradewrit.domain.events.positions import ProtectionMoved, ProtectionRequested, StopSet
from tradewrit.domain.money import EXACT, ZERO, Price
from tradewrit.domain.orders import On, Order, OrderState, Role, can
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.domain.writs import KEEPER
from tradewrit.risk.exits import is_tighter, stop_price, target_price


def held(books: Books, trade: Trade) -> Decimal:
    """What the trade still holds, from the lots its own fills opened."""
    position = books.positions.get(trade.symbol)
    if position is None:
        return ZERO
    return sum((lot.quantity for lot in position.lots if lot.trade_id == trade.id), ZERO)


def anchor(books: Books, trade: Trade) -> Decimal:
    """The average fill price of what the trade holds: where its stop and target are measured from."""
    lots = [lot for lot in books.positions[trade.symbol].lots if lot.trade_id == trade.id]
    if len(lots) == 1:
        return lots[0].price
    value = sum((lot.price * lot.quantity for lot in lots), ZERO)
    return EXACT.divide(value, sum((lot.quantity for lot in lots), ZERO))


def levels(books: Books, trade: Trade) -> tuple[Price | None, Price | None]:
    """Stop and target, measured from the average fill; a stop is never moved away from the price."""
    sized = trade.sized
    if sized is None:
        return trade.stop_price, trade.target_price
    entry, instrument, direction = anchor(books, trade), books.instrument(trade.symbol), trade.direction
    stop = stop_price(direction, entry, sized.stop_fraction, instrument)
    if trade.stop_price is not None and not is_tighter(direction, stop, trade.stop_price):
        stop = trade.stop_price
    if sized.target_fraction is None:
        return stop, None
    return stop, target_price(direction, entry, sized.target_fraction, instrument)


def working(books: Books, trade: Trade, *roles: Role) -> list[Order]:
    """Orders of the trade that may still trade, of these roles or of any."""
    return [
        order
        for order in books.orders_of(trade.id)
        if order.is_live and (not roles or order.terms.role in roles)
    ]


def cover(books: Books, trade: Trade, at: int) -> Iterator[Event]:
    """Protect what an entry has brought first, with the legs that came with it, or asking for protection.

    trade: with the fill's stop and target. Legs stand at the decision's prices, and are moved to these.
    """
    quantity, stop, target = held(books, trade), trade.stop_price, trade.target_price
    legs = working(books, trade, Role.STOP, Role.TARGET)
    if stop is None:
        return
    if not legs:
        yield protect(trade, quantity, stop, target, at)
    elif stop <= 0 or (target is not None and target <= 0):
        yield from cancel(trade, legs, at, "there is no price for it after this fill")
    elif any(leg.id == trade.stop_id for leg in legs):
        yield from works(books, trade, books.orders[trade.stop_id], at)
    else:
        yield from mend(books, trade, at)


def works(books: Books, trade: Trade, stop: Order, at: int) -> Iterator[Event]:
    """Say that a stop works at the venue, once it does; and bring it to what is held by now."""
    price = stop.terms.stop_price
    if price is not None and can(stop.state, On.ASK_REPLACE):
        yield StopSet(
            at=at,
            trace=trade.id,
            trade_id=trade.id,
            symbol=trade.symbol,
            stop_price=price,
            quantity=covered(books, trade, stop),
            client_order_id=stop.id,
        )
    yield from fit(books, trade, at)


def protect(
    trade: Trade, quantity: Decimal, stop: Price, target: Price | None, at: int
) -> ProtectionRequested:
    """Ask for a stop, and a target beside it where the venue has OCO."""
    return ProtectionRequested(
        at=at,
        trace=trade.id,
        trade_id=trade.id,
        symbol=trade.symbol,
        side=trade.direction.exit_side,
        quantity=quantity,
        stop_price=stop,
        target_price=target,
        trail_fraction=None if trade.sized is None else trade.sized.proposal.trail_fraction,
        attempt=trade.attempts + 1,
    )


def move(trade: Trade, order: Order, at: int, **terms: Decimal | None) -> ProtectionMoved:
    """Ask for working protection to be changed; what is not named stays."""
    return ProtectionMoved(at=at, trace=trade.id, trade_id=trade.id, client_order_id=order.id, **terms)  # type: ignore[arg-type]  # stop_price, limit_price, quantity


def fit(books: Books, trade: Trade, at: int, *, has_grown: bool = False) -> Iterator[ProtectionMoved]:
    """Bring working protection to what is held and to the trade's stop and target.

    An order that is on its way, or being changed, is left alone: it is looked at when it is there.
    has_grown: what is held was less a moment ago, and the venue may have cut what only reduces to that.
    """
    for order_id in (trade.stop_id, trade.target_id):
        order = books.orders.get(order_id)
        if order is not None:
            yield from fit_order(books, trade, order, at, has_grown=has_grown)


def fit_order(
    books: Books, trade: Trade, order: Order, at: int, *, has_grown: bool = False
) -> Iterator[ProtectionMoved]:
    """Bring one protective order to what is held and to the trade's stop or target, as `fit` does."""
    changes = off_by(books, trade, order, is_doubted=has_grown and order.terms.reduce_only)
    if changes and can(order.state, On.ASK_REPLACE):
        yield move(trade, order, at, **changes)


def off_by(
    books: Books, trade: Trade, order: Order, *, is_doubted: bool = False
) -> dict[str, Decimal | None]:
    """What protection lacks to be for what is held, at the trade's stop or target; nothing for others.

    is_doubted: the venue may work another quantity than the books say, so it is named in any case.
    """
    quantity, terms = held(books, trade), order.terms
    changes: dict[str, Decimal | None] = {}
    if not quantity or order.id not in {trade.stop_id, trade.target_id}:
        return changes
    if (is_doubted or order.remaining != quantity) and not is_growing(books, order):
        changes["quantity"] = order.filled + quantity
    stop, target = trade.stop_price, trade.target_price
    if terms.stop_price is not None and stop is not None:
        if is_off(trade, order) or is_tighter(trade.direction, stop, terms.stop_price):
            changes["stop_price"] = stop
    elif target is not None and target != terms.limit_price:
        changes["limit_price"] = target
    return changes


def is_guarded(books: Books, trade: Trade) -> bool:
    """Whether an order works that takes the trade out of a falling market. Its target alone does not."""
    return bool(working(books, trade, Role.STOP, Role.EXIT))


def is_excessive(books: Books, trade: Trade, order: Order) -> bool:
    """Whether a protective order may close more than is held. The venue itself cuts one that only reduces."""
    return not order.terms.reduce_only and order.remaining > held(books, trade)


def cut(books: Books, trade: Trade, at: int) -> Iterator[ProtectionMoved]:
    """Bring a stop and a target that may close more than is held to what is held."""
    for order in working(books, trade, Role.STOP, Role.TARGET):
        if is_excessive(books, trade, order):
            yield from fit_order(books, trade, order, at)


def is_growing(books: Books, order: Order) -> bool:
    """Whether it is a leg of an entry that still works: the venue lets it cover whatever that brings."""
    entry = books.orders.get(order.terms.parent or "")
    return entry is not None and entry.is_live


def covered(books: Books, trade: Trade, order: Order) -> Decimal:
    """How much of what is held a protective order would close."""
    return held(books, trade) if is_growing(books, order) else order.remaining


def is_off(trade: Trade, order: Order) -> bool:
    """Whether a leg that was listed with its entry still has the decision's price, and not the fill's."""
    terms = order.terms
    if terms.parent is None or order.version > 1:
        return False
    if terms.role is Role.STOP:
        return terms.stop_price != trade.stop_price
    return terms.limit_price != trade.target_price


def mend(books: Books, trade: Trade, at: int, *, wakes: bool = False) -> Iterator[Event]:
    """Whatever it takes to have a stop of the right size working again; not in a suspended symbol.

    wakes: a stop that ended with the session is put back, too; without, that waits for the open.
    """
    quantity = held(books, trade)
    if not quantity or trade.stop_price is None or trade.symbol in books.suspended:
        return
    if trade.stop_lapsed and not wakes:
        return
    if working(books, trade, Role.STOP):
        moves = tuple(fit(books, trade, at))
        yield from moves
        stop = books.orders.get(trade.stop_id)
        if stop is not None and not moves and trade.state is TradeState.PROTECTING:
            yield from works(books, trade, stop, at)  # the fills came to where it has stood all the while
        return
    others = working(books, trade, Role.TARGET, Role.EXIT)
    if not others:
        yield protect(trade, quantity, trade.stop_price, trade.target_price, at)
    # One that is only being sent may belong to the same refused list: its answer comes first.
    there = [order for order in others if order.state is not OrderState.SUBMITTED]
    yield from cancel(trade, there, at, "its stop is gone")


def cancel(trade: Trade, orders: Iterable[Order], at: int, reason: str) -> Iterator[CancelOrder]:
    """Ask for these orders to be cancelled, once each."""
    for order in orders:
        if order.state is not OrderState.PENDING_CANCEL:
            yield CancelOrder(at=at, trace=trade.id, client_order_id=order.id, actor=KEEPER, reason=reason)
