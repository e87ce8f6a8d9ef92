"""What stands against an order at the moment it would leave, and in which words it is said."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import BUY, World
from tradewrit.domain.events.orders import ModifyOrder, SubmitOrder
from tradewrit.domain.events.review import ReviewApproved
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Order, OrderState, OrderType, Role
from tradewrit.risk.pretrade import objection_to_modify, objection_to_submit, objections


def ordered() -> World:
    """An entry limit at 175.50 x 5 works at the venue."""
    world = World(entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    return world


def fresh(close: float | None = 175.50) -> World:
    """The same desk before it ordered anything, at a price of its own."""
    world = World(entry=OrderType.LIMIT)
    if close is not None:
        world.bar(close)
    return world


# -- an approval


def objected(world: World, approved: ReviewApproved) -> str:
    return "; ".join(objections(world.books, world.market, approved))


def test_nothing_stands_against_what_was_just_approved() -> None:
    assert objected(fresh(), ordered().only(ReviewApproved)) == ""


def test_without_a_price_an_approval_is_of_no_use() -> None:
    assert objected(fresh(None), ordered().only(ReviewApproved)) == "there is no price"


def test_an_approval_may_be_used_until_the_nanosecond_before_it_expires() -> None:
    approved = ordered().only(ReviewApproved)
    assert objected(fresh(), replace(approved, at=approved.expires_at - 1)) == ""
    assert objected(fresh(), replace(approved, at=approved.expires_at)) == "the approval has expired"


def test_a_price_that_ran_away_either_way_is_named_with_what_is_allowed() -> None:
    approved = ordered().only(ReviewApproved)
    allowed = Decimal(fresh().books.review.max_drift_bps)
    for factor in (1 + 2 * allowed / 10_000, 1 - 2 * allowed / 10_000):
        said = objected(fresh(float(Decimal("175.50") * factor)), approved)
        assert said == f"the price moved {2 * allowed:.1f} bps, at most {allowed} are allowed"


def test_every_objection_is_named_and_every_limit_checked_again() -> None:
    approved = ordered().only(ReviewApproved)
    swapped = replace(approved, sized=replace(approved.sized, quantity=Decimal(500)), expires_at=0)
    said = objections(fresh().books, fresh().market, swapped)
    assert said[:2] == ("the approval has expired", "the terms are not those that were approved")
    assert "max_position_fraction: more than 0.20 of equity in one position" in said[2:]


# -- a held entry that somebody wants sent


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"risk_id": "made-up"}, "the risk decision is not the one this trade passed"),
        ({"risk_id": ""}, "the risk decision is not the one this trade passed"),
        ({"review_id": "made-up"}, "the review is not the one that let this trade through"),
    ],
)
def test_a_held_entry_leaves_only_for_its_own_risk_and_review(
    change: dict[str, Any], reason: str | None
) -> None:
    world = ordered()
    assert objected_to_submit(world, held(world), **change) == reason


def test_only_a_draft_can_be_sent() -> None:
    world = ordered()
    assert objected_to_submit(world, world.order(Role.ENTRY)) == "the entry is already accepted"
    assert objected_to_submit(world, None) == "no approved entry is waiting for this trade"


def held(world: World) -> Order:
    return replace(world.order(Role.ENTRY), state=OrderState.DRAFT)


def objected_to_submit(world: World, entry: Order | None, **change: str) -> str | None:
    trade, review = world.trade, world.only(ReviewApproved).review_id
    asked = SubmitOrder(at=world.now, trade_id=trade.id, risk_id=trade.risk_id, review_id=review)
    return objection_to_submit(world.books, world.market, replace(asked, **change), trade, entry)


# -- a change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": Decimal(4)}, None),
        ({"limit_price": Price(Decimal("175.49"))}, None),
        ({"version": 7}, "you saw version 7, the order is at version 1: look again"),
        ({"quantity": Decimal(0)}, "0 have already filled"),
        ({"quantity": Decimal(6)}, "more than was approved: that needs a new proposal"),
        ({"quantity": Decimal("2.5")}, "2.5 is not a multiple of the lot 1"),
        (
            {"limit_price": Price(Decimal("180.00"))},
            "it would cost more than was approved: that needs a new proposal",
        ),
    ],
)
def test_a_change_stays_within_what_was_approved(change: dict[str, Any], reason: str | None) -> None:
    world = ordered()
    order = world.order(Role.ENTRY)
    asked = ModifyOrder(at=world.now, client_order_id=order.id, version=order.version)
    assert objection_to_modify(world.books, replace(asked, **change), order) == reason
