"""A backtest from the shell, process start to result, against importing what any such program imports.

    python -m benchmarks.shell [--rounds 9] [--bars 100000] [--json]

Wall time of `tradewrit backtest` on a Parquet file of one symbol, over that of `python -c "import
numpy, polars"`. Rounds alternate; the median of their ratios counts. Target: at most 3. Then what one
such run spends its time on, by the clock of the process itself: imports made on the way count where
they are made.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TARGET = 3.0
IMPORTS = "import numpy, polars"
COMMAND = "from tradewrit.app import main; main()"
# The same command, with a clock around its stages; what is left over is the command line itself.
STAGES = """
import json, sys, time
took = {}
def stage(name, began): took[name] = time.perf_counter() - began
began = time.perf_counter()
import tradewrit.app
stage("importing the command line", began)
began = time.perf_counter()
import numpy, polars
stage("importing numpy and polars", began)
began = time.perf_counter()
from tradewrit.surfaces.cli import running
stage("importing the engine", began)
def timed(module, function, name):
    inner = getattr(module, function)
    def outer(*given, **named):
        began = time.perf_counter()
        try:
            return inner(*given, **named)
        finally:
            stage(name, began)
    setattr(module, function, outer)
timed(running, "read_bars", "reading the file")
timed(running.skip, "run", "running the strategy")
timed(running, "compute", "computing the metrics")
began = time.perf_counter()
try:
    tradewrit.app.main()
except SystemExit:
    pass
inside = ("reading the file", "running the strategy", "computing the metrics")
took["reading the command line, writing"] = time.perf_counter() - began - sum(took[name] for name in inside)
print(json.dumps(took), file=sys.stderr)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Wall time of a backtest from the shell.")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--bars", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.parquet"
        write(path, wanted.bars)
        figures = measured(path, wanted.rounds)
    if wanted.json:
        print(json.dumps(figures | {"target_ratio": TARGET, "load": os.getloadavg()[0]}))
        return
    print(
        f"backtest of {wanted.bars:,} bars {figures['backtest_s'] * 1e3:.0f} ms   {IMPORTS} "
        f"{figures['imports_s'] * 1e3:.0f} ms   ratio {figures['ratio']:.2f} (target at most {TARGET:g}; "
        f"load of the machine {os.getloadavg()[0]:.1f})"
    )
    for name, seconds in figures["stages_s"].items():
        print(f"  {name:<34} {seconds * 1e3:>4.0f} ms")


def measured(path: Path, rounds: int) -> dict[str, Any]:
    """Medians over alternating rounds; the first of each is thrown away, it may still compile modules."""
    backtest = [sys.executable, "-c", COMMAND, "backtest", "--data", str(path)]
    pairs = [(wall(backtest), wall([sys.executable, "-c", IMPORTS])) for _ in range(rounds + 1)][1:]
    split = [sys.executable, "-c", STAGES, *backtest[3:]]
    told = [json.loads(run(split).stderr.splitlines()[-1]) for _ in range(3)]
    return {
        "backtest_s": statistics.median(ours for ours, _ in pairs),
        "imports_s": statistics.median(theirs for _, theirs in pairs),
        "ratio": statistics.median(ours / theirs for ours, theirs in pairs),
        "stages_s": {name: statistics.median(one[name] for one in told) for name in told[0]},
    }


def wall(command: Sequence[str]) -> float:
    """Seconds from the start of a process to its end."""
    began = time.perf_counter()
    run(command)
    return time.perf_counter() - began


def run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run it; a failure is one here as well."""
    return subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own words


def write(path: Path, bars: int) -> None:
    """Synthetic bars, one symbol."""
    from tradewrit.market.store import write_bars
    from tradewrit.market.synth import synthetic_bars

    write_bars(path, synthetic_bars(1, bars, seed=7))


if __name__ == "__main__":
    main()
