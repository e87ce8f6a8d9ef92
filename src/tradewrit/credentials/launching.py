"""Launch tokens: the right to register one agent, cut to what the launcher itself may give."""

from typing import Final

import msgspec

from tradewrit.credentials.apps import checked_constraints, checked_scopes
from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.context import Context, denied, refusal_event
from tradewrit.credentials.issuing import KILLED, is_killed
from tradewrit.credentials.names import MAX_SHOWN, app_of_subject, is_operator_subject, shown
from tradewrit.credentials.records import NO_APP, App, LaunchToken, Standing
from tradewrit.credentials.refusals import Code, invalid, unverified
from tradewrit.credentials.requests import Launch, LaunchRequest, Local
from tradewrit.domain.constraints import PROTECTIVE, UNRESTRICTED, both
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import is_subset
from tradewrit.errors import CredentialRefused

LAUNCH_SCOPES: Final = frozenset({"admin:launch-tokens:*", "app:launch-tokens:*"})
"""One of them is needed to launch."""

_DENIED: Final = EventType.LAUNCH_TOKEN_DENIED


def launch(context: Context, holder: Claims | Local, request: LaunchRequest) -> Launch:
    """See `Authority.launch`."""
    checked = _checked(request)
    secret = context.entropy(32).hex()

    def act(change: Change, now: int) -> Launch | CredentialRefused:
        refusal = _refusal(change, now, holder, checked)
        if refusal is not None:
            return refusal
        token = _token(context, now, checked, _app(change, holder))
        if not change.add_launch_token(secret, token):
            return denied(change, now, _DENIED, Code.FORBIDDEN, "the app is not active", by=_by(holder))
        change.record(
            AuditEvent(
                type=EventType.LAUNCH_TOKEN_ISSUED,
                at=now,
                app_id=token.app_id,
                by=_by(holder),
                resource=",".join(token.allowed_scope),
                detail=f"for {token.agent_name}",
            )
        )
        return Launch(
            secret=secret,
            expires_at=token.expires_at,
            allowed_scope=token.allowed_scope,
            max_ttl_s=token.max_ttl_s,
            constraints=token.constraints,
        )

    return context.decide(act)


def _checked(request: LaunchRequest) -> LaunchRequest:
    """The request with its constraints as a token spells them; refused when it makes no sense."""
    if not request.agent_name:
        raise invalid("agent_name is required")
    if len(request.agent_name) > MAX_SHOWN or not request.agent_name.isprintable():
        raise invalid(f"agent_name must be one printable line of at most {MAX_SHOWN} characters")
    if not request.allowed_scope:
        raise invalid("allowed_scope must not be empty")
    constraints = both(request.constraints, PROTECTIVE) if request.is_protective else request.constraints
    return msgspec.structs.replace(
        request,
        allowed_scope=checked_scopes(request.allowed_scope),
        constraints=checked_constraints(constraints),
    )


def _refusal(
    change: Change, now: int, holder: Claims | Local, request: LaunchRequest
) -> CredentialRefused | None:
    """Why this launcher gets no such launch token."""
    by = _by(holder)
    if isinstance(holder, Claims):
        if change.standing(holder.jti) != Standing.LIVE:
            change.record(refusal_event(now, _DENIED, "the launcher's token died meanwhile", by=by))
            return unverified()
        if not _may_launch(holder):
            return denied(
                change,
                now,
                _DENIED,
                Code.INSUFFICIENT_SCOPE,
                "token lacks required scope: a launch scope",
                by=by,
            )
    if is_killed(change, is_protective=request.is_protective):
        return denied(change, now, _DENIED, Code.KILLED, KILLED, by=by)
    app = _app(change, holder)
    if app is None:
        is_operator = _app_id(holder) == NO_APP
        return None if is_operator else denied(change, now, _DENIED, Code.NOT_FOUND, "no such app", by=by)
    if not is_subset(request.allowed_scope, app.scopes):
        return denied(
            change,
            now,
            EventType.SCOPE_CEILING_EXCEEDED,
            Code.FORBIDDEN,
            "requested scopes exceed app ceiling",
            app_id=app.app_id,
            resource=",".join(request.allowed_scope),
            by=by,
        )
    if request.is_protective and not app.is_protector:
        detail = "this app may not launch protective writs"
        return denied(change, now, _DENIED, Code.FORBIDDEN, detail, app_id=app.app_id, by=by)
    return None


def _token(context: Context, now: int, request: LaunchRequest, app: App | None) -> LaunchToken:
    terms = context.terms
    ttl_s = request.ttl_s if request.ttl_s is not None and request.ttl_s > 0 else terms.launch_ttl_s
    max_ttl_s = request.max_ttl_s if request.max_ttl_s > 0 else terms.default_ttl_s
    return LaunchToken(
        app_id=NO_APP if app is None else app.app_id,
        agent_name=request.agent_name,
        allowed_scope=request.allowed_scope,
        max_ttl_s=min(max_ttl_s, terms.max_ttl_s),
        is_single_use=request.is_single_use,
        issued_at=now,
        expires_at=now + min(ttl_s, terms.max_launch_ttl_s) * SECOND,
        constraints=both(UNRESTRICTED if app is None else app.constraints, request.constraints),
        is_proof_needed=request.needs_proof,
        is_protective=request.is_protective,
    )


def _may_launch(holder: Claims) -> bool:
    is_launcher = is_operator_subject(holder.sub) or app_of_subject(holder.sub) is not None
    return is_launcher and not LAUNCH_SCOPES.isdisjoint(holder.scope)


def _app_id(holder: Claims | Local) -> str:
    return holder.app_id if isinstance(holder, Local) else app_of_subject(holder.sub) or NO_APP


def _app(change: Change, holder: Claims | Local) -> App | None:
    """The active app whose ceiling holds, None for an operator or nobody."""
    app = change.app(_app_id(holder))
    return None if app is None or app.deregistered_at is not None else app


def _by(holder: Claims | Local) -> str:
    return shown(holder.name) if isinstance(holder, Local) else holder.sub
