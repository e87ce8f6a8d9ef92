"""Listen, serve, stop: the server as a process, or in a thread of one."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tradewrit.credentials.authority import Authority
from tradewrit.credentials.http import answering
from tradewrit.credentials.http.app import make_app
from tradewrit.credentials.http.calls import Service
from tradewrit.credentials.http.envelope import Envelope
from tradewrit.credentials.http.limits import Limits
from tradewrit.credentials.http.origin import Origin
from tradewrit.credentials.http.protocol import protocol_for
from tradewrit.credentials.http.sampling import sampled
from tradewrit.credentials.http.settings import ServerSettings
from tradewrit.errors import ConfigError
from tradewrit.runtime.clock import Clock, Entropy, SystemClock, system_entropy
from tradewrit.runtime.serving.listening import base_url, listen
from tradewrit.runtime.serving.server import Server, configured

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
        self._listener = listen(self._settings.host, self._settings.port, backlog=_BACKLOG)
        self.url = base_url(self._listener, is_tls=self._settings.is_tls)
        try:
            self._server = self._make(clock, entropy)
        except BaseException:
            self._listener.close()
            raise

    def _make(self, clock: Clock, entropy: Entropy) -> Server:
        settings = self._settings
        port = self._listener.getsockname()[1]
        origin = Origin.listening(settings.host, port, is_tls=settings.is_tls, public_url=settings.public_url)
        app = make_app(self.service, origin, settings.trusted_proxies)
        most = max(_FEWEST, min(settings.max_connections, _open_files() - _OTHER_FILES))
        config = configured(
            Envelope(
                app,
                self.service.metrics,
                clock,
                entropy,
                is_tls=settings.is_tls,
                most=settings.max_waiting,
            ),
            protocol_for(settings.patience, most, self.service.metrics, entropy),
            backlog=_BACKLOG,
            stop_s=max(1, round(settings.patience.stop_s)),
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
        )
        try:
            config.load()
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"{settings.tls_certificate}, {settings.tls_key}: cannot be used for TLS: {error}"
            ) from error
        return Server(config)

    def run(self, on_listening: Told = lambda _: None) -> None:
        """Answer until `stop`, SIGINT or SIGTERM; then finish what is under way.

        on_listening: told the base URL once requests are answered.
        """
        with sampled(self._clock, "uvicorn.error", answering.__name__):
            self._server.answer(self._listener, lambda: on_listening(self.url))

    def stop(self) -> None:
        """Accept no more and come to an end; any thread may say so."""
        self._server.end()


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
