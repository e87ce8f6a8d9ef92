"""The books held against the venue: what differs, from when on it counts, and what is done about it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.risk.proposing import account, holding
from tradewrit.domain.books import Books, Lapsed
from tradewrit.domain.decisions import Decision
from tradewrit.domain.differences import Difference, Differs
from tradewrit.domain.effects import AskAccount, AskVenue, CancelAtVenue, SetTimer
from tradewrit.domain.events.account import (
    AccountReconciled,
    AccountReported,
    ExternalOrderSeen,
    OrderFound,
    PositionAgreed,
    PositionDisputed,
)
from tradewrit.domain.events.orders import CancelOrder, OrderAccepted, OrderInDoubt, OrderRestated
from tradewrit.domain.events.positions import TradeRevived
from tradewrit.domain.folding import evolve
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Order, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.positions import Direction
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk.reconciling import TIMER, question, reconcile

S = OrderState
AT = 10_000 * MINUTE
FLAT: dict[str, Decimal] = {}


def limit(name: str, quantity: str = "5", price: str = "100.00", **more: Any) -> OrderTerms:
    facts: dict[str, Any] = {
        "client_order_id": name,
        "trade_id": "trade-1",
        "symbol": "AAPL",
        "side": Side.BUY,
        "quantity": Qty(Decimal(quantity)),
        "type": OrderType.LIMIT,
        "role": Role.ENTRY,
        "limit_price": Price(Decimal(price)),
    }
    return OrderTerms(**(facts | more))


def books(*orders: Order, **more: Any) -> Books:
    return account(orders={order.id: order for order in orders}, **more)


def working(terms: OrderTerms, **more: Any) -> Order:
    return Order(terms=terms, state=more.pop("state", S.ACCEPTED), **more)


def seen(*orders: OrderTerms, positions: Mapping[str, Decimal] = FLAT, at: int = AT) -> AccountReported:
    return AccountReported(at=at, cause="minute", orders=orders, positions=dict(positions))


def told(known: Books, decision: Decision) -> Books:
    for event in decision.events:
        known = evolve(known, event)
    return known


def once(known: Books, report: AccountReported) -> tuple[Decision, Books]:
    if known.reconciled_at >= report.at:  # each question is put two seconds after the last
        report = replace(report, at=known.reconciled_at + 2 * SECOND)
    decision = reconcile(known, report)
    return decision, told(known, decision)


def twice(known: Books, report: AccountReported) -> tuple[Decision, Books]:
    """The same answer again, two seconds later."""
    _, known = once(known, report)
    return once(known, replace(report, at=report.at + 2 * SECOND))


def differences(decision: Decision) -> tuple[Difference, ...]:
    summary = decision.events[0]
    assert isinstance(summary, AccountReconciled)
    return summary.differences


def rest(decision: Decision) -> list[type]:
    return [type(event) for event in decision.events[1:]]


# -- what is asked for


def test_executions_are_asked_for_from_well_before_the_last_time() -> None:
    known = books(opened_at=AT - 60 * MINUTE, reconciled_at=AT, filled_at=AT)
    assert question(known, "minute") == AskAccount(since=AT - 15 * MINUTE, cause="minute")


def test_a_desk_whose_clock_is_an_hour_ahead_asks_by_the_time_of_the_venue() -> None:
    known = books(opened_at=AT - 60 * MINUTE, reconciled_at=AT + 60 * MINUTE, filled_at=AT)
    assert question(known, "minute").since == AT - 15 * MINUTE
    late = books(opened_at=AT + 60 * MINUTE, reconciled_at=AT + 60 * MINUTE, filled_at=AT)
    assert question(late, "minute").since <= AT


def test_until_something_is_filled_all_since_the_opening_is_asked_for() -> None:
    known = books(opened_at=AT, reconciled_at=AT + 300 * MINUTE)
    assert question(known, "minute").since == AT


def test_nothing_is_asked_for_from_before_the_account_was_opened() -> None:
    known = books(opened_at=AT, reconciled_at=AT + MINUTE, filled_at=AT + MINUTE)
    assert question(known, "start").since == AT


# -- all is well


def test_where_both_agree_that_is_all_there_is_to_say() -> None:
    entry = limit("a")
    known = books(working(entry), positions=holding("MSFT", "3", "10.00"))
    decision, after = once(known, seen(entry, positions={"MSFT": Decimal(3)}))
    (summary,) = decision.events
    assert isinstance(summary, AccountReconciled)
    assert (summary.orders, summary.positions, summary.differences, summary.strangers) == (1, 1, (), ())
    assert decision.effects == ()
    assert after == replace(known, reconciled_at=AT, events=known.events + 1)


@pytest.mark.parametrize("state", [S.DRAFT, S.SUBMITTED, S.UNKNOWN, S.FILLED, S.CANCELLED, S.REJECTED])
def test_an_order_that_need_not_be_at_the_venue_is_not_missed(state: OrderState) -> None:
    assert differences(reconcile(books(working(limit("a"), state=state)), seen())) == ()


def test_what_is_left_of_an_order_is_compared_and_not_what_it_was_for() -> None:
    order = working(limit("a"), state=S.PARTIALLY_FILLED, filled=Decimal(2))
    assert differences(reconcile(books(order), seen(limit("a", "3")))) == ()


def test_the_price_of_a_trailing_stop_is_the_venues_to_move() -> None:
    trail = limit(
        "a", type=OrderType.TRAILING_STOP, limit_price=None, trail_fraction=Decimal("0.05"), role=Role.STOP
    )
    moved = replace(trail, stop_price=Price(Decimal(97)))
    assert differences(reconcile(books(working(trail)), seen(moved))) == ()


@pytest.mark.parametrize("state", [S.PENDING_CANCEL, S.PENDING_REPLACE])
def test_the_terms_of_an_order_that_is_being_changed_are_not_compared(state: OrderState) -> None:
    assert differences(reconcile(books(working(limit("a"), state=state)), seen(limit("a", "9")))) == ()


@pytest.mark.parametrize("state", [S.ACCEPTED, S.PENDING_CANCEL, S.UNKNOWN])
def test_an_order_in_doubt_is_no_new_difference_and_is_asked_about_whether_or_not_its_timer_was_lost(
    state: OrderState,
) -> None:
    order = working(limit("a"), state=state, doubt_since=AT - SECOND, sent_at=7)
    decision = reconcile(books(order), seen())
    assert differences(decision) == ()
    assert rest(decision) == []
    assert decision.effects == (AskVenue(trace="trade-1", symbol="AAPL", client_order_id="a", since=7),)


def test_in_a_suspended_symbol_a_person_is_at_it_already() -> None:
    known = books(positions=holding("AAPL", "5", "100.00"), suspended={"AAPL": "a split"})
    assert differences(reconcile(known, seen())) == ()


# -- an order that is not there


@pytest.mark.parametrize("state", [S.ACCEPTED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_REPLACE])
def test_a_working_order_that_the_venue_does_not_list_is_asked_about_at_once(state: OrderState) -> None:
    order = working(limit("a"), state=state, sent_at=7)
    decision, after = once(books(order), seen())
    assert differences(decision) == (
        Difference(kind=Differs.MISSING, subject="a", ours=state, theirs="none"),
    )
    assert rest(decision) == [OrderInDoubt]
    assert decision.effects == (AskVenue(trace="trade-1", symbol="AAPL", client_order_id="a", since=7),)
    assert after.orders["a"].is_in_doubt
    assert after.orders["a"].state is state, "nothing is concluded from a list"


# -- other terms than ours


def test_a_list_that_is_older_than_a_fill_makes_no_order_larger_however_often_it_is_seen() -> None:
    """Several answers of one moment may come one after the other, at times that are far apart in a replay."""
    order = working(limit("a", "6"), state=S.PARTIALLY_FILLED, filled=Decimal(3))
    decision, after = twice(books(order), seen(limit("a", "6")))
    assert rest(decision) == [OrderInDoubt]
    assert [type(effect) for effect in decision.effects] == [AskVenue]
    assert after.orders["a"].terms.quantity == 6


def test_terms_that_differ_are_taken_over_when_they_differ_twice_in_the_same_way() -> None:
    order = working(limit("a"), state=S.PARTIALLY_FILLED, filled=Decimal(1))
    theirs = limit("a", "2", "99.00")
    decision, _ = once(books(order), seen(theirs))
    assert rest(decision) == []
    assert decision.effects == (SetTimer(timer=TIMER, about="", due_at=AT + 2 * SECOND),)
    decision, after = twice(books(order), seen(theirs))
    assert rest(decision) == [OrderRestated]
    terms = after.orders["a"].terms
    assert (terms.quantity, terms.limit_price) == (Qty(Decimal(3)), Price(Decimal("99.00")))
    assert after.orders["a"].remaining == 2
    assert differences(reconcile(after, seen(theirs))) == ()


def test_terms_that_differ_in_another_way_each_time_are_not_taken_over() -> None:
    _, known = once(books(working(limit("a"))), seen(limit("a", "2")))
    decision = reconcile(known, seen(limit("a", "3")))
    assert rest(decision) == []
    assert len(decision.effects) == 1


# -- an order that is not ours


def test_an_order_of_somebody_elses_is_shown_once_and_stays() -> None:
    stranger = limit("typed-in-the-app")
    decision, known = once(books(), seen(stranger))
    assert rest(decision) == []
    decision, known = once(known, seen(stranger))
    assert rest(decision) == [ExternalOrderSeen]
    assert decision.effects == ()
    decision, known = once(known, seen(stranger))
    assert rest(decision) == []
    assert known.strangers == ("typed-in-the-app",)
    _, known = once(known, seen())
    assert known.strangers == ()


@pytest.mark.parametrize("state", [S.REJECTED, S.CANCELLED, S.EXPIRED, S.FILLED])
def test_an_order_of_ours_that_should_be_over_and_is_listed_is_cancelled_until_it_is_gone(
    state: OrderState,
) -> None:
    order = working(limit("a"), state=state)
    decision, known = twice(books(order), seen(limit("a")))
    assert differences(decision)[0].ours == state
    assert rest(decision) == [OrderFound]
    (cancel,) = decision.effects
    assert isinstance(cancel, CancelAtVenue)
    assert (cancel.client_order_id, cancel.is_stray) == ("a", True)
    decision, _ = once(known, seen(limit("a")))
    assert rest(decision) == [OrderFound]


def lapsed(**more: Any) -> Books:
    trade = Trade(
        id="trade-1",
        symbol="AAPL",
        strategy="s",
        direction=Direction.LONG,
        state=TradeState.ORDER_PLACED,
        entry_id="a",
    )
    order = working(limit("a"), state=S.REJECTED, doubt_since=1, is_sent=True)
    return books(lapsed={"a": Lapsed(trade, {order.id: order})}, **more)


def test_an_entry_that_was_given_up_and_is_listed_is_ours_to_end() -> None:
    decision, after = twice(lapsed(), seen(limit("a")))
    assert rest(decision) == [TradeRevived, OrderAccepted, CancelOrder]
    assert after.orders["a"].state is S.ACCEPTED
    assert after.active == {"AAPL": "trade-1"}
    assert after.strangers == ()


def a_list_given_up(**leg: Any) -> Books:
    known = lapsed()
    given_up = {"state": S.REJECTED, "doubt_since": 1, "is_sent": True} | leg
    legs = {
        name: working(limit(name, side=Side.SELL, role=Role.STOP, parent="a"), **given_up)
        for name in ("b", "c")
    }
    one = known.lapsed["a"]
    return replace(known, lapsed={"a": replace(one, orders=one.orders | legs)})


def test_a_list_that_was_given_up_and_is_listed_comes_back_once_to_be_ended() -> None:
    decision, after = twice(a_list_given_up(), seen(limit("c"), limit("b"), limit("a")))
    assert rest(decision) == [TradeRevived, OrderAccepted, CancelOrder]
    assert {name: order.state for name, order in after.orders.items()} == {
        "a": S.ACCEPTED,
        "b": S.UNKNOWN,
        "c": S.UNKNOWN,
    }
    assert after.strangers == ()


def test_legs_that_are_listed_alone_have_an_entry_that_is_asked_about() -> None:
    decision, after = twice(a_list_given_up(), seen(limit("b"), limit("c")))
    assert rest(decision) == [TradeRevived, OrderAccepted, OrderInDoubt]
    asked = [effect for effect in decision.effects if isinstance(effect, AskVenue)]
    assert [effect.client_order_id for effect in asked] == ["a"]
    assert after.orders["a"].is_in_doubt
    assert after.orders["b"].state is after.orders["c"].state is S.UNKNOWN


def test_a_leg_that_the_venue_has_ended_and_lists_all_the_same_is_a_persons_to_end() -> None:
    decision, _ = twice(a_list_given_up(state=S.CANCELLED, doubt_since=0), seen(limit("b")))
    assert rest(decision) == [ExternalOrderSeen]


def test_the_terms_of_an_order_in_doubt_are_not_compared_before_the_venue_has_answered() -> None:
    order = working(limit("a"), doubt_since=1)
    decision, _ = twice(books(order), seen(limit("a", quantity="2")))
    assert differences(decision) == ()
    assert [type(effect) for effect in decision.effects] == [AskVenue]


def test_beside_another_trade_it_is_a_persons_to_end() -> None:
    decision, after = twice(lapsed(active={"AAPL": "trade-2"}), seen(limit("a")))
    assert rest(decision) == [ExternalOrderSeen]
    assert after.active == {"AAPL": "trade-2"}


# -- a position that differs


@pytest.mark.parametrize(
    ("ours", "theirs"), [("5", "7"), ("5", "0"), ("0", "5"), ("5", "-5"), ("0.5", "0.25")]
)
def test_a_position_that_differs_twice_in_the_same_way_is_disputed_once(ours: str, theirs: str) -> None:
    known = books(
        positions=holding("AAPL", ours, "100.00") if ours != "0" else {}, active={"AAPL": "trade-1"}
    )
    report = seen(positions={"AAPL": Decimal(theirs)} if theirs != "0" else FLAT)
    decision, once_seen = once(known, report)
    assert rest(decision) == []
    assert not once_seen.disputed
    decision, disputed = once(once_seen, report)
    assert rest(decision) == [PositionDisputed]
    event = decision.events[1]
    assert isinstance(event, PositionDisputed)
    assert (event.symbol, event.ours, event.theirs, event.trace) == (
        "AAPL", Decimal(ours), Decimal(theirs), "trade-1",
    )  # fmt: skip
    assert disputed.disputed == {"AAPL": f"{Decimal(ours)} in the books, {Decimal(theirs)} at the venue"}
    decision, after = once(disputed, report)
    assert rest(decision) == []
    assert after.disputed == disputed.disputed


def test_a_dispute_that_goes_on_in_another_way_is_said_anew() -> None:
    known = books(positions=holding("AAPL", "5", "100.00"))
    _, known = twice(known, seen(positions={"AAPL": Decimal(7)}))
    _, known = once(known, seen(positions={"AAPL": Decimal(8)}))
    decision, known = once(known, seen(positions={"AAPL": Decimal(8)}))
    assert rest(decision) == [PositionDisputed]
    assert known.disputed == {"AAPL": "5 in the books, 8 at the venue"}


def test_a_difference_that_is_gone_the_next_time_was_a_report_on_its_way() -> None:
    known = books(positions=holding("AAPL", "5", "100.00"))
    _, known = once(known, seen())
    _, known = once(known, seen(positions={"AAPL": Decimal(5)}))
    decision, known = once(known, seen())
    assert rest(decision) == []
    assert not known.disputed


def test_a_dispute_is_over_when_both_agree_again() -> None:
    known = books(positions=holding("AAPL", "5", "100.00"))
    _, known = twice(known, seen())
    decision, known = once(known, seen(positions={"AAPL": Decimal(5)}))
    assert rest(decision) == [PositionAgreed]
    assert not known.disputed
    assert not known.suspects


def test_a_dispute_is_not_over_because_its_symbol_was_suspended_as_well() -> None:
    known = books(positions=holding("AAPL", "5", "100.00"))
    _, known = twice(known, seen())
    known = replace(known, suspended={"AAPL": "a split"})
    decision, after = once(known, seen())
    assert rest(decision) == []
    assert after.disputed == known.disputed


def test_what_others_hold_in_the_account_belongs_to_what_the_venue_has() -> None:
    known = books(
        positions=holding("AAPL", "5", "100.00"),
        external=holding("AAPL", "2", "90.00", Direction.SHORT) | holding("MSFT", "3", "10.00"),
    )
    report = seen(positions={"AAPL": Decimal(3), "MSFT": Decimal(3)})
    assert differences(reconcile(known, report)) == ()


# -- whatever the venue says

NAMES = st.sampled_from(["a", "b", "c"])
LISTS = st.dictionaries(NAMES, st.sampled_from(["2", "5"])).map(
    lambda named: tuple(limit(name, quantity) for name, quantity in named.items())
)
HELD = st.dictionaries(st.sampled_from(["AAPL", "MSFT"]), st.sampled_from([Decimal(5), Decimal(-2)]))


@given(st.lists(st.tuples(LISTS, HELD), max_size=8))
def test_only_what_differs_twice_running_is_acted_on_and_no_order_is_ever_sent(
    reports: list[tuple[tuple[OrderTerms, ...], dict[str, Decimal]]],
) -> None:
    known = books(working(limit("a")), positions=holding("AAPL", "5", "100.00"))
    before: tuple[Difference, ...] = ()
    for step, (listed, held) in enumerate(reports):
        decision = reconcile(known, seen(*listed, positions=held, at=AT + step * MINUTE))
        found = differences(decision)
        repeated = {one.subject for one in found if one in before}
        for event in decision.events[1:]:
            if isinstance(event, PositionDisputed):
                assert event.symbol in repeated
            elif isinstance(event, ExternalOrderSeen):
                assert event.terms.client_order_id in repeated
            elif isinstance(event, OrderRestated):
                assert event.client_order_id in repeated
        assert all(isinstance(effect, AskVenue | SetTimer) for effect in decision.effects)
        known, before = told(known, decision), found
        assert known.positions == holding("AAPL", "5", "100.00"), "a list never changes what is held"
        assert known.disputed.keys() <= {one.subject for one in found}


def test_two_looks_at_one_moment_are_one_look() -> None:
    # Start and reconnect ask within milliseconds; a fill that was heard since would differ from both answers.
    known = books(reconciled_at=AT - MINUTE)
    report = seen(positions={"AAPL": Decimal(5)})
    _, known = once(known, report)
    decision = reconcile(known, replace(report, at=report.at + SECOND // 100))
    assert rest(decision) == []
    assert any(isinstance(effect, SetTimer) for effect in decision.effects)
    assert rest(once(told(known, decision), report)[0]) == [PositionDisputed]
