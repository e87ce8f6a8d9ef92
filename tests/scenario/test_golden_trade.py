"""The source document's trade: AAPL at 175.50, through all 13 steps, on bars and on quotes, long and short."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from tests.desks import BUY, SELL, World
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    ExecutionReport,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRequested,
)
from tradewrit.domain.events.positions import (
    ExitSent,
    FillBooked,
    PositionClosed,
    PositionOpened,
    ProtectionRequested,
    StopSet,
    TargetHit,
)
from tradewrit.domain.events.registry import ALIASES, BY_NAME
from tradewrit.domain.events.review import ReviewApproved
from tradewrit.domain.events.risk import RiskApproved, SizeCalculated
from tradewrit.domain.events.strategy import (
    CandidateFound,
    EntrySignalled,
    EvaluationStarted,
    HoldSignalled,
    ScanStarted,
    TradeLogged,
)
from tradewrit.domain.orders import OrderState, OrderType, Role, Side, TimeInForce
from tradewrit.domain.signals import Signal
from tradewrit.domain.trades import TradeState

ENTRY, STOP, TARGET = Role.ENTRY, Role.STOP, Role.TARGET

# What is said, by whom, step by step; a report is what the venue says.
STEPS: list[tuple[str, type[Event]]] = [
    ("strategist", ScanStarted),  # 1 scan
    ("strategist", CandidateFound),
    ("strategist", EvaluationStarted),  # 2 evaluate
    ("strategist", EntrySignalled),
    ("risk_officer", SizeCalculated),  # 3 risk
    ("risk_officer", RiskApproved),
    ("reviewer", ReviewApproved),
    ("executor", OrderRequested),  # 4 entry order
    ("outside", ExecutionReport),
    ("executor", OrderAccepted),
    ("broker", ExecutionReport),  # 5 fill
    ("executor", OrderFilled),
    ("bookkeeper", FillBooked),  # 6 track
    ("position_keeper", PositionOpened),
    ("position_keeper", ProtectionRequested),  # 7 stop at the broker
    ("executor", OrderRequested),
    ("executor", OrderRequested),
    ("outside", ExecutionReport),
    ("executor", OrderAccepted),
    ("position_keeper", StopSet),
    ("strategist", HoldSignalled),  # 8 hold
    ("outside", ExecutionReport),
    ("executor", OrderAccepted),
    ("broker", ExecutionReport),  # 9 to 11 the target trades: at the venue since step 7
    ("executor", OrderFilled),
    ("bookkeeper", FillBooked),
    ("position_keeper", TargetHit),
    ("position_keeper", ExitSent),
    ("broker", ExecutionReport),  # 12 close
    ("executor", OrderCancelled),
    ("position_keeper", PositionClosed),
    ("strategist", TradeLogged),  # 13 log
]


def steps(world: World) -> list[tuple[str, type[Event]]]:
    """Who said what between the account's opening and the last mark of its equity."""
    said = [(record.entry.source, type(event)) for event, record in world.heard if record is not None]
    return [
        line
        for line in said
        if line[0] not in {"desk", "authority"} and line[1].__name__ != "HighWaterRaised"
    ]


def on_bars(world: World, signal: Signal = BUY, target: float = 201.82) -> Iterator[str]:
    """Market entry: decided at a close, filled at the next open, held for two bars, out at the target."""
    up = 1 if target > 175.50 else -1
    world.says(signal)
    world.bar(175.50)
    yield "ordered"
    world.bar(175.50, 175.50 + up, 175.50 - up * 0.5, 175.50)
    yield "holding"
    # One cent short of the target is not the target.
    near = target - up * 0.01
    for reached in (near, target):
        price = 175.50 + up * 5
        world.bar(price, max(price, reached), min(price, reached), price)
        yield "holding" if reached == near else "closed"


def on_quotes(world: World, signal: Signal = BUY, target: float = 201.82) -> Iterator[str]:
    """Limit entry at the signal's price, met by a quote; out at the target on a quote."""
    up = 1 if target > 175.50 else -1
    world.says(signal)
    world.bar(175.50)
    yield "ordered"
    world.quote(175.50, 175.50)
    yield "holding"
    for price in (180.0, 190.0, target - up * 0.01) if up > 0 else (170.0, 160.0, target - up * 0.01):
        world.quote(price, price)
        yield "holding"
    world.quote(target, target)
    yield "closed"


