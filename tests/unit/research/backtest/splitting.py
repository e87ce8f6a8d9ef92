"""Markets in which shares split: the same prices as printed at the time, and in the shares of the end."""

import random
from decimal import Decimal

import numpy as np
from msgspec.structs import replace

from tests.unit.research.backtest.markets import Shape, market
from tradewrit.domain.events.corporate import DividendWentEx, SharesSplit
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.splits import Ratio
from tradewrit.features.bars import QUOTES, Bars

PRICES = ("open", "high", "low", "close")
# Quotients with few decimals, so that both markets can be written down exactly.
RATIOS = [Ratio(Decimal(new), Decimal(old)) for new, old in ((2, 1), (4, 1), (5, 4), (1, 2), (1, 5))]


def split_market(
    seed: int, symbols: int = 3, bars: int = 60
) -> tuple[list[Bars], list[Bars], list[SharesSplit]]:
    """Raw bars, the same bars in the last shares, and the splits between them: up to two a symbol."""
    rng = random.Random(seed)
    shape = Shape(
        seed, symbols, bars, rng.choice([0.01, 0.04]), 20.0, 2, rng.choice([0.0, 0.2]), False, False
    )
    last, raw, splits = market(shape), [], []
    for one in last:
        rows = sorted(rng.sample(range(1, len(one)), min(len(one) - 1, rng.choice([0, 1, 1, 2]))))
        ratios = [rng.choice(RATIOS) for _ in rows]
        printed = as_printed(one, rows, ratios)
        raw.append(printed)
        splits += [split_at(printed, row, ratio) for row, ratio in zip(rows, ratios, strict=True)]
    return raw, last, splits


def as_printed(last: Bars, rows: list[int], ratios: list[Ratio]) -> Bars:
    """Bars in the last shares as they were printed, when there were splits before these rows."""
    factor = np.ones(len(last))
    for row, ratio in zip(rows, ratios, strict=True):
        factor[:row] *= float(ratio.new / ratio.old)
    columns = [name for name in (*PRICES, *QUOTES) if getattr(last, name) is not None]
    prices = {name: np.round(getattr(last, name) * factor, 6) for name in columns}
    return replace(last, **prices, volume=last.volume / factor)


def split_at(raw: Bars, row: int, ratio: Ratio) -> SharesSplit:
    """The split that takes effect with bar `row`; fractions are paid at the close before."""
    close = ratio.price(Decimal(repr(float(raw.close[row - 1]))))
    return SharesSplit(
        at=int(raw.ts[row]), action=f"{raw.symbol}:{row}", symbol=raw.symbol, ratio=ratio, price=Price(close)
    )


def dividend_at(raw: Bars, row: int, share: str) -> DividendWentEx:
    """A dividend of a share of the close before, that goes ex with bar `row`."""
    amount = (Decimal(repr(float(raw.close[row - 1]))) * Decimal(share)).quantize(Decimal("0.001"))
    return DividendWentEx(
        at=int(raw.ts[row]), action=f"{raw.symbol}:{row}:dividend", symbol=raw.symbol, amount=amount
    )


def fine(symbol: str) -> Instrument:
    """An instrument whose steps are so small that nothing is lost to rounding."""
    return Instrument(symbol=symbol, tick=Decimal("1E-8"), lot=Decimal("1E-6"))
