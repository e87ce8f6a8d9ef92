"""strategist turns what the strategy says into candidates, proposals and exits, and counts what came of them."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, SELL, START, SYMBOL, World
from tradewrit.agents.strategist import decide
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.events.positions import PositionClosed, StopSet
from tradewrit.domain.events.risk import LimitExceeded, RiskApproved
from tradewrit.domain.events.strategy import (
    CandidateFound,
    CandidatesListed,
    EntrySignalled,
    EvaluateSetup,
    ExitJudged,
    ExitSignalled,
    HoldSignalled,
    ManagePosition,
    ScanCandidates,
    ScanStarted,
    SetupEvaluated,
    ShouldExit,
    TradeLogged,
)
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import Bar
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderType, Side
from tradewrit.domain.signals import Signal
from tradewrit.strategies.rules.trend_following import TrendFollowing

FREE = PaperRules(fees=FixedFee())


def scanned(
    *signals: tuple[str, Signal], world: World | None = None, price: float = 175.50
) -> tuple[Event, ...]:
    """What is said when these symbols' bars close with these signals."""
    world = world or World()
    for symbol, signal in signals:
        world.script[symbol, world.now] = signal
    world.market.absorb([Bar(symbol, world.now, price, price, price, price, 1e6) for symbol, _ in signals])
    return decide(world.books, world.market, BarsClosed(at=world.now)).events


def named(events: tuple[Event, ...]) -> list[str]:
    return [type(event).__name__ for event in events]


# -- scans


def test_a_signal_is_a_candidate_an_evaluation_and_a_proposal() -> None:
    signal = replace(BUY, reasons=("because",), inputs={"rsi": 55.5}, confidence=0.7)
    events = scanned((SYMBOL, signal))
    assert named(events) == ["ScanStarted", "CandidateFound", "EvaluationStarted", "EntrySignalled"]
    entry = events[-1]
    assert isinstance(entry, EntrySignalled)
    one = entry.proposal
    assert (one.symbol, one.side, one.entry_price) == (SYMBOL, Side.BUY, Decimal("175.50"))
    assert (one.entry_type, one.quantity, one.strategy) == (OrderType.MARKET, None, "scripted")
    assert (one.reasons, one.inputs, one.confidence) == (("because",), {"rsi": 55.5}, 0.7)
    assert one.decided_at == entry.at == START
    assert (entry.stop_price, entry.target_price, entry.reward_risk) == (
        Decimal("166.72"),
        Decimal("201.82"),
        Decimal(3),
    )
    assert {event.trace for event in events[1:]} == {one.trade_id}


def test_many_symbols_are_taken_in_their_rank_and_each_once() -> None:
    events = scanned(("MSFT", BUY), ("AAPL", SELL), ("IBM", Signal()), ("C", BUY))
    (scan,) = [event for event in events if isinstance(event, ScanStarted)]
    assert scan.symbols == ("MSFT", "AAPL", "C")
    found = [event.symbol for event in events if isinstance(event, CandidateFound)]
    assert found == ["MSFT", "AAPL", "C"]
    assert {event.scan for event in events if isinstance(event, CandidateFound)} == {scan.scan}


def test_a_quiet_scan_leaves_no_record() -> None:
    assert scanned((SYMBOL, Signal())) == ()
    assert scanned() == ()


def test_the_same_bar_names_the_same_trade_and_another_bar_another() -> None:
    first, again = scanned((SYMBOL, BUY)), scanned((SYMBOL, BUY))
    assert first == again
    world = World()
    world.clock.advance(1)
    later = scanned((SYMBOL, BUY), world=world)
    assert later[1].trace != first[1].trace


def test_a_strategys_distances_override_the_profiles() -> None:
    signal = replace(BUY, stop_fraction=Decimal("0.02"), target_fraction=Decimal("0.06"), max_bars=4)
    entry = scanned((SYMBOL, signal))[-1]
    assert isinstance(entry, EntrySignalled)
    assert (entry.stop_price, entry.target_price) == (Decimal("171.99"), Decimal("186.03"))
    assert entry.proposal.max_bars == 4


def test_no_target_is_a_target_of_zero() -> None:
    entry = scanned((SYMBOL, replace(BUY, target_fraction=Decimal(0))))[-1]
    assert isinstance(entry, EntrySignalled)
    assert entry.target_price is None


@pytest.mark.parametrize(("target", "is_proposed"), [("0.125", False), ("0.1251", True)])
def test_a_proposal_needs_more_than_two_and_a_half_times_its_risk(target: str, is_proposed: bool) -> None:
    events = scanned((SYMBOL, replace(BUY, target_fraction=Decimal(target))))
    assert ("EntrySignalled" in named(events)) is is_proposed
    assert ("HoldSignalled" in named(events)) is not is_proposed
    assert ("ScanStarted" in named(events)) is is_proposed


