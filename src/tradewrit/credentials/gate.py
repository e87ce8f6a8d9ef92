"""At the door: who presents this token, may it be presented like this, and does it cover what is wanted.

A refusal says the same for a forged, an expired and a revoked token; the audit trail says which it was.
"""

from collections.abc import Mapping
from typing import Any, Final

from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.context import Context, denied, refusal_event
from tradewrit.credentials.names import is_operator_subject, shown
from tradewrit.credentials.proof import Proofs
from tradewrit.credentials.records import Level, Standing
from tradewrit.credentials.refusals import Code, unverified
from tradewrit.credentials.requests import Bearer
from tradewrit.credentials.standing import FAMILY
from tradewrit.credentials.tokens import Refusal
from tradewrit.credentials.verifier import Verifier
from tradewrit.domain.scopes import is_subset
from tradewrit.errors import CredentialRefused, TokenRefused

SCHEMES: Final = ("Bearer ", "DPoP ")
"""Exactly so: case and the one blank matter."""

_FOR_PEOPLE: Final = "admin:"
"""How the scopes begin that count in an operator's hand only."""

_EVENTS: Final[Mapping[str, EventType]] = {
    Refusal.REVOKED: EventType.TOKEN_REVOKED_ACCESS,
    Refusal.RENEWED: EventType.TOKEN_REUSED,
}


class Gate:
    """Any thread may use it."""

    def __init__(self, context: Context, verifier: Verifier, proofs: Proofs) -> None:
        self._context: Final = context
        self._verifier: Final = verifier
        self._proofs: Final = proofs

    def authenticate(self, bearer: Bearer, scope: str) -> Claims:
        """See `Authority.authenticate`."""
        claims = self.admit(bearer)
        if scope and not (is_subset([scope], claims.scope) and _is_entitled(scope, claims)):
            detail = f"token lacks required scope: {scope}"
            raise self._refuse(Code.INSUFFICIENT_SCOPE, detail, EventType.SCOPE_VIOLATION, claims)
        return claims

    def admit(self, presented: Bearer | str) -> Claims:
        """The claims of a live token, proven where it must be. presented: see `Authority.renew`."""
        token = self._text(presented)
        try:
            claims = self._verifier.live(token)
            self._check_proof(token, claims, presented)
        except TokenRefused as error:
            raise self._dead(token, error.reason) from None
        self._check_audience(claims)
        return claims

    def admit_dead(self, presented: Bearer | str) -> tuple[Claims, Standing]:
        """As `admit`, for a token that is genuine and may be dead."""
        token = self._text(presented)
        try:
            claims, standing = self._verifier.genuine(token)
            self._check_proof(token, claims, presented)
        except TokenRefused as error:
            raise self._dead(token, error.reason) from None
        return claims, standing

    def _text(self, presented: Bearer | str) -> str:
        """The token; from inside it comes as such."""
        if isinstance(presented, str):
            return presented
        header = presented.authorization
        if header is None:
            raise self._refuse(Code.UNAUTHORIZED, "missing authorization header", EventType.TOKEN_AUTH_FAILED)
        for scheme in SCHEMES:
            if header.startswith(scheme):
                return header.removeprefix(scheme)
        raise self._refuse(Code.UNAUTHORIZED, "invalid authorization scheme", EventType.TOKEN_AUTH_FAILED)

    def _check_proof(self, token: str, claims: Claims, presented: Bearer | str) -> None:
        """A token that names a key counts only with proof; a proof with any other is checked too."""
        proof = "" if isinstance(presented, str) else presented.proof
        if claims.cnf is None and not proof:
            return
        if isinstance(presented, str) or not proof:
            raise TokenRefused("without the proof it needs")
        self._proofs.check(token, presented, self._thumbprint(claims), self._context.clock.now())

    def _thumbprint(self, claims: Claims) -> str:
        """The key that the token names, else the one its agent registered."""
        if claims.cnf is not None:
            return claims.cnf.jkt
        agent = self._context.store.agent(claims.sub)
        if agent is None:
            raise TokenRefused("proof for somebody who has no key")
        return agent.kid

    def _check_audience(self, claims: Claims) -> None:
        ours = self._context.terms.audience
        if ours and not set(ours) & set(claims.aud):
            raise self._refuse(
                Code.UNAUTHORIZED, "token audience mismatch", EventType.TOKEN_AUTH_FAILED, claims
            )

    def _refuse(
        self, code: Code, detail: str, what: EventType, claims: Claims | None = None
    ) -> CredentialRefused:
        who = {} if claims is None else about(claims)

        def act(change: Change, now: int) -> CredentialRefused:
            return denied(change, now, what, code, shown(detail), **who)

        return self._context.record(act)

    def _dead(self, token: str, reason: str) -> CredentialRefused:
        """Record who presented a token that does not count, if that can be known."""
        try:
            claims, _ = self._verifier.genuine(token)
        except TokenRefused:
            claims = None

        def act(change: Change, now: int) -> CredentialRefused:
            if claims is not None and reason == Refusal.RENEWED:
                return note_reuse(self._context, change, now, claims)
            what = _EVENTS.get(reason, EventType.TOKEN_AUTH_FAILED)
            who = {} if claims is None else about(claims)
            change.record(refusal_event(now, what, reason, **who))
            return unverified()

        return self._context.record(act)


def _is_entitled(scope: str, claims: Claims) -> bool:
    """Whether the holder is one in whose hand this scope counts.

    To administer is for people: an agent that was launched with such a scope could name operators, and
    with them re-arm the authority.
    """
    return not scope.startswith(_FOR_PEOPLE) or is_operator_subject(claims.sub)


def note_reuse(context: Context, change: Change, now: int, claims: Claims) -> CredentialRefused:
    """An already renewed token is presented: its holder or its successor's is not who it seems to be.

    Recorded as an alarm; on the strictest terms the successor dies too, so that whoever is right has to
    register anew.
    """
    change.record(refusal_event(now, EventType.TOKEN_REUSED, "already renewed", **about(claims)))
    if context.terms.ends_family_on_reuse:
        detail = f"for reuse, {FAMILY}{change.revoke(Level.TOKEN, claims.jti)}"
        change.record(AuditEvent(type=EventType.TOKEN_REVOKED, at=now, detail=detail, **about(claims)))
    return unverified()


def about(claims: Claims) -> dict[str, Any]:
    """Whose token it is, as the fields of an audit event."""
    return {
        "agent_id": claims.sub,
        "task_id": claims.task_id,
        "orch_id": claims.orch_id,
        "token_id": claims.jti,
    }
