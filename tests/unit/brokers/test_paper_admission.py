"""What the venue refuses and why, what it changes on request, and what it does when asked twice."""

from decimal import Decimal

import pytest

from tests.unit.brokers.venue import (
    FREE,
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
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.orders import OrderTerms, OrderType, Side, TimeInForce
from tradewrit.domain.rejections import Rejection

BUY, SELL = Side.BUY, Side.SELL
LISTED = {
    "AAPL": Instrument(symbol="AAPL"),
    "BTC": Instrument(
        symbol="BTC",
        asset_class=AssetClass.CRYPTO,
        lot=Decimal("0.001"),
        minimum_notional=Decimal(10),
        is_shortable=False,
    ),
    "ES": Instrument(
        symbol="ES", asset_class=AssetClass.FUTURE, tick=Decimal("0.25"), multiplier=Decimal(50)
    ),
}


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (market("o", BUY, symbol="GONE"), Rejection.UNKNOWN_SYMBOL),
        (terms("o", BUY, 5, OrderType.LIMIT), Rejection.MALFORMED),
        (market("o", BUY, -5), Rejection.MALFORMED),
        (stop("o", BUY, "100", tif=TimeInForce.ON_OPEN), Rejection.MALFORMED),
        (stop("o", BUY, "100", tif=TimeInForce.IOC), Rejection.UNSUPPORTED),
        (limit("o", BUY, "100.005"), Rejection.OFF_TICK),
        (stop("o", BUY, "4000.10", 1, symbol="ES"), Rejection.OFF_TICK),
        (market("o", BUY, "2.5"), Rejection.OFF_LOT),
        (limit("o", BUY, "100", "0.099", symbol="BTC"), Rejection.BELOW_MINIMUM),
        (market("o", BUY, "0.099", symbol="BTC"), Rejection.BELOW_MINIMUM),  # at the last price, 100
        (market("o", SELL, 1, symbol="BTC"), Rejection.NOT_SHORTABLE),
        (market("o", BUY, 1001), Rejection.INSUFFICIENT_FUNDS),
        (limit("o", BUY, "200", 501), Rejection.INSUFFICIENT_FUNDS),
        (market("o", SELL, 1001), Rejection.INSUFFICIENT_FUNDS),  # a short reserves its notional
        (market("o", BUY, 21, symbol="ES"), Rejection.INSUFFICIENT_FUNDS),  # 50 dollars a point
        (market("o", SELL, reduce_only=True), Rejection.NOT_REDUCING),
        (limit("o", SELL, "100", parent="nobody"), Rejection.MALFORMED),
    ],
)
def test_what_cannot_be_worked_is_refused_with_a_code_and_a_reason(
    order: OrderTerms, code: Rejection
) -> None:
    venue = Venue(FREE, instruments=LISTED)
    (report,) = venue.place(order)
    assert (report.kind, report.code) == (Exec.REJECTED, code)
    assert report.reason
    assert venue.ids() == []
    assert venue.show(flat(1, 100)) == []


@pytest.mark.parametrize(
    "order",
    [
        market("o", BUY, 1000),
        limit("o", BUY, "200", 500),
        market("o", SELL, 1000),
        market("o", BUY, 20, symbol="ES"),
        limit("o", BUY, "100", "0.1", symbol="BTC"),
    ],
)
def test_all_of_the_buying_power_and_the_very_minimum_may_be_used(order: OrderTerms) -> None:
    venue = Venue(FREE, instruments=LISTED)
    (report,) = venue.place(order)
    assert report.kind is Exec.NEW


def test_pending_orders_hold_their_cost_until_they_end() -> None:
    venue = Venue()  # 10 bps
    venue.place(limit("first", BUY, "100", 600))
    assert venue.exchange.buying_power == Decimal(100_000) - Decimal(60060)
    (refused,) = venue.place(limit("second", BUY, "100", 400))
    assert refused.code == Rejection.INSUFFICIENT_FUNDS
    venue.cancel("first")
    (accepted,) = venue.place(limit("third", BUY, "100", 400))
    assert accepted.kind is Exec.NEW


