"""What happened in a run, in order: a hash of all of it, the last lines, and what was covered.

Two runs of one seed have the same hash, or something in the desk depends on what it may not.
"""

import hashlib
from collections import Counter, deque
from typing import Final

from tradewrit.domain.market import SECOND

_KEPT: Final = 60
_AFTERMATH: Final = 20 * SECOND
CALM: Final = "none"


class Trace:
    """Lines of one run. keep: all of them, to be shown; else the last few.

    covered: (state, event, fault) triples: what an order was in, what it heard, and what had just gone wrong.
    faults: how often each was injected.
    """

    def __init__(self, began: int, *, keep: bool = False) -> None:
        self._began = began
        self._hash = hashlib.sha256()
        self.keeps_all = keep
        self.lines: deque[str] = deque(maxlen=None if keep else _KEPT)
        self.covered: set[tuple[str, str, str]] = set()
        self.faults: Counter[str] = Counter()
        self._fault = CALM
        self._fault_at = began

    @property
    def digest(self) -> str:
        """SHA-256 of every line so far."""
        return self._hash.hexdigest()

    def note(self, at: int, what: str, detail: str = "") -> None:
        """One line; `at`: UTC ns of the world. detail: shown, and no part of the hash."""
        line = f"{(at - self._began) / SECOND:12.6f} {what}"
        self._hash.update(line.encode())
        self.lines.append(f"{line} {detail}" if detail else line)

    def fault(self, at: int, kind: str, what: str = "") -> None:
        """Something was made to go wrong."""
        self.faults[kind] += 1
        self._fault, self._fault_at = kind, at
        self.note(at, f"! {kind} {what}".rstrip())

    def cover(self, at: int, state: str, event: str) -> None:
        """An order or trade in `state` met `event`, in the aftermath of whatever went wrong last."""
        recent = self._fault if at - self._fault_at <= _AFTERMATH else CALM
        self.covered.add((state, event, recent))
