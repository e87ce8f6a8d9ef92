"""From a request to its answer: who asks, what is asked, and what goes wrong on purpose.

Every request is answered with what was asked for or with a problem document; no body makes it fail.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from typing import Final

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from tradewrit.brokers.paper.http.faults import Trouble
from tradewrit.brokers.paper.http.record import Record
from tradewrit.brokers.paper.http.table import EVENTS_QUERY, STATUSES, Call, DeniedOrders, Endpoint, Refused
from tradewrit.brokers.paper.http.tape import Reader
from tradewrit.brokers.paper.http.venue import Impossible, Venue
from tradewrit.brokers.paper.http.wire import (
    EXCHANGE_HEADER,
    JSON,
    KEY_HEADER,
    MAX_BODY_BYTES,
    PROBLEM,
    STREAM,
    Beat,
    Denied,
    Hello,
    Problem,
    TicksShown,
    defect_of_name,
    defects_of,
    encode,
    frame,
)
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.errors import OurFault
from tradewrit.runtime.addresses import is_loopback
from tradewrit.runtime.secret import Secret

log: Final = logging.getLogger(__name__)

_BODY_S: Final = 15.0
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_LONGEST_CURSOR: Final = 16


class Door:
    """What stands before a venue. key: what clients must show; None lets everybody in.

    host: the address that is listened on. beat_s: how often a silent stream shows that it is alive.
    """

    def __init__(
        self,
        venue: Venue,
        trouble: Trouble,
        *,
        key: Secret | None,
        host: str,
        beat_s: float,
        most_streams: int,
    ) -> None:
        self._venue = venue
        self._trouble = trouble
        self._key = key
        self._host = host
        self._beat_s = beat_s
        self._most_streams = most_streams
        self.streams = 0
        self.on_stream: Callable[[], None] = lambda: None
        """Called when a client begins to listen."""

    async def answer(self, endpoint: Endpoint, request: Request) -> Response:
        """Do what an endpoint does."""
        try:
            self._admit(request)
            is_spared = endpoint.is_manual or endpoint.is_operator
            fault = "" if is_spared else self._trouble.before()
            if fault:
                return await _instead(fault, request)
            call = await _read(endpoint, request)
            answer = self._done(endpoint, call)
        except (Refused, Impossible, OurFault) as no:
            return self._no(no, request)
        except ClientDisconnect:
            return refusal("timeout", "the client went away")
        except Exception:  # a request of a stranger must not end the server
            log.exception("%s %s failed", request.method, request.url.path)
            return refusal("internal_error", "the request failed; it was recorded")
        if not is_spared:
            await asyncio.sleep(self._trouble.delay_s())
            if self._trouble.loses_answer():
                log.warning("fault: %s %s was done; its answer is lost", request.method, request.url.path)
                return await _cut(request)
        return answer

    def _done(self, endpoint: Endpoint, call: Call) -> Response:
        """Do it. Orders that the account may not place are on record, as those that it may are."""
        try:
            content = encode(endpoint.does(self._venue, call))
        except DeniedOrders as no:
            return refusal(no.code, no.detail, no.reports)
        return Response(content, media_type=JSON, headers=_HEADERS)

    async def events(self, request: Request) -> Response:
        """Everything the venue says, from a cursor on, for as long as the client listens."""
        try:
            self._admit(request)
            cursor = self._cursor(request)
        except Refused as no:
            return self._no(no, request)
        if self.streams >= self._most_streams:
            return refusal("unavailable", f"{self.streams} clients listen already")
        wanted = request.query_params.getlist("ticks")
        said = self._stream(cursor, wanted, request)
        return StreamingResponse(said, media_type=STREAM, headers=_HEADERS)

    def _cursor(self, request: Request) -> int:
        text = request.query_params.get("after") or request.headers.get("last-event-id") or "0"
        if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_CURSOR):
            raise Refused("invalid_request", f"after: {EVENTS_QUERY['after']}")
        venue = request.query_params.get("venue", self._venue.id)
        if venue != self._venue.id or int(text) > self._venue.record.last:
            raise Refused("other_venue", "the number is from another exchange: begin again with after=0")
        return int(text)

    async def _stream(self, cursor: int, wanted: list[str], request: Request) -> AsyncIterator[bytes]:
        record, peer = self._venue.record, _peer(request)
        tape = self._venue.tape.read(wanted) if wanted else None
        self.streams += 1
        self._venue.tape.readers += bool(wanted)
        log.info("%s listens from event %d of %d", peer, cursor, record.last)
        try:
            yield frame(encode(Hello(venue=self._venue.id, last=record.last, at=self._venue.now)))
            self.on_stream()
            while not record.is_closed:
                cursor, frames = _next(record, tape, cursor)
                for one in frames:
                    yield one
                    if self._trouble.doubles_event():
                        yield one
                    if self._trouble.cuts_stream():
                        log.warning("fault: the stream of %s is cut at event %d", peer, cursor)
                        return
                if not frames and not await record.changed(self._beat_s):
                    yield frame(encode(Beat(at=self._venue.now)))
        finally:
            self.streams -= 1
            self._venue.tape.readers -= bool(wanted)
            log.info("%s no longer listens, after event %d", peer, cursor)

    def _admit(self, request: Request) -> None:
        """Raises Refused for who has no key, for who means another exchange, and for web pages."""
        if "origin" in request.headers or not self._is_ours(request.headers.get("host", "")):
            raise Refused("forbidden", "this server is for programs that name it by its own address")
        self._admit_key(request)
        meant = request.headers.get(EXCHANGE_HEADER, self._venue.id)
        if meant != self._venue.id:
            raise Refused("other_venue", f"this is exchange {self._venue.id}")

    def _admit_key(self, request: Request) -> None:
        if self._key is None:
            return
        shown = request.headers.get(KEY_HEADER, "").encode("latin-1", "replace")
        if not hmac.compare_digest(shown, self._key.reveal().encode()):
            raise Refused("unauthorized", f"the key in {KEY_HEADER} is missing or wrong")

    def _is_ours(self, host: str) -> bool:
        """Whether a request names this machine, and not a name that somebody has led here."""
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        return name == self._host or is_loopback(name.strip("[]"))

    def _no(self, no: Exception, request: Request) -> Response:
        if isinstance(no, Refused):
            if no.code == "unauthorized":
                log.warning("%s showed no valid key for %s", _peer(request), request.url.path)
            return refusal(no.code, no.detail)
        if isinstance(no, Impossible):
            return refusal("conflict", str(no))
        log.error("%s %s: %s", request.method, request.url.path, no)
        return refusal("unavailable", "the exchange cannot keep its state; see its log")


def _next(record: Record, tape: Reader | None, cursor: int) -> tuple[int, list[bytes]]:
    """What a stream says next, each print behind the event it came after; and the cursor behind it."""
    upto = None if tape is None else tape.next_behind()
    cursor, frames = record.after(cursor, upto=upto)
    if tape is None or upto is None or frames:
        return cursor, frames
    return cursor, [frame(encode(TicksShown(ticks=tape.take(max(cursor, upto)))))]


async def _read(endpoint: Endpoint, request: Request) -> Call:
    """Raises Refused for a body that is too large, too slow, or none of this endpoint."""
    body = None
    if endpoint.takes is not None:
        try:
            async with asyncio.timeout(_BODY_S):
                raw = await _body(request)
        except TimeoutError:
            raise Refused("timeout", "the body of the request did not arrive in time") from None
        body = _decoded(endpoint.takes, raw)
    path = {name: str(value) for name, value in request.path_params.items()}
    for name, value in path.items():
        if defect := defect_of_name(name, value):
            raise Refused("invalid_request", defect)
    return Call(body=body, path=path, query=dict(request.query_params))


async def _body(request: Request) -> bytes:
    announced = request.headers.get("content-length", "0")
    if len(announced) > len(str(MAX_BODY_BYTES)) or int(announced) > MAX_BODY_BYTES:
        raise Refused("payload_too_large", f"a body may have {MAX_BODY_BYTES} bytes")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY_BYTES:
            raise Refused("payload_too_large", f"a body may have {MAX_BODY_BYTES} bytes")
    return bytes(received)


def _decoded(kind: type[msgspec.Struct], raw: bytes) -> msgspec.Struct:
    try:
        body = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as why:
        raise Refused("invalid_request", f"wrong body: {str(why)[:300]}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError, ArithmeticError):
        raise Refused("invalid_request", "malformed JSON body") from None
    if defect := defects_of(body):
        raise Refused("invalid_request", f"wrong body: {defect}")
    return body


async def _instead(fault: str, request: Request) -> Response:
    log.warning("fault: %s %s is not done (%s)", request.method, request.url.path, fault)
    if fault == "drop_request":
        return await _cut(request)
    code = "rate_limited" if fault == "throttle" else "unavailable"
    return refusal(code, "a fault that was asked for: nothing was done")


async def _cut(request: Request) -> Response:
    """End the connection without a word; what is returned reaches nobody."""
    request.state.cut()
    await asyncio.sleep(0)  # the transport tells the protocol, and then nothing more is sent
    return Response()


def refusal(code: str, detail: str, reports: Sequence[ExecutionReport] = (), **headers: str) -> Response:
    """A problem document."""
    status = STATUSES[code]
    document = Problem(
        type=f"urn:tradewrit:exchange:{code}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        error_code=code,
    )
    if reports:
        document = Denied(**msgspec.structs.asdict(document), reports=tuple(reports))
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        headers["Retry-After"] = "1"
    return Response(encode(document), status_code=status, media_type=PROBLEM, headers={**_HEADERS, **headers})


def _peer(request: Request) -> str:
    return f"{request.client.host}:{request.client.port}" if request.client else "somebody"