def test_a_partial_fill_frees_its_part_of_the_hold() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), participation_fraction=Decimal("0.1")))
    venue.place(limit("buy", BUY, "200", 100))
    venue.show(flat(1, 100, volume=250))
    # A quarter was bought at 100; the rest is still held for at 200.
    assert venue.exchange.buying_power == 100_000 - 25 * 100 - 75 * 200


def test_an_unvalued_market_order_is_taken() -> None:
    venue = Venue(FREE, last=None)
    (report,) = venue.place(market("o", BUY, 100_000))
    assert report.kind is Exec.NEW


def test_a_flat_account_has_nothing_to_reduce_in_either_direction() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5)
    (adding,) = venue.place(market("more", BUY, reduce_only=True), at=1)
    (closing,) = venue.place(market("out", SELL, reduce_only=True), at=1)
    assert (adding.code, closing.kind) == (Rejection.NOT_REDUCING, Exec.NEW)


def test_shares_in_a_working_exit_cannot_be_sold_twice() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5)
    venue.place(*protection(SELL, "95", "115"), at=1)
    (refused,) = venue.place(market("out", SELL, 5, reduce_only=True), at=1)
    assert refused.code == Rejection.INSUFFICIENT_QUANTITY
    venue.cancel("stop")
    venue.cancel("target")
    (accepted,) = venue.place(market("out-again", SELL, 5, reduce_only=True), at=1)
    assert accepted.kind is Exec.NEW


def test_an_oco_group_holds_as_much_as_its_largest_order() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5)
    venue.place(
        stop("all", SELL, "95", 5, reduce_only=True, oco="exit"),
        limit("some", SELL, "115", 3, reduce_only=True, oco="exit"),
        at=1,
    )
    (refused,) = venue.place(market("out", SELL, 2, reduce_only=True), at=1)
    assert refused.code == Rejection.INSUFFICIENT_QUANTITY


def test_an_exit_may_join_the_oco_group_that_holds_the_shares() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5)
    venue.place(*protection(SELL, "95", "115"), at=1)
    venue.place(market("out", SELL, 5, reduce_only=True, oco="exit"), at=1)
    assert venue.show(flat(2, 100)) == [traded("out", 5, "100"), ended("stop"), ended("target")]


@pytest.mark.parametrize(
    "orders",
    [
        pytest.param(
            (stop("a", SELL, "95", reduce_only=True, oco="x"), limit("b", SELL, "1.001", oco="x")), id="oco"
        ),
        pytest.param((market("a", BUY), stop("b", SELL, "95.005", parent="a")), id="bracket"),
        pytest.param((market("a", BUY), stop("b", BUY, "95", parent="a")), id="a child on its parent's side"),
        pytest.param(
            (market("a", BUY), stop("b", SELL, "95", 6, parent="a")), id="a child beyond its parent"
        ),
        pytest.param(
            (limit("a", BUY, "90", oco="x"), limit("b", BUY, "90", oco="x", symbol="ES")), id="symbols"
        ),
        pytest.param((limit("a", BUY, "100", 600), limit("b", BUY, "100", 600)), id="only one affordable"),
    ],
)
def test_nothing_is_half_placed(orders: tuple[OrderTerms, ...]) -> None:
    venue = Venue(FREE, instruments=LISTED)
    venue.hold(BUY, 5)
    reports = venue.place(*orders, at=1)
    assert [(r.client_order_id, r.kind) for r in reports] == [("a", Exec.REJECTED), ("b", Exec.REJECTED)]
    assert venue.ids() == []


def test_a_list_may_not_name_one_id_twice() -> None:
    venue = Venue(FREE)
    reports = venue.place(limit("a", BUY, "90"), limit("a", BUY, "91"))
    assert {r.code for r in reports} == {Rejection.DUPLICATE}
    assert venue.ids() == []


def test_random_refusals_are_the_same_for_the_same_seed() -> None:
    def refused(seed: int) -> list[bool]:
        venue = Venue(PaperRules(reject_fraction=Decimal("0.5")), seed=seed)
        kinds = [venue.place(limit(f"o{n}", BUY, "1", 1))[0].kind for n in range(50)]
        return [kind is Exec.REJECTED for kind in kinds]

    assert refused(1) == refused(1) != refused(2)
    assert any(refused(1))
    assert not all(refused(1))


