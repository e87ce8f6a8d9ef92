"""Every effect names the permission it needs and what it is about."""

from decimal import Decimal

import pytest

from tradewrit.domain.effects import (
    AskAccount,
    AskPeople,
    AskVenue,
    CancelAtVenue,
    Effect,
    FetchBars,
    FetchMarketStatus,
    FetchQuote,
    MarketDataEffect,
    OpenStream,
    OrderEffect,
    PlaceOrders,
    ReplaceAtVenue,
    SetTimer,
)
from tradewrit.domain.market import Interval
from tradewrit.domain.money import Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Scope

ORDER = OrderTerms(
    client_order_id="order-1",
    trade_id="trade-1",
    symbol="AAPL",
    side=Side.BUY,
    quantity=Qty(Decimal(5)),
    type=OrderType.MARKET,
    role=Role.ENTRY,
)
EXAMPLES = {
    PlaceOrders(symbol="AAPL", approved=Approved(orders=(ORDER,), by=(), at=1)): (
        "write:trades:AAPL",
        "order-1",
    ),
    CancelAtVenue(symbol="AAPL", client_order_id="order-1"): ("write:trades:AAPL", "order-1"),
    ReplaceAtVenue(symbol="AAPL", client_order_id="order-1"): ("write:trades:AAPL", "order-1"),
    AskVenue(symbol="AAPL", client_order_id="order-1"): ("read:trades:AAPL", "order-1"),
    AskAccount(since=1, cause="start"): ("read:trades:*", "start"),
    FetchQuote(symbol="AAPL"): ("read:market:AAPL", "AAPL"),
    FetchBars(symbol="AAPL", interval=Interval.DAY, count=5): ("read:market:AAPL", "AAPL"),
    OpenStream(symbol="AAPL"): ("read:market:AAPL", "AAPL"),
    FetchMarketStatus(): ("read:market:*", "*"),
    AskPeople(review_id="review-1", version=1): ("write:reviews:*", "review-1"),
    SetTimer(timer="review", about="review-1", due_at=9): ("write:timers:*", "review"),
}


@pytest.mark.parametrize(("effect", "says"), list(EXAMPLES.items()), ids=lambda one: type(one).__name__)
def test_an_effect_names_its_scope_and_its_subject(effect: Effect, says: tuple[str, str]) -> None:
    assert (effect.scope, effect.subject) == says
    assert str(Scope.parse(effect.scope)) == effect.scope


def test_every_effect_has_its_example_here() -> None:
    bases = {Effect, OrderEffect, MarketDataEffect}
    kinds, open_ = set(), [Effect]
    while open_:
        kinds.add(kind := open_.pop())
        open_ += kind.__subclasses__()
    ours = {kind for kind in kinds if kind.__module__.startswith("tradewrit.")}
    assert ours - bases == {type(effect) for effect in EXAMPLES}


def test_an_effect_without_a_scope_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="Effect names no scope"):
        _ = Effect().scope
    with pytest.raises(TypeError, match="Effect names no subject"):
        _ = Effect().subject
