"""`evolve` over any event on any books: it never refuses, never mutates, and keeps to the tables."""

from decimal import Decimal
from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.domain.anything import EVENTS, any_books, happens
from tradewrit.domain import orders, reviews, trades
from tradewrit.domain.books import Books, decode_books
from tradewrit.domain.events import account as ac
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    FillCorrected,
    OrderExpired,
    OrderModified,
    OrderPartiallyFilled,
    OrderReleased,
    OrderRequested,
)
from tradewrit.domain.events.positions import (
    ExitSent,
    FillBooked,
    PositionClosed,
    PositionOpened,
    StopFailed,
    StopHit,
    StopMoved,
    StopSet,
    TargetHit,
    TradeAborted,
    TradeRevived,
)
from tradewrit.domain.events.registry import JOURNALLED, TRANSIENT, decode, name_of
from tradewrit.domain.events.review import (
    Edit,
    ReviewApproved,
    ReviewConsumed,
    ReviewEndorsed,
    ReviewInvalidated,
    ReviewKept,
    ReviewModified,
    ReviewRequested,
)
from tradewrit.domain.events.risk import Breach, DrawdownAlerted, DrawdownCleared, LimitExceeded, RiskApproved
from tradewrit.domain.events.strategy import CandidateFound, ExitSignalled, HoldSignalled, TradeLogged
from tradewrit.domain.folding import FOLDS, STATELESS, evolve
from tradewrit.domain.folds import account as account_folds
from tradewrit.domain.folds import orders as order_folds
from tradewrit.domain.folds import reviews as review_folds
from tradewrit.domain.folds import trades as trade_folds
from tradewrit.domain.folds import twins as twin_folds
from tradewrit.domain.folds import writs as writ_folds
from tradewrit.domain.money import ZERO, Price, Qty
from tradewrit.domain.orders import OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.positions import Fill
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.domain.reviews import ReviewState
from tradewrit.domain.trades import TradeState

# Journalled, and yet without a trace in the books: they explain, ask, or say no. A new event that
# belongs here is added by hand, so that nobody forgets to think about the books.
EXPLAIN = """
account.halt account.resume account.desk.started account.adopt_position account.fill.external account.order.found credential.effect.denied credential.renewal.failed kernel.transition.refused
strategy.scan.started strategy.evaluate.started strategy.entry.signal
risk.size.calculated
review.decide review.withdraw review.answer.refused review.entry.requoted
order.submit order.cancel order.modify order.report.received order.fill.released
position.set_stop position.update_stop position.close position.protection.moved position.stop.refused
corporate.shares.split corporate.dividend.ex corporate.symbol.changed corporate.shares.delisted
funding.rate.settled order.commission.reported account.resume_symbol
runtime.input.dropped runtime.stream.cut runtime.stream.restored runtime.stream.lost runtime.entries.withheld
runtime.entries.allowed runtime.breaker.opened runtime.breaker.closed market_data.bar.refused market_data.level.believed market_data.believe runtime.position.rescued account.flatten.round account.flatten.ended
"""

LATE_WORD = (FillCorrected, OrderModified, OrderPartiallyFilled)
"""What can still change an order that is filled: a correction, or that it had been made larger before."""
SEQUENCES = st.lists(EVENTS, min_size=1, max_size=10)


def test_every_journalled_event_is_folded_or_is_known_to_change_nothing() -> None:
    assert {name_of(kind) for kind in STATELESS} == set(EXPLAIN.split())
    assert set(FOLDS) | STATELESS == JOURNALLED
    assert not set(FOLDS) & STATELESS
    assert not set(FOLDS) & TRANSIENT


def test_no_event_is_folded_in_two_places() -> None:
    parts = (trade_folds, review_folds, order_folds, twin_folds, account_folds, writ_folds)
    assert sum(len(part.FOLDS) for part in parts) == len(FOLDS)


@given(any_books(), SEQUENCES)
def test_any_books_take_any_event_and_stay_as_they_were_themselves(books: Books, events: list[Event]) -> None:
    for event in events:
        before = books.encoded()
        after = evolve(books, event)
        assert books.encoded() == before
        assert after.events == books.events + 1
        assert decode_books(after.encoded()) == after
        assert evolve(decode_books(before), event).state_hash == after.state_hash
        if type(event) in STATELESS:
            assert replace(after, events=books.events) == books
        books = after


