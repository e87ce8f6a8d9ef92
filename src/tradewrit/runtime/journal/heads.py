"""Exported heads: a small JSON file that says where a stream ended, to be kept away from the journal."""

import re
from os import PathLike
from pathlib import Path
from typing import Final

import msgspec

from tradewrit.errors import JournalError
from tradewrit.runtime.journal.records import Head
from tradewrit.runtime.whole_file import whole_file

_ID: Final = re.compile(r"[0-9a-f]{32}")
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def head_text(head: Head) -> str:
    """The head as one line of JSON, `{"journal_id":..., "stream":..., "seq":..., "hash":...}`."""
    return msgspec.json.encode(head).decode()


def parse_head(text: str | bytes, *, where: str = "the head") -> Head:
    """The head in a text made by `head_text`; white space and unknown keys do not matter.

    where: how the error message calls the text.
    Raises JournalError when it is not a head.
    """
    try:
        head = msgspec.json.decode(text, type=Head)
    except (msgspec.DecodeError, UnicodeError) as why:
        raise JournalError(f"{where}: is not an exported head: {why}") from why
    if head.seq < 0 or not _ID.fullmatch(head.journal_id) or not _HASH.fullmatch(head.hash):
        raise JournalError(f"{where}: is not an exported head: its id, seq or hash is malformed")
    return head


def write_head(path: str | PathLike[str], head: Head) -> None:
    """Write a head to a file, replacing what is there; raises JournalError when that fails."""
    place = Path(path)
    try:
        with whole_file(place) as file:
            file.write(f"{head_text(head)}\n".encode())
    except OSError as why:
        raise JournalError(f"{place}: cannot write the head: {why.strerror}") from why


def read_head(path: str | PathLike[str]) -> Head:
    """The head in a file made by `write_head`; raises JournalError when there is none."""
    place = Path(path)
    try:
        content = place.read_bytes()
    except OSError as why:
        raise JournalError(f"{place}: cannot read the head: {why.strerror}") from why
    return parse_head(content, where=str(place))
