"""A journal goes by what it was opened with; what is configured otherwise by now is told, and not obeyed."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.events.account import AccountOpened

_FIXED: Final[Mapping[str, str]] = {
    "currency": "account.currency",
    "margin": "margin account",
    "entry_type": "entry",
    "reverse": "reverse",
    "protection": "protection",
    "sizing": "sizing",
    "limits": "risk",
    "review": "review",
}
"""What of an opening a person configures and the books keep: the field, and what it is configured as."""


def overruled(opening: AccountOpened, books: Books) -> Iterator[str]:
    """A line for each thing that is configured otherwise than the journal has it.

    opening: what a new journal would begin with now.
    """
    for field, name in _FIXED.items():
        for what, wanted, known in _differences(name, getattr(opening, field), getattr(books, field)):
            yield (
                f"NOT IN FORCE: {what} is configured as {wanted}; this journal was opened with {known}, and "
                "that counts. A new journal (--journal) begins with what is configured"
            )
    if opening.strategy != books.strategy:
        yield f"{opening.strategy} decides from here on; this journal was opened with {books.strategy}"


def _differences(name: str, wanted: object, known: object) -> Iterator[tuple[str, object, object]]:
    if wanted == known:
        return
    if not isinstance(wanted, msgspec.Struct) or type(wanted) is not type(known):
        yield name, wanted, known
        return
    for field in wanted.__struct_fields__:
        yield from _differences(f"{name}.{field}", getattr(wanted, field), getattr(known, field))
