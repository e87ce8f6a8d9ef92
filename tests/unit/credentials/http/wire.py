"""Bytes on a socket, for what no HTTP client would send."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from tests.unit.credentials.http.servers import Served


class Reply(msgspec.Struct, frozen=True):
    """What came back until the other side closed, or what one whole answer said."""

    raw: bytes

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1]) if self.raw else 0

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]


@contextmanager
def connected(served: Served, *, timeout_s: float = 20) -> Iterator[socket.socket]:
    """A connection; whoever waits longer than `timeout_s` on it has found a server that hangs."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=timeout_s) as wire:
        yield wire


def until_closed(wire: socket.socket) -> Reply:
    """All that comes until the server closes the connection, in whatever way."""
    received = bytearray()
    try:
        while chunk := wire.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    return Reply(bytes(received))


def one_answer(wire: socket.socket) -> Reply:
    """One whole answer, by its Content-Length; the connection stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(wire)
    head, _, body = received.partition(b"\r\n\r\n")
    sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    size = int(sizes[0].split(b":")[1]) if sizes else 0
    while len(body) < size:
        body += _more(wire)
    return Reply(head + b"\r\n\r\n" + body)


def said(served: Served, request: bytes) -> Reply:
    """The answer to bytes sent at once, up to the end of the connection."""
    with connected(served) as wire:
        wire.sendall(request)
        return until_closed(wire)


def head(method: str, path: str, *lines: str) -> bytes:
    """A request line and headers, with the empty line behind them."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: here", *lines, "", ""]).encode("latin-1")


def _more(wire: socket.socket) -> bytes:
    chunk = wire.recv(65_536)
    if not chunk:
        raise AssertionError("the server closed the connection in the middle of an answer")
    return chunk
