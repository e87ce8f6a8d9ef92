"""How large a trade is wanted, as exact values. One tagged union, chosen by configuration.

What is wanted is never more than the limits allow: they cap every rule here, and then the quantity is
floored to the lot. Each rule decides on equity, price and stop at the decision, and none asks for more
than there is to know then. A quantity that a person asked for is not sized at all.
"""

from decimal import Decimal

import msgspec

from tradewrit.domain.money import ZERO

_ONE = Decimal(1)
_SHORTEST_WINDOW = 2


class Largest(msgspec.Struct, frozen=True, tag="largest"):
    """As much as the limits allow: they alone say how large a trade is."""


class FixedQuantity(msgspec.Struct, frozen=True, tag="fixed_quantity"):
    """The same number of units every time."""

    quantity: Decimal

    def __post_init__(self) -> None:
        _above_zero("quantity", self.quantity)


class FixedNotional(msgspec.Struct, frozen=True, tag="fixed_notional"):
    """The same value every time, in the account's currency: quantity = notional / (price x multiplier)."""

    notional: Decimal

    def __post_init__(self) -> None:
        _above_zero("notional", self.notional)


class EquityFraction(msgspec.Struct, frozen=True, tag="equity_fraction"):
    """A share of equity, with the order's fee paid out of it.

    The largest quantity whose notional and fee are at most fraction x (1 - buffer_fraction) x equity. With
    its defaults it is `SetHoldings(symbol, 1)` of QuantConnect's Lean, bought when flat: Lean keeps 0.25 % of
    the portfolio's value free (`Settings.FreePortfolioValuePercentage`) and makes room for the order's fee
    (`BuyingPowerModel.GetMaximumOrderQuantityForTargetBuyingPower`). Its versions differ in whether the whole
    fee is taken off or `fraction` of it.
    """

    fraction: Decimal = _ONE
    buffer_fraction: Decimal = Decimal("0.0025")

    def __post_init__(self) -> None:
        _share("fraction", self.fraction)
        if not (self.buffer_fraction.is_finite() and ZERO <= self.buffer_fraction < _ONE):
            raise ValueError(f"buffer_fraction must be at least 0 and below 1, not {self.buffer_fraction}")


class RiskPerTrade(msgspec.Struct, frozen=True, tag="risk_per_trade"):
    """A share of equity that is lost when the stop is reached: fixed-fractional sizing.

    quantity = risk_fraction x equity / (distance from price to stop x multiplier), the stop where it would be
    set, on the tick. Fees and gaps come on top. R. Vince, Portfolio Management Formulas, 1990.
    """

    risk_fraction: Decimal = Decimal("0.01")

    def __post_init__(self) -> None:
        _share("risk_fraction", self.risk_fraction)


class VolatilityTarget(msgspec.Struct, frozen=True, tag="volatility_target"):
    """As much as makes the position's own volatility the wanted one, a year, as a share of equity.

    quantity = min(volatility / v, max_fraction) x equity / (price x multiplier), with v the annualised
    volatility of the last `volatility_window` returns (`features.indicators.realised_volatility`). No trade
    before there are so many; a price that did not move at all gets max_fraction. T. Moskowitz, Y. H. Ooi,
    L. H. Pedersen, Time Series Momentum, JFE 104 (2012), sizes positions so.

    volatility: 0.10 is ten per cent a year. bars_per_year: 252 for daily bars, 252 x 390 for minutes of
    a New York session.
    """

    volatility: Decimal = Decimal("0.10")
    volatility_window: int = 20
    bars_per_year: int = 252
    max_fraction: Decimal = _ONE

    def __post_init__(self) -> None:
        _above_zero("volatility", self.volatility)
        if self.volatility_window < _SHORTEST_WINDOW:
            raise ValueError(
                f"volatility_window must be at least {_SHORTEST_WINDOW} bars, not {self.volatility_window}"
            )
        if self.bars_per_year < 1:
            raise ValueError(f"bars_per_year must be at least 1, not {self.bars_per_year}")
        _share("max_fraction", self.max_fraction)


Sizing = Largest | FixedQuantity | FixedNotional | EquityFraction | RiskPerTrade | VolatilityTarget


def name_of(sizing: Sizing) -> str:
    """The rule's name, as configuration spells it.

    >>> name_of(FixedQuantity(Decimal(100)))
    'fixed_quantity'
    """
    return str(sizing.__struct_config__.tag)


def spelt(sizing: Sizing) -> str:
    """The rule with its numbers, as `--sizing` takes it.

    >>> spelt(RiskPerTrade(Decimal("0.01")))
    'risk_per_trade:risk_fraction=0.01'
    """
    keys = ",".join(f"{name}={_short(getattr(sizing, name))}" for name in sizing.__struct_fields__)
    return f"{name_of(sizing)}:{keys}" if keys else name_of(sizing)


def _short(number: Decimal | int) -> str:
    return f"{Decimal(number).normalize():f}"


def _above_zero(name: str, value: Decimal) -> None:
    if not (value.is_finite() and value > ZERO):
        raise ValueError(f"{name} must be a number above 0, not {value}")


def _share(name: str, value: Decimal) -> None:
    if not (value.is_finite() and ZERO < value <= _ONE):
        raise ValueError(f"{name} must be above 0 and at most 1 (all of equity), not {value}")
