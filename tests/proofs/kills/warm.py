"""A process that has imported everything, and makes desks by forking: a start in milliseconds.

Reads one JSON line for each request from standard input, `{"start": [arguments], "log": path}` or
`{"wait": pid}` or `{"look": pid}`, and answers each with a line: the pid, or the exit status (null: looked
at, and it lives). What it forks runs the same
`tradewrit` command line as a cold start, on the same files, and dies by the same signal.
"""

import gc
import importlib
import os
import sys
from typing import Final

import msgspec

from tradewrit.app import command_line
from tradewrit.app import main as tradewrit

_IMPORTED: Final = ("httpx", "tradewrit.runtime.strategies", "tradewrit.surfaces.cli.living")
"""What a desk imports once it is asked to run."""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """start: a command line. log: where its output goes. wait, look: the pid of one whose end is awaited, or asked for."""

    start: tuple[str, ...] = ()
    log: str = ""
    wait: int = 0
    look: int = 0


def main() -> None:
    """Serve until standard input ends."""
    for name in _IMPORTED:
        importlib.import_module(name)
    command_line()
    gc.freeze()
    for line in sys.stdin.buffer:
        request = msgspec.json.decode(line, type=Request)
        answer = _ended(request) if request.wait or request.look else os.fork() or _become(request)
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _ended(request: Request) -> int | None:
    pid, status = os.waitpid(request.wait or request.look, 0 if request.wait else os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if pid else None


def _become(request: Request) -> int:
    """In the child: a `tradewrit` process, which never returns."""
    nowhere, log = (
        os.open(os.devnull, os.O_RDONLY),
        os.open(request.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT),
    )
    for source, target in ((nowhere, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - for as long as the process lives
    sys.argv = ["tradewrit", *request.start]
    try:
        tradewrit()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 1)
    except BaseException:  # noqa: BLE001 - as the interpreter would
        sys.excepthook(*sys.exc_info())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
