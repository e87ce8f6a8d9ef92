"""The FastAPI application: reads requests, hands them to threads, sends what comes back.

Nothing that can wait for a disk or a password hash runs on the event loop. Slow work has threads of its
own, so that a flood of logins keeps nobody from renewing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

import fastapi
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response as Sent
from starlette.routing import compile_path

from tradewrit.credentials.http.answering import Asked, Raw, Response, refusal, respond
from tradewrit.credentials.http.calls import Service
from tradewrit.credentials.http.origin import Origin
from tradewrit.credentials.http.peers import Network, client_address
from tradewrit.credentials.http.settings import MAX_BODY_BYTES
from tradewrit.credentials.http.table import ENDPOINTS, Endpoint, Work
from tradewrit.credentials.requests import Bearer

_THREADS: Final = {Work.QUICK: 4, Work.SLOW: 2}
_ONCE: Final = ("authorization", "dpop")
_PATHS: Final = tuple((compile_path(endpoint.path)[0], endpoint.methods) for endpoint in ENDPOINTS)

Handler = Callable[[Request], Awaitable[Sent]]


class TooLargeError(Exception):
    """A body has more than MAX_BODY_BYTES."""


def make_app(service: Service, origin: Origin, proxies: tuple[Network, ...] = ()) -> fastapi.FastAPI:
    """The application over a service.

    origin: how clients reach it. proxies: whose X-Forwarded-For is believed.
    """
    pools = {work: ThreadPoolExecutor(most, f"credentials-{work}") for work, most in _THREADS.items()}

    @asynccontextmanager
    async def lifespan(_: fastapi.FastAPI) -> AsyncIterator[None]:
        yield
        for pool in pools.values():
            pool.shutdown()

    # Its own document describes typed parameters, which these routes have none of; ours is an endpoint.
    app = fastapi.FastAPI(openapi_url=None, lifespan=lifespan, redirect_slashes=False)
    reading = _Reading(origin, proxies)
    for endpoint in ENDPOINTS:
        handler = _handler(service, endpoint, reading, pools[endpoint.work])
        app.add_route(endpoint.path, handler, methods=list(endpoint.methods))
    app.add_exception_handler(HTTPException, _unmatched)
    return app


class _Reading:
    """How a request is read: whole, within limits, and with the address it comes from."""

    def __init__(self, origin: Origin, proxies: tuple[Network, ...]) -> None:
        self._origin = origin
        self._proxies = proxies

    def head(self, request: Request) -> Raw:
        """All but the body."""
        scope, headers = request.scope, request.headers
        path = scope["raw_path"].decode("ascii")
        client = scope["client"]
        return Raw(
            bearer=Bearer(
                authorization=headers.get("authorization"),
                proof=headers.get("dpop", ""),
                method=scope["method"],
                url=self._origin.url(scope["scheme"], headers.get("host", ""), path),
            ),
            path=scope["path_params"],
            query=dict(request.query_params) if scope["query_string"] else {},
            peer=client_address(
                client[0] if client else "", ",".join(headers.getlist("x-forwarded-for")), self._proxies
            ),
            instance=scope["path"],
            request_id=scope["state"]["request_id"],
        )

    async def body(self, request: Request) -> bytes:
        """The body; raises TooLargeError."""
        announced = request.headers.get("content-length", "0")
        if len(announced) > len(str(MAX_BODY_BYTES)) or int(announced) > MAX_BODY_BYTES:
            raise TooLargeError
        received = bytearray()
        async for chunk in request.stream():
            received += chunk
            if len(received) > MAX_BODY_BYTES:
                raise TooLargeError
        return bytes(received)


def _handler(service: Service, endpoint: Endpoint, reading: _Reading, pool: Executor) -> Handler:
    async def handle(request: Request) -> Sent:
        request.scope["state"]["route"] = endpoint.path
        raw = reading.head(request)
        if doubled := _doubled(request):
            return _sent(service, refusal(raw, "invalid_request", f"more than one {doubled} header"))
        if endpoint.takes is not None:
            try:
                raw = msgspec.structs.replace(raw, raw_body=await reading.body(request))
            except TooLargeError:
                problem = f"a body may have {MAX_BODY_BYTES} bytes"
                return _sent(service, refusal(raw, "payload_too_large", problem))
            except ClientDisconnect:
                # Nobody is there to read this; the figures show it.
                return _sent(service, refusal(raw, "timeout", "the client went away"))
        loop = asyncio.get_running_loop()
        return _sent(service, await loop.run_in_executor(pool, respond, service, endpoint, raw))

    return handle


def _doubled(request: Request) -> str:
    """A header that stands twice and must not, for two readers could take different ones."""
    for name in _ONCE:
        if len(request.headers.getlist(name)) > 1:
            return name
    return ""


def _sent(service: Service, answer: Response) -> Sent:
    if answer.error_code:
        service.metrics.refusals[answer.error_code] += 1
    return _answer(answer)


def _answer(answer: Response) -> Sent:
    if answer.status == 204:
        return Sent(status_code=204, headers=dict(answer.headers))
    return Sent(
        answer.content,
        status_code=answer.status,
        headers=dict(answer.headers),
        media_type=answer.media_type,
    )


async def _unmatched(request: Request, _: Exception) -> Sent:
    """No such path, or no such method on it."""
    asked = Asked(instance=request.url.path, request_id=request.scope["state"]["request_id"])
    allowed = sorted(
        {method for path, methods in _PATHS if path.match(request.scope["path"]) for method in methods}
    )
    if not allowed:
        return _answer(refusal(asked, "not_found", "there is nothing at this path"))
    detail = f"this path answers {', '.join(allowed)}"
    return _answer(refusal(asked, "method_not_allowed", detail, ("Allow", ", ".join(allowed))))
