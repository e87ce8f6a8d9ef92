"""One subscriber's bounded queue, to be drained, iterated under asyncio, or served by a listener."""

import asyncio
import threading
from collections import deque
from contextlib import suppress
from typing import Self

from tradewrit.runtime.bus.port import Message


class Queue:
    """Keeps the newest `capacity` messages; safe to use from several threads and event loops."""

    def __init__(self, pattern: str, capacity: int) -> None:
        self._pattern = pattern
        self._waiting: deque[Message] = deque(maxlen=capacity)
        self._dropped = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self._sleepers: set[asyncio.Future[None]] = set()

    @property
    def pattern(self) -> str:
        """Which topics it hears."""
        return self._pattern

    @property
    def dropped(self) -> int:
        """How many messages were lost because nobody took them in time."""
        return self._dropped

    @property
    def failures(self) -> int:
        """No handler, no failures."""
        return 0

    @property
    def last_failure(self) -> BaseException | None:
        """No handler, no failures."""
        return None

    @property
    def is_closed(self) -> bool:
        """Whether it has stopped hearing."""
        return self._is_closed

    def offer(self, message: Message) -> None:
        """Add a message without waiting; the oldest makes room when full. Nothing once closed."""
        with self._changed:
            if self._is_closed:
                return
            if len(self._waiting) == self._waiting.maxlen:
                self._dropped += 1
            self._waiting.append(message)
            self._wake()

    def drain(self) -> list[Message]:
        """Everything that waits, oldest first."""
        with self._changed:
            messages = list(self._waiting)
            self._waiting.clear()
        return messages

    def take(self) -> tuple[Message] | None:
        """The oldest message, waiting for one if need be; None when closed and empty."""
        with self._changed:
            while not self._waiting:
                if self._is_closed:
                    return None
                self._changed.wait()
            return (self._waiting.popleft(),)

    def __aiter__(self) -> Self:
        """Iterate under asyncio."""
        return self

    async def __anext__(self) -> Message:
        """The oldest message, waiting for one if need be; ends when closed and empty."""
        while True:
            with self._changed:
                if self._waiting:
                    return self._waiting.popleft()
                if self._is_closed:
                    raise StopAsyncIteration
                sleeper = asyncio.get_running_loop().create_future()
                self._sleepers.add(sleeper)
            try:
                await sleeper
            finally:
                with self._changed:
                    self._sleepers.discard(sleeper)

    def close(self) -> None:
        """Take nothing new; what waits can still be had."""
        with self._changed:
            self._is_closed = True
            self._wake()

    def finish(self, timeout_s: float) -> None:  # noqa: ARG002 - only a listener has to be waited for
        """Close for good."""
        self.close()

    def _wake(self) -> None:
        self._changed.notify_all()
        for sleeper in self._sleepers:
            # A loop that ended with somebody still asleep in it must not stop the publisher.
            with suppress(RuntimeError):
                sleeper.get_loop().call_soon_threadsafe(_rouse, sleeper)
        self._sleepers.clear()


def _rouse(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
