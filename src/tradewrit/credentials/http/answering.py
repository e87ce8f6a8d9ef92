"""From a request that has been read to the bytes of its answer: authenticate, decode, do, encode.

Plain functions that may block; whoever calls them keeps them off the event loop. Knows no socket.
"""

import hashlib
import logging
import math
from collections.abc import Mapping
from typing import Final

import msgspec

from tradewrit.credentials.http.bodies.asked import AppLogin, OperatorLogin, read
from tradewrit.credentials.http.calls import JSON, Answer, Call, Reply, Service, refuse_empty_handed
from tradewrit.credentials.http.limits import Limit
from tradewrit.credentials.http.problems import PROBLEM, STATUSES, problem
from tradewrit.credentials.http.table import ANY, OPEN, OWN, Endpoint
from tradewrit.credentials.refusals import Code
from tradewrit.credentials.requests import Bearer
from tradewrit.errors import CredentialRefused, OurFault, Throttled, TokenRefused

log: Final = logging.getLogger(__name__)

_encode: Final = msgspec.json.Encoder().encode
_CHALLENGES: Final = 'Bearer, DPoP algs="EdDSA"'


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a problem document says of its request: the path, and the id in X-Request-Id."""

    instance: str
    request_id: str


class Raw(Asked, frozen=True, kw_only=True):
    """A request as it arrived, body and all."""

    bearer: Bearer
    path: Mapping[str, str]
    query: Mapping[str, str]
    peer: str
    raw_body: bytes = b""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, ready to be sent. error_code: of a refusal, "" for an answer as asked."""

    status: int
    content: bytes = b""
    media_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    error_code: str = ""


def respond(service: Service, endpoint: Endpoint, request: Raw) -> Response:
    """The answer to a request; whatever goes wrong becomes a problem document."""
    try:
        reply = endpoint.does(service, _call(service, endpoint, request))
    except CredentialRefused as no:
        # What the holder of a live token is refused says nothing about its address.
        if endpoint.is_for_strangers and (endpoint.needs == OPEN or no.code == Code.UNAUTHORIZED):
            service.limits.was_refused(request.peer)
        return refusal(request, no.code, no.detail)
    except TokenRefused as no:
        return refusal(request, "unauthorized", str(no))
    except Throttled as wait:
        retry_after = ("Retry-After", str(max(1, math.ceil(wait.retry_after_s))))
        return refusal(request, "rate_limited", str(wait), retry_after)
    except OurFault as fault:
        # The store or a key cannot be used: it says so to whoever runs the server, not to strangers.
        log.error("%s %s: %s", request.bearer.method, request.instance, fault)  # noqa: TRY400 - no bug
        return refusal(request, "unavailable", "the authority cannot answer now", ("Retry-After", "1"))
    except Exception:  # a request of a stranger must not end the server
        log.exception("%s %s failed", request.bearer.method, request.instance)
        return refusal(request, "internal_error", "the request failed; it was recorded")
    return _written(endpoint, reply)


def refusal(request: Asked, code: str, detail: str, *headers: tuple[str, str]) -> Response:
    """The problem document for an error code."""
    status = STATUSES[code]
    if status == 401:
        headers = (*headers, ("WWW-Authenticate", _CHALLENGES))
    document = problem(status, code, detail, instance=request.instance, request_id=request.request_id)
    return Response(
        status=status, content=_encode(document), media_type=PROBLEM, headers=headers, error_code=code
    )


def _call(service: Service, endpoint: Endpoint, request: Raw) -> Call:
    """Who asks comes before what is asked: a stranger learns nothing about bodies."""
    limits, peer = service.limits, request.peer
    limits.arrive(endpoint.limits, endpoint.path, peer)
    if endpoint.needs != OPEN:
        refuse_empty_handed(request.bearer)
    if endpoint.is_for_strangers:
        limits.may_be_refused(peer, lambda: _is_live(service, request.bearer))
    claims = None
    # The token of OWN is looked at by what is done with it, for a proof of possession counts once.
    if endpoint.needs not in {OPEN, OWN}:
        scope = "" if endpoint.needs == ANY else endpoint.needs
        claims = service.authority.authenticate(request.bearer, scope)
    body = None
    if endpoint.takes is not None:
        body = read(endpoint.takes, request.raw_body, hint=endpoint.hint)
    call = Call(
        bearer=request.bearer,
        claims=claims,
        body=body,
        path=request.path,
        query=request.query,
    )
    _name(service, endpoint, call, peer)
    return call


def _is_live(service: Service, bearer: Bearer) -> bool:
    """Whether a request shows a token that counts; nothing is recorded."""
    _, _, token = (bearer.authorization or "").partition(" ")
    return service.authority.validate(token) is not None


def _name(service: Service, endpoint: Endpoint, call: Call, peer: str) -> None:
    """Count a request against the name it is made in; raises Throttled."""
    if isinstance(call.body, AppLogin):
        try:
            service.limits.name(endpoint.limits, peer, call.body.client_id)
        except Throttled:
            # Only as often as refusals are recorded at all.
            if service.limits.was_refused(peer):
                service.authority.note_rate_limited(call.body.client_id, peer)
            raise
    elif isinstance(call.body, OperatorLogin):
        # op-<name>-<64 hex>: all but what is secret.
        service.limits.name(endpoint.limits, peer, call.body.secret[:-64])
    elif endpoint.limits is Limit.REPORT:
        service.limits.name(endpoint.limits, "", call.by)
    elif endpoint.limits is Limit.HOLDER:
        service.limits.name(endpoint.limits, "", _holder(service, call.bearer))


def _holder(service: Service, bearer: Bearer) -> str:
    """Whose token it is: the agent's name while it is live, so that renewing it changes nothing.

    What is dead or forged counts for itself, and what was passed on for the two between whom it was: neither
    against the agent that it names, whose token it need not be that uses it up.
    """
    _, _, token = (bearer.authorization or "").partition(" ")
    claims = service.authority.validate(token)
    if claims is None:
        return hashlib.sha256(token.encode()).hexdigest()
    passed_on_by = [record.agent for record in claims.delegation_chain[:1]]
    return " ".join([*passed_on_by, claims.sub])


def _written(endpoint: Endpoint, reply: Reply) -> Response:
    if reply is None:
        return Response(status=endpoint.status)
    if isinstance(reply, Answer):
        return Response(status=endpoint.status, content=reply.content, media_type=reply.media_type)
    return Response(status=endpoint.status, content=_encode(reply))
