"""Synthetic bars: a seeded random walk, for speed, for tests and for trying things out.

Not a model of any market, and never to be mistaken for data: symbols are named SYN... unless the
caller names them. The same arguments give the same bars with one release of numpy on one kind of
processor; another may round an exponential differently and move a price by a tick.
"""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.typing import NDArray

from tradewrit.domain.market import DAY, Interval
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.market.calendar import Calendar
from tradewrit.market.stamps import read_time

_MEMORY: Final = 0.8  # how much of a bar's log volume carries over to the next one
_TAPS: Final = 24  # bars after which the carried volume is forgotten: 0.8**24 is half a percent
_VOLUME: Final = 10_000.0  # typical units per bar
_WICK: Final = 0.5  # how far high and low reach beyond the body, in units of sigma
_OVERNIGHT: Final = 0.2  # gap between a close and the next open, in units of sigma
_JUMP_SIGMAS: Final = 10.0
_MOST_TICKS: Final = 1e12  # a float still tells one tick from the next there

Ticks = NDArray[np.int64]


def synthetic_bars(
    symbols: int | Sequence[str],
    bars: int,
    *,
    seed: int,
    sigma: float = 0.002,
    start_price: float = 100.0,
    interval: str | Interval = Interval.MINUTE,
    start: str = "2024-01-02T14:30:00Z",
    tick: float | str = 0.01,
    gaps: float = 0.0,
    jumps: float = 0.0,
    session: Calendar | None = None,
) -> list[Bars]:
    """Synthetic bars per symbol, oldest first; symbol k is the same however many others there are.

    symbols: their names, or how many (SYN000, SYN001, ...).
    sigma: volatility of the log return of one bar. tick: the grid of all prices.
    gaps: share of bars left out at random, 0..1, never the first or the last; each symbol's own.
    jumps: chance per bar, 0..1, of a move ten times as large as usual.
    session: bars lie inside the regular sessions of this calendar (daily bars at the venue's
    midnight); without it they follow each other without a break from `start` (ISO-8601).

    Prices start near `start_price` and stay between one tick and some 1e12. Volumes are whole numbers with
    a memory of several bars and larger where prices move.

    Raises DataError for arguments out of range.
    """
    names = [f"SYN{k:03d}" for k in range(symbols)] if isinstance(symbols, int) else list(symbols)
    _check(bars, sigma, start_price, float(tick), gaps, jumps)
    ts = _times(start, bars, Interval.of(interval).ns, session)
    grid = Decimal(str(tick))
    seeds = SeedSequence(seed).spawn(len(names))
    return [
        _one(name, ts, Generator(PCG64(own)), sigma, start_price, grid, gaps, jumps)
        for name, own in zip(names, seeds, strict=True)
    ]


def on_grid(prices: Floats, tick: Decimal) -> Floats:
    """The nearest multiple of the tick, at least one, as the float that its decimal text names."""
    return _price(np.maximum(np.rint(prices / float(tick)), 1).astype(np.int64), tick)


def _check(bars: int, sigma: float, start_price: float, tick: float, gaps: float, jumps: float) -> None:
    for name, is_fine, wanted in (
        ("bars", bars >= 1, "at least 1"),
        ("sigma", 0 <= sigma < 1, "0 or more and below 1"),
        ("tick", 0 < tick < float("inf"), "positive"),
        ("start_price", tick <= start_price <= _MOST_TICKS * tick, "between one and 1e12 ticks"),
        ("gaps", 0 <= gaps < 1, "0 or more and below 1"),
        ("jumps", 0 <= jumps <= 1, "between 0 and 1"),
    ):
        if not is_fine:
            raise DataError(f"synthetic bars: {name} must be {wanted}")


def _one(
    name: str,
    ts: Times,
    chance: Generator,
    sigma: float,
    start_price: float,
    tick: Decimal,
    gaps: float,
    jumps: float,
) -> Bars:
    n = len(ts)
    returns = sigma * chance.standard_normal(n)
    returns[chance.random(n) < jumps] *= _JUMP_SIGMAS
    lowest, highest = np.log(float(tick) / start_price), np.log(_MOST_TICKS * float(tick) / start_price)
    close = start_price * np.exp(np.clip(np.cumsum(returns), lowest, highest))
    before = np.concatenate([[start_price], close[:-1]])
    open_ = before * np.exp(_OVERNIGHT * sigma * chance.standard_normal(n))
    body_high, body_low = np.maximum(open_, close), np.minimum(open_, close)
    high = body_high * np.exp(_WICK * sigma * np.abs(chance.standard_normal(n)))
    low = body_low * np.exp(-_WICK * sigma * np.abs(chance.standard_normal(n)))
    volume = _volume(chance, returns, sigma)
    # Rounding keeps the order of prices, so the high still encloses the body on the grid.
    columns = [*(on_grid(price, tick) for price in (open_, high, low, close)), volume]
    keep = _kept(chance, n, gaps)
    return Bars(name, ts[keep], *(column[keep] for column in columns))


def _price(ticks: Ticks, tick: Decimal) -> Floats:
    """Exact multiples as floats: one correctly rounded division of whole numbers."""
    numerator, denominator = tick.as_integer_ratio()
    return np.asarray(ticks * numerator / denominator, dtype=np.float64)


def _volume(chance: Generator, returns: Floats, sigma: float) -> Floats:
    weights = _MEMORY ** np.arange(_TAPS)
    noise = chance.standard_normal(len(returns) + _TAPS - 1)
    memory = np.convolve(noise, weights / np.sqrt((weights**2).sum()), mode="valid")
    move = np.abs(returns) / sigma if sigma > 0 else np.zeros_like(returns)
    level = _VOLUME * np.exp(0.5 * memory + 0.2 * np.minimum(move, _JUMP_SIGMAS))
    return np.maximum(np.rint(level), 1.0)


def _kept(chance: Generator, n: int, gaps: float) -> NDArray[np.bool_]:
    keep = np.ones(n, dtype=bool)
    dropped = min(round(gaps * n), max(0, n - 2))
    if dropped:
        keep[1 + chance.permutation(n - 2)[:dropped]] = False
    return keep


def _times(start: str, bars: int, step: int, session: Calendar | None) -> Times:
    begin = read_time(start)
    if begin is None:
        raise DataError(f"synthetic bars: start {start!r} is no ISO-8601 time")
    if session is None:
        return begin + step * np.arange(bars, dtype=np.int64)
    if step == DAY:
        return _session_days(begin, bars, session)
    blocks, count, following = [], 0, session.session_of(begin) or session.next_session(begin)
    while count < bars:
        opens = [np.arange(*stretch, step, dtype=np.int64) for stretch in following.stretches]
        blocks.append(np.concatenate([each[each >= begin] for each in opens]))
        count += len(blocks[-1])
        following = session.next_session(following.open)
    return np.concatenate(blocks)[:bars]


def _session_days(begin: int, bars: int, calendar: Calendar) -> Times:
    first = calendar.session_of(begin) or calendar.next_session(begin)
    last = first.date + timedelta(days=2 * bars + 30)
    days = calendar.sessions(first.date, last)[:bars]
    return np.array([calendar.midnight(day.date) for day in days], dtype=np.int64)
