"""What every answer has in common: its request id, its safety headers, its place in the figures.

It stands around the whole application, so that an error it did not foresee is a problem document too.
"""

import logging
import re
from collections.abc import MutableMapping
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradewrit.credentials.http.answering import Asked, refusal
from tradewrit.credentials.http.door import send_response
from tradewrit.credentials.http.metrics import Metrics
from tradewrit.credentials.http.problems import REQUEST_ID_BYTES, SAFETY_HEADERS, TRANSPORT_SECURITY
from tradewrit.runtime.clock import Clock, Entropy

log: Final = logging.getLogger(__name__)

_ID: Final = re.compile(rb"[!-~]{1,128}")
UNMATCHED: Final = "unmatched"


class Envelope:
    """The application with what belongs around it."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, clock: Clock, entropy: Entropy, *, is_tls: bool, most: int
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock
        self._entropy = entropy
        self._most = most
        self._under_way = 0
        named = (*SAFETY_HEADERS, *([TRANSPORT_SECURITY] if is_tls else []))
        self._headers = [(name.lower().encode(), value.encode()) for name, value in named]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or take part in the server's start and end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = self._request_id(scope)
        outgoing = _Outgoing(send, [*self._headers, (b"x-request-id", state["request_id"].encode())])
        began = self._clock.monotonic()
        self._under_way += 1
        try:
            if self._under_way > self._most:
                detail = "too many requests are under way; try again"
                await _fail(scope, outgoing, "unavailable", detail, ("Retry-After", "1"))
                return
            await self._app(scope, receive, outgoing)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if outgoing.status:
                raise
            await _fail(scope, outgoing, "internal_error", "the request failed; it was recorded")
        finally:
            self._under_way -= 1
            route = state.get("route", UNMATCHED)
            method = scope["method"] if route != UNMATCHED else "any"
            self._metrics.answered(method, route, outgoing.status, (self._clock.monotonic() - began) / 1e9)

    def _request_id(self, scope: Scope) -> str:
        """The client's own id, if it is short and plain; a new one otherwise."""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ID.fullmatch(value):
                return bytes(value).decode("ascii")
        return self._entropy(REQUEST_ID_BYTES).hex()


class _Outgoing:
    """`send`, with the headers of the envelope added; remembers the status."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._headers = headers
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self._headers]
        await self._send(message)


async def _fail(scope: Scope, send: Send, code: str, detail: str, *headers: tuple[str, str]) -> None:
    asked = Asked(instance=scope["path"], request_id=scope["state"]["request_id"])
    await send_response(send, refusal(asked, code, detail, *headers))