# -- asked twice


def test_a_repeated_id_places_nothing_and_tells_what_became_of_it() -> None:
    venue = Venue(FREE)
    (accepted,) = venue.place(market("buy", BUY))
    assert venue.place(market("buy", BUY)) == (accepted,)
    (fill,) = venue.exchange.open(flat(1, 100))
    assert venue.place(market("buy", BUY, 99), at=1) == (accepted, fill)
    assert venue.show(flat(2, 100)) == []
    assert venue.held == 5


def test_a_refused_id_stays_refused() -> None:
    venue = Venue(FREE)
    first = venue.place(limit("o", BUY, "100", 5000))
    assert first[0].kind is Exec.REJECTED
    assert venue.place(limit("o", BUY, "100", 1)) == first


def test_repeating_a_half_known_list_places_the_other_half() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5)
    both = protection(SELL, "95", "115")
    (known,) = venue.place(both[0], at=1)
    reports = venue.place(*both, at=1)
    assert reports[0] == known
    assert [(r.client_order_id, r.kind) for r in reports[1:]] == [("target", Exec.NEW)]
    assert venue.show(bar(2, 100, 115, 99, 100)) == [traded("target", 5, "115"), ended("stop")]


# -- cancel and replace


def test_a_dead_or_unknown_order_cannot_be_cancelled_or_replaced() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5, ts=1)
    for (report,), kind in (
        (venue.cancel("entry-1"), Exec.CANCEL_REJECTED),
        (venue.replace("entry-1", 9), Exec.REPLACE_REJECTED),
    ):
        assert (report.kind, report.code) == (kind, Rejection.TOO_LATE)
        assert report.reason == "the order is over: filled"
        assert not report.last_quantity
        assert report.cumulative == 5
    (unknown,) = venue.cancel("never")
    assert (unknown.kind, unknown.code) == (Exec.CANCEL_REJECTED, Rejection.UNKNOWN_ORDER)
    (unknown,) = venue.replace("never", 9)
    assert (unknown.kind, unknown.code) == (Exec.REPLACE_REJECTED, Rejection.UNKNOWN_ORDER)
    assert not venue.exchange.order("never")


def test_an_order_tells_all_that_was_ever_said_of_it() -> None:
    venue = Venue(FREE)
    venue.place(limit("buy", BUY, "95"))
    venue.replace("buy", limit="94")
    venue.replace("buy", limit="94.001")
    venue.show(flat(1, 93))
    venue.cancel("buy")
    assert list(venue.exchange.order("buy")) == venue.reports
    assert [report.kind for report in venue.reports] == [
        Exec.NEW,
        Exec.REPLACED,
        Exec.REPLACE_REJECTED,
        Exec.TRADE,
        Exec.CANCEL_REJECTED,
    ]


def test_a_replaced_order_works_its_new_terms() -> None:
    venue = Venue(FREE)
    venue.place(limit("buy", BUY, "90", 5))
    (report,) = venue.replace("buy", 8, "95")
    assert (report.kind, report.limit_price, report.stop_price) == (Exec.REPLACED, Decimal(95), None)
    assert report.quantity == 8
    assert venue.show(bar(1, 100, 101, 95, 100)) == [traded("buy", 8, "95")]


def test_a_replaced_quantity_is_the_new_total() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), participation_fraction=Decimal("0.1")))
    venue.place(market("buy", BUY, 50))
    venue.show(flat(1, 100, volume=200))
    (refused,) = venue.replace("buy", 20)
    assert refused.code == Rejection.MALFORMED
    venue.replace("buy", 30)
    assert venue.show(flat(2, 100, volume=9999)) == [traded("buy", 10, "100")]
    assert venue.ids() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, Rejection.MALFORMED),
        ({"limit": "90.005"}, Rejection.OFF_TICK),
        ({"quantity": "2.5"}, Rejection.OFF_LOT),
        ({"stop": "90"}, Rejection.MALFORMED),  # a limit order takes none
        ({"quantity": 5000}, Rejection.INSUFFICIENT_FUNDS),
    ],
)
def test_a_refused_replacement_leaves_the_old_terms(changes: dict[str, str], code: Rejection) -> None:
    venue = Venue(FREE)
    venue.place(limit("buy", BUY, "95"))
    (report,) = venue.replace("buy", **changes)
    assert (report.kind, report.code) == (Exec.REPLACE_REJECTED, code)
    assert report.reason
    assert venue.show(bar(1, 100, 101, 95, 100)) == [traded("buy", 5, "95")]


