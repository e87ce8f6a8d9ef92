"""Listen, serve, replay, stop: an exchange as a process, or in a thread of one.

Everything happens on one event loop, the exchange included: what it does takes microseconds.
"""

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from types import FrameType
from typing import Any, Final

import fastapi
import msgspec
import uvicorn
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
from tradewrit.errors import ConfigError
from tradewrit.runtime.secret import Secret

log: Final = logging.getLogger(__name__)

_BACKLOG: Final = 128
_STOP_S: Final = 3
_IDLE_S: Final = 120
_MAX_HEAD_BYTES: Final = 32_768


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
        if not 0 <= self.port <= 65_535:
            raise ConfigError(f"port {self.port} is not between 0 (any free one) and 65535")
        if not _is_loopback(self.host):
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
        self._door = Door(
            venue,
            Trouble(settings.faults, settings.fault_seed),
            key=settings.key,
            host=settings.host,
            beat_s=settings.beat_s,
            most_streams=settings.most_streams,
        )
        self._listener = _listen(settings)
        host, port = self._listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        config = uvicorn.Config(
            self._app(),
            http=_CuttableProtocol,
            ws="none",
            lifespan="on",
            backlog=_BACKLOG,
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            log_level="warning",
            h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
            timeout_keep_alive=_IDLE_S,
            timeout_graceful_shutdown=_STOP_S,
        )
        self._server = _Server(config)
        self._server.on_stopping = venue.record.close

    def run(self, on_listening: Callable[[str], None] = lambda _: None) -> None:
        """Answer until `stop`, SIGINT or SIGTERM; then finish what is under way.

        on_listening: told the base URL once requests are answered.
        """
        self._server.on_started = lambda: on_listening(self.url)
        with self._listener:
            asyncio.run(self._server.serve(sockets=[self._listener]))

    def stop(self) -> None:
        """Accept no more and come to an end; any thread may say so."""
        self._server.should_exit = True

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
        if not work.cancelled() and work.exception() is not None:
            log.critical("the replay failed; the server ends", exc_info=work.exception())
            self.stop()


def _route(door: Door, endpoint: Endpoint) -> Route:
    async def answer(request: Request) -> Response:
        return await door.answer(endpoint, request)

    return Route(endpoint.path, answer, methods=[endpoint.method])


async def _unmatched(request: Request, _: Exception) -> Response:
    """No such path, or no such method on it."""
    path = request.scope["path"]
    here = [one for one in request.app.router.routes if isinstance(one, Route) and one.path_regex.match(path)]
    allowed = sorted({method for one in here for method in one.methods or ()})
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


class _Server(uvicorn.Server):
    """uvicorn's, which ends without a signal's exit code when it was told to end."""

    on_started: Callable[[], None] = staticmethod(lambda: None)
    on_stopping: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.on_stopping()  # or every open stream would be waited for
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self._end) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        """The first time asks; the second time does not wait."""
        self.force_exit = self.should_exit
        self.should_exit = True


def _listen(settings: ServerSettings) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigError(f"{settings.host}: is no address to listen on: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; "
            "--port 0 takes a free one"
        ) from error
    listener.setblocking(False)
    return listener


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
