"""The starts of a desk, in a small file beside its journal: how a crash loop is noticed.

A start is noted before anything is done, and taken back by a proper end; what is left are crashes. A file
that cannot be read counts as a crash loop: nobody knows, so nobody trades.
"""

from pathlib import Path

import msgspec

from tradewrit.errors import JournalUnwritable
from tradewrit.runtime.live.supervise import StartBudget
from tradewrit.runtime.whole_file import whole_file


class _Starts(msgspec.Struct, frozen=True):
    """The file. starts: UTC ns of those that did not end properly."""

    starts: tuple[int, ...] = ()


class Starts:
    """The starts that are on record at `path`."""

    def __init__(self, path: Path, budget: StartBudget) -> None:
        self._path = path
        self._budget = budget

    def begin(self, now: int) -> str:
        """Note a start at `now` (UTC ns); returns why it may only be a guarded one, "" when it is one of few.

        Raises JournalUnwritable when the file cannot be written.
        """
        budget = self._budget
        try:
            before = msgspec.json.decode(self._path.read_bytes(), type=_Starts).starts
        except FileNotFoundError:
            before = ()
        except (OSError, msgspec.MsgspecError, UnicodeError) as why:
            self._write((now,) * budget.most)
            return f"the starts on record cannot be read ({self._path}: {why})"
        counted = budget.recent(before, now)
        self._write((*counted, now)[-2 * budget.most :])
        if not budget.is_spent(before, now):
            return ""
        minutes = budget.window_ns / 60e9
        return f"{len(counted)} starts in {minutes:g} min ended in a crash"

    def end(self) -> None:
        """The desk ends properly: its start counts no more. What cannot be written is left as it is."""
        try:
            before = msgspec.json.decode(self._path.read_bytes(), type=_Starts).starts
            self._write(before[:-1])
        except (OSError, msgspec.MsgspecError, UnicodeError, JournalUnwritable):
            return  # one start too many on record errs on the safe side

    def forgive(self) -> None:
        """A person has looked into it: what was counted counts no more."""
        self._path.unlink(missing_ok=True)

    def _write(self, starts: tuple[int, ...]) -> None:
        try:
            with whole_file(self._path, is_durable=True) as file:
                file.write(msgspec.json.encode(_Starts(starts)))
        except OSError as why:
            raise JournalUnwritable(f"{self._path}: the start cannot be noted: {why.strerror}") from why
