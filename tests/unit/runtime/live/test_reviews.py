"""People answer a running desk's questions at its door: once, about what they saw, in time. F-45..F-50, R29, R30."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.desks import SYMBOL
from tests.live import Live
from tests.unit.runtime.live.test_keeper import asked, kept
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.home import open_home
from tradewrit.credentials.operator_login import LocalLogins
from tradewrit.credentials.requests import Bearer
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.review import Edit, ReviewApproved
from tradewrit.domain.reviews import PolicyKind, Review, ReviewPolicy, ReviewState
from tradewrit.errors import CredentialRefused
from tradewrit.runtime.live.keeper import Keeper
from tradewrit.runtime.live.requests import AskAdopt, AskAnswer, AskHalt, AskResume, AskReviews, AskStatus
from tradewrit.runtime.secret import Secret

ASKS = ReviewPolicy(kind=PolicyKind.REQUIRE)
TWO = ReviewPolicy(kind=PolicyKind.REQUIRE, approvers=2)
FOUR_EYES = ReviewPolicy(kind=PolicyKind.FOUR_EYES)


async def question(live: Live, one: Keeper) -> Review:
    """The strategy wants to buy; what people are asked about it."""
    live.says()
    await live.bar(175.50)
    answer = await one.reception.receive(AskReviews(), "maria")
    assert answer.status is not None
    assert answer.status.reviews == 1
    (task,) = answer.reviews
    return task


def says(
    task: Review,
    decision: Literal["approve", "edit", "reject"] = "approve",
    nonce: str = "click-1",
    edit: Edit | None = None,
    **wrong: Any,
) -> AskAnswer:
    terms: dict[str, Any] = {"version": task.version, "shown_hash": task.shown_hash} | wrong
    return AskAnswer(review_id=task.id, decision=decision, nonce=nonce, edit=edit, reason="", **terms)


def test_nothing_leaves_before_a_person_says_so_and_then_once(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        assert live.broker.sent == []
        assert await asked(one, says(task)) == "approved: the order is on its way"
        await live.settle()
        assert len(live.events(OrderRequested)) == 1
        assert live.shell.status().reviews == 0, "it waits for nobody any more"
        assert await asked(one, says(task)) == "this answer was taken already"
        assert await asked(one, says(task, nonce="2"), "jonas") == "refused: already decided: consumed"
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
        (now,) = (await one.reception.receive(AskReviews(), "maria")).reviews
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


class Operators:
    """Logins that a real authority answers for."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.home = open_home(folder)
        with self.opened() as authority:
            self.secrets = {name: authority.add_operator(name, by="test").secret for name in names}
        self.logins = LocalLogins(self.opened)

    def opened(self) -> Authority:
        return Authority.open(self.home)

    def login(self, name: str) -> str:
        return self.logins.login(Secret("operator", self.secrets[name]))


@pytest.fixture
def operators(tmp_path: Path) -> Operators:
    return Operators(tmp_path / "home", "maria", "jonas")


@pytest.mark.parametrize("policy", [TWO, FOUR_EYES], ids=["two approvers", "four eyes"])
def test_two_operators_are_two_people_and_one_is_one(
    tmp_path: Path, operators: Operators, policy: ReviewPolicy
) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        maria, again, jonas = (operators.login(name) for name in ("maria", "maria", "jonas"))
        assert await asked(one, says(task, login=maria), "desk") == "recorded: 1 more must approve"
        assert await asked(one, says(task, nonce="2", login=again), "desk") == (
            "refused: one person counts once"
        )
        assert live.broker.sent == []
        assert await asked(one, says(task, nonce="3", login=jonas), "desk") == (
            "approved: the order is on its way"
        )
        await live.settle()
        (approved,) = live.events(ReviewApproved)
        assert approved.approved_by == ("human:maria", "human:jonas"), "the proven names, in their order"

    kept(tmp_path, story, operators.logins.prove, review=policy)


def test_who_the_system_names_is_not_enough_where_two_have_to_agree(
    tmp_path: Path, operators: Operators
) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        one.halt("bad fills")
        await live.settle()
        for request in (says(task), AskResume(reason="over"), AskAdopt(symbol=SYMBOL, seen="", reason="so")):
            assert "log in with --as NAME" in await asked(one, request, "maria")
        assert "HALTED" in await asked(one, AskStatus(), "maria")
        assert "was halted already" in await asked(one, AskHalt(reason="again"), "maria"), (
            "that helps anybody"
        )
        assert live.books.reviews[task.id].approved_by == ()
        assert live.books.halted
        edit = says(task, "edit", edit=Edit(quantity=Decimal(2)))
        assert "log in with --as NAME" in await asked(one, edit, "maria")
        assert await asked(one, says(task, "reject"), "maria") == "rejected: no order leaves"

    kept(tmp_path, story, operators.logins.prove, review=TWO)


def test_a_login_counts_once_whatever_it_is_used_for(tmp_path: Path, operators: Operators) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        login = operators.login("maria")
        assert "recorded" in await asked(one, says(task, login=login))
        replayed = says(task, "reject", nonce="2", login=login)
        assert "token verification failed" in await asked(one, replayed)
        assert live.books.reviews[task.id].state is ReviewState.PENDING
        both = (says(task, nonce="3", login=operators.login("jonas")),) * 2
        told = await asyncio.gather(*(asked(one, request) for request in both))
        assert sorted("verification failed" in text for text in told) == [False, True], "of two at once too"

    kept(tmp_path, story, operators.logins.prove, review=TWO)


def test_what_no_authority_says_is_no_name(tmp_path: Path, operators: Operators) -> None:
    stranger = Operators(tmp_path / "elsewhere", "maria")

    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        with operators.opened() as authority:
            administering = authority.operator_token(operators.secrets["maria"]).token
        forged = stranger.login("maria")
        for login in ("maria", "op-maria-" + "0" * 64, operators.secrets["maria"], forged, administering):
            told = await asked(one, says(task, login=login))
            assert "verification failed" in told or "proof of a name" in told
        with operators.opened() as authority:
            late = operators.login("jonas")
            authority.remove_operator("jonas", by="test")
        assert "verification failed" in await asked(one, says(task, login=late)), "nor of who was removed"
        assert live.books.reviews[task.id].approved_by == ()

    kept(tmp_path, story, operators.logins.prove, review=TWO)


def test_with_a_login_a_token_that_proves_a_name_can_administer_nothing(operators: Operators) -> None:
    with operators.opened() as authority:
        bearer = Bearer(authorization=f"Bearer {operators.login('maria')}")
        with pytest.raises(CredentialRefused, match="lacks required scope"):
            authority.authenticate(bearer, "admin:revoke:*")


def test_an_approval_while_trading_is_halted_sends_nothing(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        task = await question(live, one)
        one.halt("bad fills")
        await live.settle()
        told = await asked(one, says(task))
        assert "halted" in told
        assert live.broker.sent == []

    kept(tmp_path, story, review=ASKS)
