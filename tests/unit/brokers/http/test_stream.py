"""A reader of the stream misses nothing and sees nothing twice, whatever becomes of the line or of itself."""

import socket
import threading
from collections.abc import Callable
from itertools import islice
from queue import Queue
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from tests.unit.brokers.http.exchanges import GRANT, KEY, SETTINGS, Running, approved, bar, running, terms
from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.faults import Faults
from tradewrit.brokers.paper.http.record import Record
from tradewrit.brokers.paper.http.stream import Cut, EventStream, Seen
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.brokers.paper.http.wire import (
    KEY_HEADER,
    BarsShown,
    Beat,
    Hello,
    Missed,
    QuoteShown,
    Reported,
    encode,
    frame,
)
from tradewrit.domain.events.orders import Exec
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import MINUTE, Quote
from tradewrit.runtime.clock import seeded


def until(stream: EventStream, is_enough: Callable[[list[Seen]], bool]) -> list[Seen]:
    """What is seen, beats left out, until it is enough."""
    found: list[Seen] = []
    for seen in stream:
        if not isinstance(seen[1], Beat):
            found.append(seen)
        if is_enough(found):
            break
    return found


def up_to(stream: EventStream, number: int) -> list[Seen]:
    return until(stream, lambda found: bool(found) and found[-1][0] >= number)


def numbers(seen: list[Seen]) -> list[int]:
    return [number for number, _ in seen if number]


def traded(exchange: Running, minutes: range) -> int:
    """A little of everything; the number of the last event."""
    last = 0
    for minute in minutes:
        exchange.client.place(approved(terms(f"o{minute}")), GRANT)
        last = exchange.client.show_bars([bar(minute, 100.0), bar(minute, 50.0, "MSFT")]).last
    return last


def impatient(exchange: Running, chance: int = 0, **named: Any) -> EventStream:
    """A stream that waits for nothing when it is cut."""
    return EventStream(
        exchange.another()._http, exchange.url, 5.0, wait=lambda _: False, chance=seeded(chance, "t"), **named
    )


def test_the_stream_tells_fills_before_the_bars_that_made_them() -> None:
    with running() as exchange:
        last = traded(exchange, range(1, 3))
        quote = Quote("AAPL", 4 * MINUTE, 99.0, 99.1)
        last = exchange.client.show_quote(quote).last
        seen = up_to(exchange.client.events(), last)
        assert numbers(seen) == list(range(1, last + 1))
        assert seen[0] == (0, Hello(venue="v1", last=last, at=4 * MINUTE))
        kinds = [type(message) for number, message in seen if number]
        assert kinds == [Reported, Reported, BarsShown] * 2 + [QuoteShown]
        told = [message for _, message in seen if isinstance(message, Reported)]
        assert [report.kind for message in told for report in message.reports] == [Exec.NEW, Exec.TRADE] * 2
        bars = next(message for _, message in seen if isinstance(message, BarsShown))
        assert bars == BarsShown(closed_at=2 * MINUTE, bars=(bar(1, 100.0), bar(1, 50.0, "MSFT")))
        assert seen[-1][1] == QuoteShown(quote=quote)


def test_a_client_that_starts_anew_goes_on_behind_the_last_it_took_in() -> None:
    with running() as exchange:
        last = traded(exchange, range(1, 4))
        stream = exchange.client.events()
        first = list(islice(stream, 5))  # Hello and four events: then the process dies
        assert stream.after == 3  # of the fourth nobody knows whether it was taken in
        second = up_to(exchange.client.events(after=stream.after, venue=stream.venue), last)
        assert numbers(first) == [1, 2, 3, 4]
        assert numbers(second) == list(range(4, last + 1))
        assert first[4] == second[1]


@pytest.mark.parametrize("seed", range(5))
def test_a_line_that_is_cut_again_and_again_loses_nothing(seed: int) -> None:
    faults = Faults(cut_stream=0.4, duplicate_event=0.3)
    with running(faults=faults, fault_seed=seed) as exchange:
        last = traded(exchange, range(1, 15))
        seen = up_to(impatient(exchange), last)
        assert numbers(seen) == list(range(1, last + 1))
        cuts = [place for place, (_, message) in enumerate(seen) if isinstance(message, Cut)]
        assert cuts
        assert all(isinstance(seen[place + 1][1], Hello) for place in cuts)


