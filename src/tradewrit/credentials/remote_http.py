"""Requests to an authority and its answers; what goes wrong is told in our own exceptions.

Knows no endpoint. Nothing is ever sent twice.
"""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from tradewrit.errors import ConfigError, CredentialRefused, Throttled, Unreachable
from tradewrit.runtime.addresses import is_loopback
from tradewrit.version import VERSION

T = TypeVar("T")

MAX_ANSWER_BYTES: Final = 1_048_576
_IDLE_S: Final = 60.0
"""Shorter than any server's patience, so that no request goes out on a connection that is being closed."""
_CODES: Final = {401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "not_found", 409: "conflict"}
"""What a status stands for where a broker names no code."""


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""
    title: str = ""
    error_code: str = ""


class Http:
    """One authority's address, with connections that are kept alive. Any thread may use it."""

    def __init__(self, url: str, timeout_s: float, authorities: Path | None) -> None:
        try:
            import httpx
        except ImportError:
            raise ConfigError("an authority elsewhere needs httpx: pip install 'tradewrit[remote]'") from None
        import ssl

        self._url = url
        self._errors = httpx.HTTPError
        try:
            trusted = ssl.create_default_context(cafile=authorities)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"{authorities}: no certificates can be read from it: {error}") from error
        self._client = httpx.Client(
            base_url=url,
            timeout=timeout_s,
            # A proxy that the environment names would see our secrets.
            trust_env=False,
            headers={"User-Agent": f"tradewrit/{VERSION}"},
            transport=httpx.HTTPTransport(
                verify=trusted,
                retries=1,  # of the connection; once something was sent nothing is repeated
                limits=httpx.Limits(max_keepalive_connections=16, keepalive_expiry=_IDLE_S),
            ),
        )

    def ask(
        self,
        method: str,
        path: str,
        kind: type[T] | None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """The answer, as a `kind`; None asks for no body.

        Raises CredentialRefused, Throttled and Unreachable.
        """
        status, content, retry_after = self._send(method, path, body, headers or {})
        if not 200 <= status < 300:
            raise self._refused(path, status, content, retry_after)
        if kind is None:
            return None  # type: ignore[return-value]
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise Unreachable(f"{self._url}{path}: the answer is not one of the protocol") from None

    def find(self, path: str) -> bytes | None:
        """What lies at a path, None when nothing does."""
        status, content, retry_after = self._send("GET", path, None, {})
        if status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
            return None
        if status != HTTPStatus.OK:
            raise self._refused(path, status, content, retry_after)
        return content

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _send(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> tuple[int, bytes, str]:
        content = None if body is None else msgspec.json.encode(body)
        sent = dict(headers) if content is None else {**headers, "Content-Type": "application/json"}
        received = bytearray()
        try:
            with self._client.stream(method, path, content=content, headers=sent) as answer:
                for chunk in answer.iter_bytes():
                    received += chunk
                    if len(received) > MAX_ANSWER_BYTES:
                        raise Unreachable(f"{self._url}{path}: the answer is larger than any of the protocol")
                return answer.status_code, bytes(received), answer.headers.get("Retry-After", "")
        except self._errors as error:
            # The text of an httpx error names hosts and causes, never a header or a body.
            raise Unreachable(f"{self._url}{path}: {type(error).__name__}: {error}") from error

    def _refused(self, path: str, status: int, content: bytes, retry_after: str) -> Exception:
        try:
            problem = msgspec.json.decode(content, type=_Problem)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            problem = _Problem()
        said = problem.detail or problem.title or f"HTTP {status}"
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return Throttled(f"{self._url}{path}: {said}", _seconds(retry_after))
        if status >= 500 or status < 400 or status == HTTPStatus.REQUEST_TIMEOUT:
            return Unreachable(f"{self._url}{path}: {status} {said}")
        code = problem.error_code or _CODES.get(status, "invalid_request")
        return CredentialRefused(code, said)


def _seconds(text: str) -> float:
    """What Retry-After says in seconds; a second where it says it otherwise."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1.0


def checked_url(url: str, *, is_plain_allowed: bool) -> str:
    """The address without a slash at its end; raises ConfigError for one that is none, or not safe."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"{url[:200]!r} is no address of an authority, such as https://host:8080")
    if parts.username is not None:
        raise ConfigError("an authority's address must hold no user name or password")
    if parts.scheme == "http" and not is_plain_allowed and not is_loopback(parts.hostname):
        raise ConfigError(
            f"{url[:200]!r}: over plain HTTP others could read the secrets; use https, or allow it explicitly"
        )
    return url.rstrip("/")
