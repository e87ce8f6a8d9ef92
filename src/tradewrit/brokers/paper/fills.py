"""At what price an order trades, given what the market printed: pure functions, no state.

The rules are docs/reference/paper-exchange.md; every engine calls these. Knows no account, no
quantity and no links between orders.

Whether a price was reached is asked in float64, as the market printed it; what is paid is exact.
Both sides of such a comparison are the float64 of a short decimal, so it decides as the decimals would.
"""

from decimal import Decimal
from typing import NamedTuple

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar
from tradewrit.domain.money import EXACT, ZERO, Price
from tradewrit.domain.orders import Side

_BPS = Decimal(10_000)
_ONE = Decimal(1)


class Span(NamedTuple):
    """What an order saw of the market: the first price, and the lowest and highest from there on."""

    first: float
    low: float
    high: float

    @classmethod
    def at(cls, price: float) -> "Span":
        """A single price: an opening or closing trade, or one side of a quote."""
        return cls(price, price, price)

    @classmethod
    def of(cls, bar: Bar) -> "Span":
        """A whole bar, for an order that was live at its open."""
        return cls(bar.open, bar.low, bar.high)


def slipped(side: Side, price: Price, instrument: Instrument, slippage_bps: Decimal) -> Price:
    """`price` moved against us and rounded to the tick against us; untouched when nothing slips.

    A sale never slips below one tick.
    """
    if not slippage_bps:
        return price
    shift = EXACT.divide(slippage_bps, _BPS)
    if side is Side.BUY:
        return instrument.price_up(price * (_ONE + shift))
    return max(instrument.price_down(price * (_ONE - shift)), instrument.price_up(instrument.tick))


def market(side: Side, printed: float, instrument: Instrument, slippage_bps: Decimal = ZERO) -> Price:
    """A market order takes the next price printed, whatever it is."""
    return slipped(side, instrument.traded(printed), instrument, slippage_bps)


def is_stop_hit(side: Side, stop_price: Price, span: Span) -> bool:
    """Whether the market traded at the stop or beyond it (below for sells, above for buys)."""
    return span.low <= float(stop_price) if side is Side.SELL else span.high >= float(stop_price)


def stop_trigger(side: Side, stop_price: Price, span: Span, instrument: Instrument) -> Price | None:
    """The price at which a stop is triggered: the stop, or the first price if that is already beyond.

    None when it is not reached.
    """
    if not is_stop_hit(side, stop_price, span):
        return None
    is_gap = is_stop_hit(side, stop_price, Span.at(span.first))
    return instrument.traded(span.first) if is_gap else stop_price


def stop(
    side: Side, stop_price: Price, span: Span, instrument: Instrument, slippage_bps: Decimal = ZERO
) -> Price | None:
    """What a stop order gets: its trigger price, less what slips; None when it is not reached."""
    price = stop_trigger(side, stop_price, span, instrument)
    return None if price is None else slipped(side, price, instrument, slippage_bps)


def limit_reach(side: Side, limit_price: Price, instrument: Instrument, *, through: bool) -> Decimal:
    """The price the market has to print for a limit to fill: its own, or one tick beyond."""
    if not through:
        return limit_price
    return limit_price - instrument.tick if side is Side.BUY else limit_price + instrument.tick


def limit(
    side: Side, limit_price: Price, span: Span, instrument: Instrument, *, through: bool = False
) -> Price | None:
    """What a resting limit gets: its limit, or the first price if that is better; None when not reached."""
    reach = float(limit_reach(side, limit_price, instrument, through=through))
    if side is Side.BUY:
        if span.low > reach:
            return None
        return instrument.traded(span.first) if span.first <= reach else limit_price
    if span.high < reach:
        return None
    return instrument.traded(span.first) if span.first >= reach else limit_price


def is_within(side: Side, limit_price: Price, price: Price) -> bool:
    """Whether `price` is no worse than `limit_price`."""
    return price <= limit_price if side is Side.BUY else price >= limit_price


def trail(side: Side, extreme: Price, trail_fraction: Decimal, instrument: Instrument) -> Price:
    """The stop that trails `extreme`: rounded down to the tick for sells, up for buys."""
    if side is Side.SELL:
        return instrument.price_down(extreme * (_ONE - trail_fraction))
    return instrument.price_up(extreme * (_ONE + trail_fraction))


def tighter(side: Side, a: Price, b: Price) -> Price:
    """The stop that is nearer to the market: the higher for sells, the lower for buys."""
    return max(a, b) if side is Side.SELL else min(a, b)


def share_of_volume(volume: float, fraction: Decimal, instrument: Instrument) -> Decimal:
    """The most that may trade against `volume` units: a share of it, rounded down to the lot."""
    return instrument.qty(Decimal(repr(volume)) * fraction)