@given(any_books(), SEQUENCES)
def test_a_snapshot_between_two_events_changes_nothing(books: Books, events: list[Event]) -> None:
    restarted = books
    for event in events:
        books, restarted = evolve(books, event), evolve(decode_books(restarted.encoded()), event)
    assert restarted.state_hash == books.state_hash


def test_the_entries_of_which_a_late_fill_may_come_are_the_last_whatever_was_restarted() -> None:
    books = restarted = Books()
    for number in range(40, 0, -1):  # the names fall as time goes on
        for event in an_entry_in_vain(f"{number:02}", at=100 - number):
            books, restarted = evolve(books, event), evolve(decode_books(restarted.encoded()), event)
    assert restarted == books
    assert sorted(books.lapsed) == [f"entry-{number:02}" for number in range(1, 33)]


def test_a_record_from_before_legs_were_remembered_brings_back_what_it_brought_back_then() -> None:
    leg = replace(ENTRY, client_order_id="leg", role=Role.STOP, parent="entry-1")
    *begin, placed, expired, over = an_entry_in_vain("1", at=1)
    leg_placed = replace(PLACED, terms=replace(leg, trade_id="trade-1"), at=1)
    leg_over = replace(expired, client_order_id="leg", role=Role.STOP)
    books = reduce(evolve, [*begin, placed, leg_placed, expired, leg_over, over], Books())
    assert {*books.lapsed["entry-1"].orders} == {"entry-1", "leg"}
    now = TradeRevived(
        at=2, trade_id="trade-1", symbol="AAPL", client_order_id="entry-1", orders=("leg",), asked=()
    )
    then = b'{"event":"position.trade.revived","at":2,"trade_id":"trade-1","symbol":"AAPL","client_order_id":"entry-1"}'
    assert [*evolve(books, decode(then)).orders] == ["entry-1"]
    both = evolve(books, now)
    assert {name: order.state for name, order in both.orders.items()} == {
        "entry-1": OrderState.EXPIRED,
        "leg": OrderState.EXPIRED,
    }
    doubted = evolve(books, replace(now, asked=("leg",)))
    assert (doubted.orders["leg"].state, doubted.orders["leg"].doubt_since) == (OrderState.UNKNOWN, 2)
    assert not both.lapsed


def an_entry_in_vain(name: str, at: int) -> tuple[Event, ...]:
    trade = f"trade-{name}"
    sized = replace(SIZED, proposal=replace(PROPOSAL, trade_id=trade))
    found = replace(FOUND, trade_id=trade, at=at)
    passed, approved = replace(PASSED, sized=sized), replace(APPROVED, trade_id=trade, sized=sized)
    placed = replace(PLACED, terms=replace(ENTRY, client_order_id=f"entry-{name}", trade_id=trade), at=at)
    expired = OrderExpired(
        at=at,
        client_order_id=f"entry-{name}",
        trade_id=trade,
        symbol="AAPL",
        role=Role.ENTRY,
        filled=ZERO,
    )
    over = TradeAborted(at=at, trade_id=trade, symbol="AAPL", outcome="expired", reason="never filled")
    return found, passed, approved, placed, expired, over


@given(any_books(), SEQUENCES)
def test_orders_trades_and_reviews_move_along_their_tables_only(books: Books, events: list[Event]) -> None:
    path = happens(books, events, evolve)
    for event, (before, after) in zip(events, pairwise(path), strict=True):
        for key in before.orders.keys() & after.orders.keys():
            is_late_word = isinstance(event, LATE_WORD) and event.client_order_id == key
            _follows_the_table(before.orders[key], after.orders[key], is_late_word=is_late_word)
        for key in before.trades.keys() & after.trades.keys():
            old, new = before.trades[key].state, after.trades[key].state
            assert new is old or new in trades.TRANSITIONS[old].values()
        for key in before.reviews.keys() & after.reviews.keys():
            was, now = before.reviews[key].state, after.reviews[key].state
            assert now is was or now in reviews.TRANSITIONS[was].values()


def _follows_the_table(old: orders.Order, new: orders.Order, *, is_late_word: bool) -> None:
    reachable = {old.state, *orders.TRANSITIONS[old.state].values()}
    if orders.OrderState.ACCEPTED in reachable and old.filled:
        reachable.add(orders.OrderState.PARTIALLY_FILLED)
    assert new.state in reachable
    if old.state is orders.OrderState.FILLED and not is_late_word:
        assert (new.filled, new.value, new.terms) == (old.filled, old.value, old.terms)


