"""Orders that depend on each other: OCO groups, brackets, orders that only reduce."""

from decimal import Decimal

import pytest

from tests.unit.brokers.venue import (
    FREE,
    SYMBOL,
    Venue,
    bar,
    ended,
    flat,
    limit,
    market,
    protection,
    restated,
    stop,
    terms,
    traded,
)
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.orders import OrderTerms, OrderType, Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
TENTH = PaperRules(fees=FixedFee(), participation_fraction=Decimal("0.1"))


def bracket(entry: OrderTerms, stop_at: str = "95", target_at: str = "115") -> tuple[OrderTerms, ...]:
    side = entry.side.opposite
    return (
        entry,
        stop("stop", side, stop_at, str(entry.quantity), oco="exit", parent=entry.client_order_id),
        limit("target", side, target_at, str(entry.quantity), oco="exit", parent=entry.client_order_id),
    )


def test_the_first_of_an_oco_group_to_fill_cancels_the_other_and_says_so() -> None:
    venue = Venue(FREE)
    venue.hold()
    venue.place(*protection(SELL, "95", "115"), at=1)
    venue.show(bar(2, 100, 116, 99, 115))
    last = venue.latest("stop")
    assert (last.kind, last.reason) == (Exec.CANCELED, "oco")
    assert not last.cumulative


def test_a_partial_fill_of_one_reduces_the_other_to_match() -> None:
    venue = Venue(TENTH)
    venue.place(market("buy", BUY, 50))
    venue.show(flat(1, 100, volume=1000))
    venue.place(*protection(SELL, "95", "115", 50), at=1)
    assert venue.show(bar(2, 100, 115, 99, 100, volume=200)) == [traded("target", 20, "115")]
    assert {o.client_order_id: o.quantity for o in venue.exchange.open_orders()} == {"stop": 30, "target": 30}
    assert venue.show(bar(3, 100, 101, 90, 91, volume=1000)) == [
        traded("stop", 30, "95"),
        ended("target"),
        ended("stop"),  # twenty of its fifty can never trade: the desk is told that it is over
    ]
    assert venue.held == 0


def test_two_oco_entries_open_one_position() -> None:
    venue = Venue(FREE)
    venue.place(stop("up", BUY, "105", oco="breakout"), stop("down", SELL, "95", oco="breakout"))
    assert venue.show(bar(1, 100, 106, 99, 104)) == [traded("up", 5, "105"), ended("down")]


# -- brackets


def test_the_children_of_a_bracket_sleep_until_the_entry_fills() -> None:
    venue = Venue(FREE)
    accepted = venue.place(*bracket(limit("buy", BUY, "100")))
    assert [(r.client_order_id, r.kind) for r in accepted] == [
        ("buy", Exec.NEW),
        ("stop", Exec.NEW),
        ("target", Exec.NEW),
    ]
    assert venue.show(bar(1, 110, 120, 105, 112)) == []
    assert venue.ids() == ["buy", "stop", "target"]
    assert venue.show(bar(2, 100, 105, 99, 104), bar(3, 104, 115, 103, 110)) == [
        traded("buy", 5, "100"),
        traded("target", 5, "115"),
        ended("stop"),
    ]


@pytest.mark.parametrize(
    ("low", "high", "exits"),
    [
        (95.0, 104.0, [traded("stop", 5, "95"), ended("target")]),
        (99.0, 115.0, [traded("target", 5, "115"), ended("stop")]),
    ],
)
def test_children_of_an_entry_at_the_open_see_all_of_its_bar(
    low: float, high: float, exits: list[object]
) -> None:
    venue = Venue(FREE)
    venue.place(*bracket(market("buy", BUY)))
    assert venue.show(bar(1, 100, high, low, 100)) == [traded("buy", 5, "100"), *exits]


def test_children_of_an_entry_inside_the_bar_may_be_stopped_but_not_reach_the_target_in_it() -> None:
    venue = Venue(FREE)
    venue.place(*bracket(limit("buy", BUY, "98")))
    assert venue.show(bar(1, 100, 120, 97, 110)) == [traded("buy", 5, "98")]
    other = Venue(FREE)
    other.place(*bracket(limit("buy", BUY, "98")))
    assert other.show(bar(1, 100, 120, 95, 110)) == [
        traded("buy", 5, "98"),
        traded("stop", 5, "95"),
        ended("target"),
    ]


