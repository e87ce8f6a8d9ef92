"""Trade prints: numbered by symbol, the latest for whoever asks, and never a burden to whoever does not."""

import socket
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.brokers.http.exchanges import GRANT, KEY, SETTINGS, Running, approved, bar, running, terms
from tradewrit.brokers.paper.http.inputs import BarsClosed, BarsOpened, InputFile, OrdersPlaced
from tradewrit.brokers.paper.http.stream import EventStream, Seen, frames
from tradewrit.brokers.paper.http.tape import EVERY_SYMBOL, Tape
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.brokers.paper.http.wire import (
    KEY_HEADER,
    BarsShown,
    Beat,
    Hello,
    Message,
    Reported,
    TicksShown,
    decode_message,
)
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import MINUTE, Quote, Tick

STEPS = st.lists(st.sampled_from(["AAPL", "MSFT", "read"]), max_size=60)


def told(seen: Iterable[Seen | Message]) -> list[Tick]:
    messages = (one[1] if isinstance(one, tuple) else one for one in seen)
    return [tick for one in messages if isinstance(one, TicksShown) for tick in one.ticks]


def of(ticks: Iterable[Tick], symbol: str) -> list[int]:
    return [tick.sequence for tick in ticks if tick.symbol == symbol]


def until(stream: EventStream, is_enough: Callable[[list[Seen]], bool]) -> list[Seen]:
    found: list[Seen] = []
    for seen in stream:
        if not isinstance(seen[1], Beat):
            found.append(seen)
        if is_enough(found):
            break
    return found


@given(steps=STEPS, kept=st.integers(1, 6), wanted=st.sampled_from([("AAPL",), ("AAPL", "MSFT"), ("*",)]))
def test_a_reader_gets_every_print_while_it_keeps_up_and_always_the_latest(
    steps: list[str], kept: int, wanted: tuple[str, ...]
) -> None:
    tape = Tape(kept)
    reader = tape.read(wanted)
    heard: list[Tick] = []
    printed = {"AAPL": 0, "MSFT": 0}
    since = 0
    is_slow = False
    for place, step in enumerate([*steps, "read"]):
        if step == "read":
            while (behind := reader.next_behind()) is not None:
                heard += reader.take(behind)
            since = 0
            for symbol, last in printed.items():
                is_wanted = symbol in wanted or EVERY_SYMBOL in wanted
                assert of(heard, symbol)[-1:] == ([last] if last and is_wanted else [])
        else:
            printed[step] += 1
            since += 1
            is_slow |= since > kept
            tape.add(step, place, 10.0, 1.0, behind=place)
    for symbol, last in printed.items():
        numbers = of(heard, symbol)
        assert numbers == sorted(set(numbers))
        if not is_slow and numbers:
            assert numbers == list(range(1, last + 1))


def test_a_slow_reader_skips_to_the_latest_of_each_symbol_and_a_quiet_one_is_not_forgotten() -> None:
    tape = Tape(kept=2)
    reader = tape.read([EVERY_SYMBOL])
    tape.add("MSFT", 1, 5.0, 1.0, behind=1)
    for at in range(9):
        tape.add("AAPL", at, 10.0 + at, 1.0, behind=at)
    heard: list[Tick] = []
    while (behind := reader.next_behind()) is not None:
        heard += reader.take(behind)
    assert of(heard, "MSFT") == [1]
    assert of(heard, "AAPL")[-1] == 9
    assert len(of(heard, "AAPL")) < 9


def shown(venue: Venue, minute: int, price: float) -> None:
    one = (bar(minute, price),)
    venue.take(BarsOpened(bars=one))
    venue.take(BarsClosed(bars=one, closed_at=(minute + 1) * MINUTE))


def test_the_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    place = tmp_path / "exchange.jsonl"

    def opened() -> tuple[Venue, InputFile]:
        file, before = InputFile.open(place, SETTINGS, "v1")
        return Venue(SETTINGS, file.venue, file=file, before=before), file

    venue, file = opened()
    shown(venue, 1, 50.0)
    venue.take(OrdersPlaced(orders=(terms("a"),)))
    shown(venue, 2, 51.0)
    before = venue.tape.last
    file.close()
    venue, file = opened()
    reader = venue.tape.read(["AAPL"])
    assert [tick.sequence for tick in reader.take(venue.record.last)] == [before] == [5]
    shown(venue, 3, 52.0)
    assert [tick.sequence for tick in reader.take(venue.record.last)] == [6, 7]
    file.close()


def heard_live(exchange: Running, act: Callable[[], int], *symbols: str) -> list[Seen]:
    """What a stream with the prints of these symbols says, once `act` is done, up to the event it returns."""
    last = [2**53]

    def is_enough(found: list[Seen]) -> bool:
        if len(found) == 1:
            last[0] = act()
        return any(number >= last[0] for number, _ in found) and (
            not symbols or (bool(told(found)) and found[-1][0] == 0)
        )

    return until(exchange.client.events(ticks=symbols), is_enough)


