"""What a factor table makes of a run: adjusted bars, or raw ones to which corporate actions happen."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from tradewrit.domain.splits import Adjustment
from tradewrit.features.bars import Bars
from tradewrit.market.adjustment import actions_of, adjusted, adjusted_instrument
from tradewrit.market.factors import Factors
from tradewrit.research.backtest.corporate import bars_in_last_shares
from tradewrit.research.backtest.setup import Setup


class Adjusted(msgspec.Struct, frozen=True, eq=False):
    """Bars and setup of a run, and the bars as they are drawn and measured.

    drawn: in the shares of the last bar, so that a split is no loss.
    """

    bars: list[Bars]
    setup: Setup
    drawn: list[Bars]
    adjustment: Adjustment
    factors: Mapping[str, Factors]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Symbols that the table does not have; theirs are left as they are."""
        return tuple(one.symbol for one in self.bars if one.symbol not in self.factors)

    def as_drawn(self, bars: Bars) -> Bars:
        """Other bars, made to stand beside those drawn."""
        return _drawn(bars, self.adjustment, self.factors)


def adjust(
    bars: Sequence[Bars], setup: Setup, adjustment: Adjustment, factors: Mapping[str, Factors]
) -> Adjusted:
    """Apply a factor table. `raw` leaves prices alone and lets splits and dividends happen.

    Adjusted series lie on no tick of the exchange, so their instruments get one of 1e-8.
    Raises DataError where a table ends before its symbol's bars.
    """
    drawn = [_drawn(one, adjustment, factors) for one in bars]
    if adjustment is Adjustment.RAW:
        setup = replace(setup, actions=actions_of(bars, factors))
        return Adjusted(list(bars), setup, drawn, adjustment, factors)
    known = [one.symbol for one in bars if one.symbol in factors]
    finer = {symbol: adjusted_instrument(setup.instrument(symbol)) for symbol in known}
    finer_setup = replace(setup, instruments={**setup.instruments, **finer})
    return Adjusted(drawn, finer_setup, drawn, adjustment, factors)


def _drawn(bars: Bars, adjustment: Adjustment, factors: Mapping[str, Factors]) -> Bars:
    if bars.symbol not in factors:
        return bars
    if adjustment is Adjustment.RAW:
        return bars_in_last_shares(bars, actions_of([bars], factors))
    return adjusted(bars, factors[bars.symbol], adjustment)