def test_children_protect_from_the_first_share_and_grow_with_each_fill() -> None:
    venue = Venue(TENTH)
    venue.place(*bracket(market("buy", BUY, 50)))
    assert venue.show(bar(1, 100, 101, 99, 100, volume=200)) == [traded("buy", 20, "100")]
    # Twenty more shares come at the open; the stop sells what the bar's volume still allows: nothing.
    assert venue.show(bar(2, 100, 101, 94, 96, volume=200)) == [traded("buy", 20, "100")]
    assert venue.show(bar(3, 96, 97, 95.5, 96, volume=1000)) == [
        traded("buy", 10, "96"),
        traded("stop", 50, "96"),
        ended("target"),
    ]
    assert venue.held == 0


def test_a_stop_that_sold_what_there_was_stays_for_what_the_entry_still_brings() -> None:
    venue = Venue(TENTH)
    venue.place(*bracket(limit("buy", BUY, "100", 50)))
    venue.show(bar(1, 100, 101, 99, 100, volume=200))
    assert venue.held == 20
    # The stop comes first in a bar that reaches both, and takes all of the volume.
    assert venue.show(bar(2, 101, 101, 95, 101, volume=200)) == [traded("stop", 20, "95")]
    assert venue.ids() == ["buy", "stop", "target"]
    assert venue.show(bar(3, 101, 101, 100, 101, volume=1000)) == [
        traded("buy", 30, "100"),
        restated("target"),  # for the thirty that are left: no more of its fifty can come
    ]
    assert venue.show(bar(4, 101, 101, 96, 99, volume=1000)) == [traded("stop", 30, "101"), ended("target")]
    assert venue.held == 0


def test_a_bracket_whose_entry_never_filled_ends_with_it() -> None:
    venue = Venue(FREE)
    venue.place(*bracket(limit("buy", BUY, "90")))
    reports = venue.cancel("buy")
    assert [(r.client_order_id, r.kind) for r in reports] == [
        ("buy", Exec.CANCELED),
        ("stop", Exec.CANCELED),
        ("target", Exec.CANCELED),
    ]
    assert reports[1].reason == "parent_ended"
    assert not venue.exchange.is_working("AAPL")


def test_children_of_a_cancelled_entry_go_on_protecting_what_it_bought() -> None:
    venue = Venue(TENTH)
    venue.place(*bracket(market("buy", BUY, 50)))
    venue.show(flat(1, 100, volume=200))
    # They were for fifty; the desk is told that they are for twenty now, and nothing else is left of them.
    said = [(r.client_order_id, r.kind, r.quantity) for r in venue.cancel("buy")]
    assert said == [
        ("buy", Exec.CANCELED, None),
        ("stop", Exec.RESTATED, Decimal(20)),
        ("target", Exec.RESTATED, Decimal(20)),
    ]
    assert venue.show(bar(2, 100, 115, 99, 110, volume=1000)) == [traded("target", 20, "115"), ended("stop")]
    assert venue.held == 0


def test_a_child_never_grows_beyond_its_own_quantity() -> None:
    venue = Venue(TENTH)
    venue.place(market("buy", BUY, 50), stop("half", SELL, "95", 25, parent="buy"))
    venue.show(flat(1, 100, volume=200), flat(2, 100, volume=200), flat(3, 100, volume=200))
    assert venue.held == 50
    assert venue.show(bar(4, 100, 101, 90, 92, volume=9999)) == [traded("half", 25, "95")]


def test_a_child_that_comes_late_protects_what_has_filled_already() -> None:
    venue = Venue(TENTH)
    entry = market("buy", BUY, 50)
    venue.place(entry)
    venue.show(flat(1, 100, volume=200))
    venue.place(entry, stop("stop", SELL, "95", 50, parent="buy"), at=1)
    venue.cancel("buy")
    assert venue.show(bar(2, 100, 101, 94, 96, volume=9999)) == [traded("stop", 20, "95")]
    assert venue.held == 0


