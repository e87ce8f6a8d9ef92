"""Planted: reports that count twice, too late, too much or not at all."""

from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation.planted.orders import AFTER_FILL, NAKED_VENUE
from tests.simulation.planting import Aim, always, everywhere, planted
from tradewrit.domain import conclusions, reports, untold, withheld
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.orders import Exec, ExecutionReport, OrderAccepted
from tradewrit.domain.folding import FOLDS
from tradewrit.domain.folds.base import with_item
from tradewrit.domain.orders import On, OrderState, OrderType, can
from tradewrit.runtime.pump import Pump
from tradewrit.simulation.plan import Faults, Whims


@planted(
    kind="position counted twice: a fill came by the stream and again with an answer",
    aim=Aim(faults=Faults(thin=0.8, duplicate=0.2)),
    caught_by=("I-1", "I-2", "I-3", "I-5"),
    seed=12,
)
def fills_counted_twice(patch: pytest.MonkeyPatch) -> None:
    """An execution that is told twice is booked twice, as if its id were another."""
    take = Pump._take

    def taking(pump: Pump, event: Any, source: str, said: Any) -> None:
        if isinstance(event, ExecutionReport):
            while pump.journal.has_seen(pump.stream, f"exec:{event.exec_id}"):
                event = replace(event, exec_id=f"{event.exec_id}'")
        take(pump, event, source, said)

    patch.setattr(Pump, "_take", taking)


@planted(
    kind="order that is done comes back: reports that were overtaken are believed",
    aim=Aim(faults=Faults(reorder=0.6, slow=0.3, thin=0.3), account=AFTER_FILL),
    caught_by=("I-8",),
    seed=17,
)
def late_acknowledgement_believed(patch: pytest.MonkeyPatch) -> None:
    """An acknowledgement that comes after the end of its order makes it work again."""

    def accepted(books: Books, event: OrderAccepted) -> Books:
        order = books.orders.get(event.client_order_id)
        if order is None:
            return books
        order = replace(order, state=OrderState.ACCEPTED, broker_order_id=event.broker_order_id)
        return replace(books, orders=with_item(books.orders, order.id, order))

    folds: Any = FOLDS
    patch.setitem(folds, OrderAccepted, accepted)
    patch.setattr(reports, "can", lambda state, on: on is On.ACCEPT or can(state, on))


@planted(
    kind="forgotten shares: a fill that crossed a cancel is thrown away",
    aim=Aim(
        faults=Faults(reorder=0.5, slow=0.5, thin=0.9, kill_switches_per_hour=120),
        account={"entry_type": OrderType.LIMIT, **AFTER_FILL},
    ),
    caught_by=("I-2", "I-3", "I-4", "I-5", "I-13"),
    seed=24,
)
def late_fill_ignored(patch: pytest.MonkeyPatch) -> None:
    """An end is believed whatever it counts as filled, and a fill that is told after it is not booked."""
    interpret = reports.interpret
    everywhere(patch, untold, "hides_fills", always(False))

    def deaf(books: Books, report: ExecutionReport) -> Decision:
        order = books.orders.get(report.client_order_id)
        if report.kind is Exec.TRADE and (order is None or not order.is_live):
            return NOTHING
        return interpret(books, report)

    everywhere(patch, reports, "interpret", deaf)


@planted(
    kind="sold more than was held: the cancel of a stop counted fills that nobody had told, and was believed",
    aim=Aim(
        faults=Faults(thin=0.95, drop=0.12),
        account={
            "capabilities": NAKED_VENUE,
            "volatility": 0.012,
            "whims": Whims(enter=0.7, leave=0.5),
            **AFTER_FILL,
        },
    ),
    caught_by=("I-3", "I-4"),
    seed=0,
)
def end_believed_whatever_it_counts(patch: pytest.MonkeyPatch) -> None:
    """An order that ends with more filled than is in the books is over with what the books have."""
    everywhere(patch, untold, "hides_fills", always(False))


@planted(
    kind="shares sold that nobody held: a stop is heard of before its entry, and booked as it comes",
    aim=Aim(
        faults=Faults(thin=0.9, drop=0.1),
        account={"protection": Protection.BRACKET, "volatility": 0.012},
    ),
    caught_by=("I-2",),
    seed=2,
)
def legs_booked_as_they_come(patch: pytest.MonkeyPatch) -> None:
    """The fill of a leg counts at once, whatever its entry is known to have brought."""
    everywhere(patch, withheld, "comes_early", always(False))


@planted(
    kind="half a position without a stop: the first part of a fill is taken for the whole",
    aim=Aim(faults=Faults(thin=0.9)),
    caught_by=("I-2", "I-3", "I-4", "I-5", "I-13"),
    seed=8,
)
def first_part_taken_for_the_whole(patch: pytest.MonkeyPatch) -> None:
    """An order is filled as soon as anything of it has traded."""
    filled = conclusions.filled

    def whole(*args: Any, is_last: bool) -> Any:
        del is_last
        return filled(*args, is_last=True)

    patch.setattr(reports, "filled", whole)
