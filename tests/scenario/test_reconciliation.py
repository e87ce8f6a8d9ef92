"""What others do in the account, and what nobody can explain: seen, counted, shown, and left alone."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import SYMBOL
from tests.processes import HAND, Process, settled, settled_books
from tests.unruly import UNREACHABLE
from tradewrit.domain.events.account import (
    AccountReconciled,
    AdoptPosition,
    ExternalBooked,
    ExternalOrderSeen,
    PositionAdopted,
    PositionAgreed,
    PositionDisputed,
    TransitionRefused,
)
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.orders import (
    OrderCancelled,
)
from tradewrit.domain.events.positions import (
    CloseTrade,
)
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.market import Quote
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.splits import Ratio

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
Start = Callable[..., Process]


@pytest.fixture(params=["inline", "outbox"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Start the first process of a desk."""
    return lambda **more: Process(tmp_path / "desk.journal", has_outbox=request.param == "outbox", **more)


# -- what others do in the account


def by_hand(desk: Process, name: str = "typed-in-the-app", **more: Any) -> OrderTerms:
    """The trader types an order into the broker's own app."""
    facts: dict[str, Any] = {
        "client_order_id": name,
        "trade_id": "",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "quantity": Qty(Decimal(100)),
        "type": OrderType.LIMIT,
        "limit_price": Price(Decimal("150.00")),
        "role": ENTRY,
    }
    terms = OrderTerms(**(facts | more))
    desk.exchange.place(Approved(orders=(terms,), by=("hand",), at=desk.now), HAND)
    return terms


def test_an_order_typed_in_the_brokers_app_is_seen_once_and_left_alone(start: Start) -> None:
    desk = start()
    desk.enter()
    terms = by_hand(desk)
    desk.reconcile()
    desk.reconcile()
    assert desk.only(ExternalOrderSeen).terms == terms
    assert desk.books.strangers == (terms.client_order_id,)
    desk = desk.again()
    desk.wait(5)
    assert not desk.events(ExternalOrderSeen)
    assert terms in desk.exchange.open_orders()
    desk.exchange.cancel(terms.client_order_id, HAND)
    desk.reconcile()
    assert desk.books.strangers == ()
    desk.audit()


def test_a_trade_made_by_hand_counts_in_cash_and_in_every_limit_and_is_nobodys_to_close(start: Start) -> None:
    desk = start()
    desk.enter()
    desk.quote(175.50)
    trade, cash = desk.trade, desk.books.cash
    by_hand(desk, limit_price=Price(Decimal("180.00")))
    desk.quote(175.50)
    desk.reconcile()
    booked = desk.only(ExternalBooked)
    assert booked.fill.quantity == 100
    assert desk.books.external[SYMBOL].signed == 100
    assert desk.books.cash == cash + booked.cash_change == desk.exchange.cash
    assert desk.books.units(SYMBOL) == desk.exchange.positions()[SYMBOL] == 105
    assert not desk.events(PositionDisputed)
    # The desk's own trade goes on as it was, and sells only what is its own.
    assert desk.trade == trade
    desk.bar(201.82)
    assert desk.closed.quantity == 5
    assert desk.exchange.positions() == {SYMBOL: Decimal(100)}
    desk.reconcile()
    assert desk.books.units(SYMBOL) == 100
    desk.audit(is_in_step=False)


def test_what_is_held_by_hand_leaves_less_to_trade_with(start: Start) -> None:
    desk = start(cash="10000")
    by_hand(desk, symbol="MSFT", quantity=Qty(Decimal(60)), limit_price=Price(Decimal("100.00")))
    desk.quote(100.00, symbol="MSFT")
    desk.reconcile()
    assert desk.books.external["MSFT"].signed == 60
    desk.order_entry()
    refused = desk.only(LimitExceeded)
    assert "min_cash_fraction" in {breach.limit for breach in refused.breaches}
    assert desk.sent == []


# -- a position that nobody can explain


def moved_at_venue(desk: Process) -> None:
    """The venue splits the shares two for one, and the desk hears nothing of it."""
    ratio, price = Ratio(new=Decimal(2), old=Decimal(1)), Price(Decimal("87.75"))
    desk.exchange.split(SharesSplit(at=desk.now, action="split-1", symbol=SYMBOL, ratio=ratio, price=price))


