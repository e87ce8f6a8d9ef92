"""Synthetic bars inside real ones: a random path through a bar's open, high, low and close.

The result is synthetic and says nothing about what happened inside the day; it keeps what is known
of the day exactly, so that a daily bar rebuilt from it is the one it came from.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from tradewrit.domain.market import DAY, SECOND, Interval
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars, Floats
from tradewrit.market.calendar import Calendar
from tradewrit.market.sessions import Session
from tradewrit.market.synth import on_grid

_STEPS: Final = 4  # points of the path per bar; the first is its open, the last its close
_NAMES: Final = ("ts", "open", "high", "low", "close", "volume")


def brownian_bridge(
    daily: Bars,
    calendar: Calendar,
    *,
    seed: int,
    interval: str | Interval = Interval.MINUTE,
    tick: float | str = 0.01,
) -> Bars:
    """Synthetic bars of `interval` inside the regular session of each daily bar.

    Each day opens at the daily open, touches its high and its low, never leaves them, closes at its
    close, and its whole volumes add up to the day's (rounded down to a whole number). Prices between
    lie on the tick grid. A day's path depends on the seed and the day's place alone.

    Raises DataError for a daily bar on a day without session, or one whose high and low do not
    enclose open and close.
    """
    step = Interval.of(interval).ns
    grid = Decimal(str(tick))
    seeds = SeedSequence(seed).spawn(len(daily))
    parts = [
        _day(daily, i, _session(daily, i, calendar), step, grid, Generator(PCG64(own)))
        for i, own in enumerate(seeds)
    ]
    if not parts:
        return daily
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in _NAMES)
    return Bars(daily.symbol, *columns)


def _session(daily: Bars, i: int, calendar: Calendar) -> Session:
    bar = daily.row(i)
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise DataError(f"{bar.symbol}: the high and low of daily bar {i + 1} do not enclose open and close")
    session = _utc_date(calendar, bar.ts) if bar.ts % DAY == 0 else calendar.session_of(bar.ts)
    if session is None:
        raise DataError(f"{bar.symbol}: {calendar.name} has no session on the day of daily bar {i + 1}")
    return session


def _utc_date(calendar: Calendar, ts: int) -> Session | None:
    """The session of a date written as midnight UTC, which is the evening before in New York."""
    day = datetime.fromtimestamp(ts // SECOND, UTC).date()
    return next(iter(calendar.sessions(day, day)), None)


def _day(daily: Bars, i: int, session: Session, step: int, tick: Decimal, chance: Generator) -> Bars:
    bar = daily.row(i)
    ts = np.concatenate([np.arange(*stretch, step, dtype=np.int64) for stretch in session.stretches])
    points = len(ts) * _STEPS
    path = _through(bar.open, bar.high, bar.low, bar.close, points, chance)
    path[1:-1] = np.clip(on_grid(path[1:-1], tick), bar.low, bar.high)
    _touch(path, bar.high, is_high=True)
    _touch(path, bar.low, is_high=False)
    quarters = path.reshape(len(ts), _STEPS)
    high, low = quarters.max(axis=1), quarters.min(axis=1)
    volume = chance.multinomial(int(bar.volume), _smile(len(ts))).astype(np.float64)
    return Bars(daily.symbol, ts, quarters[:, 0], high, low, quarters[:, -1], volume)


def _through(open_: float, high: float, low: float, close: float, points: int, chance: Generator) -> Floats:
    """A Brownian bridge from open to close, folded back at high and low, then stretched to reach them.

    Source of the bridge: W(t) - t W(1) for a Brownian motion W.
    """
    t = np.linspace(0.0, 1.0, points)
    walk = np.concatenate([[0.0], np.cumsum(chance.standard_normal(points - 1))])
    bridge = (walk - t * walk[-1]) / np.sqrt(points)
    path = _folded(open_ + (close - open_) * t + (high - low) * bridge, low, high)
    top, bottom = max(open_, close), min(open_, close)
    path = _stretched(path, top, high)
    path = -_stretched(-path, -bottom, -low)
    path[0], path[-1] = open_, close
    return path


def _folded(path: Floats, low: float, high: float) -> Floats:
    """The path reflected at both levels, as often as it takes to stay between them."""
    if high == low:
        return np.full_like(path, low)
    width = high - low
    return low + width - np.abs((path - low) % (2 * width) - width)


def _stretched(path: Floats, edge: float, reach: float) -> Floats:
    """What lies above `edge` scaled up so that the peak is at `reach`."""
    peak = float(path.max())
    if peak <= edge:
        return path
    return np.where(path > edge, edge + (path - edge) * (reach - edge) / (peak - edge), path)


def _touch(path: Floats, level: float, *, is_high: bool) -> None:
    """Put the extreme inner point on the level when rounding, or a tame path, left it short."""
    extreme = float(path.max() if is_high else path.min())
    if extreme != level:
        inner = path[1:-1]
        inner[int(inner.argmax() if is_high else inner.argmin())] = level


def _smile(bars: int) -> Floats:
    """Shares of the day's volume: most at the open and the close."""
    place = np.linspace(-1.0, 1.0, bars)
    weights = 1.0 + 2.0 * place**2
    shares: Floats = weights / weights.sum()
    return shares
