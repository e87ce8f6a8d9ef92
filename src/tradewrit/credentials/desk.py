"""A desk's writs from an authority in this process: an app for the desk, an identity and a key per role.

Token texts never leave this file: the desk's journal and books know a token by its id. Knows no orders.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from tradewrit.credentials.audit import EventType
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.client import AgentRequest, launch_request, registration
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.records import App, Level
from tradewrit.credentials.refusals import Code
from tradewrit.credentials.requests import Issued, Local
from tradewrit.domain.constraints import Constraints, Violation
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.ids import derive
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import EXECUTOR
from tradewrit.errors import (
    CredentialRefused,
    JournalUnwritable,
    PermissionDenied,
    TokenRefused,
    Unauthorized,
)
from tradewrit.runtime.clock import Entropy, system_entropy
from tradewrit.runtime.kill_switch import Kill
from tradewrit.runtime.local_writs import segment
from tradewrit.runtime.roles import Terms

BY: Final = "desk"
_MOST_EVENTS: Final = 1_000
_LONGEST_SLUG: Final = 40


class _Token(msgspec.Struct, frozen=True):
    """The token a role holds. It prints as its id."""

    text: str
    claims: Claims

    def __repr__(self) -> str:
        return f"_Token({self.claims.jti})"


class AuthorityIssuer:
    """Implements `Issuer` over an `Authority`.

    What is left of an earlier process dies by itself: nothing has to be cleaned up at the start.
    """

    def __init__(
        self,
        authority: Authority,
        account: str,
        terms: Mapping[str, Terms],
        *,
        ttl_s: int,
        entropy: Entropy = system_entropy,
    ) -> None:
        """account: names the desk's app and is the orchestration of its identities.

        ttl_s: life of a token of a role whose terms name none, in seconds. Raises CredentialRefused when the
        app cannot be registered.
        """
        self._authority = authority
        self._orch_id = segment(account)
        self._ttl_s = ttl_s
        self._entropy = entropy
        self._tokens: dict[str, _Token] = {}
        self._family: dict[str, set[str]] = {}
        self._app_id = _registered(authority, account, terms).app_id

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        """Launch and register the role: a new key pair, and an identity that has signed with it."""
        del now
        key = SigningKey.draw(self._entropy)
        asked = AgentRequest(
            name=role,
            orch_id=self._orch_id,
            task_id=role,
            scope=terms.scopes,
            max_ttl_s=terms.ttl_s or self._ttl_s,
            constraints=terms.constraints,
            is_protective=terms.is_protective,
        )
        try:
            launched = self._authority.launch(Local(BY, self._app_id), launch_request(asked))
            nonce = self._authority.challenge().nonce
            issued = self._authority.register(registration(asked, key, launched.secret, nonce))
        except CredentialRefused as refused:
            raise PermissionDenied(f"{role}: {refused.detail}") from refused
        self._family[issued.claims.sub] = {issued.claims.jti}
        return self._held(role, issued)

    def renew(self, grant: Grant, now: int) -> Grant | None:
        """The next token of the same identity; None when it expired, or its total life is over."""
        held = self._tokens.get(grant.id)
        if held is None:
            raise PermissionDenied(f"{grant.agent}: its token is not held here")
        try:
            issued = self._authority.renew(held.text)
        except Unauthorized as refused:
            if now < grant.expires_at and self._is_live(held):
                if isinstance(refused, CredentialRefused) and refused.code == Code.KILLED:
                    raise PermissionDenied(f"{grant.agent}: {refused.detail}") from refused
                return None  # its total life is over
            reason = self._taken_away(grant)
            if reason:
                raise PermissionDenied(f"{grant.agent}: {reason}") from refused
            return None
        self._family.setdefault(grant.agent_id, set()).add(issued.claims.jti)
        self._tokens.pop(grant.id, None)
        return self._held(grant.agent, issued)

    def verify(self, grant: Grant, now: int) -> None:
        """The text of the token is verified again: signature or warm memory, its end, and all revocations.

        With a store that cannot be read only what is protective goes on, to the end of its token: a stop
        must not wait for a disk.
        """
        held = self._tokens.get(grant.id)
        if held is None:
            raise PermissionDenied(f"{grant.agent}: its token is not held here")
        try:
            self._authority.verify(held.text)
        except TokenRefused as refused:
            raise PermissionDenied(f"{grant.agent}: its writ is {refused.reason}") from refused
        except JournalUnwritable:
            if not grant.is_protective or now >= grant.expires_at:
                raise

    def release(self, grant: Grant, now: int) -> None:
        """Give the token up."""
        del now
        held = self._tokens.pop(grant.id, None)
        self._family.pop(grant.agent_id, None)
        if held is not None:
            self._authority.release(held.text)

    def version(self) -> int:
        """The authority's mark of change, which other processes move as well."""
        return self._authority.generation()

    def killed(self) -> Kill | None:
        """The authority's kill switch."""
        state = self._authority.kill_state()
        if state is None:
            return None
        return Kill(
            by=state.by,
            reason=state.reason,
            including_protection=state.is_total,
            protection_ends_at=state.protection_ends_at,
        )

    def kill(self, kill: Kill, now: int) -> None:
        """Throw it, for everything that this authority issues to."""
        del now
        self._authority.kill(
            by=kill.by,
            reason=kill.reason,
            including_protection=kill.including_protection,
            grace_s=kill.grace_s,
        )

    def answer_kill(
        self, grant: Grant, cancelled: tuple[str, ...], working: tuple[str, ...], now: int
    ) -> None:
        """The desk is heard, in the audit chain too; with no entry at work the authority ends the writ."""
        del now
        held = self._tokens.get(grant.id)
        if held is None:
            raise PermissionDenied(f"{grant.agent}: its token is not held here")
        self._authority.answer_kill(held.text, cancelled=cancelled, working=working)

    def rearm(self, by: str, now: int) -> None:
        """Put it back, if it is thrown."""
        del now
        if self._authority.kill_state() is not None:
            self._authority.rearm(by=by)

    def note_refusal(self, denied: WritDenied) -> None:
        """Into the audit chain, under the token that the effect would have gone out under."""
        held = self._tokens.get(denied.token_id)
        if held is None:
            return
        broken = denied.violations or (Violation("writ", denied.scope, denied.reason),)
        self._authority.note_refusal(held.claims, broken, resource=denied.scope, by=BY)

    def _held(self, role: str, issued: Issued) -> Grant:
        claims = issued.claims
        self._tokens[claims.jti] = _Token(issued.token, claims)
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

    def _is_live(self, held: _Token) -> bool:
        return self._authority.validate(held.text) is not None

    def _taken_away(self, grant: Grant) -> str:
        """Who took a dead token away, "" when it only expired: the audit trail still knows."""
        names = {grant.agent_id, grant.agent, self._app_id, *self._family.get(grant.agent_id, ())}
        query = AuditQuery(type=EventType.TOKEN_REVOKED, since=grant.issued_at, limit=_MOST_EVENTS)
        records, found = self._authority.events(query)
        for event in (record.event for record in records):
            targets = {event.agent_id, event.task_id, event.app_id, event.token_id}
            if event.resource == Level.ALL or names & targets:
                return f"its writ was revoked by {event.by}"
        return "too much was revoked meanwhile to tell" if found > len(records) else ""


def _registered(authority: Authority, account: str, terms: Mapping[str, Terms]) -> App:
    """The desk's app, with a ceiling of exactly what its roles ask for."""
    name = f"desk-{slug(account)}"
    scopes = tuple(sorted({scope for one in terms.values() for scope in one.scopes}))
    ceiling = Constraints()
    if EXECUTOR in terms:
        here = terms[EXECUTOR].constraints
        ceiling = Constraints(modes=here.modes, venues=here.venues)
    known = next((app for app in authority.apps() if app.name == name and app.deregistered_at is None), None)
    if known is None:
        # The secret is not kept: the desk acts from this machine, by the right of whoever owns the home.
        return authority.add_app(name, scopes, by=BY, constraints=ceiling, is_protector=True).app
    if (known.scopes, known.constraints) == (scopes, ceiling):
        return known
    return authority.update_app(known.app_id, by=BY, scopes=scopes, constraints=ceiling)


def slug(text: str) -> str:
    """A name as an app may have it: lower-case letters, digits and single hyphens."""
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:_LONGEST_SLUG].strip("-")
    return plain if plain == text else f"{plain or 'x'}-{derive('slug', text, length=8)}"
