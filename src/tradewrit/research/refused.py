"""Entries that the venue refused in a backtest: how many, and where no more were tried because of that.

Knows no engine.
"""

from collections.abc import Mapping

from tradewrit.domain.books import Books
from tradewrit.research.results import Result


def by_code(refused: Mapping[str, int]) -> dict[str, int]:
    """The most frequent first."""
    return dict(sorted(refused.items(), key=lambda item: (-item[1], item[0])))


def halted(books: Books) -> tuple[str, ...]:
    """The symbols in which only a person could let entries be tried again; "" for all."""
    return tuple(sorted(scope for scope, one in books.cooldowns.items() if one.until is None))


def stopped_short(result: Result) -> tuple[str, ...]:
    """That, in a sentence for the person who reads the figures; nothing where it did not happen."""
    if not result.halted:
        return ()
    where = "every symbol" if "" in result.halted else ", ".join(result.halted)
    told = (
        f"The venue refused entries so often that none was tried any more in {where}: live, a person would"
        " have looked and resumed (risk.max_refusals)."
    )
    return (told,)
