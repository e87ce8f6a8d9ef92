"""Funding, fees in other currencies, parts, reversals: a whole desk against the sum of what was paid.

The oracle reads outside facts alone: the venue's reports, funding, splits and dividends. It adds up payments
in fractions, and never looks at what the desk made of them.
"""

import random
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, SELL, SYMBOL, World
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.account import TransitionRefused
from tradewrit.domain.events.corporate import DividendWentEx, SharesSplit
from tradewrit.domain.events.funding import FundingBooked, FundingSettled
from tradewrit.domain.events.orders import (
    CommissionReport,
    Exec,
    ExecutionReport,
    FeeBooked,
    FeePending,
    OrderFilled,
)
from tradewrit.domain.events.positions import FillBooked, PositionClosed, StopSet
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import Price
from tradewrit.domain.portfolio import equity
from tradewrit.domain.splits import Ratio
from tradewrit.runtime.messages import priority

PERP = Instrument(
    symbol=SYMBOL, asset_class=AssetClass.PERPETUAL, lot=Decimal("0.1"), multiplier=Decimal("0.5")
)
RATE = Decimal(625)
"""Account currency for one BNB: one whose inverse is a finite decimal."""


class Elsewhere(World):
    """A venue that charges its fees in BNB. says_rate: whether it tells what a BNB is worth."""

    says_rate = True

    def report(self, reports: Iterable[ExecutionReport]) -> None:
        super().report(map(self.charged, reports))

    def charged(self, report: ExecutionReport) -> ExecutionReport:
        if report.kind is not Exec.TRADE:
            return report
        rate = RATE if self.says_rate else None
        return replace(report, fee=report.fee / RATE, fee_currency="BNB", fee_rate=rate)


def funding(world: World, rate: str, price: str = "175", action: str = "f") -> FundingSettled:
    """The venue settles funding, and says so."""
    told = FundingSettled(
        at=world.now, action=action, symbol=SYMBOL, rate=Decimal(rate), price=Price(Decimal(price))
    )
    world.feed(told, "funding")
    world.exchange.settle_funding(told)
    return told


def holding(signal: Any = BUY, kind: type[World] = World) -> World:
    world = kind(instruments=[PERP])
    world.enter(175.0, signal)
    return world


# -- funding


@pytest.mark.parametrize(
    ("signal", "rate", "sign"), [(BUY, "0.0001", -1), (BUY, "-0.0001", 1), (SELL, "0.0001", 1)]
)
def test_longs_pay_a_positive_rate_and_shorts_receive_it(signal: Any, rate: str, sign: int) -> None:
    world = holding(signal)
    cash, units = world.books.cash, abs(world.held)
    funding(world, rate, "180")
    due = units * PERP.multiplier * 180 * Decimal("0.0001") * sign
    assert world.only(FundingBooked).cash_change == due
    assert world.books.cash - cash == world.trade.funding == world.books.stats.funding == due
    world.audit()


def test_a_closed_trade_tells_funding_apart_from_fees_and_counts_both() -> None:
    world = holding()
    paid = funding(world, "0.0003")
    world.bar(160.0)
    closed = world.closed
    (exit_,) = [event for event in world.events(FillBooked) if event.closed]
    assert closed.funding == world.only(FundingBooked).cash_change < 0
    assert closed.pnl == closed.gross - closed.fees + closed.funding
    assert sum(lot.funding for lot in exit_.closed) == closed.funding
    assert sum(lot.pnl for lot in exit_.closed) == closed.pnl == world.books.stats.realised
    assert paid.rate == Decimal("0.0003")
    world.audit()


def test_funding_heard_twice_or_of_what_nobody_holds_does_nothing() -> None:
    world = holding()
    told = funding(world, "0.0001")
    before = world.books
    world.feed(told, "funding")
    assert world.books == before
    idle = World(instruments=[PERP])
    idle.bar(175.0)
    funding(idle, "0.0001")
    assert not idle.events(FundingBooked)
    assert idle.books.cash == 100_000


# -- fees in another currency


def test_a_fee_in_another_currency_costs_what_it_was_worth_at_the_fill_and_the_journal_has_both() -> None:
    world = holding(kind=Elsewhere)
    plain = holding()
    assert world.books.cash == plain.books.cash
    assert world.books.stats.fees == plain.books.stats.fees > 0
    (report,) = [event for event in world.events(ExecutionReport) if event.kind is Exec.TRADE]
    assert (report.fee_currency, report.fee_rate) == ("BNB", RATE)
    assert report.fee * RATE == world.only(OrderFilled).fee
    world.audit()


def without_rates() -> World:
    world = Elsewhere(instruments=[PERP])
    world.says_rate = False
    world.enter(175.0)
    return world


def test_a_fill_at_no_known_rate_is_booked_and_protected_and_its_fee_is_pending() -> None:
    world = without_rates()
    alert = world.only(FeePending)
    assert (alert.fee_currency, alert.trade_id) == ("BNB", world.trade.id)
    assert priority(alert) == "high"
    assert world.only(StopSet).quantity == world.held
    assert world.books.stats.fees == world.only(OrderFilled).fee == 0
    assert list(world.books.pending_fees) == [alert.exec_id]
    world.audit(is_in_step=False)


def commission(world: World, rate: str | None, **changes: Any) -> None:
    pending = world.only(FeePending)
    report = CommissionReport(
        at=world.now,
        exec_id=pending.exec_id,
        fee=pending.fee,
        fee_currency=pending.fee_currency,
        fee_rate=None if rate is None else Decimal(rate),
    )
    world.feed(replace(report, **changes), "broker")


