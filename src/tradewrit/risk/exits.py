"""Where a stop and a target lie, and when a price touches them.

Longs round both down to the tick, shorts round both up: a stop is never closer than asked, a target
never further. Knows no order and no account.
"""

from decimal import Decimal
from typing import Final

from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.positions import Direction

ONE: Final = Decimal(1)


def stop_price(direction: Direction, entry: Decimal, fraction: Decimal, instrument: Instrument) -> Price:
    """The stop for a fill at `entry`.

    >>> aapl = Instrument(symbol="AAPL")
    >>> stop_price(Direction.LONG, Decimal("175.50"), Decimal("0.05"), aapl)
    Decimal('166.72')
    >>> stop_price(Direction.SHORT, Decimal("175.50"), Decimal("0.05"), aapl)
    Decimal('184.28')
    """
    return _round(direction, entry * (ONE - direction.sign * fraction), instrument)


def target_price(direction: Direction, entry: Decimal, fraction: Decimal, instrument: Instrument) -> Price:
    """The target for a fill at `entry`.

    >>> target_price(Direction.LONG, Decimal("175.50"), Decimal("0.15"), Instrument(symbol="AAPL"))
    Decimal('201.82')
    """
    return _round(direction, entry * (ONE + direction.sign * fraction), instrument)


def trailed_stop(
    direction: Direction, extreme: Decimal, fraction: Decimal, current: Decimal, instrument: Instrument
) -> Price | None:
    """The stop that follows the best price seen; None when that would not be tighter than `current`.

    extreme: the best price of completed bars: highest high for a long, lowest low for a short.
    """
    moved = stop_price(direction, extreme, fraction, instrument)
    return moved if is_tighter(direction, moved, current) else None


def is_tighter(direction: Direction, proposed: Decimal, current: Decimal) -> bool:
    """Whether a stop would move towards the price. It never moves away."""
    return (proposed - current) * direction.sign > 0


def hit(direction: Direction, price: Decimal, stop: Decimal | None, target: Decimal | None) -> str | None:
    """Which exit a price touches: `stop`, `target` or None; the stop first."""
    if stop is not None and (stop - price) * direction.sign >= 0:
        return "stop"
    if target is not None and (price - target) * direction.sign >= 0:
        return "target"
    return None


def _round(direction: Direction, raw: Decimal, instrument: Instrument) -> Price:
    return instrument.price_down(raw) if direction.sign > 0 else instrument.price_up(raw)
