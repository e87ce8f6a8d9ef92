"""The names of apps and operators, the ids made of them, and who a token's subject is."""

import re
from typing import Final

from tradewrit.credentials.refusals import invalid
from tradewrit.runtime.clock import Entropy

MAX_NAME: Final = 64
MAX_SHOWN: Final = 256
_NAME: Final = re.compile(r"[a-z][a-z0-9]+(?:-[a-z0-9]+)*")
_CLIENT: Final = re.compile(r"[a-z]{2,3}-[0-9a-f]{12}")
_APP: Final = "app:"
_OPERATOR: Final = "admin:"


def checked_name(name: str) -> str:
    """The name; refused as invalid_request unless it is lower-case letters, digits and single hyphens."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        raise invalid(
            f"name {name[:80]!r} must be 2 to {MAX_NAME} lower-case letters, digits and single hyphens, "
            "beginning with a letter"
        )
    return name


def draw_app_id(name: str, entropy: Entropy) -> str:
    """`app-<name>-<6 hex>`."""
    return f"app-{name}-{entropy(3).hex()}"


def draw_client_id(name: str, entropy: Entropy) -> str:
    """Up to three letters of the name, and 12 hex characters."""
    letters = "".join(letter for letter in name if letter.isalpha())[:3]
    return f"{letters:x<2}-{entropy(6).hex()}"


def is_client_id(text: str) -> bool:
    """Whether this could be a client id: only then it may stand in the audit trail."""
    return _CLIENT.fullmatch(text) is not None


def app_subject(app_id: str) -> str:
    """The subject of an app's own token."""
    return f"{_APP}{app_id}"


def app_of_subject(subject: str) -> str | None:
    """The app whose own token this is, or None."""
    return subject.removeprefix(_APP) if subject.startswith(_APP) else None


def operator_subject(name: str) -> str:
    """The subject of an operator's token."""
    return f"{_OPERATOR}{name}"


def is_operator_subject(subject: str) -> bool:
    """Whether a token of this subject is a person's."""
    return subject.startswith(_OPERATOR)


def shown(text: str) -> str:
    """Somebody's free text as it may stand in the audit trail: one printable line, not too long."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:MAX_SHOWN])
