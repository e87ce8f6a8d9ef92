"""reviewer by itself: what it asks, of whom, and what it makes of a timer. Whole stories are tests/scenario."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, World
from tradewrit.agents.reviewer import TIMER, decide
from tradewrit.domain.decisions import Decision
from tradewrit.domain.effects import AskPeople, SetTimer
from tradewrit.domain.events.market import TimerFired
from tradewrit.domain.events.review import HumanDecided, ReviewApproved, ReviewKept, ReviewRequested
from tradewrit.domain.events.risk import Breach, LimitExceeded, RiskApproved
from tradewrit.domain.ids import review_id
from tradewrit.domain.market import SECOND
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy

REQUIRE = ReviewPolicy(kind=PolicyKind.REQUIRE, approvers=2, expires_after_s=60)


def approved(world: World) -> RiskApproved:
    world.says(BUY)
    world.bar(175.50)
    return world.only(RiskApproved)


def asked(world: World, event: Any) -> Decision:
    return decide(world.books, world.market, event)


def test_the_automatic_policy_waives_the_question_in_its_own_name() -> None:
    donor = World()
    event = approved(donor)
    decision = asked(World(), event)
    (waived,) = decision.events
    assert isinstance(waived, ReviewApproved)
    assert waived.approved_by == ("policy:automatic",)
    assert (waived.sized, waived.sized_hash, waived.risk_id) == (
        event.sized,
        event.sized_hash,
        event.decision,
    )
    assert waived.review_id == review_id(donor.books.journal_id, event.sized.proposal.trade_id)
    assert waived.expires_at == event.expires_at
    assert decision.effects == ()


def test_a_question_is_put_to_people_with_a_timer_on_it() -> None:
    event = approved(World())
    decision = asked(World(review=REQUIRE), event)
    (question,) = decision.events
    assert isinstance(question, ReviewRequested)
    assert (question.people_needed, question.version) == (2, 1)
    assert question.expires_at == event.at + 60 * SECOND
    ask, timer = decision.effects
    assert ask == AskPeople(trace=event.trace, review_id=question.review_id, version=1)
    assert timer == SetTimer(
        trace=event.trace, timer=TIMER, about=question.review_id, due_at=question.expires_at
    )


def test_an_edited_trade_is_asked_about_even_where_the_policy_would_waive_it() -> None:
    event = replace(approved(World()), review_id="edited")
    (question,) = asked(World(), event).events
    assert isinstance(question, ReviewRequested)
    assert (question.review_id, question.people_needed) == ("edited", 1)


def test_a_refusal_that_answers_no_edit_is_none_of_its_business() -> None:
    breach = Breach(limit="lot", allowed="1", actual="0", message="too small")
    refusal = LimitExceeded(at=1, trade_id="t", symbol="AAPL", breaches=(breach,))
    world = World(review=REQUIRE)
    assert asked(world, refusal) == Decision()
    (kept,) = asked(world, replace(refusal, review_id="r")).events
    assert kept == ReviewKept(at=1, review_id="r", reason="lot: too small (0 against 1)")


@pytest.mark.parametrize(
    ("timer", "subject", "late"),
    [("other", None, 0), (TIMER, "nobody's", 0), (TIMER, None, -1)],
)
def test_only_its_own_timer_about_an_open_question_that_is_due_ends_it(
    timer: str, subject: str | None, late: int
) -> None:
    world = World(review=REQUIRE)
    approved(world)
    task = world.task
    fired = TimerFired(at=task.expires_at + late, timer=timer, subject=subject or task.id)
    assert asked(world, fired) == Decision()
    due = TimerFired(at=task.expires_at, timer=TIMER, subject=task.id)
    assert [type(event).__name__ for event in asked(world, due).events] == ["ReviewExpired", "TradeAborted"]


def test_a_person_who_was_shown_less_than_all_decides_nothing() -> None:
    world = World(review=ReviewPolicy(kind=PolicyKind.REQUIRE_ABOVE, above=Decimal(1)))
    approved(world)
    blind = HumanDecided(
        at=world.now,
        review_id=world.task.id,
        version=1,
        shown_hash="",
        decision="approve",
        actor="maria",
        nonce="n",
    )
    assert [type(event).__name__ for event in asked(world, blind).events] == ["AnswerRefused"]
