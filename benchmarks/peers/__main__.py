"""Other backtesters on the work of the default strategy, in one table with the plain loop and ours.

    python -m benchmarks.peers [--only NAME] [--bars 100000] [--venvs DIR] [--json]

Each peer is installed into an environment of its own (by pip, as this machine has it configured), in a
cache folder outside the repository, and runs its script of this folder there on the same Parquet file.
CPU seconds of the process from columns in memory to a list of trades, against the plain loop in this
run; and how many of the loop's trades the peer makes as well: on the same bars with the same quantity,
and how many of those at the same prices.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks._measuring import as_share, bars_of, timed
from benchmarks.plain_loop import SymbolColumns, Trade, synthetic
from benchmarks.plain_loop import run as run_plain
from tradewrit.research.backtest.events import run as run_events
from tradewrit.research.backtest.skip import run as run_skip
from tradewrit.runtime.strategies import load_strategy

REPOSITORY: Final = Path(__file__).parents[2]
# Peers come with their own idea of pandas; bars are read by pyarrow everywhere.
PEERS: Final = {
    "vectorbt": ("vectorbt", "vectorbt"),
    "backtesting.py": ("backtesting_py", "backtesting"),
    "nautilus_trader": ("nautilus_trader", "nautilus_trader"),
    "backtrader": ("backtrader", "backtrader"),
}
"""Name -> script and package."""

Told = Sequence[Any]
"""Quantity, entry and exit time, entry and exit price."""


class Row(NamedTuple):
    """A line of the table."""

    name: str
    cpu_s: float
    trades: int
    same_bars: int
    same_prices: int


def main() -> None:
    """Install what is missing, measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description="Other backtesters on the same work."
    )
    parser.add_argument(
        "--only", choices=PEERS, action="append", help="this peer; may be given several times"
    )
    parser.add_argument("--bars", type=int, default=100_000)
    parser.add_argument(
        "--venvs", type=Path, default=cache_folder(), help="where their environments are kept"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    symbols = synthetic(wanted.bars, 1)
    plain_cpu, plain = timed(run_plain, symbols)
    count = len(plain.trades)
    rows = [Row("plain loop", plain_cpu, count, count, count), *ours(symbols, plain.trades)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.parquet"
        write_for_peers(path, symbols)
        rows.extend(peer(name, wanted.venvs, path, plain.trades) for name in wanted.only or PEERS)
    if wanted.json:
        print(json.dumps({"load": os.getloadavg()[0], "rows": [row._asdict() for row in rows]}))
        return
    print(f"{'':<26} {'CPU s':>8} {'ratio':>7} {'trades':>7} {'same bars':>10} {'and prices':>11}")
    for row in rows:
        ratio = as_share(row.cpu_s / plain_cpu)
        print(f"{row.name:<26} {row.cpu_s:>8.3f} {ratio:>7} {row.trades:>7}", end=" ")
        print(f"{row.same_bars:>10} {row.same_prices:>11}")


def ours(symbols: Sequence[SymbolColumns], trades: Sequence[Trade]) -> list[Row]:
    """Both of our engines; one run beforehand is not counted, as compiling is not for others."""
    bars, strategy = [bars_of(columns) for columns in symbols], load_strategy("trend_following")
    run_skip(bars, strategy)
    skip_cpu, skipped = timed(run_skip, bars, strategy)
    events_cpu, walked = timed(run_events, bars, strategy)
    return [
        row_of("tradewrit, skip engine", skip_cpu, map(told, skipped.trades), trades),
        row_of("tradewrit, event engine", events_cpu, map(told, walked.result.trades), trades),
    ]


def peer(name: str, venvs: Path, bars: Path, trades: Sequence[Trade]) -> Row:
    """Run a peer's script in its environment."""
    script, package = PEERS[name]
    python = environment(venvs / script, package)
    command = [str(python), "-m", f"benchmarks.peers.{script}", str(bars)]
    done = subprocess.run(  # noqa: S603 - our own words
        command,
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr[-3000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row_of(f"{name} {answer['version']}", answer["cpu_s"], answer["trades"], trades)


def environment(folder: Path, package: str) -> Path:
    """The interpreter of an environment that has the package; made and filled when there is none yet."""
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing {package} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True)
        command = [str(python), "-m", "pip", "install", "--quiet", package, "pandas", "pyarrow"]
        subprocess.run(command, check=True)  # noqa: S603 - as above
        (folder / "complete").touch()
    return python


def cache_folder() -> Path:
    """Where this user's caches are."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tradewrit" / "peers"


def write_for_peers(path: Path, symbols: Sequence[SymbolColumns]) -> None:
    """One table; times stay integers, so that nobody's idea of time zones matters."""
    import polars as pl

    (columns,) = symbols
    pl.DataFrame(columns._asdict()).write_parquet(path)


def row_of(name: str, cpu: float, found: Iterable[Told], trades: Sequence[Trade]) -> Row:
    """Hold what somebody found against the loop's trades; prices are the same within a millionth."""
    theirs, loops = list(map(_rounded, found)), set(map(_rounded, map(told, trades)))
    bars = {trade[:3] for trade in loops} & {trade[:3] for trade in theirs}
    return Row(name, cpu, len(theirs), len(bars), len(loops.intersection(theirs)))


def told(trade: Any) -> Told:
    """A trade of the loop, or of ours, as a peer tells its own."""
    return trade.quantity, trade.entry_time, trade.exit_time, trade.entry_price, trade.exit_price


def _rounded(trade: Told) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in trade)


if __name__ == "__main__":
    main()
