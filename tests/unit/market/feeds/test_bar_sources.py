"""The contract of a source of past bars, kept by each of them against a server that speaks its shapes."""

import socket
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pytest

from tests.unit.market.feeds.venues import Accident, AlpacaVenue, BinanceVenue, Venue, YahooVenue, served
from tradewrit.domain.market import MINUTE
from tradewrit.errors import DataError, TheirFault, Throttled, Unauthorized, Unreachable
from tradewrit.features.bars import Bars
from tradewrit.market.feeds.alpaca import KEY, SECRET, Alpaca
from tradewrit.market.feeds.binance import Binance
from tradewrit.market.feeds.port import BarRequest, BarSource
from tradewrit.market.feeds.yahoo import Yahoo
from tradewrit.market.synth import synthetic_bars
from tradewrit.runtime.clock import ManualClock

COLUMNS = ("ts", "open", "high", "low", "close", "volume")
KEYS = {KEY: "public-part", SECRET: "the-secret-part"}
NAMES = ("AAA", "BBB")
LENGTH = 20


class World(msgspec.Struct, frozen=True, eq=False):
    """A venue, the source that asks it, the clock of both, and how long was waited."""

    venue: Venue
    source: BarSource
    clock: ManualClock
    waited: list[float]
    bars: dict[str, Bars]

    def request(self, *symbols: str) -> BarRequest:
        ts = self.bars[NAMES[0]].ts
        return BarRequest(
            symbols=symbols or NAMES, interval=MINUTE, since=int(ts[0]), until=int(ts[-1]) + MINUTE
        )


def source_of(name: str, url: str, clock: ManualClock, wait: Callable[[float], object]) -> BarSource:
    match name:
        case "alpaca":
            return Alpaca(KEYS, clock, base_url=url, wait=wait)
        case "yahoo":
            return Yahoo(clock, base_url=url, wait=wait)
        case _:
            return Binance(clock, base_url=url, wait=wait)


VENUES = {"alpaca": AlpacaVenue, "yahoo": YahooVenue, "binance": BinanceVenue}


@pytest.fixture(params=sorted(VENUES))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    bars = {one.symbol: one for one in synthetic_bars(NAMES, LENGTH, seed=5)}
    clock = ManualClock(int(bars["AAA"].ts[-1]) + MINUTE)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        clock.advance(int(seconds * 1e9))

    with served(VENUES[request.param](bars)) as venue:
        yield World(venue, source_of(request.param, venue.url, clock, wait), clock, waited, bars)


def same(a: Bars, b: Bars) -> bool:
    return a.symbol == b.symbol and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in COLUMNS
    )


def nobody(_bars: int) -> None:
    """Told how many bars came."""


def test_the_bars_that_were_asked_for_come_in_the_order_of_the_symbols(world: World) -> None:
    found = world.source.fetch(world.request("BBB", "AAA"), nobody)
    assert [one.symbol for one in found.bars] == ["BBB", "AAA"]
    assert all(same(one, world.bars[one.symbol]) for one in found.bars)
    assert found.requests == len(world.venue.asked)


def test_only_bars_within_the_request_come(world: World) -> None:
    ts = world.bars["AAA"].ts
    request = msgspec.structs.replace(world.request("AAA"), since=int(ts[3]), until=int(ts[9]))
    (found,) = world.source.fetch(request, nobody).bars
    assert found.ts.tolist() == ts[3:9].tolist()


def test_a_bar_that_is_still_forming_is_left_out_and_told(world: World) -> None:
    world.clock.set(int(world.bars["AAA"].ts[-1]) + MINUTE - 1, is_jump=True)
    found = world.source.fetch(world.request("AAA"), nobody)
    assert len(found.bars[0]) == LENGTH - 1
    assert any("still forming" in note for note in found.notes)


def test_stretches_without_bars_are_told(world: World) -> None:
    empty = msgspec.structs.replace(
        world.request("AAA"),
        since=world.clock.now() - 2 * 86_400 * 10**9,
        until=world.clock.now() - 86_400 * 10**9,
    )
    found = world.source.fetch(empty, nobody)
    assert found.bars == ()
    assert "AAA: no bars" in found.notes