def test_trades_of_the_account_are_printed_behind_their_reports_and_a_close_behind_its_bar() -> None:
    with running() as exchange:

        def act() -> int:
            exchange.client.place(approved(terms("a")), GRANT)
            return exchange.client.show_bars([bar(1, 100.0), bar(1, 50.0, "MSFT")]).last

        seen = heard_live(exchange, act, "AAPL")
    kinds = [type(message) for _, message in seen]
    assert kinds == [Hello, Reported, Reported, TicksShown, BarsShown, TicksShown]
    opened, filled, closed = told(seen)
    assert opened == Tick("AAPL", MINUTE, 100.0, 0.0, 1)  # bars do not tell how large a trade was
    assert (filled.price, filled.size, filled.sequence) == (100.0, 5.0, 2)
    assert closed == Tick("AAPL", 2 * MINUTE, 100.0, 0.0, 3)


def test_a_trade_on_a_quote_is_printed_with_its_size() -> None:
    with running() as exchange:
        exchange.client.show_bars([bar(1, 100.0)])
        order = approved(terms("a", quantity=Decimal(3)))
        exchange.client.place(order, GRANT)
        quote = Quote("AAPL", 3 * MINUTE, 99.0, 101.0, 100.0, 100.0)
        last = exchange.client.show_quote(quote).last
        seen = until(exchange.client.events(ticks=["AAPL"]), lambda found: found[-1][0] == last)
        (printed,) = told(seen)
    assert (printed.price, printed.size) == (101.0, 3.0)


def test_who_asks_for_no_prints_hears_none_and_gets_the_same_events_under_the_same_numbers() -> None:
    with running() as exchange:
        for minute in (1, 2, 3):
            exchange.client.place(approved(terms(f"o{minute}")), GRANT)
            last = exchange.client.show_bars([bar(minute, 100.0)]).last
        quiet = until(exchange.client.events(), lambda found: found[-1][0] == last)
        everything = until(exchange.client.events(ticks=[EVERY_SYMBOL]), lambda found: found[-1][0] == last)
    assert not told(quiet)
    assert [seen for seen in everything if not isinstance(seen[1], TicksShown)] == quiet


def test_a_symbol_that_is_not_traded_there_has_no_prints() -> None:
    with running() as exchange:
        last = exchange.client.show_bars([bar(1, 100.0)]).last
        seen = until(exchange.client.events(ticks=["NONE"]), lambda found: found[-1][0] == last)
        assert not told(seen)


@pytest.mark.parametrize("symbols", [("AAPL",), (EVERY_SYMBOL,)])
def test_after_a_cut_the_prints_are_asked_for_again_and_begin_with_the_latest(
    symbols: tuple[str, ...],
) -> None:
    with running() as exchange:
        first = exchange.client.events(ticks=symbols)
        last = exchange.client.show_bars([bar(1, 100.0)]).last
        until(first, lambda found: found[-1][0] == last)
        for minute in (2, 3):
            last = exchange.client.show_bars([bar(minute, 100.0)]).last
        seen = until(first, lambda found: len(told(found)) > 0 and found[-1][0] in {0, last})
    assert of(told(seen), "AAPL") == [6]


def test_who_reads_too_slowly_is_owed_every_bar_and_only_the_latest_prints() -> None:
    """A real reader that stands still: what its line and its buffers do not hold is let go."""
    names = [f"S{number}" for number in range(200)]
    settings = replace(SETTINGS, instruments=tuple(plain(name, "USD") for name in names))
    most = 70
    with running(Venue(settings, "v1", tape=Tape(kept=1_000))) as exchange, socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        line.connect(("127.0.0.1", int(exchange.url.rpartition(":")[2])))
        key = f"{KEY_HEADER}: {KEY.reveal()}\r\n"
        line.sendall(f"GET /v2/events?ticks=* HTTP/1.1\r\nHost: 127.0.0.1\r\n{key}\r\n".encode())
        received = bytearray(line.recv(4_096))
        for minute in range(1, most + 1):
            last = exchange.client.show_bars([bar(minute, 100.0, name) for name in names]).last
        line.settimeout(30)
        while b'"kind":"beat"' not in received[-300:] or f"id: {last}\n".encode() not in received:
            received += line.recv(1_048_576)
    messages = messages_in(bytes(received))
    shown = [one.closed_at // MINUTE for one in messages if isinstance(one, BarsShown)]
    assert shown == list(range(2, most + 2))
    heard = told(messages)
    assert len(heard) < 2 * most * len(names)
    for name in names:
        numbers = of(heard, name)
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == 2 * most


def messages_in(answer: bytes) -> list[Message]:
    """The events of a chunked answer, as far as it has come."""
    rest = answer.partition(b"\r\n\r\n")[2]
    whole = b""
    while b"\r\n" in rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        whole, rest = whole + rest[:length], rest[length + 2 :]
    found: list[Message] = [decode_message(data) for data, _ in frames([whole])]
    return found


def test_a_print_is_a_tick_of_the_desk_in_every_field() -> None:
    tick = Tick("AAPL", 7, 1.5, 2.0, 3)
    again = decode_message(msgspec.json.encode(TicksShown(ticks=(tick,))))
    assert again == TicksShown(ticks=(tick,))