def test_children_of_an_entry_that_was_made_smaller_get_smaller_with_it() -> None:
    venue = Venue(FREE)
    venue.place(*bracket(limit("buy", BUY, "100", 50)))
    replaced, *restated_ = venue.replace("buy", quantity=20)
    assert replaced.kind is Exec.REPLACED
    assert [(r.client_order_id, r.kind, r.quantity) for r in restated_] == [
        ("stop", Exec.RESTATED, Decimal(20)),
        ("target", Exec.RESTATED, Decimal(20)),
    ]
    assert venue.show(bar(1, 100, 101, 99, 100)) == [traded("buy", 20, "100")]
    assert venue.show(bar(2, 100, 101, 95, 99)) == [traded("stop", 20, "95"), ended("target")]


def test_a_child_that_comes_late_protects_no_more_than_is_left() -> None:
    venue = Venue(TENTH)
    entry = limit("buy", BUY, "100", 50)
    venue.place(entry)
    venue.show(flat(1, 100, volume=200))
    venue.place(market("out", SELL, 15, reduce_only=True), at=1)
    venue.show(flat(2, 101, volume=200))
    assert venue.held == 5
    venue.place(entry, stop("stop", SELL, "95", 50, parent="buy"), at=2)
    assert venue.exchange.is_working(SYMBOL)
    venue.cancel("buy")
    assert venue.show(bar(3, 101, 101, 94, 96, volume=9999)) == [traded("stop", 5, "95")]


def test_a_short_bracket_mirrors_a_long_one() -> None:
    venue = Venue(FREE)
    venue.place(*bracket(market("sell", SELL), stop_at="105", target_at="85"))
    assert venue.show(bar(1, 100, 105, 99, 100)) == [
        traded("sell", 5, "100"),
        traded("stop", 5, "105"),
        ended("target"),
    ]


def test_an_entry_that_fills_at_the_close_is_protected_from_the_next_bar_on() -> None:
    venue = Venue(FREE)
    venue.place(*bracket(market("buy", BUY, tif=TimeInForce.ON_CLOSE)))
    assert venue.show(bar(1, 90, 120, 80, 100)) == [traded("buy", 5, "100")]
    assert venue.show(bar(2, 100, 101, 95, 99)) == [traded("stop", 5, "95"), ended("target")]


def test_a_trailing_child_starts_from_the_entrys_price() -> None:
    venue = Venue(FREE)
    trailing = terms("trail", SELL, 5, OrderType.TRAILING_STOP, trail="0.10", parent="buy")
    venue.place(market("buy", BUY), trailing)
    assert venue.show(bar(1, 100, 101, 90.01, 95)) == [traded("buy", 5, "100")]
    assert venue.show(bar(2, 95, 96, 90.9, 95)) == [traded("trail", 5, "90.90")]


# -- orders that only reduce


def test_nothing_sells_more_than_is_held_and_a_flat_position_ends_the_rest() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 10)
    venue.place(limit("half", SELL, "110", 4, reduce_only=True), at=1)
    venue.place(stop("rest", SELL, "90", 6, reduce_only=True), at=1)
    venue.place(market("short", SELL, 7), at=1)  # not reduce_only: it may go through the position
    assert venue.show(flat(2, 100)) == [traded("short", 7, "100")]
    assert venue.held == 3
    assert {o.client_order_id: o.quantity for o in venue.exchange.open_orders()} == {"half": 3, "rest": 3}
    assert venue.show(bar(3, 100, 110, 99, 100)) == [
        traded("half", 3, "110"),
        ended("half"),
        ended("rest"),
    ]
    assert venue.latest("rest").reason == "position_closed"
    assert venue.held == 0


def test_a_flip_cancels_what_would_have_reduced_the_old_position() -> None:
    venue = Venue(FREE)
    venue.hold(BUY, 5)
    venue.place(stop("stop", SELL, "90", 5, reduce_only=True), at=1)
    venue.place(market("flip", SELL, 8), at=1)
    assert venue.show(flat(2, 100)) == [traded("flip", 8, "100"), ended("stop")]
    assert venue.held == -3


def test_cancelling_one_leg_leaves_the_other_working() -> None:
    venue = Venue(FREE)
    venue.hold()
    venue.place(*protection(SELL, "95", "115"), at=1)
    (report,) = venue.cancel("target")
    assert report.kind is Exec.CANCELED
    assert venue.show(bar(2, 100, 116, 94, 100)) == [traded("stop", 5, "95")]
