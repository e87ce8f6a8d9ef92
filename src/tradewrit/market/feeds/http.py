"""GET requests for JSON, over the standard library: paced, repeated where that is harmless, bounded.

A read changes nothing at the source, so a lost answer is asked for again. Headers, which may hold
credentials, never enter a message, and never travel to another host or over plain HTTP.
"""

import ssl
from collections.abc import Callable, Mapping
from email.message import Message
from http.client import HTTPException, HTTPMessage
from threading import Event
from typing import IO, Any, Final, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

import msgspec

from tradewrit.domain.market import SECOND
from tradewrit.errors import ConfigError, DataError, TheirFault, Throttled, Unauthorized, Unreachable
from tradewrit.runtime.addresses import is_loopback
from tradewrit.runtime.clock import Clock
from tradewrit.version import VERSION

Wait = Callable[[float], object]
"""Lets so many seconds pass."""

T = TypeVar("T")

_TIMEOUT_S: Final = 30.0
_LARGEST: Final = 64 * 2**20
_ATTEMPTS: Final = 4
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 60.0
_TRANSIENT: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_REFUSED_LENGTH: Final = 300


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How often to ask, and how fast.

    attempts: of one request, the first included. spacing_s: least time between two requests.
    """

    attempts: int = _ATTEMPTS
    spacing_s: float = 0.0


class JsonApi:
    """One host that answers GET with JSON."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        clock: Clock,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        wait: Wait | None = None,
    ) -> None:
        self.name = name
        self.requests = 0
        self._base = checked_url(base_url, is_secret=bool(secret_headers))
        self._host = urlsplit(self._base).netloc
        self._clock = clock
        self._patience = patience or Patience()
        self._wait: Wait = wait or Event().wait
        self._headers = {
            "Accept": "application/json",
            "User-Agent": f"Mozilla/5.0 (compatible; tradewrit/{VERSION})",
            **(headers or {}),
            **(secret_headers or {}),
        }
        self._opener = _opener(self._base)
        self._next_at = 0

    def get(self, path: str, parameters: Mapping[str, str | int | None], kind: type[T]) -> T:
        """The decoded answer; parameters that are None are left out.

        Raises DataError for a request that is refused, Unauthorized, Throttled, Unreachable, and
        TheirFault for an answer of another shape than `kind`.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        url = f"{self._base}{path}?{urlencode(given)}"
        body = self._answer(url)
        try:
            return msgspec.json.decode(body, type=kind, strict=False)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise TheirFault(
                f"{self.name}: {self._host} answered with something unexpected: {error}"
            ) from None

    def _answer(self, url: str) -> bytes:
        """The body of a good answer, asking again after a pause while there is hope."""
        pause = _FIRST_PAUSE_S
        for attempt in range(1, self._patience.attempts + 1):
            self._keep_pace()
            try:
                return self._once(url)
            except Throttled as error:
                asked_for = error.retry_after_s
                if attempt == self._patience.attempts or asked_for > _LONGEST_PAUSE_S:
                    raise
                self._wait(max(asked_for, pause))
            except Unreachable:
                if attempt == self._patience.attempts:
                    raise
                self._wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)
        raise AssertionError("at least one attempt is made")

    def _once(self, url: str) -> bytes:
        self.requests += 1
        request = Request(url, headers=self._headers)  # noqa: S310 - checked_url lets http and https pass
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
                body: bytes = answer.read(_LARGEST + 1)
                promised = answer.headers.get("Content-Length")
        except HTTPError as error:
            with error:
                raise self._refusal(error.code, error.headers, error.read(_LARGEST)) from None
        except URLError as error:
            raise self._unreachable(error.reason) from None
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from None
        if len(body) > _LARGEST:
            raise TheirFault(f"{self.name}: {self._host} sent more than {_LARGEST >> 20} MB at once")
        if promised is not None and len(body) < int(promised):  # read(n) does not complain of it
            raise self._unreachable("the answer was cut short")
        return body

    def _keep_pace(self) -> None:
        now = self._clock.monotonic()
        if now < self._next_at:
            self._wait((self._next_at - now) / SECOND)
            now = max(self._clock.monotonic(), self._next_at)
        self._next_at = now + int(self._patience.spacing_s * SECOND)

    def _unreachable(self, reason: object) -> Exception:
        if isinstance(reason, TheirFault | ConfigError):
            return reason
        if isinstance(reason, ssl.SSLCertVerificationError):
            return ConfigError(
                f"{self.name}: the certificate of {self._host} is not trusted: {reason.verify_message}"
            )
        why = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        return Unreachable(
            f"{self.name}: {self._host} cannot be reached ({why}); check the connection, or name another "
            "host with --base-url"
        )

    def _refusal(self, code: int, headers: Message, body: bytes) -> Exception:
        said = _said(body)
        what = f"{self.name}: {self._host} answered {code}" + (f": {said}" if said else "")
        if code in {401, 403}:
            return Unauthorized(f"{what}; the credentials are missing, wrong, or do not cover this data")
        if code == 429:
            return Throttled(
                f"{what}; too many requests, try again later", _seconds(headers.get("Retry-After"))
            )
        if code in _TRANSIENT:
            return Unreachable(f"{what}; try again later")
        return DataError(what)


def checked_url(url: str, *, is_secret: bool) -> str:
    """The URL without a slash at its end.

    Raises ConfigError unless it is http or https with a host, and for credentials that would leave this
    machine without encryption.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"base URL {url!r}: write it like https://data.example.com")
    if parts.username or parts.password:
        raise ConfigError("base URL: credentials do not belong into it; they are read from the environment")
    if is_secret and parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigError(
            f"base URL {url!r}: credentials are sent over https only, but for this machine itself"
        )
    return url.rstrip("/")


class _SameHost(HTTPRedirectHandler):
    """Follows a redirect within the host alone: headers travel along."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        if urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            host = urlsplit(newurl).netloc
            raise TheirFault(
                f"{req.host} sends on to another host, {host}, which was not asked; set --base-url"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(base: str) -> OpenerDirector:
    handlers: list[Any] = [_SameHost()]
    if is_loopback(urlsplit(base).hostname or ""):
        handlers.append(ProxyHandler({}))  # this machine is never asked through another one
    return build_opener(*handlers)


def _said(body: bytes) -> str:
    """What a refusal says, shortened: the text of its `message` or `msg`, or the start of the body."""
    text = body.decode("utf-8", "replace")
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if isinstance(found, dict):
        text = str(_deep(found) or text)
    text = " ".join(text.split())
    if text.startswith("<"):
        return ""  # a page for people
    return text[:_REFUSED_LENGTH]


def _deep(found: dict[str, Any]) -> object:
    for name in ("message", "msg", "description"):
        if found.get(name):
            return found[name]
    inner = [one for one in found.values() if isinstance(one, dict)]
    return next((said for one in inner if (said := _deep(one))), None)


def _seconds(text: str | None) -> float:
    """The seconds of a Retry-After; 0 where it is missing or a date."""
    return float(text) if text is not None and text.strip().isdigit() else 0.0