# -- one trade, event by event

PROPOSAL = Proposal(
    trade_id="trade-1",
    symbol="AAPL",
    side=Side.BUY,
    entry_price=Price(Decimal("175.50")),
    strategy="trend_following",
    decided_at=1,
)
SIZED = Sized(
    proposal=PROPOSAL,
    quantity=Decimal(5),
    stop_fraction=Decimal("0.05"),
    target_fraction=Decimal("0.15"),
    stop_price=Price(Decimal("166.72")),
    target_price=Price(Decimal("201.82")),
    cost=Decimal("878.3775"),
    reward_risk=Decimal("3.00"),
    worst_loss=Decimal("43.90"),
)
FOUND = CandidateFound(
    at=1,
    scan="scan-1",
    trade_id="trade-1",
    symbol="AAPL",
    side=Side.BUY,
    strategy="trend_following",
    price=Price(Decimal("175.50")),
    inputs={"rsi": 60.0},
)
PASSED = RiskApproved(
    at=1, decision="risk-1", sized=SIZED, sized_hash=SIZED.hash, inputs_hash="h", expires_at=99
)
APPROVED = ReviewApproved(
    at=1,
    review_id="review-1",
    trade_id="trade-1",
    version=1,
    sized=SIZED,
    sized_hash=SIZED.hash,
    approved_by=("policy:automatic",),
    risk_id="risk-1",
    expires_at=99,
)
ENTRY = OrderTerms(
    client_order_id="entry-1",
    trade_id="trade-1",
    symbol="AAPL",
    side=Side.BUY,
    quantity=Qty(Decimal(5)),
    type=OrderType.MARKET,
    role=Role.ENTRY,
)
PLACED = OrderRequested(at=2, terms=ENTRY, approved_by=("risk:risk-1",), reserved=SIZED.cost)


def filled(side: Side = Side.BUY, role: Role = Role.ENTRY, price: str = "175.50") -> FillBooked:
    amount = Decimal(price) * 5 * -side.sign
    fill = Fill(
        trade_id="trade-1",
        symbol="AAPL",
        side=side,
        quantity=Decimal(5),
        price=Decimal(price),
        fee=ZERO,
        at=3,
    )
    return FillBooked(at=3, client_order_id="entry-1", role=role, fill=fill, cash_change=amount)


OPENED = PositionOpened(
    at=3,
    trade_id="trade-1",
    symbol="AAPL",
    quantity=Decimal(5),
    entry_price=Price(Decimal("175.50")),
    stop_price=Price(Decimal("166.72")),
    target_price=Price(Decimal("201.82")),
)
PROTECTED = StopSet(
    at=4,
    trade_id="trade-1",
    symbol="AAPL",
    stop_price=Price(Decimal("166.72")),
    quantity=Decimal(5),
    client_order_id="s",
)
TARGET = TargetHit(at=5, trade_id="trade-1", symbol="AAPL", price=Price(Decimal("201.82")))
SENT = ExitSent(at=5, trade_id="trade-1", client_order_id="target-1")
SOLD = filled(Side.SELL, Role.TARGET, "201.82")
CLOSED = PositionClosed(
    at=6,
    trade_id="trade-1",
    symbol="AAPL",
    reason="target",
    quantity=Decimal(5),
    gross=Decimal("131.60"),
    fees=ZERO,
    pnl=Decimal("131.60"),
)
LOGGED = TradeLogged(
    at=6,
    trade_id="trade-1",
    symbol="AAPL",
    pnl=Decimal("131.60"),
    reason="target",
    trades=1,
    wins=1,
    win_fraction=Decimal("1.00"),
    reward_risk=Decimal("2.9977"),
)
STORY: tuple[Event, ...] = (
    FOUND, PASSED, APPROVED, PLACED, filled(), OPENED, PROTECTED, TARGET, SENT, SOLD, CLOSED, LOGGED,
)  # fmt: skip
GENESIS = Books(cash=Decimal(100_000), high_water=Decimal(100_000))


def books_after(*events: Event, books: Books = GENESIS) -> Books:
    return happens(books, list(events), evolve)[-1]


