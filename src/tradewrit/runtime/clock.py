"""Time and chance: the only module that reads a wall clock or draws randomness.

Everything else is handed a `Clock`, a seeded generator or an id.
"""

import hashlib
import secrets
import time
from collections.abc import Callable
from random import Random
from typing import Protocol

from tradewrit.errors import OurFault


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> int:
        """UTC ns since 1970. May jump, forwards or back, when the machine's clock is set."""
        ...

    def monotonic(self) -> int:
        """Nanoseconds since some fixed moment; never less than before. For durations and deadlines."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """UTC ns, as the machine believes."""
        return time.time_ns()

    def monotonic(self) -> int:
        """Nanoseconds, untouched by changes of the machine's time."""
        return time.monotonic_ns()


class ManualClock:
    """A clock that stands still until it is told: for backtests, simulation and tests.

    >>> clock = ManualClock(at=1_000)
    >>> clock.advance(500)
    >>> clock.now(), clock.monotonic()
    (1500, 500)
    """

    def __init__(self, at: int = 0) -> None:
        self._now = at
        self._monotonic = 0

    def now(self) -> int:
        """UTC ns, as last set."""
        return self._now

    def monotonic(self) -> int:
        """Nanoseconds that have passed on this clock since it was made."""
        return self._monotonic

    def set(self, at: int, *, is_jump: bool = False) -> None:
        """Let time pass until `at` (UTC ns).

        is_jump: put the wall clock there, as a time server does: in either direction, and
        `monotonic` does not notice.
        Raises OurFault when `at` is in the past and this is not a jump.
        """
        if not is_jump:
            if at < self._now:
                raise OurFault(
                    f"the clock stands at {self._now} and cannot go back to {at}; "
                    "set(..., is_jump=True) if the wall clock is to jump"
                )
            self._monotonic += at - self._now
        self._now = at

    def advance(self, ns: int) -> None:
        """Let `ns` nanoseconds pass; raises OurFault when negative."""
        self.set(self._now + ns)


def cpu_ns() -> int:
    """Processor time this process has used so far, in ns: for measuring work, not for deciding anything."""
    return time.process_time_ns()


class Stopwatch:
    """Seconds since it was made: of the wall, and of this process's CPU."""

    def __init__(self) -> None:
        self._wall = time.perf_counter_ns()
        self._cpu = cpu_ns()

    def wall(self) -> float:
        """Seconds on the wall."""
        return (time.perf_counter_ns() - self._wall) / 1e9

    def cpu(self) -> float:
        """Seconds of CPU, user and system, of this process."""
        return (cpu_ns() - self._cpu) / 1e9


def seeded(seed: int, name: str) -> Random:
    """A generator for one consumer: the same seed and name give the same numbers.

    Split by name, so that drawing more or less in one place does not shift what others draw.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return Random(int.from_bytes(digest))


Entropy = Callable[[int], bytes]
"""Given a number, that many bytes: for keys, nonces and token ids."""


def system_entropy(size: int) -> bytes:
    """`size` bytes that nobody can guess, from the system."""
    return secrets.token_bytes(size)


def draw_journal_id(seed: int | None) -> str:
    """32 hex characters for a journal's genesis: from the seed, or from the system when it is None."""
    if seed is None:
        return secrets.token_hex(16)
    return f"{seeded(seed, 'journal_id').getrandbits(128):032x}"
