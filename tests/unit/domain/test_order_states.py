"""The order machine, against tables written here from the requirements and not read from the code."""

from decimal import Decimal
from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.books import Books
from tradewrit.domain.events.account import TransitionRefused
from tradewrit.domain.events.orders import (
    CancelRequested,
    Exec,
    ExecutionReport,
    ModifyRequested,
    OrderDoubtSettled,
    OrderInDoubt,
    OrderReleased,
    OrderRequested,
    OrderResent,
    OrderUnknown,
    ReportQuarantined,
)
from tradewrit.domain.folding import evolve
from tradewrit.domain.money import ZERO, Price, Qty
from tradewrit.domain.orders import (
    TERMINAL,
    TRANSITIONS,
    On,
    OrderState,
    OrderTerms,
    OrderType,
    Role,
    Side,
    advance,
    can,
)
from tradewrit.domain.reports import interpret
from tradewrit.errors import InvalidTransitionError

S = OrderState

# Every legal move: state, trigger, next state. The first lines are the requirements' own; the rest is
# what venues do besides.
EDGES = """
draft             submit       submitted
submitted         accept       accepted
accepted          fill_some    partially_filled
partially_filled  fill_rest    filled
accepted          cancel       cancelled
submitted         reject       rejected

submitted         fill_rest    filled
accepted          fill_rest    filled
partially_filled  cancel       cancelled
partially_filled  expire       expired
accepted          expire       expired
accepted          reject       rejected

draft             cancel       cancelled
draft             expire       expired
submitted         fill_some    partially_filled
submitted         cancel       cancelled
submitted         expire       expired
partially_filled  fill_some    partially_filled
cancelled         fill_some    cancelled
cancelled         fill_rest    filled
expired           fill_some    expired
expired           fill_rest    filled
rejected          fill_some    rejected
rejected          fill_rest    filled
filled            fill_rest    filled
filled            replace      partially_filled

submitted         lose         unknown
unknown           submit       submitted
unknown           accept       accepted
unknown           reject       rejected
unknown           fill_some    partially_filled
unknown           fill_rest    filled
unknown           cancel       cancelled
unknown           expire       expired
unknown           ask_cancel   pending_cancel

submitted         ask_cancel   pending_cancel
accepted          ask_cancel   pending_cancel
partially_filled  ask_cancel   pending_cancel
pending_cancel    accept       pending_cancel
pending_cancel    fill_some    pending_cancel
pending_cancel    fill_rest    filled
pending_cancel    cancel       cancelled
pending_cancel    expire       expired
pending_cancel    reject       rejected
pending_cancel    refuse       accepted
pending_cancel    replace      pending_cancel

accepted          ask_replace  pending_replace
partially_filled  ask_replace  pending_replace
pending_replace   fill_some    pending_replace
pending_replace   fill_rest    filled
pending_replace   replace      accepted
pending_replace   refuse       accepted
pending_replace   cancel       cancelled
pending_replace   expire       expired
pending_replace   ask_cancel   pending_cancel
accepted          replace      accepted
partially_filled  replace      partially_filled
"""
LEGAL = {
    (S(state), On(on)): S(after) for state, on, after in (line.split() for line in EDGES.splitlines() if line)
}

# From row to column in one move, over the eight states that every broker knows.
# D: in the source document (OS-9 to OS-14).  A: added by need (OS-15).  o: ours, for what venues send.
PAIRS = """
                   draft submitted accepted partially_filled filled cancelled rejected expired
draft                .       D         .           .            .       o         .       o
submitted            .       .         D           o            A       o         D       o
accepted             .       .         o           D            A       D         A       A
partially_filled     .       .         .           o            D       A         .       A
filled               .       .         .           o            o       .         .       .
cancelled            .       .         .           .            o       o         .       .
rejected             .       .         .           .            o       .         o       .
expired              .       .         .           .            o       .         .       o
"""


def marks(matrix: str) -> dict[tuple[str, str], str]:
    head, *rows = (line.split() for line in matrix.splitlines() if line.strip())
    return {(row[0], column): mark for row in rows for column, mark in zip(head, row[1:], strict=True)}


@pytest.mark.parametrize(("state", "on"), list(product(OrderState, On)), ids=str)
def test_every_state_and_trigger_either_moves_as_written_or_raises_naming_both(
    state: OrderState, on: On
) -> None:
    if (state, on) in LEGAL:
        assert can(state, on)
        assert advance(state, on) is LEGAL[state, on]
        return
    assert not can(state, on)
    with pytest.raises(
        InvalidTransitionError, match=f"order: cannot transition from {state} on {on}"
    ) as raised:
        advance(state, on)
    assert (raised.value.machine, raised.value.state, raised.value.wanted) == ("order", state, on)


