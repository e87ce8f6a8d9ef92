"""risk_officer sizes or refuses, names every limit, and speaks of a drawdown once per crossing."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.desks import BUY, SELL, SYMBOL, World
from tradewrit.agents.risk_officer import decide
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.books import Books
from tradewrit.domain.events.account import (
    CashMoved,
    HaltTrading,
    ResumeTrading,
    TradingHalted,
    TradingResumed,
    TransitionRefused,
)
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.review import Edit, ReviewModified
from tradewrit.domain.events.risk import (
    ApproveTrade,
    AssessPortfolio,
    CalculateSize,
    CheckLimits,
    DrawdownAlerted,
    DrawdownCleared,
    LimitExceeded,
    LimitsChecked,
    PortfolioAssessed,
    RiskApproved,
    SizeCalculated,
)
from tradewrit.domain.events.strategy import EntrySignalled
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.proposals import Proposal
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.risk.limits import facts

FREE = PaperRules(fees=FixedFee())
WIDE = Limits(max_position_notional=None, max_position_fraction=Decimal(1), min_cash_fraction=Decimal(0))


def priced(price: float = 175.50, **more: Any) -> World:
    """A flat account that has seen one price."""
    world = World(rules=more.pop("rules", FREE), **more)
    world.bar(price)
    return world


def proposal(world: World, price: str = "175.50", **more: Any) -> Proposal:
    facts_: dict[str, Any] = {
        "trade_id": "t",
        "symbol": SYMBOL,
        "side": Side.BUY,
        "entry_price": Price(Decimal(price)),
        "strategy": "scripted",
        "decided_at": world.now,
    }
    return Proposal(**(facts_ | more))


def judged(world: World, one: Proposal) -> tuple[SizeCalculated, RiskApproved | LimitExceeded]:
    signal = EntrySignalled(
        at=world.now,
        trace=one.trade_id,
        proposal=one,
        stop_price=Price(Decimal(1)),
        target_price=None,
        reward_risk=Decimal(3),
    )
    size, verdict = decide(world.books, world.market, signal).events
    assert isinstance(size, SizeCalculated)
    assert isinstance(verdict, RiskApproved | LimitExceeded)
    return size, verdict


def broken(world: World, one: Proposal) -> list[str]:
    """Names of the limits it breaks."""
    _, verdict = judged(world, one)
    return [breach.limit for breach in verdict.breaches] if isinstance(verdict, LimitExceeded) else []


# -- size


def test_a_thousand_dollars_buy_five_shares_at_the_documents_price() -> None:
    world = priced()
    size, approved = judged(world, proposal(world))
    assert (size.quantity, size.notional, size.bound_by) == (
        Decimal(5),
        Decimal("877.50"),
        "max_position_notional",
    )
    assert isinstance(approved, RiskApproved)
    assert approved.sized.stop_price == Decimal("166.72")
    assert approved.sized.target_price == Decimal("201.82")


@pytest.mark.parametrize(
    ("cash", "lot", "quantity", "bound_by"),
    [
        ("100000", "1", "5", "max_position_notional"),
        ("4387.50", "1", "5", "max_position_fraction"),
        ("4387.49", "1", "4", "max_position_fraction"),
        ("100000", "0.001", "5.698", "max_position_notional"),
        ("100000", "2", "4", "max_position_notional"),
    ],
)
def test_a_size_is_floored_to_the_lot_within_the_tighter_cap(
    cash: str, lot: str, quantity: str, bound_by: str
) -> None:
    world = priced(cash=cash, instruments=[Instrument(symbol=SYMBOL, lot=Decimal(lot))])
    size, _ = judged(world, proposal(world))
    assert (size.quantity, size.bound_by) == (Decimal(quantity), bound_by)


def test_asking_for_a_size_opens_nothing() -> None:
    world = priced()
    asked = CalculateSize(at=world.now, symbol=SYMBOL, side=Side.BUY, price=Decimal("175.50"))
    decision = decide(world.books, world.market, asked)
    assert decision.events == (LimitsChecked(at=world.now, symbol=SYMBOL, quantity=Decimal(5), breaches=()),)
    assert decision.effects == ()


# -- limits


def test_every_broken_limit_is_named_with_both_numbers() -> None:
    limits = Limits(max_open_positions=0, allow_short=False, allowed_symbols=frozenset({"MSFT"}))
    world = priced(cash="500", limits=limits)
    one = proposal(world, side=Side.SELL, quantity=Decimal(6), stop_fraction=Decimal("0.06"))
    _, refused = judged(world, one)
    assert isinstance(refused, LimitExceeded)
    assert [breach.limit for breach in refused.breaches] == [
        "allowed_symbols",
        "allow_short",
        "max_position_notional",
        "max_position_fraction",
        "min_cash_fraction",
        "buying_power",
        "max_open_positions",
        "stop_fraction",
        "min_reward_risk",
    ]
    for breach in refused.breaches:
        assert breach.message
        assert breach.allowed
        assert breach.actual


@pytest.mark.parametrize(("notional", "limits"), [("1000.00", []), ("1000.01", ["max_position_notional"])])
def test_the_cap_itself_is_allowed_and_a_cent_more_is_not(notional: str, limits: list[str]) -> None:
    world = priced(float(notional))
    assert broken(world, proposal(world, notional, quantity=Decimal(1))) == limits


@pytest.mark.parametrize(("cash", "limits"), [("4387.50", []), ("4387.49", ["max_position_fraction"])])
def test_the_share_of_equity_itself_is_allowed(cash: str, limits: list[str]) -> None:
    world = priced(cash=cash)
    assert broken(world, proposal(world, quantity=Decimal(5))) == limits


@pytest.mark.parametrize(("cash", "limits"), [("2000.00", []), ("1999.99", ["min_cash_fraction"])])
def test_cash_after_the_trade_may_be_exactly_the_reserve(cash: str, limits: list[str]) -> None:
    world = priced(1000.0, cash=cash, limits=replace(Limits(), max_position_fraction=Decimal(1)))
    assert broken(world, proposal(world, "1000.00", quantity=Decimal(1))) == limits


def test_the_estimated_fee_counts_as_cost() -> None:
    limits = replace(WIDE, max_position_notional=None)
    world = priced(1000.0, cash="1000.00", limits=limits, rules=PaperRules(fees=FixedFee(Decimal("0.01"))))
    one = proposal(world, "1000.00", quantity=Decimal(1))
    assert broken(world, one) == ["min_cash_fraction", "buying_power"]


def test_an_order_that_waits_counts_against_cash() -> None:
    world = World(cash="6000", limits=Limits(min_cash_fraction=Decimal("0.8")))
    world.says(BUY)
    world.bar(175.50)
    assert world.only(OrderRequested).reserved == world.books.reserved > 0
    now = facts(world.books, world.market.mark, world.now)
    assert now.cash == now.equity == 6000
    assert broken(world, proposal(world, symbol="MSFT")) == ["min_cash_fraction"]


def test_scenario_six_is_refused_before_any_broker_hears_of_it() -> None:
    """877.50 needed, 500.00 to spend: the rest of the equity is invested."""
    world = World(limits=WIDE, rules=FREE, cash="10000")
    world.script["MSFT", world.now] = BUY
    world.bar(95.0, symbol="MSFT")
    world.bar(95.0, symbol="MSFT")
    world.feed(CashMoved(at=world.now, amount=500 - world.books.cash, reason="paid out"))
    world.bar(175.50)
    orders = len(world.exchange.open_orders())
    one = proposal(world, quantity=Decimal(5))
    _, refused = judged(world, one)
    assert isinstance(refused, LimitExceeded)
    (breach,) = [breach for breach in refused.breaches if breach.limit == "buying_power"]
    assert (breach.allowed, breach.actual) == ("500.00", "877.50")
    assert len(world.exchange.open_orders()) == orders


@pytest.mark.parametrize(
    ("fraction", "limits"),
    [
        ("0.05", []),
        ("0.0501", ["stop_fraction", "min_reward_risk"]),
        ("0.01", []),
        ("0", ["stop_fraction", "min_reward_risk"]),
    ],
)
def test_a_stop_is_mandatory_and_no_further_than_the_profiles(fraction: str, limits: list[str]) -> None:
    world = priced()
    target = Decimal("0.15") if fraction in {"0.05", "0.01"} else Decimal("0.10")
    one = proposal(world, stop_fraction=Decimal(fraction), target_fraction=target)
    assert broken(world, one) == limits


@pytest.mark.parametrize(("target", "limits"), [("0.125", ["min_reward_risk"]), ("0.12505", []), ("0", [])])
def test_reward_over_risk_must_be_greater_and_a_trade_may_have_no_target(
    target: str, limits: list[str]
) -> None:
    world = priced()
    assert broken(world, proposal(world, target_fraction=Decimal(target))) == limits


def test_a_shorts_stop_lies_above_and_its_target_below() -> None:
    world = priced()
    _, approved = judged(world, proposal(world, side=Side.SELL))
    assert isinstance(approved, RiskApproved)
    assert (approved.sized.stop_price, approved.sized.target_price) == (Decimal("184.28"), Decimal("149.18"))


def test_shorts_need_a_margin_account_and_a_shortable_instrument() -> None:
    cash = priced(rules=PaperRules(fees=FixedFee(), margin=False))
    assert broken(cash, proposal(cash, side=Side.SELL)) == ["allow_short"]
    hard = priced(instruments=[Instrument(symbol=SYMBOL, is_shortable=False)])
    assert broken(hard, proposal(hard, side=Side.SELL)) == ["allow_short"]


def test_another_currency_is_refused() -> None:
    world = priced(instruments=[Instrument(symbol=SYMBOL, currency="EUR")])
    assert broken(world, proposal(world)) == ["currency"]


def test_checking_gives_the_same_answer_and_opens_nothing() -> None:
    world = priced()
    for one in (proposal(world), proposal(world, quantity=Decimal(6))):
        for kind in (CheckLimits, ApproveTrade):
            (answer,) = decide(world.books, world.market, kind(at=world.now, proposal=one)).events
            assert isinstance(answer, LimitsChecked)
            assert [breach.limit for breach in answer.breaches] == broken(world, one)


# -- approvals


def test_an_approval_names_its_inputs_expires_and_is_bound_to_what_it_approved() -> None:
    world = priced(review=ReviewPolicy(expires_after_s=60))
    _, first = judged(world, proposal(world))
    assert isinstance(first, RiskApproved)
    assert first.sized_hash == first.sized.hash
    assert first.expires_at == world.now + 60 * SECOND
    _, again = judged(world, proposal(world))
    assert again == first
    _, other = judged(world, proposal(world, quantity=Decimal(4)))
    assert isinstance(other, RiskApproved)
    assert (other.decision, other.sized_hash) != (first.decision, first.sized_hash)
    assert other.inputs_hash == first.inputs_hash
    world.feed(CashMoved(at=world.now, amount=Decimal(1), reason="deposit"))
    _, later = judged(world, proposal(world))
    assert isinstance(later, RiskApproved)
    assert later.inputs_hash != first.inputs_hash
    assert later.decision != first.decision


def test_an_edit_is_judged_like_a_proposal_and_answers_for_its_review() -> None:
    world = World(review=ReviewPolicy(kind=PolicyKind.REQUIRE))
    world.says(BUY)
    world.bar(175.50)
    task = world.task
    for quantity, kind in ((3, RiskApproved), (600, LimitExceeded)):
        event = ReviewModified(
            at=world.now,
            review_id=task.id,
            trade_id=task.trade_id,
            actor="maria",
            nonce="n",
            before=task.shown,
            edit=Edit(quantity=Decimal(quantity)),
        )
        _, verdict = decide(world.books, world.market, event).events
        assert type(verdict) is kind
        assert verdict.review_id == task.id


# -- the portfolio


def test_an_assessment_reports_exposure_cash_and_drawdown_as_of_now() -> None:
    world = World(limits=WIDE, rules=FREE, cash="1000")
    world.enter(100.0)
    world.bar(101.0)
    world.bar(99.0)
    (answer,) = decide(world.books, world.market, AssessPortfolio(at=world.now)).events
    assert isinstance(answer, PortfolioAssessed)
    assert answer.at == world.now
    assert answer.equity == 990
    assert answer.high_water == 1010
    assert answer.exposure_fraction == 1
    assert answer.cash_fraction == 0
    assert answer.drawdown_fraction == (Decimal(20) / 1010).quantize(Decimal("0.0001"))
    assert answer.open_positions == 1


def bars(world: World) -> list[Event]:
    return list(decide(world.books, world.market, BarsClosed(at=world.now)).events)


def test_the_alarm_sounds_on_the_crossing_at_exactly_a_fifth_and_once() -> None:
    # All of 1000 in one position without a reachable stop: equity follows the price.
    limits = replace(WIDE, stop_fraction=Decimal("0.5"), target_fraction=Decimal(5))
    world = World(limits=limits, rules=FREE, cash="1000")
    world.enter(100.0)
    found = []
    for price in (90.0, 80.01, 80.0, 79.0, 70.0, 80.01, 85.0, 79.0):
        world.bar(price)
        found.append((len(world.events(DrawdownAlerted)), len(world.events(DrawdownCleared))))
    assert found == [(0, 0), (0, 0), (1, 0), (1, 0), (1, 0), (1, 1), (1, 1), (2, 1)]
    alert = world.events(DrawdownAlerted)[0]
    assert (alert.equity, alert.high_water, alert.drawdown) == (Decimal(800), Decimal(1000), Decimal("0.20"))
    assert bars(world) == []
    assert "max_drawdown_fraction" in broken(world, proposal(world, "79.00", symbol="MSFT"))


def test_a_drawdown_blocks_entries_and_no_exit() -> None:
    limits = replace(WIDE, stop_fraction=Decimal("0.5"), target_fraction=Decimal(5))
    world = World(limits=limits, rules=FREE, cash="1000")
    world.enter(100.0)
    world.bar(75.0)
    assert world.books.is_drawdown_blocked
    world.bar(49.0)
    assert world.closed.reason == "stop"
    world.says(BUY)
    world.bar(49.0)
    assert not world.books.trades
    world.audit()


@given(st.lists(st.floats(40.0, 160.0), min_size=1, max_size=12))
def test_the_block_is_what_a_look_at_every_bar_would_say(prices: list[float]) -> None:
    limits = replace(WIDE, stop_fraction=Decimal("0.9"), target_fraction=Decimal(9))
    world = World(limits=limits, rules=FREE, cash="1000")
    world.enter(100.0)
    high = Decimal(1000)
    for price in prices:
        world.bar(price)
        worth = world.books.cash + 10 * Decimal(repr(price))
        # Falling is measured from the mark before this bar: a bar cannot be both.
        assert world.books.is_drawdown_blocked is ((high - worth) / high >= Decimal("0.20"))
        high = max(high, worth)
        assert world.books.high_water == high


# -- halt and resume


def test_a_halt_is_taken_from_anybody_and_ended_only_by_a_person() -> None:
    world = priced()
    (halted,) = decide(world.books, world.market, HaltTrading(at=1, actor="watchdog", reason="odd")).events
    assert halted == TradingHalted(at=1, actor="watchdog", reason="odd")
    world.feed(HaltTrading(at=world.now, actor="watchdog", reason="odd"))
    assert broken(world, proposal(world)) == ["halted"]
    (no,) = decide(world.books, world.market, ResumeTrading(at=1, actor="watchdog", reason="fine")).events
    assert isinstance(no, TransitionRefused)
    (yes,) = decide(world.books, world.market, ResumeTrading(at=1, actor="human:maria", reason="fine")).events
    assert isinstance(yes, TradingResumed)


def test_there_is_nothing_to_resume_when_nothing_was_halted() -> None:
    world = priced()
    (no,) = decide(world.books, world.market, ResumeTrading(at=1, actor="human:maria", reason="x")).events
    assert isinstance(no, TransitionRefused)
    assert no.state == "running"


def test_a_decision_depends_on_books_market_and_event_alone() -> None:
    world = World()
    world.enter(signal=SELL)
    one = proposal(world, symbol="MSFT")
    before = world.books.encoded()
    assert judged(world, one) == judged(world, one)
    assert world.books.encoded() == before
    assert isinstance(world.books, Books)
