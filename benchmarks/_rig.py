"""A live desk on a bench: strategies that always or never speak, a venue that answers at once."""

from collections.abc import Sequence
from decimal import Decimal

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.capabilities import PAPER, Capabilities
from tradewrit.domain.effects import CancelAtVenue, PlaceOrders
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.instruments import plain
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderTerms, OrderType, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.reviews import ReviewPolicy
from tradewrit.domain.signals import Signal
from tradewrit.features.bars import Bars
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.market import LiveMarket
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.perform import Departure
from tradewrit.strategies.base import Strategy

START = 1_709_562_600_000_000_000
"""2024-03-04T14:30:00Z, in UTC ns."""


class Eager(Strategy, frozen=True, kw_only=True):
    """Buys whenever it is flat, so that every bar leads to an order."""

    def on_bar(self, bars: Bars) -> Signal | None:
        """Always the same."""
        return Signal(enter=Side.BUY) if len(bars.ts) else None


class Quiet(Strategy, frozen=True, kw_only=True):
    """Never says anything."""

    def on_bar(self, bars: Bars) -> Signal | None:
        """Nothing."""
        del bars
        return None


def desk_of(
    journal: Journal,
    clock: ManualClock,
    strategy: Strategy,
    *,
    cash: int = 100_000,
    capabilities: Capabilities = PAPER,
) -> Desk:
    """A desk with an outbox: what leaves is taken from it by `depart`, as in `tradewrit run`."""
    opening = AccountOpened(
        at=clock.now(),
        journal_id=journal.id,
        account="paper",
        currency="USD",
        initial_cash=Decimal(cash),
        mode="paper",
        margin=True,
        strategy="benchmark",
        entry_type=OrderType.MARKET,
        limits=Limits(refusal_cooldown_s=0, max_refusals=None),
        review=ReviewPolicy(),
        fees=BpsFee(),
        capabilities=capabilities,
        instruments=(),
    )
    return Desk(
        opening,
        journal=journal,
        market=LiveMarket(strategy, lambda symbol: plain(symbol, "USD")),
        broker=PaperExchange(lambda symbol: plain(symbol, "USD"), initial_cash=Decimal(cash)),
        clock=clock,
        outbox=Outbox(),
    )


def refused(departure: Departure, now: int) -> list[ExecutionReport]:
    """The venue refuses, so that the next bar finds the desk as this one did."""
    return [
        _report(terms.client_order_id, Exec.REJECTED, now, code=Rejection.VENUE)
        for terms in placed(departure)
    ]


def done(departure: Departure, now: int, price: str) -> list[ExecutionReport]:
    """The venue does as it is told: market orders fill whole at `price`, stops rest, cancels succeed."""
    effect = departure.asked.effect
    if isinstance(effect, CancelAtVenue):
        return [_report(effect.client_order_id, Exec.CANCELED, now)]
    return [
        _filled(terms, now, Price(Decimal(price)))
        if terms.type is OrderType.MARKET
        else _report(terms.client_order_id, Exec.NEW, now)
        for terms in placed(departure)
    ]


def placed(departure: Departure) -> Sequence[OrderTerms]:
    """The orders that leave."""
    effect = departure.asked.effect
    if not isinstance(effect, PlaceOrders):
        raise TypeError(f"an order was to leave, not {effect}")
    return effect.approved.orders


def _filled(terms: OrderTerms, now: int, price: Price) -> ExecutionReport:
    return ExecutionReport(
        at=now,
        exec_id=f"bench:{terms.client_order_id}:fill",
        client_order_id=terms.client_order_id,
        kind=Exec.TRADE,
        symbol=terms.symbol,
        side=terms.side,
        last_quantity=terms.quantity,
        last_price=price,
        cumulative=terms.quantity,
    )


def _report(order_id: str, kind: Exec, now: int, code: str = "") -> ExecutionReport:
    return ExecutionReport(
        at=now, exec_id=f"bench:{order_id}:{kind}", client_order_id=order_id, kind=kind, code=code
    )
