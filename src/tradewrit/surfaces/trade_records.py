"""The records of one trade in a journal, to be asked for by what they say."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TypeVar

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import OrderFilled, OrderRequested
from tradewrit.domain.events.strategy import CandidateFound, ScanStarted
from tradewrit.domain.orders import Role
from tradewrit.runtime.journal.records import Record

Lines = Sequence[tuple[Record, Event]]
"""Journal records with their events, in order."""
_E = TypeVar("_E", bound=Event)


class TradeRecords:
    """Those of one trade, with the scan it came of."""

    def __init__(self, lines: Lines, trade_id: str) -> None:
        self.lines = [line for line in lines if line[1].trace == trade_id]
        scans = {event.scan for _, event in self.lines if isinstance(event, CandidateFound)}
        self.lines[:0] = [
            line for line in lines if isinstance(line[1], ScanStarted) and line[1].scan in scans
        ]

    def find(self, kind: type[_E], role: Role | None = None) -> tuple[Record, _E] | None:
        """The first record of this kind, for orders of this role."""
        return next(self.all(kind, role), None)

    def last(self, kind: type[_E], role: Role | None = None) -> tuple[Record, _E] | None:
        """The last record of this kind: what counts where something happened in parts."""
        return deque(self.all(kind, role), maxlen=1).pop() if self.find(kind, role) else None

    def all(self, kind: type[_E], role: Role | None = None) -> Iterator[tuple[Record, _E]]:
        """Every record of this kind, for orders of this role or of any."""
        for record, event in self.lines:
            if isinstance(event, kind) and (role is None or _role(event) is role):
                yield record, event

    @property
    def exit_role(self) -> Role | None:
        """The role of the order that closed the trade."""
        roles = (_role(event) for _, event in self.lines if isinstance(event, OrderFilled))
        return next((role for role in roles if role is not None and role is not Role.ENTRY), None)


def _role(event: Event) -> Role | None:
    if isinstance(event, OrderRequested):
        return event.terms.role
    role: Role | None = getattr(event, "role", None)
    return role
