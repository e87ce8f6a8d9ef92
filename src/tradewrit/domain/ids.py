"""Ids derived from their cause: the same cause gives the same id, another journal gives another.

Nothing here is random: a retry, a restart and a replay arrive at the same names.
"""

import hashlib
from base64 import b32encode
from functools import lru_cache

from tradewrit.domain.orders import Role


def derive(*parts: object, length: int = 26) -> str:
    """A short lower-case base-32 name of `parts`; each part is length-prefixed, so none can collide."""
    text = "|".join(f"{len(str(part))}:{part}" for part in parts)
    return b32encode(hashlib.sha256(text.encode()).digest()).decode().lower()[:length]


def client_order_id(journal_id: str, account: str, trade_id: str, role: Role, attempt: int) -> str:
    """26 characters, the same for every retry, never the same for another journal.

    attempt: rises only by a journalled decision (a stop placed anew), never by a retry.
    """
    return derive("order", journal_id, account, trade_id, role.value, attempt)


def trade_id(journal_id: str, strategy: str, symbol: str, at: int) -> str:
    """One trade per strategy, symbol and bar: deciding twice names the same trade."""
    return derive("trade", journal_id, strategy, symbol, at, length=16)


@lru_cache(maxsize=4096)
def scan_id(strategy: str, at: int) -> str:
    """Correlates everything that one scan of one bar time set off."""
    return derive("scan", strategy, at, length=16)
