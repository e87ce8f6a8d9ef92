"""One request as the endpoints see it, and what they say to it. Knows no socket and no framework."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tradewrit.credentials.authority import Authority
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.gate import SCHEMES
from tradewrit.credentials.http.limits import Limits
from tradewrit.credentials.http.metrics import Metrics
from tradewrit.credentials.refusals import Code, refused
from tradewrit.credentials.requests import Bearer
from tradewrit.runtime.clock import Clock

JSON: Final = "application/json"


class Service:
    """What every endpoint can reach: the authority, and this server's own figures."""

    def __init__(self, authority: Authority, limits: Limits, clock: Clock) -> None:
        self.authority = authority
        self.limits = limits
        self.metrics = Metrics()
        self._clock = clock
        self._started = self._clock.monotonic()

    def uptime_s(self) -> float:
        """Seconds since the server was made."""
        return (self._clock.monotonic() - self._started) / 1e9


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that has been read whole and may be answered.

    claims: of the bearer, where the endpoint asks for a scope. body: as the endpoint's `takes` says, None
    when it takes none.
    """

    bearer: Bearer
    claims: Claims | None = None
    body: Any = None
    path: Mapping[str, str] = {}
    query: Mapping[str, str] = {}

    @property
    def by(self) -> str:
        """Who asks, for the audit trail."""
        return "" if self.claims is None else self.claims.sub


class Answer(msgspec.Struct, frozen=True):
    """What to send that is no JSON of ours."""

    content: bytes
    media_type: str = JSON


Reply = msgspec.Struct | Answer | None
Does = Callable[[Service, Call], Reply]
"""An endpoint: a plain function that may block. It raises CredentialRefused to say no."""


def refuse_empty_handed(bearer: Bearer) -> None:
    """Refuse (unauthorized) a request that shows nothing; not worth an entry in the audit trail."""
    if bearer.authorization is None:
        raise refused(Code.UNAUTHORIZED, "missing authorization header")
    if not bearer.authorization.startswith(SCHEMES):
        raise refused(Code.UNAUTHORIZED, "invalid authorization scheme")
