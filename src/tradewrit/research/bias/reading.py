"""What a strategy opens besides its own code: files, sockets, other programs.

Uses Python's audit events (PEP 578). Code that opens files below Python, such as a Parquet reader's
own, raises none; `invented` finds what such a strategy knows by what it says.
"""

import os
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from tradewrit.research.bias.findings import Finding, Kind, Severity

_CODE: Final = (".py", ".pyc", ".pyd", ".so", ".dylib", ".dll", ".pth", ".cfg", ".typed")
_SYSTEM: Final = ("/proc/", "/sys/", "/dev/", "/usr/share/zoneinfo/", "/etc/")
_OUTSIDE: Final = {
    "socket.connect": "the network",
    "socket.getaddrinfo": "the network",
    "subprocess.Popen": "another program",
    "os.system": "another program",
    "os.exec": "another program",
}

_watchers: "list[list[Access]]" = []
_is_installed = False


class Access(msgspec.Struct, frozen=True):
    """Something opened. what: in words. path: of a file, None for anything else."""

    what: str
    path: Path | None = None


@contextmanager
def watching() -> Iterator[list[Access]]:
    """Collect what is opened while this context lasts, Python's own files left out."""
    _install()
    seen: list[Access] = []
    _watchers.append(seen)
    try:
        yield seen
    finally:
        _watchers.remove(seen)


def judged(accesses: Sequence[Access], data: Path | None) -> list[Finding]:
    """One finding per thing that was opened; an error for the data themselves and for what is no file."""
    findings = []
    for access in dict.fromkeys(accesses):
        is_data = access.path is not None and data is not None and _is_within(access.path, data)
        is_error = is_data or access.path is None
        what = f"{access.what}, the data it is tested on" if is_data else access.what
        findings.append(
            Finding(
                kind=Kind.READS_OUTSIDE,
                severity=Severity.ERROR if is_error else Severity.WARNING,
                message=f"the strategy opens {what}",
                numbers={"times": sum(one == access for one in accesses)},
            )
        )
    return findings


def _is_within(path: Path, data: Path) -> bool:
    whole = data.resolve()
    return path == whole or whole in path.parents


def _install() -> None:
    """Python keeps an audit hook for good: one for all watchers, idle without any."""
    global _is_installed  # noqa: PLW0603 - so does the interpreter
    if not _is_installed:
        sys.addaudithook(_hear)
        _is_installed = True


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watchers:
        return
    if event == "open":
        access = _file(arguments[0])
    elif event in _OUTSIDE:
        access = Access(_OUTSIDE[event])
    else:
        return
    if access is not None:
        for seen in _watchers:
            seen.append(access)


def _file(target: object) -> Access | None:
    if not isinstance(target, str | bytes | os.PathLike):
        return None  # a file that is open already, by its number
    name = os.fspath(target)
    text = os.path.abspath(os.fsdecode(name))  # noqa: PTH100 - resolve() would open what it looks at
    if text.endswith(_CODE) or text.startswith((*_SYSTEM, *_installed())):
        return None
    return Access(text, Path(os.path.realpath(text)))


def _installed() -> tuple[str, ...]:
    """Where Python and its packages live."""
    return tuple(
        f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib", "purelib", "platlib")
    )
