"""How much of what trades at one time is there for us, and what of it our fills have taken.

Knows no orders.
"""

from decimal import Decimal

from tradewrit.brokers.paper.fills import share_of_volume
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO


class Volume:
    """Taken so far of the bar, or quote, in progress. fraction: of it, for us; None for any size."""

    def __init__(self, fraction: Decimal | None) -> None:
        self._fraction = fraction
        self._taken: dict[str, tuple[int, Decimal]] = {}

    def left(self, instrument: Instrument, at: int, volume: float | None) -> Decimal | None:
        """What may still trade at `at` of so much; None when nothing limits it."""
        if self._fraction is None or volume is None:
            return None
        most = share_of_volume(volume, self._fraction, instrument)
        return max(most - self._so_far(instrument.symbol, at), ZERO)

    def take(self, symbol: str, at: int, quantity: Decimal) -> None:
        """So much has traded for us."""
        self._taken[symbol] = (at, self._so_far(symbol, at) + quantity)

    def _so_far(self, symbol: str, at: int) -> Decimal:
        taken_at, taken = self._taken.get(symbol, (at, ZERO))
        return taken if taken_at == at else ZERO
