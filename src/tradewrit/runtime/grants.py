"""In-process grants: each agent holds a short-lived permission for what its role needs, no more.

A grant is renewed when half its life is over, and is checked again at every use. The authority with
keys, tokens and revocation stands behind the same two calls.
"""

from collections.abc import Mapping
from typing import Final

from tradewrit.domain.ids import derive
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Grant, Scope
from tradewrit.errors import PermissionDenied

DEFAULT_TTL_S: Final = 300

ROLE_SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "market_watch": ("read:market:*",),
    "executor": ("write:trades:*", "read:trades:*"),
    "reviewer": ("write:reviews:*", "write:timers:*"),
}
"""What each role may do. A role that is not listed asks for nothing and holds nothing."""


class Grants:
    """Issues, renews and revokes the grants of one desk."""

    def __init__(
        self,
        issuer: str,
        scopes: Mapping[str, tuple[str, ...]] = ROLE_SCOPES,
        *,
        ttl_s: int = DEFAULT_TTL_S,
    ) -> None:
        for text in (scope for held in scopes.values() for scope in held):
            Scope.parse(text)
        if ttl_s < 1:
            raise ValueError(f"a grant must live at least a second, not {ttl_s}")
        self._issuer = issuer
        self._scopes = dict(scopes)
        self._ttl = ttl_s * SECOND
        self._live: dict[str, Grant] = {}
        self._revoked: set[str] = set()

    def live(self, agent: str, now: int) -> Grant:
        """The agent's grant, renewed when half its life is over.

        Raises PermissionDenied when the role holds no scopes or was revoked.
        """
        if agent in self._revoked:
            raise PermissionDenied(f"{agent}: its writ was revoked")
        held = self._live.get(agent)
        if held is not None and now < held.expires_at - self._ttl // 2:
            return held
        scopes = self._scopes.get(agent)
        if not scopes:
            raise PermissionDenied(f"{agent} holds no writ")
        grant = Grant(
            id=derive("grant", self._issuer, agent, now, length=16),
            agent=agent,
            scopes=frozenset(scopes),
            issued_at=now,
            expires_at=now + self._ttl,
        )
        self._live[agent] = grant
        return grant

    def revoke(self, agent: str) -> None:
        """End an agent's writ at once; it cannot renew."""
        self._revoked.add(agent)
        self._live.pop(agent, None)
