"""A log that holds up nobody: a thread of its own writes the lines, and leaves out what nobody takes.

For servers: whoever started one and does not read what it says must not make it stand still.
"""

import errno
import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, Full, Queue
from typing import Final

_WAITING: Final = 10_000
_LAST_WORDS_S: Final = 2.0
_PASSING: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EAGAIN})
"""A full disk under the log, which may have room again."""
STDERR: Final = 2


class Aside(logging.Handler):
    """Lines that found no room are counted, and told of when there is room again.

    write: takes the bytes of a line, and may block. It should keep nothing of its own to flush: a stream of
    Python's would be waited for when the process ends.
    """

    def __init__(self, write: Callable[[bytes], object], waiting: int = _WAITING) -> None:
        super().__init__()
        self._out = write
        self._lines: Queue[str | None] = Queue(waiting)
        self._lost = 0
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put a line in the queue; never waits."""
        self.say(self.format(record))

    def say(self, line: str) -> None:
        """As `emit`, for a line that is none of a logger's."""
        if self._lost:
            line = f"({self._lost} lines were lost here: nobody read them)\n{line}"
        try:
            self._lines.put_nowait(line)
            self._lost = 0
        except Full:
            self._lost += 1

    def close(self) -> None:
        """Wait a moment for what is still to be written."""
        super().close()
        if self._lines.full():
            with suppress(Empty):
                self._lines.get_nowait()
        with suppress(Full):
            self._lines.put_nowait(None)
        self._thread.join(_LAST_WORDS_S)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._out(f"{line}\n".encode(errors="backslashreplace"))
            except OSError as why:
                if why.errno not in _PASSING:
                    return  # the reader is gone for good
                self._lost += 1
            except ValueError:
                return


def standard_error() -> Aside:
    """One that writes to standard error, past Python's own buffer."""
    return Aside(partial(os.write, STDERR))
