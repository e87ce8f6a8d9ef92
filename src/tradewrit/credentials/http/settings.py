"""How the credential server listens, and how patient it is."""

from pathlib import Path
from typing import Final

import msgspec

from tradewrit.credentials.http.limits import Rates
from tradewrit.credentials.http.peers import Network
from tradewrit.errors import ConfigError
from tradewrit.runtime.addresses import is_loopback
from tradewrit.runtime.serving.listening import checked_port

DEFAULT_PORT: Final = 8080
MAX_BODY_BYTES: Final = 1_048_576


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a client may take, in seconds of the event loop's clock, before it is cut off.

    head_s: for the request line and all headers. body_s: for the whole body. answer_s: to take an
    answer that does not fit into the socket. idle_s: between two requests on one connection.
    stop_s: how long requests under way may go on when the server stops.
    """

    head_s: float = 5.0
    body_s: float = 15.0
    answer_s: float = 30.0
    idle_s: float = 120.0
    stop_s: float = 10.0


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen and for whom.

    port: 0 takes any free one. tls_certificate, tls_key: PEM files; None speaks plain HTTP.
    is_plain_allowed: speak plain HTTP on an address that others can reach.
    trusted_proxies: only what comes from these may say in X-Forwarded-For for whom it comes.
    public_url: what clients call this server, where that is not the address it listens on; proofs of
    possession name it. max_connections: open at once; max_waiting: requests under way at once.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    is_plain_allowed: bool = False
    trusted_proxies: tuple[Network, ...] = ()
    public_url: str = ""
    patience: Patience = Patience()
    rates: Rates = Rates()
    max_connections: int = 2_048
    max_waiting: int = 2_048

    @property
    def is_tls(self) -> bool:
        """Whether it speaks HTTPS."""
        return self.tls_certificate is not None

    def __post_init__(self) -> None:
        checked_port(self.port)
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ConfigError("TLS needs both a certificate and its key; only one was named")
        if not (is_loopback(self.host) or self.is_tls or self.is_plain_allowed):
            raise ConfigError(
                f"{self.host} can be reached by others, and over plain HTTP they could read every secret: "
                "name a TLS certificate and key, listen on 127.0.0.1, or allow plain HTTP explicitly"
            )
