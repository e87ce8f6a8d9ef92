"""The venue restates what it works and what it holds when shares split, and says so order by order."""

from decimal import Decimal

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
    terms,
    traded,
)
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.corporate import DividendWentEx, SharesSplit
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Quote
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderType, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.splits import Ratio


def split(new: int, old: int = 1, price: str = "10", symbol: str = SYMBOL) -> SharesSplit:
    return SharesSplit(
        at=5,
        action="split",
        symbol=symbol,
        ratio=Ratio(Decimal(new), Decimal(old)),
        price=Price(Decimal(price)),
    )


def restated(reports: tuple[ExecutionReport, ...] | list[ExecutionReport]) -> list[tuple[object, ...]]:
    return [(one.client_order_id, one.kind, one.quantity, one.limit_price, one.stop_price) for one in reports]


def test_a_position_keeps_its_cost_and_the_account_its_cash() -> None:
    venue = Venue(FREE)
    venue.hold(Side.BUY, 5, 700.0)
    cash = venue.exchange.cash
    venue.exchange.split(split(7))
    assert venue.held == 35
    assert venue.exchange.cash == cash
    assert venue.exchange.equity(lambda _: Decimal(100)) == 100_000


def test_a_short_keeps_what_it_owes() -> None:
    venue = Venue(FREE)
    venue.hold(Side.SELL, 5, 700.0)
    cash = venue.exchange.cash
    venue.exchange.split(split(7))
    assert venue.held == -35
    assert venue.exchange.cash == cash
    assert venue.exchange.equity(lambda _: Decimal(101)) == 100_000 - 35


def test_protection_follows_on_the_tick_and_each_leg_is_reported_restated() -> None:
    venue = Venue(FREE)
    venue.hold(Side.BUY, 5, 700.0)
    venue.place(*protection(Side.SELL, "665.04", "805.07"))
    reports = venue.exchange.split(split(7))
    assert restated(list(reports)) == [
        ("stop", Exec.RESTATED, Decimal(35), None, Decimal("95.00")),
        ("target", Exec.RESTATED, Decimal(35), Decimal("115.01"), None),
    ]
    working: list[tuple[object, ...]] = [
        (one.stop_price, one.limit_price, one.quantity) for one in venue.exchange.open_orders()
    ]
    assert working == [(Decimal("95.00"), None, 35), (None, Decimal("115.01"), 35)]


def test_the_first_bar_in_new_shares_does_not_touch_the_stop_of_the_old() -> None:
    venue = Venue(FREE)
    venue.hold(Side.BUY, 5, 700.0)
    venue.place(*protection(Side.SELL, "665", "805"))
    venue.exchange.split(split(7))
    assert venue.show(flat(6, 100.0)) == []
    assert venue.show(bar(7, 96.0, 96.0, 94.0, 95.0)) == [
        ("stop", Exec.TRADE, Decimal(35), Decimal("95.00")),
        ("target", Exec.CANCELED, Decimal(0), None),
    ]
    assert venue.held == 0


def test_a_market_order_that_waits_is_filled_in_new_shares() -> None:
    venue = Venue(FREE, last=700.0)
    venue.place(market("entry", Side.BUY, 3))
    (report,) = venue.exchange.split(split(7))
    assert (report.kind, report.quantity, report.cumulative) == (Exec.RESTATED, Decimal(21), Decimal(0))
    venue.show(flat(6, 100.0))
    assert venue.held == 21
    assert venue.exchange.equity(lambda _: Decimal(100)) == 100_000


def test_a_limit_to_buy_is_rounded_down_and_one_to_sell_short_up() -> None:
    venue = Venue(FREE, last=700.0)
    venue.place(limit("buy", Side.BUY, "690"), limit("sell", Side.SELL, "710"))
    venue.exchange.split(split(7))
    assert [one.limit_price for one in venue.exchange.open_orders()] == [
        Decimal("98.57"),
        Decimal("101.43"),
    ]


def test_what_had_filled_is_restated_with_the_rest() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), participation_fraction=Decimal(1)), last=700.0)
    venue.place(limit("entry", Side.BUY, "700", 10))
    venue.show(flat(1, 700.0, volume=4))
    (report,) = venue.exchange.split(split(2))
    assert (report.quantity, report.cumulative) == (Decimal(20), Decimal(8))
    venue.show(flat(6, 350.0))
    assert venue.latest("entry").cumulative == 20
    assert venue.held == 20


def test_a_child_of_an_entry_that_still_fills_can_be_moved_after_a_reverse_split() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), participation_fraction=Decimal(1)), last=50.0)
    venue.place(
        limit("entry", Side.BUY, "50", 96),
        *(msgspec.structs.replace(leg, parent="entry") for leg in protection(Side.SELL, "40", "60", 96)),
    )
    venue.show(flat(1, 50.0, volume=18))
    reports = venue.exchange.split(split(1, 8, "400"))
    # 78 that are to come make 9, and 18 that are held make 2; 96 at once would have made 12.
    assert [(one.client_order_id, one.quantity) for one in reports] == [
        ("entry", Decimal("11.25")),
        ("stop", Decimal(11)),
        ("target", Decimal(11)),
    ]
    venue.replace("stop", stop="350")
    assert (venue.latest("stop").kind, venue.latest("stop").stop_price) == (Exec.REPLACED, Decimal(350))
    venue.show(flat(6, 400.0))
    assert venue.held == 11
    assert venue.show(flat(7, 340.0))[0] == traded("stop", 11, "340.00")
    assert venue.held == 0


