"""What leaves first, what must wait, and that nothing is lost on the way out."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.effects import (
    AskAccount,
    AskVenue,
    CancelAtVenue,
    Effect,
    FetchQuote,
    OrderEffect,
    PlaceOrders,
    ReplaceAtVenue,
)
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, Order, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.kernel import Asked
from tradewrit.runtime.outbox import Lane, Outbox, lane_of, outdated

ENTRY, STOP, TARGET, EXIT = Role.ENTRY, Role.STOP, Role.TARGET, Role.EXIT
NOBODY = Books()


def terms(name: str, role: Role = ENTRY, symbol: str = "AAPL") -> OrderTerms:
    return OrderTerms(
        client_order_id=name,
        trade_id="t",
        symbol=symbol,
        side=Side.BUY if role is ENTRY else Side.SELL,
        quantity=Qty(Decimal(5)),
        type=OrderType.MARKET,
        role=role,
    )


def place(*orders: OrderTerms) -> PlaceOrders:
    return PlaceOrders(symbol=orders[0].symbol, approved=Approved(orders=orders, by=("risk:x",), at=1))


def cancel(name: str, symbol: str = "AAPL") -> CancelAtVenue:
    return CancelAtVenue(symbol=symbol, client_order_id=name)


def move(name: str, symbol: str = "AAPL") -> ReplaceAtVenue:
    return ReplaceAtVenue(symbol=symbol, client_order_id=name, stop_price=Price(Decimal(170)))


def books(*orders: OrderTerms, state: OrderState = OrderState.SUBMITTED) -> Books:
    return Books(orders={one.client_order_id: Order(terms=one, state=state) for one in orders})


def filled(*effects: Effect, known: Books = NOBODY) -> Outbox:
    outbox = Outbox()
    for effect in effects:
        outbox.put(Asked(effect, "executor"), known)
    return outbox


def leaves(outbox: Outbox) -> list[Effect]:
    """What leaves, each when the one before has been answered."""
    left = []
    while (asked := outbox.next()) is not None:
        left.append(asked.effect)
        outbox.done(asked)
    return left


def take(outbox: Outbox) -> Asked:
    asked = outbox.next()
    assert asked is not None
    return asked


# -- how urgent it is


@pytest.mark.parametrize(
    ("effect", "lane"),
    [
        (cancel("a"), Lane.PROTECTION),
        (place(terms("s", STOP), terms("t", TARGET)), Lane.PROTECTION),
        (move("s"), Lane.PROTECTION),
        (place(terms("x", EXIT)), Lane.EXITS),
        (AskVenue(symbol="AAPL", client_order_id="a"), Lane.QUESTIONS),
        (AskAccount(since=0, cause="minute"), Lane.QUESTIONS),
        (place(terms("a")), Lane.ENTRIES),
        (place(terms("a"), terms("s", STOP)), Lane.ENTRIES),
        (move("a"), Lane.ENTRIES),
        (FetchQuote(symbol="AAPL"), Lane.DATA),
    ],
    ids=lambda value: getattr(value, "name", type(value).__name__),
)
def test_what_reduces_risk_is_more_urgent_than_what_adds_it(effect: Effect, lane: Lane) -> None:
    assert lane_of(effect, books(terms("a"), terms("s", STOP))) is lane


def test_the_most_urgent_leaves_first_however_late_it_came() -> None:
    entry, data = place(terms("a")), FetchQuote(symbol="AAPL")
    question, exit_ = AskVenue(symbol="AAPL", client_order_id="b"), place(terms("x", EXIT, "MSFT"))
    protection = cancel("c", "TSLA")
    outbox = filled(data, entry, question, exit_, protection)
    assert [asked.effect for asked in outbox.waiting()] == [protection, exit_, question, entry, data]
    assert leaves(outbox) == [protection, exit_, question, entry, data]
    assert outbox.is_idle


# -- one write of a symbol at a time


def test_a_second_write_of_a_symbol_waits_for_the_answer_to_the_first_and_others_do_not() -> None:
    outbox = filled(cancel("a"), cancel("b"), cancel("c", "MSFT"))
    first = take(outbox)
    assert first.effect == cancel("a")
    assert take(outbox).effect == cancel("c", "MSFT")
    assert outbox.next() is None
    assert (len(outbox), outbox.in_flight) == (1, 2)
    outbox.done(first)
    assert take(outbox).effect == cancel("b")


def test_the_writes_of_a_symbol_leave_in_the_order_in_which_they_were_decided() -> None:
    orders = [place(terms(f"a{number}")) for number in range(5)]
    assert leaves(filled(*orders)) == orders


def test_a_cancel_overtakes_the_entries_of_its_symbol() -> None:
    entry = place(terms("b"))
    assert leaves(filled(entry, cancel("a"))) == [cancel("a"), entry]


def test_a_question_waits_for_no_write() -> None:
    question = AskVenue(symbol="AAPL", client_order_id="a")
    outbox = filled(cancel("a"), question)
    take(outbox)
    assert take(outbox).effect == question


def test_no_more_than_so_many_questions_are_under_way_at_a_time() -> None:
    outbox = Outbox(most_asked=2)
    for number in range(3):
        outbox.put(Asked(AskVenue(symbol="AAPL", client_order_id=f"{number}"), "executor"), NOBODY)
    first, _ = take(outbox), take(outbox)
    assert outbox.next() is None
    outbox.done(first)
    assert outbox.next() is not None


def test_a_question_that_waits_already_is_not_asked_twice_and_a_write_is() -> None:
    question = AskVenue(symbol="AAPL", client_order_id="a")
    assert leaves(filled(question, question)) == [question]
    assert leaves(filled(cancel("a"), cancel("a"))) == [cancel("a"), cancel("a")]


def test_a_question_asked_while_the_same_is_in_flight_leaves_again() -> None:
    question = Asked(AskVenue(symbol="AAPL", client_order_id="a"), "executor")
    outbox = Outbox()
    outbox.put(question, NOBODY)
    take(outbox)
    outbox.put(question, NOBODY)  # what is known by now may be old when it comes
    assert len(outbox) == 1


def test_an_answer_that_comes_twice_frees_its_symbol_once() -> None:
    outbox = filled(cancel("a"), cancel("b"), cancel("c"))
    first = take(outbox)
    outbox.done(first)
    second = take(outbox)
    outbox.done(first)
    assert outbox.next() is None, "the second is still under way"
    outbox.done(second)
    assert outbox.next() is not None


# -- what need not leave any more


def test_an_order_that_still_waits_can_be_taken_back_with_its_list() -> None:
    bracket = place(terms("a"), terms("s", STOP), terms("t", TARGET))
    other = place(terms("b"))
    outbox = filled(bracket, other)
    for name in ("s", "b"):
        found = outbox.take_back(name)
        assert found is not None
        assert found.effect == (other if name == "b" else bracket)
    assert outbox.take_back("a") is None
    assert outbox.is_idle


def test_what_is_in_flight_cannot_be_taken_back() -> None:
    outbox = filled(place(terms("a")))
    take(outbox)
    assert outbox.take_back("a") is None
    assert outbox.in_flight == 1


@pytest.mark.parametrize("state", OrderState)
def test_what_the_books_have_overtaken_does_not_leave(state: OrderState) -> None:
    known = books(terms("a"), state=state)
    is_over = not known.orders["a"].is_live
    assert outdated(place(terms("a")), known) is (state is not OrderState.SUBMITTED)
    assert outdated(cancel("a"), known) is is_over
    assert outdated(move("a"), known) is (state is not OrderState.PENDING_REPLACE)
    assert not outdated(AskVenue(symbol="AAPL", client_order_id="a"), known)
    assert not outdated(AskAccount(since=0, cause="minute"), known)


def test_what_no_order_belongs_to_any_more_does_not_leave() -> None:
    assert all(outdated(effect, NOBODY) for effect in (place(terms("a")), cancel("a"), move("a")))


def test_a_list_of_which_one_is_over_does_not_leave_at_all() -> None:
    known = books(terms("a"), terms("s", STOP))
    over = replace(known.orders["s"], state=OrderState.CANCELLED)
    bracket = place(terms("a"), terms("s", STOP))
    assert not outdated(bracket, known)
    assert outdated(bracket, replace(known, orders=known.orders | {"s": over}))


# -- whatever happens

SYMBOLS = ("AAPL", "MSFT", "TSLA")
NAMES = st.integers(0, 30).map(lambda number: f"o{number}")


@st.composite
def effects(draw: st.DrawFn) -> Effect:
    name, symbol = draw(NAMES), draw(st.sampled_from(SYMBOLS))
    role = draw(st.sampled_from(Role))
    return draw(
        st.sampled_from(
            [
                place(terms(name, role, symbol)),
                place(terms(name, ENTRY, symbol), terms(f"{name}-s", STOP, symbol)),
                cancel(name, symbol),
                move(name, symbol),
                AskVenue(symbol=symbol, client_order_id=name),
                AskAccount(since=0, cause="minute"),
                FetchQuote(symbol=symbol),
            ]
        )
    )


STEPS = st.lists(
    st.one_of(effects(), st.just("leave"), st.tuples(st.just("answer"), st.integers(0, 5)), NAMES),
    max_size=80,
)


def written(flying: Sequence[Asked]) -> list[str]:
    return [asked.effect.symbol for asked in flying if isinstance(asked.effect, OrderEffect)]


@given(STEPS)
def test_never_are_two_writes_of_a_symbol_in_flight_and_nothing_is_lost(steps: list[object]) -> None:
    outbox, put = Outbox(most_asked=2), [0]
    flying: list[Asked] = []
    ended = 0
    for step in steps:
        match step:
            case Effect():
                before = len(outbox)
                outbox.put(Asked(step, "executor"), NOBODY)
                put.append(len(outbox) - before)
                assert put[-1] == 1 or not isinstance(step, OrderEffect)
            case "leave":
                waiting = list(outbox.waiting())
                asked = outbox.next()
                if asked is not None:
                    better = waiting[: waiting.index(asked)]
                    busy = set(written(flying))
                    # Whatever was more urgent had to wait for its symbol, or for a place to ask.
                    assert all(
                        one.effect.symbol in busy for one in better if isinstance(one.effect, OrderEffect)
                    )
                    flying.append(asked)
            case ("answer", int(which)) if flying:
                outbox.done(flying.pop(which % len(flying)))
                ended += 1
            case str(name):
                found = outbox.take_back(name)
                ended += found is not None
                assert not any(
                    isinstance(one.effect, PlaceOrders)
                    and found is None
                    and name in {terms.client_order_id for terms in one.effect.approved.orders}
                    for one in outbox.waiting()
                )
            case _:
                pass
        assert len(written(flying)) == len(set(written(flying)))
        assert len(flying) - len(written(flying)) <= 2
        assert outbox.in_flight == len(flying)
        assert sum(put) == len(outbox) + len(flying) + ended
    for asked in flying:
        outbox.done(asked)
    ended += len(flying) + len(leaves(outbox))
    assert outbox.is_idle
    assert ended == sum(put)


def test_where_few_can_be_served_only_what_is_urgent_enough_leaves() -> None:
    outbox = filled(place(terms("e")), FetchQuote(symbol="MSFT"), place(terms("x", EXIT, "IBM")))
    asked = outbox.next(Lane.EXITS)
    assert asked is not None
    assert asked.effect.subject == "x"
    assert outbox.next(Lane.EXITS) is None
    assert outbox.next() is not None


def test_what_could_not_leave_after_all_is_the_first_of_its_lane_again() -> None:
    outbox = filled(place(terms("first")), place(terms("second", symbol="MSFT")))
    asked = outbox.next()
    assert asked is not None
    outbox.back(asked, NOBODY)
    assert (len(outbox), outbox.in_flight) == (2, 0)
    assert outbox.next() is asked
