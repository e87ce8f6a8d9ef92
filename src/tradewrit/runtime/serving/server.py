"""uvicorn as our servers run it: told to listen, to answer and to end by whoever made it."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import uvicorn

MAX_HEAD_BYTES: Final = 32_768
"""Of request line and headers that are kept while the rest of them is still to come: the largest token,
with a proof of possession beside it."""


def configured(
    app: Any, protocol: type[asyncio.Protocol], *, backlog: int, stop_s: int, **more: Any
) -> uvicorn.Config:
    """How all our servers are run. stop_s: how long requests under way may go on at the end.

    more: of `uvicorn.Config`.
    """
    return uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="on",
        backlog=backlog,
        # For whom a request comes is the application's business, and so is what is logged.
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=stop_s,
        **more,
    )


class Server(uvicorn.Server):
    """uvicorn's, which ends without a signal's exit code when it was told to end.

    on_stopping: called before what is under way is waited for.
    """

    def __init__(self, config: uvicorn.Config, *, on_stopping: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._on_started: Callable[[], None] = lambda: None
        self._on_stopping = on_stopping

    def answer(self, listener: socket.socket, on_started: Callable[[], None]) -> None:
        """Answer what comes there until `end`, SIGINT or SIGTERM; then finish what is under way.

        on_started: called once requests are answered. Closes the listener.
        """
        self._on_started = on_started
        with listener:
            asyncio.run(self.serve(sockets=[listener]))

    def end(self) -> None:
        """Accept no more and come to an end; any thread may say so."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, and tells of it."""
        await super().startup(sockets)
        if self.started:
            self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, once streams that would go on for ever know of it."""
        self._on_stopping()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server, and nothing is raised once it has ended; uvicorn would raise them again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self._told) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

    def _told(self, _signal: int, _frame: FrameType | None) -> None:
        """The first time asks; the second time does not wait."""
        self.force_exit = self.should_exit
        self.should_exit = True
