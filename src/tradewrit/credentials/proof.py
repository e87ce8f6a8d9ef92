"""Proof that whoever presents a token has the key it names (RFC 9449, DPoP), with Ed25519.

A stolen token is then of no use. Each proof is for one request and counts once: method, address, time and
the token itself are in it. Knows no store; the proofs seen are remembered in this process.
"""

import hashlib
from collections import OrderedDict, deque
from threading import Lock
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from tradewrit.credentials.encoding import decode, encode
from tradewrit.credentials.keys import SigningKey, VerificationKey
from tradewrit.credentials.requests import Bearer
from tradewrit.domain.market import SECOND
from tradewrit.errors import TokenRefused
from tradewrit.runtime.clock import Clock, Entropy

MAX_PROOF_CHARS: Final = 4_096
MAX_SEEN_PER_KEY: Final = 4_096
"""Proofs of one key that can count within the time that a proof is good for."""

MAX_KEYS: Final = 65_536
_MAX_ID: Final = 128


class _Jwk(msgspec.Struct, frozen=True):
    kty: str
    crv: str
    x: str
    d: str = ""


class _Header(msgspec.Struct, frozen=True):
    typ: str
    alg: str
    jwk: _Jwk
    crit: tuple[str, ...] = ()


class _Body(msgspec.Struct, frozen=True):
    jti: str
    htm: str
    htu: str
    iat: int
    ath: str


_read_header: Final = msgspec.json.Decoder(_Header).decode
_read_body: Final = msgspec.json.Decoder(_Body).decode


def make_proof(key: SigningKey, token: str, *, method: str, url: str, now: int, entropy: Entropy) -> str:
    """The `DPoP` header for one request with this token; `now` is UTC ns, `url` without query."""
    public = {"crv": "Ed25519", "kty": "OKP", "x": encode(key.public.raw)}
    header = {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": public}
    body = _Body(
        jti=entropy(16).hex(), htm=method, htu=_address(url), iat=now // SECOND, ath=_token_hash(token)
    )
    signed = f"{encode(msgspec.json.encode(header))}.{encode(msgspec.json.encode(body))}"
    return f"{signed}.{encode(key.sign(signed.encode('ascii')))}"


class Proofs:
    """Checks proofs, each once. Any thread may use it."""

    def __init__(self, clock: Clock, *, age_s: int) -> None:
        """age_s: how old a proof may be, and how far ahead its clock; clock: for what is forgotten."""
        self._clock: Final = clock
        self._age_s: Final = age_s
        self._seen: OrderedDict[str, tuple[set[str], deque[tuple[int, str]]]] = OrderedDict()
        self._lock = Lock()

    def check(self, token: str, bearer: Bearer, thumbprint: str, now: int) -> None:
        """Raises TokenRefused unless `bearer.proof` shows the key of that thumbprint for this request.

        now: UTC ns.
        """
        key, body = _read(bearer.proof)
        if key.kid != thumbprint:
            raise TokenRefused("proof by another key")
        if body.htm != bearer.method or not _is_same(body.htu, bearer.url):
            raise TokenRefused("proof for another request")
        if body.ath != _token_hash(token):
            raise TokenRefused("proof for another token")
        if abs(now // SECOND - body.iat) > self._age_s:
            raise TokenRefused("proof of another time")
        if not self._is_first(thumbprint, body.jti):
            raise TokenRefused("proof was used before")

    def _is_first(self, thumbprint: str, jti: str) -> bool:
        """Whether this proof is new; also no when a key's proofs are too many to remember."""
        now = self._clock.monotonic()
        with self._lock:
            self._forget(now)
            ids, ends = self._seen.setdefault(thumbprint, (set(), deque()))
            self._seen.move_to_end(thumbprint)
            while ends and ends[0][0] <= now:
                ids.discard(ends.popleft()[1])
            if jti in ids or len(ids) >= MAX_SEEN_PER_KEY or len(self._seen) > MAX_KEYS:
                return False
            ids.add(jti)
            # From the earliest moment it counts to the last are two ages, and a second of rounding.
            ends.append((now + (2 * self._age_s + 1) * SECOND, jti))
            return True

    def _forget(self, now: int) -> None:
        """Keys that have shown nothing for so long that all their proofs are too old."""
        while self._seen:
            oldest, (_, ends) = next(iter(self._seen.items()))
            if ends and ends[-1][0] > now:
                return
            del self._seen[oldest]


def _read(text: str) -> tuple[VerificationKey, _Body]:
    """What a proof says, once its own key is known to have signed it."""
    try:
        return _parsed(text)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        raise TokenRefused("proof is missing or malformed") from None


def _parsed(text: str) -> tuple[VerificationKey, _Body]:
    if len(text) > MAX_PROOF_CHARS:
        raise ValueError("too large")
    head, body, signature = text.split(".")
    key = _key(decode(head))
    if not key.has_signed(decode(signature), f"{head}.{body}".encode("ascii")):
        raise ValueError("bad signature")
    read = _read_body(decode(body))
    if not 0 < len(read.jti) <= _MAX_ID:
        raise ValueError("no id, or a long one")
    return key, read


def _key(raw: bytes) -> VerificationKey:
    """The key in a proof's header; raises ValueError for another kind of proof or key."""
    header = _read_header(raw)
    if (header.typ, header.alg) != ("dpop+jwt", "EdDSA"):
        raise ValueError("another kind of proof")
    if (header.jwk.kty, header.jwk.crv) != ("OKP", "Ed25519") or header.jwk.d or header.crit:
        raise ValueError("another kind of key, a private one, or an extension we do not know")
    return VerificationKey(decode(header.jwk.x))


def _token_hash(token: str) -> str:
    return encode(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())


def _is_same(url: str, other: str) -> bool:
    """Whether both name one address; what is none names nothing."""
    try:
        return _address(url) == _address(other)
    except ValueError:
        return False


def _address(url: str) -> str:
    """Without query and fragment, scheme and host in lower case, without the scheme's own port."""
    parts = urlsplit(url)
    host = parts.netloc.lower()
    port = {"http": ":80", "https": ":443"}.get(parts.scheme.lower(), "")
    if port and host.endswith(port):
        host = host.removesuffix(port)
    return urlunsplit((parts.scheme.lower(), host, parts.path or "/", "", ""))
