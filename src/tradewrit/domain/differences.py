"""Where the books and the venue differ: words for it, and nothing else."""

from enum import StrEnum

import msgspec


class Differs(StrEnum):
    """In what they differ."""

    MISSING = "missing"
    """The books have a working order that the venue does not list."""
    TERMS = "terms"
    STRANGER = "stranger"
    """The venue works an order that the books do not have, or have as over."""
    POSITION = "position"
    HALT = "halt"
    """The venue has halted a symbol, or lets it trade, and the books have it the other way."""


class Difference(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing in which they differ. subject: a client order id; a symbol for a position or a halt."""

    kind: Differs
    subject: str
    ours: str
    theirs: str

    @property
    def key(self) -> str:
        """What it is about."""
        return f"{self.kind}:{self.subject}"

    @property
    def said(self) -> str:
        """What is said of it: the same again is the same difference."""
        return f"{self.ours}|{self.theirs}"
