"""What each order type does, bar by bar."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.unit.brokers.venue import (
    FREE,
    SYMBOL,
    Told,
    Venue,
    bar,
    ended,
    flat,
    limit,
    market,
    protection,
    stop,
    terms,
    traded,
)
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.market import DAY, MINUTE, Bar, Interval, Quote
from tradewrit.domain.orders import OrderTerms, OrderType, Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
OPG, CLS, IOC, FOK, GTC = (
    TimeInForce.ON_OPEN,
    TimeInForce.ON_CLOSE,
    TimeInForce.IOC,
    TimeInForce.FOK,
    TimeInForce.GTC,
)
TENTH = PaperRules(fees=FixedFee(), participation_fraction=Decimal("0.1"))


# -- market orders


def test_a_market_order_fills_at_the_next_open_whatever_the_price() -> None:
    venue = Venue(FREE)
    venue.place(market("buy", BUY, 5))
    assert venue.open(bar(1, 180, 190, 170, 175)) == [traded("buy", 5, "180")]
    assert venue.held == 5


def test_a_market_order_placed_after_the_open_waits_for_the_next_open() -> None:
    venue = Venue(FREE)
    venue.place(limit("resting", BUY, "50"))  # so that there is something to look at
    first = bar(1, 100, 110, 90, 105)
    venue.open(first)
    venue.place(market("buy", BUY))
    assert venue.open(first) == []
    assert venue.trade(first) == []
    assert venue.close(first) == []
    assert venue.show(flat(2, 106)) == [traded("buy", 5, "106")]


def test_fills_are_dated_by_their_bar_and_numbered_in_order() -> None:
    venue = Venue(FREE)
    (accepted,) = venue.place(market("buy", BUY), at=7)
    (fill,) = venue.exchange.open(flat(60, 100))
    assert (accepted.at, accepted.exec_id, accepted.broker_order_id) == (7, "paper:1", "paper:o1")
    assert (fill.at, fill.exec_id, fill.broker_order_id) == (60, "paper:2", "paper:o1")
    assert (fill.trace, fill.symbol, fill.side) == ("trade-of-buy", SYMBOL, BUY)
    assert fill.cumulative == 5


def test_a_printed_price_off_the_tick_is_what_is_paid() -> None:
    venue = Venue(FREE)
    venue.place(market("buy", BUY))
    assert venue.open(flat(1, 23.7342)) == [traded("buy", 5, "23.7342")]


# -- protection, as the default strategy places it

LONG = [
    pytest.param(bar(2, 175, 180, 166.73, 170), [], id="a tick short of both"),
    pytest.param(bar(2, 175, 180, 166.72, 170), [traded("stop", 5, "166.72"), ended("target")], id="stop"),
    pytest.param(bar(2, 160.5, 180, 160, 170), [traded("stop", 5, "160.50"), ended("target")], id="gap down"),
    pytest.param(bar(2, 175, 201.82, 170, 180), [traded("target", 5, "201.82"), ended("stop")], id="target"),
    pytest.param(bar(2, 205.25, 210, 200, 208), [traded("target", 5, "205.25"), ended("stop")], id="gap up"),
    pytest.param(
        bar(2, 175, 210, 160, 180), [traded("stop", 5, "166.72"), ended("target")], id="both: the stop"
    ),
    pytest.param(
        bar(2, 205, 210, 160, 180), [traded("stop", 5, "166.72"), ended("target")], id="both, opens above"
    ),
]


@pytest.mark.parametrize(("seen", "happens"), LONG)
def test_a_long_is_protected_by_a_stop_and_a_target(seen: Bar, happens: Told) -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5, at=175.5)
    venue.place(*protection(SELL, "166.72", "201.82"), at=1)
    assert venue.show(seen) == happens
    assert venue.held == (0 if happens else 5)


SHORT = [
    pytest.param(bar(2, 175, 184.27, 170, 180), [], id="a tick short of both"),
    pytest.param(bar(2, 175, 184.28, 170, 180), [traded("stop", 5, "184.28"), ended("target")], id="stop"),
    pytest.param(bar(2, 190.5, 191, 180, 185), [traded("stop", 5, "190.50"), ended("target")], id="gap up"),
    pytest.param(bar(2, 175, 180, 149.18, 160), [traded("target", 5, "149.18"), ended("stop")], id="target"),
    pytest.param(bar(2, 140.5, 150, 140, 145), [traded("target", 5, "140.50"), ended("stop")], id="gap down"),
    pytest.param(
        bar(2, 175, 190, 140, 150), [traded("stop", 5, "184.28"), ended("target")], id="both: the stop"
    ),
]


@pytest.mark.parametrize(("seen", "happens"), SHORT)
def test_a_short_is_protected_by_the_mirror_image(seen: Bar, happens: Told) -> None:
    venue = Venue(FREE)
    venue.hold(SELL, 5, at=175.5)
    venue.place(*protection(BUY, "184.28", "149.18"), at=1)
    assert venue.show(seen) == happens
    assert venue.held == (0 if happens else -5)


@pytest.mark.parametrize(
    ("low", "high", "exits"),
    [(166.72, 180.0, [traded("stop", 5, "166.72"), ended("target")]), (170.0, 180.0, [])],
)
def test_protection_placed_on_a_fill_at_the_open_sees_all_of_that_bar(
    low: float, high: float, exits: Told
) -> None:
    venue = Venue(FREE)
    venue.place(market("buy", BUY))
    seen = bar(1, 175.5, high, low, 175)
    assert venue.open(seen) == [traded("buy", 5, "175.50")]
    venue.place(*protection(SELL, "166.72", "201.82"), at=1)
    assert venue.trade(seen) == exits


def test_a_stop_placed_beyond_the_market_is_taken_and_trades_at_the_open() -> None:
    venue = Venue(FREE)
    venue.place(market("buy", BUY))
    seen = bar(1, 100, 104, 98, 103)
    venue.open(seen)
    (accepted,) = venue.place(stop("late", SELL, "101", reduce_only=True), at=1)
    assert accepted.kind is Exec.NEW
    assert venue.trade(seen) == [traded("late", 5, "100")]


# -- entries by limit


@pytest.mark.parametrize(
    ("seen", "happens"),
    [
        (bar(1, 100, 101, 95.01, 100), []),
        (bar(1, 100, 101, 95.0, 100), [traded("buy", 5, "95")]),
        (bar(1, 94, 101, 93, 100), [traded("buy", 5, "94")]),
    ],
)
def test_an_entry_by_limit_fills_at_the_limit_or_a_better_open(seen: Bar, happens: Told) -> None:
    venue = Venue(FREE)
    venue.place(limit("buy", BUY, "95"))
    assert venue.show(seen) == happens


def test_a_limit_that_must_be_traded_through_ignores_a_touch() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), limit_fills="through"))
    venue.place(limit("buy", BUY, "95"))
    assert venue.show(bar(1, 100, 101, 95, 100)) == []
    assert venue.show(bar(2, 100, 101, 94.99, 100)) == [traded("buy", 5, "95")]


def test_protection_of_an_entry_inside_the_bar_may_be_stopped_in_it_but_not_reach_its_target() -> None:
    venue = Venue(FREE)
    venue.place(limit("buy", BUY, "95"))
    seen = bar(1, 100, 120, 90, 110)
    venue.open(seen)
    assert venue.trade(seen) == [traded("buy", 5, "95")]
    venue.place(*protection(SELL, "80", "115"), at=1)
    assert venue.close(seen) == []
    assert venue.show(bar(2, 110, 116, 109, 112)) == [traded("target", 5, "115"), ended("stop")]


def test_protection_of_an_entry_inside_the_bar_is_stopped_in_it_when_the_low_lies_beyond() -> None:
    venue = Venue(FREE)
    venue.place(limit("buy", BUY, "95"))
    seen = bar(1, 100, 120, 90, 110)
    venue.open(seen)
    venue.trade(seen)
    venue.place(*protection(SELL, "91", "115"), at=1)
    assert venue.close(seen) == [traded("stop", 5, "91"), ended("target")]


# -- stop-limit


@pytest.mark.parametrize(
    ("seen", "happens"),
    [
        pytest.param(bar(2, 100, 101, 95.01, 100), [], id="not triggered"),
        pytest.param(bar(2, 100, 101, 94, 95), [traded("exit", 5, "95")], id="triggered within its limit"),
        pytest.param(
            bar(2, 94.5, 96, 93, 94), [traded("exit", 5, "94.50")], id="gap, still within its limit"
        ),
        pytest.param(bar(2, 90, 93.99, 89, 92), [], id="gap beyond its limit, never back"),
        pytest.param(
            bar(2, 90, 95, 89, 92), [traded("exit", 5, "94")], id="gap beyond, comes back to the limit"
        ),
    ],
)
def test_a_stop_limit_becomes_a_limit_when_its_stop_is_reached(seen: Bar, happens: Told) -> None:
    venue = Venue(FREE)
    venue.hold()
    venue.place(terms("exit", SELL, 5, OrderType.STOP_LIMIT, stop="95", limit="94", reduce_only=True), at=1)
    assert venue.show(seen) == happens


def test_a_stop_limit_triggered_inside_a_bar_beyond_its_limit_sees_no_more_of_that_bar() -> None:
    venue = Venue(FREE)
    venue.hold()
    venue.place(terms("exit", SELL, 5, OrderType.STOP_LIMIT, stop="95", limit="97", reduce_only=True), at=1)
    assert venue.show(bar(2, 100, 105, 94, 96)) == []
    assert venue.show(bar(3, 96, 97, 95.5, 96)) == [traded("exit", 5, "97")]


# -- trailing stops


def test_a_trail_follows_completed_bars_only() -> None:
    venue = Venue(FREE)
    venue.hold(at=100.0)
    venue.place(terms("trail", SELL, 5, OrderType.TRAILING_STOP, trail="0.05", reduce_only=True), at=1)
    # The high of 120 would put the stop at 114, above this bar's low; it counts from the next bar on.
    assert venue.show(bar(2, 101, 120, 96, 119)) == []
    assert venue.show(bar(3, 119, 119.5, 113.9, 115)) == [traded("trail", 5, "114")]


def test_a_trail_starts_from_the_entrys_fill_price() -> None:
    venue = Venue(FREE, last=150.0)
    venue.place(market("buy", BUY))
    seen = bar(1, 100, 101, 95.0, 100)
    venue.open(seen)
    venue.place(terms("trail", SELL, 5, OrderType.TRAILING_STOP, trail="0.05", reduce_only=True), at=1)
    assert venue.trade(seen) == [traded("trail", 5, "95")]


def test_a_trail_never_loosens_and_its_mirror_protects_a_short() -> None:
    venue = Venue(FREE)
    venue.hold(SELL, at=100.0)
    venue.place(terms("trail", BUY, 5, OrderType.TRAILING_STOP, trail="0.05", reduce_only=True), at=1)
    assert venue.show(bar(2, 99, 99, 80, 82), bar(3, 82, 83.99, 81, 83)) == []
    assert venue.show(bar(4, 83, 85, 82, 84)) == [traded("trail", 5, "84")]


def test_a_trail_without_a_known_price_starts_at_the_next_open() -> None:
    venue = Venue(FREE, last=None)
    venue.place(terms("trail", BUY, 5, OrderType.TRAILING_STOP, trail="0.05"))
    assert venue.show(bar(1, 100, 104.99, 99, 100)) == []
    # The low of 99 moved it from 105 to 103.95.
    assert venue.show(bar(2, 100, 103.95, 99.5, 100)) == [traded("trail", 5, "103.95")]


def test_a_trail_born_inside_a_bar_takes_only_its_close() -> None:
    venue = Venue(FREE)
    venue.place(limit("buy", BUY, "95"))
    seen = bar(1, 100, 130, 95, 98)
    venue.open(seen)
    venue.trade(seen)
    venue.place(terms("trail", SELL, 5, OrderType.TRAILING_STOP, trail="0.05", reduce_only=True), at=1)
    venue.close(seen)
    assert venue.show(bar(2, 98, 99, 93.11, 95)) == []  # 5 % below 98 is 93.10
    assert venue.show(bar(3, 95, 99, 90, 95)) == [traded("trail", 5, "94.05")]  # 5 % below 99


# -- orders for one moment


@pytest.mark.parametrize(
    ("order", "happens"),
    [
        pytest.param(market("o", BUY, 5, tif=IOC), [traded("o", 5, "100")], id="market ioc"),
        pytest.param(limit("o", BUY, "100", tif=IOC), [traded("o", 5, "100")], id="ioc at its limit"),
        pytest.param(limit("o", BUY, "99.99", tif=IOC), [ended("o")], id="ioc not marketable at the open"),
        pytest.param(
            market("o", BUY, 30, tif=IOC), [traded("o", 20, "100"), ended("o")], id="ioc keeps what it got"
        ),
        pytest.param(market("o", BUY, 30, tif=FOK), [ended("o")], id="fok: not whole, not at all"),
        pytest.param(market("o", BUY, 20, tif=FOK), [traded("o", 20, "100")], id="fok: whole"),
        pytest.param(limit("o", BUY, "99", tif=FOK), [ended("o")], id="fok: not marketable"),
        pytest.param(market("o", BUY, 5, tif=OPG), [traded("o", 5, "100")], id="on open"),
        pytest.param(limit("o", BUY, "100", tif=OPG), [traded("o", 5, "100")], id="limit on open"),
        pytest.param(limit("o", BUY, "99", tif=OPG), [ended("o")], id="limit on open, beyond it"),
        pytest.param(market("o", BUY, 5, tif=CLS), [traded("o", 5, "97")], id="on close"),
        pytest.param(limit("o", BUY, "97", tif=CLS), [traded("o", 5, "97")], id="limit on close"),
        pytest.param(limit("o", BUY, "96", tif=CLS), [ended("o")], id="limit on close, beyond it"),
    ],
)
def test_orders_for_one_moment_trade_then_or_never(order: OrderTerms, happens: Told) -> None:
    venue = Venue(TENTH)
    venue.place(order)
    assert venue.show(bar(1, 100, 103, 90, 97, volume=200)) == happens
    assert venue.show(bar(2, 90, 103, 80, 90, volume=200)) == []


def test_an_unfilled_remainder_says_why_it_ended() -> None:
    venue = Venue(TENTH)
    venue.place(market("o", BUY, 30, tif=IOC))
    venue.open(flat(1, 100, volume=200))
    last = venue.latest("o")
    assert (last.kind, last.code) == (Exec.CANCELED, "not_fillable_at_once")
    assert last.cumulative == 20


# -- partial fills


def test_all_fills_of_a_bar_share_its_volume() -> None:
    venue = Venue(TENTH)
    venue.place(market("first", BUY, 60))
    venue.place(market("second", BUY, 60))
    venue.place(limit("third", BUY, "95", 60))
    seen = bar(1, 100, 101, 90, 100, volume=1000)
    assert venue.show(seen) == [traded("first", 60, "100"), traded("second", 40, "100")]
    assert venue.show(bar(2, 101, 102, 90, 100, volume=1000)) == [
        traded("second", 20, "101"),
        traded("third", 60, "95"),
    ]
    assert [r.cumulative for r in venue.reports if r.client_order_id == "second"] == [0, 40, 60]


def test_what_is_left_of_a_stop_sells_at_the_next_open() -> None:
    venue = Venue(TENTH)
    venue.place(market("buy", BUY, 50))
    venue.show(flat(1, 100, volume=1000))
    venue.place(stop("stop", SELL, "95", 50, reduce_only=True), at=1)
    assert venue.show(bar(2, 100, 101, 94, 99, volume=300)) == [traded("stop", 30, "95")]
    assert venue.show(bar(3, 99, 101, 98, 99, volume=300)) == [traded("stop", 20, "99")]


# -- how long orders live


def test_a_day_order_dies_with_its_daily_bar_and_a_gtc_order_does_not() -> None:
    venue = Venue(FREE, interval=Interval.DAY)
    venue.place(limit("day", BUY, "90", tif=TimeInForce.DAY), limit("gtc", BUY, "90"))
    assert venue.show(flat(DAY, 100)) == [ended("day", Exec.EXPIRED)]
    assert venue.ids() == ["gtc"]


def test_a_day_order_placed_after_the_daily_bar_lives_through_the_next() -> None:
    venue = Venue(FREE, interval=Interval.DAY)
    venue.place(limit("old", BUY, "90"))
    venue.show(flat(DAY, 100))
    venue.place(limit("day", BUY, "95", tif=TimeInForce.DAY), at=DAY)
    assert venue.show(bar(2 * DAY, 100, 101, 95, 100)) == [traded("day", 5, "95")]


def test_a_day_order_of_minute_bars_lives_until_the_session_is_closed() -> None:
    venue = Venue(FREE, interval=Interval.MINUTE)
    venue.place(limit("day", BUY, "90", tif=TimeInForce.DAY), limit("gtc", BUY, "90"))
    venue.show(flat(1 * MINUTE, 100), flat(2 * MINUTE, 100))
    venue.place(limit("tomorrow", BUY, "90", tif=TimeInForce.DAY), at=3 * MINUTE)
    reports = venue.exchange.session_closed(3 * MINUTE)
    assert [(r.client_order_id, r.kind, r.at) for r in reports] == [("day", Exec.EXPIRED, 3 * MINUTE)]
    assert venue.ids() == ["gtc", "tomorrow"]


def test_an_order_placed_at_the_end_of_a_session_meets_the_bar_that_opens_at_that_moment() -> None:
    venue = Venue(FREE)
    venue.show(flat(1 * MINUTE, 100))
    venue.exchange.session_closed(2 * MINUTE)
    venue.place(market("buy", BUY), at=2 * MINUTE)
    assert venue.show(flat(2 * MINUTE, 101)) == [traded("buy", 5, "101")]


# -- quotes


def quote(ts: int, bid: float, ask: float, size: float = 0.0) -> Quote:
    return Quote(SYMBOL, ts, bid, ask, size, size)


def test_quotes_are_bought_at_the_ask_and_sold_at_the_bid() -> None:
    venue = Venue(FREE)
    venue.place(market("buy", BUY, 10))
    (bought,) = venue.exchange.quote(quote(1, 99.5, 100.5))
    venue.place(market("sell", SELL, 4, reduce_only=True), at=1)
    (sold,) = venue.exchange.quote(quote(2, 99.0, 100.0))
    assert (bought.last_price, bought.at, sold.last_price, sold.at) == (Decimal("100.50"), 1, Decimal(99), 2)


def test_resting_orders_meet_the_side_of_the_quote_they_trade_with() -> None:
    venue = Venue(FREE)
    venue.hold(at=100.0)
    venue.place(*protection(SELL, "95", "110"), at=1)
    assert venue.exchange.quote(quote(2, 95.01, 120.0)) == ()
    stopped, cancelled = venue.exchange.quote(quote(3, 94.5, 96.0))
    assert (stopped.client_order_id, stopped.last_price) == ("stop", Decimal("94.50"))
    assert (cancelled.client_order_id, cancelled.reason) == ("target", "oco")


def test_a_quoted_size_bounds_a_fill_when_participation_is_bounded() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), participation_fraction=Decimal(1)))
    venue.place(limit("buy", BUY, "100", 50))
    (first,) = venue.exchange.quote(quote(1, 99, 100, size=30))
    (second,) = venue.exchange.quote(quote(2, 99, 100, size=30))
    assert [first.last_quantity, second.last_quantity, second.cumulative] == [30, 20, 50]


def test_a_trail_follows_quotes() -> None:
    venue = Venue(FREE)
    venue.hold(at=100.0)
    venue.place(terms("trail", SELL, 5, OrderType.TRAILING_STOP, trail="0.10", reduce_only=True), at=1)
    assert venue.exchange.quote(quote(2, 120, 121)) == ()
    (fill,) = venue.exchange.quote(quote(3, 107.5, 108))
    assert fill.last_price == Decimal("107.50")  # through 108, ten percent below the best bid


def test_an_order_on_the_close_meets_the_last_quote_of_the_session() -> None:
    venue = Venue(FREE)
    venue.place(market("buy", BUY, tif=CLS))
    assert venue.exchange.quote(quote(1, 99, 100)) == ()
    (fill,) = venue.exchange.session_closed(2)
    assert (fill.kind, fill.last_price) == (Exec.TRADE, Decimal(100))


# -- orders placed while a bar is shown, in another symbol


def elsewhere(part: Callable[[Bar], object], seen: Bar) -> None:
    """Another symbol's bar comes to the same part first."""
    part(Bar("MSFT", seen.ts, 50.0, 50.0, 50.0, 50.0, 1e6))


