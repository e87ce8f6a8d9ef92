"""What a venue does while the desk hears nothing of it, to be told in parts and in any order."""

from collections.abc import Sequence

from tests.desks import SYMBOL, World
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.orders import OrderTerms, Role

Told = Sequence[ExecutionReport]


def trade(world: World, *prices: float, volume: float = 1e6) -> list[ExecutionReport]:
    """The venue trades at each of these, a minute apart; what it says of that."""
    told: list[ExecutionReport] = []
    for price in prices:
        world.clock.advance(MINUTE)
        told += world.exchange.open(Bar(SYMBOL, world.now, price, price, price, price, volume))
    return told


def of(told: Told, *roles: Role, kind: Exec, listed: tuple[OrderTerms, ...]) -> Told:
    """The reports of this kind about these orders of the list."""
    names = {terms.client_order_id for terms in listed if terms.role in roles}
    return [report for report in told if report.kind is kind and report.client_order_id in names]
