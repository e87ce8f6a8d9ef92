"""The event engine against the plain Python loop, in CPU seconds measured side by side in one run.

    python -m benchmarks.event_engine [--rounds 3] [--quick] [--json]

Both trade the same synthetic minute bars by the same rules and have to agree on every trade. The
engine journals every order and fill in memory. Rounds alternate; the median ratio counts. The last
figures ask whether cost is linear in fills: the same bars with ten times the trades, each held for a
bar, the cost of those bars without any trade taken off.
"""

import argparse
import json
import os
import statistics
from typing import Any

from benchmarks._measuring import bars_of, ensure_agreement, set_aside, timed
from benchmarks.plain_loop import SymbolColumns, synthetic
from benchmarks.plain_loop import run as run_plain
from tradewrit import Inputs, Signals, Strategy
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.events import run as run_events
from tradewrit.runtime.strategies import load_strategy

TARGET, AIM = 10.0, 4.0
# Bars from one trade to the next.
RARELY, OFTEN = 200, 20


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
    fills = cost_per_fill(50_000 // scale, rounds)
    if wanted.json:
        load = os.getloadavg()[0]
        print(json.dumps({"target_ratio": TARGET, "aim": AIM, "load": load, "cases": cases, "fills": fills}))
        return
    print(f"{'bars x symbols':<16} {'plain us/bar':>12} {'events us/bar':>13} {'ratio':>6} {'trades':>7}")
    for case in cases:
        print(
            f"{case['case']:<16} {case['plain_us']:>12.2f} {case['events_us']:>13.2f} "
            f"{case['ratio']:>6.2f} {case['trades']:>7}"
        )
    print(f"target at most {TARGET:g}, aim {AIM:g}; load of the machine {os.getloadavg()[0]:.1f}")
    print(
        f"a fill costs {fills['some_us']:.0f} us where there are {fills['some']}, {fills['many_us']:.0f} us "
        f"where there are {fills['many']}: {fills['ratio']:.2f} times as much (target 0.8 to 1.2)"
    )


def against_plain(name: str, symbols: list[SymbolColumns], rounds: int) -> dict[str, Any]:
    """CPU of both on the same bars; raises AssertionError when they do not agree."""
    bars = [bars_of(columns) for columns in symbols]
    rows = sum(len(one) for one in bars)
    strategy = load_strategy("trend_following")
    set_aside()
    pairs = []
    trades = 0
    for _ in range(rounds):
        plain_cpu, plain = timed(run_plain, symbols)
        events_cpu, done = timed(run_events, bars, strategy)
        pairs.append((plain_cpu, events_cpu))
        result = done.result
        ensure_agreement(name, plain, result.trades, final_equity=result.final_equity, fees=result.fees)
        trades = len(result.trades)
    return {
        "case": name,
        "trades": trades,
        "plain_us": statistics.median(plain for plain, _ in pairs) / rows * 1e6,
        "events_us": statistics.median(events for _, events in pairs) / rows * 1e6,
        "ratio": statistics.median(events / plain for plain, events in pairs),
    }


def cost_per_fill(rows: int, rounds: int) -> dict[str, float]:
    """CPU per fill at some and at ten times as many fills, the same bars without a trade taken off."""
    cases = {every: marked(rows, every) for every in (0, RARELY, OFTEN)}
    took: dict[int, list[float]] = {every: [] for every in cases}
    fills: dict[int, int] = {}
    for _ in range(rounds + 1):
        for every, bars in cases.items():
            cpu, done = timed(run_events, [bars], Marked(max_bars=1))
            took[every].append(cpu)
            fills[every] = done.counts.get("position.fill.booked", 0)
    quiet, some, many = (statistics.median(took[every][1:]) for every in (0, RARELY, OFTEN))
    some_us, many_us = ((cpu - quiet) / fills[every] * 1e6 for cpu, every in ((some, RARELY), (many, OFTEN)))
    return {
        "quiet_us_per_bar": quiet / rows * 1e6,
        "some": fills[RARELY],
        "some_us": some_us,
        "many": fills[OFTEN],
        "many_us": many_us,
        "ratio": many_us / some_us,
    }


def marked(rows: int, every: int) -> Bars:
    """Bars that hardly move; one in `every` has a volume of 1, the others none."""
    bars = bars_of(synthetic(rows, 1, sigma=0.00001)[0])
    bars.volume[:] = 0.0
    if every:
        bars.volume[every - 1 :: every] = 1.0
    return bars


class Marked(Strategy, frozen=True, kw_only=True):
    """Buys at every marked bar. With `max_bars=1` it sells again one bar later: two fills for each mark."""

    def signals(self, bars: Inputs) -> Signals:
        """Enter where there is volume."""
        return Signals(enter_long=bars.volume > 0.5)


if __name__ == "__main__":
    main()
