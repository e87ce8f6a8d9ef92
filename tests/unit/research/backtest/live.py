"""A desk driven as a live one is: bar by bar through `LiveMarket`, by none of the backtest's code.

Every bar is shown to the venue whether or not it has orders, and the strategy steps along.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.events.corporate import DividendWentEx, SharesDelisted, SharesSplit, SymbolChanged
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.market import DAY, Bar, Quote
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.schedule import Schedule, VenueCalendars
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.clock import ManualClock, draw_journal_id
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.market import LiveMarket
from tradewrit.runtime.roles import roles
from tradewrit.runtime.writs import Writs
from tradewrit.strategies.base import Strategy
from tradewrit.version import VERSION

AfterBar = Callable[[Desk, PaperExchange], None]


def live_run(
    bars: Sequence[Bars], strategy: Strategy, setup: Setup, after_bar: AfterBar | None = None
) -> tuple[Desk, PaperExchange]:
    """Drive a desk over all bars. after_bar: called when the bars of one time have closed."""
    by_time: dict[int, list[Bar]] = defaultdict(list)
    for one in bars:
        for bar in one.rows():
            by_time[bar.ts].append(bar)
    times = sorted(by_time)
    step = min((b - a for one in bars for a, b in pairwise(one.ts.tolist())), default=DAY)
    journal = MemoryJournal(draw_journal_id(setup.seed))
    schedule = Schedule(setup, np.array(times), step)
    market = LiveMarket(strategy, setup.instrument, sizing=setup.sizing, hours=schedule.of)
    clock = ManualClock(times[0])
    quotes: dict[str, Quote | None] = {}
    exchange = PaperExchange(
        setup.instrument,
        initial_cash=setup.initial_cash,
        rules=setup.rules,
        seed=setup.seed,
        account=setup.account,
        calendar=VenueCalendars(setup),
        interval=step,
        clock=clock.now,
        marks=lambda symbol: None if math.isnan(last := market.last(symbol)) else last,
        quotes=quotes.get,
        last_at=lambda symbol: None if (bar := market.bar(symbol)) is None else bar.ts,
    )
    desk = Desk(
        setup.opening(journal.id, strategy.name(), times[0], VERSION),
        journal=journal,
        market=market,
        broker=exchange,
        clock=clock,
        writs=Writs(
            LocalIssuer(journal.id, setup.account, ttl_s=None),
            roles("backtest", "paper", symbols=[one.symbol for one in bars], executor=setup.entries),
        ),
    )
    before = -1
    for ts, after in zip(times, [*times[1:], math.inf], strict=True):
        clock.set(ts)
        for action in [one for one in setup.happenings if before < one.at <= ts]:
            desk.feed(action, "funding" if isinstance(action, FundingSettled) else "corporate")
            match action:
                case SharesSplit():
                    desk.feed_all(exchange.split(action), "broker")
                case DividendWentEx():
                    exchange.pay_dividend(action)
                case SharesDelisted() | SymbolChanged():
                    desk.feed_all(exchange.delist(action), "broker")
                case FundingSettled():
                    exchange.settle_funding(action)
        before = ts
        for phase in (exchange.open, exchange.trade, exchange.close):
            for bar in by_time[ts]:
                desk.feed_all(phase(bar), "broker")
        closed_at = int(min(ts + step, after))
        clock.set(closed_at)
        for one in bars:
            if len(shown := np.flatnonzero(one.ts == ts)):
                quotes[one.symbol] = one.quote(int(shown[0]))
        desk.close_bars(by_time[ts], closed_at)
        if after_bar is not None:
            after_bar(desk, exchange)
    desk.stop()
    return desk, exchange
