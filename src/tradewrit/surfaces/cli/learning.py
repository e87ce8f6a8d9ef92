"""What a desk learns before it begins: the bars that its venue still knows of."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.market import Bar
from tradewrit.errors import StrategyError, StrategyOverdue, TheirFault
from tradewrit.runtime.market import LiveMarket
from tradewrit.surfaces.words import words

_MOST_OVERDUE: Final = 3


def learn(
    fresh: Callable[[], LiveMarket],
    client: ExchangeClient,
    symbols: Iterable[str],
    keep_lease: Callable[[], object],
    say: Callable[[str], object],
) -> LiveMarket:
    """A market that knows what was before, so that the strategy need not start blind.

    What a strategy fails on there must not keep a desk from looking after what is held: it is said, and goes
    on. One that does not come back time and again begins with the next bars.
    """
    market = fresh()
    failures, overdue = [], 0
    for bars in _by_time(_history(client, symbols, say)):
        keep_lease()
        try:
            market.absorb(bars)
        except StrategyError as failure:
            failures.append(str(failure))
            overdue += isinstance(failure, StrategyOverdue)
        if overdue == _MOST_OVERDUE:
            say(f"no history: {failures[-1]}, {overdue} times; the strategy begins with the next bars")
            return fresh()
    for event in market.objections(0):
        say(f"history: {name_of(type(event))}: {words(event)}")
    if failures:
        say(f"the strategy failed on {len(failures)} bars from before; first: {failures[0]}")
    return market


def _history(client: ExchangeClient, symbols: Iterable[str], say: Callable[[str], object]) -> Iterator[Bar]:
    for symbol in symbols:
        try:
            yield from client.bars(symbol)
        except TheirFault as lost:
            say(f"no history of {symbol}: {lost}; the strategy begins with the next bars")


def _by_time(bars: Iterable[Bar]) -> Sequence[Sequence[Bar]]:
    times: dict[int, list[Bar]] = {}
    for bar in bars:
        times.setdefault(bar.ts, []).append(bar)
    return [times[at] for at in sorted(times)]
