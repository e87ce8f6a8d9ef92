"""What is concluded when nobody answered, told of one order in one state, at one kind of venue."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.risk.proposing import account, holding, sized
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import PAPER, Dedupe
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import AskVenue, CancelAtVenue, PlaceOrders, ReplaceAtVenue, SetTimer
from tradewrit.domain.events.account import SymbolSuspended
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    ModifyRefused,
    ModifyRequested,
    OrderCancelled,
    OrderDoubtSettled,
    OrderExpired,
    OrderInDoubt,
    OrderRejected,
    OrderResent,
    OrderUnknown,
)
from tradewrit.domain.folding import evolve
from tradewrit.domain.market import SECOND, MarketPhase
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Order, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.positions import Direction
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk import doubts

S = OrderState
ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
SENT = 1_000 * SECOND
LATE = SENT + 11 * SECOND
"""A request that left at SENT can no longer be taken at PAPER's kind of venue."""
ASKED = AskVenue(trace="trade-1", symbol="AAPL", client_order_id="o", since=SENT)


class At:
    """A market at one price, in one phase."""

    def __init__(self, price: str | None = "100.00", phase: MarketPhase = MarketPhase.OPEN) -> None:
        self.price, self.at_phase = price, phase

    def mark(self, symbol: str) -> Price | None:
        del symbol
        return None if self.price is None else Price(Decimal(self.price))

    def phase(self, at: int) -> MarketPhase:
        del at
        return self.at_phase


def an_order(state: OrderState, role: Role = ENTRY, **more: Any) -> Order:
    facts: dict[str, Any] = {
        "doubt_since": SENT if state is S.UNKNOWN else 0,
        "sent_at": SENT,
        "approved_by": ("risk:x",),
    }
    terms = OrderTerms(
        client_order_id=more.pop("name", "o"),
        trade_id="trade-1",
        symbol="AAPL",
        side=Side.BUY if role is ENTRY else Side.SELL,
        quantity=Qty(Decimal(5)),
        type=OrderType.MARKET,
        role=role,
        parent=more.pop("parent", None),
        oco=more.pop("oco", None),
    )
    return Order(terms=terms, state=state, **(facts | more))


def books(*orders: Order, dedupe: Dedupe = Dedupe.FOREVER, **more: Any) -> Books:
    known = account(capabilities=replace(PAPER, dedupe=dedupe))
    trade = Trade(
        id="trade-1",
        symbol="AAPL",
        strategy="s",
        direction=Direction.LONG,
        state=TradeState.ORDER_PLACED,
        sized=sized(known, 5),
    )
    facts: dict[str, Any] = {
        "orders": {order.id: order for order in orders},
        "trades": {"trade-1": trade},
        "active": {"AAPL": "trade-1"},
    }
    if any(order.terms.role is not ENTRY for order in orders):
        facts["positions"] = holding("AAPL", "5", "100.00")
    return replace(known, **(facts | more))


def report(kind: Exec, at: int = SENT, order_id: str = "o", code: str = "") -> ExecutionReport:
    return ExecutionReport(
        at=at, exec_id=f"{kind}:{at}", client_order_id=order_id, kind=kind, reason="their words", code=code
    )


def judged(order: Order, kind: Exec, at: int = SENT, market: At | None = None, **more: Any) -> Decision:
    return doubts.judge(books(order, **more), market or At(), report(kind, at))  # type: ignore[arg-type]


def due(decision: Decision) -> int:
    """After how many seconds it is asked about again."""
    (timer,) = decision.effects
    assert isinstance(timer, SetTimer)
    assert (timer.timer, timer.about, timer.trace) == (doubts.TIMER, "o", "trade-1")
    return timer.due_at


def only(decision: Decision) -> Any:
    (event,) = decision.events
    return event


# -- a write was lost


