"""HTTP/1.1 on a socket, with an end to patience: uvicorn's protocol plus the deadlines it lacks.

A client that drips its headers or its body, never reads its answer, or holds a connection without using
it, is cut off, so that holding connections open costs it as much as us. Knows no routes.
"""

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from tradewrit.credentials.http.metrics import Metrics
from tradewrit.credentials.http.problems import REQUEST_ID_BYTES, canned
from tradewrit.credentials.http.settings import Patience
from tradewrit.runtime.clock import Entropy, system_entropy

_HEAD: Final = "head"
_BODY: Final = "body"
_ANSWER: Final = "answer"


class PatientProtocol(H11Protocol):
    """One connection. Subclasses name its limits, figures and entropy; see `protocol_for`."""

    patience = Patience()
    most = 1
    metrics = Metrics()
    entropy: Entropy = staticmethod(system_entropy)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.timeout_keep_alive = self.patience.idle_s  # type: ignore[assignment] # call_later takes both
        self._deadlines: dict[str, asyncio.TimerHandle] = {}
        self.used_at = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start waiting for a first request; with too many connections open, an idle one makes place."""
        if len(self.connections) >= self.most and not self._make_place():
            self.metrics.connections_refused += 1
            self.transport = transport
            self._refuse(503, "unavailable", "too many connections are open; try again")
            return
        super().connection_made(transport)
        self._expect(_HEAD, self.patience.head_s)

    def data_received(self, data: bytes) -> None:
        """Bytes of a request: the first of a head starts its time, the last of it that of the body."""
        if self.transport.is_closing():
            return
        if self.conn.their_state is h11.IDLE:
            self._expect(_HEAD, self.patience.head_s)
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """An answer is out: wait for the next request, or for the rest of this one's body."""
        super().on_response_complete()
        self.used_at = self.loop.time()
        self._follow()

    def pause_writing(self) -> None:
        """The client does not take what we send."""
        super().pause_writing()
        self._expect(_ANSWER, self.patience.answer_s)

    def resume_writing(self) -> None:
        """It takes it again."""
        super().resume_writing()
        self._done_with(_ANSWER)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        for phase in tuple(self._deadlines):
            self._done_with(phase)
        self._unset_keepalive_if_required()
        if self.flow is not None:
            super().connection_lost(exc)

    def timeout_keep_alive_handler(self) -> None:
        """The connection was idle for too long; what a client did not read by now is dropped."""
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """What arrived is not HTTP; `msg` says no more than that."""
        del msg
        if self.conn.our_state is h11.SEND_BODY:  # an answer is half out
            self.transport.abort()
            return
        self._refuse(400, "invalid_request", "not a valid HTTP/1.1 request")

    @property
    def is_idle(self) -> bool:
        """Whether no request has begun since the last answer."""
        return self.conn.our_state is h11.IDLE and self.conn.their_state is h11.IDLE

    def _make_place(self) -> bool:
        """Cut off the connection that has been idle for longest, if there is one."""
        idle = [one for one in self.connections if isinstance(one, PatientProtocol) and one.is_idle]
        if not idle:
            return False
        oldest = min(idle, key=lambda one: one.used_at)
        self.connections.discard(oldest)
        oldest.transport.abort()
        return True

    def _follow(self) -> None:
        """Keep the deadline of the part of a request that is being received, and no other."""
        state = self.conn.their_state
        has_begun = state is h11.IDLE and bool(self.conn.trailing_data[0])
        if has_begun:  # right behind the last request: the connection is not idle
            self._unset_keepalive_if_required()
        self._keep(_HEAD, self.patience.head_s, has_begun)
        self._keep(_BODY, self.patience.body_s, state is h11.SEND_BODY)

    def _keep(self, phase: str, within_s: float, is_under_way: bool) -> None:
        if is_under_way:
            self._expect(phase, within_s)
        else:
            self._done_with(phase)

    def _expect(self, phase: str, within_s: float) -> None:
        if phase not in self._deadlines:
            self._deadlines[phase] = self.loop.call_later(within_s, self._cut_off, phase)

    def _done_with(self, phase: str) -> None:
        timer = self._deadlines.pop(phase, None)
        if timer is not None:
            timer.cancel()

    def _cut_off(self, phase: str) -> None:
        self.metrics.cut_off[phase] = self.metrics.cut_off.get(phase, 0) + 1
        if phase == _BODY and not self.cycle.response_started:
            self._refuse(408, "timeout", "the body of the request did not arrive in time")
            return
        self.transport.abort()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        request_id = self.entropy(REQUEST_ID_BYTES).hex()
        self.transport.write(canned(status, code, detail, request_id))
        self.transport.close()


def protocol_for(patience: Patience, most: int, metrics: Metrics, entropy: Entropy) -> type[PatientProtocol]:
    """The protocol with these limits. most: connections open at once. entropy: for request ids."""
    limits = {"patience": patience, "most": most, "metrics": metrics, "entropy": staticmethod(entropy)}
    return type("LimitedProtocol", (PatientProtocol,), limits)
