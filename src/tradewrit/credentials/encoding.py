"""Base64url without padding (RFC 7515, section 2), in its one canonical spelling.

Python's decoder, like most, also reads padded text, stray characters and altered spare bits, so that one
signature has many spellings. Here every byte string has exactly one.
"""

import base64
import binascii
from typing import Final

# What has no place in base64url is turned into what base64 does not know, the padding too.
_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")


def encode(raw: bytes) -> str:
    r"""The canonical text of `raw`.

    >>> encode(b"\xfb\xff")
    '-_8'
    """
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes whose canonical text is `text`.

    Raises ValueError for any other spelling: padding, white space, foreign characters, a length that no
    bytes have, or spare bits that are not zero. The message does not repeat the text.
    """
    try:
        padded = text.encode("ascii").translate(_STANDARD) + b"=" * (-len(text) % 4)
        raw = binascii.a2b_base64(padded)
    except ValueError:
        raise ValueError("not base64url") from None
    if binascii.b2a_base64(raw, newline=False) != padded:
        raise ValueError("not canonical base64url: no padding, white space or spare bits are allowed")
    return raw
