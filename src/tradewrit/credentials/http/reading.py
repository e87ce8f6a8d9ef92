"""From an ASGI request to a `Raw` one: headers in one pass, the body whole and within its limit."""

from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec
from starlette.types import Receive, Scope

from tradewrit.credentials.http.answering import Raw
from tradewrit.credentials.http.origin import Origin
from tradewrit.credentials.http.peers import Network, client_address
from tradewrit.credentials.http.settings import MAX_BODY_BYTES
from tradewrit.credentials.requests import Bearer

_FIELDS: Final = {
    b"authorization": "authorization",
    b"content-length": "content_length",
    b"dpop": "proof",
    b"host": "host",
    b"transfer-encoding": "coding",
    b"x-forwarded-for": "forwarded",
}
_ONCE: Final = frozenset({"authorization", "proof"})


class AmbiguousError(Exception):
    """Two readers could take the request for different ones; the text says why."""


class TooLargeError(Exception):
    """A body has more than MAX_BODY_BYTES."""


class GoneError(Exception):
    """The client went away before its request was whole."""


class _Heads(msgspec.Struct, gc=False):
    authorization: str | None = None
    content_length: str | None = None
    proof: str | None = None
    host: str | None = None
    coding: str | None = None
    forwarded: str | None = None


class Reader:
    """Reads the requests of one server.

    origin: how clients reach it. proxies: whose X-Forwarded-For is believed.
    """

    def __init__(self, origin: Origin, proxies: tuple[Network, ...]) -> None:
        self._origin = origin
        self._peer = lru_cache(maxsize=4_096)(
            lambda peer, forwarded: client_address(peer, forwarded, proxies)
        )

    def head(self, scope: Scope) -> tuple[Raw, str]:
        """All but the body, and how long the body says it is; raises AmbiguousError."""
        heads = _heads(scope["headers"])
        client = scope["client"]
        query = scope["query_string"]
        raw = Raw(
            bearer=Bearer(
                authorization=heads.authorization,
                proof=heads.proof or "",
                method=scope["method"],
                url=self._origin.url(scope["scheme"], heads.host or "", scope["raw_path"].decode("ascii")),
            ),
            path=scope["path_params"],
            query=dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if query else {},
            peer=self._peer(client[0] if client else "", heads.forwarded or ""),
            instance=scope["path"],
            request_id=scope["state"]["request_id"],
        )
        return raw, heads.content_length or "0"


async def body(receive: Receive, announced: str) -> bytes:
    """The body; raises TooLargeError and GoneError. announced: its Content-Length."""
    if len(announced) > len(str(MAX_BODY_BYTES)) or int(announced) > MAX_BODY_BYTES:
        raise TooLargeError
    received: bytes = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise GoneError
        received += bytes(message.get("body", b""))
        if len(received) > MAX_BODY_BYTES:
            raise TooLargeError
        if not message.get("more_body", False):
            return received


def _heads(headers: list[tuple[bytes, bytes]]) -> _Heads:
    found = _Heads()
    for name, value in headers:
        field = _FIELDS.get(name)
        if field is None:
            continue
        text: Any = value.decode("latin-1")
        before = getattr(found, field)
        if before is not None and field in _ONCE:
            raise AmbiguousError(f"more than one {name.decode()} header")
        if before is not None and field == "forwarded":
            text = f"{before},{text}"
        setattr(found, field, text)
    if found.content_length is not None and found.coding is not None:
        # A proxy that goes by the other one takes part of this body for a request of its own.
        raise AmbiguousError("both a content-length and a transfer-encoding header")
    return found