def test_without_a_server_the_cut_is_said_once_and_the_pauses_grow() -> None:
    with running() as exchange:
        stream_of = ExchangeClient(exchange.url, KEY)
    pauses: list[float] = []

    def wait(seconds: float) -> bool:
        pauses.append(seconds)
        return len(pauses) == 12

    stream = EventStream(stream_of._http, "http://gone", 1.0, wait=wait, chance=seeded(0, "t"))
    ((number, cut),) = list(stream)
    assert number == 0
    assert isinstance(cut, Cut)
    assert "ConnectError" in cut.reason
    assert all(0.05 * 2**n <= pause <= 0.1 * 2**n for n, pause in enumerate(pauses[:6]))
    assert all(2.5 <= pause <= 5.0 for pause in pauses[6:])
    stream_of.close()


def test_a_server_that_went_and_came_back_is_found_and_reported() -> None:
    with running() as exchange:
        port = int(exchange.url.rpartition(":")[2])
        last = traded(exchange, range(1, 3))
        client = ExchangeClient(exchange.url, KEY)
        stream = EventStream(client._http, exchange.url, 5.0, wait=threading.Event().wait)
        events = iter(stream)
        while next(events)[0] < last:
            pass
    # The same exchange, from its inputs; the number goes on.
    venue = Venue(SETTINGS, "v1")
    for _ in range(last):
        venue.record.add(Reported(reports=()))
    seen: list[Seen] = []
    with running(venue, port=port) as exchange:
        more = exchange.client.show_bars([bar(9, 100.0)]).last
        while not seen or seen[-1][0] < more:
            one = next(events)
            if not isinstance(one[1], Beat):
                seen.append(one)
    assert [type(message) for _, message in seen] == [Cut, Hello, BarsShown]
    assert numbers(seen) == [more] == [last + 1]
    client.close()


def test_another_exchange_at_the_address_is_noticed_and_read_from_its_beginning() -> None:
    with running(Venue(SETTINGS, "other")) as exchange:
        last = traded(exchange, range(1, 3))
        for after in (2, 99):
            seen = up_to(impatient(exchange, after=after, venue="v1"), last)
            first = seen[0][1]
            assert isinstance(first, Cut)
            assert first.is_other_venue
            assert numbers(seen) == list(range(1, last + 1))


def test_a_number_from_the_future_is_from_another_exchange() -> None:
    with running() as exchange:
        last = traded(exchange, range(1, 3))
        seen = up_to(impatient(exchange, after=last + 1, venue="v1"), last)
        assert isinstance(seen[0][1], Cut)
        assert numbers(seen) == list(range(1, last + 1))


def test_a_reader_that_comes_too_late_for_prices_is_told_and_gets_every_report() -> None:
    with running(record=Record(2)) as exchange:
        last = traded(exchange, range(1, 12))
        seen = up_to(exchange.client.events(), last)
        assert isinstance(seen[1][1], Missed)
        orders = [
            report.client_order_id
            for _, message in seen
            if isinstance(message, Reported)
            for report in message.reports
            if report.kind is Exec.TRADE
        ]
        assert orders == [f"o{minute}" for minute in range(1, 12)]


def test_two_readers_see_the_same() -> None:
    with running() as exchange:
        found: Queue[list[Seen]] = Queue()
        begun = threading.Barrier(3)

        def read() -> None:
            client = exchange.another()
            stream = client.events()
            events = iter(stream)
            seen = [next(events)]
            begun.wait(30)
            while seen[-1][0] < 30:
                seen.append(next(events))
            found.put([one for one in seen if one[0]])
            client.close()

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        begun.wait(30)
        traded(exchange, range(1, 12))
        for reader in readers:
            reader.join(30)
        assert found.get_nowait() == found.get_nowait()


def silent_reader(exchange: Running) -> socket.socket:
    """A client that asks for the stream and then reads nothing of it."""
    host, _, port = exchange.url.removeprefix("http://").rpartition(":")
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.settimeout(30)
    raw.connect((host, int(port)))
    raw.sendall(f"GET /v2/events HTTP/1.1\r\nHost: {host}\r\n{KEY_HEADER}: {KEY.reveal()}\r\n\r\n".encode())
    return raw


def test_a_client_that_does_not_read_holds_up_nobody_and_gets_everything_later() -> None:
    symbols = [f"S{number:03}" for number in range(200)]
    traded_here = tuple(plain(symbol, "USD") for symbol in symbols)
    with running(Venue(replace(SETTINGS, instruments=traded_here), "v1")) as exchange:
        raw = silent_reader(exchange)
        for minute in range(1, 500):  # some ten megabytes: far more than sockets hold
            last = exchange.client.show_bars([bar(minute, 100.0, symbol) for symbol in symbols]).last
        quick = up_to(exchange.client.events(after=last - 3, venue="v1"), last)
        assert numbers(quick) == [last - 2, last - 1, last]
        received = bytearray()
        while f"id: {last}\n".encode() not in received[-100_000:]:
            chunk = raw.recv(1 << 20)
            assert chunk, "the server gave up on it"
            received += chunk
        raw.close()
        assert exchange.client.clock().last == last


