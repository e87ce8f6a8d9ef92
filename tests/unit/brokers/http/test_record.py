"""What an exchange said stays in order and under its number; only old prices are let go."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.brokers.http.exchanges import bar
from tradewrit.brokers.paper.http.record import Record
from tradewrit.brokers.paper.http.stream import frames
from tradewrit.brokers.paper.http.wire import (
    AnyMessage,
    BarsShown,
    Missed,
    QuoteShown,
    Reported,
    decode_message,
)
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.market import Quote


def report(number: int) -> Reported:
    said = ExecutionReport(at=number, exec_id=f"e{number}", client_order_id="a", kind=Exec.NEW)
    return Reported(reports=(said,))


def price(number: int) -> BarsShown | QuoteShown:
    if number % 2:
        return QuoteShown(quote=Quote("AAPL", number, 1.0, 2.0))
    return BarsShown(closed_at=number, bars=(bar(number, 100.0),))


def read(record: Record, cursor: int, most: int = 256) -> list[tuple[int, AnyMessage]]:
    """Everything behind a cursor, read in pages."""
    found: list[tuple[int, AnyMessage]] = []
    while True:
        cursor, page = record.after(cursor, most)
        if not page:
            return found
        found += [(number, decode_message(data)) for data, number in frames(page)]


@given(
    said=st.lists(st.booleans(), max_size=60),
    kept=st.integers(1, 8),
    cursor=st.integers(0, 60),
    most=st.integers(1, 7),
)
def test_a_reader_misses_no_report_and_is_told_of_prices_that_are_gone(
    said: list[bool], kept: int, cursor: int, most: int
) -> None:
    record = Record(kept)
    sent: dict[int, AnyMessage] = {}
    for place, is_report in enumerate(said, start=1):
        message = report(place) if is_report else price(place)
        sent[record.add(message)] = message
    assert record.last == len(said)
    cursor = min(cursor, record.last)
    found = read(record, cursor, most)
    numbered = [(number, message) for number, message in found if number]
    assert [number for number, _ in numbered] == sorted({number for number, _ in numbered})
    assert all(sent[number] == message for number, message in numbered)
    gone = {number for number in sent if number > cursor} - {number for number, _ in numbered}
    assert not any(isinstance(sent[number], Reported) for number in gone)
    upto = max((message.upto for _, message in found if isinstance(message, Missed)), default=0)
    assert all(number <= upto for number in gone)
    prices = [number for number, message in sent.items() if not isinstance(message, Reported)]
    assert not gone & set(prices[-kept:])


@given(
    events=st.lists(
        st.tuples(st.binary(max_size=20).filter(lambda data: b"\n" not in data), st.integers(0, 10**9)),
        max_size=8,
    ),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=20),
)
def test_frames_are_the_same_however_the_bytes_are_cut(
    events: list[tuple[bytes, int]], cuts: list[int]
) -> None:
    from tradewrit.brokers.paper.http.wire import frame

    whole = b"".join(frame(data, number) for data, number in events)
    pieces, start, turn = [], 0, 0
    while start < len(whole):
        size = cuts[turn % len(cuts)]
        pieces.append(whole[start : start + size])
        start, turn = start + size, turn + 1
    assert list(frames(pieces)) == events


def test_every_message_comes_back_as_it_was() -> None:
    for message in (report(1), price(1), price(2), Missed(upto=3)):
        assert decode_message(msgspec.json.encode(message)) == message
