"""People answer a running desk's questions at its door: once, about what they saw, in time. F-45..F-50, R29, R30."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from tests.live import Live
from tests.unit.runtime.live.test_keeper import asked, kept
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.review import Edit
from tradewrit.domain.reviews import PolicyKind, Review, ReviewPolicy, ReviewState
from tradewrit.runtime.live.door import AskAnswer, AskReviews
from tradewrit.runtime.live.keeper import Keeper

ASKS = ReviewPolicy(kind=PolicyKind.REQUIRE)
TWO = ReviewPolicy(kind=PolicyKind.REQUIRE, approvers=2)


async def question(live: Live, one: Keeper) -> Review:
    """The strategy wants to buy; what people are asked about it."""
    live.says()
    await live.bar(175.50)
    answer = await one.receive(AskReviews())
    assert answer.status is not None
    assert answer.status.reviews == 1
    (task,) = answer.reviews
    return task


def says(
    task: Review,
    decision: Literal["approve", "edit", "reject"] = "approve",
    actor: str = "maria",
    nonce: str = "click-1",
    edit: Edit | None = None,
    **wrong: Any,
) -> AskAnswer:
    terms: dict[str, Any] = {"version": task.version, "shown_hash": task.shown_hash} | wrong
    return AskAnswer(
        actor=actor, review_id=task.id, decision=decision, nonce=nonce, edit=edit, reason="", **terms
    )


def test_nothing_leaves_before_a_person_says_so_and_then_once(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        assert live.broker.sent == []
        assert await asked(one, says(task)) == "approved: the order is on its way"
        await live.settle()
        assert len(live.events(OrderRequested)) == 1
        assert live.shell.status().reviews == 0, "it waits for nobody any more"
        assert await asked(one, says(task)) == "this answer was taken already"
        assert await asked(one, says(task, actor="jonas", nonce="2")) == "refused: already decided: consumed"
        assert len(live.events(OrderRequested)) == 1

    kept(tmp_path, story, review=ASKS)


def test_an_answer_about_something_else_does_not_count(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        assert "look again" in await asked(one, says(task, version=task.version + 1))
        assert "look again" in await asked(one, says(task, nonce="2", shown_hash="0" * 64))
        assert live.broker.sent == []

    kept(tmp_path, story, review=ASKS)


def test_an_edit_is_judged_and_asked_anew(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        told = await asked(one, says(task, "edit", edit=Edit(quantity=Decimal(2))))
        assert told == "changed, and asked anew as version 2: it still has to be approved"
        (now,) = (await one.receive(AskReviews())).reviews
        too_large = says(now, "edit", nonce="2", edit=Edit(quantity=Decimal(5_000)))
        assert "risk refuses the change, and the question stands as it was" in await asked(one, too_large)
        assert live.broker.sent == []

    kept(tmp_path, story, review=ASKS)


def test_a_rejection_ends_the_trade(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        assert await asked(one, says(task, "reject")) == "rejected: no order leaves"
        assert not live.desk.books.trades
        assert "there is no such open review" in await asked(one, says(task, nonce="2"))

    kept(tmp_path, story, review=ASKS)


def test_a_question_that_nobody_answers_expires_by_itself(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        await live.settle(301)
        assert not live.desk.books.trades
        assert "expired" in await asked(one, says(task))
        assert live.broker.sent == []

    kept(tmp_path, story, review=ASKS)


def test_an_approval_after_the_price_ran_away_sends_nothing_and_says_so(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        live.quote(190.0)
        await live.settle()
        told = await asked(one, says(task))
        assert told.startswith("approved, but no order leaves: the price moved")
        assert live.broker.sent == []

    kept(tmp_path, story, review=ASKS)


def test_of_two_people_the_first_is_told_that_one_more_is_needed(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        assert await asked(one, says(task)) == "recorded: 1 more must approve"
        assert await asked(one, says(task, nonce="2")) == "refused: one person counts once"
        assert await asked(one, says(task, actor="jonas", nonce="3")) == "approved: the order is on its way"
        assert live.desk.books.reviews[task.id].state is ReviewState.CONSUMED

    kept(tmp_path, story, review=TWO)


def test_an_approval_while_trading_is_halted_sends_nothing(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        one.halt("bad fills")
        await live.settle()
        told = await asked(one, says(task))
        assert "halted" in told
        assert live.broker.sent == []

    kept(tmp_path, story, review=ASKS)
