"""Planted: entries that nobody, too few, or somebody else than it seems let through; and too many of them."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation.planting import Aim, always, everywhere, planted
from tradewrit.agents import executor, reviewer
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.account import DeskStarted, TradingResumed
from tradewrit.domain.events.review import HumanDecided
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.orders import OrderTerms, Role
from tradewrit.domain.proposals import Sized
from tradewrit.domain.reviews import PolicyKind, Review, ReviewPolicy, ReviewState
from tradewrit.domain.terms import entry_terms
from tradewrit.risk import limits, pretrade, refusals
from tradewrit.simulation.plan import Faults, People, Whims

ASKED = {"review": ReviewPolicy(kind=PolicyKind.REQUIRE, expires_after_s=60)}
PROMPT = People(delay_s=5.0)


@planted(
    kind="bought far above the price that was approved: it moved while the question waited",
    aim=Aim(account={**ASKED, "people": People(delay_s=30.0), "volatility": 0.006}),
    caught_by=("I-10",),
    seed=19,
)
def no_drift_check(patch: pytest.MonkeyPatch) -> None:
    """An approval is used however far the price has moved since."""
    patch.setattr(pretrade, "_drift", always(""))


@planted(
    kind="two orders for one click: an approval was used twice",
    aim=Aim(account={**ASKED, "people": People(delay_s=5.0, double_click=0.8)}),
    caught_by=("I-10", "I-1"),
    seed=20,
)
def approval_used_twice(patch: pytest.MonkeyPatch) -> None:
    """The same click, or an answer to a question that was decided, is taken as another approval."""
    objection = reviewer._objection

    def lenient(books: Books, task: Review | None, event: HumanDecided) -> str | None:
        if task is not None and task.state in {ReviewState.APPROVED, ReviewState.CONSUMED}:
            task = replace(task, state=ReviewState.PENDING, approved_by=())
        return objection(books, task, event)

    def answering(books: Books, event: HumanDecided) -> Decision:
        return answer(books, replace(event, nonce=f"{event.nonce}:{books.events}"))

    answer = reviewer._answer
    patch.setattr(reviewer, "_objection", lenient)
    patch.setattr(reviewer, "_answer", answering)


@planted(
    kind="order on a stale approval: yesterday's link still worked",
    aim=Aim(account={**ASKED, "people": People(delay_s=60.0, stale=0.3), "volatility": 0.001}),
    caught_by=("I-10",),
    seed=1,
)
def approval_after_expiry(patch: pytest.MonkeyPatch) -> None:
    """When a question expires is shown to people and looked at by nobody else."""
    objection, objections = reviewer._objection, pretrade.objections

    def patient(books: Books, task: Review | None, event: HumanDecided) -> str | None:
        return objection(books, None if task is None else replace(task, expires_at=2**62), event)

    patch.setattr(reviewer, "_objection", patient)
    patch.setattr(reviewer, "_expire", always(NOTHING))
    patch.setattr(
        executor,
        "objections",
        lambda books, market, event: objections(books, market, replace(event, expires_at=2**62)),
    )


@planted(
    kind="approved one thing, traded another: the question changed under the approver's finger",
    aim=Aim(
        account={
            "review": ReviewPolicy(kind=PolicyKind.REQUIRE, approvers=2, expires_after_s=300),
            "people": People(delay_s=4.0, edit=0.5, stale=0.5),
            "volatility": 0.0005,
        }
    ),
    caught_by=("I-10",),
    seed=26,
)
def approval_of_what_nobody_saw(patch: pytest.MonkeyPatch) -> None:
    """An answer counts for the question as it is now, whichever version was on the screen."""
    objection = reviewer._objection

    def careless(books: Books, task: Review | None, event: HumanDecided) -> str | None:
        if task is not None:
            event = replace(event, version=task.version, shown_hash=task.shown_hash)
        return objection(books, task, event)

    patch.setattr(reviewer, "_objection", careless)


@planted(
    kind="larger than approved: sized anew when it was sent",
    aim=Aim(account={**ASKED, "people": PROMPT}),
    caught_by=("I-6",),
    seed=27,
)
def other_terms_than_approved(patch: pytest.MonkeyPatch) -> None:
    """The entry is sent for one lot more than people were shown."""

    def generous(instrument: Instrument, sized: Sized, client_order_id: str) -> OrderTerms:
        terms = entry_terms(instrument, sized, client_order_id)
        return replace(terms, quantity=terms.quantity + instrument.lot)

    patch.setattr(executor, "entry_terms", generous)


@planted(
    kind="four eyes were two: one person approved twice",
    aim=Aim(
        account={
            "review": ReviewPolicy(kind=PolicyKind.FOUR_EYES, expires_after_s=300),
            "people": People(delay_s=5.0, double_click=0.8),
            "volatility": 0.001,
        }
    ),
    caught_by=("I-10",),
    seed=25,
)
def one_person_counts_twice(patch: pytest.MonkeyPatch) -> None:
    """Approvals are counted, and not the people who gave them; each click is an answer of its own."""
    objection = reviewer._objection

    def lenient(books: Books, task: Review | None, event: HumanDecided) -> str | None:
        return objection(books, None if task is None else replace(task, approved_by=()), event)

    def answering(books: Books, event: HumanDecided) -> Decision:
        return answer(books, replace(event, nonce=f"{event.nonce}:{books.events}"))

    answer = reviewer._answer
    patch.setattr(reviewer, "_objection", lenient)
    patch.setattr(reviewer, "_answer", answering)


@planted(
    kind="a question that waits for ever: its timer died with the process",
    aim=Aim(faults=Faults(kill=0.02), account={**ASKED, "people": People(ignore=1.0)}),
    caught_by=("I-13",),
    seed=17,
)
def timers_lost_at_restart(patch: pytest.MonkeyPatch) -> None:
    """After a restart nobody sets the timers of open questions again, or looks for those that are over."""
    patch.setattr(reviewer, "_ask_again", always(NOTHING))
    patch.setattr(reviewer, "_look_around", always(NOTHING))


@planted(
    kind="more at risk than allowed: orders that were on their way did not count",
    aim=Aim(
        faults=Faults(slow=0.2),
        account={
            "whims": Whims(enter=1.0, leave=0.0, short=0.0),
            "cash": Decimal(2500),
        },
    ),
    caught_by=("I-11",),
    seed=20,
)
def limits_without_what_is_pending(patch: pytest.MonkeyPatch) -> None:
    """Limits look at cash and positions, and not at entries that were decided and have not filled."""
    facts = limits.facts

    def optimistic(books: Books, mark: Any, at: int) -> limits.Facts:
        orders = {key: order for key, order in books.orders.items() if order.terms.role is not Role.ENTRY}
        return facts(replace(books, orders=orders), mark, at)

    everywhere(patch, limits, "facts", optimistic)


@planted(
    kind="refused order sent again and again, until the venue blocked the account",
    aim=Aim(faults=Faults(rejects=0.3)),
    caught_by=("I-11",),
    seed=0,
)
def refusals_forgotten(patch: pytest.MonkeyPatch) -> None:
    """An entry that the venue refused is tried again on the next bar."""
    everywhere(patch, refusals, "cooldown", always(None))


@planted(
    kind="still trading after the kill switch",
    aim=Aim(
        faults=Faults(kill_switches_per_hour=60),
        account={"whims": Whims(enter=1.0, leave=0.5), "volatility": 0.004},
    ),
    caught_by=("I-9",),
    seed=1,
)
def entries_after_the_kill_switch(patch: pytest.MonkeyPatch) -> None:
    """A halt takes back what works, and new entries are decided on all the same."""
    permission = limits.permission

    def permitting(books: Books, *about: Any) -> Any:
        return permission(replace(books, halted="", writs={}), *about)

    everywhere(patch, limits, "permission", permitting)


@planted(
    kind="trades again after a restart: the kill switch was forgotten",
    aim=Aim(
        faults=Faults(kill_switches_per_hour=60, kill=0.02),
        account={"whims": Whims(enter=1.0, leave=0.5)},
    ),
    caught_by=("I-9",),
    seed=4,
)
def restart_rearms(patch: pytest.MonkeyPatch) -> None:
    """A desk that comes up resumes trading by itself."""
    decide = executor.decide

    def eager(books: Books, market: Any, event: Any) -> Decision:
        decision = decide(books, market, event)
        if isinstance(event, DeskStarted) and books.halted:
            resumed = TradingResumed(at=event.at, actor="desk", reason="restarted")
            return decision + Decision((resumed,))
        return decision

    patch.setattr(executor, "decide", eager)
