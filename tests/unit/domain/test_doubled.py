"""Which order of the venue a report is about, where two go by one client order id."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import PAPER
from tradewrit.domain.doubled import judge, twin_of
from tradewrit.domain.effects import AskVenue, CancelAtVenue, SetTimer
from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.orders import Exec, ExecutionReport, OrderInDoubt, ReportQuarantined
from tradewrit.domain.events.twins import TwinEnded, TwinFilled, TwinFound
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Order, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.twins import Twin, known
from tradewrit.runtime.perform import told_of_ours

STOP = Order(
    terms=OrderTerms(
        client_order_id="stop-1",
        trade_id="trade-1",
        symbol="AAPL",
        side=Side.SELL,
        quantity=Qty(Decimal(10)),
        type=OrderType.STOP,
        role=Role.STOP,
        stop_price=Price(Decimal(90)),
    ),
    state=OrderState.ACCEPTED,
    broker_order_id="v1",
    former=("v0",),
    sent_at=5,
)
TWIN = Twin(client_order_id="stop-1", trade_id="trade-1", symbol="AAPL", at=7)


def books(order: Order | None = STOP, **more: Any) -> Books:
    return Books(orders={} if order is None else {order.id: order}, **more)


def said(kind: Exec, name: str = "v2", **more: Any) -> ExecutionReport:
    return ExecutionReport(
        at=9, exec_id=f"{kind}:{name}", client_order_id="stop-1", kind=kind, broker_order_id=name, **more
    )


@pytest.mark.parametrize(
    "kind", [Exec.NEW, Exec.TRADE, Exec.CANCELED, Exec.EXPIRED, Exec.REJECTED, Exec.REPLACED]
)
def test_another_name_of_the_venues_is_another_order(kind: Exec) -> None:
    assert twin_of(books(), said(kind)) == known(STOP)
    assert twin_of(books(None, gone={"stop-1": known(STOP)}), said(kind)) == known(STOP), (
        "and after the trade"
    )


@pytest.mark.parametrize("name", ["", "v1", "v0"], ids=["none", "its own", "before a replacement"])
def test_no_name_or_one_of_its_own_is_ours(name: str) -> None:
    for kind in Exec:
        assert twin_of(books(), said(kind, name)) is None


def test_before_the_venue_has_named_ours_any_name_is_its() -> None:
    assert twin_of(books(replace(STOP, broker_order_id="", former=())), said(Exec.NEW)) is None


def test_where_replacing_renames_a_new_name_is_ours_once_a_change_was_asked_for() -> None:
    able = replace(PAPER, renames=True)
    changed = replace(STOP, changed_at=6)
    for kind in (Exec.REPLACED, Exec.TRADE):
        assert twin_of(books(changed, capabilities=able), said(kind)) is None
        assert twin_of(books(STOP, capabilities=able), said(kind)) is not None
    found = books(changed, capabilities=able, twins={"v2": TWIN})
    assert twin_of(found, said(Exec.CANCELED)) is not None, "a twin that is known stays one"


def test_the_first_word_of_a_twin_is_an_alarm_a_halt_and_its_cancel_by_name() -> None:
    decision = judge(books(), known(STOP), said(Exec.NEW))
    assert [type(event) for event in decision.events] == [TwinFound, HaltTrading]
    (cancel,) = decision.effects
    assert isinstance(cancel, CancelAtVenue)
    assert (cancel.client_order_id, cancel.broker_order_id, cancel.is_stray) == ("stop-1", "v2", True)
    assert judge(books(twins={"v2": TWIN}), known(STOP), said(Exec.NEW)).effects == (), "said again"
    halted = judge(books(halted="by hand"), known(STOP), said(Exec.NEW))
    assert [type(event) for event in halted.events] == [TwinFound], "the halt that stands keeps its reason"


@pytest.mark.parametrize("kind", [Exec.CANCELED, Exec.EXPIRED, Exec.REJECTED])
def test_the_end_of_a_twin_is_said_of_the_twin_alone(kind: Exec) -> None:
    decision = judge(books(twins={"v2": TWIN}), known(STOP), said(kind))
    assert [type(event) for event in decision.events] == [TwinEnded]
    over = replace(TWIN, is_over=True)
    assert judge(books(twins={"v2": over}), known(STOP), said(kind)).events == ()


def test_a_twin_that_ends_with_more_filled_than_was_told_is_asked_about() -> None:
    ended = judge(books(twins={"v2": TWIN}), known(STOP), said(Exec.CANCELED, cumulative=Decimal(4)))
    (question,) = ended.effects
    assert isinstance(question, AskVenue)
    assert question.known == ("v1", "v0")


@pytest.mark.parametrize("kind", [Exec.CANCELED, Exec.REPLACED])
def test_a_request_about_ours_that_reached_the_twin_leaves_ours_in_doubt(kind: Exec) -> None:
    asked = replace(STOP, state=OrderState.PENDING_CANCEL)
    decision = judge(books(asked), known(STOP), said(kind))
    assert OrderInDoubt in {type(event) for event in decision.events}


def test_a_cancel_of_a_twin_that_was_lost_is_tried_again_and_one_too_late_is_its_end() -> None:
    known_twin = books(twins={"v2": TWIN})
    (timer,) = judge(known_twin, known(STOP), said(Exec.UNKNOWN)).effects
    assert isinstance(timer, SetTimer)
    assert timer.about == "stop-1"
    late = judge(known_twin, known(STOP), said(Exec.CANCEL_REJECTED, code=Rejection.TOO_LATE))
    assert [type(event) for event in late.events] == [TwinEnded]
    assert [type(effect) for effect in late.effects] == [AskVenue], "it may have traded instead"


def test_a_fill_of_a_twin_is_said_with_all_it_takes_to_book_it_or_put_aside() -> None:
    fill = said(Exec.TRADE, last_quantity=Decimal(4), last_price=Price(Decimal(90)), cumulative=Decimal(4))
    (traded,) = judge(books(twins={"v2": TWIN}), known(STOP), fill).events
    assert isinstance(traded, TwinFilled)
    assert (traded.fill.side, traded.fill.quantity, traded.fill.trade_id) == (Side.SELL, Decimal(4), "")
    for odd in ({"last_price": None}, {"last_quantity": Decimal(0)}, {"symbol": "MSFT"}, {"side": Side.BUY}):
        (held,) = judge(books(twins={"v2": TWIN}), known(STOP), replace(fill, **odd)).events
        assert isinstance(held, ReportQuarantined)


def test_of_all_that_is_told_under_an_id_only_what_is_ours_counts() -> None:
    told = [said(Exec.NEW, "v1"), said(Exec.NEW, "v2"), said(Exec.CANCELED, "v2"), said(Exec.TRADE, "")]
    ours = [told[0], told[3]]
    assert told_of_ours(told, ("v1",), renames=False) == ours
    assert told_of_ours(told, (), renames=False) == ours, "the first that is told of"
    assert told_of_ours(told, ("v9",), renames=False) == [told[3]]
    renamed = [said(Exec.NEW, "v1"), said(Exec.REPLACED, "v3"), said(Exec.TRADE, "v3")]
    assert told_of_ours(renamed, ("v1",), renames=True) == renamed
    assert told_of_ours(renamed, ("v1",), renames=False) == renamed[:1]
