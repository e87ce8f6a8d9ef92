"""What a market order takes: the next open, or at once the last price or quote."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from tests.unit.brokers.venue import (
    FREE,
    GRANT,
    SYMBOL,
    Venue,
    bar,
    flat,
    limit,
    market,
    protection,
    stop,
    told,
    traded,
)
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.fees import BpsFee, FixedFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar, Quote
from tradewrit.domain.orders import Approved, OrderTerms, Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
CLOSE = PaperRules(fees=FixedFee(), market_fills="close")
QUOTE = PaperRules(fees=FixedFee(), market_fills="quote")


def accepted(order_id: str) -> tuple[str, Exec, Decimal, None]:
    return (order_id, Exec.NEW, Decimal(0), None)


def quoting(quotes: Callable[[str], Quote | None] | None = None, rules: PaperRules = QUOTE) -> PaperExchange:
    return PaperExchange(
        {SYMBOL: Instrument(symbol=SYMBOL)}, initial_cash=Decimal(100_000), rules=rules, quotes=quotes
    )


def place(exchange: PaperExchange, *orders: OrderTerms) -> list[tuple[str, Exec, Decimal, object]]:
    return list(told(exchange.place(Approved(orders=orders, by=("risk:test",), at=7), GRANT)))


# -- close


def test_at_the_close_an_order_fills_at_once_at_the_last_price() -> None:
    venue = Venue(CLOSE, last=100.0)
    assert told(venue.place(market("buy", BUY, 5))) == [accepted("buy"), traded("buy", 5, "100.00")]
    assert venue.held == 5
    assert venue.ids() == []


def test_a_fill_at_the_close_is_dated_when_the_order_was_sent() -> None:
    venue = Venue(CLOSE)
    _, fill = venue.place(market("buy", BUY), at=60)
    assert (fill.kind, fill.at) == (Exec.TRADE, 60)


def test_slippage_and_fees_are_paid_at_the_close_as_well() -> None:
    rules = PaperRules(fees=BpsFee(Decimal(10)), slippage_bps=Decimal(10), market_fills="close")
    venue = Venue(rules, last=100.0)
    _, bought = venue.place(market("buy", BUY, 5))
    assert (bought.last_price, bought.fee) == (Decimal("100.10"), Decimal("0.5005"))
    _, sold = venue.place(market("sell", SELL, 5, reduce_only=True))
    assert sold.last_price == Decimal("99.90")


def test_protection_of_a_fill_at_the_close_is_live_from_the_next_bar_on() -> None:
    venue = Venue(CLOSE)
    seen = bar(1, 100, 120, 80, 100)
    venue.place(stop("elsewhere", BUY, "500"))  # so that the bar is looked at
    venue.show(seen)
    venue.place(market("buy", BUY, 5), at=2)
    venue.place(*protection(SELL, "95", "115"), at=2)
    assert venue.ids() == ["elsewhere", "stop", "target"]
    assert venue.show(bar(3, 90, 99, 89, 98))[0] == traded("stop", 5, "90")


def test_without_any_price_an_order_waits_for_the_next_open() -> None:
    venue = Venue(CLOSE, last=None)
    assert told(venue.place(market("buy", BUY))) == [accepted("buy")]
    assert venue.open(flat(1, 104)) == [traded("buy", 5, "104")]


def test_an_order_placed_while_bars_trade_waits_for_the_next_open() -> None:
    venue = Venue(CLOSE)
    venue.place(limit("resting", BUY, "50"))
    first = bar(1, 100, 110, 90, 105)
    venue.open(first)
    assert told(venue.place(market("opening", BUY))) == [accepted("opening")]
    venue.trade(first)
    assert told(venue.place(market("inside", BUY))) == [accepted("inside")]
    assert venue.close(first) == []
    assert venue.open(flat(2, 106)) == [traded("opening", 5, "106"), traded("inside", 5, "106")]


@pytest.mark.parametrize("tif", [TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY])
def test_whatever_its_time_in_force_it_fills_whole(tif: TimeInForce) -> None:
    venue = Venue(CLOSE)
    assert told(venue.place(market("buy", BUY, 5, tif=tif)))[1:] == [traded("buy", 5, "100.00")]


@pytest.mark.parametrize("tif", [TimeInForce.ON_OPEN, TimeInForce.ON_CLOSE])
def test_an_order_for_an_auction_waits_for_it(tif: TimeInForce) -> None:
    venue = Venue(CLOSE)
    assert told(venue.place(market("buy", BUY, 5, tif=tif))) == [accepted("buy")]


def test_children_wake_when_their_parent_fills_at_the_close() -> None:
    venue = Venue(CLOSE)
    venue.place(market("buy", BUY, 5), stop("child", SELL, "95", parent="buy"))
    assert venue.show(bar(1, 96, 97, 94, 95)) == [traded("child", 5, "95")]


def test_two_orders_at_one_close_pay_the_same_price_before_slippage() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), slippage_bps=Decimal(100), market_fills="close"))
    venue.show(flat(1, 100))
    _, first = venue.place(market("buy", BUY, 5), at=2)
    _, second = venue.place(market("more", BUY, 5), at=2)
    assert first.last_price == second.last_price == Decimal("101.00")


# -- quote


def test_at_the_quote_purchases_pay_the_ask_and_sales_get_the_bid() -> None:
    exchange = quoting(lambda symbol: Quote(symbol, 1, bid=99.5, ask=100.5))
    assert place(exchange, market("buy", BUY, 5))[1:] == [traded("buy", 5, "100.5")]
    assert place(exchange, market("sell", SELL, 5, reduce_only=True))[1:] == [traded("sell", 5, "99.5")]


def test_the_last_quote_shown_counts_where_the_caller_knows_none() -> None:
    exchange = quoting()
    place(exchange, stop("elsewhere", BUY, "500"))
    exchange.quote(Quote(SYMBOL, 1, bid=99.5, ask=100.5))
    assert place(exchange, market("buy", BUY, 5))[1:] == [traded("buy", 5, "100.5")]


def test_without_a_quote_an_order_waits_for_the_next_open() -> None:
    exchange = quoting(lambda _: None)
    assert place(exchange, market("buy", BUY, 5)) == [accepted("buy")]
    assert told(exchange.open(flat(1, 104))) == [traded("buy", 5, "104")]


# -- next open: the other half of a reversal


def turning(volume: float = 1_000_000.0) -> Bar:
    return bar(2, 110, 112, 90, 95, volume)


def reversing(rules: PaperRules = FREE, volume: float = 1_000_000.0) -> Venue:
    """Holds 5, and sells them at the open of a bar at 110 that then falls to 90."""
    venue = Venue(rules)
    venue.hold(BUY, 5)
    venue.place(market("exit", SELL, 5, reduce_only=True))
    assert venue.open(turning(volume)) == [traded("exit", 5, "110")]
    return venue


def test_an_entry_that_answers_a_fill_at_the_open_trades_at_that_open() -> None:
    venue = reversing()
    assert told(venue.place(market("turn", SELL, 7)))[1:] == [traded("turn", 7, "110")]
    assert venue.held == -7


def test_its_protection_sees_the_rest_of_that_bar() -> None:
    venue = reversing()
    venue.place(market("turn", SELL, 7))
    venue.place(stop("stop", BUY, "111", 7, reduce_only=True))
    assert venue.trade(turning()) == [traded("stop", 7, "111")]


def test_an_exit_that_answers_a_fill_at_the_open_waits_for_the_next_open() -> None:
    venue = Venue(FREE)
    venue.place(market("buy", BUY))
    first = bar(1, 100, 110, 90, 105)
    venue.open(first)
    venue.place(market("exit", SELL, 5, reduce_only=True))
    assert venue.trade(first) == venue.close(first) == []
    assert venue.open(flat(2, 106)) == [traded("exit", 5, "106")]


def test_both_halves_share_what_may_be_had_of_the_bar() -> None:
    tenth = PaperRules(fees=FixedFee(), participation_fraction=Decimal("0.1"))
    venue = reversing(tenth, volume=100.0)
    assert told(venue.place(market("turn", SELL, 7)))[1:] == [traded("turn", 5, "110")]
    venue.trade(turning(100.0))
    venue.close(turning(100.0))
    assert venue.open(flat(3, 94)) == [traded("turn", 2, "94")]


# -- rules that exclude each other


@pytest.mark.parametrize("rule", ["close", "quote"])
def test_a_share_of_the_volume_cannot_be_had_when_the_bar_is_over(rule: str) -> None:
    wrong = {"participation_fraction": "0.1", "market_fills": rule}
    with pytest.raises(msgspec.ValidationError, match=f"market_fills: {rule} fills when a bar's volume"):
        msgspec.convert(wrong, PaperRules)
