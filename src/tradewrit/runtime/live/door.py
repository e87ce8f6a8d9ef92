"""The door of a running desk: how a person at another terminal asks it something.

A socket in the file system beside the journal, for its owner alone: one request, one answer, each a line of
JSON. Who is at the other end the system says, and nobody can say otherwise.
"""

import asyncio
import os
import socket
import stat
import struct
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from tradewrit.domain.ids import derive
from tradewrit.errors import OurFault, TradewritError
from tradewrit.runtime.live.requests import Answer, AnyRequest

_MAX_BYTES: Final = 1_048_576
_LONGEST_PATH: Final = 100
"""What the system's socket addresses hold."""
_PATIENCE_S: Final = 10.0
"""With somebody who has come in and says nothing."""
_PEER: Final = struct.Struct("3i")
"""Linux's `ucred`: process, user, group."""


Reception = Callable[[AnyRequest, str], Awaitable[Answer]]
"""Answers a request of somebody whom the system knows under this name."""
Failed = Callable[[AnyRequest, str, Exception], str]
"""Told of a request, of whom it was and of what the desk failed on with; returns what to tell who asked."""
_decode: Final = msgspec.json.Decoder(AnyRequest).decode
_encode: Final = msgspec.json.Encoder().encode


def door_of(journal: Path) -> Path:
    """Where the door of the desk on this journal is."""
    place = journal.absolute().with_name(f"{journal.name}.door")
    if len(os.fsencode(place)) <= _LONGEST_PATH:
        return place
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or _in_shared_place())
    return folder / f"{derive('door', place, length=16)}.door"


def _in_shared_place() -> Path:
    return Path(f"/tmp/tradewrit-{os.getuid()}")  # noqa: S108 - see `_refuse_others`


def _refuse_others(door: Path) -> None:
    """Raises OurFault where somebody else may have made the folder of a door, in a place that all share."""
    folder = door.parent
    if folder != _in_shared_place() or not folder.exists():
        return
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise OurFault(f"{folder}: is open to others, so what listens there may be no desk; move it away")


class Door:
    """Listens at `path` while it is open. To be opened by whoever holds the lease of the journal."""

    def __init__(self, path: Path, reception: Reception, failed: Failed) -> None:
        self._path = path
        self._reception = reception
        self._failed = failed
        self._server: asyncio.AbstractServer | None = None
        self._inode = 0

    async def open(self) -> None:
        """Raises OurFault when the place cannot be listened on."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _refuse_others(self._path)
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
            line = await asyncio.wait_for(reader.readline(), _PATIENCE_S)
            writer.write(await self._answer(line, _peer(writer)) + b"\n")
            await writer.drain()
        except (OSError, ValueError, asyncio.CancelledError):
            pass  # whoever asked is gone, said nothing, or sent more than any request; or the desk ends
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes, who: str) -> bytes:
        try:
            request = _decode(line)
        except (msgspec.MsgspecError, UnicodeError) as wrong:
            return _encode(Answer(error=f"not understood: {wrong}"))
        try:
            return _encode(await self._reception(request, who))
        except TradewritError as refused:
            return _encode(Answer(error=str(refused)))
        except Exception as bug:  # noqa: BLE001 - who asked is told, the log has it, and the desk goes on
            return _encode(Answer(error=self._failed(request, who, bug)))


def _peer(writer: asyncio.StreamWriter) -> str:
    """The user at the other end. Where the system does not tell: the owner, nobody else can open the file."""
    line = writer.get_extra_info("socket")
    return user(_uid_of(line) if sys.platform == "linux" else os.getuid())


def _uid_of(line: socket.socket) -> int:
    credentials = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    _, uid, _ = _PEER.unpack(credentials)
    return int(uid)


def user(uid: int) -> str:
    """A user of this machine by name, or by number where there is none, as in a container."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid-{uid}"


def _clear(path: Path) -> None:
    """Take away what a crashed desk left: its lease is over, so nobody listens there."""
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OurFault(f"{path}: is in the way, and is no door of a desk; move it")
        path.unlink()


class NoAnswer(OurFault):
    """Nobody is behind a door, or who is does not answer."""


def knock(path: Path, request: AnyRequest, *, timeout_s: float | None) -> Answer:
    """Ask the desk behind a door. Raises NoAnswer when nobody is there, or it does not answer in time."""
    _refuse_others(path)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout_s)
            line.connect(str(path))
            line.sendall(msgspec.json.encode(request) + b"\n")
            with line.makefile("rb") as answers:
                return msgspec.json.decode(answers.readline(), type=Answer)
    except TimeoutError:
        raise NoAnswer(f"the desk did not answer within {timeout_s:g} s") from None
    except (OSError, msgspec.MsgspecError) as why:
        why_not = getattr(why, "strerror", None) or str(why)
        raise NoAnswer(f"no desk answers at {path} ({why_not})") from why
