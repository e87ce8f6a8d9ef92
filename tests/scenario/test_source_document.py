"""The tests the source document asks for, under our names; each names its original.

Its circuit breaker tests belong to the breaker. Its mocked Alpaca is the paper exchange here, and
nothing sleeps: an answer is there when the call returns.
"""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from tests.desks import SYMBOL, World
from tradewrit.domain.events.orders import OrderAccepted, OrderFilled
from tradewrit.domain.events.positions import PositionClosed, StopSet, TargetHit
from tradewrit.domain.events.risk import RiskApproved
from tradewrit.domain.events.strategy import (
    CandidateFound,
    CandidatesListed,
    EntrySignalled,
    ScanCandidates,
)
from tradewrit.domain.folding import evolve
from tradewrit.domain.orders import OrderType, Role, Side
from tradewrit.domain.trades import On, TradeState, advance
from tradewrit.errors import InvalidTransitionError
from tradewrit.strategies.rules.trend_following import TrendFollowing

STEPS = (0.66, -0.50)
"""Twenty-one closes that climb to 175.50 in steps up and down: above their average, RSI 50 to 70."""


def closes() -> Sequence[float]:
    """Closes that end at exactly 175.50."""
    path = [0.0]
    for k in range(20):
        path.append(path[-1] + STEPS[k % 2])
    path.append(path[-1] + STEPS[0])
    return [round(175.50 + level - path[-1], 2) for level in path]


def scanned() -> World:
    """A desk that runs trend_following on limit entries, and has just found AAPL at 175.50."""
    world = World(strategy=TrendFollowing(), entry=OrderType.LIMIT)
    *before, last = closes()
    for close in before:
        world.bar(close, volume=1_000_000)
    world.bar(last, volume=2_000_000)
    return world


def test_scanning_becomes_setup_detected_with_entry_stop_and_target() -> None:
    """test_valid_transition_scanning_to_setup (UT-1)."""
    world = scanned()
    found, signal = world.only(CandidateFound), world.only(EntrySignalled)
    before = World(strategy=TrendFollowing()).books
    trade = evolve(before, found).trades[found.trade_id]
    assert trade.symbol == SYMBOL
    assert trade.state is TradeState.SETUP_DETECTED
    assert advance(TradeState.SCANNING, On.DETECT) is TradeState.SETUP_DETECTED
    assert signal.proposal.entry_price == Decimal("175.50")
    assert signal.stop_price == Decimal("166.72")
    assert signal.target_price == Decimal("201.82")


def test_a_trade_that_is_scanning_cannot_fill() -> None:
    """test_invalid_transition_scanning_to_filled (UT-2)."""
    with pytest.raises(InvalidTransitionError, match="trade: cannot transition from scanning on fill"):
        advance(TradeState.SCANNING, On.FILL)


def test_a_trade_goes_through_its_whole_life() -> None:
    """test_full_trade_lifecycle (UT-5): scan, setup, entry, holding, exit."""
    world = scanned()
    # Trigger scan.
    (listed,) = world.control.ask(ScanCandidates(at=world.now))
    assert isinstance(listed, CandidatesListed)
    assert len(listed.symbols) > 0

    # Verify setup detection, risk approval, and the order that was placed.
    assert world.only(CandidateFound).symbol == SYMBOL
    assert world.only(RiskApproved).sized.quantity == 5
    (order,) = world.exchange.open_orders()
    assert order.symbol == SYMBOL
    assert world.only(OrderAccepted).role is Role.ENTRY

    # Simulate fill; verify position and stop.
    world.quote(175.50)
    position = world.books.positions[SYMBOL]
    assert len(world.books.positions) == 1
    assert position.average_price() == Decimal("175.50")
    stops = [order for order in world.exchange.open_orders() if order.type is OrderType.STOP]
    assert len(stops) == 1
    assert stops[0].stop_price == Decimal("166.72")
    assert world.only(StopSet).stop_price == Decimal("166.72")

    # Simulate target hit; the exit order has been at the venue since the stop was.
    exits = [order for order in world.exchange.open_orders() if order.side is Side.SELL]
    assert len(exits) >= 1
    world.quote(201.82)
    assert world.only(TargetHit).price == Decimal("201.82")
    assert world.events(OrderFilled)[-1].price == Decimal("201.82")

    # Verify trade closed.
    closed = world.only(PositionClosed)
    assert closed.symbol == SYMBOL
    assert closed.pnl > 0
    assert closed.gross == Decimal("131.60")
    assert not world.books.positions
    world.audit()
