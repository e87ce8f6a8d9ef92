"""Apps: who may launch agents, within which ceiling, and how they say who they are."""

from collections.abc import Sequence
from typing import Final

import msgspec

from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import scope_problem, trading_claim
from tradewrit.credentials.client_secrets import draw_client_secret, hash_client_secret, verify_client_secret
from tradewrit.credentials.context import Context, denied
from tradewrit.credentials.issuing import KILLED, entered, is_killed, new_claims
from tradewrit.credentials.names import app_subject, checked_name, draw_app_id, draw_client_id, is_client_id
from tradewrit.credentials.records import App, Level
from tradewrit.credentials.refusals import Code, invalid, refused
from tradewrit.credentials.requests import AppCredentials, Issued
from tradewrit.domain.constraints import UNRESTRICTED, Constraints
from tradewrit.errors import CredentialRefused

APP_SCOPES: Final = ("app:launch-tokens:*", "app:agents:*", "app:audit:read")
"""What an app's own token is good for."""

_TTL_S: Final = range(60, 86_401)
_FAILED: Final = EventType.APP_AUTH_FAILED


def add(
    context: Context,
    name: str,
    scopes: Sequence[str],
    *,
    by: str,
    token_ttl_s: int | None,
    constraints: Constraints,
    is_protector: bool,
) -> AppCredentials:
    """See `Authority.add_app`."""
    checked_name(name)
    secret = draw_client_secret(context.entropy)
    now = context.clock.now()
    app = App(
        app_id=draw_app_id(name, context.entropy),
        name=name,
        client_id=draw_client_id(name, context.entropy),
        secret_hash=hash_client_secret(secret),
        scopes=checked_scopes(scopes),
        token_ttl_s=_checked_ttl(context.terms.app_token_ttl_s if token_ttl_s is None else token_ttl_s),
        created_at=now,
        updated_at=now,
        constraints=checked_constraints(constraints),
        is_protector=is_protector,
    )

    def act(change: Change, now: int) -> App | CredentialRefused:
        event = EventType.APP_REGISTERED
        if not change.add_app(app):
            return denied(change, now, event, Code.CONFLICT, f"an app named {name!r} exists", by=by)
        change.record(AuditEvent(type=event, at=now, app_id=app.app_id, by=by, detail=f"name {name}"))
        return app

    return AppCredentials(app=context.decide(act), client_secret=secret)


def update(
    context: Context,
    app_id: str,
    *,
    by: str,
    scopes: Sequence[str] | None,
    token_ttl_s: int | None,
    constraints: Constraints | None,
) -> App:
    """See `Authority.update_app`."""
    scopes = None if scopes is None else checked_scopes(scopes)
    token_ttl_s = None if token_ttl_s is None else _checked_ttl(token_ttl_s)
    constraints = None if constraints is None else checked_constraints(constraints)

    def act(change: Change, now: int) -> App | CredentialRefused:
        is_known = change.update_app(app_id, scopes=scopes, token_ttl_s=token_ttl_s, constraints=constraints)
        app = change.app(app_id) if is_known else None
        if app is None:
            return _nobody(change, now, EventType.APP_UPDATED, by)
        what = EventType.APP_UPDATED if scopes is None else EventType.SCOPES_CEILING_UPDATED
        change.record(AuditEvent(type=what, at=now, app_id=app_id, by=by, detail=_ceiling(app)))
        _revoke_what_is_beyond(change, now, app, by)
        return app

    return context.decide(act)


def remove(context: Context, app_id: str, *, by: str) -> App:
    """See `Authority.remove_app`."""

    def act(change: Change, now: int) -> App | CredentialRefused:
        app = change.app(app_id) if change.deregister_app(app_id) else None
        if app is None:
            return _nobody(change, now, EventType.APP_DEREGISTERED, by)
        change.record(AuditEvent(type=EventType.APP_DEREGISTERED, at=now, app_id=app_id, by=by))
        return app

    return context.decide(act)


