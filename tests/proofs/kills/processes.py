"""Real processes: an exchange, and desks that are started, killed and waited for."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

import msgspec

_TRADEWRIT: Final = "from tradewrit.app import main; main()"


class Process(Protocol):
    """One that can be killed."""

    pid: int

    def end(self) -> int:
        """Kill it (SIGKILL) unless it is dead already, and return what it ended with."""
        ...


class Starts(Protocol):
    """A way to start `tradewrit`."""

    def start(self, arguments: Sequence[str], log: Path) -> Process:
        """Start it; what it says is appended to `log`."""
        ...


class Cold:
    """A new interpreter each time, as a person's shell or a supervisor starts one."""

    def start(self, arguments: Sequence[str], log: Path) -> Process:
        """See Starts."""
        with log.open("ab") as said:
            return _Cold(
                subprocess.Popen(
                    [sys.executable, "-c", _TRADEWRIT, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                )
            )


class _Cold:
    def __init__(self, one: "subprocess.Popen[bytes]") -> None:
        self._one = one
        self.pid = one.pid

    def end(self) -> int:
        self._one.kill()
        return self._one.wait()


class Warm:
    """A fork of a process that has imported everything: see `warm`."""

    def __init__(self, parent: "subprocess.Popen[bytes]") -> None:
        self._parent = parent

    def start(self, arguments: Sequence[str], log: Path) -> Process:
        """See Starts."""
        return _Warm(self, self._ask({"start": list(arguments), "log": str(log)}))

    def wait(self, pid: int) -> int:
        """What it ended with, once it has."""
        return self._ask({"wait": pid})

    def _ask(self, request: dict[str, object]) -> int:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(msgspec.json.encode(request) + b"\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())


class _Warm:
    def __init__(self, warm: Warm, pid: int) -> None:
        self._warm = warm
        self.pid = pid

    def end(self) -> int:
        os.kill(self.pid, signal.SIGKILL)  # a zombie at worst: it is still to be waited for
        return self._warm.wait(self.pid)


@contextmanager
def warm() -> Iterator[Warm]:
    """The parent of warm starts; with it go all that it started."""
    command = [sys.executable, "-m", "tests.proofs.kills.warm"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        try:
            yield Warm(parent)
        finally:
            parent.kill()


@contextmanager
def exchange(config: Path, symbols: Sequence[str], faults: Sequence[str], log: Path) -> Iterator[str]:
    """An exchange moved by hand, in a process of its own; yields its address."""
    command = [sys.executable, "-c", _TRADEWRIT, "exchange", "serve", "--manual", "--port", "0", "--json"]
    more = ["--config", str(config), "--symbols", ",".join(symbols)]
    more += [part for fault in faults for part in ("--fault", fault)]
    with (
        log.open("ab") as said,
        subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=said) as server,
    ):
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert line, f"the exchange did not start: {log.read_text()}"
            yield str(msgspec.json.decode(line)["url"])
        finally:
            server.kill()
