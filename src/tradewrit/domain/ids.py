"""Ids derived from their cause: the same cause gives the same id, another journal gives another.

Nothing here is random: a retry, a restart and a replay arrive at the same names.
"""

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from tradewrit.domain.orders import Role

_ALPHABET: Final = b"abcdefghijklmnopqrstuvwxyz234567"
_LETTERS: Final = frozenset(_ALPHABET.decode())
_LENGTH: Final = 26
_BITS, _LONGEST = 160, 32


def _halvings() -> Iterator[tuple[int, int]]:
    """Each halving of the bits in their lanes, from all of them in one lane to five in each byte.

    Which bits are the upper halves, and by what factor less one they move to a lane of their own.
    """
    lanes = 1
    while lanes < _LONGEST:
        bits, width = _BITS // lanes // 2, 8 * _LONGEST // lanes // 2
        upper = ((1 << bits) - 1) << bits
        yield sum(upper << 2 * width * lane for lane in range(lanes)), (1 << width - bits) - 1
        lanes *= 2


# base64.b32encode is written in Python and takes ten times as long as these few sums of large integers.
_HALVINGS: Final = tuple(_halvings())
_SPELT: Final = bytes.maketrans(bytes(range(32)), _ALPHABET)


def derive(*parts: object, length: int = _LENGTH) -> str:
    """A lower-case base-32 name of `parts`, at most 32 characters of their SHA-256.

    Each part is length-prefixed, so no two lists of parts read the same.
    """
    text = ""
    for part in map(str, parts):
        text += f"{len(part)}:{part}|"
    number = int.from_bytes(hashlib.sha256(text[:-1].encode()).digest()[:20])
    for upper, distance in _HALVINGS:
        number += (number & upper) * distance
    return number.to_bytes(_LONGEST).translate(_SPELT)[:length].decode()


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
