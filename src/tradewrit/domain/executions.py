"""Fills as they stand in the books, with all that the venue has said of each: what a correction changes.

Those of open trades, and of the last few that ended. Knows no cash and no position.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from tradewrit.domain.money import canonical_qty
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
    """A fill in the books.

    fill: as much of it as is the trade's; quantity 0: none, or it was busted. apart: how much more of it
    counts as others'. late_fee: booked after it, in account currency.
    """

    client_order_id: str
    role: Role
    fill: Fill
    told: tuple[Told, ...]
    late_fee: Decimal = Decimal(0)
    apart: Decimal = Decimal(0)

    @property
    def quantity(self) -> Decimal:
        """All of it, whoever it counts for."""
        return self.fill.quantity + self.apart

    def corrected(self, said: Told, fee: Decimal) -> "Execution":
        """The same fill as the venue tells it now.

        Whose it is changes as little as can be: an entry met what others held first, and what closes our
        position had closed that first.
        """
        if self.role.is_entry:
            ours = max(said.quantity - self.apart, Decimal(0))
        else:
            ours = min(said.quantity, self.fill.quantity) if self.apart else said.quantity
        fill = replace(self.fill, quantity=canonical_qty(ours), price=said.price, fee=fee)
        apart = canonical_qty(said.quantity - ours)
        return replace(self, fill=fill, told=(*self.told, said), late_fee=Decimal(0), apart=apart)

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
