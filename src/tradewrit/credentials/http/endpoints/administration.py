"""What operators do: apps, operators, revocation, the kill switch."""

from tradewrit.credentials.http.bodies.answers import (
    AppCreated,
    AppRemoved,
    Apps,
    AppView,
    Killed,
    OperatorCreated,
    Operators,
    OperatorToken,
    Revoked,
)
from tradewrit.credentials.http.bodies.asked import (
    AppChange,
    NewApp,
    NewOperator,
    OperatorLogin,
    ToAnswer,
    ToKill,
    ToRevoke,
)
from tradewrit.credentials.http.bodies.views import app_view, killed_view, operator_view, restricting
from tradewrit.credentials.http.calls import Call, Service
from tradewrit.domain.times import iso


def operator_auth(service: Service, call: Call) -> OperatorToken:
    """Exchange an operator's secret for a token to administer with, or to prove a name with."""
    login: OperatorLogin = call.body
    issued = service.authority.operator_token(login.secret, proves_only=login.proves_only)
    return OperatorToken(
        access_token=issued.token,
        expires_in=issued.expires_in,
        token_type="Bearer",  # noqa: S106 - a name
    )


def add_app(service: Service, call: Call) -> AppCreated:
    """Register an app with its ceiling; the secret is shown this once."""
    asked: NewApp = call.body
    made = service.authority.add_app(
        asked.name,
        asked.scopes,
        by=call.by,
        token_ttl_s=asked.token_ttl,
        constraints=asked.constraints,
        is_protector=asked.protector,
    )
    return AppCreated(
        app_id=made.app.app_id,
        name=made.app.name,
        client_id=made.app.client_id,
        client_secret=made.client_secret,
        scopes=made.app.scopes,
        token_ttl=made.app.token_ttl_s,
        status="active",
        constraints=restricting(made.app.constraints),
    )


def list_apps(service: Service, _: Call) -> Apps:
    """List every app, also those removed."""
    apps = tuple(app_view(app) for app in service.authority.apps())
    return Apps(apps=apps, total=len(apps))


def show_app(service: Service, call: Call) -> AppView:
    """Show one app."""
    return app_view(service.authority.app(call.path["app_id"]))


def change_app(service: Service, call: Call) -> AppView:
    """Change an app's ceiling or the life of its tokens; agents beyond a narrowed ceiling lose theirs."""
    change: AppChange = call.body
    changed = service.authority.update_app(
        call.path["app_id"],
        by=call.by,
        scopes=change.scopes,
        token_ttl_s=change.token_ttl,
        constraints=change.constraints,
    )
    return app_view(changed)


def remove_app(service: Service, call: Call) -> AppRemoved:
    """Remove an app for good; its tokens and all delegated from them die at once."""
    app = service.authority.remove_app(call.path["app_id"], by=call.by)
    return AppRemoved(
        app_id=app.app_id, status="inactive", deregistered_at=iso(app.deregistered_at or app.updated_at)
    )


def add_operator(service: Service, call: Call) -> OperatorCreated:
    """Name a person who may administer; the secret is shown this once."""
    asked: NewOperator = call.body
    made = service.authority.add_operator(asked.name, by=call.by)
    return OperatorCreated(name=made.name, secret=made.secret)


def list_operators(service: Service, _: Call) -> Operators:
    """List every operator, also those removed."""
    operators = tuple(operator_view(operator) for operator in service.authority.operators())
    return Operators(operators=operators, total=len(operators))


def remove_operator(service: Service, call: Call) -> None:
    """Remove an operator; its tokens die at once."""
    service.authority.remove_operator(call.path["name"], by=call.by)


def revoke(service: Service, call: Call) -> Revoked:
    """Kill tokens by what they have in common, at once and for good."""
    asked: ToRevoke = call.body
    done = service.authority.revoke(
        asked.level, asked.target, by=call.by, including_protection=asked.including_protection
    )
    return Revoked(revoked=True, level=done.level, target=done.target)


def kill(service: Service, call: Call) -> Killed:
    """Pull the kill switch: every writ but the protective ones dies, and none is issued."""
    asked: ToKill = call.body
    state = service.authority.kill(
        by=call.by,
        reason=asked.reason,
        including_protection=asked.including_protection,
        grace_s=asked.grace_s,
    )
    return killed_view(state, service.authority.desk_answers())


def kill_state(service: Service, _: Call) -> Killed:
    """Say whether the kill switch is on, and what the desks have said of their entries."""
    return killed_view(service.authority.kill_state(), service.authority.desk_answers())


def answer_kill(service: Service, call: Call) -> None:
    """Say, as a desk, which entries a kill with protection had it cancel, and which still work."""
    asked: ToAnswer = call.body
    service.authority.answer_kill(call.bearer, cancelled=asked.cancelled, working=asked.working)


def rearm(service: Service, call: Call) -> Killed:
    """Let permissions be issued again; those that died stay dead."""
    service.authority.rearm(by=call.by)
    return killed_view(service.authority.kill_state())
