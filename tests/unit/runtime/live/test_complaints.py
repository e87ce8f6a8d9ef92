"""Bad quotes and gaps are told to people: the first at once, then how many, however many there are."""

import pytest

from tests.desks import SYMBOL, World
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import QuoteReceived, QuoteRefused, StreamGapDetected, TickReceived
from tradewrit.domain.market import MINUTE, Quote, Tick
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.live.complaints import Complaints


def refused(reason: str = "crossed: bid above ask", symbol: str = "AAPL") -> Event:
    return QuoteRefused(at=0, quote=Quote(symbol, 0, 176.0, 175.0), reason=reason)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0)


def test_the_first_is_told_at_once_and_the_rest_of_the_minute_as_a_number(clock: ManualClock) -> None:
    lines: list[str] = []
    complaints = Complaints(clock, lines.append)
    for _ in range(1000):
        complaints.hear((refused(), refused(symbol="MSFT")))
    assert lines == [
        "QUOTE REFUSED AAPL: 176/175: crossed: bid above ask",
        "QUOTE REFUSED MSFT: 176/175: crossed: bid above ask",
    ]
    clock.advance(MINUTE)
    complaints.hear((refused("zero or negative"),))
    assert lines[2:] == ["QUOTE REFUSED AAPL: 176/175: zero or negative (999 more since the last line)"]
    assert complaints.refused == 2001


def test_gaps_are_counted_by_symbol_as_the_ticks_are_numbered(clock: ManualClock) -> None:
    lines: list[str] = []
    complaints, world = Complaints(clock, lines.append), World()
    for symbol, number in (("AAPL", 1), ("MSFT", 7), ("AAPL", 2), ("MSFT", 8), ("AAPL", 5), ("MSFT", 9)):
        tick = Tick(symbol, world.now, 175.0, 1.0, number)
        said = world.feed(TickReceived(at=world.now, tick=tick), "market")
        assert [type(one) for one in said if isinstance(one, StreamGapDetected)] == (
            [StreamGapDetected] if number == 5 else []
        )
        complaints.hear(said)
    assert lines == ["GAP AAPL: 2 ticks lost: 5 came where 3 was next"]
    assert complaints.gaps == 1


@pytest.mark.parametrize(
    ("bid", "ask"), [(1755.0, 1755.0), (0.0, 175.0), (-1.0, 1.0), (176.0, 175.0)],
    ids=["ten times", "zero", "negative", "crossed"],
)  # fmt: skip
def test_what_the_desk_refuses_is_what_is_told(clock: ManualClock, bid: float, ask: float) -> None:
    lines: list[str] = []
    world = World()
    world.bar(175.50)
    quote = Quote(SYMBOL, world.now, bid, ask)
    Complaints(clock, lines.append).hear(world.feed(QuoteReceived(at=world.now, quote=quote), "market"))
    (line,) = lines
    assert line.startswith(f"QUOTE REFUSED {SYMBOL}: {bid:g}/{ask:g}: ")
