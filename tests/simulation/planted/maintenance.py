"""Planted: a desk that takes the venue's maintenance for a day like any other, or never for over."""

import pytest

from tests.simulation.planted.orders import AFTER_FILL
from tests.simulation.planting import Aim, always, planted
from tradewrit.agents import executor
from tradewrit.domain import intents
from tradewrit.domain.decisions import NOTHING
from tradewrit.risk import limits
from tradewrit.simulation.plan import Faults

TAKEN_DOWN = {"maintenance_at_s": 70, "maintenance_for_s": 60, "announced_s": 30, **AFTER_FILL}


@planted(
    kind="orders sent into the venue's maintenance window",
    aim=Aim(faults=Faults(thin=0.3), account=TAKEN_DOWN),
    caught_by=("I-6",),
    seed=0,
)
def entries_go_on_in_a_maintenance(patch: pytest.MonkeyPatch) -> None:
    """Entries are neither refused nor held back when the venue is about to be taken down."""
    desk = limits._desk
    patch.setattr(limits, "_desk", lambda books: (one for one in desk(books) if one.limit != "maintenance"))
    patch.setattr(intents, "_why_held", always(""))


@planted(
    kind="bot idle for a day after the exchange was back",
    aim=Aim(faults=Faults(gaps=0.02), account=TAKEN_DOWN),
    caught_by=("I-13",),
    seed=0,
)
def maintenance_is_never_over(patch: pytest.MonkeyPatch) -> None:
    """The account is compared after it, and nobody concludes that it is over: exits wait for ever."""
    patch.setattr(executor, "_reopened", always(NOTHING))
