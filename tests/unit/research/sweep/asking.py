"""Small sweeps to ask for: bars, requests, and what is made of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars
from tradewrit.market.synth import synthetic_bars
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.sweep.crew import Alone, Crew
from tradewrit.research.sweep.runner import Runner
from tradewrit.research.sweep.space import space_of
from tradewrit.research.sweep.store import Store
from tradewrit.research.sweep.sweeping import Request, Swept, sweep

WINDOWS = "window=10,20,30"
STOPS = "stop_fraction=0.02,0.05"


def some_bars(symbols: int = 2, bars: int = 600, *, seed: int = 3) -> list[Bars]:
    """Daily and lively: every symbol trades a few times, in samples by the day."""
    return synthetic_bars(
        symbols, bars, seed=seed, sigma=0.01, gaps=0.05, interval="1d", start="2015-01-05T00:00:00Z"
    )


def setup_of(keys: Mapping[str, str]) -> Setup:
    """The default setup; of the configuration it knows one key."""
    if not keys:
        return Setup()
    if set(keys) != {"risk.max_position_notional"}:
        raise ConfigError(f"--param {next(iter(keys))}: unknown key")
    from decimal import Decimal

    most = Decimal(keys["risk.max_position_notional"])
    return Setup(limits=replace(Setup().limits, max_position_notional=most))


def request(*params: str, strategy: str = "trend_following", **changes: Any) -> Request:
    return Request(strategy=strategy, space=space_of(params or (WINDOWS, STOPS)), **changes)


def swept(folder: Path, wish: Request, bars: Sequence[Bars] | None = None, crew: Crew | None = None) -> Swept:
    """A sweep into a folder, in this process unless there is a crew."""
    bars = some_bars() if bars is None else bars
    with Store(folder / "results.sqlite") as store:
        return sweep(wish, bars, setup_of, store, crew or Alone(Runner(bars, wish.strategy)))