@pytest.mark.parametrize(("pair", "mark"), list(marks(PAIRS).items()), ids=str)
def test_the_eight_states_lead_to_each_other_as_the_matrix_says(pair: tuple[str, str], mark: str) -> None:
    before, after = map(OrderState, pair)
    assert (after in TRANSITIONS[before].values()) == (mark != ".")


def test_the_matrix_covers_the_eight_states_and_the_documents_six_moves() -> None:
    table = marks(PAIRS)
    assert len(table) == 64
    assert {pair for pair, mark in table.items() if mark == "D"} == {
        ("draft", "submitted"),
        ("submitted", "accepted"),
        ("accepted", "partially_filled"),
        ("partially_filled", "filled"),
        ("accepted", "cancelled"),
        ("submitted", "rejected"),
    }


def test_the_eight_names_and_ours() -> None:
    assert [state.name for state in OrderState] == [
        "DRAFT", "SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "FILLED", "CANCELLED", "REJECTED", "EXPIRED",
        "UNKNOWN", "PENDING_CANCEL", "PENDING_REPLACE",
    ]  # fmt: skip


def test_only_late_word_of_a_fill_or_of_a_larger_quantity_leaves_a_terminal_state() -> None:
    assert {S.FILLED, S.CANCELLED, S.REJECTED, S.EXPIRED} == TERMINAL
    leaving = {(state, on) for state in TERMINAL for on in On if can(state, on)}
    fills = set(product([S.CANCELLED, S.EXPIRED, S.REJECTED], [On.FILL_SOME, On.FILL_REST]))
    assert leaving == fills | {(S.FILLED, On.FILL_REST), (S.FILLED, On.REPLACE)}


def test_every_state_is_reached_from_a_draft_and_an_end_is_reached_from_every_state() -> None:
    reached = {S.DRAFT}
    while more := {after for state in reached for after in TRANSITIONS[state].values()} - reached:
        reached |= more
    assert reached == set(OrderState)
    ending = set(TERMINAL)
    while more := {state for state in OrderState if ending & set(TRANSITIONS[state].values())} - ending:
        ending |= more
    assert ending == set(OrderState)


@given(st.lists(st.sampled_from(On)))
def test_no_sequence_of_triggers_leaves_the_machine_or_undoes_a_fill(
    triggers: list[On],
) -> None:
    path = [OrderState.DRAFT]
    for on in triggers:
        path.append(advance(path[-1], on) if can(path[-1], on) else path[-1])
    assert set(path) <= set(OrderState)
    for (before, after), on in zip(pairwise(path), triggers, strict=True):
        grows = on is On.REPLACE  # it was larger than we had heard
        assert before is not S.FILLED or after is before or grows
        assert before not in TERMINAL or after in TERMINAL or grows
        assert after is not S.DRAFT or before is S.DRAFT


# -- the same machine as the books see it


def requested(quantity: str = "10", held: str = "") -> OrderRequested:
    terms = OrderTerms(
        client_order_id="order-1",
        trade_id="trade-1",
        symbol="AAPL",
        side=Side.BUY,
        quantity=Qty(Decimal(quantity)),
        type=OrderType.LIMIT,
        role=Role.ENTRY,
        limit_price=Price(Decimal("175.50")),
    )
    return OrderRequested(at=1, terms=terms, approved_by=("risk:1",), reserved=Decimal(1000), held=held)


def report(kind: Exec, quantity: str = "0", price: str | None = None, exec_id: str = "e") -> ExecutionReport:
    return ExecutionReport(
        at=2,
        exec_id=exec_id,
        client_order_id="order-1",
        kind=kind,
        broker_order_id="venue-7",
        last_quantity=Decimal(quantity),
        last_price=None if price is None else Price(Decimal(price)),
        reason="the venue's own words",
    )


def told(books: Books, said: ExecutionReport) -> Books:
    """What the executor does with a report, and what the books make of it."""
    for event in interpret(books, said).events:
        books = evolve(books, event)
    return books


def after(*said: ExecutionReport, books: Books | None = None) -> Books:
    books = evolve(Books(), requested()) if books is None else books
    for one in said:
        books = told(books, one)
    return books


def test_a_held_order_is_a_draft_until_it_is_released() -> None:
    draft = evolve(Books(), requested(held="market closed"))
    assert draft.orders["order-1"].state is S.DRAFT
    assert (
        evolve(draft, OrderReleased(at=2, client_order_id="order-1")).orders["order-1"].state is S.SUBMITTED
    )


