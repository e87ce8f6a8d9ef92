"""People's answers: bound to what was shown, counted once, dead when late, and never more than one order."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from tests.desks import BUY, JOURNAL_ID, SELL, World
from tradewrit.domain.events.account import HaltTrading, LimitsChanged
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.positions import TradeAborted
from tradewrit.domain.events.review import (
    AnswerRefused,
    Edit,
    HumanDecided,
    ReviewApproved,
    ReviewConsumed,
    ReviewEndorsed,
    ReviewExpired,
    ReviewInvalidated,
    ReviewKept,
    ReviewModified,
    ReviewRejected,
    ReviewRequested,
    ReviewWithdrawn,
    WithdrawReview,
)
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.events.strategy import CandidateFound, EntrySignalled
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, SECOND, Bar
from tradewrit.domain.orders import OrderType, Role, Side
from tradewrit.domain.reviews import PolicyKind, Review, ReviewPolicy, ReviewState
from tradewrit.domain.trades import TradeState
from tradewrit.runtime.journal.sqlite import SqliteJournal

REQUIRE = ReviewPolicy(kind=PolicyKind.REQUIRE)
FOUR_EYES = ReviewPolicy(kind=PolicyKind.FOUR_EYES)
Answer = Literal["approve", "edit", "reject"]


def asking(policy: ReviewPolicy = REQUIRE, **more: Any) -> World:
    """A desk with one question open."""
    world = World(review=policy, **more)
    world.says(BUY)
    world.bar(175.50)
    return world


def answer(
    world: World,
    decision: Answer = "approve",
    actor: str = "maria",
    *,
    nonce: str = "click-1",
    edit: Edit | None = None,
    at: int | None = None,
    task: Review | None = None,
    **wrong: Any,
) -> list[Event]:
    """A person's answer to the open question as it stands."""
    task = task or world.task
    decided = HumanDecided(
        at=world.now if at is None else at,
        review_id=task.id,
        version=task.version,
        shown_hash=task.shown_hash,
        decision=decision,
        actor=actor,
        nonce=nonce,
        edit=edit,
    )
    return world.feed(replace(decided, **wrong), f"human:{actor}")


@pytest.fixture
def world() -> Iterator[World]:
    """A question that one person must answer; audited at the end."""
    world = asking()
    yield world
    world.audit()


# -- the question


def test_a_question_shows_everything_that_would_be_executed_and_nothing_is_sent(world: World) -> None:
    asked = world.only(ReviewRequested)
    assert (asked.version, asked.people_needed) == (1, 1)
    assert asked.shown.quantity == 5
    assert asked.shown_hash == asked.shown.hash
    assert asked.expires_at == world.now + 300 * SECOND
    assert world.asked == [(asked.review_id, 1)]
    assert world.control.reviews() == (world.task,)
    assert world.stage() is TradeState.AWAITING_APPROVAL
    assert not world.exchange.open_orders()


def test_an_approval_becomes_one_order_and_is_used_up(world: World) -> None:
    answer(world)
    assert world.only(ReviewApproved).approved_by == ("human:maria",)
    assert world.only(ReviewConsumed).review_id == world.task.id
    assert world.task.state is ReviewState.CONSUMED
    requested = world.only(OrderRequested)
    assert requested.approved_by == (f"risk:{world.trade.risk_id}", "human:maria")
    assert len(world.exchange.open_orders()) == 1
    world.bar(175.50)
    assert world.stage() is TradeState.HOLDING


def test_the_stop_of_an_approved_trade_asks_nobody(world: World) -> None:
    answer(world)
    world.bar(175.50)
    world.bar(160.0)
    assert world.closed.reason == "stop"
    assert len(world.events(ReviewRequested)) == 1


# -- policies


@pytest.mark.parametrize(("above", "is_asked"), [("800", True), ("1000", False)])
def test_only_trades_above_the_amount_are_asked_about(above: str, is_asked: bool) -> None:
    world = asking(ReviewPolicy(kind=PolicyKind.REQUIRE_ABOVE, above=Decimal(above)))
    assert bool(world.events(ReviewRequested)) is is_asked
    assert bool(world.exchange.open_orders()) is not is_asked
    world.audit()


