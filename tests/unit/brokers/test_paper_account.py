"""The venue's own account: fees, cash, margin, settlement, and its agreement with the desk's arithmetic."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tests.unit.brokers.venue import (
    FREE,
    SYMBOL,
    Venue,
    bar,
    flat,
    limit,
    market,
    protection,
    stop,
    traded,
)
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.fees import BpsFee, FeeModel, FixedFee, PerShareFee
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.market import DAY, HOUR, MINUTE, SECOND, Interval
from tradewrit.domain.orders import Side, TimeInForce
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.times import parse_iso
from tradewrit.errors import ConfigError
from tradewrit.market.calendar import calendar_for

BUY, SELL = Side.BUY, Side.SELL
NYSE = calendar_for("NYSE")


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def test_the_golden_trade_costs_and_earns_what_the_page_says() -> None:
    venue = Venue(FREE)
    venue.place(market("buy", BUY, 5))
    entry = bar(1, 175.5, 176, 175, 175.8)
    venue.open(entry)
    assert venue.exchange.cash == Decimal(100_000) - Decimal("877.50")
    venue.place(*protection(SELL, "166.72", "201.82"), at=1)
    venue.trade(entry)
    venue.close(entry)
    venue.show(bar(2, 180, 202, 179, 200))
    assert venue.exchange.cash == Decimal(100_000) + Decimal("131.60")
    assert venue.exchange.positions() == {}


@pytest.mark.parametrize(
    ("model", "fee"),
    [
        (BpsFee(), "0.8775"),
        (BpsFee(Decimal(0)), "0"),
        (PerShareFee(), "1.00"),
        (PerShareFee(Decimal("0.5"), Decimal(1)), "2.50"),
        (PerShareFee(Decimal(1000), Decimal(1), Decimal("0.01")), "8.775"),
        (FixedFee(Decimal("4.95")), "4.95"),
    ],
)
def test_every_fill_is_charged_by_the_fee_model(model: FeeModel, fee: str) -> None:
    venue = Venue(PaperRules(fees=model))
    venue.place(market("buy", BUY, 5))
    (report,) = venue.exchange.open(flat(1, 175.5))
    assert report.fee == Decimal(fee)
    assert venue.exchange.fees == Decimal(fee)
    assert venue.exchange.cash == Decimal(100_000) - Decimal("877.50") - Decimal(fee)


def test_slippage_is_paid_on_market_and_stop_fills_but_not_on_limits() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), slippage_bps=Decimal(10)))
    venue.place(market("buy", BUY, 10))
    assert venue.open(flat(1, 100)) == [traded("buy", 10, "100.10")]
    venue.place(stop("stop", SELL, "95", 5, reduce_only=True), at=1)
    venue.place(limit("target", SELL, "110", 5, reduce_only=True), at=1)
    assert venue.show(bar(2, 100, 110, 95, 100)) == [traded("stop", 5, "94.90"), traded("target", 5, "110")]


def test_short_proceeds_are_not_cash_and_a_short_ties_up_its_notional() -> None:
    venue = Venue(FREE)
    venue.hold(SELL, 100, at=100.0)
    assert venue.exchange.cash == 100_000
    assert venue.exchange.buying_power == 90_000
    assert venue.exchange.equity(lambda _: Decimal(90)) == 101_000
    venue.place(market("cover", BUY, 100, reduce_only=True), at=1)
    venue.show(flat(2, 90))
    assert venue.exchange.cash == venue.exchange.buying_power == 101_000


def test_a_future_moves_cash_by_its_profit_alone() -> None:
    es = Instrument(
        symbol=SYMBOL, asset_class=AssetClass.FUTURE, tick=Decimal("0.25"), multiplier=Decimal(50)
    )
    venue = Venue(
        PaperRules(fees=FixedFee(), max_leverage=Decimal(10)), last=4000.0, instruments={SYMBOL: es}
    )
    venue.hold(BUY, 2, at=4000.0)
    assert venue.exchange.cash == 100_000
    assert venue.exchange.buying_power == 60_000
    assert venue.exchange.equity(lambda _: Decimal(4010)) == 101_000
    venue.place(market("out", SELL, 2, reduce_only=True), at=1)
    venue.show(flat(2, 4010))
    assert venue.exchange.cash == 101_000


def test_a_position_without_a_mark_is_worth_what_it_cost() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 10, at=100.0)
    assert venue.exchange.equity(lambda _: None) == 100_000


def test_a_cash_account_sells_nothing_short() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), margin=False))
    (refused,) = venue.place(market("short", SELL, 5))
    assert refused.code == Rejection.NOT_SHORTABLE
    venue.hold(BUY, 5)
    (refused,) = venue.place(market("too-many", SELL, 6), at=1)
    (accepted,) = venue.place(market("out", SELL, 5), at=1)
    assert (refused.code, accepted.kind) == (Rejection.NOT_SHORTABLE, Exec.NEW)


def test_a_cash_account_buys_with_settled_cash_only() -> None:
    venue = Venue(
        PaperRules(fees=FixedFee(), margin=False, settlement_days=1), cash="1000", interval=Interval.DAY
    )
    venue.hold(BUY, 10, at=100.0, ts=DAY)
    venue.place(market("out", SELL, 10, reduce_only=True), at=DAY)
    venue.show(flat(2 * DAY, 100))
    (sale,) = [r for r in venue.reports if r.client_order_id == "out" and r.kind is Exec.TRADE]
    assert sale.settles_at == 3 * DAY
    assert venue.exchange.cash == 1000
    (refused,) = venue.place(market("early", BUY, 10), at=3 * DAY - 1)
    (accepted,) = venue.place(market("settled", BUY, 10), at=3 * DAY)
    assert (refused.code, accepted.kind) == (Rejection.INSUFFICIENT_FUNDS, Exec.NEW)


@pytest.mark.parametrize(
    ("sold_at", "settles_on"),
    [
        ("2024-01-05T15:00", "2024-01-08"),  # Friday: settles on Monday
        ("2024-01-12T15:00", "2024-01-16"),  # before a Monday holiday
        ("2024-01-05T00:00", "2024-01-08"),  # a daily bar, stamped with midnight UTC of its date
        ("2024-01-04T14:30", "2024-01-05"),  # a daily bar, stamped with its open
        ("2024-01-04T22:00", "2024-01-05"),  # after hours: still that day's trade
    ],
)
def test_settlement_counts_trading_days(sold_at: str, settles_on: str) -> None:
    venue = Venue(PaperRules(settlement_days=1), calendar=NYSE, interval=Interval.DAY)
    venue.hold(BUY, 5, ts=utc("2024-01-03T00:00"))
    venue.place(market("out", SELL, 5, reduce_only=True))
    (sale,) = venue.exchange.open(flat(utc(sold_at), 100))
    assert sale.settles_at == utc(settles_on)


# -- sessions

AWARE = PaperRules(fees=FixedFee(), sessions=True)
MONDAY_OPEN = utc("2024-01-08T14:30")
MONDAY_CLOSE = utc("2024-01-08T21:00")


def test_keeping_sessions_needs_a_calendar() -> None:
    with pytest.raises(ConfigError, match="calendar"):
        PaperExchange({}, initial_cash=Decimal(1), rules=AWARE)


def test_a_closed_market_refuses_what_can_trade_at_once_only_and_keeps_the_rest() -> None:
    venue = Venue(AWARE, calendar=NYSE, interval=Interval.MINUTE)
    sunday = utc("2024-01-07T15:00")
    (at_market,) = venue.place(market("m", BUY), at=sunday)
    (at_once,) = venue.place(limit("i", BUY, "90", tif=TimeInForce.IOC), at=sunday)
    (resting,) = venue.place(limit("l", BUY, "90", tif=TimeInForce.DAY), at=sunday)
    (auction,) = venue.place(market("o", BUY, tif=TimeInForce.ON_OPEN), at=sunday)
    assert at_once.code == Rejection.MARKET_CLOSED
    assert (at_market.kind, resting.kind, auction.kind) == (Exec.NEW, Exec.NEW, Exec.NEW)


def test_a_market_order_outside_the_session_waits_for_its_first_trade() -> None:
    venue = Venue(AWARE, calendar=NYSE, interval=Interval.MINUTE)
    venue.place(market("m", BUY), at=MONDAY_OPEN - HOUR)
    assert venue.show(flat(MONDAY_OPEN - MINUTE, 90)) == []
    assert venue.show(flat(MONDAY_OPEN, 94)) == [traded("m", 5, "94")]


def test_nothing_fills_outside_the_regular_session() -> None:
    venue = Venue(AWARE, calendar=NYSE, interval=Interval.MINUTE)
    venue.place(limit("buy", BUY, "95"), at=MONDAY_OPEN - HOUR)
    assert venue.show(flat(MONDAY_OPEN - MINUTE, 90)) == []
    assert venue.show(flat(MONDAY_OPEN, 94)) == [traded("buy", 5, "94")]


def test_day_orders_and_auctions_follow_the_calendar() -> None:
    venue = Venue(AWARE, calendar=NYSE, interval=Interval.MINUTE)
    before = MONDAY_OPEN - HOUR
    venue.place(market("open", BUY, 1, tif=TimeInForce.ON_OPEN), at=before)
    venue.place(market("close", BUY, 2, tif=TimeInForce.ON_CLOSE), at=before)
    venue.place(limit("day", BUY, "50", 3, tif=TimeInForce.DAY), at=before)
    assert venue.show(flat(MONDAY_OPEN, 100)) == [traded("open", 1, "100")]
    assert venue.show(flat(MONDAY_CLOSE - 2 * MINUTE, 101)) == []
    last_minute = venue.show(flat(MONDAY_CLOSE - MINUTE, 102))
    assert last_minute == [traded("close", 2, "102"), ("day", Exec.EXPIRED, Decimal(0), None)]


def test_a_day_order_outlives_lunch_in_which_nothing_trades() -> None:
    venue = Venue(AWARE, calendar=calendar_for("XTKS"), interval=Interval.MINUTE)
    opens, lunch, afternoon, closes = (
        parse_iso(f"2024-03-04T{at}:00Z") for at in ("00:00", "02:30", "03:30", "06:00")
    )
    venue.place(limit("day", BUY, "50", 3, tif=TimeInForce.DAY), at=opens)
    venue.show(flat(lunch - MINUTE, 100))
    (refused,) = venue.place(limit("at once", BUY, "200", 1, tif=TimeInForce.IOC), at=lunch + MINUTE)
    assert refused.code == Rejection.MARKET_CLOSED
    assert venue.show(flat(lunch + MINUTE, 40)) == []  # a print in the break is none of the session's
    assert venue.show(flat(afternoon, 60)) == []
    assert venue.show(flat(closes - MINUTE, 60)) == [("day", Exec.EXPIRED, Decimal(0), None)]


def test_a_day_order_whose_last_bars_are_missing_expires_before_the_next_bar_can_fill_it() -> None:
    venue = Venue(FREE, calendar=NYSE, interval=Interval.MINUTE)
    venue.place(limit("day", BUY, "95", tif=TimeInForce.DAY), at=MONDAY_OPEN)
    assert venue.show(flat(MONDAY_OPEN + DAY, 90)) == [("day", Exec.EXPIRED, Decimal(0), None)]


# -- configuration


@pytest.mark.parametrize(
    "wrong",
    [
        {"participation_fraction": "0"},
        {"participation_fraction": "1.5"},
        {"slippage_bps": "-1"},
        {"reject_fraction": "2"},
        {"settlement_days": -1},
        {"max_leverage": "0"},
        {"limit_fills": "never"},
        {"slipage_bps": "1"},
    ],
)
def test_rules_that_make_no_sense_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError, match=next(iter(wrong))):
        msgspec.convert(wrong, PaperRules)


def test_rules_are_read_from_plain_values() -> None:
    read = msgspec.convert(
        {"fees": {"type": "per_share", "per_unit": "0.01"}, "slippage_bps": "2.5", "limit_fills": "through"},
        PaperRules,
    )
    assert read == PaperRules(
        fees=PerShareFee(per_unit=Decimal("0.01")), slippage_bps=Decimal("2.5"), limit_fills="through"
    )


def test_every_option_is_on_its_page() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/paper-exchange.md").read_text(encoding="utf-8")
    table = page[page.index("## Options") :]
    for field in msgspec.structs.fields(PaperRules):
        assert f"| `{field.name}` |" in table