def test_a_commission_report_with_a_rate_settles_it() -> None:
    world = without_rates()
    commission(world, "625")
    booked = world.only(FeeBooked)
    assert booked.fee == booked.charged * 625 == world.books.stats.fees == world.trade.fees
    assert not world.books.pending_fees
    world.audit()
    commission(world, "625")  # heard twice
    assert len(world.events(FeeBooked)) == 1


def test_a_commission_report_without_a_rate_or_of_another_fill_settles_nothing() -> None:
    world = without_rates()
    commission(world, None)
    commission(world, "0")
    commission(world, "625", exec_id="paper:nobody")
    assert [one.state for one in world.events(TransitionRefused)] == ["pending", "pending", "none"]
    assert world.books.stats.fees == 0
    commission(world, "625")
    assert world.only(FeeBooked).fee == world.books.stats.fees > 0


def test_a_fee_that_comes_after_the_end_of_its_trade_comes_out_of_what_was_realised() -> None:
    world = without_rates()
    world.bar(160.0)
    entry, exit_ = world.events(FeePending)
    realised = world.books.stats.realised
    assert realised == world.closed.gross
    for pending in (entry, exit_):
        report = CommissionReport(
            at=world.now, exec_id=pending.exec_id, fee=pending.fee, fee_currency="BNB", fee_rate=RATE
        )
        world.feed(report, "broker")
    fees = world.books.stats.fees
    assert world.books.stats.realised == realised - fees
    assert world.books.cash == 100_000 + world.books.stats.realised
    world.audit()


# -- everything at once


def paid(world: World) -> tuple[Fraction, Fraction]:
    """What flowed into the account, and the units it holds, from the journal's outside facts alone."""
    flow = units = Fraction(0)
    multiplier = Fraction(world.books.instrument(SYMBOL).multiplier)
    lot = Fraction(world.books.instrument(SYMBOL).lot)
    for event, record in world.heard:
        if record is None or record.entry.caused_by:
            continue
        match event:
            case ExecutionReport(kind=Exec.TRADE, last_price=price, side=side) if price and side:
                signed = side.sign * Fraction(event.last_quantity)
                flow -= signed * Fraction(price) * multiplier + Fraction(event.fee) * Fraction(
                    event.fee_rate or 1
                )
                units += signed
            case FundingSettled():
                flow -= units * multiplier * Fraction(event.price) * Fraction(event.rate)
            case DividendWentEx():
                flow += units * multiplier * Fraction(event.amount)
            case SharesSplit():
                units *= Fraction(event.ratio.new) / Fraction(event.ratio.old)
                left = abs(units) % lot * (1 if units > 0 else -1)
                flow += left * Fraction(event.price) * multiplier
                units -= left
            case _:
                pass
    return flow, units


@pytest.mark.parametrize("asset_class", [AssetClass.PERPETUAL, AssetClass.EQUITY])
@pytest.mark.parametrize("seed", range(4))
def test_a_desk_that_trades_wildly_has_what_was_paid_to_the_last_unit(
    seed: int, asset_class: AssetClass
) -> None:
    rng = random.Random(seed)
    instrument = replace(PERP, asset_class=asset_class)
    world = Elsewhere(
        instruments=[instrument],
        reverse=True,
        rules=PaperRules(participation_fraction=Decimal("0.5")),
        limits=Limits(max_drawdown_fraction=Decimal(1)),
    )
    price = 100.0
    for step in range(120):
        price = round(price * rng.uniform(0.97, 1.03), 2)
        if rng.random() < 0.5:
            world.says(rng.choice([BUY, SELL, LEAVE]))
        low, high = round(price * rng.uniform(0.96, 1), 2), round(price * rng.uniform(1, 1.04), 2)
        world.bar(price, high, low, rng.choice([low, price, high]), volume=rng.choice([3.0, 9.0, 500.0]))
        price = float(world.market.last(SYMBOL))
        happens = rng.random()
        if happens < 0.15:
            funding(world, str(rng.randint(-300, 300) / 10**6), str(price), f"f{step}")
        elif happens < 0.2:
            told = DividendWentEx(
                at=world.now, action=f"d{step}", symbol=SYMBOL, amount=Decimal(rng.randint(1, 99)) / 100
            )
            world.feed(told, "corporate")
            world.exchange.pay_dividend(told)
        elif happens < 0.23:
            new, old = (2, 1) if price > 90 else (1, 2)
            ratio = Ratio(Decimal(new), Decimal(old))
            price = round(price * old / new, 2)
            share = Price(Decimal(str(price)))
            split = SharesSplit(at=world.now, action=f"s{step}", symbol=SYMBOL, ratio=ratio, price=share)
            world.feed(split, "corporate")
            world.report(world.exchange.split(split))
        flow, units = paid(world)
        assert world.held == units
        mark = world.market.mark(SYMBOL)
        assert mark is not None
        worth = 100_000 + flow + units * Fraction(instrument.multiplier) * Fraction(mark)
        assert Fraction(equity(world.books, world.market.mark)) == worth
    closed = world.events(PositionClosed)
    assert len(closed) > 5
    assert world.books.stats.realised == sum(one.pnl for one in closed)
    still = world.books.trades.values()
    made = sum((Fraction(one.pnl) for one in closed), Fraction(0)) + sum(
        (Fraction(one.realised - one.fees + one.funding) for one in still), Fraction(0)
    )
    position = world.books.positions.get(SYMBOL)
    if position is not None:
        made += Fraction(position.unrealised(world.market.mark(SYMBOL), instrument))  # type: ignore[arg-type]
    assert Fraction(equity(world.books, world.market.mark)) == 100_000 + made
    world.audit()
