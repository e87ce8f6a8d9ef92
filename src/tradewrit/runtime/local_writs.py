"""Writs in memory: for backtests, simulation and tests. No keys, and ids that follow from their cause."""

import hashlib
import re
from typing import Final

from msgspec.structs import replace

from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.ids import derive
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Grant
from tradewrit.errors import PermissionDenied
from tradewrit.runtime.kill_switch import Kill, thrown
from tradewrit.runtime.roles import Terms

DEFAULT_TTL_S: Final = 300
_FOR_GOOD: Final = 2**62
"""UTC ns, in the year 2116."""


class LocalIssuer:
    """Implements `Issuer` for one process.

    name: what ids derive from, a journal's id: the same run names the same identities and tokens.
    ttl_s: life of a token of a role whose terms name none; None for the life of the process, whatever they
    say, so that a backtest has nothing to renew.
    """

    def __init__(self, name: str, account: str = "paper", *, ttl_s: int | None = DEFAULT_TTL_S) -> None:
        if ttl_s is not None and ttl_s < 1:
            raise ValueError(f"a writ must live at least a second, not {ttl_s}")
        self._name = name
        self._account = segment(account)
        self._ttl = None if ttl_s is None else ttl_s * SECOND
        self._drawn = 0
        self._live: dict[str, Grant] = {}
        self._revoked: set[str] = set()
        self._kill: Kill | None = None
        self._version = 0
        self.refusals: list[WritDenied] = []
        self.answers: list[tuple[tuple[str, ...], tuple[str, ...]]] = []

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        """Register the role anew; refused while the kill switch is thrown, unless it is protective."""
        if self._gives_nothing(is_protective=terms.is_protective):
            raise PermissionDenied(f"{role}: no writ is issued while the kill switch is thrown")
        self._drawn += 1
        instance = hashlib.sha256(f"{self._name}|{role}|{now}|{self._drawn}".encode()).hexdigest()[:16]
        grant = Grant(
            id=self._token_id(now),
            agent=role,
            scopes=frozenset(terms.scopes),
            issued_at=now,
            expires_at=_FOR_GOOD if self._ttl is None else now + _life(terms, self._ttl),
            agent_id=f"spiffe://tradewrit.local/agent/{self._account}/{role}/{instance}",
            constraints=terms.constraints,
            is_protective=terms.is_protective,
        )
        self._live[grant.agent_id] = grant
        return grant

    def renew(self, grant: Grant, now: int) -> Grant | None:
        """The same identity under a new token; None once it has expired."""
        self._refuse_revoked(grant, now)
        if self._gives_nothing(is_protective=grant.is_protective):
            raise PermissionDenied(f"{grant.agent}: no writ is renewed while the kill switch ends them")
        if now >= grant.expires_at:
            return None
        self.verify(grant, now)
        end = _FOR_GOOD if self._ttl is None else now + grant.expires_at - grant.issued_at
        renewed = replace(grant, id=self._token_id(now), issued_at=now, expires_at=end)
        self._live[grant.agent_id] = renewed
        return renewed

    def verify(self, grant: Grant, now: int) -> None:
        """Raise PermissionDenied unless it is the identity's token of now."""
        self._refuse_revoked(grant, now)
        held = self._live.get(grant.agent_id)
        if held is None or held.id != grant.id or now >= grant.expires_at:
            raise PermissionDenied(f"{grant.agent}: its writ is dead")

    def _refuse_revoked(self, grant: Grant, now: int) -> None:
        is_killed = self._kill is not None and self._kill.forbids(now, is_protective=grant.is_protective)
        if is_killed or grant.agent_id in self._revoked:
            raise PermissionDenied(f"{grant.agent}: its writ was revoked")

    def release(self, grant: Grant, now: int) -> None:
        """Give it back; harmless to repeat."""
        del now
        held = self._live.get(grant.agent_id)
        if held is not None and held.id == grant.id:
            del self._live[grant.agent_id]

    def revoke(self, role: str) -> None:
        """Take the writs of a role away, as an operator does."""
        self._revoked.update(held.agent_id for held in self._live.values() if held.agent == role)
        self._version += 1

    def version(self) -> int:
        """How often something was taken away."""
        return self._version

    def killed(self) -> Kill | None:
        """The kill switch as it stands."""
        return self._kill

    def kill(self, kill: Kill, now: int) -> None:
        """Throw it; a second time only ever adds protection."""
        self._kill = thrown(kill, self._kill, now)
        self._revoked.update(held.agent_id for held in self._live.values() if not held.is_protective)
        self._version += 1

    def answer_kill(
        self, grant: Grant, cancelled: tuple[str, ...], working: tuple[str, ...], now: int
    ) -> None:
        """Keep it, for whoever asks; with no entry at work protection is over."""
        self.verify(grant, now)
        self.answers.append((cancelled, working))
        if not working:
            self._revoked.add(grant.agent_id)
            self._version += 1

    def rearm(self, by: str, now: int) -> None:
        """Put it back; what was over by then stays dead."""
        del by
        kill, self._kill = self._kill, None
        if kill is not None and kill.is_protection_over(now):
            self._revoked.update(self._live)
        self._version += 1

    def note_refusal(self, denied: WritDenied) -> None:
        """Keep it, for whoever asks."""
        self.refusals.append(denied)

    def _gives_nothing(self, *, is_protective: bool) -> bool:
        return self._kill is not None and (self._kill.including_protection or not is_protective)

    def _token_id(self, now: int) -> str:
        self._drawn += 1
        return hashlib.sha256(f"{self._name}|token|{now}|{self._drawn}".encode()).hexdigest()[:32]


def _life(terms: Terms, default: int) -> int:
    return default if terms.ttl_s is None else terms.ttl_s * SECOND


def segment(text: str) -> str:
    """A name as a segment of a SPIFFE id: letters, digits and `._-`; a name that has others is hashed."""
    return text if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", text) else derive("segment", text, length=16)
