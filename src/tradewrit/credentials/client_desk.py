"""A desk's writs over an app's way to an authority, wherever that is: HTTP, ours or another's.

Less can be seen from here than from inside (`credentials.desk`): a revocation shows when a token is used or
renewed, and nobody tells an app of a kill switch thrown there, except by refusing it everything.
"""

from contextlib import suppress

import msgspec

from tradewrit.credentials.client import AgentRequest, CredentialClient
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.refusals import Code
from tradewrit.credentials.requests import Issued
from tradewrit.domain.constraints import Violation
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Grant
from tradewrit.errors import CredentialRefused, PermissionDenied, TheirFault
from tradewrit.runtime.clock import Entropy, system_entropy
from tradewrit.runtime.kill_switch import Kill, thrown
from tradewrit.runtime.local_writs import segment
from tradewrit.runtime.roles import Terms


class _Held(msgspec.Struct, frozen=True):
    """A token and the key of the agent that holds it. It prints as its id."""

    issued: Issued
    key: SigningKey


class ClientIssuer:
    """Implements `Issuer` over a `CredentialClient`.

    Every use asks the authority whether the token still counts. While it does not answer, only what is
    protective goes on, for as long as the token lives: a stop must not wait for a network.
    """

    def __init__(
        self,
        client: CredentialClient,
        account: str,
        *,
        ttl_s: int,
        needs_proof: bool = False,
        entropy: Entropy = system_entropy,
    ) -> None:
        """ttl_s: life of a token. needs_proof: tokens count only with proof of the agent's own key."""
        self._client = client
        self._orch_id = segment(account)
        self._ttl_s = ttl_s
        self._needs_proof = needs_proof
        self._entropy = entropy
        self._held: dict[str, _Held] = {}
        self._kill: Kill | None = None
        self._version = 0

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        """Register the role under a key pair of its own."""
        del now
        if self._gives_nothing(is_protective=terms.is_protective):
            raise PermissionDenied(f"{role}: no writ is issued while the kill switch is thrown")
        key = SigningKey.draw(self._entropy)
        asked = AgentRequest(
            name=role,
            orch_id=self._orch_id,
            task_id=role,
            scope=terms.scopes,
            max_ttl_s=terms.ttl_s or self._ttl_s,
            constraints=terms.constraints,
            needs_proof=self._needs_proof,
            is_protective=terms.is_protective,
        )
        try:
            issued = self._client.register(asked, key)
        except CredentialRefused as refused:
            raise PermissionDenied(f"{role}: {refused.detail}") from refused
        return self._keep(role, issued, key)

    def renew(self, grant: Grant, now: int) -> Grant | None:
        """The next token; None when it expired, or its total life is over.

        Of one that expired nobody here can say whether it was revoked as well.
        """
        held = self._mine(grant)
        if now >= grant.expires_at:
            return None
        if self._gives_nothing(is_protective=grant.is_protective):
            raise PermissionDenied(f"{grant.agent}: no writ is renewed while the kill switch ends them")
        try:
            issued = self._client.renew(held.issued.token, self._key(held))
        except CredentialRefused as refused:
            if refused.code != Code.KILLED and self._client.validate(held.issued.token) is not None:
                return None
            raise PermissionDenied(f"{grant.agent}: its writ was revoked ({refused.detail})") from refused
        del self._held[grant.id]
        return self._keep(grant.agent, issued, held.key)

    def verify(self, grant: Grant, now: int) -> None:
        """The authority is asked; see the class for when it does not answer."""
        held = self._mine(grant)
        if self._kill is not None and self._kill.forbids(now, is_protective=grant.is_protective):
            raise PermissionDenied(f"{grant.agent}: its writ was revoked by the kill switch")
        if now >= grant.expires_at:
            raise PermissionDenied(f"{grant.agent}: its writ has expired")
        try:
            claims = self._client.validate(held.issued.token)
        except TheirFault:
            if grant.is_protective:
                return
            raise
        if claims is None:
            raise PermissionDenied(f"{grant.agent}: its writ is dead")

    def release(self, grant: Grant, now: int) -> None:
        """Give it up."""
        del now
        held = self._held.pop(grant.id, None)
        if held is not None:
            self._client.release(held.issued.token, self._key(held))

    def version(self) -> int:
        """Only what happens here is seen."""
        return self._version

    def killed(self) -> Kill | None:
        """The switch as it was thrown here; an app is not told of the authority's own."""
        return self._kill

    def kill(self, kill: Kill, now: int) -> None:
        """Throw it here, and give up what it takes away; the authority's own switch is for operators."""
        self._kill = thrown(kill, self._kill, now)
        self._version += 1
        for name, held in list(self._held.items()):
            if not held.issued.claims.protective:
                self._give_up(name, held)

    def answer_kill(
        self, grant: Grant, cancelled: tuple[str, ...], working: tuple[str, ...], now: int
    ) -> None:
        """The authority hears it, where it has asked; with no entry at work the writ is given up."""
        del now
        held = self._mine(grant)
        with suppress(CredentialRefused):  # the switch was thrown here alone
            self._client.answer_kill(held.issued.token, cancelled, working, self._key(held))
        if not working:
            self._give_up(grant.id, held)
            self._version += 1

    def _give_up(self, name: str, held: _Held) -> None:
        with suppress(TheirFault):  # it dies in its time
            self._client.release(held.issued.token, self._key(held))
        del self._held[name]

    def rearm(self, by: str, now: int) -> None:
        """Put it back; what was over by then is given up."""
        del by
        kill, self._kill = self._kill, None
        if kill is not None and kill.is_protection_over(now):
            for name, held in list(self._held.items()):
                self._give_up(name, held)
        self._version += 1

    def note_refusal(self, denied: WritDenied) -> None:
        """Report it, if the authority takes such reports."""
        held = self._held.get(denied.token_id)
        if held is not None:
            broken = denied.violations or (Violation("writ", denied.scope, denied.reason),)
            self._client.report(held.issued.token, broken, resource=denied.scope, key=self._key(held))

    def _keep(self, role: str, issued: Issued, key: SigningKey) -> Grant:
        claims = issued.claims
        self._held[claims.jti] = _Held(issued, key)
        return Grant(
            id=claims.jti,
            agent=role,
            scopes=frozenset(claims.scope),
            issued_at=claims.iat * SECOND,
            expires_at=claims.exp * SECOND,
            agent_id=claims.sub,
            constraints=claims.constraints,
            is_protective=claims.protective,
        )

    def _mine(self, grant: Grant) -> _Held:
        held = self._held.get(grant.id)
        if held is None:
            raise PermissionDenied(f"{grant.agent}: its token is not held here")
        return held

    def _key(self, held: _Held) -> SigningKey | None:
        return held.key if self._needs_proof else None

    def _gives_nothing(self, *, is_protective: bool) -> bool:
        return self._kill is not None and (self._kill.including_protection or not is_protective)
