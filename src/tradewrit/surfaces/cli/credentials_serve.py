"""`tradewrit credentials serve`: the authority for other processes and machines, over HTTP."""

import logging
import sys
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tradewrit.config.environment import process_environment
from tradewrit.config.places import data_folder
from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.credentials_home import Issuer, TrustDomain, terms_from
from tradewrit.surfaces.cli.output import Json, emit_json, emit_text, example
from tradewrit.surfaces.cli.serving import need_server

if TYPE_CHECKING:
    from tradewrit.credentials.http.peers import Network
    from tradewrit.credentials.http.settings import ServerSettings

EPILOG: Final = example(
    "tradewrit credentials serve",
    "tradewrit credentials serve --port 0 --json",
    "tradewrit credentials serve --host 0.0.0.0 --tls-certificate cert.pem --tls-key key.pem",
)


def serve(
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    tls_certificate: Annotated[
        Path | None, typer.Option(help="PEM file with the certificate: speak HTTPS.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file with its private key.")] = None,
    public_url: Annotated[
        str, typer.Option(help="What clients call this server, if not by the address it listens on.")
    ] = "",
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(help="Network whose X-Forwarded-For is believed, e.g. 10.0.0.0/8; may be repeated."),
    ] = None,
    issuer: Issuer = None,
    trust_domain: TrustDomain = None,
    config: ConfigFile = None,
    *,
    allow_plain_http: Annotated[
        bool, typer.Option("--allow-plain-http", help="Speak plain HTTP where others can listen.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve the credential authority of the home folder over HTTP, until Ctrl-C or SIGTERM.

    Speaks the AgentWrit protocol. Only this machine can reach it, unless another address is named.
    """
    server_settings = _settings(
        port, host, tls_certificate, tls_key, public_url, trust_proxy or [], is_plain=allow_plain_http
    )
    terms = terms_from(in_force(config), issuer, trust_domain)
    from tradewrit.credentials.authority import Authority
    from tradewrit.credentials.home import open_home
    from tradewrit.credentials.http.serving import CredentialServer

    home = open_home(data_folder(process_environment()))
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    with Authority.open(home, terms=terms) as authority:
        server = CredentialServer(authority, server_settings)
        server.run(lambda url: _say(url, str(home.folder), as_json=as_json))
    if not as_json:
        emit_text("Stopped.")


def _settings(
    port: int,
    host: str,
    certificate: Path | None,
    key: Path | None,
    public_url: str,
    proxies: list[str],
    *,
    is_plain: bool,
) -> "ServerSettings":
    """Raises ConfigError for what cannot be served, and when the extra is not installed."""
    need_server()
    from tradewrit.credentials.http.settings import ServerSettings

    return ServerSettings(
        host=host,
        port=port,
        tls_certificate=certificate,
        tls_key=key,
        is_plain_allowed=is_plain,
        trusted_proxies=tuple(_network(text) for text in proxies),
        public_url=public_url,
    )


def _network(text: str) -> "Network":
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigError(f"--trust-proxy {text}: {error}; name a network such as 10.0.0.0/8") from None


def _say(url: str, home: str, *, as_json: bool) -> None:
    """One line, at once: whoever started us may be waiting for it."""
    if as_json:
        emit_json({"url": url, "home": home})
    else:
        emit_text(f"Listening on {url} (home {home}); Ctrl-C stops it.")
