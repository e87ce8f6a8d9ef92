"""The gate: whether an effect may leave, under whose writ, and every reason why not. Asked for each one.

Judges against what is on record: an order that the books do not hold, or hold otherwise, does not leave.
Knows no venue and no strategy.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import Final, cast

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.constraints import (
    PROTECTIVE,
    Constraints,
    DayUse,
    Mode,
    Request,
    Violation,
    day_of,
    violations,
)
from tradewrit.domain.effects import (
    AskAccount,
    AskVenue,
    CancelAtVenue,
    Effect,
    OrderEffect,
    PlaceOrders,
    ReplaceAtVenue,
    SetTimer,
)
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Order, OrderState, OrderTerms, Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import EXECUTOR, KEEPER, given_back, renotional, taken, use_of
from tradewrit.errors import TradewritError
from tradewrit.runtime.writs import Writs

_NOTHING: Final = DayUse()
_REMINDED: Final = frozenset({EXECUTOR, "reviewer"})


class Gate:
    """One desk's gate. Remembers which entries are on record and have not left yet."""

    def __init__(self, writs: Writs) -> None:
        self._writs = writs
        self._unsent: set[str] = set()

    def expect(self, effects: Iterable[Effect]) -> None:
        """These are on record and are about to be asked for, one after the other.

        The books count an entry from its intent on; what comes before it in the same breath must not
        be held against it, nor what was refused.
        """
        for effect in effects:
            if isinstance(effect, PlaceOrders):
                self._unsent.update(terms.client_order_id for terms in effect.approved.orders)

    def admit(self, effect: Effect, agent: str, books: Books, now: int) -> Grant | WritDenied:
        """The live writ to do it under at `now` (UTC ns), or who lacked what."""
        holder = holder_of(effect, agent, books)
        try:
            grant = self._writs.live(holder, now)
        except TradewritError as denied:
            return self.refuse(effect, holder, books, now, str(denied))
        if not grant.covers(effect.scope, now):
            return self.refuse(effect, holder, books, now, f"its writ does not cover {effect.scope}")
        unknown = _not_on_record(effect, books)
        if unknown:
            return self.refuse(effect, holder, books, now, unknown)
        broken = self._broken(effect, grant, books, now)
        if broken:
            reason = "; ".join(map(str, broken))
            return self.refuse(effect, holder, books, now, reason, broken)
        if isinstance(effect, PlaceOrders):
            self._unsent.difference_update(terms.client_order_id for terms in effect.approved.orders)
        return grant

    def _broken(self, effect: Effect, grant: Grant, books: Books, now: int) -> tuple[Violation, ...]:
        if not isinstance(effect, OrderEffect):
            return ()
        self._unsent = {name for name in self._unsent if _is_waiting(books.orders.get(name))}
        used = self._used(grant.agent, books, now)
        found: tuple[Violation, ...] = ()
        for held, asked, before in _requests(effect, grant.constraints, books, used, self._unsent):
            found += violations(held, asked, before, now)
        return found if len(found) < 2 else tuple(dict.fromkeys(found))

    def _used(self, agent: str, books: Books, now: int) -> DayUse:
        """What the agent has sent today: what the books count, without what has not left."""
        used = books.sent.get(agent, _NOTHING)
        if agent == EXECUTOR:
            for name in self._unsent:
                order = books.orders[name]
                if order.terms.role.is_entry:
                    used = given_back(used, use_of(order))
        # A clock that was set back past midnight does not give the day again.
        return used if used.day <= day_of(now) else replace(used, day=day_of(now))

    def refuse(
        self,
        effect: Effect,
        holder: str,
        books: Books,
        now: int,
        reason: str,
        broken: tuple[Violation, ...] = (),
    ) -> WritDenied:
        """The refusal, as an event; whoever issued the writ is told as well."""
        agent_id, token_id = books.standing(holder) if holder in books.writs else ("", "")
        denied = WritDenied(
            at=now,
            trace=effect.trace,
            agent=holder,
            scope=effect.scope,
            effect=type(effect).__name__,
            subject=effect.subject,
            reason=reason,
            agent_id=agent_id,
            token_id=token_id,
            violations=broken,
        )
        self._writs.note_refusal(denied)
        return denied


def holder_of(effect: Effect, agent: str, books: Books) -> str:
    """Whose writ an effect goes out under: the executor acts for the position keeper where that protects.

    Cancelling reduces risk, and so does asking what became of an order, or what is held; so do the
    timers of those who wait for something. Nobody else borrows anything.
    """
    if isinstance(effect, SetTimer) and agent in _REMINDED:
        return KEEPER  # that something is looked at again does not depend on a writ that may be taken away
    if agent != EXECUTOR:
        return agent
    if isinstance(effect, PlaceOrders):
        for terms in effect.approved.orders:
            if terms.role.is_entry:
                return agent
        return KEEPER
    if isinstance(effect, ReplaceAtVenue):
        order = books.orders.get(effect.client_order_id)
        return agent if order is None or order.terms.role.is_entry else KEEPER
    asks = CancelAtVenue | AskVenue | AskAccount
    return KEEPER if isinstance(effect, asks) else agent


