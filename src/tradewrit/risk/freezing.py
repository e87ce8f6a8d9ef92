"""Symbols in which nothing new is done until a person has looked: frozen, resumed, and adopted by name.

Used by the risk officer. Says what a person has to do. Knows no venue.
"""

from decimal import Decimal

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.differences import Differs
from tradewrit.domain.events.account import (
    AdoptPosition,
    PositionAdopted,
    ResumeSymbol,
    SymbolResumed,
    SymbolSuspended,
    TransitionRefused,
)
from tradewrit.domain.events.corporate import SharesDelisted, SymbolChanged
from tradewrit.domain.money import ZERO, Price, canonical_qty
from tradewrit.domain.orders import Side
from tradewrit.domain.positions import Fill
from tradewrit.domain.signals import Market
from tradewrit.risk.refusals import warmed


def freeze(books: Books, event: SymbolChanged | SharesDelisted) -> Decision:
    """What trades under another name, or not at all, is left as it is; an alert says who has to do what."""
    symbol = event.symbol
    if symbol in books.suspended:
        return NOTHING
    position = books.positions.get(symbol)
    is_paid_out = isinstance(event, SharesDelisted) and event.price is not None
    quantity = ZERO if position is None or is_paid_out else position.signed
    suspended = SymbolSuspended(
        at=event.at,
        trace=books.active.get(symbol, ""),
        symbol=symbol,
        reason=_why_frozen(event),
        quantity=quantity,
        orders=tuple(
            order.id for order in books.orders.values() if order.terms.symbol == symbol and order.is_live
        ),
        todo=_todo(event, quantity),
    )
    return Decision((suspended,))


def _why_frozen(event: SymbolChanged | SharesDelisted) -> str:
    if isinstance(event, SymbolChanged):
        return f"{event.symbol} trades as {event.successor or 'something else'} now"
    return f"{event.symbol} is delisted" + (f": {event.reason}" if event.reason else "")


def _todo(event: SymbolChanged | SharesDelisted, quantity: Decimal) -> str:
    if not quantity:
        return f"nothing is held: take {event.symbol} out of what is traded, or resume it by name"
    if isinstance(event, SharesDelisted):
        return (
            f"ask the broker what becomes of {abs(quantity)} {event.symbol}; once its cash per unit is known,"
            " record the delisting again with it"
        )
    return (
        f"close {abs(quantity)} {event.successor or event.symbol} at the venue by hand, orders under the old "
        f"name first, and record {event.symbol} as delisted at the price that brought; or resume it, if the "
        "venue still takes the old name"
    )


def resume(books: Books, event: ResumeSymbol) -> Decision:
    """A suspension, or a cool-down, ends by name, and by a person's."""
    is_person = event.actor.startswith("human:")
    ended = warmed(books, event.symbol, event.at, event.actor, event.reason) if is_person else ()
    if event.symbol in books.suspended and is_person:
        resumed = SymbolResumed(at=event.at, symbol=event.symbol, actor=event.actor, reason=event.reason)
        return Decision((resumed, *ended))
    if ended:
        return Decision(ended)
    refused = TransitionRefused(
        at=event.at,
        machine="symbol",
        subject=event.symbol,
        state=books.suspended.get(event.symbol, "trading"),
        wanted="resume",
        cause=f"{event.actor}: only what is suspended, or cools down, can be resumed, and only by a person",
    )
    return Decision((refused,))


def adopt(books: Books, market: Market, event: AdoptPosition) -> Decision:
    """A person says that the venue is right: what it holds beyond ours is held by somebody else."""
    symbol, is_person = event.symbol, event.actor.startswith("human:")
    ours, _, theirs = books.suspects.get(f"{Differs.POSITION}:{symbol}", "").partition("|")
    is_current = bool(ours) and Decimal(ours) == books.units(symbol)
    price = event.price if event.price is not None else market.mark(symbol)
    if not (is_person and symbol in books.disputed and is_current and price):
        refused = TransitionRefused(
            at=event.at,
            machine="position",
            subject=symbol,
            state=books.disputed.get(symbol, "agreed"),
            wanted="adopt",
            cause=f"{event.actor}: only what is disputed can be adopted, as it was when the venue was asked "
            "last, only by a person, and at a price",
        )
        return Decision((refused,))
    missing = Decimal(theirs) - books.units(symbol)
    fill = Fill(
        trade_id="",
        symbol=symbol,
        side=Side.BUY if missing > 0 else Side.SELL,
        quantity=canonical_qty(abs(missing)),
        price=Price(price),
        fee=ZERO,
        at=event.at,
    )
    adopted = PositionAdopted(at=event.at, symbol=symbol, actor=event.actor, reason=event.reason, fill=fill)
    return Decision((adopted,))