def test_an_order_that_was_lost_is_unknown_and_asked_about_at_once() -> None:
    lost = judged(an_order(S.SUBMITTED), Exec.UNKNOWN)
    assert isinstance(only(lost), OrderUnknown)
    assert only(lost).reason == "their words"
    assert lost.effects == (ASKED,)


@pytest.mark.parametrize("state", [S.PENDING_CANCEL, S.PENDING_REPLACE])
def test_a_change_that_was_lost_leaves_the_order_as_it_is_and_is_asked_about(state: OrderState) -> None:
    lost = judged(an_order(state), Exec.UNKNOWN)
    assert isinstance(only(lost), OrderInDoubt)
    assert only(lost).times == 0
    assert lost.effects == (ASKED,)


def test_a_cancel_that_is_lost_again_and_again_is_asked_about_less_and_less_often() -> None:
    lost = [judged(an_order(S.PENDING_CANCEL, doubts=times), Exec.UNKNOWN) for times in (1, 3, 9)]
    assert [due(one) - SENT for one in lost] == [2 * SECOND, 8 * SECOND, 60 * SECOND]
    assert [only(one).times for one in lost] == [2, 4, 10]


@pytest.mark.parametrize("state", [S.UNKNOWN, S.ACCEPTED, S.FILLED, S.CANCELLED, S.REJECTED])
def test_a_loss_that_is_settled_by_now_says_nothing(state: OrderState) -> None:
    assert judged(an_order(state), Exec.UNKNOWN) == NOTHING


def test_a_loss_of_an_order_nobody_knows_says_nothing() -> None:
    assert doubts.judge(Books(), At(), report(Exec.UNKNOWN)) == NOTHING  # type: ignore[arg-type]


def test_a_venue_that_is_to_cancel_what_it_does_not_know_settles_nothing() -> None:
    denial = report(Exec.CANCEL_REJECTED, code=Rejection.UNKNOWN_ORDER)
    known = books(an_order(S.PENDING_CANCEL))
    assert doubts.concerns(known, denial)
    assert not doubts.concerns(books(an_order(S.ACCEPTED)), denial)
    assert not doubts.concerns(Books(), denial)
    assert not doubts.concerns(known, report(Exec.CANCEL_REJECTED, code=Rejection.TOO_LATE))
    assert not doubts.concerns(known, report(Exec.REJECTED, code=Rejection.UNKNOWN_ORDER))
    decision = doubts.judge(known, At(), denial)  # type: ignore[arg-type]
    assert isinstance(only(decision), OrderInDoubt)
    assert decision.effects == (ASKED,)


# -- the venue could not be asked, or told all it knows