def _not_on_record(effect: Effect, books: Books) -> str:
    """Why the journal does not bear an effect out; "" when it does."""
    if isinstance(effect, PlaceOrders):
        for terms in effect.approved.orders:
            order = books.orders.get(terms.client_order_id)
            if order is None or order.terms != terms:
                return f"order {terms.client_order_id} is not on record with these terms"
            if terms.symbol != effect.symbol:
                return f"order {terms.client_order_id} is for {terms.symbol}, not for {effect.symbol}"
    elif isinstance(effect, CancelAtVenue) and effect.is_stray and effect.broker_order_id:
        twin = books.twins.get(effect.broker_order_id)
        if twin is None or (twin.client_order_id, twin.symbol) != (effect.client_order_id, effect.symbol):
            return f"{effect.broker_order_id} is on record as no other order under {effect.client_order_id}"
    elif isinstance(effect, CancelAtVenue | ReplaceAtVenue):
        order = books.orders.get(effect.client_order_id)
        if order is None:
            return f"order {effect.client_order_id} is not on record"
        if order.terms.symbol != effect.symbol:
            return f"order {order.id} is for {order.terms.symbol}, not for {effect.symbol}"
    return ""


def _requests(
    effect: Effect, held: Constraints, books: Books, used: DayUse, unsent: AbstractSet[str]
) -> Iterator[tuple[Constraints, Request, DayUse]]:
    """What an effect asks of its writ, order by order, and what was used before each.

    unsent: orders that are on record and have not left.
    """
    if isinstance(effect, ReplaceAtVenue):
        order = books.orders[effect.client_order_id]
        quantity = order.terms.quantity if effect.quantity is None else effect.quantity
        price = effect.limit_price or order.terms.limit_price or effect.stop_price
        worth = renotional(order, books.instrument(order.terms.symbol), quantity, price)
        reduces = quantity <= order.terms.quantity or _fits(books, order, quantity - order.filled, unsent)
        yield (
            held,
            _request(books, order, quantity, worth, reduces=reduces and _is_closing(books, order)),
            given_back(used, use_of(order)),
        )
    elif isinstance(effect, PlaceOrders):
        listed = {terms.client_order_id for terms in effect.approved.orders}
        for terms in effect.approved.orders:
            order = books.orders[terms.client_order_id]
            if terms.parent in listed:  # a bracket's child closes what its entry opens, never more
                parent = books.orders[terms.parent].terms
                reduces = _only_closes(terms, parent, effect.approved.orders)
                yield PROTECTIVE, _request(books, order, terms.quantity, ZERO, reduces=reduces), used
                continue
            reduces = not held.reduce_only or (
                _is_closing(books, order) and _fits(books, order, terms.quantity, unsent - listed)
            )
            yield held, _request(books, order, terms.quantity, order.notional, reduces=reduces), used
            if terms.role.is_entry and len(listed) > 1:
                used = taken(used, use_of(order))


def _only_closes(leg: OrderTerms, entry: OrderTerms, listed: tuple[OrderTerms, ...]) -> bool:
    """Whether a leg, with all that are listed beside it, can close what its entry opens and no more."""
    beside = [other for other in listed if other.parent == leg.parent]
    return (
        entry.role.is_entry
        and leg.role.is_protective
        and leg.side is not entry.side
        and leg.quantity <= entry.quantity
        and (len(beside) == 1 or (leg.oco is not None and all(other.oco == leg.oco for other in beside)))
    )


def _request(books: Books, order: Order, quantity: Decimal, notional: Decimal, *, reduces: bool) -> Request:
    return Request(
        side=order.terms.side,
        quantity=quantity,
        notional=notional,
        venue=books.venue,
        mode=cast("Mode", books.mode),
        reduces=reduces,
    )


def _is_closing(books: Books, order: Order) -> bool:
    """Whether the order is for the other side of what is held."""
    position = books.positions.get(order.terms.symbol)
    if position is None:
        return False
    return order.terms.side is (Side.SELL if position.signed > 0 else Side.BUY)


def _fits(books: Books, order: Order, quantity: Decimal, unsent: AbstractSet[str]) -> bool:
    """Whether so much is held, beyond what else works to close it; of a pair one leg counts, the larger."""
    position = books.positions.get(order.terms.symbol)
    if position is None:
        return False
    closing = {order.terms.oco or order.id: quantity}
    for other in books.orders.values():
        if other.id != order.id and other.id not in unsent and _works_beside(other, order):
            pair = other.terms.oco or other.id
            closing[pair] = max(closing.get(pair, ZERO), _may_trade(books, other))
    return sum(closing.values(), ZERO) <= abs(position.signed)


def _works_beside(other: Order, order: Order) -> bool:
    """Whether the other may trade at the venue, in the same symbol and direction, to protect."""
    return (
        other.terms.symbol == order.terms.symbol
        and other.terms.side is order.terms.side
        and other.terms.role.is_protective
        and other.is_live
        and other.state is not OrderState.DRAFT
    )


def _may_trade(books: Books, order: Order) -> Decimal:
    """What is left of an order; of a leg whose entry still works, no more than that has brought."""
    entry = books.orders.get(order.terms.parent or "")
    if entry is None or not entry.is_live:
        return order.remaining
    return max(min(order.terms.quantity, entry.filled) - order.filled, ZERO)


def _is_waiting(order: Order | None) -> bool:
    return order is not None and order.state is OrderState.SUBMITTED