def test_an_order_placed_while_bars_trade_sees_of_its_own_only_what_could_hurt() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5, at=100.0)
    venue.place(limit("other", BUY, "1", symbol="MSFT"))
    seen = bar(2, 100, 120, 90, 100)
    venue.open(seen)
    elsewhere(venue.trade, seen)
    venue.place(*protection(SELL, "95", "110"), at=2)
    assert venue.trade(seen) == []
    assert venue.close(seen) == [traded("stop", 5, "95"), ended("target")]


def test_a_limit_placed_while_bars_trade_waits_for_the_next() -> None:
    venue = Venue(FREE)
    venue.place(limit("other", BUY, "1", symbol="MSFT"))
    seen = bar(2, 100, 120, 90, 100)
    elsewhere(venue.trade, seen)
    venue.place(limit("buy", BUY, "95"), at=2)
    assert [*venue.trade(seen), *venue.close(seen)] == []
    assert venue.show(flat(3, 95)) == [traded("buy", 5, "95")]


def test_orders_placed_while_bars_close_belong_to_the_next() -> None:
    venue = Venue(FREE, interval=Interval.DAY)
    venue.place(limit("other", BUY, "1", symbol="MSFT"))
    seen = bar(DAY, 100, 120, 90, 100)
    elsewhere(venue.close, seen)
    venue.place(market("close", BUY, 1, tif=CLS), at=DAY)
    venue.place(limit("day", BUY, "80", 1, tif=TimeInForce.DAY), at=DAY)
    venue.place(terms("trail", SELL, 1, OrderType.TRAILING_STOP, trail="0.05"), at=DAY)
    assert venue.close(seen) == []
    # The trail starts from the last price, 100: the high of 120 was before its time.
    assert venue.show(bar(2 * DAY, 100, 101, 95.01, 98)) == [
        traded("close", 1, "98"),
        ("day", Exec.EXPIRED, Decimal(0), None),
    ]


