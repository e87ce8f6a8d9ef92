"""Strategies with one mistake each, and the bars that the tests run them on."""

import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tradewrit.domain.signals import Signal
from tradewrit.features.bars import Bars, Floats
from tradewrit.features.indicators import apply, ema, sma
from tradewrit.features.series import Inputs
from tradewrit.market.synth import synthetic_bars
from tradewrit.strategies.base import Signals, Strategy, enter_long, leave


def lively(symbols: int = 1, bars: int = 1200, *, seed: int = 3) -> list[Bars]:
    """Synthetic bars that trade often."""
    return synthetic_bars(symbols, bars, seed=seed, sigma=0.01)


class Centred:
    """An average over bars on both sides, as a column; bar by bar only the past is there."""

    def __init__(self, half: int) -> None:
        self.half = half
        self.warmup = half
        self._past: list[float] = []

    def update(self, value: float) -> float:
        self._past.append(value)
        window = self._past[-self.half - 1 :]
        return float(np.mean(window)) if len(self._past) > self.half else np.nan

    def column(self, values: Floats) -> Floats:
        result = np.full(len(values), np.nan)
        for i in range(self.half, len(values)):
            result[i] = values[i - self.half : i + self.half + 1].mean()
        return result


class CentredWindow(Strategy, frozen=True):
    half: int = 4

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close < apply(partial(Centred, self.half), bars.close))


class Backwards:
    """A running maximum that is computed from the end."""

    warmup = 0

    def __init__(self) -> None:
        self._highest = -np.inf

    def update(self, value: float) -> float:
        self._highest = max(self._highest, value)
        return self._highest

    def column(self, values: Floats) -> Floats:
        highest: Floats = np.maximum.accumulate(values[::-1])[::-1]
        return highest


class ReversedArray(Strategy, frozen=True):
    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close >= apply(Backwards, bars.close))


class NextValue:
    """The value of the bar after."""

    warmup = 0

    def update(self, value: float) -> float:
        return value

    def column(self, values: Floats) -> Floats:
        return np.append(values[1:], values[-1:])


class Ahead:
    """The value some bars later; the last ones see themselves."""

    warmup = 0

    def __init__(self, bars: int) -> None:
        self.bars = bars

    def update(self, value: float) -> float:
        return value

    def column(self, values: Floats) -> Floats:
        return np.append(values[self.bars :], values[-self.bars :])


class LooksAhead(Strategy, frozen=True):
    bars: int = 1

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=apply(partial(Ahead, self.bars), bars.close) > bars.close)


class NextOpen(Strategy, frozen=True):
    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=apply(NextValue, bars.open) > bars.close)


class ShownNextOpen(Strategy, frozen=True):
    """Decides honestly, but keeps a number from the future beside the decision."""

    def signals(self, bars: Inputs) -> Signals:
        return Signals(
            enter_long=bars.close > sma(bars.close, 5), inputs={"next": apply(NextValue, bars.open)}
        )


class WholeSample:
    """Distance from the mean of the whole column."""

    warmup = 0

    def update(self, value: float) -> float:
        return value

    def column(self, values: Floats) -> Floats:
        return values - float(values.mean())


class Normalised(Strategy, frozen=True):
    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=apply(WholeSample, bars.close) < 0)


class HalfAsMuch:
    """Looks back only, but its column is another feature than its update."""

    warmup = 0

    def update(self, value: float) -> float:
        return value

    def column(self, values: Floats) -> Floats:
        return values / 2


class TwoFeatures(Strategy, frozen=True):
    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=apply(HalfAsMuch, bars.close) > 40)


class Counting:
    """A kernel that goes on counting where the one before it stopped."""

    warmup = 0
    calls = 0

    def update(self, value: float) -> float:
        type(self).calls += 1
        return value if self.calls % 3 else -value


class CountingKernel(Strategy, frozen=True):
    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=apply(Counting, bars.close) > 0)


