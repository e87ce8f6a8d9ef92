"""A queue that is served: a thread hands each message to a handler and outlives what it raises."""

import threading

from tradewrit.runtime.bus.port import Handler
from tradewrit.runtime.bus.queue import Queue


class Listener(Queue):
    """A subscription with a handler, called from one daemon thread, one message at a time."""

    def __init__(self, pattern: str, capacity: int, handler: Handler) -> None:
        super().__init__(pattern, capacity)
        self._handler = handler
        self._failures = 0
        self._last_failure: BaseException | None = None
        self._thread = self._start()

    @property
    def failures(self) -> int:
        """How many messages the handler raised on."""
        return self._failures

    @property
    def last_failure(self) -> BaseException | None:
        """What the handler raised last."""
        return self._last_failure

    def finish(self, timeout_s: float) -> None:
        """Close, and wait until the handler has had everything, or for so long; then drop the rest."""
        self.close()
        # A handler may itself close the bus; it cannot wait for its own end.
        if self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            self._dropped += len(self.drain())

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._serve, name=f"listener of {self.pattern}", daemon=True)
        thread.start()
        return thread

    def _serve(self) -> None:
        while (taken := self.take()) is not None:
            try:
                self._handler(taken[0])
            except BaseException as raised:  # noqa: BLE001 - whatever a subscriber does, the next message comes
                # SystemExit as well: it would end this thread and nobody would hear of it.
                self._failures += 1
                self._last_failure = raised
