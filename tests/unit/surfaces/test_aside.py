"""A log in a thread of its own: in order, never waited for, and honest about what it left out."""

import errno
import logging
import threading
from io import BytesIO
from typing import Any

from tradewrit.surfaces.cli.aside import Aside


class Stuck(BytesIO):
    """A pipe whose other end does not read until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Event()
        self.began = threading.Event()

    def write(self, data: Any) -> int:
        self.began.set()
        self.reads.wait(30)
        return super().write(data)


def said(text: str) -> logging.LogRecord:
    return logging.LogRecord("t", logging.INFO, __file__, 1, text, None, None)


def test_lines_are_written_in_order_and_the_last_ones_too() -> None:
    stream = BytesIO()
    log = Aside(stream.write)
    for number in range(500):
        log.emit(said(str(number)))
    log.close()
    assert stream.getvalue().decode().split() == [str(number) for number in range(500)]


def test_what_nobody_reads_is_left_out_and_counted() -> None:
    stream = Stuck()
    log = Aside(stream.write, waiting=3)
    log.emit(said("first"))
    stream.began.wait(30)
    for number in range(10):
        log.emit(said(str(number)))
    stream.reads.set()
    while not log._lines.empty():
        pass
    log.emit(said("again"))
    log.close()
    assert stream.getvalue().decode().splitlines() == [
        "first",
        "0",
        "1",
        "2",
        "(7 lines were lost here: nobody read them)",
        "again",
    ]


def test_a_stream_that_is_gone_costs_nothing() -> None:
    stream = BytesIO()
    stream.close()
    log = Aside(stream.write)
    log.emit(said("nobody hears this"))
    log.close()
    log.emit(said("nor this"))


def test_a_full_disk_under_the_log_costs_the_lines_and_nothing_else() -> None:
    stream, room = BytesIO(), [False]

    def write(data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return stream.write(data)

    log = Aside(write)
    log.say("lost")
    while not log._lost:
        pass
    room[0] = True
    log.say("again")
    log.close()
    assert stream.getvalue().decode() == "(1 lines were lost here: nobody read them)\nagain\n"
