"""Reviews at the door of a running desk: what waits for people, and what became of their answer.

Whether an answer counts is the reviewer agent's business; here it is handed on, and its outcome put in words.
"""

from collections.abc import Iterable

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import OrderRefused, OrderRequested
from tradewrit.domain.events.positions import TradeAborted
from tradewrit.domain.events.review import (
    AnswerRefused,
    HumanDecided,
    ReviewApproved,
    ReviewEndorsed,
    ReviewInvalidated,
    ReviewKept,
    ReviewModified,
    ReviewRejected,
    ReviewRequested,
)
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.reviews import Review
from tradewrit.domain.times import iso
from tradewrit.runtime.live.requests import Answer, AskAnswer


def known(books: Books) -> tuple[Review, ...]:
    """The questions that wait, and those that were decided while their trade is open; oldest first."""
    return tuple(sorted(books.reviews.values(), key=lambda one: one.created_at))


def question(books: Books, review_id: str, version: int) -> str:
    """A line about a question that waits: about what, until when, and how it is answered."""
    task = books.reviews.get(review_id)
    if task is None:
        return f"REVIEW WAITS: {review_id} (version {version})"
    shown, proposal = task.shown, task.shown.proposal
    return (
        f"REVIEW WAITS: {proposal.side} {shown.quantity:f} {proposal.symbol} near {proposal.entry_price:f}, "
        f"cost {shown.cost:,.2f}, until {iso(task.expires_at)}; tradewrit review show {review_id}"
    )


def as_event(request: AskAnswer, actor: str, at: int) -> HumanDecided:
    """A person's answer, as the desk hears it."""
    return HumanDecided(
        at=at,
        review_id=request.review_id,
        version=request.version,
        shown_hash=request.shown_hash,
        decision=request.decision,
        actor=actor,
        nonce=request.nonce,
        edit=request.edit,
        reason=request.reason,
    )


def outcome(said: Iterable[Event]) -> Answer:
    """What an answer led to, for the person who gave it; an error where nothing was done that they wanted."""
    told, errors = "", []
    for event in said:
        match event:
            case AnswerRefused(reason=reason):
                errors.append(f"refused: {reason}")
            case ReviewEndorsed(still_needed=missing):
                told = f"recorded: {missing} more must approve"
            case ReviewApproved():
                told = "approved"
            case OrderRequested(held=held):
                told = (
                    f"approved; the order is held back: {held}"
                    if held
                    else "approved: the order is on its way"
                )
            case ReviewRejected():
                told = "rejected: no order leaves"
            case ReviewModified():
                told = "changed: risk looks at it"
            case ReviewRequested(replaces=old, review_id=new, shown=shown) if old:
                errors.append(f"asked anew at {shown.proposal.entry_price:f}: tradewrit review show {new}")
            case LimitExceeded(review_id="", breaches=breaches):
                errors.append(f"at that price risk refuses it: {'; '.join(one.message for one in breaches)}")
            case ReviewRequested(version=version):
                told = f"changed, and asked anew as version {version}: it still has to be approved"
            case ReviewKept(reason=reason):
                errors.append(f"risk refuses the change, and the question stands as it was: {reason}")
            case ReviewInvalidated(reasons=reasons):
                errors.append(f"approved, but no order leaves: {'; '.join(reasons)}")
            case TradeAborted(reason=reason) if not errors and not told.startswith("rejected"):
                errors.append(f"approved, but no order leaves: {reason}")
            case OrderRefused(reason=reason):
                errors.append(f"approved, but no order leaves: {reason}")
            case _:
                pass
    return Answer(error="; ".join(errors)) if errors else Answer(said=told or "this answer was taken already")