def test_a_reader_that_went_away_is_forgotten() -> None:
    with running(most_streams=1) as exchange:
        first = exchange.another()
        events = iter(first.events())
        next(events)
        second = impatient(exchange)
        (_, cut) = next(iter(second))
        assert isinstance(cut, Cut)
        assert "listen already" in cut.reason
        events.close()  # type: ignore[attr-defined]
        first.close()
        seen = until(second, lambda found: isinstance(found[-1][1], Hello) if found else False)
        assert isinstance(seen[-1][1], Hello)


def test_a_silent_stream_beats() -> None:
    with running() as exchange:
        exchange.client.show_bars([bar(1, 100.0)])
        stream = exchange.client.events(after=1, venue="v1")
        seen = list(islice(stream, 3))
        assert [type(message) for _, message in seen] == [Hello, Beat, Beat]
        assert seen[2] == (0, Beat(at=2 * MINUTE))


def test_a_stream_without_a_sign_of_life_counts_as_cut() -> None:
    with running(beat_s=3_600.0) as exchange:
        client = exchange.another(silence_s=0.05)
        seen = list(islice(client.events(), 2))
        assert isinstance(seen[1][1], Cut)
        assert "ReadTimeout" in seen[1][1].reason
        client.close()


def test_closing_the_client_ends_the_loops_of_its_streams() -> None:
    with running() as exchange:
        client = exchange.another()
        events = iter(EventStream(client._http, exchange.url, 5.0, wait=lambda _: False))
        assert isinstance(next(events)[1], Hello)
        client.close()
        assert all(isinstance(message, Cut | Beat) for _, message in events)


def test_closing_a_stream_ends_its_loop() -> None:
    with running() as exchange:
        stream = exchange.client.events()
        seen: list[Seen] = []
        for one in stream:
            seen.append(one)
            stream.close()
        assert len(seen) == 1
        assert not list(stream)


def test_what_is_no_event_is_a_cut_and_never_an_event() -> None:
    from tests.unit.brokers.http.test_client import impostor

    for content in (
        b"data: nonsense\n\n",
        b"data: {}\n\n",
        b'id: 1\ndata: {"kind": "reports"}\n\n',
        b"<html>",
    ):
        with impostor(200, content) as url:
            client = ExchangeClient(url)
            stream = EventStream(client._http, url, 5.0, wait=lambda _: True)
            ((number, cut),) = list(stream)
            assert number == 0
            assert isinstance(cut, Cut)
            client.close()


def test_an_event_that_was_lost_on_the_way_is_asked_for_again() -> None:
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params["after"])
        asked.append(after)
        lost = {2} if len(asked) == 1 else set[int]()
        sent = [frame(encode(Hello(venue="v1", last=4, at=0)))]
        sent += [
            frame(encode(BarsShown(closed_at=number * MINUTE, bars=(bar(number, 100.0),))), number)
            for number in range(after + 1, 5)
            if number not in lost
        ]
        return httpx.Response(200, stream=httpx.ByteStream(b"".join(sent)))

    http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://venue")
    seen = up_to(EventStream(http, "http://venue", 1.0, wait=lambda _: False), 4)
    assert numbers(seen) == [1, 2, 3, 4]
    assert asked == [0, 1]
    (cut,) = [message for _, message in seen if isinstance(message, Cut)]
    assert "event 2 was left out, 3 came" in cut.reason


def test_prices_that_a_venue_has_let_go_are_no_gap() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        reported = Reported(reports=())
        sent = [
            frame(encode(Hello(venue="v1", last=9, at=0))),
            frame(encode(Missed(upto=7))),
            frame(encode(reported), 3),
            frame(encode(reported), 8),
            frame(encode(reported), 9),
        ]
        return httpx.Response(200, stream=httpx.ByteStream(b"".join(sent)))

    http = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://venue")
    seen = up_to(EventStream(http, "http://venue", 1.0, wait=lambda _: False), 9)
    assert numbers(seen) == [3, 8, 9]
    assert not any(isinstance(message, Cut) for _, message in seen)
