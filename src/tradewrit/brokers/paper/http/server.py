"""Listen, serve, replay, stop: an exchange as a process, or in a thread of one.

Everything happens on one event loop, the exchange included: what it does takes microseconds.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import fastapi
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from tradewrit.brokers.paper.http.door import Door, refusal
from tradewrit.brokers.paper.http.faults import Faults, Trouble
from tradewrit.brokers.paper.http.replay import Replay
from tradewrit.brokers.paper.http.table import ENDPOINTS, EVENTS, Endpoint
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.errors import ConfigError, OurFault, TradewritError
from tradewrit.runtime.addresses import is_loopback
from tradewrit.runtime.secret import Secret
from tradewrit.runtime.serving.listening import base_url, checked_port, listen
from tradewrit.runtime.serving.routes import methods_at
from tradewrit.runtime.serving.server import Server, configured

log: Final = logging.getLogger(__name__)

_BACKLOG: Final = 128
_STOP_S: Final = 3
_IDLE_S: Final = 120


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen and for whom.

    port: 0 takes any free one. key: what clients must show; None lets everybody on this machine in.
    beat_s: how often a silent stream shows that it is alive. fault_seed: of `faults`.
    """

    host: str = "127.0.0.1"
    port: int = 0
    key: Secret | None = None
    beat_s: float = 1.0
    most_streams: int = 64
    faults: Faults = Faults()
    fault_seed: int = 0

    def __post_init__(self) -> None:
        checked_port(self.port)
        if not is_loopback(self.host):
            raise ConfigError(f"{self.host} can be reached by others; the paper exchange is for this machine")


class ExchangeServer:
    """The HTTP server of a venue. It listens as soon as it is made, and answers while `run` runs.

    replay: what moves its market; None for one that is moved by hand. Raises ConfigError when the address
    cannot be listened on.
    """

    def __init__(
        self, venue: Venue, settings: ServerSettings | None = None, replay: Replay | None = None
    ) -> None:
        settings = settings or ServerSettings()
        self._venue = venue
        self._replay = replay
        self._failure: BaseException | None = None
        self._door = Door(
            venue,
            Trouble(settings.faults, settings.fault_seed),
            key=settings.key,
            host=settings.host,
            beat_s=settings.beat_s,
            most_streams=settings.most_streams,
        )
        self._listener = listen(settings.host, settings.port, backlog=_BACKLOG)
        self.url = base_url(self._listener)
        config = configured(
            self._app(),
            _CuttableProtocol,
            backlog=_BACKLOG,
            stop_s=_STOP_S,
            log_level="warning",
            timeout_keep_alive=_IDLE_S,
        )
        self._server = Server(config, on_stopping=venue.record.close)  # or every stream would be waited for

    def run(self, on_listening: Callable[[str], None] = lambda _: None) -> None:
        """Answer until `stop`, SIGINT or SIGTERM; then finish what is under way.

        on_listening: told the base URL once requests are answered. Raises OurFault when its market failed.
        """
        self._server.answer(self._listener, lambda: on_listening(self.url))
        if self._failure is not None:
            kind = "" if isinstance(self._failure, TradewritError) else f"{type(self._failure).__name__}: "
            raise OurFault(f"its market failed: {kind}{self._failure}") from self._failure

    def stop(self) -> None:
        """Accept no more and come to an end; any thread may say so."""
        self._server.end()

    def _app(self) -> fastapi.FastAPI:
        # Its own document describes typed parameters, which these routes have none of.
        app = fastapi.FastAPI(openapi_url=None, lifespan=self._lifespan, redirect_slashes=False)
        for endpoint in ENDPOINTS:
            if not endpoint.is_manual or self._replay is None:
                app.router.routes.append(_route(self._door, endpoint))
        app.router.routes.append(Route(EVENTS, self._door.events, methods=["GET"]))
        app.add_exception_handler(HTTPException, _unmatched)
        return app

    @asynccontextmanager
    async def _lifespan(self, _: fastapi.FastAPI) -> AsyncIterator[None]:
        if self._replay is None:
            yield
            return
        begin = asyncio.Event()
        self._door.on_stream = begin.set
        work = asyncio.create_task(self._replay.run(self._venue, begin))
        work.add_done_callback(self._after_replay)
        yield
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)

    def _after_replay(self, work: "asyncio.Task[None]") -> None:
        """A market that stands still because of a bug must not look like a quiet one."""
        if work.cancelled() or (failure := work.exception()) is None:
            return
        self._failure = failure
        is_bug = not isinstance(failure, TradewritError)
        log.critical("the replay failed, the server ends: %s", failure, exc_info=failure if is_bug else None)
        self.stop()


def _route(door: Door, endpoint: Endpoint) -> Route:
    async def answer(request: Request) -> Response:
        return await door.answer(endpoint, request)

    return Route(endpoint.path, answer, methods=[endpoint.method])


async def _unmatched(request: Request, _: Exception) -> Response:
    """No such path, or no such method on it."""
    allowed = methods_at(request)
    if allowed and request.method not in allowed:
        detail = f"this path answers {', '.join(allowed)}"
        return refusal("method_not_allowed", detail, Allow=", ".join(allowed))
    return refusal("not_found", "there is nothing at this path; prices by hand need --manual")


class _CuttableProtocol(H11Protocol):
    """uvicorn's, which lets an application end the connection without an answer."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.app_state = {**self.app_state, "cut": self._cut}

    def _cut(self) -> None:
        self.transport.abort()
