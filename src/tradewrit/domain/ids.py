"""Ids derived from their cause: the same cause gives the same id, another journal gives another.

Nothing here is random: a retry, a restart and a replay arrive at the same names.
"""

import hashlib
from functools import lru_cache
from typing import Final

from tradewrit.domain.orders import Role

_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyz234567"
# Two characters at a time: base64.b32encode is written in Python and takes ten times as long.
_PAIRS: Final = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_SHIFTS: Final = tuple(range(150, -1, -10))

_LETTERS: Final = frozenset(_ALPHABET)
_LENGTH: Final = 26


def derive(*parts: object, length: int = _LENGTH) -> str:
    """A lower-case base-32 name of `parts`, at most 32 characters of their SHA-256.

    Each part is length-prefixed, so no two lists of parts read the same.
    """
    text = "|".join([f"{len(part)}:{part}" for part in map(str, parts)])
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:20])
    pairs = [_PAIRS[number >> shift & 1023] for shift in _SHIFTS[: (length + 1) // 2]]
    return "".join(pairs)[:length]


def client_order_id(journal_id: str, account: str, trade_id: str, role: Role, attempt: int) -> str:
    """26 characters, the same for every retry, never the same for another journal.

    attempt: rises only by a journalled decision (a stop placed anew), never by a retry.
    """
    return derive("order", journal_id, account, trade_id, role.value, attempt)


def is_ours(order_id: str) -> bool:
    """Whether a client order id has the shape of those that are made here, for whatever journal."""
    return len(order_id) == _LENGTH and _LETTERS.issuperset(order_id)


def trade_id(journal_id: str, strategy: str, symbol: str, at: int, bar: int = 0) -> str:
    """One trade per strategy, symbol, time and bar: deciding twice names the same trade.

    bar: when the bar opened that it was decided on, UTC ns: after a pause several are heard at one time.
    """
    return derive("trade", journal_id, strategy, symbol, at, bar, length=16)


def review_id(journal_id: str, trade: str, requotes: int = 0) -> str:
    """The review of a trade, asked or waived; an edited question keeps its name.

    requotes: how many reviews of the trade it comes after, each dead since the price had moved.
    """
    return derive("review", journal_id, trade, *((requotes,) if requotes else ()), length=16)


@lru_cache(maxsize=4096)
def scan_id(strategy: str, at: int) -> str:
    """Correlates everything that one scan of one bar time set off."""
    return derive("scan", strategy, at, length=16)
