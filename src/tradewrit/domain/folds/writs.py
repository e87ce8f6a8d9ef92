"""Folds of writs: which identity and token each role of the desk acts under, and how that ended.

Knows no orders; what an agent has sent on a day is counted where orders are (`domain.folds.orders`).
"""

from typing import Final

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.events import writs as wr
from tradewrit.domain.folds.base import Folds, with_item
from tradewrit.domain.writs import Writ


def _held(books: Books, event: wr.WritsIssued | wr.WritsRenewed) -> Books:
    given = {grant.agent: Writ(grant) for grant in event.grants}
    return replace(books, writs={**books.writs, **given})


def _ended(books: Books, event: wr.WritEnded) -> Books:
    writ = books.writs.get(event.agent)
    if writ is None or writ.grant.id != event.token_id:
        return books
    over = replace(writ, ended=event.reason, is_revoked=isinstance(event, wr.WritRevoked))
    return replace(books, writs=with_item(books.writs, event.agent, over))


def _heard(books: Books, event: wr.HaltRegistered) -> Books:
    halt = books.unheard
    if halt is None or halt.including_protection > event.including_protection:
        return books
    return replace(books, unheard=None)


FOLDS: Final[Folds] = {
    wr.WritsIssued: _held,
    wr.WritsRenewed: _held,
    wr.WritReleased: _ended,
    wr.WritLost: _ended,
    wr.WritRevoked: _ended,
    wr.HaltRegistered: _heard,
}
