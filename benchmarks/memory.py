"""The memory of a backtest on a million bars, against the arrays it works on.

    python -m benchmarks.memory [--bars 1000000] [--json]

Peak resident memory of a process that reads a Parquet file and runs the event engine, as the
operating system counts it. Target: under 2.5 times the arrays plus 150 MB.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

MB = 1e6
# ts, open, high, low, close, volume: eight bytes each.
BYTES_PER_BAR = 6 * 8
CHILD = """
import resource, sys
from pathlib import Path
from tradewrit.market.store import read_bars
from tradewrit.research.backtest.events import run
from tradewrit.runtime.strategies import load_strategy
run(read_bars(Path(sys.argv[1])), load_strategy("trend_following"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Memory of a backtest.")
    parser.add_argument("--bars", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.parquet"
        write(path, wanted.bars)
        done = subprocess.run(  # noqa: S603 - our own words
            [sys.executable, "-c", CHILD, str(path)], check=True, capture_output=True, text=True
        )
    peak, arrays = int(done.stdout) / MB, wanted.bars * BYTES_PER_BAR / MB
    allowed = 2.5 * arrays + 150
    if wanted.json:
        print(json.dumps({"peak_mb": peak, "arrays_mb": arrays, "allowed_mb": allowed}))
        return
    print(
        f"peak {peak:.0f} MB for {arrays:.0f} MB of arrays; allowed {allowed:.0f} MB (2.5 x arrays + 150 MB)"
    )


def write(path: Path, bars: int) -> None:
    """Synthetic bars, written by a process of their own so that making them is not measured."""
    code = (
        "import sys; from pathlib import Path; from tradewrit.market.store import write_bars; "
        "from tradewrit.market.synth import synthetic_bars; "
        "write_bars(Path(sys.argv[1]), synthetic_bars(1, int(sys.argv[2]), seed=7))"
    )
    subprocess.run([sys.executable, "-c", code, str(path), str(bars)], check=True)  # noqa: S603 - as above


if __name__ == "__main__":
    main()
