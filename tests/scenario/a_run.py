"""A run to be made, or replayed, by any interpreter; prints what must be equal. Needs no test library.

python tests/scenario/a_run.py make JOURNAL.sqlite [SEED]
python tests/scenario/a_run.py replay JOURNAL.sqlite
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
STREAM = "acct:paper"


def made(path: Path, seed: int = 0) -> dict[str, str]:
    """Trade made-up bars on a fixed walk, and journal it at `path`."""
    import numpy as np

    from benchmarks.plain_loop import synthetic
    from tradewrit.features.bars import Bars
    from tradewrit.research.backtest.events import run
    from tradewrit.research.backtest.setup import Setup
    from tradewrit.runtime.clock import draw_journal_id
    from tradewrit.runtime.journal.sqlite import SqliteJournal
    from tradewrit.runtime.strategies import load_strategy

    bars = [
        Bars(one.symbol, np.array(one.ts, dtype=np.int64), *(np.array(column) for column in one[2:]))
        for one in synthetic(400, 3, sigma=0.01)
    ]
    journal = SqliteJournal.open(path, id=draw_journal_id(seed), created_at=0, synchronous="OFF")
    done = run(bars, load_strategy("trend_following"), Setup(seed=seed), journal=journal)
    head = journal.head(STREAM)
    journal.close()
    return {
        "head": head.hash,
        "records": str(head.seq),
        "state": done.books.state_hash,
        "final_equity": str(done.result.final_equity),
        "trades": repr([(t.symbol, t.entry_time, str(t.pnl)) for t in done.result.trades]),
    }


def replayed(path: Path) -> dict[str, str]:
    """The state that the journal at `path` folds to."""
    from tradewrit.runtime.journal.sqlite import SqliteJournal
    from tradewrit.runtime.replay import replay

    journal = SqliteJournal.open(path, create=False, read_only=True)
    found = replay(journal, STREAM)
    journal.close()
    return {"state": found.state_hash, "records": str(found.seq)}


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    what, where, *rest = sys.argv[1:]
    answer = made(Path(where), *map(int, rest)) if what == "make" else replayed(Path(where))
    print(json.dumps(answer))  # noqa: T201 - it prints its result
