"""An app's way to an authority behind HTTP: ours, or another that speaks the AgentWrit protocol.

What goes beyond that protocol (constraints, proof of possession, protective writs, offline verification)
is asked for only where the authority offers it, and refused here where it does not: a broker that ignores
a constraint must not hand out a token that looks as if it kept it.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from tradewrit.credentials.claims import Claims
from tradewrit.credentials.client import AgentRequest, launch_request, registration
from tradewrit.credentials.encoding import decode
from tradewrit.credentials.keyring import KeySet
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.proof import make_proof
from tradewrit.credentials.requests import DelegationRequest, Issued
from tradewrit.credentials.tokens import verify_genuine
from tradewrit.domain.constraints import UNRESTRICTED, Violation, is_within
from tradewrit.domain.market import SECOND
from tradewrit.errors import (
    ConfigError,
    CredentialRefused,
    KeyMaterialError,
    OurFault,
    Throttled,
    TokenRefused,
    Unreachable,
)
from tradewrit.runtime.clock import Clock, Entropy, SystemClock, system_entropy
from tradewrit.version import VERSION

T = TypeVar("T")
Json = Mapping[str, Any]

TIMEOUT_S: Final = 10.0
MAX_ANSWER_BYTES: Final = 1_048_576
_IDLE_S: Final = 60.0
"""Shorter than any server's patience, so that no request goes out on a connection that is being closed."""
_AHEAD_NS: Final = 60 * SECOND
"""An app token with less than this left is replaced, unless it never had twice as much."""
_KEYS_AGE_NS: Final = 300 * SECOND
_KEYS_PAUSE_NS: Final = 10 * SECOND
"""A stranger's token by an unknown key makes us fetch the keys no more often than this."""
_BEYOND: Final = "it has no key set at /.well-known/jwks.json, so it speaks the plain protocol only"


class _Problem(msgspec.Struct, frozen=True):
    detail: str = ""
    title: str = ""
    error_code: str = ""


class _AppToken(msgspec.Struct, frozen=True):
    access_token: str
    expires_in: int


class _Launched(msgspec.Struct, frozen=True):
    launch_token: str


class _Challenge(msgspec.Struct, frozen=True):
    nonce: str


class _Token(msgspec.Struct, frozen=True):
    access_token: str


class _Validity(msgspec.Struct, frozen=True):
    valid: bool
    claims: dict[str, Any] = {}


class _Session(msgspec.Struct, frozen=True):
    """The app's token, and when to replace it. Monotonic ns."""

    token: str
    until: int


class _Keys(msgspec.Struct, frozen=True):
    """The authority's keys as they were at `asked_at` (monotonic ns); None: it publishes none."""

    found: KeySet | None
    asked_at: int


