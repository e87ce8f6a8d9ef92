"""Results to judge and to draw: made up, small, and valid."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from tradewrit.domain.market import DAY, HOUR
from tradewrit.features.bars import Bars
from tradewrit.research.results import EquityCurve, Result, RoundTrip

MONDAY = 19_723 * DAY  # 2024-01-01
CASH = Decimal(100_000)


def curve(equity: Sequence[float], *, start: int = MONDAY, step: int = DAY) -> EquityCurve:
    values = np.array(equity, dtype=np.float64)
    return EquityCurve(start + step * np.arange(len(values), dtype=np.int64), values, np.zeros(len(values)))


def trade(pnl: str, **changes: Any) -> RoundTrip:
    made = RoundTrip(
        symbol="AAPL",
        side="long",
        quantity=Decimal(5),
        entry_time=MONDAY,
        entry_price=Decimal("175.50"),
        exit_time=MONDAY + DAY,
        exit_price=Decimal("201.82"),
        exit_reason="target",
        fees=Decimal("1.89"),
        pnl=Decimal(pnl),
    )
    return msgspec.structs.replace(made, **changes)


def result(equity: Sequence[float] = (), *, trades: Sequence[RoundTrip] = (), **changes: Any) -> Result:
    """Daily bars from a Monday; the curve starts with the initial cash unless `equity` says otherwise."""
    line = curve(equity or [float(CASH)] * 3)
    made = Result(
        engine="skip",
        strategy="trend_following",
        parameters={"stop_fraction": Decimal("0.05")},
        symbols=("AAPL",),
        bars=len(line),
        trades=tuple(trades),
        open_positions=0,
        initial_cash=CASH,
        final_equity=Decimal(repr(float(line.equity[-1]))),
        fees=Decimal(0),
        curve=line,
        interval_ns=DAY,
        load_seconds=0.25,
        run_seconds=0.5,
        run_cpu_seconds=0.5,
    )
    return msgspec.structs.replace(made, **changes)


def random_bars(symbol: str, count: int, *, seed: int = 1, step: int = DAY, price: float = 100.0) -> Bars:
    rng = np.random.default_rng(seed)
    close = price * np.exp(np.cumsum(rng.normal(0, 0.01, count)))
    opened = np.append(price, close[:-1])
    wick = 1 + np.abs(rng.normal(0, 0.004, (2, count)))
    high, low = np.maximum(opened, close) * wick[0], np.minimum(opened, close) / wick[1]
    ts = MONDAY + 5 * HOUR + step * np.arange(count, dtype=np.int64)
    return Bars(symbol, ts, opened, high, low, close, np.full(count, 1e6))


def random_result(bars: Sequence[Bars], trades: int, *, seed: int = 1) -> Result:
    """Trades at prices of the bars, and an equity curve that walks on its own."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(trades):
        one = bars[int(rng.integers(len(bars)))]
        first = int(rng.integers(len(one) - 1))
        last = min(first + int(rng.integers(1, 30)), len(one) - 1)
        entry, leave = (Decimal(repr(float(price))) for price in (one.open[first], one.close[last]))
        made.append(
            trade(
                repr(float(rng.normal(0, 50))),
                symbol=one.symbol,
                side="long" if rng.random() < 0.7 else "short",
                entry_time=int(one.ts[first]),
                entry_price=entry,
                exit_time=int(one.ts[last]),
                exit_price=leave,
                exit_reason=str(rng.choice(["stop", "target", "time"])),
                stop=entry * Decimal("0.95"),
                target=entry * Decimal("1.15"),
            )
        )
    ts = bars[0].ts
    equity = float(CASH) * np.exp(np.cumsum(rng.normal(0, 0.003, len(ts))))
    equity[0] = float(CASH)
    return result(
        trades=sorted(made, key=lambda one: one.exit_time),
        symbols=tuple(one.symbol for one in bars),
        bars=sum(map(len, bars)),
        final_equity=Decimal(repr(float(equity[-1]))),
        curve=EquityCurve(ts, equity, rng.random(len(ts)) * 0.5),
        interval_ns=int(ts[1] - ts[0]),
    )
