"""The door of a running desk: how a person at another terminal asks it something.

A socket in the file system beside the journal, for its owner alone: one request, one answer, each a line of
JSON. Whoever can open the file may ask; who asks is named in the request and goes on record.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from tradewrit.domain.events.review import Edit
from tradewrit.domain.ids import derive
from tradewrit.domain.reviews import Review
from tradewrit.errors import OurFault, TradewritError
from tradewrit.runtime.live.status import Status

_MAX_BYTES: Final = 1_048_576
_LONGEST_PATH: Final = 100
"""What the system's socket addresses hold."""


class Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", forbid_unknown_fields=True):
    """What is asked. actor: who asks, without the `human:`."""

    actor: str = ""


class AskStatus(Request, frozen=True, kw_only=True, tag="status"):
    """How it stands."""


class AskHalt(Request, frozen=True, kw_only=True, tag="halt"):
    """Throw the kill switch."""

    reason: str


class AskResume(Request, frozen=True, kw_only=True, tag="resume"):
    """Put the kill switch back."""

    reason: str


class AskFlatten(Request, frozen=True, kw_only=True, tag="flatten"):
    """Close everything, and answer when the account is flat."""

    reason: str


class AskStop(Request, frozen=True, kw_only=True, tag="stop"):
    """End the desk gracefully."""

    reason: str


class AskReviews(Request, frozen=True, kw_only=True, tag="reviews"):
    """Which questions people were asked, decided ones of open trades too, and the status beside them."""


class AskAnswer(Request, frozen=True, kw_only=True, tag="answer"):
    """A person's answer to a question, about exactly what they saw.

    nonce: drawn once per answer, so that the same one sent twice counts once.
    """

    review_id: str
    version: int
    shown_hash: str
    decision: Literal["approve", "edit", "reject"]
    nonce: str
    edit: Edit | None = None
    reason: str = ""


AnyRequest = AskStatus | AskHalt | AskResume | AskFlatten | AskStop | AskReviews | AskAnswer


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. error: why nothing did, "" otherwise. said: for people."""

    said: str = ""
    error: str = ""
    status: Status | None = None
    reviews: tuple[Review, ...] = ()


Reception = Callable[[AnyRequest], Awaitable[Answer]]
_decode: Final = msgspec.json.Decoder(AnyRequest).decode


def door_of(journal: Path) -> Path:
    """Where the door of the desk on this journal is."""
    place = journal.absolute().with_name(f"{journal.name}.door")
    if len(os.fsencode(place)) <= _LONGEST_PATH:
        return place
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/tradewrit-{os.getuid()}")  # noqa: S108 - private below
    return folder / f"{derive('door', place, length=16)}.door"


class Door:
    """Listens at `path` while it is open. To be opened by whoever holds the lease of the journal."""

    def __init__(self, path: Path, reception: Reception) -> None:
        self._path = path
        self._reception = reception
        self._server: asyncio.AbstractServer | None = None
        self._inode = 0

    async def open(self) -> None:
        """Raises OurFault when the place cannot be listened on."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _clear(self._path)
            before = os.umask(0o177)  # for nobody else, from the moment it exists
            try:
                self._server = await asyncio.start_unix_server(
                    self._serve, path=str(self._path), limit=_MAX_BYTES
                )
            finally:
                os.umask(before)
            self._inode = self._path.stat().st_ino
        except OSError as why:
            raise OurFault(f"{self._path}: cannot be listened on: {why.strerror or why}") from why

    async def close(self) -> None:
        """Ask no more."""
        if self._server is not None:
            self._server.close()
            self._server = None
            with suppress(FileNotFoundError):
                if self._path.stat().st_ino == self._inode:  # else it is the door of who took over
                    self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = await self._answer(await reader.readline())
            writer.write(msgspec.json.encode(answer) + b"\n")
            await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass  # whoever asked is gone, or sent more than any request; or the desk ends
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = _decode(line)
        except (msgspec.MsgspecError, UnicodeError) as wrong:
            return Answer(error=f"not understood: {wrong}")
        try:
            return await self._reception(request)
        except TradewritError as refused:
            return Answer(error=str(refused))


def _clear(path: Path) -> None:
    """Take away what a crashed desk left: its lease is over, so nobody listens there."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OurFault(f"{path}: is in the way, and is no door of a desk; move it")
        path.unlink()


def knock(path: Path, request: AnyRequest, *, timeout_s: float | None) -> Answer:
    """Ask the desk behind a door. Raises OurFault when nobody is there, or it does not answer in time."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout_s)
            line.connect(str(path))
            line.sendall(msgspec.json.encode(request) + b"\n")
            with line.makefile("rb") as answers:
                return msgspec.json.decode(answers.readline(), type=Answer)
    except TimeoutError:
        raise OurFault(f"the desk did not answer within {timeout_s:g} s; ask for its status") from None
    except (OSError, msgspec.MsgspecError) as why:
        raise OurFault(f"no desk answers at {path} ({why}): start one with tradewrit run") from why
