"""Planted: a desk that takes a venue's word about a second order under an id for word about its own."""

import pytest
from msgspec.structs import replace

from tests.simulation.planted.orders import AFTER_FILL, NAKED_VENUE
from tests.simulation.planting import Aim, always, everywhere, planted
from tradewrit.domain import doubled
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.twins import Known
from tradewrit.runtime import perform
from tradewrit.simulation.plan import Faults

TWO_MINDED = Aim(
    faults=Faults(twins=0.7, slow=0.3, duplicate=0.3, drop=0.1),
    account={"second_road": True, "capabilities": NAKED_VENUE, **AFTER_FILL},
)


@planted(
    kind="order placed twice by the exchange after a retry; the second one was only logged",
    aim=TWO_MINDED,
    caught_by=("I-1", "I-3", "I-13"),
    seed=6,
)
def second_order_is_left_at_work(patch: pytest.MonkeyPatch) -> None:
    """Of a second order that the venue took under an id people are told, and nobody cancels it."""
    found = doubled._found

    def finding(books: Books, ours: Known, report: ExecutionReport) -> Decision:
        return replace(found(books, ours, report), effects=())

    patch.setattr(doubled, "_found", finding)
    everywhere(patch, doubled, "cancelled_again", always(NOTHING))


@planted(
    kind="open orders cache keyed by client order id mixed up two orders of the exchange",
    aim=TWO_MINDED,
    caught_by=("I-1", "I-4"),
    seed=0,
)
def reports_are_not_held_to_their_order(patch: pytest.MonkeyPatch) -> None:
    """Whatever is said of a second order under an id is taken as said of the first."""
    everywhere(patch, doubled, "twin_of", always(None))
    everywhere(patch, perform, "told_of_ours", lambda reports, *_, **__: reports)
