from decimal import Decimal

import msgspec
import pytest

from tradewrit.domain.limits import PROFILES, Limits, profile
from tradewrit.errors import ConfigError


def test_the_default_profile_is_the_one_of_the_default_strategy() -> None:
    limits = profile("default")
    assert limits == Limits()
    assert (
        limits.max_position_notional,
        limits.max_position_fraction,
        limits.min_cash_fraction,
        limits.max_drawdown_fraction,
        limits.stop_fraction,
        limits.target_fraction,
        limits.min_reward_risk,
    ) == (
        Decimal(1000),
        Decimal("0.20"),
        Decimal("0.50"),
        Decimal("0.20"),
        Decimal("0.05"),
        Decimal("0.15"),
        Decimal("2.5"),
    )


def test_every_profile_bears_its_name_and_keeps_the_stop_mandatory() -> None:
    assert {name: limits.profile for name, limits in PROFILES.items()} == {name: name for name in PROFILES}
    assert all(limits.stop_fraction > 0 for limits in PROFILES.values())


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(
        ConfigError, match="unknown limit profile 'bold'; known profiles: default, demo_large"
    ):
        profile("bold")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("max_position_fraction", "0", "1"),
        ("min_cash_fraction", "0", "1"),
        ("max_drawdown_fraction", "0.0001", "1"),
        ("stop_fraction", "0.0001", "0.9999"),
        ("target_fraction", "0.0001", "1000"),
        ("max_leverage", "1", "1000"),
    ],
)
def test_a_limit_has_bounds_of_its_own(name: str, low: str, high: str) -> None:
    for inside in (low, high):
        assert getattr(msgspec.structs.replace(Limits(), **{name: Decimal(inside)}), name) == Decimal(inside)
    for outside in (Decimal(low) - Decimal("0.00001"), Decimal(high) + Decimal("0.00001")):
        with pytest.raises(ValueError, match=f"{name} must lie between {low} and {high}, not {outside}"):
            Limits(**{name: outside})  # type: ignore[arg-type]


def test_a_misspelt_limit_is_an_error() -> None:
    with pytest.raises(msgspec.ValidationError, match="max_positon_notional"):
        msgspec.json.decode(b'{"max_positon_notional": "5"}', type=Limits)
