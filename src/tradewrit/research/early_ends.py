"""Symbols whose bars end before the test does, in a sentence for the person who reads its figures.

What is open in such a symbol is marked at its last close to the end, as if it could be sold there.
Knows no engine.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from tradewrit.domain.times import iso
from tradewrit.features.bars import Bars
from tradewrit.research.results import Result

_NAMED: Final = 3


def early_ends(result: Result, bars: Sequence[Bars]) -> tuple[str, ...]:
    """What there is to say of it; nothing where no position is open at the end.

    A symbol ends early when it is silent at the end for longer than it ever was before.
    """
    if not (result.open_positions and len(result.curve)):
        return ()
    end = int(result.curve.ts[-1])
    early = [f"{one.symbol} {iso(int(one.ts[-1]))[:10]}" for one in bars if _is_early(one, end)]
    if not early:
        return ()
    more = f" and {len(early) - _NAMED} more" if len(early) > _NAMED else ""
    told = (
        f"The bars of {len(early)} of {len(bars)} symbols end before the test does "
        f"({', '.join(early[:_NAMED])}{more}): what is still open there is marked at its last close."
    )
    return (told,)


def _is_early(bars: Bars, end: int) -> bool:
    ts = bars.ts
    longest = int(np.diff(ts).max()) if len(ts) > 1 else 0
    return len(ts) > 0 and end - int(ts[-1]) > longest
