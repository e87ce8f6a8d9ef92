"""Listen, serve, stop: the server as a process, or in a thread of one."""

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import uvicorn

from tradewrit.credentials.authority import Authority
from tradewrit.credentials.http import answering
from tradewrit.credentials.http.app import make_app
from tradewrit.credentials.http.calls import Service
from tradewrit.credentials.http.envelope import Envelope
from tradewrit.credentials.http.limits import Limits
from tradewrit.credentials.http.origin import Origin
from tradewrit.credentials.http.protocol import protocol_for
from tradewrit.credentials.http.sampling import sampled
from tradewrit.credentials.http.settings import MAX_HEAD_BYTES, ServerSettings
from tradewrit.errors import ConfigError
from tradewrit.runtime.clock import Clock, Entropy, SystemClock, system_entropy

Told = Callable[[str], None]

_BACKLOG: Final = 2_048
_OTHER_FILES: Final = 128
"""Descriptors that are no connections: the store, threads, the library's own."""
_FEWEST: Final = 16


class CredentialServer:
    """The HTTP server of an authority. It listens as soon as it is made, and answers while `run` runs.

    Raises ConfigError when the address cannot be listened on, or the certificate cannot be used.
    """

    def __init__(
        self,
        authority: Authority,
        settings: ServerSettings | None = None,
        *,
        clock: Clock | None = None,
        entropy: Entropy = system_entropy,
    ) -> None:
        self._settings = settings or ServerSettings()
        self._clock = clock = clock or SystemClock()
        self.service = Service(authority, Limits(clock, entropy, self._settings.rates), clock)
        self._listener = _listen(self._settings)
        host, port = self._listener.getsockname()[:2]
        self.url = (
            f"{'https' if self._settings.is_tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
        )
        try:
            self._server = self._make(port, clock, entropy)
        except BaseException:
            self._listener.close()
            raise

    def _make(self, port: int, clock: Clock, entropy: Entropy) -> "_Server":
        settings = self._settings
        origin = Origin.listening(settings.host, port, is_tls=settings.is_tls, public_url=settings.public_url)
        app = make_app(self.service, origin, settings.trusted_proxies)
        most = max(_FEWEST, min(settings.max_connections, _open_files() - _OTHER_FILES))
        config = uvicorn.Config(
            Envelope(
                app,
                self.service.metrics,
                clock,
                entropy,
                is_tls=settings.is_tls,
                most=settings.max_waiting,
            ),
            http=protocol_for(settings.patience, most, self.service.metrics, entropy),
            ws="none",
            lifespan="on",
            backlog=_BACKLOG,
            # Addresses of clients are our own business (peers), and so is what is logged.
            proxy_headers=False,
            server_header=False,
            access_log=False,
            log_config=None,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
            timeout_graceful_shutdown=max(1, round(settings.patience.stop_s)),
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"{settings.tls_certificate}, {settings.tls_key}: cannot be used for TLS: {error}"
            ) from error
        return _Server(config)

    def run(self, on_listening: Told = lambda _: None) -> None:
        """Answer until `stop`, SIGINT or SIGTERM; then finish what is under way.

        on_listening: told the base URL once requests are answered.
        """
        self._server.on_started = lambda: on_listening(self.url)
        with self._listener, sampled(self._clock, "uvicorn.error", answering.__name__):
            asyncio.run(self._server.serve(sockets=[self._listener]))

    def stop(self) -> None:
        """Accept no more and come to an end; any thread may say so."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn's, which ends without a signal's exit code when it was told to end."""

    on_started: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.on_started()

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
        # A port in TIME_WAIT is free; one that somebody listens on is not.
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


def _open_files() -> int:
    """How many files this process may have open, raised as far as it may raise that itself."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return 1 << 20
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
