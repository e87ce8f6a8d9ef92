"""One strategy on one market, in a backtest and at a live desk: the same orders, fills and cash.

The live desk hears the market as it hears any exchange: over lanes, with calls that take their time. What
it sends on a close reaches the venue before the next open (see `brokers.paper.http.replay`); a venue that is
slower than that trades a bar later. So does the second half of a reversal, which in a backtest answers a
fill at an open in that same print (rule 5 of docs/reference/paper-exchange.md): it is left out here.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from tests.live import STREAM, Live, play
from tests.unit.research.backtest.markets import Shape, market
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.positions import FillBooked, PositionClosed
from tradewrit.domain.market import SECOND, Bar
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.events import Run, run
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.tape import Tape
from tradewrit.runtime.live.lanes import Input, Priority
from tradewrit.runtime.replay import events_of
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.rules.moving_average_crossover import MovingAverageCrossover
from tradewrit.strategies.rules.trend_following import TrendFollowing

Did = list[tuple[Any, ...]]
STRATEGIES: list[Strategy] = [
    TrendFollowing(),
    MovingAverageCrossover(fast=2, slow=5, is_short_too=True),
]


async def traded(live: Live, bars: Sequence[Bars]) -> None:
    """Every bar opens a moment after the last has closed, and then trades and closes."""
    for opened_at, closed_at, rows in Tape(bars).slices():
        now: list[Bar] = [bars[rank].row(i) for rank, i, *_ in rows]
        await until(live, opened_at + SECOND)
        live.report([report for bar in now for report in live.exchange.open(bar)])
        await until(live, closed_at)
        for part in (live.exchange.trade, live.exchange.close):
            live.report([report for bar in now for report in part(bar)])
        live.send(Input(priority=Priority.MARKET, bars=tuple(now), at=closed_at, source="market"))
    await asyncio.sleep(1.0)


async def until(live: Live, at: int) -> None:
    await asyncio.sleep(max(at - live.clock.now(), 0) / SECOND)


def both(shape: Shape, strategy: Strategy, protection: Protection) -> tuple[Run, Live]:
    bars = market(shape)
    tested = run(bars, strategy, Setup(protection=protection))

    async def story(live: Live) -> None:
        await traded(live, bars)

    start = int(min(one.ts[0] for one in bars)) - 5 * SECOND
    return tested, play(story, at=start, strategy=strategy, protection=protection)


def did(events: Sequence[Any]) -> Did:
    """By symbol its orders, fills and closed positions, without the names that another journal derives."""
    found: Did = []
    for event in events:
        if isinstance(event, OrderRequested):
            terms = event.terms
            found.append(
                (terms.symbol, terms.role, terms.side, terms.quantity, terms.limit_price, terms.stop_price)
            )
        elif isinstance(event, FillBooked):
            fill = event.fill
            found.append((fill.symbol, event.role, fill.side, fill.quantity, fill.price, fill.fee))
        elif isinstance(event, PositionClosed):
            found.append((event.symbol, event.reason, event.pnl))
    return sorted(found, key=lambda one: str(one[0]))


@pytest.mark.parametrize("protection", Protection)
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda one: one.name())
@pytest.mark.parametrize("seed", range(3))
def test_the_live_desk_does_what_the_backtest_did(
    seed: int, strategy: Strategy, protection: Protection
) -> None:
    sigma, price = [(0.02, 20.0), (0.03, 5.0), (0.08, 60.0)][seed]
    shape = Shape(seed, 4, 120, sigma, price, 2, 0.1, is_shifted=False, is_uneven=True)
    tested, live = both(shape, strategy, protection)
    wanted = did(list(events_of(tested.journal, tested.stream)))
    assert len([one for one in wanted if len(one) == 3]) > 5
    assert did(list(events_of(live.journal, STREAM))) == wanted
    assert live.books.cash == tested.books.cash
    assert live.books.stats == tested.books.stats
    live.audit()
