"""What is configured otherwise than a journal was opened with is told, field by field."""

from decimal import Decimal

from msgspec.structs import replace

from tests.desks import World
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.limits import Limits
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.domain.sizing import Largest, RiskPerTrade
from tradewrit.runtime.live.opening import overruled


def test_what_is_configured_as_it_was_is_not_worth_a_word() -> None:
    world = World()
    assert list(overruled(world.only(AccountOpened), world.books)) == []


def test_each_thing_that_does_not_count_is_named_with_what_does() -> None:
    world = World(review=ReviewPolicy(kind=PolicyKind.FOUR_EYES))
    now = replace(
        world.only(AccountOpened),
        review=ReviewPolicy(),
        limits=Limits(max_open_positions=1),
        strategy="other",
    )
    limits, review, strategy = overruled(now, world.books)
    assert "risk.max_open_positions is configured as 1" in limits
    assert "review.kind is configured as automatic; this journal was opened with four_eyes" in review
    assert strategy == f"other decides from here on; this journal was opened with {world.books.strategy}"


def test_another_kind_of_sizing_is_named_whole() -> None:
    world = World()
    (line,) = overruled(replace(world.only(AccountOpened), sizing=RiskPerTrade(Decimal("0.01"))), world.books)
    assert "sizing is configured as" in line
    assert str(Largest()) in line
