"""A hundred and twenty trades at once: every one protected, none mixed up, nothing lost in the books."""

from collections import Counter
from decimal import Decimal

import numpy as np
import pytest

from tradewrit import Inputs, Signals, Strategy
from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE
from tradewrit.features.bars import Bars
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import Run, run
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.replay import replay

COUNT, LENGTH = 120, 60
SETUP = Setup(
    limits=Limits(
        max_position_notional=Decimal(500), min_cash_fraction=Decimal("0.2"), stop_fraction=Decimal("0.05")
    )
)


class Always(Strategy, frozen=True, kw_only=True):
    """In whenever it is flat; out by stop, target or after a while."""

    max_bars: int | None = 25

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.volume > 0.0)


def markets() -> list[Bars]:
    """Each its own walk, calm enough that most trades live side by side."""
    rng = np.random.default_rng(11)
    ts = np.arange(LENGTH, dtype=np.int64) * MINUTE
    made = []
    for rank in range(COUNT):
        steps = rng.normal(0.0, 0.007, LENGTH).cumsum()
        close = np.round(rng.uniform(20.0, 400.0) * np.exp(steps), 2)
        first = np.concatenate((close[:1], close[:-1]))
        high, low = np.maximum(first, close) + 0.05, np.minimum(first, close) - 0.05
        made.append(
            Bars(f"S{rank:03}", ts, first, np.round(high, 2), np.round(low, 2), close, np.full(LENGTH, 1e4))
        )
    return made


class Watcher:
    """Counts, whenever an event has been journalled, how many trades are open and how many unprotected."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.open: set[str] = set()
        self.most = 0

    def __call__(self, event: Event, record: Record | None) -> None:
        if record is None:
            return
        kind = type(event).__name__
        self.kinds[kind] += 1
        if kind == "PositionOpened":
            self.open.add(event.trace)
        elif kind == "PositionClosed":
            self.open.remove(event.trace)
        self.most = max(self.most, len(self.open))


@pytest.fixture(scope="module")
def watched() -> tuple[Run, Watcher]:
    watcher = Watcher()
    return run(markets(), Always(), SETUP, listeners=(watcher,)), watcher


def test_more_than_a_hundred_trades_are_open_at_once_and_every_one_gets_its_stop(
    watched: tuple[Run, Watcher],
) -> None:
    done, watcher = watched
    assert watcher.most == COUNT
    assert watcher.kinds["StopSet"] == watcher.kinds["PositionOpened"] > COUNT
    assert len(done.result.trades) + done.result.open_positions == watcher.kinds["PositionOpened"]
    assert {trade.exit_reason for trade in done.result.trades} >= {"stop", "time"}


def test_the_books_say_what_the_round_trips_and_the_open_positions_add_up_to(
    watched: tuple[Run, Watcher],
) -> None:
    done, _ = watched
    books: Books = done.books
    held = sum((p.paid for p in books.positions.values()), Decimal(0))
    paid = sum((lot.fee for p in books.positions.values() for lot in p.lots), Decimal(0))
    assert books.cash == SETUP.initial_cash + sum(t.pnl for t in done.result.trades) - held - paid


def test_the_journal_replays_to_the_same_books(watched: tuple[Run, Watcher]) -> None:
    done, _ = watched
    assert replay(done.journal, done.stream).state_hash == done.books.state_hash


def test_the_skip_engine_comes_to_the_same_trades(watched: tuple[Run, Watcher]) -> None:
    done, _ = watched
    skipped = skip.run(markets(), Always(), SETUP)
    assert skipped.trades == done.result.trades
    assert skipped.final_equity == done.result.final_equity