def up_to(last: Event) -> Books:
    """The books of the story, with `last` as its latest event."""
    return books_after(*STORY[: STORY.index(last) + 1])


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (FOUND, TradeState.SETUP_DETECTED),
        (APPROVED, TradeState.ENTRY_APPROVED),
        (PLACED, TradeState.ORDER_PLACED),
        (STORY[4], TradeState.FILLED),
        (PROTECTED, TradeState.HOLDING),
        (TARGET, TradeState.EXIT_TRIGGERED),
        (SENT, TradeState.ORDER_CLOSING),
        (CLOSED, TradeState.CLOSED),
    ],
)
def test_a_trade_is_where_its_last_event_put_it(last: Event, state: TradeState) -> None:
    assert up_to(last).trades["trade-1"].state is state


def test_what_risk_froze_and_where_the_protection_lies_stay_with_the_trade() -> None:
    trade = up_to(PROTECTED).trades["trade-1"]
    assert (trade.risk_id, trade.sized, trade.entry_id, trade.correlation) == (
        "risk-1",
        SIZED,
        "entry-1",
        "scan-1",
    )
    assert (trade.stop_price, trade.target_price, trade.opened_at) == (
        Decimal("166.72"),
        Decimal("201.82"),
        3,
    )


def test_a_logged_trade_leaves_the_totals_and_nothing_else() -> None:
    books = up_to(LOGGED)
    assert (books.trades, books.active, books.orders, books.positions) == ({}, {}, {}, {})
    assert books.cash == Decimal("100131.60")
    assert (books.stats.trades, books.stats.wins, books.stats.realised) == (1, 1, Decimal("131.60"))
    assert books.stats.reward_risk_sum == Decimal("2.99772210")


def test_an_entry_held_for_a_closed_market_keeps_the_approval_until_it_is_released() -> None:
    held = books_after(replace(PLACED, held="market closed"), books=up_to(APPROVED))
    assert held.trades["trade-1"].state is TradeState.ENTRY_APPROVED
    released = books_after(OrderReleased(at=3, client_order_id="entry-1"), books=held)
    assert released.trades["trade-1"].state is TradeState.ORDER_PLACED


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (TARGET, "target"),
        (StopHit(at=5, trade_id="trade-1", symbol="AAPL", price=Price(Decimal("166.72"))), "stop"),
        (
            ExitSignalled(at=5, trade_id="trade-1", symbol="AAPL", reason="time", price=Price(Decimal(1))),
            "time",
        ),
    ],
)
def test_target_stop_and_signal_each_trigger_the_exit_and_leave_their_reason(
    event: Event, reason: str
) -> None:
    trade = books_after(event, books=up_to(PROTECTED)).trades["trade-1"]
    assert (trade.state, trade.exit_reason) == (TradeState.EXIT_TRIGGERED, reason)


def test_a_lost_stop_is_a_state_of_its_own_until_there_is_one_again() -> None:
    failed = StopFailed(at=5, trade_id="trade-1", symbol="AAPL", reason="rejected", attempt=1)
    naked = books_after(failed, books=up_to(PROTECTED))
    assert naked.trades["trade-1"].state is TradeState.PROTECTING
    assert books_after(PROTECTED, books=naked).trades["trade-1"].state is TradeState.HOLDING


def test_a_moved_stop_is_remembered() -> None:
    moved = StopMoved(
        at=5, trade_id="trade-1", symbol="AAPL", stop_price=Price(Decimal("170.00")), quantity=Decimal(5)
    )
    assert books_after(moved, books=up_to(PROTECTED)).trades["trade-1"].stop_price == Decimal("170.00")


def test_an_aborted_trade_frees_its_symbol_its_orders_and_its_reservation() -> None:
    aborted = TradeAborted(at=3, trade_id="trade-1", symbol="AAPL", outcome="expired", reason="never filled")
    books = books_after(aborted, books=up_to(PLACED))
    assert (books.trades, books.active, books.orders, books.reserved) == ({}, {}, {}, ZERO)


@pytest.mark.parametrize("event", [PROTECTED, SENT, CLOSED, TARGET], ids=lambda event: type(event).__name__)
def test_an_event_out_of_turn_leaves_the_trade_untouched(event: Event) -> None:
    books = up_to(FOUND)
    assert books_after(event, books=books).trades == books.trades


def test_a_fact_told_twice_does_not_start_over() -> None:
    books = up_to(PROTECTED)
    again = books_after(FOUND, PLACED, books=books)
    assert again.trades == books.trades
    assert again.orders == books.orders
    assert books_after(LOGGED, LOGGED, books=up_to(CLOSED)).stats == up_to(LOGGED).stats


# -- refusals, reviews, the account


