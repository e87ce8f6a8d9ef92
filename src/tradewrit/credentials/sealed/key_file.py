"""The key that opens the sealed store, in a file as age-keygen writes it: comments, then one key."""

from pathlib import Path
from typing import Final

from tradewrit.credentials.private_file import create_private, read_private
from tradewrit.credentials.sealed.keys import AgeKey
from tradewrit.domain.times import iso
from tradewrit.errors import KeyMaterialError

_WHAT: Final = "the key file"
_ADVICE: Final = "make a new one if they might have read it, and seal the store with that"


def write_key_file(path: Path, key: AgeKey, now: int) -> None:
    """Put a key into a new file (mode 0600); raises KeyMaterialError when there is a file already."""
    text = f"# created: {iso(now)}\n# public key: {key.public}\n{key.text.reveal()}\n"
    create_private(path, _WHAT, text.encode("ascii"))


def read_key_file(path: Path) -> AgeKey:
    """The key of a file; raises KeyMaterialError when it is missing, open to others or holds not one key."""
    raw = read_private(path, _WHAT, advice=_ADVICE)
    lines = [line.strip() for line in raw.decode("utf-8", "replace").splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    if len(keys) != 1:
        raise KeyMaterialError(f"{path}: the key file holds {len(keys)} keys; it must hold one")
    try:
        return AgeKey.parse(keys[0])
    except ValueError as why:
        raise KeyMaterialError(f"{path}: no line of the key file is an X25519 key of age: {why}") from None
