"""`evolve`: how each event changes the books. Here all folds meet, one for each kind of event.

What they do stands in `domain.folds`, one file per part of the books.
"""

from typing import Final

from msgspec.structs import force_setattr, replace

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.registry import JOURNALLED
from tradewrit.domain.folds import account, orders, reviews, trades, twins, writs
from tradewrit.domain.folds.base import Folds


def evolve(books: Books, event: Event) -> Books:
    """The books after `event`. Pure and total; events that carry no state only raise the count."""
    fold, count = FOLDS.get(type(event)), books.events + 1
    changed = books if fold is None else fold(books, event)
    if changed is books:
        return replace(books, events=count)
    force_setattr(changed, "events", count)  # the fold's own copy, which nobody else has seen
    return changed


FOLDS: Final[Folds] = {
    **trades.FOLDS,
    **reviews.FOLDS,
    **orders.FOLDS,
    **twins.FOLDS,
    **account.FOLDS,
    **writs.FOLDS,
}
STATELESS: Final = JOURNALLED - frozenset(FOLDS)
"""Journalled events that explain, and change nothing."""
