"""A road to an exchange that can be cut, held up, or robbed: what stands between a desk and its venue.

A proxy for one exchange server, in threads of the test. It reads requests only to know which they are.

    with road_to(exchange.url) as road:
        road.fate = for_orders(Fate.SWALLOW)   # passed on, and the answer lost
        road.fate = always(garbage)            # answered by somebody else
        road.cut()                             # what is open ends; the next connection is another
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from urllib.parse import urlsplit

Answer = Callable[[socket.socket], None]
"""Somebody else's answer to a request, on the connection it came by."""


class Fate(Enum):
    """What becomes of a request."""

    PASS = auto()
    CUT = auto()
    """The connection ends before it is passed on."""
    SWALLOW = auto()
    """It is passed on, and the connection ends before its answer."""
    HOLD = auto()
    """It is passed on, and its answer waits until the road lets go."""


Decides = Callable[[str], Fate | Answer]
"""By the first line of a request."""


def always(fate: Fate | Answer) -> Decides:
    return lambda _: fate


def for_orders(fate: Fate | Answer) -> Decides:
    """For orders that are placed; everything else passes."""
    return lambda line: fate if line.startswith("POST /v2/orders") else Fate.PASS


class Road:
    """One road. fate: what becomes of requests from now on. met: first lines of those that met another."""

    def __init__(self, venue: str) -> None:
        there = urlsplit(venue)
        self._there = (str(there.hostname), int(there.port or 80))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._free = threading.Event()
        self.fate: Decides = always(Fate.PASS)
        self.met: list[str] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection; whatever was held is lost."""
        with self._guard:
            ending, self._open = self._open, set()
        _hang_up(*ending)

    def let_go(self) -> None:
        """Everything passes again, and what was held goes on."""
        self.fate = always(Fate.PASS)
        self._free.set()

    def close(self) -> None:
        _hang_up(self._listener)
        self._listener.close()
        self._free.set()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        try:
            far = socket.create_connection(self._there)
        except OSError:
            near.close()
            return
        with self._guard:
            self._open |= {near, far}
        traveller = _Traveller(near, far, self._free)
        back = threading.Thread(target=traveller.back, daemon=True)
        back.start()
        try:
            with suppress(OSError):
                self._forth(traveller)
        finally:
            _hang_up(near, far)
            back.join()
            near.close()
            far.close()
            with self._guard:
                self._open -= {near, far}

    def _forth(self, traveller: "_Traveller") -> None:
        while chunk := traveller.near.recv(65_536):
            line = chunk.split(b"\r\n", 1)[0].decode("latin-1")
            fate = self.fate(line) if " HTTP/1." in line else Fate.PASS
            if fate is not Fate.PASS:
                self.met.append(line)
            if fate is Fate.CUT:
                return
            if callable(fate):
                traveller.is_robbed = True
                fate(traveller.near)
                return
            if fate is not Fate.PASS:
                traveller.fate = fate
            traveller.far.sendall(chunk)


class _Traveller:
    """One connection and what becomes of its answers."""

    def __init__(self, near: socket.socket, far: socket.socket, free: threading.Event) -> None:
        self.near, self.far = near, far
        self.fate = Fate.PASS
        self.is_robbed = False
        self._free = free

    def back(self) -> None:
        with suppress(OSError):
            while chunk := self.far.recv(65_536):
                if self.fate is Fate.SWALLOW or self.is_robbed:
                    break
                if self.fate is Fate.HOLD:
                    self._free.wait()
                self.near.sendall(chunk)
        if not self.is_robbed:
            _hang_up(self.near)
        _hang_up(self.far)


@contextmanager
def road_to(venue: str) -> Iterator[Road]:
    road = Road(venue)
    try:
        yield road
    finally:
        road.close()


def _hang_up(*ending: socket.socket) -> None:
    for one in ending:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


# -- what somebody else answers


def said(body: bytes, status: str = "200 OK", *, promised: int | None = None, headers: str = "") -> Answer:
    """An answer. promised: the length it claims to have; its own where that is None."""
    length = len(body) if promised is None else promised
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n"
    return lambda near: near.sendall(head.encode() + body)


def dripping(near: socket.socket) -> None:
    """An answer that never ends, a byte at a time, until the line is cut."""
    near.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    pause = threading.Event()
    while True:
        near.sendall(b"1\r\n \r\n")
        pause.wait(0.05)