class SlowEma:
    """An exponential average with a long memory that declares none."""

    warmup = 0

    def __init__(self, span: int) -> None:
        self._weight = 2 / (span + 1)
        self._value = np.nan

    def update(self, value: float) -> float:
        self._value = value if np.isnan(self._value) else self._value + self._weight * (value - self._value)
        return self._value


class UndeclaredMemory(Strategy, frozen=True):
    span: int = 400

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close > apply(partial(SlowEma, self.span), bars.close))


class DeclaredMemory(Strategy, frozen=True):
    span: int = 40

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close > ema(bars.close, self.span))


class Ordinal:
    """The number of the bar."""

    warmup = 0

    def __init__(self) -> None:
        self._count = 0

    def update(self, value: float) -> float:
        del value
        self._count += 1
        return self._count % 7


class EverySeventhBar(Strategy, frozen=True):
    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=apply(Ordinal, bars.close) < 1)


class SharedMemory(Strategy, frozen=True):
    """Finds the bars after the last one through the array that the history is a view of."""

    ahead: int = 1

    def on_bar(self, bars: Bars) -> Signal | None:
        whole: Any = bars.close.base if bars.close.base is not None else bars.close
        coming = whole[len(bars) : len(bars) + self.ahead]
        return enter_long() if len(coming) and coming[-1] > bars.close[-1] else None


_seen: list[float] = []


class GlobalState(Strategy, frozen=True):
    """Remembers in a global; says the same on every run from the start, and not after a restart."""

    def on_bar(self, bars: Bars) -> Signal | None:
        if len(bars) == 1:
            _seen.clear()
        _seen.append(float(bars.close[-1]))
        return enter_long() if len(_seen) % 3 == 0 else None


class NeverTheSame(Strategy, frozen=True):
    def on_bar(self, bars: Bars) -> Signal | None:
        del bars
        return enter_long() if random.random() < 0.2 else None  # noqa: TID251 - the mistake itself


class WritesIntoBars(Strategy, frozen=True):
    def on_bar(self, bars: Bars) -> Signal | None:
        bars.close[-1] *= 1.01
        return None


class CountsBars(Strategy, frozen=True):
    def on_bar(self, bars: Bars) -> Signal | None:
        return enter_long() if len(bars) % 5 == 0 else leave() if len(bars) % 5 == 3 else None


class LongWindow(Strategy, frozen=True):
    """Honest: looks back 150 bars and waits for them."""

    def on_bar(self, bars: Bars) -> Signal | None:
        if len(bars) < 150:
            return None
        return enter_long() if bars.close[-1] > bars.close[-150:].mean() else None


class ReadsTheData(Strategy, frozen=True):
    """Looks the next close up in the file that it is tested on."""

    path: str = ""

    def on_bar(self, bars: Bars) -> Signal | None:
        rows = Path(self.path).read_text().splitlines()[1:]
        coming = [float(row.split(",")[5]) for row in rows[len(bars) : len(bars) + 1]]
        return enter_long() if coming and coming[0] > bars.close[-1] else None


class KnowsTheTable(Strategy, frozen=True):
    """The future as a table in the code, by time; no file is opened while it decides."""

    rises: tuple[int, ...] = ()

    def on_bar(self, bars: Bars) -> Signal | None:
        return enter_long() if int(bars.ts[-1]) in self.rises else None


class Phase(Strategy, frozen=True):
    """Buys and sells at one place of a cycle of sixteen bars; any other place loses."""

    phase: int = 5

    def on_bar(self, bars: Bars) -> Signal | None:
        place = int(bars.ts[-1] // 60_000_000_000) % 16
        if place == self.phase:
            return enter_long()
        return leave() if place == self.phase + 2 else None


class Always(Strategy, frozen=True):
    """Buys whenever it is flat and leaves after a number of bars."""

    max_bars: int | None = 8

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close > 0)
