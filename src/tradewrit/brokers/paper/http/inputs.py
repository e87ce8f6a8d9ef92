"""What reached an exchange, in order: each as a line of a file, from which the exchange comes back.

The exchange is deterministic, so its inputs are its state. A line is handed to the system before the answer
goes out: it survives the end of the process, by kill -9 as well, but not that of the machine.
"""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, Self

import msgspec

from tradewrit.brokers.paper.corrections import Correction
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar, Quote
from tradewrit.domain.orders import OrderTerms
from tradewrit.errors import ConfigError, DataError, OurFault
from tradewrit.runtime.ports import Replacement

FORMAT: Final = 1
_FOREIGN: Final = "is no file of an exchange server; name another one"


class Input(msgspec.Struct, frozen=True, kw_only=True, tag_field="input"):
    """Something that reached the exchange."""


class OrdersPlaced(Input, frozen=True, kw_only=True, tag="place"):
    """A list of orders."""

    orders: tuple[OrderTerms, ...]
    by: tuple[str, ...] = ()


class CancelAsked(Input, frozen=True, kw_only=True, tag="cancel"):
    """The cancel of an order. broker_order_id: which, if the id alone does not say; "" where it does."""

    client_order_id: str
    broker_order_id: str = ""


class ReplaceAsked(Input, frozen=True, kw_only=True, tag="replace"):
    """New terms for an order. broker_order_id: as `CancelAsked`."""

    client_order_id: str
    replacement: Replacement
    broker_order_id: str = ""


class BarsOpened(Input, frozen=True, kw_only=True, tag="open"):
    """The first trades of the bars of one time. Nothing but their opens is looked at."""

    bars: tuple[Bar, ...]


class BarsClosed(Input, frozen=True, kw_only=True, tag="close"):
    """The rest of them, and their end at `closed_at`, UTC ns."""

    bars: tuple[Bar, ...]
    closed_at: int


class Quoted(Input, frozen=True, kw_only=True, tag="quote"):
    """A quote."""

    quote: Quote


class HaltOrdered(Input, frozen=True, kw_only=True, tag="halt"):
    """Somebody halts a symbol."""

    symbol: str
    reason: str


class ResumeOrdered(Input, frozen=True, kw_only=True, tag="resume"):
    """Somebody lets it trade again."""

    symbol: str


class CorrectionMade(Input, frozen=True, kw_only=True, tag="correct"):
    """Somebody corrects or busts an execution."""

    correction: Correction


class MarketEnded(Input, frozen=True, kw_only=True, tag="over"):
    """No more prices will come."""


AnyInput = (
    OrdersPlaced
    | CancelAsked
    | ReplaceAsked
    | BarsOpened
    | BarsClosed
    | Quoted
    | HaltOrdered
    | ResumeOrdered
    | CorrectionMade
    | MarketEnded
)


class VenueSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one exchange is: its account, its rules, what is traded there.

    cash: what the account begins with. interval_ns: length of the bars it is shown. seed: of what its rules
    leave to chance. calendar: by name, as a part of what it is; "" for none.
    """

    instruments: tuple[Instrument, ...]
    account: str = "paper"
    currency: str = "USD"
    cash: Decimal = Decimal(100_000)
    rules: PaperRules = PaperRules()
    interval_ns: int = 60_000_000_000
    seed: int = 0
    calendar: str = ""


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line. venue: the identity of the exchange, the same after every start."""

    format: int
    venue: str
    settings: VenueSettings


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(AnyInput).decode


class InputFile:
    """The file of one exchange; only one process may have it open."""

    def __init__(self, path: Path, fd: int, venue: str, end: int) -> None:
        self.path = path
        self.venue = venue
        self._fd = fd
        self._end = self._before = end

    @classmethod
    def open(cls, path: Path, settings: VenueSettings, venue: str) -> tuple[Self, Iterator[AnyInput]]:
        """The file, ready to be added to, and what it holds.

        venue: identity of the exchange if the file is new. A line that was half written when a process ended
        is cut off. Raises ConfigError when the file cannot be used, belongs to other settings or to another
        process, and DataError when its contents are damaged.
        """
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be opened: {error.strerror}") from error
        try:
            _lock(path, fd)
            raw = path.read_bytes()
            end = raw.rfind(b"\n") + 1
            lines = raw[:end].splitlines()
            # Nothing is cut off a file before it is known to be ours.
            found = _checked(path, lines[0], settings) if lines else _begun(path, raw, venue)
            if end < len(raw):
                os.ftruncate(fd, end)
            file = cls(path, fd, found, end)
            if lines:
                return file, _read(path, lines)
            file._write(_encode(_Head(format=FORMAT, venue=venue, settings=settings)))
            return file, iter(())
        except BaseException:
            os.close(fd)
            raise

    def add(self, one: AnyInput) -> None:
        """Keep an input. Raises OurFault when it cannot be kept; nothing is half-written then."""
        self._write(_encode(one))

    def take_back(self) -> None:
        """Forget the last input that was added."""
        os.ftruncate(self._fd, self._before)
        self._end = self._before

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _write(self, line: bytes) -> None:
        data = line + b"\n"
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            raise OurFault(f"{self.path}: cannot be written: {error.strerror}") from error
        if written < len(data):
            os.ftruncate(self._fd, self._end)
            raise OurFault(f"{self.path}: cannot be written: it took only part of a line; is the disk full?")
        self._before, self._end = self._end, self._end + written


def _lock(path: Path, fd: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: nothing keeps a second server away
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise ConfigError(f"{path}: another exchange server works on this file; stop it first") from None


def _begun(path: Path, raw: bytes, venue: str) -> str:
    """The identity of an exchange whose file is empty, or ended within its first line when it was made."""
    start = _encode({"format": FORMAT})[:-1]
    if raw[: len(start)] != start[: len(raw)]:
        raise ConfigError(f"{path}: {_FOREIGN}")
    return venue


def _checked(path: Path, line: bytes, settings: VenueSettings) -> str:
    try:
        head = msgspec.json.decode(line, type=_Head)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise ConfigError(f"{path}: {_FOREIGN}") from None
    if head.format != FORMAT:
        raise ConfigError(f"{path}: has format {head.format}, and this version reads {FORMAT}")
    for name in VenueSettings.__struct_fields__:
        if getattr(head.settings, name) != getattr(settings, name):
            raise ConfigError(
                f"{path}: belongs to an exchange with other {name}; start it as it was, or name another file"
            )
    return head.venue


def _read(path: Path, lines: list[bytes]) -> Iterator[AnyInput]:
    for number, line in enumerate(lines[1:], start=2):
        try:
            yield _decode(line)
        except msgspec.MsgspecError as error:
            raise DataError(f"{path}: line {number}: is damaged: {error}") from None
