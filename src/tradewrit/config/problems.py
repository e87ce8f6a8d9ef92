"""What is wrong with a configuration, one sentence each, and the guess at what was meant."""

from collections.abc import Iterable
from difflib import get_close_matches

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """One mistake.

    place: `file:line`, or the environment variable. key: dotted path, empty for the whole file.
    message: what was wrong and what is allowed.
    """

    place: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.key}: {self.message}" if self.key else f"{self.place}: {self.message}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None."""
    by_folded = {one.casefold(): one for one in known}
    found = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.55)
    return by_folded[found[0]] if found else None


def joined(path: str, key: str) -> str:
    """`path.key`, or `key` at the top.

    >>> joined("risk", "max_leverage"), joined("", "seed")
    ('risk.max_leverage', 'seed')
    """
    return f"{path}.{key}" if path else key


def listed(words: Iterable[str]) -> str:
    """Words for a sentence: `a, b or c`.

    >>> listed(["backtest", "paper", "live"])
    'backtest, paper or live'
    """
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last
