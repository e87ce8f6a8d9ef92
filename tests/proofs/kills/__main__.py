"""`python -m tests.proofs.kills --kills 300 --seed 7`: real kills of real desks, and the audit of what is left.

Exit code 1 when something does not hold; everything of that storm is kept, and its place is printed.
"""

import argparse
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from tests.proofs.kills.storm import Broken, Storm, Tally
from tradewrit.runtime.clock import Stopwatch
from tradewrit.surfaces.cli.output import progress

_MOST_OF_ONE: Final = 30
"""Kills of one account; a longer journal makes audits slow and finds nothing new."""


def storms(kills: int, jobs: int) -> Sequence[int]:
    """How many kills each storm gets."""
    count = max(-(-kills // _MOST_OF_ONE), min(jobs, kills))
    return [kills // count + (number < kills % count) for number in range(count)]


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="how many in all (default 20)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draws moments, prices, conditions")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="storms at a time (default 2)")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    asked = parser.parse_args()
    if min(asked.kills, asked.jobs) < 1:
        parser.error("--kills and --jobs are at least 1")
    os.environ["TRADEWRIT_HOME"] = tempfile.mkdtemp(
        prefix="tradewrit-kills-"
    )  # nothing of this machine's own
    place = Path(os.environ["TRADEWRIT_HOME"])
    done, lock = [0], threading.Lock()
    watch = Stopwatch()
    with progress("kills", asked.kills) as advance, ThreadPoolExecutor(asked.jobs) as pool:

        def killed() -> None:
            with lock:
                done[0] += 1
                advance(done[0])

        def one(number: int, kills: int) -> Tally | Broken:
            with Storm(asked.seed, str(number), place / f"storm-{number}") as storm:
                try:
                    return storm.run(kills, killed)
                except Broken as broken:
                    (place / f"storm-{number}.txt").write_text(str(broken))
                    return broken

        ended = list(pool.map(one, *zip(*enumerate(storms(asked.kills, asked.jobs)), strict=True)))
    tally = sum((each for each in ended if isinstance(each, Tally)), Tally())
    broken = [str(each) for each in ended if isinstance(each, Broken)]
    tally.seconds = round(watch.wall(), 1)
    if asked.json:
        report = {"seed": asked.seed, "broken": broken, **msgspec.to_builtins(tally)}
        sys.stdout.write(msgspec.json.encode(report).decode() + "\n")
    else:
        sys.stdout.write(told(tally, asked.seed, broken))
    if not broken:
        shutil.rmtree(place)
    return bool(broken)


def told(tally: Tally, seed: int, broken: Sequence[str]) -> str:
    """The same for people."""
    if broken:
        return "\n\n".join(broken) + f"\n\nAgain: python -m tests.proofs.kills --seed {seed}\n"
    return (
        f"{tally.kills} kills in {tally.seconds:.0f} s (seed {seed}): {tally.at_start} at the start or in "
        f"recovery, {tally.at_work} at work, {tally.at_an_order} just after an order; "
        f"{tally.in_the_middle} left orders without an answer.\n"
        f"{tally.entries} entries, {tally.orders} orders, {tally.fills} fills, {tally.resent} sent again, "
        f"{tally.halts} halts, {tally.ended_itself} leases lost, {tally.records:,} records, {tally.audits} audits: nothing lost, doubled or "
        "naked, and cash to the cent.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