def test_what_is_left_of_an_order_can_be_changed_though_a_fraction_had_filled() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), participation_fraction=Decimal(1)), last=100.0)
    venue.place(limit("entry", Side.BUY, "100", 19))
    venue.show(flat(1, 100.0, volume=3))
    venue.exchange.split(split(1, 8, "800"))
    assert venue.latest("entry").cumulative == Decimal("0.375")
    venue.replace("entry", quantity="1.375", limit="790")
    assert venue.latest("entry").kind is Exec.REPLACED
    venue.replace("entry", quantity="2")
    assert venue.latest("entry").code == Rejection.OFF_LOT
    venue.show(flat(6, 790.0))
    assert venue.held == 1
    assert venue.ids() == []


def test_an_order_of_which_no_share_is_left_is_cancelled() -> None:
    venue = Venue(FREE)
    venue.place(limit("entry", Side.BUY, "90", 5))
    (report,) = venue.exchange.split(split(1, 8, "800"))
    assert (report.kind, report.reason) == (Exec.CANCELED, "a split left it less than a lot")
    assert venue.ids() == []
    assert not venue.exchange.is_working(SYMBOL)


def test_a_reverse_split_pays_the_fraction_out_and_protection_shrinks_with_it() -> None:
    venue = Venue(FREE)
    venue.hold(Side.BUY, 20, 100.0)
    venue.place(*protection(Side.SELL, "95", "115", 20))
    reports = venue.exchange.split(split(1, 8, "800"))
    assert venue.held == 2
    assert venue.exchange.cash == 100_000 - 2000 + 400
    assert [(one.kind, one.quantity, one.stop_price or one.limit_price) for one in reports] == [
        (Exec.RESTATED, Decimal(2), Decimal(760)),
        (Exec.RESTATED, Decimal(2), Decimal(920)),
    ]


def test_when_nothing_is_left_of_a_position_nothing_is_left_of_its_protection() -> None:
    venue = Venue(FREE)
    venue.hold(Side.BUY, 5, 100.0)
    venue.place(*protection(Side.SELL, "95", "115"))
    reports = venue.exchange.split(split(1, 8, "800"))
    assert {one.kind for one in reports} == {Exec.CANCELED}
    assert venue.held == 0
    assert venue.exchange.cash == 100_000
    assert venue.ids() == []


def test_a_trailing_stop_trails_on_from_where_it_was() -> None:
    venue = Venue(FREE)
    venue.hold(Side.BUY, 5, 700.0)
    venue.place(terms("trail", Side.SELL, 5, OrderType.TRAILING_STOP, trail="0.1", reduce_only=True))
    venue.show(flat(2, 770.0))
    (report,) = venue.exchange.split(split(7))
    assert report.stop_price == Decimal("99.00")  # 10 % below 770, in new shares
    venue.show(flat(6, 112.0))
    assert venue.show(bar(7, 101.0, 101.0, 100.0, 100.5)) == [
        ("trail", Exec.TRADE, Decimal(35), Decimal("100.80")),
    ]


def test_other_symbols_and_flat_accounts_do_not_notice() -> None:
    venue = Venue(FREE)
    venue.hold(Side.BUY, 5, 100.0)
    venue.place(*protection(Side.SELL, "95", "115"))
    assert venue.exchange.split(split(7, symbol="MSFT")) == ()
    assert venue.held == 5
    assert [one.stop_price for one in venue.exchange.open_orders()] == [Decimal(95), None]


def test_a_symbol_that_is_not_traded_here_cannot_split_here() -> None:
    venue = Venue(FREE, instruments={SYMBOL: Instrument(symbol=SYMBOL)})
    assert venue.exchange.split(split(7, symbol="MSFT")) == ()


def test_the_last_quote_is_remembered_in_new_shares() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), market_fills="quote"), last=None)
    venue.place(stop("far", Side.BUY, "900"))  # something works, so that quotes are looked at
    venue.exchange.quote(Quote(SYMBOL, 4, 699.0, 700.0))
    venue.exchange.split(split(7))
    venue.place(market("entry", Side.BUY, 7))
    assert venue.latest("entry").last_price == 100


@pytest.mark.parametrize(("side", "cash"), [(Side.BUY, "3.75"), (Side.SELL, "-3.75")])
def test_a_dividend_is_paid_to_who_holds_and_by_who_is_short(side: Side, cash: str) -> None:
    venue = Venue(FREE)
    venue.hold(side, 5, 100.0)
    before = venue.exchange.cash
    for symbol in (SYMBOL, "MSFT"):
        venue.exchange.pay_dividend(
            DividendWentEx(at=5, action=f"{symbol}:d", symbol=symbol, amount=Decimal("0.75"))
        )
    assert venue.exchange.cash - before == Decimal(cash)
