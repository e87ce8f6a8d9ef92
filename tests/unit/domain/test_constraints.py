"""What a writ allows beyond its scopes: each constraint at its boundary, and that two of them only narrow."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.domain.anything import CONSTRAINTS
from tradewrit.domain.constraints import (
    PROTECTIVE,
    UNRESTRICTED,
    Constraints,
    DayUse,
    Hours,
    Request,
    both,
    day_of,
    is_within,
    violations,
)
from tradewrit.domain.orders import Side
from tradewrit.domain.times import parse_iso

NOON = parse_iso("2024-01-02T17:00:00Z")  # a Tuesday, noon in New York
BUY = Request(
    side=Side.BUY,
    quantity=Decimal(100),
    notional=Decimal("1000.00"),
    venue="paper",
    mode="paper",
    reduces=False,
)
NOTHING = DayUse()
NEW_YORK = Hours.parse("09:30-15:30 America/New_York")


def named(held: Constraints, asked: Request = BUY, used: DayUse = NOTHING, at: int = NOON) -> list[str]:
    return [violation.constraint for violation in violations(held, asked, used, at)]


def test_no_constraint_refuses_nothing() -> None:
    assert violations(UNRESTRICTED, BUY, DayUse(), NOON) == ()


@pytest.mark.parametrize(
    ("name", "allowed", "refused"),
    [
        ("sides", (Side.BUY,), (Side.SELL,)),
        ("venues", ("alpaca", "paper"), ("alpaca",)),
        ("modes", ("paper",), ("live",)),
        ("max_quantity", Decimal(100), Decimal("99.999")),
        ("max_notional", Decimal(1000), Decimal("999.99")),
        ("max_day_quantity", Decimal(100), Decimal(99)),
        ("max_day_notional", Decimal(1000), Decimal("999.99")),
        ("max_day_orders", 1, 0),
        ("hours", (NEW_YORK,), (Hours.parse("09:30-12:00 America/New_York"),)),
        ("reduce_only", False, True),
    ],
)
def test_each_constraint_refuses_on_one_side_of_its_boundary(
    name: str, allowed: object, refused: object
) -> None:
    assert named(Constraints(**{name: allowed})) == []  # type: ignore[arg-type]
    assert named(Constraints(**{name: refused})) == [name]  # type: ignore[arg-type]


def test_an_empty_list_permits_nothing() -> None:
    assert named(Constraints(sides=(), venues=(), modes=())) == ["sides", "venues", "modes"]


def test_every_violation_is_named_with_both_numbers() -> None:
    found = violations(Constraints(max_quantity=Decimal(5), sides=(Side.SELL,)), BUY, DayUse(), NOON)
    assert [str(violation) for violation in found] == [
        "sides: buy, allowed sell",
        "max_quantity: 100, allowed 5",
    ]


def test_what_went_out_today_counts_and_yesterday_does_not() -> None:
    held = Constraints(max_day_quantity=Decimal(150), max_day_orders=2)
    today = DayUse(day=day_of(NOON), orders=2, quantity=Decimal(60))
    assert named(held, used=today) == ["max_day_quantity", "max_day_orders"]
    assert named(held, used=replace(today, day=day_of(NOON) - 1)) == []


def test_a_reduce_only_writ_lets_a_position_shrink() -> None:
    assert named(PROTECTIVE, replace(BUY, reduces=True)) == []


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("09:30-15:30 America/New_York", "2024-01-02T14:30:00Z", "2024-01-02T20:30:00Z"),
        ("09:30-15:30 America/New_York", "2024-07-02T13:30:00Z", "2024-07-02T13:29:59.999999999Z"),
        ("09:30-15:30 America/New_York", "2024-01-05T15:00:00Z", "2024-01-06T15:00:00Z"),
        ("09:30-15:30 America/New_York daily", "2024-01-06T15:00:00Z", "2024-01-06T21:00:00Z"),
        (
            "22:00-06:00 UTC",
            "2024-01-06T05:59:00Z",
            "2024-01-06T22:00:00Z",
        ),  # Friday's night ends on Saturday
        ("22:00-06:00 UTC", "2024-01-01T22:00:00Z", "2024-01-01T05:00:00Z"),  # Sunday's does not begin
        ("00:00-24:00 UTC", "2024-01-02T23:59:59Z", "2024-01-06T00:00:00Z"),
    ],
)
def test_hours_follow_the_wall_clock_of_their_zone(window: str, inside: str, outside: str) -> None:
    hours = Hours.parse(window)
    assert hours.include(parse_iso(inside))
    assert not hours.include(parse_iso(outside))
    assert Hours.parse(str(hours)) == hours


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9:30-15:30 UTC",
        "09:30-15:30",
        "09:30-25:00 UTC",
        "09:30-24:30 UTC",
        "09:30-15:30 Mars/Base",
        "09:30-15:30 UTC\n",
    ],
)
def test_hours_that_are_none_are_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"hours|zone"):
        Hours.parse(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_quantity": "-1"},
        {"max_notional": "NaN"},
        {"max_day_notional": "Infinity"},
        {"max_day_orders": -1},
        {"sides": ["sell", "buy"]},
        {"sides": ["buy", "buy"]},
        {"venues": ["pa per"]},
        {"venues": ["pаper"]},  # noqa: RUF001 - a Cyrillic letter that looks like an a
        {"modes": ["demo"]},
        {"max_quantitty": "5"},
        {"hours": [{"opens": 570, "closes": 930, "zone": "../../etc/passwd"}]},
        {"hours": [{"opens": 570, "closes": 930, "days": [0]}]},
    ],
)
def test_constraints_from_outside_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(wrong), type=Constraints)


requests = st.builds(
    Request,
    side=st.sampled_from(Side),
    quantity=st.decimals(0, 1000, places=2),
    notional=st.decimals(0, 1000, places=2),
    venue=st.sampled_from(["alpaca", "paper"]),
    mode=st.sampled_from(["backtest", "paper", "live"]),
    reduces=st.booleans(),
)
uses = st.builds(
    DayUse,
    day=st.just(day_of(NOON)),
    orders=st.integers(0, 4),
    quantity=st.decimals(0, 500, places=2),
    notional=st.decimals(0, 500, places=2),
)


@given(CONSTRAINTS, CONSTRAINTS, requests, uses, st.integers(NOON, NOON + 43_200_000_000_000))
def test_both_allow_exactly_what_each_of_them_allows(
    first: Constraints, second: Constraints, asked: Request, used: DayUse, at: int
) -> None:
    each = {*named(first, asked, used, at), *named(second, asked, used, at)}
    assert set(named(both(first, second), asked, used, at)) == each


@given(CONSTRAINTS, CONSTRAINTS, CONSTRAINTS)
def test_narrowing_has_no_order_and_no_second_effect(a: Constraints, b: Constraints, c: Constraints) -> None:
    assert both(a, b) == both(b, a)
    assert both(a, both(b, c)) == both(both(a, b), c)
    assert both(a, a) == a
    assert both(a, UNRESTRICTED) == a
    assert is_within(both(a, b), a)
    assert is_within(both(a, b), b)


@given(CONSTRAINTS)
def test_constraints_are_the_same_after_a_journey_through_json(held: Constraints) -> None:
    assert msgspec.json.decode(msgspec.json.encode(held), type=Constraints) == held
