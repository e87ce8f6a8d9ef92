"""market_watch turns requests into reads, and lets only sane prices through; it keeps no state."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks import START, SYMBOL, World
from tests.feeds import TableFeed
from tradewrit.agents import market_watch
from tradewrit.agents.market_watch import decide, defect
from tradewrit.domain.books import Books
from tradewrit.domain.effects import FetchBars, FetchMarketStatus, FetchQuote, MarketDataEffect, OpenStream
from tradewrit.domain.events.market import (
    BarsReceived,
    CheckMarketStatus,
    GetBars,
    GetQuote,
    MarketStatusReported,
    QuoteReceived,
    QuoteRefused,
    QuoteUpdated,
    StreamGapDetected,
    Subscribe,
    TickReceived,
)
from tradewrit.domain.market import HOUR, SECOND, Bar, Interval, MarketPhase, Quote, Tick
from tradewrit.domain.times import parse_iso
from tradewrit.kernel import hears
from tradewrit.market.calendar import calendar_for
from tradewrit.runtime.market import LiveMarket

BOOKS = Books()


@pytest.fixture
def market() -> LiveMarket:
    """A market that last saw AAPL at 175.50, tick number 7."""
    market = World().market
    market.absorb([Bar(SYMBOL, START, 175.5, 175.5, 175.5, 175.5, 1.0)])
    market.hear(TickReceived(at=START, tick=Tick(SYMBOL, START, 175.5, 1.0, 7)))
    return market


def received(bid: float, ask: float | None = None, *, age_s: int = 0) -> QuoteReceived:
    quote = Quote(SYMBOL, START - age_s * SECOND, bid, bid if ask is None else ask)
    return QuoteReceived(at=START, quote=quote)


QUESTIONS = [
    (GetQuote(at=1, symbol=SYMBOL), (FetchQuote(symbol=SYMBOL),)),
    (CheckMarketStatus(at=1), (FetchMarketStatus(),)),
    (Subscribe(at=1, symbols=("A", "B")), (OpenStream(symbol="A"), OpenStream(symbol="B"))),
    *(
        (
            GetBars(at=1, symbol=SYMBOL, interval=interval, count=9),
            (FetchBars(symbol=SYMBOL, interval=interval, count=9),),
        )
        for interval in Interval
    ),
]


@pytest.mark.parametrize(("question", "effects"), QUESTIONS)
def test_each_question_is_one_read_per_symbol(
    market: LiveMarket, question: market_watch.Hears, effects: tuple[MarketDataEffect, ...]
) -> None:
    decision = decide(BOOKS, market, question)
    assert decision.events == ()
    assert decision.effects == effects


def test_a_sane_quote_is_passed_on_with_its_source_time(market: LiveMarket) -> None:
    (said,) = decide(BOOKS, market, received(175.0, 176.0)).events
    assert said == QuoteUpdated(at=START, quote=Quote(SYMBOL, START, 175.0, 176.0))


@pytest.mark.parametrize(("age_s", "is_stale"), [(0, False), (300, False), (301, True), (86_400, True)])
def test_a_quote_older_than_the_limit_is_flagged(market: LiveMarket, age_s: int, is_stale: bool) -> None:
    (said,) = decide(BOOKS, market, received(175.0, age_s=age_s)).events
    assert isinstance(said, QuoteUpdated)
    assert said.is_stale is is_stale


@pytest.mark.parametrize(
    ("bid", "ask", "reason"),
    [
        (math.nan, 1.0, "not a number"),
        (1.0, math.inf, "not a number"),
        (0.0, 1.0, "zero or negative"),
        (-1.0, 1.0, "zero or negative"),
        (176.0, 175.0, "crossed"),
        (17.55, 17.55, "times away"),
        (17_550.0, 17_550.0, "times away"),
        (877.50, 877.50, "times away"),
        (35.10, 35.10, "times away"),
    ],
)
def test_a_quote_nobody_may_trade_on_is_refused_with_its_reason(
    market: LiveMarket, bid: float, ask: float, reason: str
) -> None:
    (said,) = decide(BOOKS, market, received(bid, ask)).events
    assert isinstance(said, QuoteRefused)
    assert reason in said.reason


def test_the_first_quote_of_a_symbol_has_nothing_to_be_wild_against() -> None:
    assert defect(Quote("NEW", 1, 9e6, 9e6), math.nan) is None


@given(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0.01, 1e6),
)
def test_whatever_passes_is_a_pair_of_positive_prices_near_the_last(
    bid: float, ask: float, last: float
) -> None:
    if defect(Quote(SYMBOL, 1, bid, ask), last) is None:
        assert 0 < bid <= ask < math.inf
        assert last / 5 < (bid + ask) / 2 < last * 5


@pytest.mark.parametrize(("sequence", "gap"), [(8, None), (9, (8, 9)), (100, (8, 100)), (7, None), (3, None)])
def test_a_jump_in_the_numbers_is_a_gap(
    market: LiveMarket, sequence: int, gap: tuple[int, int] | None
) -> None:
    said = decide(
        BOOKS, market, TickReceived(at=START, tick=Tick(SYMBOL, START, 176.0, 1.0, sequence))
    ).events
    found = [(event.expected, event.received) for event in said if isinstance(event, StreamGapDetected)]
    assert found == ([] if gap is None else [gap])


def test_a_stream_may_begin_at_any_number(market: LiveMarket) -> None:
    first = TickReceived(at=START, tick=Tick("MSFT", START, 10.0, 1.0, 4711))
    assert decide(BOOKS, market, first).events == ()


def test_it_needs_no_books(market: LiveMarket) -> None:
    """A pure fetcher: whatever the account, the answer is the same (its age limit apart)."""
    world = World()
    world.enter()
    for event in (received(175.0), received(-1.0), GetQuote(at=1, symbol=SYMBOL)):
        assert decide(BOOKS, market, event) == decide(world.books, market, event)
    assert len(hears(market_watch)) == 6


# -- through the desk


def test_subscribing_again_opens_nothing_twice() -> None:
    feed = TableFeed()
    world = World(feed=feed)
    for _ in range(3):
        world.feed(Subscribe(at=world.now, symbols=(SYMBOL, "MSFT")))
    assert list(feed.streams) == [SYMBOL, "MSFT"]


def test_the_same_history_asked_for_twice_is_the_same_bytes() -> None:
    import msgspec

    bars = [Bar(SYMBOL, START + k, 1.1, 2.2, 0.7, 1.3, 10.0) for k in range(5)]
    world = World(feed=TableFeed(bars=bars))
    answers = [
        event
        for _ in range(2)
        for event in world.feed(GetBars(at=world.now, symbol=SYMBOL, interval=Interval.MINUTE, count=3))
        if isinstance(event, BarsReceived)
    ]
    assert answers[0].bars == tuple(bars[2:])
    assert msgspec.json.encode(answers[0]) == msgspec.json.encode(answers[1])


def test_each_of_the_four_phases_is_told() -> None:
    nyse = calendar_for("NYSE")
    world = World(calendar=nyse, at=parse_iso("2024-03-04T06:00:00Z"))
    found = []
    for hours in (0, 5, 5, 7):
        world.clock.advance(hours * HOUR)
        (said,) = [event for event in world.status() if isinstance(event, MarketStatusReported)]
        found.append(said.status.phase)
        assert world.now < said.status.next_close
        assert world.now < said.status.next_open
    assert found == [
        MarketPhase.CLOSED,
        MarketPhase.PRE_MARKET,
        MarketPhase.OPEN,
        MarketPhase.AFTER_HOURS,
    ]
