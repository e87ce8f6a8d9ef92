"""One endpoint as an ASGI application: reads a request, has it answered off the event loop, sends the answer.

Only a validation that is known not to wait for anything is answered on the loop itself: handing it to a
thread would cost several times what it costs.
"""

import asyncio
from collections import OrderedDict
from concurrent.futures import Executor
from hashlib import sha256
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from tradewrit.credentials.http.answering import Asked, Raw, Response, refusal, respond
from tradewrit.credentials.http.calls import Service
from tradewrit.credentials.http.reading import AmbiguousError, GoneError, Reader, TooLargeError, body
from tradewrit.credentials.http.settings import MAX_BODY_BYTES
from tradewrit.credentials.http.table import Endpoint
from tradewrit.errors import OurFault

WARM: Final = 1_024
"""How many answered validations are remembered: fewer than the authority remembers tokens."""


class Door:
    """One endpoint. pool: where its work is done."""

    def __init__(self, service: Service, endpoint: Endpoint, reader: Reader, pool: Executor) -> None:
        self._service = service
        self._endpoint = endpoint
        self._reader = reader
        self._pool = pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope["state"]["route"] = self._endpoint.path
        answer = await self._answer(scope, receive)
        if answer.error_code:
            self._service.metrics.refusals[answer.error_code] += 1
        await send_response(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        try:
            raw, announced = self._reader.head(scope)
        except AmbiguousError as why:
            asked = Asked(instance=scope["path"], request_id=scope["state"]["request_id"])
            return refusal(asked, "invalid_request", str(why), ("Connection", "close"))
        if self._endpoint.takes is not None:
            try:
                raw = msgspec.structs.replace(raw, raw_body=await body(receive, announced))
            except TooLargeError:
                return refusal(raw, "payload_too_large", f"a body may have {MAX_BODY_BYTES} bytes")
            except GoneError:
                # Nobody is there to read this; the figures show it.
                return refusal(raw, "timeout", "the client went away")
        return await self._respond(raw)

    async def _respond(self, raw: Raw) -> Response:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, respond, self._service, self._endpoint, raw)


class ValidationDoor(Door):
    """The endpoint that is asked with every order: what was just looked at is not waited for."""

    def __init__(self, service: Service, endpoint: Endpoint, reader: Reader, pool: Executor) -> None:
        super().__init__(service, endpoint, reader, pool)
        self._warm: OrderedDict[bytes, int] = OrderedDict()

    async def _respond(self, raw: Raw) -> Response:
        """On the loop if the authority has verified just this and nothing has changed since.

        It then looks nothing up that a writer could hold. Whether the token is live it decides itself, here
        as there.
        """
        try:
            generation = self._service.authority.generation()
        except OurFault:
            return await super()._respond(raw)
        digest = sha256(raw.raw_body).digest()
        if self._warm.get(digest) == generation:
            answer = respond(self._service, self._endpoint, raw)
        else:
            answer = await super()._respond(raw)
        if answer.status == 200 and answer.content.startswith(b'{"valid":true'):
            self._service.limits.excuse(self._endpoint.path, raw.peer)
            self._warm[digest] = generation
            if len(self._warm) > WARM:
                self._warm.popitem(last=False)
        return answer


async def send_response(send: Send, answer: Response) -> None:
    """Send an answer as two ASGI messages."""
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in answer.headers]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.content)).encode()))
        headers.append((b"content-type", answer.media_type.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.content})
