"""Bech32 (BIP 173) as age writes keys: text with a checksum against typing errors, of any length."""

from collections.abc import Iterable, Iterator
from typing import Final

_LETTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_CHARS: Final = 6


def encode(prefix: str, raw: bytes) -> str:
    """The lower-case text of `raw` under a lower-case prefix.

    >>> encode("age", b"")
    'age1kzxuas'
    """
    values = [*_regrouped(raw, 8, 5)]
    checksum = _polymod([*_expanded(prefix), *values, *bytes(_CHECKSUM_CHARS)]) ^ 1
    values += [(checksum >> 5 * (5 - place)) & 31 for place in range(_CHECKSUM_CHARS)]
    return f"{prefix}1{''.join(_LETTERS[value] for value in values)}"


def decode(prefix: str, text: str) -> bytes:
    """The bytes of a text under a lower-case prefix; raises ValueError, which does not repeat it."""
    folded = text.lower()
    if text not in {folded, text.upper()}:
        raise ValueError("it mixes capitals and small letters")
    found, _, letters = folded.rpartition("1")
    if found != prefix:
        raise ValueError(f"it does not begin with {prefix}1")
    if len(letters) < _CHECKSUM_CHARS or any(letter not in _LETTERS for letter in letters):
        raise ValueError("it is cut off, or has letters that are none of Bech32's")
    values = [_LETTERS.index(letter) for letter in letters]
    if _polymod([*_expanded(prefix), *values]) != 1:
        raise ValueError("its checksum is wrong: a letter was mistyped or left out")
    return _whole_bytes(values[:-_CHECKSUM_CHARS])


def _whole_bytes(values: list[int]) -> bytes:
    raw = bytes(_regrouped(values, 5, 8, is_padded=False))
    # Left over: fewer bits than a letter has, all zero; then every byte string has one spelling.
    if list(_regrouped(raw, 8, 5)) != values:
        raise ValueError("it has bits to spare")
    return raw


def _regrouped(values: Iterable[int], size: int, wanted: int, *, is_padded: bool = True) -> Iterator[int]:
    """The bits of numbers of `size` bits as numbers of `wanted` bits."""
    held = bits = 0
    for value in values:
        held, bits = (held << size | value) & 0xFFF, bits + size
        while bits >= wanted:
            bits -= wanted
            yield held >> bits & (1 << wanted) - 1
    if is_padded and bits:
        yield held << (wanted - bits) & (1 << wanted) - 1


def _expanded(prefix: str) -> list[int]:
    return [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]


def _polymod(values: Iterable[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for place, term in enumerate(_GENERATOR):
            checksum ^= term if top >> place & 1 else 0
    return checksum
