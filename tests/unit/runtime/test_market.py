"""The live view shows what was heard, nothing later, and nothing insane."""

import math
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.desks import BUY, START, SYMBOL, Scripted, World
from tradewrit import Inputs, Signals, minutes_to_close
from tradewrit.domain.events.market import QuoteUpdated, StreamGapDetected, TickReceived
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import MINUTE, Bar, MarketPhase, Quote, Tick
from tradewrit.domain.signals import Verdict
from tradewrit.errors import StrategyError
from tradewrit.market.calendar import calendar_for
from tradewrit.runtime.market import LiveMarket
from tradewrit.strategies.base import Strategy

AT = 1_000_000


def view(strategy: Strategy | None = None) -> LiveMarket:
    return LiveMarket(strategy or Scripted(), lambda symbol: plain(symbol, "USD"))


def bar(ts: int, close: float = 10.0, symbol: str = SYMBOL) -> Bar:
    return Bar(symbol, ts, close, close + 1, close - 1, close, 5.0)


def tick(sequence: int, price: float = 10.0) -> TickReceived:
    return TickReceived(at=AT, tick=Tick(SYMBOL, AT, price, 1.0, sequence))


def test_a_tick_from_before_the_last_bar_is_counted_and_is_no_price() -> None:
    market = view()
    market.absorb([bar(AT + 1, 10.0)])
    market.hear(tick(7, price=11.0))
    assert market.sequence(SYMBOL) == 7
    assert market.mark(SYMBOL) == Decimal(10)
    market.absorb([bar(AT + 2, 10.0)])
    late = TickReceived(at=AT, tick=Tick(SYMBOL, AT + 2, 11.0, 1.0, 8))
    market.hear(late)
    assert market.mark(SYMBOL) == Decimal(11)


def test_before_anything_was_heard_nothing_is_known() -> None:
    market = view()
    assert market.bar(SYMBOL) is None
    assert market.quote(SYMBOL) is None
    assert market.mark(SYMBOL) is None
    assert market.signal(SYMBOL) is None
    assert math.isnan(market.last(SYMBOL))
    assert (market.sequence(SYMBOL), market.bars_since(SYMBOL, 0)) == (0, 0)
    assert market.symbols() == ()
    assert market.speaking() == ()


def test_a_bar_moves_the_last_price_and_ranks_symbols_by_their_first() -> None:
    market = view()
    assert market.absorb([bar(1, 10.0, "MSFT"), bar(1, 20.0, "AAPL")]) == 2
    assert market.mark("MSFT") == Decimal("10.00")
    assert market.bar("AAPL") == bar(1, 20.0, "AAPL")
    assert market.symbols() == ("MSFT", "AAPL")


def test_a_bar_that_is_not_newer_was_seen_before() -> None:
    market = view()
    market.absorb([bar(5, 10.0)])
    assert market.absorb([bar(5, 99.0), bar(4, 99.0)]) == 0
    assert market.mark(SYMBOL) == 10
    assert market.absorb([bar(6, 11.0)]) == 1


def test_history_grows_past_its_first_room_and_counts_from_any_time() -> None:
    market = view()
    for ts in range(1_000):
        market.absorb([bar(ts, 10.0 + ts)])
    assert market.bars_since(SYMBOL, 990) == 10
    assert market.bars_since(SYMBOL, 5_000) == 0
    assert market.mark(SYMBOL) == 1009


def test_the_strategy_speaks_only_of_bars_it_has_something_to_say_about() -> None:
    market = view(Scripted(script={(SYMBOL, 2): BUY}))
    market.absorb([bar(1)])
    assert market.speaking() == ()
    market.absorb([bar(2), bar(2, symbol="MSFT")])
    assert market.speaking() == ((SYMBOL, Verdict.ENTER_LONG),)
    assert market.signal(SYMBOL) == replace(BUY, symbol=SYMBOL)
    market.absorb([bar(3, symbol="MSFT")])
    assert market.speaking() == ()


def test_a_quote_moves_the_price_to_its_middle_unless_it_is_stale() -> None:
    market = view()
    quote = Quote(SYMBOL, AT, 10.0, 11.0)
    market.hear(QuoteUpdated(at=AT, quote=quote))
    assert market.mark(SYMBOL) == Decimal("10.50")
    market.hear(QuoteUpdated(at=AT, quote=Quote(SYMBOL, 0, 20.0, 20.0), is_stale=True))
    assert market.mark(SYMBOL) == Decimal("10.50")
    assert market.quote(SYMBOL) == quote


def test_ticks_move_the_price_in_their_own_order() -> None:
    market = view()
    for sequence, price in ((1, 10.0), (2, 11.0), (2, 99.0), (1, 98.0), (5, 12.0), (3, 97.0)):
        market.hear(tick(sequence, price))
    assert market.sequence(SYMBOL) == 5
    assert market.mark(SYMBOL) == 12


@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_tick_that_is_no_price_is_counted_and_not_believed(price: float) -> None:
    market = view()
    market.hear(tick(1, 10.0))
    market.hear(tick(2, price))
    assert market.sequence(SYMBOL) == 2
    assert market.mark(SYMBOL) == 10


def test_without_a_calendar_the_market_is_always_open() -> None:
    assert view().phase(0) is MarketPhase.OPEN
    nyse = LiveMarket(Scripted(), lambda symbol: plain(symbol, "USD"), calendar_for("NYSE"))
    assert nyse.phase(START) is MarketPhase.OPEN
    assert nyse.phase(START - MINUTE) is MarketPhase.PRE_MARKET


def test_a_gap_in_the_stream_is_told_once_and_a_late_print_is_none() -> None:
    world = World()
    for sequence in (1, 2, 5, 4, 6, 6, 7):
        world.feed(tick(sequence), "market")
    gap = world.only(StreamGapDetected)
    assert (gap.symbol, gap.expected, gap.received) == (SYMBOL, 3, 5)


def test_a_strategy_whose_formulas_cannot_be_said_has_no_say_and_bars_are_known_all_the_same() -> None:
    class Late(Strategy, frozen=True, kw_only=True):
        def signals(self, bars: Inputs) -> Signals:
            return Signals(enter_long=minutes_to_close(bars) <= 30)

    market = view(Late())
    for at in range(1, 4):
        with pytest.raises(StrategyError, match="minutes_to_close needs to know when the market is open"):
            market.absorb([bar(at, 10.0 + at)])
        assert market.mark(SYMBOL) == Decimal(10 + at)
        assert market.speaking() == ()
