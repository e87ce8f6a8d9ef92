"""A desk's writs over an app's way to an authority, wherever that is: HTTP, ours or another's.

Our own authority tells how each token stands and whether its kill switch is on, and is asked that about
once a second. Another is asked which tokens still count; why one does not, it tells nobody.
"""

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from tradewrit.credentials.audit import EventType
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.client import AgentRequest, CredentialClient
from tradewrit.credentials.endings import Ending
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.refusals import Code
from tradewrit.credentials.requests import Issued
from tradewrit.credentials.watch import UNTOLD, Held, Watch
from tradewrit.domain.constraints import UNRESTRICTED, Violation
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Grant
from tradewrit.errors import CredentialRefused, PermissionDenied, TheirFault
from tradewrit.runtime.clock import Clock, Entropy, SystemClock, system_entropy
from tradewrit.runtime.kill_switch import Kill, thrown
from tradewrit.runtime.local_writs import segment
from tradewrit.runtime.roles import Terms


class _Ready(msgspec.Struct, frozen=True):
    """A role that was registered before its desk asked, at `at` (monotonic ns)."""

    issued: Issued
    key: SigningKey
    at: int


class ClientIssuer:
    """Implements `Issuer` over a `CredentialClient`.

    Every use asks the authority whether the token still counts. While it does not answer, only what is
    protective goes on, for as long as the token lives: a stop must not wait for a network.

    The life of a token is counted from when it was asked for, on the desk's clock: what the authority's
    clock says of it never matters here.
    """

    def __init__(
        self,
        client: CredentialClient,
        account: str,
        *,
        ttl_s: int,
        needs_proof: bool = False,
        is_plain: bool = False,
        poll_s: float = 1.0,
        pace: int = 1,
        clock: Clock | None = None,
        entropy: Entropy = system_entropy,
    ) -> None:
        """ttl_s: life of a token. needs_proof: tokens count only with proof of the agent's own key.

        is_plain: the authority speaks the plain protocol only. Scopes and lives are its business;
        constraints, and which writ is protective, are then kept by this desk alone.
        poll_s: how often it is asked what it took away. pace: seconds that pass on the desk's clock in one
        of the authority's: 1, but for a desk on a tape. clock: of which only what is monotonic is read.
        """
        self._client = client
        self._orch_id = segment(account)
        self._ttl_s = ttl_s
        self._needs_proof = needs_proof and not is_plain
        self._is_plain = is_plain
        self._pace = pace
        self._clock = clock or SystemClock()
        self._entropy = entropy
        self._held: dict[str, Held] = {}
        self._ready: dict[str, _Ready] = {}
        self._kill: Kill | None = None
        self._version = 0
        self._watch = Watch(client, self._held, self._clock, every_ns=round(poll_s * SECOND), pace=pace)

    def prepare(self, terms: Mapping[str, Terms]) -> None:
        """Register every role now, so that what the authority refuses is known before anything starts.

        Raises what the client raises; CredentialRefused names the role in its detail.
        """
        for role, one in terms.items():
            key, at = SigningKey.draw(self._entropy), self._clock.monotonic()
            try:
                self._ready[role] = _Ready(self._registered(role, one, key), key, at)
            except CredentialRefused as refused:
                raise CredentialRefused(refused.code, f"{role}: {refused.detail}") from refused

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        """Register the role under a key pair of its own."""
        self._watch.tell(now)
        if self._gives_nothing(is_protective=terms.is_protective):
            raise PermissionDenied(f"{role}: no writ is issued while the kill switch is thrown")
        ready = self._ready.pop(role, None)
        if ready is not None:
            spent = self._clock.monotonic() - ready.at
            return self._keep(role, terms, ready.issued, ready.key, now, spent)
        key = SigningKey.draw(self._entropy)
        try:
            issued = self._registered(role, terms, key)
        except CredentialRefused as refused:
            self._hear(refused)
            raise PermissionDenied(f"{role}: {refused.detail}") from refused
        return self._keep(role, terms, issued, key, now)

    def renew(self, grant: Grant, now: int) -> Grant | None:
        """The next token; None when it expired, or its total life is over."""
        held = self._mine(grant)
        self._watch.tell(now)
        if self._gives_nothing(is_protective=grant.is_protective):
            raise PermissionDenied(f"{grant.agent}: no writ is renewed while the kill switch ends them")
        try:
            issued = self._watch.ask(lambda: self._client.renew(held.token, held.key))
        except CredentialRefused as refused:
            self._hear(refused)
            self._refuse_if_revoked(grant, held, refused, now)
            return None
        del self._held[grant.id]
        return self._keep(grant.agent, held.terms, issued, held.agent_key, now)

    def verify(self, grant: Grant, now: int) -> None:
        """The authority is asked; see the class for when it does not answer."""
        held = self._mine(grant)
        self._watch.tell(now)
        if self._kill is not None and self._kill.forbids(now, is_protective=grant.is_protective):
            raise PermissionDenied(f"{grant.agent}: its writ was revoked by the kill switch")
        if now >= grant.expires_at:
            raise PermissionDenied(f"{grant.agent}: its writ has expired")
        try:
            claims = self._validated(held)
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
            self._released(held)

    def version(self) -> int:
        """What happens here, and what the authority was heard to have done; asks it when that is due."""
        self._watch.look_if_due()
        return self._version + self._watch.news

    def killed(self) -> Kill | None:
        """The switch, thrown here or there."""
        theirs = self._watch.killed
        if theirs is None or self._kill is None:
            return theirs or self._kill
        return thrown(theirs, self._kill, 0) if theirs.including_protection else self._kill

    def kill(self, kill: Kill, now: int) -> None:
        """Throw it here, and give up what it takes away; the authority's own switch is for operators."""
        self._kill = thrown(kill, self._kill, now)
        self._version += 1
        for name, held in list(self._held.items()):
            if not held.terms.is_protective:
                self._give_up(name, held)

    def answer_kill(
        self, grant: Grant, cancelled: tuple[str, ...], working: tuple[str, ...], now: int
    ) -> None:
        """The authority hears it, where it has asked; with no entry at work the writ is given up."""
        del now
        held = self._mine(grant)
        # It waits for no word of this desk: the switch was thrown here alone, or the writ is dead there.
        with suppress(CredentialRefused):
            self._watch.ask(lambda: self._client.answer_kill(held.token, cancelled, working, held.key))
        if not working:
            self._give_up(grant.id, held)
            self._version += 1

    def _give_up(self, name: str, held: Held) -> None:
        with suppress(TheirFault):  # it dies in its time
            self._released(held)
        del self._held[name]

    def rearm(self, by: str, now: int) -> None:
        """Put it back here; PermissionDenied while it is on at the authority, where a person must first."""
        del by
        self._watch.look_again()
        theirs = self._watch.killed
        if theirs is not None and self._watch.is_told_why:
            why = theirs.reason or "no reason given"
            raise PermissionDenied(
                f"it is on at the authority, thrown by {theirs.by} ({why}); put it back there "
                "first: tradewrit credentials rearm"
            )
        kill, self._kill = self._kill, None
        self._watch.killed = None
        if kill is not None and kill.is_protection_over(now):
            for name, held in list(self._held.items()):
                self._give_up(name, held)
        self._version += 1

    def note_refusal(self, denied: WritDenied) -> None:
        """Report it, if the authority takes such reports."""
        held = self._held.get(denied.token_id)
        if held is not None:
            broken = denied.violations or (Violation("writ", denied.scope, denied.reason),)
            self._watch.ask(
                lambda: self._client.report(held.token, broken, resource=denied.scope, key=held.key)
            )

    def _registered(self, role: str, terms: Terms, key: SigningKey) -> Issued:
        return self._watch.ask(lambda: self._client.register(self._request(role, terms), key))

    def _validated(self, held: Held) -> Claims | None:
        return self._watch.ask(lambda: self._client.validate(held.token))

    def _released(self, held: Held) -> None:
        self._watch.ask(lambda: self._client.release(held.token, held.key))

    def _request(self, role: str, terms: Terms) -> AgentRequest:
        return AgentRequest(
            name=role,
            orch_id=self._orch_id,
            task_id=role,
            scope=terms.scopes,
            max_ttl_s=terms.ttl_s or self._ttl_s,
            constraints=UNRESTRICTED if self._is_plain else terms.constraints,
            needs_proof=self._needs_proof,
            is_protective=terms.is_protective and not self._is_plain,
        )

    def _keep(
        self, role: str, terms: Terms, issued: Issued, key: SigningKey, now: int, spent: int = 0
    ) -> Grant:
        """spent: of its life, monotonic ns."""
        claims = issued.claims
        for name in [name for name, held in self._held.items() if held.role == role]:
            del self._held[name]  # dead, or it would not have been replaced
        life = issued.expires_in * SECOND - spent
        self._held[claims.jti] = Held(
            role=role,
            token=issued.token,
            agent_key=key,
            terms=terms,
            needs_proof=self._needs_proof,
            ends_at=self._clock.monotonic() + life,
        )
        return Grant(
            id=claims.jti,
            agent=role,
            scopes=frozenset(claims.scope),
            issued_at=now,
            expires_at=now + life * self._pace,
            agent_id=claims.sub,
            constraints=terms.constraints if self._is_plain else claims.constraints,
            is_protective=terms.is_protective if self._is_plain else claims.protective,
        )

    def _mine(self, grant: Grant) -> Held:
        held = self._held.get(grant.id)
        if held is None:
            raise PermissionDenied(f"{grant.agent}: its token is not held here")
        return held

    def _hear(self, refused: CredentialRefused) -> None:
        """Of a kill switch, from whoever refuses because of it; who threw it, if that can be learnt."""
        if refused.code != Code.KILLED:
            return
        with suppress(TheirFault):
            self._watch.look_again()
        if self._watch.killed is None:
            self._watch.hear(Kill(by=UNTOLD, reason=refused.detail))

    def _refuse_if_revoked(self, grant: Grant, held: Held, refused: CredentialRefused, now: int) -> None:
        """Raise PermissionDenied if a token was taken away; it may be forgotten, or have ended by itself."""
        if refused.code == Code.KILLED:
            raise PermissionDenied(f"{grant.agent}: {refused.detail}") from refused
        told = self._watch.standing(held)
        if told is not None:
            if told.ending is not None:
                raise PermissionDenied(f"{grant.agent}: {_words(told.ending)}") from refused
            return
        if self._watch.is_told_why or now >= grant.expires_at - SECOND * self._pace:
            return
        if self._validated(held) is None:
            raise PermissionDenied(
                f"{grant.agent}: its writ was revoked ({refused.detail}); the authority does not say by whom"
            ) from refused

    def _gives_nothing(self, *, is_protective: bool) -> bool:
        return self._kill is not None and (self._kill.including_protection or not is_protective)


def _words(ending: Ending) -> str:
    by = f" by {ending.by}" if ending.by else ""
    match ending.how:
        case EventType.KILL_SWITCH:
            return f"its writ was revoked by the kill switch{by and f', thrown{by}'}"
        case EventType.APP_DEREGISTERED:
            return "its writ was revoked: its app was removed"
        case EventType.TOKEN_RELEASED:
            return "its writ was given up by somebody who holds it"
        case _:
            return f"its writ was revoked{by}"