def find(context: Context, app_id: str) -> App:
    """See `Authority.app`."""
    app = context.store.app(app_id)
    if app is None:
        raise refused(Code.NOT_FOUND, "no such app")
    return app


def token(context: Context, client_id: str, client_secret: str) -> Issued:
    """See `Authority.app_token`."""
    if not client_id or not client_secret:
        raise invalid("client_id and client_secret are required")
    app = context.store.app_of_client(client_id)
    if app is not None and app.deregistered_at is not None:
        app = None
    is_right = verify_client_secret(client_secret, None if app is None else app.secret_hash)

    who = client_id if is_client_id(client_id) else ""

    def act(change: Change, now: int) -> Issued | CredentialRefused:
        if app is None or not is_right:
            return _unknown(change, now, "unknown client" if app is None else "wrong secret", who)
        # It may have been changed or removed since its secret was looked at.
        present = change.app(app.app_id) or app
        if is_killed(change, is_protective=present.is_protector):
            return denied(change, now, _FAILED, Code.KILLED, KILLED, app_id=app.app_id, resource=who)
        return _issued_to(context, change, now, present) or _unknown(change, now, "removed", who)

    return context.decide(act)


def _issued_to(context: Context, change: Change, now: int, app: App) -> Issued | None:
    claims = new_claims(context, now, sub=app_subject(app.app_id), ttl_s=app.token_ttl_s, scope=APP_SCOPES)
    issued = entered(context, change, claims, app_id=app.app_id)
    if issued is None:
        return None
    change.record(
        AuditEvent(
            type=EventType.APP_AUTHENTICATED,
            at=now,
            agent_id=claims.sub,
            app_id=app.app_id,
            token_id=claims.jti,
        )
    )
    return issued


def _unknown(change: Change, now: int, why: str, who: str) -> CredentialRefused:
    """The one answer to whoever is not an active app. who: the client id, if it is one."""
    detail = "Authentication failed"
    return denied(change, now, _FAILED, Code.UNAUTHORIZED, detail, why=why, resource=who)


def checked_scopes(scopes: Sequence[str]) -> tuple[str, ...]:
    """The scopes; refused as invalid_request when there is none or one is malformed."""
    if problem := scope_problem(tuple(scopes)):
        raise invalid(problem)
    return tuple(scopes)


def checked_constraints(constraints: Constraints) -> Constraints:
    """The constraints as a token spells them; refused as invalid_request when none can hold them."""
    try:
        return trading_claim(constraints) or UNRESTRICTED
    except ValueError as error:
        raise invalid(str(error)) from None


def _checked_ttl(seconds: int) -> int:
    if seconds not in _TTL_S:
        raise refused(
            Code.INVALID_TTL, f"token_ttl must be {_TTL_S.start} to {_TTL_S.stop - 1} seconds, not {seconds}"
        )
    return seconds


def _nobody(change: Change, now: int, what: EventType, by: str) -> CredentialRefused:
    return denied(change, now, what, Code.NOT_FOUND, "no such app", by=by)


def _ceiling(app: App) -> str:
    """The app's ceiling in words, for the audit trail."""
    constraints = msgspec.json.encode(app.constraints).decode()
    return f"scopes {','.join(app.scopes)}; constraints {constraints}; ttl {app.token_ttl_s}"


def _revoke_what_is_beyond(change: Change, now: int, app: App, by: str) -> None:
    """Nobody keeps more than the app may have now; widening the ceiling again revives nothing."""
    for token in change.beyond_ceiling(app):
        change.revoke(Level.TOKEN, token.jti)
        change.record(
            AuditEvent(
                type=EventType.TOKEN_REVOKED,
                at=now,
                agent_id=token.subject,
                task_id=token.task_id,
                app_id=app.app_id,
                token_id=token.jti,
                by=by,
                detail="beyond the narrowed ceiling of its app",
            )
        )
