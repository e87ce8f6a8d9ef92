"""The FastAPI application: every endpoint of the table at its path, and threads to work in.

Nothing that can wait for a disk or a password hash runs on the event loop. Slow work has threads of its
own, so that a flood of logins keeps nobody from renewing.
"""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final

import fastapi
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response as Sent
from starlette.routing import Route

from tradewrit.credentials.http.answering import Asked, refusal
from tradewrit.credentials.http.calls import Service
from tradewrit.credentials.http.door import Door, ValidationDoor
from tradewrit.credentials.http.endpoints.tokens import validate
from tradewrit.credentials.http.origin import Origin
from tradewrit.credentials.http.peers import Network
from tradewrit.credentials.http.reading import Reader
from tradewrit.credentials.http.table import ENDPOINTS, Work
from tradewrit.runtime.serving.routes import methods_at

_THREADS: Final = {Work.QUICK: 4, Work.SLOW: 2}


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
    reader = Reader(origin, proxies)
    for endpoint in ENDPOINTS:
        kind = ValidationDoor if endpoint.does is validate else Door
        door = kind(service, endpoint, reader, pools[endpoint.work])
        app.router.routes.append(Route(endpoint.path, door, methods=list(endpoint.methods)))
    app.add_exception_handler(HTTPException, _unmatched)
    return app


async def _unmatched(request: Request, _: Exception) -> Sent:
    """No such path, or no such method on it."""
    asked = Asked(instance=request.scope["path"], request_id=request.scope["state"]["request_id"])
    allowed = methods_at(request)
    answer = (
        refusal(asked, "method_not_allowed", f"this path answers {', '.join(allowed)}")
        if allowed
        else refusal(asked, "not_found", "there is nothing at this path")
    )
    headers = {"Allow": ", ".join(allowed)} if allowed else {}
    return Sent(answer.content, status_code=answer.status, headers=headers, media_type=answer.media_type)
