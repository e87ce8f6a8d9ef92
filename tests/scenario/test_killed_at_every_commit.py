"""The golden trade, with the process killed as it writes to its journal: it is one trade all the same.

Every step of a trade is one transaction. A kill before it is on disk and a kill right after it are tried at
each: what was not written down was not decided, and what was written down is not decided twice. F-01..F-08,
F-11..F-15.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.desks import BUY, SYMBOL, WITHOUT_OCO
from tests.processes import Killed, Process
from tradewrit.domain.capabilities import PAPER, Capabilities
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.positions import ExitRequested, FillBooked, PositionClosed
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.events.strategy import CandidateFound, EntrySignalled, TradeLogged
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.orders import Role
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.replay import event_of


def kill_at(desk: Process, number: int, *, is_written: bool) -> None:
    """The process dies in its so-many-th transaction from here on: before it is on disk, or right after."""
    append, left = desk.journal.append, number

    def dying(*args: Any, **more: Any) -> list[Record]:
        nonlocal left
        left -= 1
        if left:
            return append(*args, **more)
        if is_written:
            append(*args, **more)
        raise Killed

    desk.journal.append = dying  # type: ignore[method-assign]


class Story:
    """Bought at 175.50 on the first bar, sold at the target; killed once on the way, or not at all."""

    def __init__(self, folder: Path, capabilities: Capabilities, *, has_outbox: bool) -> None:
        folder.mkdir()
        self.desk = Process(folder / "desk.journal", has_outbox=has_outbox, capabilities=capabilities)
        self.script = self.desk.script
        self.script[SYMBOL, self.desk.now] = BUY
        self.was_killed = False

    def tell(self) -> Process:
        for price in (175.50, 175.50, 190.00):
            bar = Bar(SYMBOL, self.desk.now, price, price, price, price, 1e6)
            reports = [report for phase in ("open", "trade", "close") for report in self.trade(phase, bar)]
            self.desk.clock.set(bar.ts + MINUTE)
            self.survive(partial(Process.report, reports=reports), price)
            self.survive(partial(self.close, bar=bar), price)
        self.survive(lambda desk: desk.quote(201.82), 201.82)
        self.survive(lambda desk: desk.quote(201.82), 201.82)
        self.survive(lambda desk: desk.reconcile("close"), 201.82)
        return self.desk

    def trade(self, phase: str, bar: Bar) -> Any:
        """The venue trades a bar, whoever is there to hear of it."""
        return getattr(self.desk.exchange, phase)(bar)

    def close(self, desk: Process, bar: Bar) -> None:
        desk.desk.close_bars([bar], desk.now)
        desk.run()

    def survive(self, do: Callable[[Process], object], price: float) -> None:
        """Do it; if the process dies of it, the next one meets the same thing once more."""
        try:
            do(self.desk)
        except Killed:
            self.was_killed = True
            self.desk = self.desk.again()
            self.desk.script.update(self.script)
            do(self.desk)
            self.desk.quote(price)
            self.desk.wait(20)


def recorded(desk: Process, kind: type[Any]) -> list[Any]:
    """What the journal holds of a kind, whichever process wrote it."""
    return [event_of(record) for record in desk.records() if record.entry.type == name_of(kind)]


@pytest.mark.parametrize(
    ("capabilities", "has_outbox"),
    [(PAPER, False), (WITHOUT_OCO, True)],
    ids=["oco, inline", "a target that we watch, outbox"],
)
@pytest.mark.parametrize("is_written", [False, True], ids=["before it is on disk", "once it is on disk"])
def test_killed_in_any_transaction_it_is_one_trade_with_one_result(
    tmp_path: Path, capabilities: Capabilities, has_outbox: bool, is_written: bool
) -> None:
    number = 0
    while True:
        number += 1
        story = Story(tmp_path / str(number), capabilities, has_outbox=has_outbox)
        kill_at(story.desk, number, is_written=is_written)
        desk = story.tell()
        assert len(recorded(desk, CandidateFound)) == len(recorded(desk, EntrySignalled)) == 1, number
        entries = [asked for asked in recorded(desk, OrderRequested) if asked.terms.role is Role.ENTRY]
        assert len(entries) == 1, number
        assert [booked.fill.quantity for booked in recorded(desk, FillBooked)] == [5, 5], number
        (closed,) = recorded(desk, PositionClosed)
        assert (closed.reason, closed.gross) == ("target", Decimal("131.60")), number
        assert len(recorded(desk, TradeLogged)) == 1, number
        assert len(recorded(desk, ExitRequested)) == (0 if capabilities.oco else 1), number
        ids = [terms.client_order_id for terms in desk.sent]
        assert len(ids) == len(set(ids)), number
        assert desk.exchange.positions() == {}, number
        assert desk.working() == [], number
        desk.audit()
        desk.journal.close()
        if not story.was_killed:
            break
    assert number > 8
