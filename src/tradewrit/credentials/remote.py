"""An app's way to an authority behind HTTP: ours, or another that speaks the AgentWrit protocol.

What goes beyond that protocol (constraints, proof of possession, protective writs, offline verification)
is asked for only where the authority offers it, and refused here where it does not: a broker that ignores
a constraint must not hand out a token that looks as if it kept it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeVar

import msgspec

from tradewrit.credentials.claims import Claims
from tradewrit.credentials.client import AgentRequest, launch_request, registration
from tradewrit.credentials.keyring import KeySet
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.proof import make_proof
from tradewrit.credentials.refusals import Code
from tradewrit.credentials.remote_answers import (
    AppToken,
    Challenge,
    Launched,
    StatusAnswer,
    Token,
    Validity,
    claims_of,
    key_id,
    status_of,
    unverified,
)
from tradewrit.credentials.remote_http import Http, checked_url
from tradewrit.credentials.requests import DelegationRequest, Issued
from tradewrit.credentials.status import Status
from tradewrit.credentials.tokens import verify_genuine
from tradewrit.domain.constraints import UNRESTRICTED, Violation, is_within
from tradewrit.domain.market import SECOND
from tradewrit.errors import (
    CredentialRefused,
    KeyMaterialError,
    OurFault,
    TokenRefused,
    Unreachable,
)
from tradewrit.runtime.clock import Clock, Entropy, SystemClock, system_entropy

T = TypeVar("T")
Json = Mapping[str, Any]

TIMEOUT_S: Final = 10.0
_AHEAD_NS: Final = 60 * SECOND
"""An app token with less than this left is replaced, unless it never had twice as much."""
_KEYS_AGE_NS: Final = 300 * SECOND
_KEYS_PAUSE_NS: Final = 10 * SECOND
"""A stranger's token by an unknown key makes us fetch the keys no more often than this."""
_BEYOND: Final = "it has no key set at /.well-known/jwks.json, so it speaks the plain protocol only"


class _Session(msgspec.Struct, frozen=True):
    """The app's token, and when to replace it. Monotonic ns."""

    token: str
    until: int


class _Keys(msgspec.Struct, frozen=True):
    """The authority's keys as they were at `asked_at` (monotonic ns); None: it publishes none."""

    found: KeySet | None
    asked_at: int


class _Moment(msgspec.Struct, frozen=True):
    """A time (UTC ns) by the authority's clock, and when we heard of it (monotonic ns)."""

    at: int
    seen_at: int


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
        self._url = checked_url(url, is_plain_allowed=is_plain_allowed)
        self._login = {"client_id": client_id, "client_secret": client_secret}
        self._clock = clock or SystemClock()
        self._entropy = entropy
        self._http = Http(self._url, timeout_s, authorities)
        self._session: _Session | None = None
        self._keys: _Keys | None = None
        self._issued_at: _Moment | None = None
        self._lock = Lock()

    def register(self, asked: AgentRequest, key: SigningKey) -> Issued:
        """See CredentialClient."""
        launch = self._as_app("/v1/app/launch-tokens", self._launch_body(asked), Launched)
        nonce = self._http.ask("GET", "/v1/challenge", Challenge).nonce
        try:
            signed = registration(asked, key, launch.launch_token, nonce)
        except ValueError:
            raise Unreachable(f"{self._url}: its challenge is not hex; it speaks another protocol") from None
        answer = self._http.ask("POST", "/v1/register", Token, body=msgspec.to_builtins(signed))
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
        return self._issued(self._http.ask("POST", "/v1/token/renew", Token, headers=headers))

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
        return self._issued(self._http.ask("POST", "/v1/delegate", Token, body=body, headers=headers))

    def validate(self, token: str) -> Claims | None:
        """See CredentialClient. Asks the authority each time, so that a revocation is seen at once."""
        answer = self._http.ask("POST", "/v1/token/validate", Validity, body={"token": token})
        return claims_of(answer.claims, self._url) if answer.valid else None

    def status(self, token: str, others: Sequence[str] = (), key: SigningKey | None = None) -> Status | None:
        """See CredentialClient. One request, whatever the number of tokens."""
        if self.keys() is None:
            return None
        headers = self._headers(token, key, "/v1/token/status")
        try:
            told = self._http.ask(
                "POST", "/v1/token/status", StatusAnswer, body={"tokens": others}, headers=headers
            )
        except CredentialRefused as refused:
            if refused.code == Code.NOT_FOUND:  # no such route
                return None
            raise
        return status_of(told, self._url)

    def sign_in(self) -> None:
        """Log in as the app, whether or not that is needed yet: to learn early that the secret is wrong."""
        self._signed_in(self._session)

    def verify(self, token: str) -> Claims | None:
        """The claims of a genuine token that is in its time, without asking where its key is known.

        Does not see revocations. Asks the authority (`validate`) where it publishes no keys, and for a
        token by a key it did not publish when it was last asked.
        """
        keys, now = self._knowing(token, self._clock.monotonic() - _KEYS_PAUSE_NS), self._now()
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
        kid, now = key_id(token), self._now()
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
            url, now = self._url + path, self._now()
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
                answer = self._http.ask("POST", "/v1/app/auth", AppToken, body=self._login)
                life = answer.expires_in * SECOND
                session = _Session(answer.access_token, now + life - min(_AHEAD_NS, life // 2))
                self._session = session
            return session

    def _now(self) -> int:
        """The authority's time, as far as it is known: by its last token and what has passed since.

        Its clock and that of this machine need not agree, and ours may be set meanwhile.
        """
        known = self._issued_at
        return self._clock.now() if known is None else known.at + self._clock.monotonic() - known.seen_at

    def _issued(self, answer: Token) -> Issued:
        """The token with what it says: verified, where the authority publishes its keys."""
        token, now = answer.access_token, self._clock.monotonic()
        said = unverified(token, self._url)
        self._issued_at = _Moment(said.iat * SECOND, now)
        if self.keys() is None:
            return Issued(token=token, claims=said)
        try:
            claims = verify_genuine(token, self._knowing(token, now) or KeySet(()), now=self._now())
        except TokenRefused as refused:
            raise Unreachable(f"{self._url} issued a token that its own keys do not verify") from refused
        return Issued(token=token, claims=claims)


def _bearing(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}