def test_a_reason_to_hold_is_recorded_once_and_again_only_when_it_changes() -> None:
    world = World()
    for target in ("0.10", "0.10", "0.11", "0.10"):
        world.says(replace(BUY, target_fraction=Decimal(target)))
        world.bar(175.50)
    assert [event.reason for event in world.events(HoldSignalled)] == [
        "reward/risk 2.00 is not above 2.5",
        "reward/risk 2.20 is not above 2.5",
        "reward/risk 2.00 is not above 2.5",
    ]


def test_a_refusal_is_recorded_again_only_when_it_names_other_limits() -> None:
    world = World(limits=Limits(allowed_symbols=frozenset({"MSFT"})))
    for _ in range(3):
        world.says(BUY)
        world.bar(175.50)
    assert len(world.events(LimitExceeded)) == 1
    world.bar(800.0)
    world.says(SELL)
    world.bar(2_000.0)  # now a share costs too much as well
    assert len(world.events(LimitExceeded)) == 2


def test_a_symbol_with_a_trade_under_way_is_no_candidate() -> None:
    world = World()
    world.says(BUY)
    world.bar(175.50)
    world.says(BUY)
    world.bar(175.50)
    world.says(BUY)
    world.bar(175.50)
    assert len(world.events(CandidateFound)) == 1


def test_leaving_is_for_those_who_hold() -> None:
    world = World()
    world.says(LEAVE)
    world.bar(175.50)
    assert not world.events(ExitSignalled)
    world.enter()
    world.says(replace(LEAVE, leave_long="tired"))
    world.bar(180.0)
    left = world.only(ExitSignalled)
    assert (left.reason, left.price, left.trade_id) == ("tired", Decimal("180.00"), world.trade.id)


def test_only_the_side_that_is_held_is_left() -> None:
    world = World()
    world.enter(signal=SELL)
    world.says(Signal(leave_long="not mine"))
    world.bar(175.0)
    assert not world.events(ExitSignalled)
    world.says(Signal(leave_short="mine"))
    world.bar(175.0)
    assert world.only(ExitSignalled).reason == "mine"


# -- the default strategy


def trending(rsi_moves: list[float], volume: float = 2.0, last: float | None = None) -> World:
    """Bars whose closes move as said, ending in a bar of this volume; all before have volume 1."""
    world = World(strategy=TrendFollowing())
    close = 100.0
    closes = [close := round(close + move, 2) for move in rsi_moves]
    if last is not None:
        closes[-1] = last
    for k, price in enumerate(closes):
        world.bar(price, volume=volume if k == len(closes) - 1 else 1.0)
    return world


ZIGZAG = [0.6, -0.4] * 10
"""Twenty changes of which the RSI is 60 or so."""


def test_price_above_average_strength_in_its_middle_and_volume_enter() -> None:
    world = trending([*ZIGZAG, 0.6])
    found = world.only(CandidateFound)
    assert found.strategy == "trend_following"
    assert 50 <= found.inputs["rsi"] <= 70
    assert found.inputs["close"] > found.inputs["sma"]
    assert world.only(RiskApproved).sized.quantity == int(1000 / found.inputs["close"])


@pytest.mark.parametrize(
    ("why", "world"),
    [
        ("no volume", lambda: trending([*ZIGZAG, 0.6], volume=1.0)),
        ("below the average", lambda: trending([*ZIGZAG, -3.0])),
        ("overbought", lambda: trending([0.5] * 21)),
        ("too early", lambda: trending(ZIGZAG[:18])),
    ],
)
def test_one_missing_condition_is_enough_to_stay_out(why: str, world: Any) -> None:
    del why
    assert not world().events(CandidateFound)


# -- questions


def test_candidates_are_listed_in_rank_and_nothing_is_opened() -> None:
    world = World()
    scanned(("MSFT", BUY), ("AAPL", Signal()), ("C", SELL), world=world)

    def ask(*symbols: str) -> tuple[str, ...]:
        (answer,) = decide(world.books, world.market, ScanCandidates(at=1, symbols=symbols)).events
        assert isinstance(answer, CandidatesListed)
        return answer.symbols

    assert ask() == ("MSFT", "C")
    assert ask("C", "AAPL", "unknown") == ("C",)
    assert not world.books.trades


def test_a_setup_is_evaluated_with_its_feature_values() -> None:
    world = World()
    scanned((SYMBOL, replace(BUY, inputs={"x": 1.5})), ("MSFT", Signal()), world=world)

    def ask(symbol: str) -> SetupEvaluated:
        (answer,) = decide(world.books, world.market, EvaluateSetup(at=1, symbol=symbol)).events
        assert isinstance(answer, SetupEvaluated)
        return answer

    assert (ask(SYMBOL).side, ask(SYMBOL).inputs) == (Side.BUY, {"x": 1.5})
    assert ask("MSFT").side is None
    assert ask("none").reason == "no bar yet"


