"""The skip engine against the plain Python loop, in CPU seconds measured side by side in one run.

    python -m benchmarks.skip_engine [--rounds 3] [--quick] [--json]

Both trade the same synthetic minute bars by the same rules and have to agree on every trade and on
final equity to the last digit. Rounds alternate; the median ratio counts. One run before them does not:
it pays for memory that the system has to clear first. The last row is a sweep over stops and targets:
what one more point costs once the bars have been prepared; its first and its last point have to agree
with the loop as well. Where numba is installed (`uv sync --all-extras --group bench`) a compiled loop
that keeps the same rules runs on the same bars, as the mark of what is possible.
"""

import argparse
import json
import os
import statistics
from collections.abc import Sequence
from decimal import Decimal
from importlib.util import find_spec
from itertools import product
from typing import Any, NamedTuple

from benchmarks._measuring import as_share, bars_of, ensure_agreement, set_aside, timed
from benchmarks.plain_loop import Outcome, SymbolColumns, synthetic
from benchmarks.plain_loop import run as run_plain
from tradewrit.domain.limits import Limits
from tradewrit.research.backtest.prepared import Prepared
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.skip import run as run_skip
from tradewrit.research.results import Result
from tradewrit.runtime.strategies import load_strategy

# Every target is worth more than the 2.5 times its stop that the default limits ask for.
STOPS = [Decimal(percent) / 100 for percent in (3, 4, 5, 6)]
TARGETS = [Decimal(percent) / 100 for percent in (16, 18, 20, 22, 24)]


class Case(NamedTuple):
    """A row of the table. floor, aim: shares of the loop's CPU."""

    name: str
    bars: int
    symbols: int
    sigma: float
    floor: float
    aim: float


CASES = (
    Case("1,000,000 x 1", 1_000_000, 1, 0.002, 1 / 8, 1 / 20),
    Case("20,000 x 50", 20_000, 50, 0.002, 1 / 8, 1 / 15),
    Case("2,000 x 500", 2_000, 500, 0.002, 1 / 9, 1 / 20),
    Case("1,000,000 x 1, sigma 1 %", 1_000_000, 1, 0.01, 1.5, 0.4),
)
SWEEP = Case("a point of a sweep", 1_000_000, 1, 0.002, 1 / 20, 1 / 40)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Cost of the skip engine against a plain loop.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the bars, one round")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    scale, rounds = (10, 1) if wanted.quick else (1, wanted.rounds)
    rows = [one_run(case, scale, rounds) for case in CASES] + [sweep(SWEEP, scale, rounds)]
    if wanted.json:
        print(json.dumps({"load": os.getloadavg()[0], "rows": rows}))
        return
    print(f"{'bars x symbols':<24} {'trades':>6} {'plain s':>8} {'skip s':>8}", end=" ")
    print(f"{'ratio':>7} {'floor':>7} {'aim':>7} {'numba':>7}")
    for row in rows:
        print(f"{row['case']:<24} {row['trades']:>6} {row['plain_s']:>8.3f} {row['skip_s']:>8.4f}", end=" ")
        shares = (as_share(row[name]) if row[name] else "-" for name in ("ratio", "floor", "aim", "numba"))
        print(*(f"{share:>7}" for share in shares))
    print(f"every trade equal to the loop's; load of the machine {os.getloadavg()[0]:.1f}")
    if not has_numba():
        print("numba is not installed here: uv sync --all-extras --group bench")


def has_numba() -> bool:
    """Whether the compiled loop can run here."""
    return find_spec("numba") is not None


def one_run(case: Case, scale: int, rounds: int) -> dict[str, Any]:
    """CPU of one backtest; raises AssertionError when the trades differ."""
    symbols = synthetic(case.bars // scale, case.symbols, sigma=case.sigma)
    bars = [bars_of(columns) for columns in symbols]
    strategy = load_strategy("trend_following")
    set_aside()
    run_skip(bars, strategy)
    took: list[tuple[float, float]] = []
    for _ in range(rounds):
        plain_cpu, plain = timed(run_plain, symbols)
        skip_cpu, result = timed(run_skip, bars, strategy)
        ensure_same(case.name, plain, result)
        took.append((plain_cpu, skip_cpu))
    compiled = [compiled_cpu(case.name, symbols, plain) for _ in range(rounds)] if has_numba() else [0.0]
    return row_of(case, took, len(result.trades), statistics.median(compiled))


def sweep(case: Case, scale: int, rounds: int) -> dict[str, Any]:
    """CPU per point after the first, of as many runs as there are pairs of stop and target."""
    symbols = synthetic(case.bars // scale, case.symbols, sigma=case.sigma)
    bars = [bars_of(columns) for columns in symbols]
    strategy = load_strategy("trend_following")
    points = list(product(STOPS, TARGETS))
    setups = [Setup(limits=Limits(stop_fraction=stop, target_fraction=target)) for stop, target in points]
    set_aside()
    took: list[tuple[float, float]] = []
    for _ in range(rounds):
        plain_cpu, _ = timed(run_plain, symbols)
        prepared = Prepared(bars)
        first = last = run_skip(prepared, strategy, setups[0])
        cpus, trades = [], []
        for setup in setups[1:]:  # a sweep keeps figures, not results
            cpu, last = timed(run_skip, prepared, strategy, setup)
            cpus.append(cpu)
            trades.append(len(last.trades))
        took.append((plain_cpu, statistics.mean(cpus)))
    for (stop, target), result in ((points[0], first), (points[-1], last)):
        plain = run_plain(symbols, stop=str(stop), target=str(target))
        ensure_same(f"stop {stop}, target {target}", plain, result)
    return row_of(case, took, round(statistics.mean(trades)))


def ensure_same(name: str, plain: Outcome, result: Result) -> None:
    """Raise AssertionError unless every trade, fees and final equity are the loop's."""
    ensure_agreement(name, plain, result.trades, final_equity=result.final_equity, fees=result.fees)


def compiled_cpu(name: str, symbols: Sequence[SymbolColumns], plain: Outcome) -> float:
    """CPU seconds of the compiled loop; raises AssertionError when its trades are not the plain one's."""
    from benchmarks import _compiled_loop as compiled

    bars = compiled.tables(symbols)
    compiled.run([table[:, :100] for table in bars])  # compiling is not what is measured
    cpu, (rows, equity) = timed(compiled.run, bars)
    ensure_agreement(name, plain, compiled.as_trades(rows, symbols), final_equity=equity * compiled.MONEY)
    return cpu


def row_of(
    case: Case, took: Sequence[tuple[float, float]], trades: int, compiled_s: float = 0.0
) -> dict[str, Any]:
    """Medians over the rounds; the ratio is the median of the rounds' ratios. numba: 0 where none was run."""
    plain_s, skip_s = (statistics.median(column) for column in zip(*took, strict=True))
    return {
        "case": case.name,
        "trades": trades,
        "plain_s": plain_s,
        "skip_s": skip_s,
        "ratio": statistics.median(skip / plain for plain, skip in took),
        "numba": compiled_s / plain_s,
        "floor": case.floor,
        "aim": case.aim,
    }


if __name__ == "__main__":
    main()