class RemoteClient:
    """See `client.CredentialClient`; connections are kept alive, nothing is ever sent twice.

    url: of the authority. Plain HTTP is for this machine only, unless `is_plain_allowed`.
    authorities: PEM file with the certificate authorities to believe, None for the system's.
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: str,
        *,
        timeout_s: float = TIMEOUT_S,
        authorities: Path | None = None,
        is_plain_allowed: bool = False,
        clock: Clock | None = None,
        entropy: Entropy = system_entropy,
    ) -> None:
        """Raises ConfigError for an address that is none, or over which secrets could be read."""
        self._url = _checked(url, is_plain_allowed=is_plain_allowed)
        self._login = {"client_id": client_id, "client_secret": client_secret}
        self._clock = clock or SystemClock()
        self._entropy = entropy
        self._http = _Http(self._url, timeout_s, authorities)
        self._session: _Session | None = None
        self._keys: _Keys | None = None
        self._lock = Lock()

    def register(self, asked: AgentRequest, key: SigningKey) -> Issued:
        """See CredentialClient."""
        launch = self._as_app("/v1/app/launch-tokens", self._launch_body(asked), _Launched)
        nonce = self._http.ask("GET", "/v1/challenge", _Challenge).nonce
        try:
            signed = registration(asked, key, launch.launch_token, nonce)
        except ValueError:
            raise Unreachable(f"{self._url}: its challenge is not hex; it speaks another protocol") from None
        answer = self._http.ask("POST", "/v1/register", _Token, body=msgspec.to_builtins(signed))
        return self._kept(asked, self._issued(answer))

    def _kept(self, asked: AgentRequest, issued: Issued) -> Issued:
        """The token, if it says what was asked for; one that is freer is given back."""
        claims = issued.claims
        if is_within(claims.constraints, asked.constraints) and (claims.cnf or not asked.needs_proof):
            return issued
        self.release(issued.token)
        raise OurFault(f"{self._url} issued a token without the constraints that were asked for")

    def renew(self, token: str, key: SigningKey | None = None) -> Issued:
        """See CredentialClient."""
        headers = self._headers(token, key, "/v1/token/renew")
        return self._issued(self._http.ask("POST", "/v1/token/renew", _Token, headers=headers))

    def release(self, token: str, key: SigningKey | None = None) -> None:
        """See CredentialClient. An authority that refuses a dead token is told the truth: it is dead."""
        headers = self._headers(token, key, "/v1/token/release")
        try:
            self._http.ask("POST", "/v1/token/release", None, headers=headers)
        except CredentialRefused:
            if self.keys() is not None or self.validate(token) is not None:
                raise

    def delegate(self, token: str, request: DelegationRequest, key: SigningKey | None = None) -> Issued:
        """See CredentialClient."""
        body: dict[str, Any] = {"delegate_to": request.to, "scope": request.scope}
        if request.ttl_s is not None:
            body["ttl"] = request.ttl_s
        if request.constraints != UNRESTRICTED:
            self._need("constraints")
            body["constraints"] = msgspec.to_builtins(request.constraints)
        headers = self._headers(token, key, "/v1/delegate")
        return self._issued(self._http.ask("POST", "/v1/delegate", _Token, body=body, headers=headers))

    def validate(self, token: str) -> Claims | None:
        """See CredentialClient. Asks the authority each time, so that a revocation is seen at once."""
        answer = self._http.ask("POST", "/v1/token/validate", _Validity, body={"token": token})
        return _claims(answer.claims, self._url) if answer.valid else None

    def verify(self, token: str) -> Claims | None:
        """The claims of a genuine token that is in its time, without asking where its key is known.

        Does not see revocations. Asks the authority (`validate`) where it publishes no keys, and for a
        token by a key it did not publish when it was last asked.
        """
        keys, now = self._knowing(token, self._clock.monotonic() - _KEYS_PAUSE_NS), self._clock.now()
        if keys is None:
            return self.validate(token)
        try:
            claims = verify_genuine(token, keys, now=now)
        except TokenRefused:
            return None
        return claims if claims.nbf * SECOND <= now < claims.exp * SECOND else None

    def report(
        self,
        token: str,
        violations: Sequence[Violation],
        *,
        resource: str,
        key: SigningKey | None = None,
    ) -> None:
        """See CredentialClient. An authority of the plain protocol has no ear for it: nothing is sent."""
        if self.keys() is None:
            return
        body = {"resource": resource, "violations": [msgspec.to_builtins(one) for one in violations]}
        headers = self._headers(token, key, "/v1/refusals")
        self._http.ask("POST", "/v1/refusals", None, body=body, headers=headers)

    def answer_kill(
        self,
        token: str,
        cancelled: Sequence[str],
        working: Sequence[str],
        key: SigningKey | None = None,
    ) -> None:
        """See CredentialClient. An authority of the plain protocol has no ear for it: nothing is sent."""
        if self.keys() is None:
            return
        body = {"cancelled": list(cancelled), "working": list(working)}
        headers = self._headers(token, key, "/v1/kill/answer")
        self._http.ask("POST", "/v1/kill/answer", None, body=body, headers=headers)

    def keys(self, *, at_least: int | None = None) -> KeySet | None:
        """The keys that verify the authority's tokens, None where it publishes none.

        They are asked for again after five minutes. at_least: no older than this (monotonic ns).
        """
        known, now = self._keys, self._clock.monotonic()
        oldest = now - _KEYS_AGE_NS if at_least is None else at_least
        if known is None or known.asked_at < oldest:
            known = self._keys = _Keys(self._fetch_keys(), now)
        return known.found

    def close(self) -> None:
        """See CredentialClient."""
        self._http.close()

    def _fetch_keys(self) -> KeySet | None:
        raw = self._http.find("/.well-known/jwks.json")
        if raw is None:
            return None
        try:
            return KeySet.read_jwks(raw)
        except KeyMaterialError as error:
            raise Unreachable(f"{self._url}: its key set cannot be used: {error}") from error

    def _knowing(self, token: str, at_least: int) -> KeySet | None:
        """The keys if that of the token is among them, None if it is not.

        They are fetched anew for a key that is missing, unless they are no older than `at_least`
        (monotonic ns).
        """
        kid, now = _key_id(token), self._clock.now()
        for limit in (None, at_least):
            keys = self.keys(at_least=limit)
            if keys is not None and keys.find(kid, now) is not None:
                return keys
        return None

    def _launch_body(self, asked: AgentRequest) -> Json:
        request = launch_request(asked)
        body: dict[str, Any] = {
            "agent_name": request.agent_name,
            "allowed_scope": request.allowed_scope,
            "max_ttl": request.max_ttl_s,
            "single_use": True,
        }
        if request.constraints != UNRESTRICTED:
            body["constraints"] = msgspec.to_builtins(request.constraints)
        for name, value in (("needs_proof", request.needs_proof), ("protective", request.is_protective)):
            if value:
                body[name] = True
        for name in ("constraints", "needs_proof", "protective"):
            if name in body:
                self._need(name)
        return body

    def _need(self, what: str) -> None:
        if self.keys() is None:
            raise OurFault(
                f"{self._url} cannot keep {what!r}: {_BEYOND}; ask for less, or use our own server"
            )

    def _headers(self, token: str, key: SigningKey | None, path: str) -> Mapping[str, str]:
        headers = {"Authorization": f"Bearer {token}"}
        if key is not None:
            url, now = self._url + path, self._clock.now()
            headers["DPoP"] = make_proof(key, token, method="POST", url=url, now=now, entropy=self._entropy)
        return headers

    def _as_app(self, path: str, body: Json, kind: type[T]) -> T:
        """Ask with the app's token. One that is refused is replaced, once: it may have been revoked."""
        session = self._signed_in(None)
        try:
            return self._http.ask("POST", path, kind, body=body, headers=_bearing(session.token))
        except CredentialRefused as refused:
            if refused.code != "unauthorized":
                raise
        session = self._signed_in(session)
        return self._http.ask("POST", path, kind, body=body, headers=_bearing(session.token))

    def _signed_in(self, refused: _Session | None) -> _Session:
        """The app's token; one thread gets a new one when it is old, or `refused`."""
        with self._lock:
            session, now = self._session, self._clock.monotonic()
            if session is None or session is refused or now >= session.until:
                answer = self._http.ask("POST", "/v1/app/auth", _AppToken, body=self._login)
                life = answer.expires_in * SECOND
                session = _Session(answer.access_token, now + life - min(_AHEAD_NS, life // 2))
                self._session = session
            return session

    def _issued(self, answer: _Token) -> Issued:
        """The token with what it says: verified, where the authority publishes its keys."""
        token, now = answer.access_token, self._clock.monotonic()
        if self.keys() is None:
            return Issued(token=token, claims=_unverified(token, self._url))
        try:
            claims = verify_genuine(token, self._knowing(token, now) or KeySet(()), now=self._clock.now())
        except TokenRefused as refused:
            raise Unreachable(f"{self._url} issued a token that its own keys do not verify") from refused
        return Issued(token=token, claims=claims)


class _Http:
    """Requests and answers; what goes wrong is told in our own exceptions."""

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


_CODES: Final = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict"}


def _bearing(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _seconds(text: str) -> float:
    """What Retry-After says in seconds; a second where it says it otherwise."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1.0


def _checked(url: str, *, is_plain_allowed: bool) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(f"{url[:200]!r} is no address of an authority, such as https://host:8080")
    if parts.username is not None:
        raise ConfigError("an authority's address must hold no user name or password")
    if parts.scheme == "http" and not is_plain_allowed and not _is_here(parts.hostname):
        raise ConfigError(
            f"{url[:200]!r}: over plain HTTP others could read the secrets; use https, or allow it explicitly"
        )
    return url.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _key_id(token: str) -> str:
    """The key a token names, "" when it names none that can be read."""
    try:
        return str(msgspec.json.decode(decode(token.partition(".")[0]), type=dict[str, Any]).get("kid", ""))
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return ""


def _unverified(token: str, url: str) -> Claims:
    """What a token says, on the word of whoever just issued it to us."""
    try:
        said = msgspec.json.decode(decode(token.split(".")[1]), type=dict[str, Any])
    except (ValueError, IndexError, msgspec.MsgspecError, RecursionError):
        raise Unreachable(f"{url}: it issued something that is no token") from None
    return _claims(said, url)


def _claims(said: Mapping[str, Any], url: str) -> Claims:
    """Claims as another broker may write them: without task and orchestration where these are empty.

    A claim that we do not know may be a restriction, so it is not passed over.
    """
    try:
        return msgspec.convert({"task_id": "", "orch_id": "", **said}, Claims)
    except msgspec.ValidationError as error:
        raise Unreachable(f"{url}: its claims are not those of the protocol: {error}") from None