def judged(world: World, kind: type[ShouldExit | ManagePosition] = ShouldExit) -> ExitJudged:
    (answer,) = decide(world.books, world.market, kind(at=world.now, trade_id=world.trade.id)).events
    assert isinstance(answer, ExitJudged)
    return answer


@pytest.mark.parametrize(
    ("price", "bars", "says", "reason"),
    [
        (175.0, 0, None, None),
        (166.73, 0, None, None),
        (201.81, 0, None, None),
        (166.72, 0, None, "stop"),
        (201.82, 0, None, "target"),
        (175.0, 3, None, "time"),
        (175.0, 2, None, None),
        (201.82, 3, None, "target"),
        (166.72, 3, None, "stop"),
        (175.0, 0, "signal", "signal"),
        (175.0, 3, "signal", "time"),
        (166.72, 0, "signal", "stop"),
    ],
)
@pytest.mark.parametrize("kind", [ShouldExit, ManagePosition])
def test_target_stop_time_and_signal_each_are_a_reason_and_the_stop_is_the_first(
    price: float, bars: int, says: str | None, reason: str | None, kind: type[ShouldExit | ManagePosition]
) -> None:
    world = World()
    world.enter(signal=replace(BUY, max_bars=4))
    # Bars the venue never saw: only the question is asked here, nothing acts on them.
    for k in range(bars):
        world.market.absorb([Bar(SYMBOL, world.now + k, 175.0, 175.0, 175.0, 175.0, 1.0)])
    ts = world.now + bars - 1
    if says is not None:
        ts += 1
        world.script[SYMBOL, ts] = LEAVE
    if bars < 3:
        world.market.absorb([Bar(SYMBOL, max(ts, world.now), price, price, price, price, 1.0)])
    from tradewrit.domain.events.market import QuoteUpdated
    from tradewrit.domain.market import Quote

    if says is not None and bars == 3:
        world.market.absorb([Bar(SYMBOL, ts, price, price, price, price, 1.0)])
    world.market.hear(QuoteUpdated(at=world.now, quote=Quote(SYMBOL, world.now, price, price)))
    assert judged(world, kind).reason == reason


@given(st.lists(st.floats(170.0, 200.0), min_size=1, max_size=8))
def test_the_stop_that_should_be_in_place_only_ever_tightens(highs: list[float]) -> None:
    world = World()
    world.enter(signal=replace(BUY, trail_fraction=Decimal("0.05"), target_fraction=Decimal(0)))
    before = judged(world).stop_price
    assert before == Decimal("166.72")
    for high in highs:
        if not world.books.trades:
            return
        low = max(170.0, float(world.trade.stop_price or 0) + 0.01)
        wanted = judged(world).stop_price
        world.bar(low, max(low, high), low, low)
        if world.books.trades:
            after = judged(world).stop_price
            assert before is not None
            assert after is not None
            assert after >= before
            assert wanted is not None
            before = after


def test_nobody_is_advised_on_a_trade_that_is_not_there() -> None:
    world = World()
    (answer,) = decide(world.books, world.market, ShouldExit(at=1, trade_id="x")).events
    assert answer == ExitJudged(at=1, trace="x", trade_id="x", reason=None, stop_price=None)


# -- the log


def test_holding_is_said_once_when_the_stop_is_in_place() -> None:
    world = World()
    world.enter()
    world.bar(176.0)
    hold = world.only(HoldSignalled)
    assert "protected" in hold.reason
    stop = world.only(StopSet)
    assert decide(world.books, world.market, stop).events == (hold,)


@given(st.lists(st.sampled_from([150.0, 176.0, 180.0, 202.0]), min_size=1, max_size=6))
def test_the_totals_are_those_of_the_closed_trades(exits: list[float]) -> None:
    world = World(rules=FREE)
    pnl: list[Decimal] = []
    ratios: list[Decimal] = []
    for price in exits:
        world.enter()
        world.says(LEAVE)
        world.bar(175.50)
        world.bar(price)
        closed, logged = world.events(PositionClosed)[-1], world.events(TradeLogged)[-1]
        assert closed.gross == closed.pnl == 5 * (Decimal(repr(price)) - Decimal("175.50"))
        pnl.append(closed.pnl)
        ratios.append(closed.pnl / world.events(RiskApproved)[-1].sized.worst_loss)
        wins = sum(one > 0 for one in pnl)
        assert (logged.trades, logged.wins, logged.pnl) == (len(pnl), wins, closed.pnl)
        assert abs(logged.win_fraction - Decimal(wins) / len(pnl)) <= Decimal("0.00005")
        assert abs(logged.reward_risk - sum(ratios, Decimal(0)) / len(ratios)) <= Decimal("0.0001")
    assert world.books.stats.realised == sum(pnl, Decimal(0))
    assert Price(world.books.cash) == 100_000 + sum(pnl, Decimal(0))