@pytest.mark.parametrize(
    "accident",
    [
        Accident(status=500),
        Accident(status=503, body="<html>try later</html>"),
        Accident(status=429, headers={"Retry-After": "2"}),
        Accident(status=200, body='{"bars"', cut=True),
    ],
    ids=["500", "503", "429", "cut short"],
)
def test_a_lost_answer_is_asked_for_again(world: World, accident: Accident) -> None:
    world.venue.accidents += [accident, accident]
    found = world.source.fetch(world.request("AAA"), nobody)
    assert same(found.bars[0], world.bars["AAA"])
    assert len(world.waited) >= 2
    assert world.waited[0] >= (2.0 if accident.status == 429 else 0.5)


def test_a_venue_that_stays_broken_is_unreachable(world: World) -> None:
    world.venue.accidents += [Accident(status=502)] * 10
    with pytest.raises(Unreachable, match="answered 502"):
        world.source.fetch(world.request("AAA"), nobody)
    assert len(world.venue.asked) == 4


def test_a_venue_that_asks_for_too_much_patience_is_throttled_at_once(world: World) -> None:
    world.venue.accidents.append(Accident(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(Throttled) as told:
        world.source.fetch(world.request("AAA"), nobody)
    assert told.value.retry_after_s == 3600
    assert len(world.venue.asked) == 1


def test_credentials_that_are_not_accepted_are_not_tried_again(world: World) -> None:
    world.venue.accidents.append(Accident(status=401, body='{"message": "unauthorized."}'))
    with pytest.raises(Unauthorized, match="unauthorized") as told:
        world.source.fetch(world.request("AAA"), nobody)
    assert len(world.venue.asked) == 1
    assert KEYS[SECRET] not in str(told.value)


@pytest.mark.parametrize(
    "body",
    [
        *("not json", "[[1]]", '{"chart": 3}', '{"bars": {"AAA": [{"t": "x"}]}}', "3"),
        '[[100000000000000000000, "1", "1", "1", "1", "1"]]',
        '{"bars": {"AAA": [{"t": "9999-01-01T00:00:00Z", "o": 1, "h": 1, "l": 1, "c": 1, "v": 1}]}}',
        (
            '{"chart": {"result": [{"meta": {}, "timestamp": [1000000000000000000], "indicators": {"quote": '
            '[{"open": [1], "high": [1], "low": [1], "close": [1], "volume": [1]}]}}]}}'
        ),
    ],
)
def test_an_answer_that_makes_no_sense_is_their_fault(world: World, body: str) -> None:
    world.venue.accidents.append(Accident(status=200, body=body))
    with pytest.raises(TheirFault, match=world.source.name):
        world.source.fetch(world.request("AAA"), nobody)


def test_nothing_follows_a_redirect_to_another_host(world: World) -> None:
    with served(type(world.venue)(world.bars)) as other:
        world.venue.accidents.append(Accident(status=302, headers={"Location": f"{other.url}/elsewhere"}))
        with pytest.raises(TheirFault, match="sends on to another host"):
            world.source.fetch(world.request("AAA"), nobody)
        assert other.asked == []


def test_requests_keep_their_distance(world: World) -> None:
    world.source.fetch(world.request(), nobody)
    assert len(world.waited) == len(world.venue.asked) - 1
    assert all(0 < seconds <= 0.5 for seconds in world.waited)


def test_a_refusal_says_what_the_venue_said(world: World) -> None:
    world.venue.accidents.append(Accident(status=400, body='{"message": "end is before start"}'))
    with pytest.raises(DataError, match="answered 400: end is before start"):
        world.source.fetch(world.request("AAA"), nobody)


def test_a_length_that_the_venue_does_not_have_is_refused_before_anything_is_asked(world: World) -> None:
    odd = msgspec.structs.replace(world.request("AAA"), interval=7 * 3_600_000_000_000 + MINUTE)
    with pytest.raises(DataError, match="has no bars of 421m"):
        world.source.fetch(odd, nobody)
    assert world.venue.asked == []


@pytest.mark.parametrize("name", sorted(VENUES))
def test_nobody_there_is_said_with_what_to_do(name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and not listening
        clock = ManualClock(10**18)
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        source = source_of(name, url, clock, lambda seconds: clock.advance(int(seconds * 1e9)))
        request = BarRequest(symbols=("A",), interval=MINUTE, since=10**17, until=10**17 + MINUTE)
        with pytest.raises(Unreachable, match=r"cannot be reached .*check the connection"):
            source.fetch(request, nobody)