WAYS = {"bars": (OrderType.MARKET, on_bars), "quotes": (OrderType.LIMIT, on_quotes)}


@pytest.fixture(params=WAYS)
def finished(request: pytest.FixtureRequest) -> World:
    """The trade, over."""
    entry, way = WAYS[request.param]
    world = World(entry=entry)
    for _ in way(world):
        pass
    return world


def test_the_thirteen_steps_happen_in_order_each_said_by_its_agent(finished: World) -> None:
    assert steps(finished) == STEPS
    finished.audit()


def test_every_name_of_the_documents_flow_is_said(finished: World) -> None:
    said = {record.entry.type for record in finished.records()}
    spoken = {
        "strategy.scan.started",
        "strategy.candidate_found",
        "strategy.evaluate.started",
        "strategy.entry.signal",
        "risk.trade.approved",
        "order.submitted",
        "order.filled",
        "position.opened",
        "position.stop.set",
        "position.target.hit",
        "position.closed",
        "strategy.trade.logged",
    }
    assert {name if name in BY_NAME else ALIASES[name] for name in spoken} <= said


def test_the_numbers_are_the_documents(finished: World) -> None:
    signal, size = finished.only(EntrySignalled), finished.only(SizeCalculated)
    assert (signal.proposal.entry_price, signal.stop_price, signal.target_price) == (
        Decimal("175.50"),
        Decimal("166.72"),
        Decimal("201.82"),
    )
    assert signal.reward_risk == 3
    assert (size.quantity, size.notional) == (Decimal(5), Decimal("877.50"))
    opened = finished.only(PositionOpened)
    assert (opened.quantity, opened.entry_price) == (Decimal(5), Decimal("175.50"))
    assert (opened.stop_price, opened.target_price) == (Decimal("166.72"), Decimal("201.82"))
    closed = finished.closed
    assert (closed.reason, closed.quantity, closed.gross) == ("target", Decimal(5), Decimal("131.60"))
    assert closed.fees == (Decimal("877.50") + Decimal("1009.10")) / 1000
    assert closed.pnl == closed.gross - closed.fees
    assert finished.books.cash == 100_000 + closed.pnl


def test_one_trace_and_one_correlation_run_through_all_of_it(finished: World) -> None:
    candidate = finished.only(CandidateFound)
    trade = [record.entry for record in finished.records() if record.entry.trace]
    assert len(trade) == len(STEPS) - 1  # the scan itself belongs to no trade yet
    assert {entry.trace for entry in trade} == {candidate.trade_id}
    assert {entry.correlation for entry in trade} == {candidate.scan}
    (scan,) = [record.entry for record in finished.records() if record.entry.type == "strategy.scan.started"]
    assert scan.correlation == candidate.scan


def test_every_record_names_an_earlier_cause_and_only_inputs_have_none(finished: World) -> None:
    records = {record.seq: record for record in finished.records()}
    kinds = {record.seq: BY_NAME[record.entry.type] for record in records.values()}
    for seq, record in records.items():
        cause = record.entry.caused_by
        assert cause < seq
        if cause:
            assert kinds[cause] is not HoldSignalled, "nothing follows from holding"
        elif kinds[seq] is not ExecutionReport:
            # What was said of closed bars has no record behind it: market data is not journalled.
            assert record.entry.source in {"desk", "authority", "strategist", "bookkeeper"}

    def chain(seq: int) -> list[type]:
        return [] if not seq else [*chain(records[seq].entry.caused_by), kinds[seq]]

    (logged,) = [seq for seq, kind in kinds.items() if kind is TradeLogged]
    assert chain(logged) == [ExecutionReport, OrderCancelled, PositionClosed, TradeLogged]
    entry = next(seq for seq, kind in kinds.items() if kind is OrderRequested)
    assert chain(entry) == [EntrySignalled, RiskApproved, ReviewApproved, OrderRequested]
    stop = next(seq for seq, kind in kinds.items() if kind is StopSet)
    assert chain(stop) == [ExecutionReport, OrderAccepted, StopSet]
    opened = next(seq for seq, kind in kinds.items() if kind is PositionOpened)
    assert chain(opened) == [ExecutionReport, OrderFilled, FillBooked, PositionOpened]


