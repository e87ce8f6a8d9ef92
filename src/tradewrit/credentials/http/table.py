"""Every endpoint there is: the server, its OpenAPI document and its page in the docs read this table."""

from enum import StrEnum
from typing import Final

import msgspec

from tradewrit.credentials.http.bodies import answers, asked
from tradewrit.credentials.http.calls import JSON, Does
from tradewrit.credentials.http.endpoints import administration, agents, records, service, tokens
from tradewrit.credentials.http.limits import Limit
from tradewrit.credentials.http.metrics import CONTENT_TYPE
from tradewrit.credentials.refusals import Code
from tradewrit.runtime.serving.table import Row

OPEN: Final = ""
OWN: Final = "own"
ANY: Final = "any"
"""Who may call: anybody; the holder of the token the call is about; the holder of any live token. Else
the scope that the bearer's token must cover."""

_APPS: Final = "admin:launch-tokens:*"
_REVOKE: Final = "admin:revoke:*"
_AUDIT: Final = "admin:audit:*"


class Work(StrEnum):
    """How much an endpoint does: what hashes a password or walks a whole file waits for its like only."""

    QUICK = "quick"
    SLOW = "slow"


class Query(msgspec.Struct, frozen=True):
    """A query parameter. kind: its JSON type."""

    name: str
    meaning: str
    kind: str = "string"


class Endpoint(Row, frozen=True, kw_only=True):
    """A row of the table.

    needs: OPEN, OWN, ANY or a scope. refuses: error codes beyond those that any request can meet.
    hint: what to say when a field is missing. limits: the rate limit it counts against.
    """

    does: Does
    needs: str = OPEN
    media_type: str = JSON
    status: int = 200
    refuses: tuple[str, ...] = ()
    query: tuple[Query, ...] = ()
    work: Work = Work.QUICK
    limits: Limit = Limit.NONE
    hint: str = ""

    @property
    def methods(self) -> tuple[str, ...]:
        """What it answers: HEAD as well as GET."""
        return ("GET", "HEAD") if self.method == "GET" else (self.method,)

    @property
    def is_for_strangers(self) -> bool:
        """Whether somebody whom nobody knows can cause a record in the audit trail here."""
        return self.needs != OPEN or Code.UNAUTHORIZED in self.refuses

    @property
    def can_throttle(self) -> bool:
        """Whether it can ask for patience: an open route always can, others when a token is no good."""
        return self.limits is not Limit.NONE or self.needs != OPEN

    @property
    def error_codes(self) -> tuple[str, ...]:
        """Every `error_code` it can answer with, but `internal_error`."""
        always = ["unavailable"]
        if self.takes is not None:
            always += [Code.INVALID_REQUEST, "payload_too_large", "timeout"]
        if self.query:
            always += [Code.INVALID_REQUEST]
        if self.needs != OPEN:
            always += [Code.UNAUTHORIZED, Code.INVALID_REQUEST]
        if self.needs not in {OPEN, OWN, ANY}:
            always += [Code.INSUFFICIENT_SCOPE]
        if self.can_throttle:
            always += ["rate_limited"]
        return tuple(sorted({str(code) for code in (*always, *self.refuses)}))