def test_four_eyes_need_two_people() -> None:
    world = asking(FOUR_EYES)
    answer(world, nonce="a")
    assert world.only(ReviewEndorsed).still_needed == 1
    assert not world.exchange.open_orders()
    answer(world, actor="jonas", nonce="b")
    assert world.only(ReviewApproved).approved_by == ("human:maria", "human:jonas")
    assert len(world.exchange.open_orders()) == 1
    world.audit()


@pytest.mark.parametrize("again", ["maria", "human:maria"])
def test_one_person_counts_once(again: str) -> None:
    world = asking(FOUR_EYES)
    answer(world, nonce="a")
    refused = answer(world, actor=again, nonce="b")[-1]
    assert isinstance(refused, AnswerRefused)
    assert refused.reason == "one person counts once"
    assert not world.exchange.open_orders()
    world.audit()


def test_whoever_asked_for_a_trade_cannot_approve_it_but_may_reject_it() -> None:
    # The trade of another desk with the same journal id, put in under a person's name.
    donor = asking()
    signal = donor.only(EntrySignalled)
    world = World(review=FOUR_EYES)
    world.bar(175.50)
    world.feed(donor.only(CandidateFound), "human:maria")
    world.feed(replace(signal, proposal=replace(signal.proposal, requester="maria")), "human:maria")
    assert world.task.shown.proposal.requester == "maria"
    answers: tuple[Answer, ...] = ("approve", "edit")
    for decision, actor in product(answers, ("maria", "human:maria")):
        nonce = f"{decision} {actor}"
        refused = answer(world, decision, actor, nonce=nonce, edit=Edit(quantity=Decimal(1)))[-1]
        assert isinstance(refused, AnswerRefused)
        assert "four eyes" in refused.reason
    answer(world, "reject", nonce="no")
    assert not world.books.trades
    world.audit()


# -- answers that count, and answers that do not


def test_the_same_click_twice_is_one_order_and_no_second_answer(world: World) -> None:
    answer(world)
    state, orders = world.task, world.books.orders
    again = answer(world)
    assert [type(event) for event in again] == [HumanDecided]
    assert (world.task, world.books.orders) == (state, orders)
    assert len(world.events(OrderRequested)) == 1


@pytest.mark.parametrize("decision", ["approve", "edit", "reject"])
def test_a_second_person_is_told_that_it_was_decided(world: World, decision: Answer) -> None:
    answer(world)
    refused = answer(world, decision, "jonas", nonce="click-2", edit=Edit(quantity=Decimal(1)))[-1]
    assert isinstance(refused, AnswerRefused)
    assert refused.reason == "already decided: consumed"
    assert refused.trace == world.trade.id
    assert len(world.events(OrderRequested)) == 1


def test_an_answer_after_the_trade_is_gone_is_refused(world: World) -> None:
    task = world.task
    answer(world, "reject")
    late = HumanDecided(
        at=world.now,
        review_id=task.id,
        version=1,
        shown_hash=task.shown_hash,
        decision="approve",
        actor="jonas",
        nonce="x",
    )
    assert isinstance(world.feed(late)[-1], AnswerRefused)
    assert not world.exchange.open_orders()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"version": 2}, "look again"),
        ({"shown_hash": "0" * 64}, "look again"),
        ({"review_id": "nobody's"}, "no such open review"),
        ({"decision": "edit"}, "what to change"),
    ],
)
def test_an_answer_to_something_else_is_refused(world: World, wrong: dict[str, Any], reason: str) -> None:
    refused = answer(world, **wrong)[-1]
    assert isinstance(refused, AnswerRefused)
    assert reason in refused.reason
    assert world.task.state is ReviewState.PENDING
    assert not world.exchange.open_orders()


