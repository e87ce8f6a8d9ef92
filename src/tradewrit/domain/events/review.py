"""What the reviewer hears and says: questions to people, their answers, and what became of them."""

from decimal import Decimal
from typing import Literal

import msgspec

from tradewrit.domain.events.base import Command, Event
from tradewrit.domain.proposals import Proposal, Sized


class ReviewRequested(Event, frozen=True, kw_only=True, gc=False, tag="review.task.requested"):
    """People are asked. shown is exactly what they see; an answer must repeat its hash.

    replaces: the review that it is asked instead of, whose approval came after the price had moved.
    """

    review_id: str
    trade_id: str
    version: int
    shown: Sized
    shown_hash: str
    people_needed: int
    expires_at: int
    replaces: str = ""


class ReviewUnshown(Event, frozen=True, kw_only=True, gc=False, tag="review.task.unshown"):
    """An alert: nobody was told of the question, for there was no writ to tell them under."""

    review_id: str
    reason: str


class ReviewShown(Event, frozen=True, kw_only=True, gc=False, tag="review.task.shown"):
    """A question that nobody had been told of is put to people after all."""

    review_id: str


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """What a person may change: the size, and how far away stop and target are."""

    quantity: Decimal | None = None
    stop_fraction: Decimal | None = None
    target_fraction: Decimal | None = None


class HumanDecided(Command, frozen=True, kw_only=True, gc=False, tag="review.decide"):
    """A person answered. nonce: drawn by the surface per click, so that a repeat is recognised."""

    review_id: str
    version: int
    shown_hash: str
    decision: Literal["approve", "edit", "reject"]
    actor: str
    nonce: str
    edit: Edit | None = None
    reason: str = ""


class WithdrawReview(Command, frozen=True, kw_only=True, gc=False, tag="review.withdraw"):
    """The requester, or the desk, takes the question back."""

    review_id: str
    actor: str
    reason: str


class ReviewEndorsed(Event, frozen=True, kw_only=True, gc=False, tag="review.approval.recorded"):
    """One of several needed people said yes."""

    review_id: str
    actor: str
    nonce: str
    still_needed: int


class ReviewApproved(Event, frozen=True, kw_only=True, gc=False, tag="review.task.approved"):
    """The trade may be executed once, exactly as shown."""

    review_id: str
    trade_id: str
    version: int
    sized: Sized
    sized_hash: str
    approved_by: tuple[str, ...]
    risk_id: str
    expires_at: int
    nonce: str = ""


class ReviewModified(Event, frozen=True, kw_only=True, gc=False, tag="review.task.modified"):
    """A person changed the trade; risk looks at the new terms before anybody is asked again."""

    review_id: str
    trade_id: str
    actor: str
    nonce: str
    before: Sized
    edit: Edit


class ReviewKept(Event, frozen=True, kw_only=True, gc=False, tag="review.task.kept"):
    """Risk refused an edit; the question stands as it was, and says why."""

    review_id: str
    reason: str


class ReviewRejected(Event, frozen=True, kw_only=True, gc=False, tag="review.task.rejected"):
    """A person said no."""

    review_id: str
    trade_id: str
    actor: str
    nonce: str
    reason: str


class ReviewExpired(Event, frozen=True, kw_only=True, gc=False, tag="review.task.expired"):
    """Nobody answered in time: no trade."""

    review_id: str
    trade_id: str


class ReviewWithdrawn(Event, frozen=True, kw_only=True, gc=False, tag="review.task.withdrawn"):
    """The question was taken back."""

    review_id: str
    trade_id: str
    actor: str
    reason: str


class ReviewInvalidated(Event, frozen=True, kw_only=True, gc=False, tag="review.task.invalidated"):
    """An approval that may no longer be used: the facts it was given on have changed."""

    review_id: str
    trade_id: str
    reasons: tuple[str, ...]


class EntryRequoted(Event, frozen=True, kw_only=True, gc=False, tag="review.entry.requoted"):
    """The price had moved too far when the approval came: risk looks at the trade anew, at the price of now.

    replaces: the review that was approved, and is dead.
    """

    trade_id: str
    proposal: Proposal
    replaces: str


class ReviewConsumed(Event, frozen=True, kw_only=True, gc=False, tag="review.task.consumed"):
    """The approval was turned into an order; it cannot be used again."""

    review_id: str
    trade_id: str


class AnswerRefused(Event, frozen=True, kw_only=True, gc=False, tag="review.answer.refused"):
    """A person's answer that could not count, and why (stale version, too late, not entitled)."""

    review_id: str
    actor: str
    nonce: str
    reason: str
