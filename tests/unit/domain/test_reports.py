"""What each of the venue's reports amounts to, told of one order in one state."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tradewrit.domain.books import Books, Lapsed
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import AskVenue
from tradewrit.domain.events.account import ExternalTraded, TransitionRefused
from tradewrit.domain.events.orders import (
    CancelOrder,
    CancelRefused,
    Exec,
    ExecutionReport,
    ModifyRefused,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderInDoubt,
    OrderModified,
    OrderPartiallyFilled,
    OrderRejected,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import TradeAborted, TradeRevived
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Order, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.positions import Direction
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.reports import interpret
from tradewrit.domain.trades import Trade, TradeState

S = OrderState
ASKED = AskVenue(trace="trade-1", symbol="AAPL", client_order_id="order-1", known=("venue-7",))
TERMS = OrderTerms(
    client_order_id="order-1",
    trade_id="trade-1",
    symbol="AAPL",
    side=Side.BUY,
    quantity=Qty(Decimal(10)),
    type=OrderType.STOP_LIMIT,
    role=Role.ENTRY,
    limit_price=Price(Decimal("175.50")),
    stop_price=Price(Decimal("175.00")),
)


def an_order(state: OrderState, **changes: object) -> Order:
    return replace(Order(terms=TERMS, state=state, broker_order_id="venue-7"), **changes)


def said(order: Order | None, kind: Exec, **changes: object) -> Decision:
    told = ExecutionReport(
        at=5,
        exec_id="exec-1",
        client_order_id="order-1",
        kind=kind,
        reason="its own words",
        trace="from-outside",
    )
    orders = {} if order is None else {order.id: order}
    return interpret(Books(orders=orders), replace(told, **changes))


def a_fill(order: Order, quantity: str, price: str = "175.25") -> Decision:
    return said(
        order,
        Exec.TRADE,
        last_quantity=Decimal(quantity),
        last_price=Price(Decimal(price)),
        fee=Decimal("0.70"),
    )


def test_a_part_and_the_rest_are_different_facts_with_the_running_sum() -> None:
    (part,) = a_fill(an_order(S.ACCEPTED), "4.0").events
    assert type(part) is OrderPartiallyFilled
    assert (part.quantity, part.cumulative, part.fee, part.is_late) == (
        Decimal(4),
        Decimal(4),
        Decimal("0.70"),
        False,
    )
    (rest,) = a_fill(an_order(S.PARTIALLY_FILLED, filled=Decimal(4)), "6").events
    assert type(rest) is OrderFilled
    assert (rest.quantity, rest.cumulative, rest.price) == (Decimal(6), Decimal(10), Price(Decimal("175.25")))
    assert (rest.trade_id, rest.symbol, rest.side, rest.role, rest.exec_id) == (
        "trade-1",
        "AAPL",
        Side.BUY,
        Role.ENTRY,
        "exec-1",
    )


@pytest.mark.parametrize("state", [S.SUBMITTED, S.UNKNOWN])
def test_a_fill_before_the_acknowledgement_implies_it(state: OrderState) -> None:
    accepted, filled = a_fill(an_order(state), "10").events
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(filled, OrderFilled)


@pytest.mark.parametrize("state", [S.CANCELLED, S.EXPIRED])
def test_a_fill_of_a_dead_order_counts_and_is_called_late(state: OrderState) -> None:
    (fill,) = a_fill(an_order(state), "3").events
    assert isinstance(fill, OrderPartiallyFilled)
    assert fill.is_late


@pytest.mark.parametrize(
    "nothing",
    [{}, {"last_quantity": Decimal(1)}, {"last_price": Price(Decimal(1)), "last_quantity": Decimal(0)}],
)
def test_a_fill_without_a_price_or_a_quantity_is_quarantined(nothing: dict[str, object]) -> None:
    (held,) = said(an_order(S.ACCEPTED), Exec.TRADE, **nothing).events
    assert isinstance(held, ReportQuarantined)
    assert (held.state, held.reason, held.trace) == (
        "accepted",
        "a fill without a price or a quantity",
        "trade-1",
    )


NAN = Decimal("NaN")
SOUND = {"last_quantity": Decimal(1), "last_price": Price(Decimal(10))}


@pytest.mark.parametrize(
    ("garbage", "reason"),
    [
        ({"last_quantity": NAN}, "last_quantity is no amount that could be traded"),
        ({"last_quantity": Decimal("sNaN")}, "last_quantity is no amount that could be traded"),
        ({"last_quantity": Decimal("1E+400")}, "last_quantity is no amount that could be traded"),
        ({"last_price": Decimal("Infinity")}, "last_price is no amount that could be traded"),
        ({"last_price": Decimal("1E+30")}, "last_price is no amount that could be traded"),
        ({"last_price": Decimal(0)}, "a fill at no price above 0"),
        ({"last_price": Decimal(-1)}, "a fill at no price above 0"),
        ({"cumulative": NAN}, "cumulative is no amount that could be traded"),
        ({"fee": NAN}, "fee is no amount that could be traded"),
        ({"fee": Decimal("1E+30")}, "fee is no amount that could be traded"),
        ({"fee_rate": NAN}, "fee_rate is no amount that could be traded"),
        ({"symbol": "ELSE"}, "a fill in ELSE of an order in"),
        ({"side": Side.SELL}, "a fill to sell of an order to buy"),
        ({"last_quantity": Decimal(5_000)}, "a fill of 5000, more than the 10 that were ordered"),
    ],
)
def test_a_fill_that_cannot_be_is_quarantined_before_anything_is_worked_out_from_it(
    garbage: dict[str, object], reason: str
) -> None:
    (held,) = said(an_order(S.ACCEPTED), Exec.TRADE, **(SOUND | garbage)).events
    assert isinstance(held, ReportQuarantined)
    assert held.reason.startswith(reason)
    assert (held.state, held.trace) == ("accepted", "trade-1")


@pytest.mark.parametrize(
    "garbage", [{"last_quantity": NAN}, {"last_price": Decimal("Infinity")}, {"fee": NAN}]
)
def test_a_fill_of_a_stranger_that_cannot_be_is_quarantined_too(garbage: dict[str, object]) -> None:
    (held,) = said(None, Exec.TRADE, **(SOUND | garbage)).events
    assert isinstance(held, ReportQuarantined)


def test_a_report_about_no_order_of_ours_keeps_the_trace_it_came_with() -> None:
    (held,) = said(None, Exec.NEW).events
    assert isinstance(held, ReportQuarantined)
    assert (held.state, held.trace) == ("none", "from-outside")


def test_a_second_acknowledgement_says_nothing_new() -> None:
    (accepted,) = said(an_order(S.SUBMITTED), Exec.NEW, broker_order_id="venue-9").events
    assert isinstance(accepted, OrderAccepted)
    assert accepted.broker_order_id == "venue-9"
    assert said(an_order(S.ACCEPTED), Exec.NEW) is NOTHING


def test_an_end_tells_how_much_had_filled() -> None:
    order = an_order(S.PARTIALLY_FILLED, filled=Decimal(4))
    (cancelled,) = said(order, Exec.CANCELED).events
    assert isinstance(cancelled, OrderCancelled)
    assert (cancelled.filled, cancelled.reason) == (Decimal(4), "its own words")
    (expired,) = said(order, Exec.EXPIRED).events
    assert isinstance(expired, OrderExpired)
    assert expired.filled == 4


def test_a_rejection_carries_our_code_and_the_venues_words() -> None:
    (rejected,) = said(an_order(S.SUBMITTED), Exec.REJECTED, code=Rejection.INSUFFICIENT_FUNDS).events
    assert isinstance(rejected, OrderRejected)
    assert (rejected.code, rejected.reason) == ("insufficient_buying_power", "its own words")


def test_a_cancel_that_is_refused_is_an_answer_only_while_one_is_asked_for() -> None:
    (refused,) = said(an_order(S.PENDING_CANCEL), Exec.CANCEL_REJECTED).events
    assert isinstance(refused, CancelRefused)
    assert refused.is_answer
    assert said(an_order(S.ACCEPTED), Exec.CANCEL_REJECTED) is NOTHING


def test_a_cancel_that_came_too_late_makes_us_ask_what_was_missed() -> None:
    late = said(an_order(S.PENDING_CANCEL), Exec.CANCEL_REJECTED, code=Rejection.TOO_LATE)
    assert [type(event) for event in late.events] == [CancelRefused, OrderInDoubt]
    assert late.effects == (ASKED,)
    other = said(an_order(S.PENDING_CANCEL), Exec.CANCEL_REJECTED, code=Rejection.VENUE)
    assert other.effects == ()


@pytest.mark.parametrize("broker_order_id", ["", "venue-7"], ids=["never acknowledged", "acknowledged"])
def test_a_cancel_that_is_refused_for_any_other_reason_leaves_the_order_at_work(broker_order_id: str) -> None:
    order = an_order(S.PENDING_CANCEL, broker_order_id=broker_order_id)
    (plain,) = said(order, Exec.CANCEL_REJECTED, code=Rejection.VENUE).events
    assert type(plain) is CancelRefused


def lapsed(order: Order, report: ExecutionReport, **books: Any) -> Decision:
    """What is made of a report of an entry whose trade was aborted without a fill."""
    trade = Trade(
        id="trade-1",
        strategy="s",
        symbol="AAPL",
        direction=Direction.LONG,
        state=TradeState.ORDER_PLACED,
        entry_id=order.id,
    )
    return interpret(Books(lapsed={order.id: Lapsed(trade, {order.id: order})}, **books), report)


def late(kind: Exec) -> ExecutionReport:
    return ExecutionReport(
        at=5,
        exec_id="exec-1",
        client_order_id="order-1",
        kind=kind,
        broker_order_id="venue-9",
        last_quantity=Decimal(4),
        last_price=Price(Decimal("175.25")),
    )


GIVEN_UP = an_order(S.REJECTED, broker_order_id="", doubt_since=1, is_sent=True)


def test_an_entry_that_was_given_up_and_works_after_all_comes_back_to_be_cancelled() -> None:
    revived, accepted, unwanted = lapsed(GIVEN_UP, late(Exec.NEW)).events
    assert isinstance(revived, TradeRevived)
    assert revived.is_open
    assert isinstance(accepted, OrderAccepted)
    assert accepted.broker_order_id == "venue-9"
    assert isinstance(unwanted, CancelOrder)
    assert unwanted.client_order_id == "order-1"


def test_an_entry_that_was_given_up_and_filled_after_all_is_ours() -> None:
    revived, accepted, filled = lapsed(GIVEN_UP, late(Exec.TRADE)).events
    assert isinstance(revived, TradeRevived)
    assert revived.is_open
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(filled, OrderPartiallyFilled)
    assert filled.quantity == 4


@pytest.mark.parametrize("state", [S.CANCELLED, S.EXPIRED, S.REJECTED])
def test_an_acknowledgement_that_the_venues_own_end_has_overtaken_brings_nothing_back(
    state: OrderState,
) -> None:
    (held,) = lapsed(an_order(state), late(Exec.NEW)).events
    assert isinstance(held, ReportQuarantined)


@pytest.mark.parametrize("kind", [Exec.NEW, Exec.TRADE])
def test_what_was_given_up_does_not_come_back_beside_another_trade(kind: Exec) -> None:
    (held,) = lapsed(GIVEN_UP, late(kind), active={"AAPL": "trade-2"}).events
    assert isinstance(held, ReportQuarantined)
    assert "another trade is open" in held.reason


def test_new_terms_replace_those_that_are_named_and_leave_the_rest() -> None:
    order = an_order(S.PENDING_REPLACE, version=3)
    (same,) = said(order, Exec.REPLACED).events
    assert isinstance(same, OrderModified)
    assert (same.version, same.quantity, same.limit_price, same.stop_price, same.broker_order_id) == (
        4,
        TERMS.quantity,
        TERMS.limit_price,
        TERMS.stop_price,
        "venue-7",
    )
    (other,) = said(
        order,
        Exec.REPLACED,
        quantity=Decimal("8.0"),
        limit_price=Price(Decimal(2)),
        stop_price=Price(Decimal(1)),
        broker_order_id="venue-8",
    ).events
    assert isinstance(other, OrderModified)
    assert (other.quantity, other.limit_price, other.stop_price, other.broker_order_id) == (
        Decimal(8),
        Price(Decimal(2)),
        Price(Decimal(1)),
        "venue-8",
    )


def test_a_replacement_that_meets_our_cancel_counts_until_the_cancel_does() -> None:
    # The venue works the new terms: a fill of the old quantity is not the last one.
    (larger,) = said(an_order(S.PENDING_CANCEL), Exec.REPLACED, quantity=TERMS.quantity * 2).events
    assert isinstance(larger, OrderModified)
    assert larger.quantity == TERMS.quantity * 2


def test_a_refused_replacement_that_is_settled_meanwhile_says_nothing() -> None:
    assert said(an_order(S.ACCEPTED), Exec.REPLACE_REJECTED) is NOTHING
    (kept,) = said(an_order(S.PENDING_REPLACE), Exec.REPLACE_REJECTED).events
    assert isinstance(kept, ModifyRefused)
    assert (kept.is_answer, kept.reason) == (True, "its own words")


def stranger(**changes: object) -> Decision:
    facts: dict[str, object] = {
        "client_order_id": "typed-by-hand",
        "symbol": "AAPL",
        "side": Side.SELL,
        "last_quantity": Decimal("3.0"),
        "last_price": Price(Decimal("175.25")),
        "settles_at": 9,
        "fee": Decimal("0.70"),
    }
    return said(None, Exec.TRADE, **(facts | changes))


def test_a_fill_of_an_order_with_a_name_that_is_not_of_our_making_is_somebody_elses_trade() -> None:
    (traded,) = stranger().events
    assert isinstance(traded, ExternalTraded)
    assert (traded.exec_id, traded.client_order_id) == ("exec-1", "typed-by-hand")
    fill = traded.fill
    assert (fill.symbol, fill.side, fill.quantity, fill.price, fill.fee, fill.trade_id, fill.settles_at) == (
        "AAPL", Side.SELL, Decimal(3), Decimal("175.25"), Decimal("0.70"), "", 9,
    )  # fmt: skip


def test_what_an_external_trade_cost_is_counted_in_the_currency_of_the_account() -> None:
    (traded,) = stranger(fee=Decimal("0.002"), fee_currency="BNB", fee_rate=Decimal("612.40")).events
    assert isinstance(traded, ExternalTraded)
    assert traded.fill.fee == Decimal("1.2248")


@pytest.mark.parametrize(
    "wanting",
    [
        {"symbol": ""},
        {"side": None},
        {"last_quantity": Decimal(0)},
        {"last_price": None},
        {"last_price": Price(Decimal(0))},
        {"client_order_id": "a" * 26},
    ],
    ids=["symbol", "side", "quantity", "price", "zero price", "a name of our making"],
)
def test_a_fill_of_an_unknown_order_that_cannot_be_booked_safely_is_quarantined(
    wanting: dict[str, object],
) -> None:
    (held,) = stranger(**wanting).events
    assert isinstance(held, ReportQuarantined)
    assert held.state == "none"


def test_an_impossible_move_is_refused_by_name_and_kept_whole() -> None:
    refused, held = said(an_order(S.FILLED), Exec.EXPIRED).events
    assert isinstance(refused, TransitionRefused)
    assert (refused.machine, refused.subject, refused.state, refused.wanted, refused.cause) == (
        "order",
        "order-1",
        "filled",
        "expire",
        "exec-1",
    )
    assert isinstance(held, ReportQuarantined)
    assert (held.reason, held.trace) == ("an order that is filled cannot expire", "trade-1")


def test_a_fill_of_an_entry_that_was_never_sent_ends_the_trade_so_that_it_is_not_bought_twice() -> None:
    for quantity, wanted in (("4", "fill_some"), ("10", "fill_rest")):
        refused, held, aborted = a_fill(an_order(S.DRAFT), quantity).events
        assert isinstance(refused, TransitionRefused)
        assert refused.wanted == wanted
        assert isinstance(held, ReportQuarantined)
        assert isinstance(aborted, TradeAborted)
        assert aborted.trade_id == "trade-1"
    protection = an_order(S.DRAFT, terms=replace(TERMS, role=Role.STOP))
    assert not any(isinstance(event, TradeAborted) for event in a_fill(protection, "4").events)
    acknowledged = said(an_order(S.DRAFT), Exec.REJECTED)
    assert not any(isinstance(event, TradeAborted) for event in acknowledged.events)