def test_the_intent_makes_a_submitted_order_and_the_acknowledgement_an_accepted_one() -> None:
    assert after().orders["order-1"].state is S.SUBMITTED
    order = after(report(Exec.NEW)).orders["order-1"]
    assert (order.state, order.broker_order_id) == (S.ACCEPTED, "venue-7")


def test_fills_add_up_from_partially_filled_to_filled() -> None:
    some = after(report(Exec.NEW), report(Exec.TRADE, "4", "175.50")).orders["order-1"]
    assert (some.state, some.filled, some.remaining, some.reserve) == (
        S.PARTIALLY_FILLED,
        Decimal(4),
        Decimal(6),
        Decimal(600),
    )
    full = after(
        report(Exec.NEW), report(Exec.TRADE, "4", "175.50"), report(Exec.TRADE, "6", "175.00")
    ).orders["order-1"]
    assert (full.state, full.filled, full.average_price, full.reserve) == (
        S.FILLED,
        Decimal(10),
        Decimal("175.20"),
        ZERO,
    )


def test_a_fill_that_comes_first_implies_the_acknowledgement() -> None:
    order = after(report(Exec.TRADE, "10", "175.50")).orders["order-1"]
    assert (order.state, order.broker_order_id) == (S.FILLED, "venue-7")


@pytest.mark.parametrize(
    ("kind", "state"),
    [(Exec.CANCELED, S.CANCELLED), (Exec.EXPIRED, S.EXPIRED), (Exec.REJECTED, S.REJECTED)],
)
def test_an_accepted_order_ends_as_the_venue_says(kind: Exec, state: OrderState) -> None:
    assert after(report(Exec.NEW), report(kind)).orders["order-1"].state is state


@pytest.mark.parametrize("kind", [Exec.CANCELED, Exec.EXPIRED])
def test_what_had_filled_stays_filled_when_the_rest_dies(kind: Exec) -> None:
    order = after(report(Exec.NEW), report(Exec.TRADE, "4", "175.50"), report(kind)).orders["order-1"]
    assert (order.filled, order.value, order.is_live, order.reserve) == (
        Decimal(4),
        Decimal("702.00"),
        False,
        ZERO,
    )


def test_a_rejection_keeps_the_venues_reason() -> None:
    order = after(report(Exec.REJECTED)).orders["order-1"]
    assert (order.state, order.reason) == (S.REJECTED, "the venue's own words")


def test_a_late_fill_reopens_nothing() -> None:
    late = after(report(Exec.CANCELED), report(Exec.TRADE, "3", "175.50")).orders["order-1"]
    assert (late.state, late.filled, late.is_live) == (S.CANCELLED, Decimal(3), False)


def test_an_order_that_traded_is_partially_filled_again_when_its_cancel_is_refused() -> None:
    asked = evolve(
        after(report(Exec.NEW), report(Exec.TRADE, "4", "175.50")),
        CancelRequested(at=3, client_order_id="order-1", reason="exit"),
    )
    assert asked.orders["order-1"].state is S.PENDING_CANCEL
    order = told(asked, report(Exec.CANCEL_REJECTED)).orders["order-1"]
    assert (order.state, order.filled) == (S.PARTIALLY_FILLED, Decimal(4))


def test_a_replacement_keeps_one_order_with_new_terms_and_a_higher_version() -> None:
    asked = evolve(
        after(report(Exec.NEW)), ModifyRequested(at=3, client_order_id="order-1", quantity=Decimal(8))
    )
    assert asked.orders["order-1"].state is S.PENDING_REPLACE
    reply = ExecutionReport(
        at=4,
        exec_id="r",
        client_order_id="order-1",
        kind=Exec.REPLACED,
        quantity=Decimal(8),
        broker_order_id="v-8",
    )
    order = told(asked, reply).orders["order-1"]
    assert (order.state, order.version, order.terms.quantity, order.broker_order_id) == (
        S.ACCEPTED,
        2,
        Qty(Decimal(8)),
        "v-8",
    )
    assert order.terms.limit_price == Decimal("175.50")


def test_a_change_that_was_given_up_for_lost_and_was_only_late_still_counts() -> None:
    changed = ExecutionReport(
        at=4, exec_id="r", client_order_id="order-1", kind=Exec.REPLACED, quantity=Decimal(8)
    )
    working = after(report(Exec.NEW))
    order = told(working, changed).orders["order-1"]
    assert (order.state, order.terms.quantity, order.version) == (S.ACCEPTED, Qty(Decimal(8)), 2)
    part = told(working, report(Exec.TRADE, "4", "175.50"))
    order = told(part, changed).orders["order-1"]
    assert (order.state, order.remaining, order.version) == (S.PARTIALLY_FILLED, Decimal(4), 2)
    over = told(part, report(Exec.CANCELED))
    assert told(over, changed).orders == over.orders


