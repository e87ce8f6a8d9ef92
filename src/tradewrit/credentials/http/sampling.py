"""A log that strangers cannot fill: of each kind of line a few a minute, and how many were left out.

Whoever sends what is not HTTP, or asks while the store is locked, costs a line each time; the figures
(`metrics`) count them all.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from tradewrit.domain.market import SECOND
from tradewrit.runtime.clock import Clock

LINES_A_MINUTE: Final = 10
_MINUTE_NS: Final = 60 * SECOND
_KINDS: Final = 256
"""Kinds of lines remembered; the kind is the text before anything is put into it."""


class Sampled(logging.Filter):
    """Lets the first lines of each kind through, minute by minute. Any thread may use it."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._counts: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._lock = Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to write it; the first line of a minute says how many the last one left out."""
        now, kind = self._clock.monotonic(), f"{record.name} {record.msg}"
        with self._lock:
            since, count = self._counts.get(kind, (now, 0))
            left_out = 0
            if now - since >= _MINUTE_NS:
                left_out, since, count = max(0, count - LINES_A_MINUTE), now, 0
            self._counts[kind] = (since, count + 1)
            self._counts.move_to_end(kind)
            if len(self._counts) > _KINDS:
                self._counts.popitem(last=False)
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like this were not logged)"
        return count < LINES_A_MINUTE


@contextmanager
def sampled(clock: Clock, *names: str) -> Iterator[None]:
    """Sample these loggers meanwhile."""
    filters = [(logging.getLogger(name), Sampled(clock)) for name in names]
    for logger, one in filters:
        logger.addFilter(one)
    try:
        yield
    finally:
        for logger, one in filters:
            logger.removeFilter(one)