def test_the_logged_figures_can_be_recomputed_from_the_journal(finished: World) -> None:
    logged, closed = finished.only(TradeLogged), finished.closed
    planned = finished.only(RiskApproved).sized.worst_loss
    assert planned == 5 * (Decimal("175.50") - Decimal("166.72"))
    assert (logged.trades, logged.wins) == (1, 1)
    assert logged.win_fraction == 1
    assert logged.pnl == closed.pnl
    assert logged.reward_risk == (closed.pnl / planned).quantize(Decimal("0.0001"))
    fills = [event.fill for event in finished.events(FillBooked)]
    gross = sum((-fill.side.sign * fill.price * fill.quantity for fill in fills), Decimal(0))
    assert closed.gross == gross
    stats = finished.books.stats
    assert (stats.trades, stats.wins) == (1, 1)
    assert stats.realised == closed.pnl


def test_the_messages_of_a_trade_carry_its_trace_and_its_scan(finished: World) -> None:
    del finished
    world = World()
    heard = world.control.follow("position.*")
    for _ in on_bars(world):
        pass
    messages = heard.drain()
    assert messages[-1].event == "position.trade.closed"
    trade, scan = world.only(CandidateFound).trade_id, world.only(CandidateFound).scan
    assert {message.trace_id for message in messages} == {trade}
    assert {message.metadata.correlation_id for message in messages} == {scan}
    assert {message.metadata.source for message in messages} <= {"bookkeeper", "position_keeper"}


@pytest.mark.parametrize("way", WAYS)
def test_the_state_of_the_trade_follows_the_steps(way: str) -> None:
    entry, run = WAYS[way]
    world = World(entry=entry)
    walk = run(world)
    next(walk)
    states = [world.trade.state]
    states += [world.trade.state for stage in walk if stage == "holding"]
    assert states[0] is TradeState.ORDER_PLACED
    assert set(states[1:]) == {TradeState.HOLDING}
    assert not world.books.trades
    assert not world.books.orders


def test_the_broker_sees_one_limit_order_and_then_a_live_stop_for_all_of_it() -> None:
    world = World(entry=OrderType.LIMIT)
    walk = on_quotes(world)
    next(walk)
    (order,) = world.exchange.open_orders()
    assert (order.side, order.type, order.quantity) == (Side.BUY, OrderType.LIMIT, Decimal(5))
    assert (order.limit_price, order.time_in_force) == (Decimal("175.50"), TimeInForce.DAY)
    next(walk)
    sell = [(STOP, Side.SELL, 5, Decimal("166.72")), (TARGET, Side.SELL, 5, Decimal("201.82"))]
    assert world.working() == sell
    for stage in walk:
        # Below the target nothing is asked of the broker, and never more is on sale than is held.
        assert world.working() == (sell if stage == "holding" else [])
        world.audit()
    assert world.held == 0
    assert len(world.events(OrderRequested)) == 3


def test_the_order_passes_through_submitted_and_accepted_to_filled() -> None:
    world = World(entry=OrderType.LIMIT)
    walk = on_quotes(world)
    next(walk)
    entry = world.order(ENTRY)
    assert (entry.state, entry.broker_order_id) == (OrderState.ACCEPTED, "paper:o1")
    assert entry.approved_by[0].startswith("risk:")
    next(walk)
    states = [world.order(role).state for role in (ENTRY, STOP, TARGET)]
    assert states == [OrderState.FILLED, OrderState.ACCEPTED, OrderState.ACCEPTED]
    assert world.order(ENTRY).filled == 5


@pytest.mark.parametrize("way", WAYS)
def test_a_short_is_the_mirror_of_a_long(way: str) -> None:
    entry, run = WAYS[way]
    world = World(entry=entry)
    walk = run(world, SELL, 149.18)
    next(walk)
    next(walk)
    buys = [(STOP, Side.BUY, 5, Decimal("184.28")), (TARGET, Side.BUY, 5, Decimal("149.18"))]
    assert world.working() == buys
    assert world.held == -5
    for _ in walk:
        world.audit()
    assert steps(world) == STEPS
    closed = world.closed
    assert (closed.reason, closed.gross) == ("target", Decimal("131.60"))
    assert world.held == 0
