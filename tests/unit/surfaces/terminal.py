"""A command at a real terminal: what a person types, and all that the terminal shows."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.unit.surfaces.console import PROGRAM

PATIENCE_S = 30
# A terminal of its own must be taken, so that Ctrl-C is heard.
_AT_A_TERMINAL = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "


def typing(
    words: Sequence[str | Path], answers: Sequence[tuple[str, str]], env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run `tradewrit` with a terminal of its own; the exit code, and what was shown.

    answers: after the first text has been shown, the second is typed.
    """
    terminal, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", _AT_A_TERMINAL + PROGRAM, *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={"HOME": "/nowhere", "LANG": "C.UTF-8", "TERM": "dumb", **(env or {})},
    )
    os.close(theirs)
    shown = b""
    try:
        for prompt, answer in answers:
            shown += _until(terminal, prompt.encode())
            os.write(terminal, answer.encode() + b"\n")
        shown += _until(terminal, None)
        return child.wait(PATIENCE_S), shown.decode().replace("\r\n", "\n")
    finally:
        child.kill()
        child.wait()
        os.close(terminal)


def _until(terminal: int, prompt: bytes | None) -> bytes:
    """What is shown up to a prompt, or to the end; fails when neither comes."""
    shown = b""
    while prompt is None or prompt not in shown:
        if not select.select([terminal], [], [], PATIENCE_S)[0]:
            raise AssertionError(f"{prompt!r} never came; shown was {shown!r}")
        try:
            more = os.read(terminal, 4096)
        except OSError:  # how Linux tells the end of a terminal
            more = b""
        if not more:
            assert prompt is None, shown
            return shown
        shown += more
    return shown