def test_a_position_that_no_fill_explains_suspends_entries_until_a_person_adopts_it(start: Start) -> None:
    desk = start()
    desk.enter()
    moved_at_venue(desk)
    desk.desk.reconcile("minute")
    desk.run()
    assert not desk.events(PositionDisputed)  # once may be a report on its way
    desk.wait(3)
    disputed = desk.only(PositionDisputed)
    assert (disputed.symbol, disputed.ours, disputed.theirs) == (SYMBOL, Decimal(5), Decimal(10))
    assert SYMBOL in disputed.todo
    desk.reconcile()
    assert len(desk.events(PositionDisputed)) == 1  # said once

    adopt = AdoptPosition(at=desk.now, symbol=SYMBOL, actor="risk_officer", reason="looks right")
    desk.feed(adopt)
    assert isinstance(desk.events(TransitionRefused)[-1], TransitionRefused)
    assert desk.books.disputed
    maria = replace(adopt, actor="human:maria", reason="a split: I checked", price=Decimal("87.75"))
    desk.feed(maria)
    fill = desk.only(PositionAdopted).fill
    assert (fill.side, fill.quantity, fill.price) == (Side.BUY, Decimal(5), Decimal("87.75"))
    assert not desk.books.disputed
    assert desk.books.units(SYMBOL) == 10
    desk.reconcile()
    assert desk.events(AccountReconciled)[-1].differences == ()


def test_what_the_venue_held_before_the_books_moved_on_is_not_adopted(start: Start) -> None:
    desk = start()
    desk.enter()
    moved_at_venue(desk)
    desk.reconcile()
    desk.feed(CloseTrade(at=desk.now, trade_id=desk.trade.id, actor="human:maria"))
    desk.quote(87.75)
    assert not desk.books.positions
    adopt = AdoptPosition(
        at=desk.now, symbol=SYMBOL, actor="human:maria", reason="ten", price=Decimal("87.75")
    )
    desk.feed(adopt)
    assert "as it was when the venue was asked last, only by a person" in desk.only(TransitionRefused).cause
    desk.reconcile()
    desk.feed(replace(adopt, at=desk.now, reason="five"))
    assert desk.only(PositionAdopted).fill.quantity == 5
    assert desk.books.units(SYMBOL) == desk.exchange.positions()[SYMBOL] == 5


def test_nothing_new_is_entered_in_a_disputed_symbol_and_elsewhere_it_is(start: Start) -> None:
    desk = start()
    by_hand(desk, type=OrderType.MARKET, limit_price=None)
    desk.exchange.quote(Quote(SYMBOL, desk.now, 175.50, 175.50))
    desk.exchange.executions = lambda _: ()  # type: ignore[method-assign, assignment]  # the fill is lost for good
    desk.reconcile()
    assert desk.only(PositionDisputed).theirs == 100
    desk = desk.again()  # and it is not forgotten
    desk.order_entry()
    assert "disputed" in {breach.limit for breach in desk.only(LimitExceeded).breaches}
    assert not desk.sent
    desk.order_entry(symbol="MSFT")
    assert desk.roles_sent == [ENTRY]


def test_a_dispute_ends_by_itself_when_the_venue_comes_round(start: Start) -> None:
    desk = start()
    desk.enter()
    held = desk.line.positions
    desk.line.positions = dict  # type: ignore[method-assign]
    desk.reconcile()
    assert desk.only(PositionDisputed).theirs == 0
    desk.line.positions = held  # type: ignore[method-assign]
    desk.reconcile()
    assert desk.only(PositionAgreed).symbol == SYMBOL
    assert not desk.books.disputed
    desk.audit()


def test_an_entry_at_work_is_taken_back_when_its_symbol_becomes_disputed(start: Start) -> None:
    desk = start(entry=OrderType.LIMIT)
    desk.order_entry()
    desk.line.positions = lambda: {SYMBOL: Decimal(7)}  # type: ignore[method-assign]
    desk.reconcile()
    assert desk.only(OrderCancelled).role is ENTRY
    assert desk.working() == []
    assert not desk.books.trades


@pytest.mark.parametrize("call", ["executions", "open_orders", "positions"])
def test_an_account_that_cannot_be_asked_for_changes_nothing_and_is_asked_for_again(
    start: Start, call: str
) -> None:
    desk = start()
    desk.enter()
    before = desk.books
    desk.line.lose(call, UNREACHABLE)
    desk.desk.reconcile("minute")
    desk.run()
    assert settled(desk) == settled_books(before)
    assert not desk.events(AccountReconciled)
    desk.wait(60)
    assert desk.events(AccountReconciled)[0].differences == ()
    assert desk.books.positions == before.positions