def test_a_rejection_ends_the_trade_and_frees_the_symbol(world: World) -> None:
    answer(world, "reject", reason="too hot")
    assert world.only(ReviewRejected).reason == "too hot"
    assert world.only(TradeAborted).outcome == "rejected"
    assert not world.books.trades
    assert not world.books.reviews
    world.says(BUY)
    world.bar(175.50)
    assert world.task.state is ReviewState.PENDING


# -- time


def test_an_approval_exactly_at_the_expiry_is_too_late(world: World) -> None:
    refused = answer(world, at=world.task.expires_at)[-1]
    assert isinstance(refused, AnswerRefused)
    assert "too late" in refused.reason
    assert not world.exchange.open_orders()


def test_an_approval_one_nanosecond_before_the_expiry_counts(world: World) -> None:
    at = world.task.expires_at - 1
    world.clock.set(at)
    answer(world, at=at)
    assert len(world.exchange.open_orders()) == 1


def test_a_question_nobody_answers_dies_by_its_timer(world: World) -> None:
    world.clock.set(world.task.expires_at - 1)
    assert world.desk.tick() == 0
    world.clock.advance(1)
    assert world.desk.tick() == 1
    assert world.only(ReviewExpired).at == world.now
    assert world.only(TradeAborted).outcome == "expired"
    assert not world.books.trades
    assert world.desk.tick() == 0


def test_a_timer_that_fires_after_the_answer_changes_nothing(world: World) -> None:
    expires_at = world.task.expires_at
    answer(world)
    world.clock.set(expires_at)
    world.desk.keep()
    before = world.books.state_hash
    assert world.desk.tick() == 1
    assert world.books.state_hash == before
    assert not world.events(ReviewExpired)


# -- edits


def test_a_good_edit_is_judged_by_risk_and_asked_anew_under_a_new_hash(world: World) -> None:
    first = world.task
    world.clock.advance(10 * SECOND)
    answer(world, "edit", edit=Edit(quantity=Decimal(3), stop_fraction=Decimal("0.04")))
    task = world.task
    assert world.only(ReviewModified).before == first.shown
    assert (task.id, task.version, task.state) == (first.id, 2, ReviewState.PENDING)
    assert task.shown.quantity == 3
    assert task.shown.stop_price == Decimal("168.48")
    assert task.shown_hash == task.shown.hash != first.shown_hash
    assert task.expires_at == world.now + 300 * SECOND
    assert world.asked == [(task.id, 1), (task.id, 2)]
    old = answer(world, actor="jonas", nonce="old", version=1, shown_hash=first.shown_hash)[-1]
    assert isinstance(old, AnswerRefused)
    answer(world, nonce="new")
    (order,) = world.exchange.open_orders()
    assert order.quantity == 3
    world.bar(175.50)
    assert world.order(Role.STOP).terms.stop_price == Decimal("168.48")


def test_the_timer_moves_with_the_question(world: World) -> None:
    first = world.task.expires_at
    world.clock.advance(10 * SECOND)
    answer(world, "edit", edit=Edit(quantity=Decimal(3)))
    world.clock.set(first)
    world.desk.tick()
    assert world.task.state is ReviewState.PENDING
    world.clock.set(world.task.expires_at)
    world.desk.tick()
    assert not world.books.trades


@pytest.mark.parametrize(
    ("edit", "limit"),
    [
        (Edit(quantity=Decimal(6)), "max_position_notional"),
        (Edit(quantity=Decimal(0)), "lot"),
        (Edit(quantity=Decimal(-5)), "lot"),
        (Edit(stop_fraction=Decimal("0.06")), "stop_fraction"),
        (Edit(stop_fraction=Decimal(0)), "stop_fraction"),
        (Edit(target_fraction=Decimal("0.12")), "min_reward_risk"),
    ],
)
def test_a_risky_edit_is_refused_with_its_reason_and_the_question_stands(
    world: World, edit: Edit, limit: str
) -> None:
    first = world.task
    answer(world, "edit", edit=edit)
    assert limit in {breach.limit for breach in world.only(LimitExceeded).breaches}
    assert limit in world.only(ReviewKept).reason
    task = world.task
    assert (task.version, task.shown_hash, task.state) == (1, first.shown_hash, ReviewState.PENDING)
    assert limit in task.note
    assert world.stage() is TradeState.AWAITING_APPROVAL
    answer(world, nonce="click-2")
    (order,) = world.exchange.open_orders()
    assert order.quantity == 5


