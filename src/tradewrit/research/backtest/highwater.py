"""How high equity has been: in floats all along, exactly only where the drawdown limit is near."""

from decimal import Decimal

import msgspec

from tradewrit.features.bars import Floats
from tradewrit.research.backtest.account import Account
from tradewrit.research.backtest.worth import Worth


class _Peak(msgspec.Struct, frozen=True):
    """Where equity was highest: when, and what was held then."""

    time: int
    base: Decimal
    units: dict[int, int]


class HighWater:
    """The high-water mark of an account, whose exact one is only as high as was asked for."""

    def __init__(self, worth: Worth, account: Account) -> None:
        self._worth = worth
        self._account = account
        self._calm = 1.0 - float(account.books.limits.max_drawdown_fraction)
        self._high = float(account.high_water)
        self._peak: _Peak | None = None

    @property
    def floor(self) -> float:
        """Roughly the equity at which the drawdown limit is reached."""
        return self._high * self._calm

    def see(self, worth: Floats, start: int) -> None:
        """Equity from time `start` on, while what is held stays as it is."""
        if len(worth):
            highest = int(worth.argmax())
            self.mark(float(worth[highest]), start + highest)

    def mark(self, worth: float, time: int) -> None:
        """Equity at a time; where it is highest is kept, so that it can be made exact."""
        if worth > self._high:
            self._high = worth
            self._peak = _Peak(time, self._account.base, dict(self._worth.units))

    def measure(self, worth: float) -> None:
        """Make the account's mark exact if equity is anywhere near the limit."""
        if self._peak is not None and worth <= self.floor * (1 + 1e-9):
            peak, self._peak = self._peak, None
            highest = self._worth.exactly(peak.time, peak.base, peak.units)
            self._account.high_water = max(self._account.high_water, highest)
