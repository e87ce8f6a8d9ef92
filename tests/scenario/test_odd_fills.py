"""Fills at a price or a fee that can hardly be right: booked as the venue tells them, and shown to a person."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks import BUY, LEAVE, SYMBOL, World
from tests.scenario.test_payments import commission, without_rates
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.account import ExternalTraded, ResumeSymbol, SymbolResumed, TransitionRefused
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    FeeBooked,
    FillQuestioned,
    OrderCancelled,
)
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.fees import FixedFee, PerShareFee
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Role, Side
from tradewrit.domain.positions import Fill
from tradewrit.risk.oddities import fee_oddity, wild
from tradewrit.runtime.live.status import figures
from tradewrit.runtime.messages import priority


def told(world: World) -> list[str]:
    return [event.reason for event in world.events(FillQuestioned)]


def is_barred(world: World) -> bool:
    """Whether an entry in the symbol is refused because of its fills."""
    before = len(world.events(LimitExceeded))
    world.says(BUY)
    world.bar(175.50)
    refused = world.events(LimitExceeded)[before:]
    return bool(refused) and "questioned" in [breach.limit for breach in refused[-1].breaches]


def resume(world: World, actor: str = "human:maria") -> None:
    world.feed(ResumeSymbol(at=world.now, symbol=SYMBOL, actor=actor, reason="the venue has looked"))


@pytest.mark.parametrize("fee", ["1000000000", "-1000"])
def test_a_fill_with_a_fee_that_nobody_charges_is_booked_and_said(fee: str) -> None:
    world = World()
    world.says(BUY)
    world.bar(175.50)
    cash, entry = world.books.cash, world.order(Role.ENTRY)
    fill = ExecutionReport(
        at=world.now,
        exec_id="odd",
        client_order_id=entry.id,
        kind=Exec.TRADE,
        symbol=SYMBOL,
        side=Side.BUY,
        last_quantity=Decimal(5),
        last_price=Price(Decimal("175.50")),
        fee=Decimal(fee),
    )
    world.report([fill])
    assert told(world) == [f"a fee of {fee}.00 on a trade of 877.50"]
    assert world.books.cash == cash - Decimal("877.5") - Decimal(fee), "the books follow the venue"
    world.report([fill])
    assert len(told(world)) == 1


def test_a_fill_in_question_stops_entries_and_nothing_else_until_a_person_has_looked() -> None:
    world = World(rules=PaperRules(fees=FixedFee(Decimal(-1000))))
    world.enter()
    assert told(world) == ["a fee of -1000.00 on a trade of 877.50"]
    assert {Role.STOP, Role.TARGET} == {role for role, *_ in world.working()}, "what is held stays protected"
    assert figures(world.books, world.market, world.now)["questioned"] == {SYMBOL: told(world)[0]}
    world.says(LEAVE)
    world.bar(175.50)
    world.bar(175.50)
    assert world.held == 0, "exits go on"
    resume(world, "software")
    assert world.only(TransitionRefused).subject == SYMBOL
    assert SYMBOL in world.books.questioned
    resume(world)
    assert world.only(SymbolResumed).symbol == SYMBOL
    assert not world.books.questioned
    world.audit()


def test_a_fill_at_ten_times_the_market_is_booked_and_said() -> None:
    world = World(cash="1000000")
    world.says(BUY)
    world.bar(175.50)
    world.bar(1755.0)  # where the venue fills it; the desk does not believe the bar
    assert told(world) == ["1755.00 is more than 5 times away from the last price 175.5"]
    assert world.events(FillBooked)[0].fill.price == Decimal(1755)
    assert priority(world.only(FillQuestioned)) == "high"
    world.audit()


def test_entries_in_the_symbol_are_refused_and_go_out_again_when_a_person_has_resumed_it() -> None:
    world = World(rules=PaperRules(fees=FixedFee(Decimal(-1000))))
    world.enter()
    world.says(LEAVE)
    world.bar(175.50)
    world.bar(175.50)
    assert world.held == 0
    assert is_barred(world)
    resume(world)
    world.says(BUY)
    world.bar(175.50)
    assert [role for role, *_ in world.working()].count(Role.ENTRY) == 1
    world.audit()


def test_the_rest_of_an_entry_that_fills_oddly_is_taken_back() -> None:
    rules = PaperRules(fees=FixedFee(Decimal(-1000)), participation_fraction=Decimal("0.1"))
    world = World(rules=rules)
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50, volume=20)
    cancelled = [one for one in world.events(OrderCancelled) if one.role is Role.ENTRY]
    assert [one.filled for one in cancelled] == [2]
    assert world.held == 2
    assert {line[2] for line in world.working()} == {2}
    world.audit()


def test_what_others_trade_in_the_account_is_looked_at_as_well() -> None:
    world = World()
    world.bar(175.50)
    fill = Fill(
        trade_id="",
        symbol=SYMBOL,
        side=Side.BUY,
        quantity=Decimal(3),
        price=Price(Decimal("17.55")),
        fee=Decimal(0),
        at=world.now,
    )
    world.feed(ExternalTraded(at=world.now, exec_id="x-1", client_order_id="theirs", fill=fill), "broker")
    assert told(world) == ["17.55 is more than 5 times away from the last price 175.5"]


def test_a_fee_that_comes_late_is_looked_at_when_it_comes() -> None:
    world = without_rates()
    assert not told(world)
    commission(world, "2000000")
    assert world.only(FeeBooked).fee == 3192
    assert told(world) == ["a fee of 3192.00 on a trade of 997.5000"]


def test_ordinary_fees_and_gaps_raise_no_alarm() -> None:
    for rules in (PaperRules(fees=PerShareFee(Decimal("0.01"), minimum=Decimal(35))), PaperRules()):
        world = World(rules=rules)
        world.says(BUY)
        world.bar(175.50)
        world.bar(300.00)
        assert world.held
        assert told(world) == []


@pytest.mark.parametrize("asked", [1, 2])
def test_a_fee_that_the_account_s_own_rule_asks_for_is_no_surprise_and_twice_as_much_is(asked: int) -> None:
    world = World(rules=PaperRules(fees=FixedFee(Decimal(600))))
    world.says(BUY)
    world.bar(175.50)
    entry = world.order(Role.ENTRY)
    fill = ExecutionReport(
        at=world.now,
        exec_id="dear",
        client_order_id=entry.id,
        kind=Exec.TRADE,
        symbol=SYMBOL,
        side=Side.BUY,
        last_quantity=Decimal(1),
        last_price=Price(Decimal("175.50")),
        fee=Decimal(600 * asked),
    )
    world.report([fill])
    assert told(world) == ["a fee of 1200.00 on a trade of 175.50"][: asked - 1]


MONEY = st.decimals(min_value=-1_000_000, max_value=1_000_000, places=2)


@given(fee=MONEY, traded=MONEY, worth=MONEY)
def test_a_fee_is_odd_only_beyond_both_bounds(fee: Decimal, traded: Decimal, worth: Decimal) -> None:
    is_odd = fee_oddity(fee, traded, worth) is not None
    assert is_odd is (20 * abs(fee) > abs(traded) and 200 * abs(fee) > abs(worth))
    assert is_odd is (fee_oddity(-fee, -traded, worth) is not None)
    due = abs(fee)
    assert fee_oddity(due, traded, worth, due) is None, "a rule asks for it"
    assert is_odd is (fee_oddity(-due, traded, worth, due) is not None), "no rule pays it"


@given(last=st.floats(0.01, 1e6), factor=st.floats(0.21, 4.9))
def test_no_move_within_five_times_is_odd(last: float, factor: float) -> None:
    assert wild(last * factor, last) is None
    assert wild(last * 10, last)
    assert wild(last / 10, last)
    assert wild(last, float("nan")) is None