def test_an_edit_starts_the_count_of_approvers_again() -> None:
    world = asking(FOUR_EYES)
    answer(world, nonce="a")
    answer(world, "edit", "jonas", nonce="b", edit=Edit(quantity=Decimal(2)))
    assert world.task.approved_by == ()
    answer(world, nonce="c")
    assert not world.exchange.open_orders()
    answer(world, actor="jonas", nonce="d")
    assert len(world.exchange.open_orders()) == 1
    world.audit()


# -- withdrawn


def test_a_withdrawn_question_cannot_be_answered(world: World) -> None:
    task = world.task
    world.feed(WithdrawReview(at=world.now, review_id=task.id, actor="desk", reason="news"))
    assert world.only(ReviewWithdrawn).reason == "news"
    assert world.only(TradeAborted).reason == "withdrawn: news"
    assert not world.books.trades
    again = world.feed(WithdrawReview(at=world.now, review_id=task.id, actor="desk", reason="news"))
    assert isinstance(again[-1], AnswerRefused)


def test_a_used_approval_cannot_be_withdrawn(world: World) -> None:
    answer(world)
    refused = world.feed(WithdrawReview(at=world.now, review_id=world.task.id, actor="desk", reason="late"))
    assert isinstance(refused[-1], AnswerRefused)
    assert len(world.exchange.open_orders()) == 1


# -- facts that changed between the question and the order


def invalidated(world: World) -> str:
    """The reasons for which the approval could not be used; nothing was sent."""
    assert not world.exchange.open_orders()
    assert not world.events(OrderRequested)
    assert world.only(TradeAborted).outcome == "rejected"
    assert not world.books.trades
    return "; ".join(world.only(ReviewInvalidated).reasons)


def test_a_price_that_drifted_too_far_invalidates_the_approval() -> None:
    world = asking(replace(REQUIRE, max_requotes=0))
    world.quote(177.26)  # 100.3 bps above 175.50
    answer(world)
    assert "100.3 bps" in invalidated(world)


def drifted(policy: ReviewPolicy = REQUIRE, *, to: float = 180.0, **more: Any) -> tuple[World, Review]:
    """An approval that came after the price had moved; and the question it was for."""
    world = asking(policy, **more)
    old = world.task
    world.quote(to)
    answer(world)
    return world, old


def test_a_question_is_put_anew_at_the_new_price_and_leads_to_one_order_at_its_terms() -> None:
    world, old = drifted()
    assert world.only(ReviewInvalidated).review_id == old.id
    assert not world.exchange.open_orders()
    again = world.events(ReviewRequested)[-1]
    assert (again.replaces, again.version) == (old.id, 1)
    assert again.review_id != old.id
    assert world.asked == [(old.id, 1), (again.review_id, 1)]
    assert again.shown.proposal.entry_price == Decimal("180.00")
    # Made again by risk: 1000 buy 5 at 180, five per cent below it and fifteen above.
    assert (again.shown.quantity, again.shown.stop_price, again.shown.target_price) == (
        Decimal(5),
        Decimal("171.00"),
        Decimal("207.00"),
    )
    assert again.expires_at == world.now + 300 * SECOND
    answer(world, task=world.books.reviews[again.review_id], nonce="click-2")
    (order,) = world.exchange.open_orders()
    assert order.quantity == 5
    assert [event.review_id for event in world.events(ReviewConsumed)] == [again.review_id]
    world.bar(180.0)
    assert world.order(Role.STOP).terms.stop_price == Decimal("171.00")
    world.audit()


