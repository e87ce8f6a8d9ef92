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

    @property
    def has_ended(self) -> bool:
        """Whether it ended by itself, as it does when it lost its lease."""
        ...

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

    @property
    def has_ended(self) -> bool:
        return self._one.poll() is not None

    def end(self) -> int:
        self._one.kill()
        return self._one.wait()


class Warm:
    """A fork of a process that has imported everything: see `warm`."""

    def __init__(self, parent: "subprocess.Popen[bytes]") -> None:
        self._parent = parent

    def start(self, arguments: Sequence[str], log: Path) -> Process:
        """See Starts."""
        pid = self._ask({"start": list(arguments), "log": str(log)})
        assert pid is not None
        return _Warm(self, pid)

    def wait(self, pid: int, *, is_patient: bool) -> int | None:
        """What it ended with; None for one that lives, unless its end is to be waited for."""
        return self._ask({"wait" if is_patient else "look": pid})

    def _ask(self, request: dict[str, object]) -> int | None:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(msgspec.json.encode(request) + b"\n")
        self._parent.stdin.flush()
        return msgspec.json.decode(self._parent.stdout.readline(), type=int | None)


class _Warm:
    def __init__(self, warm: Warm, pid: int) -> None:
        self._warm = warm
        self._pid = pid
        self._status: int | None = None

    @property
    def has_ended(self) -> bool:
        if self._status is None:
            self._status = self._warm.wait(self._pid, is_patient=False)
        return self._status is not None

    def end(self) -> int:
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)  # its pid is its own until it is waited for
            self._status = self._warm.wait(self._pid, is_patient=True)
        assert self._status is not None
        return self._status


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
