"""What a venue says, as it says it: a stream of events that is taken up again where it was cut.

    for number, message in stream:
        match message:
            case Hello(last=last): ...      # connected; reconcile: events up to `last` are from before
            case Reported(reports=reports): ...
            case BarsShown(bars=bars): ...
            case QuoteShown(quote=quote): ...
            case TicksShown(ticks=ticks): ...   # of the symbols that were asked for
            case Cut(reason=reason): ...    # nothing is known from here to the next Hello

Each numbered event comes once and in order, whatever happens to the connection: where a number is left out
the stream counts as cut, and the event is asked for again. number is 0 for what is not part of the record:
Hello, Beat, Missed, Cut, and ticks, which have numbers of their own by symbol and are not sent again. Whoever
leaves the loop and begins another gets the last event once more.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from http import HTTPStatus
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec

from tradewrit.brokers.answers import Meaning, meaning, said
from tradewrit.brokers.paper.http.wire import (
    MAX_EVENT_BYTES,
    AnyMessage,
    Hello,
    Message,
    Missed,
    decode_message,
)
from tradewrit.errors import Unauthorized
from tradewrit.runtime.clock import seeded

if TYPE_CHECKING:
    import httpx

FIRST_WAIT_S: Final = 0.1
LONGEST_WAIT_S: Final = 5.0
_END: Final = b"\n\n"


class Cut(Message, frozen=True, kw_only=True, tag="cut"):
    """The stream was cut, or could not be had. Said once; the next `Hello` ends it.

    is_other_venue: the server is another exchange than before: its events are read from the first on.
    """

    reason: str
    is_other_venue: bool = False


Seen = tuple[int, AnyMessage | Cut]
Wait = Callable[[float], bool]
"""Waits for so many seconds; returns whether it was interrupted."""


class _Broken(Exception):
    """Why a stream ended."""


class _OtherVenue(_Broken):
    """The number we know is from another exchange."""


class EventStream:
    """One reader of a venue's events; iterate over it in one thread, `close` it from any.

    silence_s: after which a stream counts as cut. after: number of the last event that was taken in; it is
    counted as soon as the next one is asked for. venue: the identity it is from. ticks: symbols whose prints
    are asked for, at every connection. wait: for tests; pauses grow from 0.1 to 5 s, the more so the longer a
    server is away, and each is drawn.
    """

    def __init__(
        self,
        http: "httpx.Client",
        url: str,
        silence_s: float,
        *,
        after: int = 0,
        venue: str = "",
        ticks: Sequence[str] = (),
        wait: Wait | None = None,
        chance: Random | None = None,
    ) -> None:
        self.after = after
        self.venue = venue
        self._ticks = tuple(ticks)
        self._http = http
        self._url = url
        self._silence_s = silence_s
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait
        self._chance = chance or seeded(0, f"stream:{url}")
        self._failures = 0
        self._let_go = 0

    def close(self) -> None:
        """End the iteration: at once when it waits, at the next sign of life when it reads.

        To close the client ends it as well, after the next pause.
        """
        self._closed.set()

    def __iter__(self) -> Iterator[Seen]:
        """Raises Unauthorized when the server does not know our key; nothing else."""
        is_cut = False
        while not (self._closed.is_set() or self._http.is_closed):
            try:
                for seen in self._read():
                    is_cut = False
                    yield seen
                    self.after = max(self.after, seen[0])
                    if self._closed.is_set():
                        return
            except _OtherVenue as why:
                self.after, self.venue, self._let_go = 0, "", 0
                yield 0, Cut(reason=str(why), is_other_venue=True)
                is_cut = True
                continue
            except _Broken as why:
                if not is_cut:
                    yield 0, Cut(reason=str(why))
                is_cut = True
            if self._wait(self._pause_s()):
                return

    def _pause_s(self) -> float:
        most = min(FIRST_WAIT_S * 2.0**self._failures, LONGEST_WAIT_S)
        self._failures = min(self._failures + 1, 16)
        return most * (0.5 + self._chance.random() / 2)

    def _read(self) -> Iterator[Seen]:
        """One connection's events; raises _Broken at its end, always."""
        import httpx

        params: dict[str, str | Sequence[str]] = {"after": str(self.after), "ticks": self._ticks}
        if self.venue:
            params["venue"] = self.venue
        timeout = httpx.Timeout(self._silence_s)
        try:
            with self._http.stream("GET", "/v2/events", params=params, timeout=timeout) as answer:
                if answer.status_code != HTTPStatus.OK:
                    answer.read()
                    raise self._refused(answer.status_code, answer.content)
                for data, number in frames(answer.iter_raw()):
                    if number and number <= self.after:
                        continue  # sent twice
                    message = self._message(data)
                    self._check_next(number)
                    yield number, message
        except httpx.HTTPError as error:
            raise _Broken(f"{self._url}: {type(error).__name__}: {error}") from error
        except RuntimeError as error:  # the client was closed meanwhile
            raise _Broken(f"{self._url}: {error}") from error
        raise _Broken(f"{self._url}: the server ended the stream")

    def _check_next(self, number: int) -> None:
        """A number left out is an event that was lost on the way: the server is asked for it again."""
        expected = max(self.after, self._let_go) + 1
        if number > expected:
            raise _Broken(f"{self._url}: event {expected} was left out, {number} came")

    def _message(self, data: bytes) -> AnyMessage:
        try:
            message: AnyMessage = decode_message(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError, ArithmeticError) as error:
            raise _Broken(f"{self._url}: an event cannot be read: {error}") from None
        if isinstance(message, Hello):
            if self.venue not in {"", message.venue}:
                raise _OtherVenue(f"{self._url}: another exchange answers there now")
            self.venue = message.venue
        elif isinstance(message, Missed):
            self._let_go = message.upto
        else:
            self._failures = 0
        return message

    def _refused(self, status: int, answer: bytes) -> Exception:
        why = said(answer)
        what = f"{self._url}/v2/events: {status} {why.words}".rstrip()
        if meaning(status, why.code) is Meaning.UNAUTHORIZED:
            return Unauthorized(what)
        return _OtherVenue(what) if why.code == "other_venue" else _Broken(what)


def frames(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    r"""Data and number of every server-sent event, however the bytes are cut.

    Raises _Broken for one that does not end.

    >>> list(frames([b"id: 7\nda", b"ta: {}\n\nda", b"ta: []\n\nid: 8"]))
    [(b'{}', 7), (b'[]', 0)]
    """
    waiting = b""
    for chunk in chunks:
        waiting += chunk
        *whole, waiting = waiting.split(_END)
        for text in whole:
            yield _parsed(text)
        if len(waiting) > MAX_EVENT_BYTES:
            raise _Broken("an event is larger than any of an exchange")


def _parsed(text: bytes) -> tuple[bytes, int]:
    data, number = b"", 0
    for line in text.split(b"\n"):
        name, _, value = line.partition(b": ")
        if name == b"data":
            data += value
        elif name == b"id" and value.isdigit() and len(value) <= 16:
            number = int(value)
    return data, number
