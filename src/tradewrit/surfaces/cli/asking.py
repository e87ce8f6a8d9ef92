"""Secrets that people give to a command: typed without being shown, piped in, or read from a file.

Never an argument: that would stand in the shell's history and in the list of processes.
"""

import os
import sys
from pathlib import Path
from typing import Final

from tradewrit.errors import KeyMaterialError, OurFault
from tradewrit.runtime.secret import Secret

MAX_BYTES: Final = 65_536


def typed(name: str, prompt: str) -> Secret:
    """What a person types at the terminal, unseen; raises OurFault where nobody can."""
    from getpass import getpass

    if not _has_terminal():
        raise OurFault(f"there is no terminal to ask for the {name}")
    try:
        return _checked(name, getpass(f"{prompt}: "))
    except EOFError:
        raise OurFault(f"the {name} was not typed") from None


def typed_twice(name: str, prompt: str) -> Secret:
    """As `typed`, for something new that must be typed the same again."""
    first = typed(name, prompt)
    if typed(name, "Again").reveal() != first.reveal():
        raise OurFault(f"the {name} was typed differently the second time; nothing was changed")
    return first


def typed_or_piped(name: str, prompt: str) -> Secret:
    """What comes on standard input, less one line end at its end; typed, when that is a terminal."""
    if sys.stdin is None:
        raise OurFault(f"standard input is closed, so the {name} cannot be read")
    if sys.stdin.isatty():
        return typed(name, prompt)
    return _checked(name, _decoded(name, sys.stdin.buffer.read(MAX_BYTES + 1)))


def from_file(name: str, path: Path) -> Secret:
    """The one line of a file; raises KeyMaterialError when it cannot be read or is open to others."""
    from tradewrit.credentials.private_file import read_private

    raw = read_private(path, f"the {name} file", advice=f"take a new {name} if they might have read it")
    secret = _checked(name, _decoded(name, raw))
    if "\n" in secret.reveal():
        raise KeyMaterialError(f"{path}: the {name} file has several lines; it must hold the {name} alone")
    return secret


def _decoded(name: str, raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise OurFault(f"the {name} is longer than {MAX_BYTES:,} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise OurFault(
            f"the {name} is not text in UTF-8; encode binary keys first, such as with base64"
        ) from None
    return text.removesuffix("\n").removesuffix("\r")


def _checked(name: str, text: str) -> Secret:
    if not text:
        raise OurFault(f"the {name} is empty")
    if not _is_encodable(text):
        raise OurFault(f"the {name} is not text in UTF-8")
    return Secret(name, text)


def _is_encodable(text: str) -> bool:
    """Not so for what a terminal in another encoding sends."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _has_terminal() -> bool:
    if sys.stdin is not None and sys.stdin.isatty():
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True
