"""Fills as they stand in the books, with all that the venue has said of each: what a correction changes.

Those of open trades, and of the last few that ended. Knows no cash and no position.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.domain.orders import Role
from tradewrit.domain.positions import Fill

Executions = dict[str, tuple["Execution", ...]]
"""Trade id -> its fills in the order in which they were booked."""

# A venue corrects within minutes and busts within the day; what comes later is for a person.
_MOST_ENDED: Final = 16


class Told(msgspec.Struct, frozen=True, gc=False):
    """What the venue said of a fill under one execution id: the fill itself, or a correction of it."""

    exec_id: str
    quantity: Decimal
    price: Decimal


class Execution(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fill in the books. quantity 0: it was busted. late_fee: booked after it, in account currency."""

    client_order_id: str
    role: Role
    fill: Fill
    told: tuple[Told, ...]
    late_fee: Decimal = Decimal(0)

    def is_called(self, exec_id: str) -> bool:
        """Whether the venue has spoken of it under this id."""
        return any(said.exec_id == exec_id for said in self.told)


def find(executions: Executions, exec_id: str) -> Execution | None:
    """The fill that the venue spoke of under this id, as it stands now."""
    if not exec_id:
        return None
    return next((one for fills in executions.values() for one in fills if one.is_called(exec_id)), None)


def contradicts(executions: Executions, exec_id: str, quantity: Decimal, price: Decimal | None) -> bool:
    """Whether the venue said something else of this fill before, and corrected nothing since."""
    known = find(executions, exec_id)
    return known is not None and all((said.quantity, said.price) != (quantity, price) for said in known.told)


def remembered(executions: Executions, trade_id: str, one: Execution, ended: frozenset[str]) -> Executions:
    """With one more fill of a trade; of the trades that have `ended`, the last few are kept."""
    kept = {**executions, trade_id: (*executions.get(trade_id, ()), one)}
    # By time and id, not by place: a snapshot keeps no order.
    past = sorted(
        ended & kept.keys(), key=lambda known: (max((one.fill.at for one in kept[known]), default=0), known)
    )
    for known in past[:-_MOST_ENDED]:
        del kept[known]
    return kept


def exchanged(executions: Executions, before: Execution, after: Execution) -> Executions:
    """With a fill in another's place."""
    trade_id = before.fill.trade_id
    fills = tuple(after if one == before else one for one in executions.get(trade_id, ()))
    return {**executions, trade_id: fills}
