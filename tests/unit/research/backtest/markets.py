"""Random markets, small and nasty, that fit one seed: for the engines to agree on."""

import random
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from msgspec.structs import replace

from benchmarks.plain_loop import SymbolColumns
from tradewrit.domain.market import DAY, MINUTE, SECOND
from tradewrit.features.bars import Bars, Floats

START = 1_700_000_000 * SECOND

# A stop 5 % below a price of less than 1.06 ticks would be rounded down to nothing, and an order at
# no price is no order: what happens then is a test of its own (test_protection).
LOWEST = 0.02

# In sigmas, so that at the largest that is drawn no bar lies five times away from the last: a live desk takes
# that for a bad print, and a backtest believes its file (docs/explanation/backtest.md).
FURTHEST = 3.8


class Shape(NamedTuple):
    """What a random market is like; `seed` decides the rest.

    sigma: standard deviation of a bar's return. price: what the symbols' first prices scatter above.
    decimals: of all prices. missing: share of bars left out. is_shifted: symbols have times of their own.
    is_uneven: symbols begin and end at different times. step: from bar to bar, ns.
    """

    seed: int
    symbols: int
    bars: int
    sigma: float
    price: float
    decimals: int
    missing: float
    is_shifted: bool
    is_uneven: bool
    step: int = MINUTE


def market(shape: Shape) -> list[Bars]:
    """The bars of each symbol by rank; symbols that got no bar at all are left out."""
    rng = random.Random(shape.seed)
    made = [_symbol(f"S{rank}", rank, shape, rng) for rank in range(shape.symbols)]
    spreads = random.Random(shape.seed)  # of their own, so that no price depends on them
    return [_quoted(bars, shape, spreads) for bars in made if len(bars)]


def _quoted(bars: Bars, shape: Shape, rng: random.Random) -> Bars:
    """With closing quotes on both sides of the close, or beside it: real ones are not always around it."""

    def beside(centre: float) -> Floats:
        moved = (close * (1 + shape.sigma * rng.gauss(centre, 0.3)) for close in bars.close.tolist())
        return np.array([_price(price, shape.decimals) for price in moved])

    return replace(bars, bid=beside(-0.3), ask=beside(0.3))


def _symbol(name: str, rank: int, shape: Shape, rng: random.Random) -> Bars:
    sigma, decimals = shape.sigma, shape.decimals
    first = rng.randrange(shape.bars) if shape.is_uneven and rng.random() < 0.3 else 0
    last = rng.randrange(shape.bars) if shape.is_uneven and rng.random() < 0.3 else shape.bars
    shift = rank % 7 * SECOND if shape.is_shifted else 0
    close = shape.price * 20 ** rng.random()
    rows = []
    for k in range(shape.bars):
        is_left_out = not first <= k <= last or rng.random() < shape.missing
        if is_left_out and (rank or k):  # the very first bar is always there: no market is empty
            continue
        opened = _price(close * (1 + _move(sigma / 2, rng)), decimals)
        close = _price(opened * (1 + _move(sigma, rng)), decimals)
        high = max(opened, close, _price(max(opened, close) * (1 + rng.random() * sigma), decimals))
        low = min(opened, close, _price(min(opened, close) * (1 - rng.random() * sigma), decimals))
        rows.append((START + k * shape.step + shift, opened, high, low, close, float(rng.randrange(50))))
    ts, *values = zip(*rows, strict=True) if rows else ((),) * 6
    return Bars(name, np.array(ts, dtype=np.int64), *(np.array(column, dtype=float) for column in values))


def _move(sigma: float, rng: random.Random) -> float:
    return min(max(rng.gauss(0, sigma), -FURTHEST * sigma), FURTHEST * sigma)


def _price(raw: float, decimals: int) -> float:
    return max(round(raw, decimals), LOWEST)


def shape_of(seed: int, symbols: int = 50, bars: int = 150) -> Shape:
    """A shape of up to so many symbols and bars.

    Drawn by our own generator: hypothesis leans towards what is small and has been seen, and most of
    its markets would see no trade.
    """
    rng = random.Random(seed)
    return Shape(
        seed=seed,
        symbols=rng.choice([1, 2, 3, min(5, symbols), symbols]),
        bars=rng.choice([rng.randint(1, bars), bars // 2, bars]),
        sigma=rng.choice([0.003, 0.02, 0.06, 0.15]),
        price=rng.choice([0.02, 0.5, 5.0, 50.0]),
        decimals=rng.choice([2, 2, 4]),
        missing=rng.choice([0.0, 0.0, 0.15, 0.6]),
        is_shifted=rng.random() < 0.3,
        is_uneven=rng.random() < 0.5,
        step=rng.choice([MINUTE, MINUTE, DAY]),
    )


# From an account that cannot buy a share to one whose every position is held down by the $1000 cap.
CASH = [Decimal(text) for text in ("3", "50", "300", "1000", "2500.5", "10000", "100000")]
SEEDS = st.integers(0, 2**40)


def as_lists(market: list[Bars]) -> list[SymbolColumns]:
    """The same market as the plain loop takes it."""
    return [
        SymbolColumns(
            one.symbol,
            one.ts.tolist(),
            *(column.tolist() for column in (one.open, one.high, one.low, one.close, one.volume)),
        )
        for one in market
    ]
