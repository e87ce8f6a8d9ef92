"""Published figures of another engine beside ours, from both of our engines.

    python -m benchmarks.reference --data DIR [--json]

DIR is the Data folder of Lean's repository, or holds the same rows as Parquet files (`data.FILES`);
benchmarks/README.md says more.
Exit code 1 when any figure differs by a cent.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.reference.cases import CASES, Case, setup_of
from benchmarks.reference.data import SYMBOL, Source, bars_of, source_in
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.adjustment import adjusted_instrument
from tradewrit.research.backtest import events, skip
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.results import Result
from tradewrit.strategies.base import Strategy

CENT = Decimal("0.01")
Engine = Callable[[Sequence[Bars], Strategy, Setup], Result]
ENGINES: dict[str, Engine] = {
    "events": lambda bars, strategy, setup: events.run(bars, strategy, setup).result,
    "skip": skip.run,
}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One published figure, and ours."""

    case: str
    figure: str
    published: Decimal
    ours: Decimal
    engine: str

    @property
    def difference(self) -> Decimal:
        """Ours less theirs, both to the cent."""
        return self.ours.quantize(CENT) - self.published


def main() -> int:
    """Run every case on both engines and print the table; 1 when a figure differs."""
    parser = argparse.ArgumentParser(description="Published backtests, run again and compared to the cent.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the folder with the bars")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    wanted = parser.parse_args()
    try:
        source = source_in(wanted.data)
        figures = [figure for case in CASES for figure in figures_of(case, source)]
    except DataError as error:
        parser.error(f"{error}; see benchmarks/README.md")
    print(json.dumps([_plain(one) for one in figures]) if wanted.json else table(figures))
    return 1 if any(one.difference for one in figures) else 0


def figures_of(case: Case, source: Source) -> list[Figure]:
    """What each engine makes of a case."""
    bars = bars_of(source, case.interval, case.first, case.last)
    setup = setup_of(case)
    instruments = {SYMBOL: adjusted_instrument(setup.instrument(SYMBOL))}
    setup = msgspec.structs.replace(setup, instruments=instruments)
    found = []
    for name, engine in ENGINES.items():
        result = engine([bars], case.strategy, setup)
        wanted = [("final equity", case.final_equity, result.final_equity)]
        if case.fees is not None:
            wanted.append(("fees", case.fees, result.fees))
        found += [
            Figure(case=case.name, figure=figure, published=published, ours=ours, engine=name)
            for figure, published, ours in wanted
        ]
    return found


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns, and a last line that says whether all agree."""
    lines = [f"{'case':<22} {'figure':<13} {'published':>11} {'ours':>11} {'difference':>10}  engine"]
    lines += [
        f"{one.case:<22} {one.figure:<13} {one.published:>11} {one.ours.quantize(CENT):>11} "
        f"{one.difference:>10}  {one.engine}"
        for one in figures
    ]
    apart = sum(1 for one in figures if one.difference)
    lines.append("all agree to the cent" if not apart else f"{apart} of {len(figures)} differ")
    return "\n".join(lines)


def _plain(figure: Figure) -> dict[str, Any]:
    return {name: str(value) for name, value in msgspec.structs.asdict(figure).items()}


if __name__ == "__main__":
    sys.exit(main())
