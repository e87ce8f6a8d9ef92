"""The closing quotes that a run needs when orders fill at them: there, on every bar, or no run."""

import math
from collections.abc import Iterable

import numpy as np

from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats
from tradewrit.market.stamps import iso


def check_quotes(bars: Iterable[Bars], rules: PaperRules, source: str = "the bars") -> None:
    """Raise DataError, naming symbol, column and bar, where these rules would miss a quote."""
    if rules.market_fills != "quote":
        return
    for one in bars:
        _check(one, "bid", one.bid, source)
        _check(one, "ask", one.ask, source)


def _check(bars: Bars, name: str, column: Floats | None, source: str) -> None:
    if column is None:
        raise DataError(
            f"{source}: {bars.symbol} has no column {name} (or {name}_close), and `market_fills: quote` "
            "fills orders at the quotes of each bar's close; add bid and ask, or use next_open or close"
        )
    fits = (column > 0) & (column < math.inf)
    if not fits.all():
        row = int(np.argmin(fits))
        raise DataError(
            f"{source}: {bars.symbol}, bar {row + 1} ({iso(int(bars.ts[row]))}): {name} is "
            f"{float(column[row])!r}, not a positive number, and `market_fills: quote` needs one on every "
            f"bar ({int((~fits).sum()):,} such); fill them in, or leave those bars out"
        )