def test_the_size_follows_the_price() -> None:
    world, old = drifted(to=210.0)
    assert old.shown.quantity == 5
    assert world.events(ReviewRequested)[-1].shown.quantity == 4  # 5 x 210 is above 1000


def test_the_old_question_stays_dead_and_says_where_it_is_asked_now() -> None:
    world, old = drifted()
    new = world.events(ReviewRequested)[-1].review_id
    assert [type(event) for event in answer(world, task=old)] == [HumanDecided]  # the same click once more
    for actor, nonce in (("maria", "click-2"), ("jonas", "click-3")):
        refused = answer(world, actor=actor, nonce=nonce, task=old)[-1]
        assert isinstance(refused, AnswerRefused)
        assert refused.reason == f"already decided: invalidated; asked anew at a new price: {new}"
    assert world.books.reviews[new].state is ReviewState.PENDING
    assert not world.exchange.open_orders()


def test_it_is_asked_anew_so_often_and_then_the_trade_ends() -> None:
    world, _ = drifted(replace(REQUIRE, max_requotes=2))
    for price in (185.0, 190.0):
        world.quote(price)
        pending = [task for task in world.books.reviews.values() if task.state is ReviewState.PENDING]
        answer(world, task=pending[0], nonce=f"at {price}")
    assert len(world.events(ReviewInvalidated)) == 3
    assert len({event.review_id for event in world.events(ReviewRequested)}) == 3
    assert world.only(TradeAborted).outcome == "rejected"
    assert not world.books.trades
    world.audit()


def test_a_signal_that_is_old_by_now_or_was_taken_back_is_not_put_to_anybody_again() -> None:
    world = asking()
    world.clock.advance(200 * SECOND)
    answer(world, "edit", edit=Edit(quantity=Decimal(3)))  # it lives for 300 s more
    world.clock.advance(150 * SECOND)
    world.quote(180.0)
    answer(world, nonce="late")
    assert world.only(TradeAborted).outcome == "rejected"
    world = asking()
    task = world.task
    world.says(SELL)
    world.bar(180.0)
    answer(world, task=task)
    assert world.only(TradeAborted).outcome == "rejected"
    assert len(world.events(ReviewRequested)) == 1


def test_what_risk_refuses_at_the_new_price_ends_with_the_limit_named() -> None:
    world = asking(limits=Limits(max_position_notional=Decimal(200)))
    world.quote(210.0)
    answer(world)
    assert [breach.limit for breach in world.only(LimitExceeded).breaches] == ["lot"]
    assert not world.books.trades


def test_where_something_else_stands_against_it_too_nothing_is_asked_anew() -> None:
    world = asking()
    world.feed(HaltTrading(at=world.now, actor="human:ann", reason="stop"))
    world.quote(180.0)
    answer(world)
    assert len(world.events(ReviewRequested)) == 1
    assert not world.books.trades


def test_the_new_question_needs_as_many_people_and_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "desk.journal"
    first = reopened(path, policy=FOUR_EYES)
    old = first.task
    answer(first, actor="maria", nonce="1")
    first.quote(180.0)
    answer(first, actor="jonas", nonce="2")
    new = first.events(ReviewRequested)[-1].review_id
    first.journal.close()
    world = reopened(path, first, policy=FOUR_EYES)
    world.quote(180.0)
    assert world.asked == [(new, 1)]
    task = world.books.reviews[new]
    assert (task.people_needed, task.approved_by, task.replaces) == (2, (), old.id)
    answer(world, actor="maria", nonce="3", task=task)
    assert not world.exchange.open_orders()
    answer(world, actor="jonas", nonce="4", task=task)
    assert len(world.exchange.open_orders()) == 1


def test_a_requoted_question_dies_by_its_own_timer() -> None:
    world, _ = drifted()
    world.wait(300)
    assert world.only(ReviewExpired).review_id == world.events(ReviewRequested)[-1].review_id
    assert world.only(TradeAborted).outcome == "expired"
    assert not world.books.trades


