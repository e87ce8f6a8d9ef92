"""Scopes and grants: what an agent may do, on what, until when.

A scope is `action:resource:identifier`, e.g. `write:trades:AAPL`; only the identifier may be `*`.
"""

from collections.abc import Iterable
from typing import Self

import msgspec

from tradewrit.domain.constraints import UNRESTRICTED, Constraints


class Scope(msgspec.Struct, frozen=True):
    """One permission. Case matters and nothing is trimmed."""

    action: str
    resource: str
    identifier: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `action:resource:identifier`; the identifier may itself hold colons.

        Raises ValueError for a missing or empty part and for a wildcard action or resource.
        """
        parts = text.split(":", 2)
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"scope {text!r} is not action:resource:identifier")
        if "*" in parts[:2]:
            raise ValueError(f"scope {text!r}: only the identifier may be a wildcard")
        return cls(*parts)

    def covers(self, wanted: "Scope") -> bool:
        """Whether holding this permits `wanted`."""
        return (
            self.action == wanted.action
            and self.resource == wanted.resource
            and self.identifier in {"*", wanted.identifier}
        )

    def __str__(self) -> str:
        return f"{self.action}:{self.resource}:{self.identifier}"


def is_subset(wanted: Iterable[str], allowed: Iterable[str]) -> bool:
    """Whether every wanted scope is covered by some allowed one; the empty set asks for nothing.

    >>> is_subset(["write:trades:AAPL"], ["write:trades:*"])
    True
    >>> is_subset(["write:trades:*"], ["write:trades:AAPL"])
    False
    """
    held = [Scope.parse(text) for text in allowed]
    return all(any(scope.covers(Scope.parse(text)) for scope in held) for text in wanted)


class Grant(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A live permission: who holds it, for what, and the instant (UTC ns) at which it is dead.

    id: of the token (`jti`). agent: the role in the desk. agent_id: the SPIFFE id it is registered under.
    is_protective: spared by the kill switch.
    """

    id: str
    agent: str
    scopes: frozenset[str]
    issued_at: int
    expires_at: int
    agent_id: str = ""
    constraints: Constraints = UNRESTRICTED
    is_protective: bool = False

    def covers(self, scope: str, now: int) -> bool:
        """Whether `scope` may be used at `now`; the expiry instant itself is too late."""
        if now >= self.expires_at:
            return False
        action, resource, _ = scope.split(":", 2)
        return scope in self.scopes or f"{action}:{resource}:*" in self.scopes
