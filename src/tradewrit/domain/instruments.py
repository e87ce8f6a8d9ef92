"""What can be traded, and the only door between market floats and exact amounts.

Knows no market data and no venue; venue filters (tick, lot, minimum notional) are its fields.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import lru_cache

import msgspec

from tradewrit.domain.money import EXACT, Money, Price, Qty, canonical, canonical_qty


class AssetClass(StrEnum):
    """What kind of thing it is; decides how a position is paid for.

    is_derivative: whether a position is margined (only P&L and fees move cash) instead of paid in full.
    """

    EQUITY = "equity"
    ETF = "etf"
    CRYPTO = "crypto"
    FX = "fx"
    FUTURE = "future"
    PERPETUAL = "perpetual"
    INDEX = "index"

    is_derivative: bool

    def __init__(self, value: str) -> None:
        self.is_derivative = value in {"future", "perpetual", "fx"}


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One tradable thing at one venue, with the steps its prices and sizes must keep.

    tick: smallest price step, in quote currency per unit.
    lot: smallest size step, in units (contracts for derivatives).
    multiplier: units of the underlying per unit traded (1 for a share).
    minimum_notional: smallest order value the venue takes, in quote currency.
    """

    symbol: str
    currency: str = "USD"
    asset_class: AssetClass = AssetClass.EQUITY
    tick: Decimal = Decimal("0.01")
    lot: Decimal = Decimal(1)
    multiplier: Decimal = Decimal(1)
    minimum_notional: Decimal = Decimal(0)
    is_shortable: bool = True

    def __post_init__(self) -> None:
        for name in ("tick", "lot", "multiplier"):
            step: Decimal = getattr(self, name)
            if not (step.is_finite() and step > 0):
                raise ValueError(f"{self.symbol}: {name} must be a positive number, not {step}")

    def price(self, raw: str | Decimal) -> Price:
        """Nearest valid order price; ties to the even tick."""
        return Price(canonical(_step(Decimal(raw), self.tick, ROUND_HALF_EVEN)))

    def price_down(self, raw: str | Decimal) -> Price:
        """Highest valid order price not above `raw`."""
        return Price(canonical(_step(Decimal(raw), self.tick, ROUND_FLOOR)))

    def price_up(self, raw: str | Decimal) -> Price:
        """Lowest valid order price not below `raw`."""
        return Price(canonical(_step(Decimal(raw), self.tick, ROUND_CEILING)))

    def traded(self, raw: float) -> Price:
        """The exact price the market printed: the shortest decimal that names this float.

        Not rounded to the tick: an adjusted series and a mid price are off the grid on purpose,
        and what we settle at is what was printed. Our own order prices are always on the grid.

        Raises ValueError for NaN, infinities, zero and negative prices.
        """
        if not 0.0 < raw < float("inf"):
            raise ValueError(f"{self.symbol}: {raw} is not a price")
        return Price(_printed(raw))

    def qty(self, raw: str | Decimal) -> Qty:
        """Largest valid size not above `raw`: an order is never rounded up."""
        return Qty(canonical_qty(_step(Decimal(raw), self.lot, ROUND_DOWN)))

    def is_on_tick(self, price: Decimal) -> bool:
        """Whether `price` is a price the venue would take."""
        return price % self.tick == 0

    def is_on_lot(self, qty: Decimal) -> bool:
        """Whether `qty` is a size the venue would take."""
        return qty > 0 and qty % self.lot == 0

    def value(self, price: Decimal, qty: Decimal) -> Decimal:
        """Notional in quote currency, exact."""
        if self.multiplier == 1:
            return price * qty
        return price * qty * self.multiplier

    def notional(self, price: Decimal, qty: Decimal) -> Money:
        """Notional as money: price x quantity x multiplier."""
        return Money(canonical(self.value(price, qty)), self.currency)


# Each in the spelling that `quantize` goes by: 0.010 is 0.01, and still asks for three decimals.
_POWERS_OF_TEN = {step: step for step in (Decimal(1).scaleb(-decimals) for decimals in range(13))}


@lru_cache(maxsize=4096)
def plain(symbol: str, currency: str) -> Instrument:
    """The instrument of a symbol nobody has defined: tick 0.01, lot 1, in this currency."""
    return Instrument(symbol=symbol, currency=currency)


@lru_cache(maxsize=65_536)
def _printed(raw: float) -> Decimal:
    return canonical(Decimal(repr(raw)))


def _step(raw: Decimal, step: Decimal, rounding: str) -> Decimal:
    """`raw` moved to a multiple of `step`."""
    if not raw.is_finite():
        raise ValueError(f"{raw} is not a number that can be traded")
    power = _POWERS_OF_TEN.get(step)
    if power is not None:  # nearly always, and then one operation is enough
        return raw.quantize(power, rounding, EXACT)
    return EXACT.divide(raw, step).to_integral_value(rounding) * step
