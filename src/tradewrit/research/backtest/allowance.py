"""What the executor's writ lets out of a run that jumps: the rules of the gate, entry after entry.

The gate counts what has left under a writ and what is about to; here an entry is asked about only when its
turn has come, so what has left is all there is to count.
"""

from collections import Counter
from typing import cast

from tradewrit.domain.constraints import UNRESTRICTED, DayUse, Mode, Request, broken_names, violations
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderTerms
from tradewrit.domain.terms import order_notional
from tradewrit.domain.writs import EXECUTOR, Use, taken
from tradewrit.research.backtest.setup import VENUE, Setup
from tradewrit.runtime.roles import roles


def may_deny(setup: Setup) -> bool:
    """Whether the writ keeps entries to anything but the run's own mode and venue."""
    return setup.entries != UNRESTRICTED


class Allowance:
    """Admits entries to symbols that are flat, one after another, and counts those of a UTC day.

    denied: how often it kept one back, by the constraints it would have broken.
    """

    def __init__(self, setup: Setup) -> None:
        self._held = roles(setup.mode, VENUE, executor=setup.entries)[EXECUTOR].constraints
        self._mode = cast("Mode", setup.mode)
        self._used = DayUse()
        self.denied: Counter[tuple[str, ...]] = Counter()

    def admits(self, instrument: Instrument, terms: OrderTerms, decided: Price, at: int) -> bool:
        """Whether an entry may leave at a time (UTC ns); it then counts, whatever the venue makes of it.

        decided: the price that it was decided on.
        """
        notional = order_notional(instrument, terms, decided)
        asked = Request(
            side=terms.side,
            quantity=terms.quantity,
            notional=notional,
            venue=VENUE,
            mode=self._mode,
            reduces=False,
        )
        broken = violations(self._held, asked, self._used, at)
        if broken:
            self.denied[broken_names(broken)] += 1
            return False
        self._used = taken(self._used, Use(at, terms.quantity, notional))
        return True
