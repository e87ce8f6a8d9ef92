"""What the HTTP answer of a venue means: told by its status and by the code in its body, never by its prose.

    403 with no code, or one of a key      the key is not accepted: a breaker opens, a person is needed
    403 with a code of the order's merits  the order is refused: a report, which no breaker counts

Knows no connection and no order.
"""

from collections.abc import Mapping
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

import msgspec

from tradewrit.domain.rejections import UNSENT, Rejection


class Meaning(Enum):
    """UNKNOWN: nothing is known of the request. REJECTED: what was asked is refused on its merits.

    REFUSED: the request is one that the venue would never take; that is a fault of ours.
    """

    UNKNOWN = auto()
    UNAUTHORIZED = auto()
    THROTTLED = auto()
    REJECTED = auto()
    REFUSED = auto()


MERITS: Final[Mapping[str, Rejection]] = {
    **{str(one): one for one in Rejection if one not in UNSENT},
    # Alpaca's numbers begin with their status. One of them stands for buying power, quantity held, shorting
    # and restrictions alike (docs.alpaca.markets, "Orders"), so more than "refused" cannot be told.
    "40310000": Rejection.VENUE,
    "40310100": Rejection.VENUE,  # pattern day trading
    "42210000": Rejection.VENUE,  # terms it does not take
}
"""Codes that are about the order, of whichever venue, and what we call them."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What an error's body says. code: for programs, "" where none can be read. words: for people."""

    code: str = ""
    words: str = ""


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that ours (RFC 9457) and Alpaca's errors have."""

    error_code: str = ""
    code: int | str = ""
    detail: str = ""
    message: str = ""
    title: str = ""


def said(body: bytes) -> Said:
    """Read an error's body, whatever it is."""
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Said()
    return Said(code=found.error_code or str(found.code), words=found.detail or found.message or found.title)


def meaning(status: int, code: str) -> Meaning:
    """What an answer other than success means.

    code: what `said` read. A 403 whose code nobody knows counts as one about the key: to stop is safer than
    to go on with a key that is dead.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Meaning.THROTTLED
    if status == HTTPStatus.UNAUTHORIZED:
        return Meaning.UNAUTHORIZED
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNPROCESSABLE_ENTITY} and code in MERITS:
        return Meaning.REJECTED
    if status == HTTPStatus.FORBIDDEN:
        return Meaning.UNAUTHORIZED
    if status >= 500 or status < 400 or status == HTTPStatus.REQUEST_TIMEOUT or not code:
        return Meaning.UNKNOWN  # not from a venue, or it does not know itself
    return Meaning.REFUSED
