"""reviewer: applies the account's review policy, and keeps each question to people honest.

An approval is bound to the hash of exactly what was shown, counts once, and dies when it is late.
Knows no screen and no channel. Exits and stops never come here.
"""

from typing import Final, assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import aborted
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import AskPeople, SetTimer
from tradewrit.domain.events.account import AccountReconciled, DeskStarted
from tradewrit.domain.events.market import TimerFired
from tradewrit.domain.events.positions import TradeAborted
from tradewrit.domain.events.review import (
    AnswerRefused,
    HumanDecided,
    ReviewApproved,
    ReviewEndorsed,
    ReviewExpired,
    ReviewKept,
    ReviewModified,
    ReviewRejected,
    ReviewRequested,
    ReviewShown,
    ReviewUnshown,
    ReviewWithdrawn,
    WithdrawReview,
)
from tradewrit.domain.events.risk import LimitExceeded, RiskApproved
from tradewrit.domain.events.writs import WritDenied, WritsIssued, WritsRenewed
from tradewrit.domain.ids import review_id as id_of
from tradewrit.domain.market import SECOND
from tradewrit.domain.reviews import PolicyKind, Review, ReviewState
from tradewrit.domain.signals import Market

NAME: Final = "reviewer"
TIMER: Final = "review"
Hears = (
    RiskApproved
    | LimitExceeded
    | HumanDecided
    | WithdrawReview
    | TimerFired
    | DeskStarted
    | WritDenied
    | WritsIssued
    | WritsRenewed
    | AccountReconciled
)


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Ask people or waive it, count their answers, and let unanswered questions die."""
    del market  # people are asked about what was shown; drift is checked when the order is made
    match event:
        case RiskApproved():
            return _ask(books, event)
        case LimitExceeded(review_id=review_id):
            return _keep(event) if review_id else NOTHING
        case HumanDecided():
            return _answer(books, event)
        case WithdrawReview():
            return _withdraw(books, event)
        case TimerFired():
            return _expire(books, event)
        case DeskStarted():
            return _ask_again(books)
        case WritDenied():
            return _unshown(books, event)
        case WritsIssued() | WritsRenewed():
            return _show(books, event)
        case AccountReconciled():
            return _look_around(books, event.at)
        case _:
            assert_never(event)


def _ask(books: Books, event: RiskApproved) -> Decision:
    sized = event.sized
    trade = sized.proposal.trade_id
    people = books.review.people_needed(sized.cost)
    asked_before = sum(task.trade_id == trade for task in books.reviews.values()) if event.replaces else 0
    review_id = event.review_id or id_of(books.journal_id, trade, asked_before)
    if people == 0 and not (event.review_id or event.replaces):
        approved = ReviewApproved(
            at=event.at,
            trace=event.trace,
            review_id=review_id,
            trade_id=trade,
            version=1,
            sized=sized,
            sized_hash=event.sized_hash,
            approved_by=(f"policy:{books.review.kind}",),
            risk_id=event.decision,
            expires_at=event.expires_at,
        )
        return Decision((approved,))
    known = books.reviews.get(review_id)
    requested = ReviewRequested(
        at=event.at,
        trace=event.trace,
        review_id=review_id,
        trade_id=trade,
        version=1 if known is None else known.version + 1,
        shown=sized,
        shown_hash=event.sized_hash,
        people_needed=max(people, 1),
        expires_at=event.at + books.review.expires_after_s * SECOND,
        replaces=event.replaces,
    )
    return Decision(
        (requested,),
        (
            AskPeople(trace=event.trace, review_id=review_id, version=requested.version),
            SetTimer(trace=event.trace, timer=TIMER, about=review_id, due_at=requested.expires_at),
        ),
    )


def _ask_again(books: Books) -> Decision:
    """After a restart nobody may remember the question, and no timer does."""
    decision = NOTHING
    for task in books.reviews.values():
        timer = SetTimer(trace=task.trade_id, timer=TIMER, about=task.id, due_at=task.expires_at)
        if task.state is ReviewState.PENDING:
            again = AskPeople(trace=task.trade_id, review_id=task.id, version=task.version)
            decision += Decision(effects=(again, timer))
        elif task.state is ReviewState.MODIFIED:
            decision += Decision(effects=(timer,))
    return decision


def _unshown(books: Books, event: WritDenied) -> Decision:
    """Without a writ nobody could be told; that is made up for as soon as there is one."""
    task = books.reviews.get(event.subject)
    if event.effect != AskPeople.__name__ or task is None or task.state is not ReviewState.PENDING:
        return NOTHING
    unshown = ReviewUnshown(at=event.at, trace=task.trade_id, review_id=task.id, reason=event.reason)
    return Decision((unshown,))


def _show(books: Books, event: WritsIssued | WritsRenewed) -> Decision:
    if not books.reviews or all(grant.agent != NAME for grant in event.grants):
        return NOTHING
    decision = NOTHING
    for task in books.reviews.values():
        if task.state is ReviewState.PENDING and not task.is_shown:
            shown = ReviewShown(at=event.at, trace=task.trade_id, review_id=task.id)
            again = AskPeople(trace=task.trade_id, review_id=task.id, version=task.version)
            timer = SetTimer(trace=task.trade_id, timer=TIMER, about=task.id, due_at=task.expires_at)
            decision += Decision((shown,), (again, timer))
    return decision


def _keep(event: LimitExceeded) -> Decision:
    reason = "; ".join(f"{b.limit}: {b.message} ({b.actual} against {b.allowed})" for b in event.breaches)
    return Decision((ReviewKept(at=event.at, trace=event.trace, review_id=event.review_id, reason=reason),))


def _answer(books: Books, event: HumanDecided) -> Decision:
    task = books.reviews.get(event.review_id)
    if task is not None and event.nonce in task.seen:
        return NOTHING  # the same click again: it has its answer already
    reason = _objection(books, task, event)
    if reason is not None or task is None:
        refused = AnswerRefused(
            at=event.at,
            trace="" if task is None else task.trade_id,
            review_id=event.review_id,
            actor=event.actor,
            nonce=event.nonce,
            reason=reason or "there is no such open review",
        )
        return Decision((refused,))
    match event.decision:
        case "approve":
            return _approve(task, event, books)
        case "edit":
            return _modify(task, event)
        case "reject":
            return _reject(task, event)
        case _:
            assert_never(event.decision)


def _objection(books: Books, task: Review | None, event: HumanDecided) -> str | None:
    if task is None:
        return "there is no such open review: it was decided, expired, or never existed"
    if task.state is not ReviewState.PENDING:
        return f"already decided: {task.state}{_where_now(books, task)}"
    if event.at >= task.expires_at:
        return "too late: the question has expired"
    if event.version != task.version:
        return f"you saw version {event.version}, the question is at version {task.version}: look again"
    if event.shown_hash != task.shown_hash:
        return "your answer is not about what is being asked: look again"
    is_requester = person(event.actor) == person(task.shown.proposal.requester)
    if event.decision != "reject" and books.review.kind is PolicyKind.FOUR_EYES and is_requester:
        return "four eyes: whoever asked for a trade cannot approve it"
    if event.decision == "approve" and person(event.actor) in task.approved_by:
        return "one person counts once"
    if event.decision == "edit" and event.edit is None:
        return "an edit must say what to change"
    return None


def _where_now(books: Books, task: Review) -> str:
    instead = next((one.id for one in books.reviews.values() if one.replaces == task.id), "")
    return f"; asked anew at a new price: {instead}" if instead else ""


def person(actor: str) -> str:
    """The person's name, however it is spelt: `maria` and `human:maria` are one and count once."""
    return actor.removeprefix("human:")