def test_a_refusal_names_the_limits_and_ends_the_trade() -> None:
    breach = Breach(limit="buying_power", allowed="500.00", actual="877.50", message="too much")
    refused = LimitExceeded(at=1, trade_id="trade-1", symbol="AAPL", breaches=(breach,))
    books = books_after(FOUND, refused)
    assert (books.trades, books.refused) == ({}, {"AAPL": ("buying_power",)})
    assert books_after(FOUND, PASSED, books=books).refused == {}


def test_a_reason_to_hold_is_kept_so_that_it_is_not_said_again() -> None:
    assert books_after(HoldSignalled(at=1, symbol="AAPL", reason="ratio")).refused == {"AAPL": ("ratio",)}


ASKED = ReviewRequested(
    at=2,
    review_id="review-1",
    trade_id="trade-1",
    version=1,
    shown=SIZED,
    shown_hash=SIZED.hash,
    people_needed=2,
    expires_at=50,
)
EDITED = ReviewModified(
    at=3,
    review_id="review-1",
    trade_id="trade-1",
    actor="maria",
    nonce="n1",
    before=SIZED,
    edit=Edit(quantity=Decimal(4)),
)
PENDING = books_after(FOUND, PASSED, ASKED)


def test_a_question_waits_and_remembers_who_said_yes() -> None:
    assert PENDING.trades["trade-1"].state is TradeState.AWAITING_APPROVAL
    yes = ReviewEndorsed(at=3, review_id="review-1", actor="maria", nonce="n1", still_needed=1)
    task = books_after(yes, books=PENDING).reviews["review-1"]
    assert (task.state, task.approved_by, task.seen) == (ReviewState.PENDING, ("maria",), ("n1",))


def test_an_edit_is_asked_anew_with_a_higher_version_and_no_approvals() -> None:
    yes = ReviewEndorsed(at=3, review_id="review-1", actor="maria", nonce="n0", still_needed=1)
    modified = books_after(yes, EDITED, books=PENDING)
    assert modified.reviews["review-1"].state is ReviewState.MODIFIED
    smaller = replace(SIZED, quantity=Decimal(4))
    again = replace(ASKED, at=4, version=2, shown=smaller, shown_hash=smaller.hash)
    task = books_after(again, books=modified).reviews["review-1"]
    assert (task.state, task.version, task.shown, task.approved_by) == (ReviewState.PENDING, 2, smaller, ())
    assert (task.created_at, task.seen) == (2, ("n0", "n1"))


def test_a_refused_edit_leaves_the_question_as_it_was() -> None:
    kept = ReviewKept(at=4, review_id="review-1", reason="too large")
    task = books_after(EDITED, kept, books=PENDING).reviews["review-1"]
    assert (task.state, task.version, task.note) == (ReviewState.PENDING, 1, "too large")


def test_an_approval_is_consumed_once_and_cannot_be_asked_back_to_life() -> None:
    consumed = ReviewConsumed(at=4, review_id="review-1", trade_id="trade-1")
    books = books_after(APPROVED, consumed, books=PENDING)
    assert books.reviews["review-1"].state is ReviewState.CONSUMED
    too_late = ReviewInvalidated(at=5, review_id="review-1", trade_id="trade-1", reasons=("late",))
    assert books_after(too_late, books=books).reviews == books.reviews
    assert books_after(ASKED, books=books).reviews == books.reviews


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss() -> None:
    books = books_after(ac.CashMoved(at=1, amount=Decimal(-1000), reason="withdrawal"))
    assert (books.cash, books.high_water) == (Decimal("99000.00"), Decimal("99000.00"))


def test_a_halt_lasts_until_a_person_ends_it() -> None:
    halted = books_after(ac.TradingHalted(at=1, actor="maria", reason="odd prices"))
    assert halted.halted == "odd prices"
    assert books_after(ac.TradingHalted(at=1, actor="maria", reason="")).halted
    assert not books_after(ac.TradingResumed(at=2, actor="maria", reason="fine"), books=halted).halted


def test_the_drawdown_block_goes_on_and_off() -> None:
    alert = DrawdownAlerted(
        at=1, equity=Decimal(80_000), high_water=Decimal(100_000), drawdown=Decimal("0.20")
    )
    blocked = books_after(alert)
    assert blocked.is_drawdown_blocked
    clear = DrawdownCleared(at=2, equity=Decimal(90_000), high_water=Decimal(100_000))
    assert not books_after(clear, books=blocked).is_drawdown_blocked
