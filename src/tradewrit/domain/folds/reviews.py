"""Folds of reviews: what was shown to people, what they answered, and what that lets the trade do.

Knows no orders and no cash.
"""

from typing import Final

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.events import review as rv
from tradewrit.domain.folds.base import Folds, with_item
from tradewrit.domain.folds.trades import change_trade
from tradewrit.domain.reviews import Review, ReviewState, Verdict
from tradewrit.domain.reviews import advance as review_advance
from tradewrit.domain.reviews import can as review_can
from tradewrit.domain.trades import On as TradeOn


def _review(books: Books, review_id: str, verdict: Verdict | None, **changes: object) -> Books:
    task = books.reviews.get(review_id)
    if task is None:
        return books
    if verdict is not None:
        if not review_can(task.state, verdict):
            return books
        changes["state"] = review_advance(task.state, verdict)
    nonce = changes.pop("nonce", "")
    if nonce:
        changes["seen"] = (*task.seen, nonce)
    return replace(books, reviews=with_item(books.reviews, review_id, replace(task, **changes)))


def _review_requested(books: Books, event: rv.ReviewRequested) -> Books:
    known = books.reviews.get(event.review_id)
    if known is not None and not review_can(known.state, Verdict.REISSUE):
        return books
    task = Review(
        id=event.review_id,
        trade_id=event.trade_id,
        version=event.version,
        state=ReviewState.PENDING,
        shown=event.shown,
        shown_hash=event.shown_hash,
        people_needed=event.people_needed,
        created_at=event.at if known is None else known.created_at,
        expires_at=event.expires_at,
        seen=() if known is None else known.seen,
        replaces=event.replaces if known is None else known.replaces,
    )
    books = replace(books, reviews=with_item(books.reviews, task.id, task))
    return change_trade(books, event.trade_id, TradeOn.ASK)


def _review_endorsed(books: Books, event: rv.ReviewEndorsed) -> Books:
    task = books.reviews.get(event.review_id)
    if task is None:
        return books
    return _review(
        books,
        event.review_id,
        None,
        approved_by=(*task.approved_by, event.actor),
        nonce=event.nonce,
    )


def _review_approved(books: Books, event: rv.ReviewApproved) -> Books:
    books = _review(
        books,
        event.review_id,
        Verdict.APPROVE,
        approved_by=event.approved_by,
        nonce=event.nonce,
    )
    return change_trade(books, event.trade_id, TradeOn.APPROVE, sized=event.sized)


FOLDS: Final[Folds] = {
    rv.ReviewRequested: _review_requested,
    rv.ReviewEndorsed: _review_endorsed,
    rv.ReviewApproved: _review_approved,
    rv.ReviewModified: lambda books, e: _review(books, e.review_id, Verdict.MODIFY, nonce=e.nonce),
    rv.ReviewKept: lambda books, e: _review(books, e.review_id, Verdict.REISSUE, note=e.reason),
    rv.ReviewRejected: lambda books, e: _review(
        books, e.review_id, Verdict.REJECT, nonce=e.nonce, note=e.reason
    ),
    rv.ReviewExpired: lambda books, e: _review(books, e.review_id, Verdict.EXPIRE),
    rv.ReviewWithdrawn: lambda books, e: _review(books, e.review_id, Verdict.WITHDRAW, note=e.reason),
    rv.ReviewInvalidated: lambda books, e: _review(
        books, e.review_id, Verdict.INVALIDATE, note="; ".join(e.reasons)
    ),
    rv.ReviewUnshown: lambda books, e: _review(books, e.review_id, None, is_shown=False),
    rv.ReviewShown: lambda books, e: _review(books, e.review_id, None, is_shown=True),
    rv.ReviewConsumed: lambda books, e: _review(books, e.review_id, Verdict.CONSUME),
}