def test_a_stop_moves_and_grows_only_as_far_as_the_position() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5)
    venue.place(*protection(SELL, "95", "115", 3), at=1)
    (grown,) = venue.replace("stop", 5, stop="97")
    (too_much,) = venue.replace("stop", 6)
    assert (grown.kind, too_much.code) == (Exec.REPLACED, Rejection.INSUFFICIENT_QUANTITY)
    assert venue.show(bar(2, 100, 101, 97, 100)) == [traded("stop", 5, "97"), ended("target")]


def test_a_trailing_stop_may_be_tightened_but_not_loosened() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5, at=100.0)
    venue.place(terms("trail", SELL, 5, OrderType.TRAILING_STOP, trail="0.10", reduce_only=True), at=1)
    (loosened,) = venue.replace("trail", stop="89")
    (tightened,) = venue.replace("trail", stop="95")
    assert (loosened.kind, tightened.kind, tightened.stop_price) == (
        Exec.REPLACE_REJECTED,
        Exec.REPLACED,
        Decimal(95),
    )
    assert venue.show(bar(2, 100, 104, 95.01, 100)) == []  # ten percent below 104 would be looser
    assert venue.show(bar(3, 100, 104, 94, 100)) == [traded("trail", 5, "95")]


def test_a_triggered_stop_cannot_be_moved() -> None:
    venue = Venue(PaperRules(fees=FixedFee(), participation_fraction=Decimal("0.1")))
    venue.place(market("buy", BUY, 50))
    venue.show(flat(1, 100, volume=1000))
    venue.place(stop("stop", SELL, "95", 50, reduce_only=True), at=1)
    venue.show(bar(2, 100, 101, 94, 96, volume=100))
    (report,) = venue.replace("stop", stop="90")
    assert (report.kind, report.code) == (Exec.REPLACE_REJECTED, Rejection.TOO_LATE)


# -- the account meets itself


@pytest.mark.parametrize(
    ("working", "order", "is_met"),
    [
        (market("w", SELL, 5), market("o", BUY, 5), True),
        (limit("w", SELL, "99"), market("o", BUY, 5), True),
        (limit("w", SELL, "101"), market("o", BUY, 5), False),
        (limit("w", SELL, "101"), limit("o", BUY, "101"), True),
        (limit("w", SELL, "101"), limit("o", BUY, "100.99"), False),
        (limit("w", BUY, "99"), limit("o", SELL, "99"), True),
        (limit("w", BUY, "99"), limit("o", BUY, "99"), False),
        (stop("w", SELL, "95"), market("o", BUY, 5), False),  # it waits for a price
        (market("w", SELL, 5), stop("o", BUY, "105"), False),
    ],
)
def test_an_entry_that_would_meet_an_order_of_the_same_account_is_a_wash_trade(
    working: OrderTerms, order: OrderTerms, is_met: bool
) -> None:
    venue = Venue(FREE)  # the last price is 100
    venue.place(working)
    (report, *_) = venue.place(order)
    assert (report.kind is Exec.REJECTED) is is_met
    if is_met:
        assert report.code == Rejection.WASH_TRADE
        assert "w, of this account, wants to" in report.reason


def test_the_legs_of_a_pair_close_the_same_shares_and_grow_with_them_without_cash() -> None:
    venue = Venue(FREE)
    venue.hold(quantity=990)  # 99,000 of 100,000 are spent
    pair = (stop("s", SELL, "95", 600, oco="exit"), limit("t", SELL, "115", 600, oco="exit"))
    assert [report.kind for report in venue.place(*pair)] == [Exec.NEW, Exec.NEW]
    for order_id in ("s", "t"):
        (report,) = venue.replace(order_id, quantity=990)
        assert report.kind is Exec.REPLACED
    (refused,) = venue.place(limit("more", SELL, "120", 20))
    assert refused.code == Rejection.INSUFFICIENT_FUNDS