def test_it_is_asked_again_at_growing_intervals_up_to_a_minute() -> None:
    waits = [judged(an_order(S.UNKNOWN, doubts=times), Exec.UNANSWERED) for times in range(9)]
    assert [(due(wait) - SENT) // SECOND for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [only(wait).times for wait in waits] == list(range(1, 10))


def test_a_cancel_that_the_venue_has_not_done_is_asked_for_again() -> None:
    again = judged(an_order(S.PENDING_CANCEL, doubt_since=SENT), Exec.ANSWERED)
    assert only(again).times == 1
    assert again.effects == (CancelAtVenue(trace="trade-1", symbol="AAPL", client_order_id="o"),)


@pytest.mark.parametrize(("at", "times"), [(SENT, 0), (LATE, 1), (LATE - 2 * SECOND, 9)])
def test_a_change_that_the_venue_has_not_made_may_still_be_on_its_way(at: int, times: int) -> None:
    wait = judged(an_order(S.PENDING_REPLACE, doubt_since=SENT, doubts=times), Exec.ANSWERED, at)
    assert isinstance(only(wait), OrderInDoubt)
    assert due(wait) > at


def test_a_change_that_the_venue_has_not_made_and_can_no_longer_get_is_off() -> None:
    off = judged(an_order(S.PENDING_REPLACE, doubt_since=SENT, doubts=2), Exec.ANSWERED, LATE)
    assert isinstance(only(off), ModifyRefused)
    assert only(off).is_answer
    assert only(off).is_unsent
    assert off.effects == ()


def test_a_change_of_what_the_venue_calls_filled_is_off_at_once() -> None:
    order = an_order(S.PENDING_REPLACE, filled=Decimal(5), most_asked=Decimal(8), doubt_since=SENT)
    told = replace(report(Exec.ANSWERED), cumulative=Decimal(5))
    known = books(order)
    off = doubts.judge(known, At(), told)  # type: ignore[arg-type]
    refused, over = off.events
    assert isinstance(refused, ModifyRefused)
    assert isinstance(over, OrderCancelled)
    assert over.filled == 5
    larger = doubts.judge(known, At(), replace(told, quantity=Decimal(8)))  # type: ignore[arg-type]
    assert isinstance(only(larger), OrderInDoubt)


@pytest.mark.parametrize("state", [S.ACCEPTED, S.PENDING_REPLACE, S.PENDING_CANCEL])
def test_an_order_that_the_venue_calls_over_is_over(state: OrderState) -> None:
    order = an_order(state, EXIT, filled=Decimal(2), doubt_since=SENT)
    told = replace(report(Exec.ANSWERED), cumulative=Decimal(2), quantity=Decimal(2))
    over = only(doubts.judge(books(order), At(), told))  # type: ignore[arg-type]
    assert isinstance(over, OrderCancelled)
    assert over.filled == 2


def test_an_order_that_works_as_the_books_have_it_is_in_doubt_no_longer() -> None:
    settled = judged(an_order(S.ACCEPTED, doubt_since=SENT, doubts=2), Exec.ANSWERED)
    assert isinstance(only(settled), OrderDoubtSettled)
    assert settled.effects == ()


@pytest.mark.parametrize("kind", [Exec.ABSENT, Exec.ANSWERED, Exec.UNANSWERED])
def test_an_answer_to_a_question_that_is_settled_by_now_says_nothing(kind: Exec) -> None:
    assert judged(an_order(S.ACCEPTED), kind) == NOTHING
    assert judged(an_order(S.SUBMITTED), kind) == NOTHING


# -- the venue knows no such order


@pytest.mark.parametrize(("at", "times"), [(SENT, 0), (LATE, 1), (LATE - 2 * SECOND, 9)])
@pytest.mark.parametrize("dedupe", Dedupe)
def test_an_entry_is_not_absent_before_its_request_is_dead_and_it_was_asked_for_three_times(
    at: int, times: int, dedupe: Dedupe
) -> None:
    wait = judged(an_order(S.UNKNOWN, doubts=times), Exec.ABSENT, at, dedupe=dedupe)
    assert isinstance(only(wait), OrderInDoubt)
    assert due(wait) > at


@pytest.mark.parametrize("dedupe", [Dedupe.FOREVER, Dedupe.OPEN_ONLY])
def test_then_it_goes_out_once_more_the_same_order_under_the_same_name(dedupe: Dedupe) -> None:
    order = an_order(S.UNKNOWN, doubts=2)
    sent = judged(order, Exec.ABSENT, LATE, dedupe=dedupe)
    assert isinstance(only(sent), OrderResent)
    (placed,) = sent.effects
    assert isinstance(placed, PlaceOrders)
    assert placed.approved.orders == (order.terms,)
    assert placed.approved.by == order.approved_by
    assert evolve(books(order), only(sent)).orders["o"].state is S.SUBMITTED


def test_a_venue_that_takes_an_id_twice_is_never_sent_an_entry_twice_and_a_person_is_asked() -> None:
    asked = judged(an_order(S.UNKNOWN, doubts=2), Exec.ABSENT, LATE, dedupe=Dedupe.NONE)
    assert isinstance(only(asked), SymbolSuspended)
    assert only(asked).orders == ("o",)
    assert asked.effects == ()
    again = judged(
        an_order(S.UNKNOWN, doubts=3), Exec.ABSENT, LATE, dedupe=Dedupe.NONE, suspended={"AAPL": "asked"}
    )
    assert again == NOTHING


@pytest.mark.parametrize("role", [STOP, TARGET, EXIT])
def test_protection_at_such_a_venue_is_given_up_so_that_it_is_decided_anew(role: Role) -> None:
    gone = judged(an_order(S.UNKNOWN, role, doubts=2), Exec.ABSENT, LATE, dedupe=Dedupe.NONE)
    assert isinstance(only(gone), OrderRejected)
    assert only(gone).code == Rejection.NOT_SENT


@pytest.mark.parametrize("role", [STOP, TARGET, EXIT])
def test_protection_does_not_wait_where_the_venue_never_takes_an_id_twice(role: Role) -> None:
    order = an_order(S.UNKNOWN, role)
    assert isinstance(only(judged(order, Exec.ABSENT)), OrderResent)
    assert isinstance(only(judged(order, Exec.ABSENT, dedupe=Dedupe.OPEN_ONLY)), OrderInDoubt)


def test_protection_that_was_sent_again_in_vain_waits_longer_each_time() -> None:
    for resent, seconds in ((1, 2), (2, 4), (3, 8)):
        order = an_order(S.UNKNOWN, STOP, resent=resent)
        early, late = SENT + seconds * SECOND - 1, SENT + seconds * SECOND
        assert isinstance(only(judged(order, Exec.ABSENT, early)), OrderInDoubt)
        assert isinstance(only(judged(order, Exec.ABSENT, late)), OrderResent)


def test_a_list_goes_out_again_whole_and_in_its_order() -> None:
    legs = [
        an_order(S.UNKNOWN, role, name=name, parent="o", oco="x")
        for role, name in ((STOP, "s"), (TARGET, "t"))
    ]
    entry = an_order(S.UNKNOWN, doubts=2)
    for asked_about in ("o", "s"):
        first = replace(legs[0], doubts=2)
        known = books(entry, first, legs[1])
        sent = doubts.judge(known, At(), report(Exec.ABSENT, LATE, asked_about))  # type: ignore[arg-type]
        assert [event.client_order_id for event in sent.events if isinstance(event, OrderResent)] == [
            "o",
            "s",
            "t",
        ]
        (placed,) = sent.effects
        assert isinstance(placed, PlaceOrders)
        assert [terms.client_order_id for terms in placed.approved.orders] == ["o", "s", "t"]


def test_of_two_that_exclude_each_other_only_what_is_unknown_goes_out_again() -> None:
    stop = an_order(S.ACCEPTED, STOP, name="s", oco="x")
    target = an_order(S.UNKNOWN, TARGET, oco="x")
    sent = doubts.judge(books(stop, target), At(), report(Exec.ABSENT))  # type: ignore[arg-type]
    assert only(sent).client_order_id == "o"


@pytest.mark.parametrize(
    ("why", "market", "changes"),
    [
        ("trading is halted", At(), {"halted": "enough"}),
        ("split", At(), {"suspended": {"AAPL": "a split"}}),
        ("at the venue", At(), {"disputed": {"AAPL": "5 in the books, 7 at the venue"}}),
        ("the market is closed", At(phase=MarketPhase.CLOSED), {}),
        ("there is no price", At(None), {}),
        ("the price moved 200.0 bps", At("102.00"), {}),
        ("no decision it belongs to", At(), {"trades": {}}),
    ],
)
def test_an_entry_that_would_not_be_sent_today_is_given_up_instead(
    why: str, market: At, changes: dict[str, Any]
) -> None:
    gone = judged(an_order(S.UNKNOWN, doubts=2), Exec.ABSENT, LATE, market, **changes)
    rejected = gone.events[0]
    assert isinstance(rejected, OrderRejected)
    assert rejected.code == Rejection.NOT_SENT
    assert why in rejected.reason
    assert gone.effects == ()


def test_a_clock_that_was_set_back_does_not_keep_an_order_in_doubt() -> None:
    back = SENT - 3_600 * SECOND
    early, late = (judged(an_order(S.UNKNOWN, doubts=n), Exec.ABSENT, back) for n in (3, 4))
    assert isinstance(only(early), OrderInDoubt)
    assert not isinstance(late.events[0], OrderInDoubt)


def test_an_entry_decided_on_a_price_that_is_too_old_is_given_up() -> None:
    rejected = judged(an_order(S.UNKNOWN, doubts=2), Exec.ABSENT, SENT + 300 * SECOND).events[0]
    assert isinstance(rejected, OrderRejected)
    assert "older than 300 s" in rejected.reason


def test_protection_is_sent_again_whatever_the_market_does_as_long_as_there_is_something_to_protect() -> None:
    order, closed = an_order(S.UNKNOWN, STOP), At(None, MarketPhase.CLOSED)
    assert isinstance(only(judged(order, Exec.ABSENT, SENT, closed, halted="enough")), OrderResent)
    assert isinstance(only(judged(order, Exec.ABSENT, SENT, closed, positions={})), OrderInDoubt)
    gone = judged(an_order(S.UNKNOWN, STOP, doubts=2), Exec.ABSENT, LATE, closed, positions={})
    assert "nothing is held" in only(gone).reason


@pytest.mark.parametrize("state", [S.ACCEPTED, S.PARTIALLY_FILLED, S.PENDING_CANCEL, S.PENDING_REPLACE])
@pytest.mark.parametrize("dedupe", Dedupe)
def test_an_order_the_venue_had_once_and_knows_no_more_is_over_in_the_end(
    state: OrderState, dedupe: Dedupe
) -> None:
    order = an_order(state, STOP, doubt_since=SENT, broker_order_id="venue-7", filled=Decimal(2))
    assert isinstance(only(judged(order, Exec.ABSENT, dedupe=dedupe)), OrderInDoubt)
    gone = only(judged(replace(order, doubts=2), Exec.ABSENT, LATE, dedupe=dedupe))
    assert isinstance(gone, OrderCancelled)
    assert (gone.filled, gone.reason) == (Decimal(2), "the venue no longer knows it")


def test_an_order_the_venue_acknowledged_without_a_name_of_its_own_is_no_different() -> None:
    order = an_order(S.ACCEPTED, STOP, doubt_since=SENT, doubts=2)
    assert isinstance(only(judged(order, Exec.ABSENT, LATE)), OrderCancelled)


def test_an_order_that_was_to_be_cancelled_and_never_arrived_is_given_up_and_not_sent_again() -> None:
    order = an_order(S.PENDING_CANCEL, doubt_since=SENT)
    assert isinstance(only(judged(order, Exec.ABSENT)), OrderInDoubt)
    gone = judged(replace(order, doubts=2), Exec.ABSENT, LATE)
    assert isinstance(gone.events[0], OrderRejected)
    assert gone.effects == ()


# -- after a restart


@pytest.mark.parametrize("state", OrderState)
def test_after_a_restart_whatever_has_no_answer_is_asked_about_and_nothing_is_sent(state: OrderState) -> None:
    order = an_order(state)
    asked = doubts.reopened(books(order), SENT + SECOND)
    if state in {S.SUBMITTED, S.UNKNOWN, S.PENDING_CANCEL, S.PENDING_REPLACE}:
        assert asked.effects == (ASKED,)
    else:
        assert asked == NOTHING
    known = books(order)
    for event in asked.events:
        known = evolve(known, event)
    assert known.orders["o"].is_in_doubt is bool(asked.effects)


def test_a_doubt_survives_a_restart() -> None:
    order = an_order(S.ACCEPTED, doubt_since=SENT, doubts=3)
    assert doubts.reopened(books(order), SENT + SECOND) == Decision(effects=(ASKED,))


def test_a_timer_asks_once_more_unless_it_is_settled() -> None:
    assert doubts.asked_again(books(an_order(S.UNKNOWN)), "o", LATE).effects == (ASKED,)
    assert doubts.asked_again(books(an_order(S.ACCEPTED)), "o", LATE) == NOTHING
    assert doubts.asked_again(Books(), "o", LATE) == NOTHING


def changed_again(role: Role, held: str) -> Decision:
    """What is done about an order of 5 whose change is in doubt, while so much is held."""
    order = an_order(S.PENDING_REPLACE, role, doubt_since=SENT, doubts=1)
    known = books(order, positions=holding("AAPL", held, "100.00", trade_id="trade-1"))
    ours = replace(known.trades["trade-1"], stop_price=Price(Decimal(90)), **{f"{role}_id": "o"})
    return doubts.asked_again(replace(known, trades={"trade-1": ours}), "o", LATE)


@pytest.mark.parametrize("held", ["3", "5", "8"])
def test_a_lost_change_of_protection_is_asked_for_again_for_what_is_held_by_now(held: str) -> None:
    """Also where the books have it for that: the venue may have done what was lost."""
    again = changed_again(STOP, held)
    asked = only(again)
    assert isinstance(asked, ModifyRequested)
    assert (asked.quantity, asked.at) == (Decimal(held), LATE)
    (sent,) = again.effects
    assert isinstance(sent, ReplaceAtVenue)
    assert sent.quantity == Decimal(held)


def test_any_other_change_that_was_lost_is_asked_about() -> None:
    assert changed_again(ENTRY, "8").effects == (ASKED,)


def test_a_repetition_that_was_not_taken_says_nothing_of_the_change_it_repeats() -> None:
    known = books(an_order(S.PENDING_REPLACE, STOP, doubt_since=SENT, doubts=1))
    denial = report(Exec.REPLACE_REJECTED, code=Rejection.NOT_TAKEN)
    assert doubts.concerns(known, denial)
    wait = doubts.judge(known, At(), denial)  # type: ignore[arg-type]
    assert isinstance(only(wait), OrderInDoubt)
    assert due(wait) == SENT + 2 * SECOND
    assert not doubts.concerns(known, report(Exec.REPLACE_REJECTED, code=Rejection.MALFORMED))
    assert not doubts.concerns(books(an_order(S.PENDING_REPLACE, STOP)), denial)


def test_a_change_that_was_repeated_is_dead_when_its_last_request_is() -> None:
    order = an_order(S.PENDING_REPLACE, doubt_since=SENT, doubts=9, changed_at=LATE)
    assert isinstance(only(judged(order, Exec.ANSWERED, LATE + 9 * SECOND)), OrderInDoubt)
    assert isinstance(only(judged(order, Exec.ANSWERED, LATE + 10 * SECOND)), ModifyRefused)


# -- whatever is answered, in whatever order

ANSWERS = st.lists(
    st.tuples(
        st.sampled_from([Exec.UNKNOWN, Exec.ABSENT, Exec.ANSWERED, Exec.UNANSWERED]), st.integers(0, 30)
    ),
    max_size=30,
)


@given(ANSWERS, st.sampled_from(Dedupe), st.sampled_from([ENTRY, STOP]))
def test_whatever_is_answered_an_order_in_doubt_is_asked_about_sent_or_settled(
    answers: list[tuple[Exec, int]], dedupe: Dedupe, role: Role
) -> None:
    known, at, sent = books(an_order(S.SUBMITTED, role), dedupe=dedupe), SENT, 1
    for kind, seconds in answers:
        at += seconds * SECOND
        before = known.orders["o"]
        decision = doubts.judge(known, At(), report(kind, at))  # type: ignore[arg-type]
        for event in decision.events:
            known = evolve(known, event)
        order = known.orders["o"]
        placed = [effect for effect in decision.effects if isinstance(effect, PlaceOrders)]
        sent += len(placed)
        if placed:
            assert before.state is S.UNKNOWN, "nothing is sent again that may be at work"
            assert kind is Exec.ABSENT
            assert dedupe is not Dedupe.NONE
            if role is ENTRY or dedupe is Dedupe.OPEN_ONLY:
                assert at >= before.doubt_since + PAPER.acceptance_s * SECOND
                assert before.doubts >= 2
        if order.is_in_doubt and decision.events and not known.suspended:
            assert decision.effects, "a doubt that nobody looks into"
    assert sent == 1 + known.orders["o"].resent
    assert dedupe is not Dedupe.NONE or sent == 1


@pytest.mark.parametrize(
    ("kind", "end"), [(Exec.CANCELED, OrderCancelled), (Exec.EXPIRED, OrderExpired)], ids=["cancel", "expiry"]
)
@pytest.mark.parametrize(
    "order",
    [
        an_order(S.ACCEPTED, doubt_since=SENT),
        an_order(S.PARTIALLY_FILLED, filled=Decimal(3)),  # the fills that came with the answer settled it
        an_order(S.PENDING_CANCEL, doubt_since=SENT),
        an_order(S.UNKNOWN),
    ],
    ids=lambda order: order.state,
)
def test_what_the_venue_calls_over_when_it_is_asked_is_over(order: Order, kind: Exec, end: type) -> None:
    over = only(doubts.judge(books(order), At(), report(Exec.ANSWERED, LATE, code=kind)))  # type: ignore[arg-type]
    assert type(over) is end
    assert (over.filled, over.trace) == (order.filled, "trade-1")  # type: ignore[attr-defined]


def test_after_a_restart_a_leg_waits_for_the_answer_about_its_entry() -> None:
    leg = an_order(S.UNKNOWN, STOP, name="leg", parent="o")
    entry = an_order(S.ACCEPTED, doubt_since=SENT)
    assert doubts.reopened(books(leg, entry), LATE).effects == (ASKED,)
    over = replace(entry, state=S.CANCELLED)
    assert doubts.reopened(books(leg, over), LATE).effects == (replace(ASKED, client_order_id="leg"),)


@pytest.mark.parametrize("kind", [Exec.ANSWERED, Exec.ABSENT])
def test_legs_are_asked_about_once_the_venue_has_told_what_it_knows_of_a_dead_entry(kind: Exec) -> None:
    entry, leg = an_order(S.FILLED), an_order(S.UNKNOWN, STOP, name="leg", parent="o")
    asked = doubts.judge(books(entry, leg), At(), report(kind, LATE))  # type: ignore[arg-type]
    assert asked == Decision(effects=(replace(ASKED, client_order_id="leg"),))


def test_an_order_that_the_venue_had_filled_is_over_though_a_correction_has_left_it_less() -> None:
    order = an_order(S.PARTIALLY_FILLED, EXIT, filled=Decimal(3), doubt_since=SENT)
    told = replace(report(Exec.ANSWERED, LATE), cumulative=Decimal(5))
    over = only(doubts.judge(books(order), At(), told))  # type: ignore[arg-type]
    assert isinstance(over, OrderCancelled)
    assert over.filled == 3
    works = replace(told, cumulative=Decimal(4))
    assert isinstance(only(doubts.judge(books(order), At(), works)), OrderDoubtSettled)  # type: ignore[arg-type]


def test_of_a_stop_in_doubt_the_venue_is_asked_every_few_seconds_at_least() -> None:
    waits = [due(judged(an_order(S.UNKNOWN, STOP, doubts=n), Exec.UNANSWERED)) for n in range(8)]
    assert [(at - SENT) // SECOND for at in waits] == [1, 2, 4, 8, 8, 8, 8, 8]
    waits = [due(judged(an_order(S.UNKNOWN, doubts=n), Exec.UNANSWERED)) for n in range(8)]
    assert [(at - SENT) // SECOND for at in waits] == [1, 2, 4, 8, 16, 32, 60, 60]
