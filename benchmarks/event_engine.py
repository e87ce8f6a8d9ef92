"""The event engine against the plain Python loop, in CPU seconds measured side by side in one run.

    python benchmarks/event_engine.py [--rounds 3] [--quick] [--json]

Both trade the same synthetic minute bars by the same rules and have to agree on every trade. The
engine journals every order and fill in memory. Rounds alternate; the median ratio counts. The last
figure asks whether cost is linear in fills: the same number of bars with about ten times the trades,
the cost of bars that lead to nothing taken off.
"""

import argparse
import json
import statistics
import time
from typing import Any

import numpy as np
from plain_loop import SymbolColumns, synthetic
from plain_loop import run as run_plain

from tradewrit.features.bars import Bars
from tradewrit.research.backtest.events import run as run_events
from tradewrit.runtime.strategies import load_strategy

TARGET, AIM = 10.0, 4.0
# A volatility at which hardly anything trades, and two about ten times apart in trades.
QUIET, SOME, MANY = 0.00001, 0.0024, 0.0078


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost of the event engine against a plain loop.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bars, one round")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    scale, rounds = (10, 1) if wanted.quick else (1, wanted.rounds)
    cases = [
        against_plain(f"{bars:,} x {symbols}", synthetic(bars, symbols), rounds)
        for bars, symbols in ((1_000_000 // scale, 1), (20_000 // scale, 50))
    ]
    fills = cost_per_fill(400_000 // scale)
    if wanted.json:
        print(json.dumps({"target_ratio": TARGET, "aim": AIM, "cases": cases, "fills": fills}))
        return
    print(f"{'bars x symbols':<16} {'plain us/bar':>12} {'events us/bar':>13} {'ratio':>6} {'trades':>7}")
    for case in cases:
        print(
            f"{case['case']:<16} {case['plain_us']:>12.2f} {case['events_us']:>13.2f} "
            f"{case['ratio']:>6.2f} {case['trades']:>7}"
        )
    print(f"target at most {TARGET:g}, aim {AIM:g}")
    print(
        f"cost per fill: {fills['some_us']:.0f} us at {fills['some']} fills, {fills['many_us']:.0f} us at "
        f"{fills['many']} fills, {fills['ratio']:.2f} of it (target within 20 %)"
    )


def bars_of(columns: SymbolColumns) -> Bars:
    """The same columns as arrays."""
    values = (columns.open, columns.high, columns.low, columns.close, columns.volume)
    return Bars(
        columns.symbol,
        np.array(columns.ts, dtype=np.int64),
        *(np.array(column, dtype=np.float64) for column in values),
    )


def against_plain(name: str, symbols: list[SymbolColumns], rounds: int) -> dict[str, Any]:
    """CPU of both on the same bars; raises AssertionError when they do not agree."""
    bars = [bars_of(columns) for columns in symbols]
    rows = sum(len(one) for one in bars)
    strategy = load_strategy("trend_following")
    pairs = []
    trades = 0
    for _ in range(rounds):
        began = time.process_time()
        plain = run_plain(symbols)
        middle = time.process_time()
        result = run_events(bars, strategy).result
        pairs.append((middle - began, time.process_time() - middle))
        if plain.final_equity != result.final_equity or len(plain.trades) != len(result.trades):
            raise AssertionError(f"{name}: the engine and the plain loop do not agree")
        trades = len(result.trades)
    return {
        "case": name,
        "trades": trades,
        "plain_us": statistics.median(plain for plain, _ in pairs) / rows * 1e6,
        "events_us": statistics.median(events for _, events in pairs) / rows * 1e6,
        "ratio": statistics.median(events / plain for plain, events in pairs),
    }


def cost_per_fill(rows: int) -> dict[str, float]:
    """CPU per fill at some and at ten times as many fills, quiet bars taken off."""
    quiet, _ = cpu_and_fills(rows, QUIET)
    some_cpu, some = cpu_and_fills(rows, SOME)
    many_cpu, many = cpu_and_fills(rows, MANY)
    some_us, many_us = (some_cpu - quiet) / some * 1e6, (many_cpu - quiet) / many * 1e6
    return {"some": some, "some_us": some_us, "many": many, "many_us": many_us, "ratio": many_us / some_us}


def cpu_and_fills(rows: int, sigma: float) -> tuple[float, int]:
    """The least CPU of two runs, and how many fills there were."""
    bars = [bars_of(columns) for columns in synthetic(rows, 1, sigma=sigma)]
    strategy = load_strategy("trend_following")
    took, fills = [], 0
    for _ in range(2):
        began = time.process_time()
        fills = run_events(bars, strategy).counts.get("position.fill.booked", 0)
        took.append(time.process_time() - began)
    return min(took), fills


if __name__ == "__main__":
    main()