def _approve(task: Review, event: HumanDecided, books: Books) -> Decision:
    approvers = (*task.approved_by, person(event.actor))
    missing = task.people_needed - len(approvers)
    if missing > 0:
        endorsed = ReviewEndorsed(
            at=event.at,
            trace=task.trade_id,
            review_id=task.id,
            actor=person(event.actor),
            nonce=event.nonce,
            still_needed=missing,
        )
        return Decision((endorsed,))
    trade = books.trades.get(task.trade_id)
    approved = ReviewApproved(
        at=event.at,
        trace=task.trade_id,
        review_id=task.id,
        trade_id=task.trade_id,
        version=task.version,
        sized=task.shown,
        sized_hash=task.shown_hash,
        approved_by=tuple(f"human:{name}" for name in approvers),
        risk_id="" if trade is None else trade.risk_id,
        expires_at=task.expires_at,
        nonce=event.nonce,
    )
    return Decision((approved,))


def _modify(task: Review, event: HumanDecided) -> Decision:
    if event.edit is None:
        return NOTHING
    modified = ReviewModified(
        at=event.at,
        trace=task.trade_id,
        review_id=task.id,
        trade_id=task.trade_id,
        actor=event.actor,
        nonce=event.nonce,
        before=task.shown,
        edit=event.edit,
    )
    return Decision((modified,))


def _reject(task: Review, event: HumanDecided) -> Decision:
    reason = event.reason or f"rejected by {event.actor}"
    rejected = ReviewRejected(
        at=event.at,
        trace=task.trade_id,
        review_id=task.id,
        trade_id=task.trade_id,
        actor=event.actor,
        nonce=event.nonce,
        reason=reason,
    )
    return Decision((rejected, _abort(task, event.at, "rejected", reason)))


def _withdraw(books: Books, event: WithdrawReview) -> Decision:
    task = books.reviews.get(event.review_id)
    open_states = {ReviewState.PENDING, ReviewState.MODIFIED}
    if task is None or task.state not in open_states:
        refused = AnswerRefused(
            at=event.at,
            review_id=event.review_id,
            actor=event.actor,
            nonce="",
            reason="there is no such open review" if task is None else f"already decided: {task.state}",
        )
        return Decision((refused,))
    withdrawn = ReviewWithdrawn(
        at=event.at,
        trace=task.trade_id,
        review_id=task.id,
        trade_id=task.trade_id,
        actor=event.actor,
        reason=event.reason,
    )
    return Decision((withdrawn, _abort(task, event.at, "aborted", f"withdrawn: {event.reason}")))


def _expire(books: Books, event: TimerFired) -> Decision:
    task = books.reviews.get(event.subject)
    if event.timer != TIMER or task is None:
        return NOTHING
    return _expired(task, event.at)


def _look_around(books: Books, at: int) -> Decision:
    """A timer may never have been set, for want of a writ: what is over by now is found once a minute."""
    decision = NOTHING
    for task in books.reviews.values():
        decision += _expired(task, at)
    return decision


def _expired(task: Review, at: int) -> Decision:
    if task.state not in {ReviewState.PENDING, ReviewState.MODIFIED} or at < task.expires_at:
        return NOTHING
    expired = ReviewExpired(at=at, trace=task.trade_id, review_id=task.id, trade_id=task.trade_id)
    return Decision((expired, _abort(task, at, "expired", "nobody answered in time")))


def _abort(task: Review, at: int, outcome: str, reason: str) -> TradeAborted:
    return aborted(task.trade_id, task.shown.proposal.symbol, at, outcome, reason)