def test_a_price_that_drifted_exactly_as_far_as_allowed_does_not() -> None:
    world = World(review=REQUIRE)
    world.says(BUY)
    world.bar(200.00)
    world.quote(198.00)  # 100 bps
    answer(world)
    assert len(world.exchange.open_orders()) == 1
    world.audit()


def test_limits_that_were_tightened_invalidate_the_approval(world: World) -> None:
    tight = Limits(max_position_notional=Decimal(500))
    world.feed(LimitsChanged(at=world.now, limits=tight, actor="human:maria"))
    answer(world)
    assert "max_position_notional" in invalidated(world)


def test_a_halt_outranks_an_approval(world: World) -> None:
    world.feed(HaltTrading(at=world.now, actor="human:jonas", reason="stop everything"))
    answer(world)
    assert "halted" in invalidated(world)


def test_an_order_that_went_out_meanwhile_counts_against_the_approval() -> None:
    # Room for one position: two questions are open, and only the first approval can be used.
    world = World(review=REQUIRE, limits=Limits(max_open_positions=1))
    world.script["MSFT", world.now] = BUY
    world.says(BUY)
    world.show(*(Bar(symbol, world.now, 175.5, 175.5, 175.5, 175.5, 1e6) for symbol in ("AAPL", "MSFT")))
    first, second = world.books.reviews.values()
    for task in (first, second):
        world.feed(
            HumanDecided(
                at=world.now,
                review_id=task.id,
                version=1,
                shown_hash=task.shown_hash,
                decision="approve",
                actor="maria",
                nonce=task.id,
            )
        )
    assert [terms.symbol for terms in world.exchange.open_orders()] == ["AAPL"]
    assert "max_open_positions" in world.only(ReviewInvalidated).reasons[0]
    world.audit()


# -- a desk that is closed with a question open


def reopened(path: Path, first: World | None = None, policy: ReviewPolicy = REQUIRE) -> World:
    journal = SqliteJournal.open(path, id=JOURNAL_ID, created_at=0)
    if first is None:
        return asking(policy, journal=journal)
    return World(review=policy, journal=journal, exchange=first.exchange, at=first.now + MINUTE)


def test_a_question_survives_a_restart_and_leads_to_exactly_one_order(tmp_path: Path) -> None:
    path = tmp_path / "desk.journal"
    before = reopened(path)
    task, books = before.task, before.books
    before.journal.close()
    after = reopened(path, before)
    # All is as it was but the writs: those of before have died with their process, and there are new ones.
    assert after.asked == [(task.id, task.version)]
    assert after.books.reconciled_at == after.now
    same = replace(after.books, writs=books.writs, events=books.events, reconciled_at=books.reconciled_at)
    assert same == books
    assert after.task == task
    after.quote(175.50)
    answer(after)
    answer(after)
    assert len(after.exchange.open_orders()) == 1
    after.bar(175.50)
    assert after.trade.state is TradeState.HOLDING
    assert after.journal.verify(after.desk.stream).is_intact
    after.journal.close()


def test_a_question_that_expired_while_the_desk_was_closed_dies_when_it_reopens(tmp_path: Path) -> None:
    path = tmp_path / "desk.journal"
    before = reopened(path)
    expires_at = before.task.expires_at
    before.journal.close()
    after = reopened(path, before)
    after.clock.set(expires_at + MINUTE)
    refused = answer(after)[-1]
    assert isinstance(refused, AnswerRefused)
    assert after.desk.tick() == 1
    assert not after.books.trades
    assert not after.exchange.open_orders()
    after.journal.close()


def test_shorts_are_asked_about_like_longs() -> None:
    world = World(review=REQUIRE, entry=OrderType.LIMIT)
    world.says(SELL)
    world.bar(175.50)
    answer(world)
    (order,) = world.exchange.open_orders()
    assert (order.side, order.limit_price) == (Side.SELL, Decimal("175.50"))
    world.audit()
