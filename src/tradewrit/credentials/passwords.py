"""Secrets that people choose: argon2id (RFC 9106), written as a PHC string. Knows no user and no store.

For what people can remember only: see `client_secrets` for what we draw.
"""

import re
import unicodedata
from typing import Final

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import Entropy

SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
_FORM: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,7})\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{22,}"
)


class Cost(msgspec.Struct, frozen=True):
    """What one attempt costs. memory_kib: KiB. passes: over that memory. lanes: that may run at once."""

    memory_kib: int
    passes: int
    lanes: int


COST: Final = Cost(memory_kib=19 * 1024, passes=2, lanes=1)
"""What OWASP asks for at least. About 30 ms; the memory of an attempt is that of a dozen at once on a
small server, which more would not be."""

_MOST: Final = Cost(memory_kib=1 << 20, passes=64, lanes=16)
"""A hash that was edited to cost more is not tried: it would stop the server."""

_NOBODY: Final = (
    f"$argon2id$v=19$m={COST.memory_kib},t={COST.passes},p={COST.lanes}"
    f"${'A' * 22}${'A' * 43}"  # 16 and 32 zero bytes, the hash of nothing anybody knows
)


def hash_password(password: str, entropy: Entropy) -> str:
    """The PHC string to keep for a password: `$argon2id$v=19$m=..,t=..,p=..$salt$hash`."""
    hasher = Argon2id(
        salt=entropy(SALT_BYTES),
        length=HASH_BYTES,
        iterations=COST.passes,
        lanes=COST.lanes,
        memory_cost=COST.memory_kib,
    )
    return hasher.derive_phc_encoded(_bytes(password))


def verify_password(password: str, hashed: str | None) -> bool:
    """Whether it is the password of that hash.

    hashed: None for a user who does not exist, which takes as long as a wrong password does.
    Raises KeyMaterialError when the hash was altered into something that is none.
    """
    if hashed is not None:
        _refuse_damaged(hashed)
    try:
        Argon2id.verify_phc_encoded(_bytes(password), _NOBODY if hashed is None else hashed)
    except InvalidKey:
        return False
    return hashed is not None


def _refuse_damaged(hashed: str) -> None:
    found = _FORM.fullmatch(hashed)
    if found is None:
        raise KeyMaterialError("a stored password hash is damaged: set the password anew")
    cost = Cost(*map(int, found.groups()))
    if cost.memory_kib > _MOST.memory_kib or cost.passes > _MOST.passes or cost.lanes > _MOST.lanes:
        raise KeyMaterialError(
            f"a stored password hash asks for {cost.memory_kib} KiB, {cost.passes} passes and {cost.lanes} "
            "lanes, which none of ours does: set the password anew"
        )


def _bytes(password: str) -> bytes:
    """One spelling of an accented letter, however the keyboard at hand composes it (RFC 8265, 4.2)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
