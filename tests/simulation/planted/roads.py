"""Planted: a second road that makes two orders of one."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation.planted.orders import AFTER_FILL, NAKED_VENUE
from tests.simulation.planting import Aim, always, planted
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.orders import Approved
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.ports import Broker
from tradewrit.runtime.resilience.guard import GuardedBroker
from tradewrit.runtime.resilience.hedge import Answer, _is_lost, _Race
from tradewrit.simulation.plan import Faults

BAD_ROADS = Aim(
    faults=Faults(slow=0.5, drop=0.1, throttles=0.3),
    account={"second_road": True, "capabilities": NAKED_VENUE, **AFTER_FILL},
)


class _Renaming:
    """A road that gives orders ids of its own."""

    def __init__(self, road: Broker) -> None:
        self._road = road

    def __getattr__(self, name: str) -> Any:
        return getattr(self._road, name)

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:
        orders = tuple(
            replace(terms, client_order_id=f"{terms.client_order_id}-2") for terms in approved.orders
        )
        return self._road.place(replace(approved, orders=orders), grant)


@planted(
    kind="failover to the backup endpoint placed the stop a second time",
    aim=BAD_ROADS,
    caught_by=("I-1",),
    seed=0,
)
def second_road_names_its_own_ids(patch: pytest.MonkeyPatch) -> None:
    """What goes by the second road carries other client order ids."""
    go = _Race._go

    def going(race: _Race, road: Any) -> None:
        go(race, _Renaming(road) if road is race._roads.second else road)

    patch.setattr(_Race, "_go", going)


@planted(
    kind="429 from one gateway taken for 'order not sent' while the other had it",
    aim=BAD_ROADS,
    caught_by=("I-3",),
    seed=1,
)
def one_roads_refusal_is_the_answer(patch: pytest.MonkeyPatch) -> None:
    """The first road that is not lost answers for both, though the other may still arrive."""

    def settle(race: _Race, answer: Answer | None) -> Answer | None:
        for _ in range(race._sent - (answer is not None)):
            answer = race._answers.get(race._roads.patience_s) or answer
            if answer is not None and not _is_lost(answer[1]):
                break
        return answer

    patch.setattr(_Race, "_settle", settle)


@planted(
    kind="banned by the venue: retries by the second endpoint were never counted",
    aim=Aim(
        faults=Faults(slow=0.4, thin=0.5),
        account={"second_road": True, "calls_per_minute": 30, **AFTER_FILL},
    ),
    caught_by=("I-12",),
    seed=2,
)
def second_road_is_not_counted(patch: pytest.MonkeyPatch) -> None:
    """What goes by the second road uses up none of the calls that the venue allows."""
    patch.setattr(GuardedBroker, "spend", always(True))