def _launch(path: str, needs: str) -> Endpoint:
    return Endpoint(
        method="POST",
        path=path,
        does=agents.launch,
        needs=needs,
        takes=asked.ToLaunch,
        gives=answers.Launched,
        status=201,
        refuses=(Code.SCOPE_VIOLATION, Code.FORBIDDEN, Code.KILLED),
    )


ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    # First, because it is asked with every order and paths are tried in this order.
    Endpoint(
        method="POST",
        path="/v1/token/validate",
        does=tokens.validate,
        takes=asked.ToValidate,
        gives=answers.Validity,
        limits=Limit.OPEN,
    ),
    Endpoint(method="GET", path="/v1/health", does=service.health, gives=answers.Health, limits=Limit.OPEN),
    Endpoint(
        method="GET", path="/v1/metrics", does=service.metrics, media_type=CONTENT_TYPE, limits=Limit.OPEN
    ),
    Endpoint(
        method="GET",
        path="/.well-known/jwks.json",
        does=service.jwks,
        media_type="application/jwk-set+json",
        limits=Limit.OPEN,
    ),
    Endpoint(method="GET", path="/v1/openapi.json", does=service.openapi, limits=Limit.OPEN),
    Endpoint(
        method="GET",
        path="/v1/challenge",
        does=agents.challenge,
        gives=answers.ChallengeAnswer,
        limits=Limit.OPEN,
    ),
    Endpoint(
        method="POST",
        path="/v1/app/auth",
        does=agents.app_auth,
        takes=asked.AppLogin,
        gives=answers.AppToken,
        refuses=(Code.UNAUTHORIZED, Code.KILLED),
        limits=Limit.APP,
    ),
    _launch("/v1/app/launch-tokens", "app:launch-tokens:*"),
    _launch("/v1/admin/launch-tokens", _APPS),
    Endpoint(
        method="POST",
        path="/v1/register",
        does=agents.register,
        takes=asked.ToRegister,
        gives=answers.Registered,
        refuses=(Code.UNAUTHORIZED, Code.SCOPE_VIOLATION, Code.KILLED),
        limits=Limit.OPEN,
    ),
    Endpoint(
        method="POST",
        path="/v1/token/status",
        does=tokens.status,
        needs=OWN,
        takes=asked.ToAskStatus,
        gives=answers.StatusView,
        limits=Limit.OPEN,
    ),
    Endpoint(
        method="POST",
        path="/v1/token/renew",
        does=tokens.renew,
        needs=OWN,
        gives=answers.Renewed,
        refuses=(Code.KILLED,),
        limits=Limit.HOLDER,
    ),
    Endpoint(
        method="POST",
        path="/v1/token/release",
        does=tokens.release,
        needs=OWN,
        status=204,
        limits=Limit.HOLDER,
    ),
    Endpoint(
        method="POST",
        path="/v1/delegate",
        does=tokens.delegate,
        needs=OWN,
        takes=asked.ToDelegate,
        gives=answers.Delegated,
        refuses=(Code.SCOPE_VIOLATION, Code.NOT_FOUND, Code.FORBIDDEN, Code.KILLED),
        limits=Limit.HOLDER,
    ),
    Endpoint(
        method="POST",
        path="/v1/refusals",
        does=records.note_refusal,
        needs=ANY,
        takes=asked.Refused,
        status=204,
        limits=Limit.REPORT,
    ),
    Endpoint(
        method="POST",
        path="/v1/admin/auth",
        does=administration.operator_auth,
        takes=asked.OperatorLogin,
        gives=answers.OperatorToken,
        refuses=(Code.UNAUTHORIZED,),
        work=Work.SLOW,
        limits=Limit.OPERATOR,
        hint="an operator sends its secret; an app's client_id and client_secret go to /v1/app/auth",
    ),
    Endpoint(
        method="POST",
        path="/v1/admin/apps",
        does=administration.add_app,
        needs=_APPS,
        takes=asked.NewApp,
        gives=answers.AppCreated,
        status=201,
        refuses=(Code.INVALID_TTL, Code.CONFLICT),
    ),
    Endpoint(
        method="GET", path="/v1/admin/apps", does=administration.list_apps, needs=_APPS, gives=answers.Apps
    ),
    Endpoint(
        method="GET",
        path="/v1/admin/apps/{app_id}",
        does=administration.show_app,
        needs=_APPS,
        gives=answers.AppView,
        refuses=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="PUT",
        path="/v1/admin/apps/{app_id}",
        does=administration.change_app,
        needs=_APPS,
        takes=asked.AppChange,
        gives=answers.AppView,
        refuses=(Code.NOT_FOUND, Code.INVALID_TTL),
    ),
    Endpoint(
        method="DELETE",
        path="/v1/admin/apps/{app_id}",
        does=administration.remove_app,
        needs=_APPS,
        gives=answers.AppRemoved,
        refuses=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="POST",
        path="/v1/admin/operators",
        does=administration.add_operator,
        needs=_APPS,
        takes=asked.NewOperator,
        gives=answers.OperatorCreated,
        status=201,
        refuses=(Code.CONFLICT,),
        work=Work.SLOW,
    ),
    Endpoint(
        method="GET",
        path="/v1/admin/operators",
        does=administration.list_operators,
        needs=_APPS,
        gives=answers.Operators,
    ),
    Endpoint(
        method="DELETE",
        path="/v1/admin/operators/{name}",
        does=administration.remove_operator,
        needs=_APPS,
        status=204,
        refuses=(Code.NOT_FOUND,),
    ),
    Endpoint(
        method="POST",
        path="/v1/revoke",
        does=administration.revoke,
        needs=_REVOKE,
        takes=asked.ToRevoke,
        gives=answers.Revoked,
        hint="level and target are required",
    ),
    Endpoint(
        method="GET", path="/v1/kill", does=administration.kill_state, needs=_REVOKE, gives=answers.Killed
    ),
    Endpoint(
        method="POST",
        path="/v1/kill",
        does=administration.kill,
        needs=_REVOKE,
        takes=asked.ToKill,
        gives=answers.Killed,
    ),
    Endpoint(
        method="POST",
        path="/v1/kill/answer",
        does=administration.answer_kill,
        needs=OWN,
        takes=asked.ToAnswer,
        status=204,
        refuses=(Code.FORBIDDEN,),
        limits=Limit.HOLDER,
    ),
    Endpoint(method="POST", path="/v1/rearm", does=administration.rearm, needs=_REVOKE, gives=answers.Killed),
    Endpoint(
        method="GET",
        path="/v1/audit/events",
        does=records.events,
        needs=_AUDIT,
        gives=answers.AuditPage,
        query=(
            Query("agent_id", "Events of this agent only."),
            Query("task_id", "Events of this task only."),
            Query("event_type", "Events of this type only."),
            Query("outcome", "`success` or `denied`."),
            Query("since", "Not before this time, ISO-8601."),
            Query("until", "Not after this time, ISO-8601."),
            Query("limit", "How many at most; 1000 is the most there are in one answer.", "integer"),
            Query("offset", "How many to pass over.", "integer"),
        ),
    ),
    Endpoint(method="GET", path="/v1/audit/head", does=records.head, needs=_AUDIT, gives=answers.AuditHead),
    Endpoint(
        method="GET",
        path="/v1/audit/verify",
        does=records.verify,
        needs=_AUDIT,
        gives=answers.AuditCheck,
        query=(
            Query("seq", "Number of the last event of a head that was kept elsewhere.", "integer"),
            Query("hash", "Hash of that head, 64 hex characters."),
        ),
        work=Work.SLOW,
    ),
)