def test_silence_makes_an_order_unknown_and_the_venues_answer_settles_it() -> None:
    lost = evolve(after(), OrderUnknown(at=2, client_order_id="order-1", reason="no answer"))
    order = lost.orders["order-1"]
    assert (order.state, order.is_live, order.is_in_doubt) == (S.UNKNOWN, True, True)
    assert told(lost, report(Exec.TRADE, "10", "175.50")).orders["order-1"].state is S.FILLED


def test_a_doubt_begins_once_counts_on_and_ends_with_any_move_of_the_order() -> None:
    working = after(report(Exec.NEW))
    first = evolve(working, OrderInDoubt(at=5, client_order_id="order-1", times=0, reason="not listed"))
    again = evolve(first, OrderInDoubt(at=9, client_order_id="order-1", times=1, reason="not listed"))
    order = again.orders["order-1"]
    assert (order.state, order.doubt_since, order.doubts, order.is_in_doubt) == (S.ACCEPTED, 5, 1, True)
    settled = evolve(again, OrderDoubtSettled(at=10, client_order_id="order-1"))
    assert settled.orders == working.orders
    moved = told(again, report(Exec.TRADE, "4", "175.50")).orders["order-1"]
    assert (moved.state, moved.is_in_doubt, moved.doubts) == (S.PARTIALLY_FILLED, False, 0)
    over = told(again, report(Exec.CANCELED))
    late = evolve(over, OrderInDoubt(at=11, client_order_id="order-1", times=2, reason="not listed"))
    assert late.orders == over.orders


def test_an_order_sent_again_is_on_its_way_like_the_first_time_and_under_its_new_writ() -> None:
    lost = evolve(after(), OrderUnknown(at=2, client_order_id="order-1", reason="no answer"))
    again = OrderResent(
        at=9, client_order_id="order-1", reason="absent", agent_id="spiffe://a", token_id="t2"
    )
    order = evolve(lost, again).orders["order-1"]
    assert (order.state, order.is_in_doubt, order.doubts) == (S.SUBMITTED, False, 0)
    assert (order.agent_id, order.token_id, order.reason) == ("spiffe://a", "t2", "")


@pytest.mark.parametrize("kind", [Exec.UNKNOWN, Exec.ABSENT, Exec.ANSWERED, Exec.UNANSWERED])
def test_what_the_desk_says_itself_is_no_report_of_the_venues(kind: Exec) -> None:
    assert not interpret(after(report(Exec.NEW)), report(kind)).events


def test_an_impossible_report_is_kept_whole_and_moves_nothing() -> None:
    books = after(report(Exec.NEW), report(Exec.TRADE, "10", "175.50"))
    odd = report(Exec.CANCELED)
    refused, held = interpret(books, odd).events
    assert isinstance(refused, TransitionRefused)
    assert (refused.state, refused.wanted, refused.subject) == ("filled", "cancel", "order-1")
    assert isinstance(held, ReportQuarantined)
    assert held.report == odd
    assert told(books, odd).orders == books.orders


def test_a_report_about_an_order_nobody_knows_is_quarantined() -> None:
    (held,) = interpret(Books(), report(Exec.TRADE, "1", "1")).events
    assert isinstance(held, ReportQuarantined)


REPORTS = st.builds(
    report,
    st.sampled_from(Exec),
    quantity=st.integers(0, 12).map(str),
    price=st.sampled_from([None, "175.50", "174.25"]),
)


@given(st.lists(REPORTS, max_size=20))
def test_whatever_a_venue_says_each_fill_counts_once_and_none_is_lost(said: list[ExecutionReport]) -> None:
    books = evolve(Books(), requested())
    filled, value = ZERO, ZERO
    for one in said:
        before = books.orders["order-1"]
        decision = interpret(books, one)
        books = told(books, one)
        order = books.orders["order-1"]
        quarantined = any(isinstance(event, ReportQuarantined) for event in decision.events)
        if one.kind is Exec.TRADE and not quarantined:
            assert one.last_price is not None
            filled += one.last_quantity
            value += one.last_quantity * one.last_price
        if before.state is S.FILLED:
            assert order == before
        assert (order.filled, order.value) == (filled, value)
        assert (order.state is S.FILLED) == (filled >= order.terms.quantity)
        assert order.state is not S.PARTIALLY_FILLED or 0 < filled < order.terms.quantity
