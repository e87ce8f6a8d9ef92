"""A server in a thread of this process, for the tests of our HTTP servers."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Protocol


class Stoppable(Protocol):
    def run(self, on_listening: Callable[[str], None]) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def started(server: Stoppable) -> Iterator[str]:
    """Its URL, once it answers."""
    listening: Queue[str] = Queue()
    answering = threading.Thread(target=server.run, args=(listening.put,))
    answering.start()
    try:
        yield listening.get(timeout=30)
    finally:
        server.stop()
        answering.join(timeout=30)
        assert not answering.is_alive()