# -- nothing to do


def test_a_symbol_with_nothing_working_need_not_be_shown() -> None:
    venue = Venue(FREE)
    assert not venue.exchange.is_working(SYMBOL)
    venue.place(market("buy", BUY))
    assert venue.exchange.is_working(SYMBOL)
    seen = flat(1, 100)
    venue.open(seen)
    assert venue.exchange.is_working(SYMBOL)  # until the bar is over
    venue.close(seen)
    assert not venue.exchange.is_working(SYMBOL)
    assert venue.show(flat(2, 100)) == []


@pytest.mark.parametrize(
    ("order", "low", "high", "is_untouched"),
    [
        (limit("o", BUY, "95"), 95.01, 200.0, True),
        (limit("o", BUY, "95"), 95.0, 96.0, False),
        (stop("o", BUY, "105"), 1.0, 104.99, True),
        (stop("o", BUY, "105"), 104.0, 105.0, False),
        (market("o", BUY), 99.0, 101.0, False),
        (limit("o", BUY, "95", tif=IOC), 99.0, 101.0, False),
        (market("o", BUY, tif=CLS), 99.0, 101.0, False),
        (limit("o", BUY, "95", tif=TimeInForce.DAY), 99.0, 101.0, False),
        (terms("o", BUY, 5, OrderType.TRAILING_STOP, trail="0.5"), 99.0, 101.0, False),
    ],
)
def test_the_screen_lets_pass_only_bars_that_concern_nobody(
    order: OrderTerms, low: float, high: float, is_untouched: bool
) -> None:
    venue = Venue(FREE)
    venue.place(order)
    assert venue.exchange.working[SYMBOL].is_untouched_by(low, high, 1) is is_untouched


def test_a_symbols_bars_leave_the_orders_of_others_alone() -> None:
    venue = Venue(FREE)
    venue.place(market("other", BUY, symbol="MSFT"))
    assert venue.show(flat(1, 100)) == []
    assert venue.ids() == ["other"]
