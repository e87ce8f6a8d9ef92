"""An exchange comes back from its file as it was, and takes no prices that no market could have."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.brokers.http.exchanges import SETTINGS, bar, terms
from tradewrit.brokers.paper.corrections import Correction
from tradewrit.brokers.paper.http.inputs import (
    AnyInput,
    BarsClosed,
    BarsOpened,
    CancelAsked,
    CorrectionMade,
    HaltOrdered,
    InputFile,
    OrdersPlaced,
    Quoted,
    ReplaceAsked,
    ResumeOrdered,
    VenueSettings,
)
from tradewrit.brokers.paper.http.venue import Impossible, Venue
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.market import MINUTE, Quote
from tradewrit.domain.orders import OrderTerms, OrderType, Role, Side
from tradewrit.errors import ConfigError, DataError, OurFault
from tradewrit.runtime.ports import Replacement

ID = "v1"


def opened(path: Path, wanted: VenueSettings = SETTINGS) -> tuple[Venue, InputFile]:
    file, before = InputFile.open(path, wanted, ID)
    return Venue(wanted, file.venue, file=file, before=before), file


def minute(number: int, price: float) -> list[AnyInput]:
    bars = (bar(number, price),)
    return [BarsOpened(bars=bars), BarsClosed(bars=bars, closed_at=(number + 1) * MINUTE)]


def placed(*orders: OrderTerms) -> OrdersPlaced:
    return OrdersPlaced(orders=orders)


def state(venue: Venue) -> tuple[Any, ...]:
    """All that can be asked of a venue, its whole record included."""
    exchange = venue.exchange
    return (
        venue.now,
        venue.is_over,
        exchange.cash,
        exchange.held,
        exchange.buying_power,
        dict(venue.positions()),
        list(venue.open_orders()),
        venue.record.after(0, 10**6),
        venue.executions(0, 0, 10**6),
        venue.bars("AAPL", 100),
    )


_ids = st.sampled_from(["a", "b", "c", "d"])
_prices = st.sampled_from(["95.00", "99.50", "100.00", "101.25"])
_orders = st.builds(
    lambda name, side, kind, price: terms(
        name,
        side,
        type=kind,
        limit_price=Decimal(price) if kind is OrderType.LIMIT else None,
        stop_price=Decimal(price) if kind is OrderType.STOP else None,
    ),
    _ids,
    st.sampled_from(Side),
    st.sampled_from([OrderType.MARKET, OrderType.LIMIT, OrderType.STOP]),
    _prices,
)
_steps = st.lists(
    st.one_of(
        _orders.map(placed),
        _ids.map(lambda name: CancelAsked(client_order_id=name)),
        st.builds(
            lambda name, price: ReplaceAsked(
                client_order_id=name,
                replacement=Replacement(limit_price=Decimal(price)),  # type: ignore[arg-type]
            ),
            _ids,
            _prices,
        ),
        st.sampled_from([94.0, 99.5, 100.0, 101.5]),
        st.sampled_from([99.0, 101.0]).map(lambda bid: Quote("AAPL", 0, bid, bid + 0.02)),
    ),
    max_size=25,
)


def inputs(steps: Sequence[Any]) -> list[AnyInput]:
    """Steps as inputs, prices at the minutes that follow one another."""
    found: list[AnyInput] = []
    for number, step in enumerate(steps, start=1):
        match step:
            case float():
                found += minute(number, step)
            case Quote():
                found.append(Quoted(quote=msgspec.structs.replace(step, ts=number * MINUTE)))
            case _:
                found.append(step)
    return found


@given(steps=_steps, ends=st.integers(0, 50))
@settings(max_examples=40)
def test_an_exchange_that_was_killed_anywhere_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Any], ends: int
) -> None:
    everything = inputs(steps)
    path = tmp_path_factory.mktemp("exchange") / "state.jsonl"
    rules = PaperRules(reject_fraction=Decimal("0.2"))
    wanted = msgspec.structs.replace(SETTINGS, rules=rules, seed=5)
    whole = Venue(wanted, ID)
    first, file = opened(path, wanted)
    for one in everything[:ends]:
        whole.take(one)
        first.take(one)
    file.close()  # as the end of a process does
    second, file = opened(path, wanted)
    assert state(second) == state(first) == state(whole)
    for one in everything[ends:]:
        assert second.take(one) == whole.take(one)
    assert state(second) == state(whole)
    file.close()


def test_a_line_that_was_half_written_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    venue, file = opened(path)
    venue.take(placed(terms("a")))
    file.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"input":"place","orders":[{"client_or')
    again, file = opened(path)
    assert state(again) == state(venue)
    again.take(placed(terms("b")))
    file.close()
    assert path.read_bytes().startswith(whole)
    last, file = opened(path)
    assert [one.client_order_id for one in last.open_orders()] == ["a", "b"]
    file.close()


def test_a_damaged_line_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    venue, file = opened(path)
    venue.take(placed(terms("a")))
    file.close()
    damaged = path.read_bytes().replace(b'"place"', b'"plaec"')
    path.write_bytes(damaged)
    with pytest.raises(DataError, match="line 2: is damaged"):
        opened(path)
    assert path.read_bytes() == damaged


def test_a_file_of_another_exchange_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    _, file = opened(path)
    file.close()
    with pytest.raises(ConfigError, match="other cash"):
        opened(path, msgspec.structs.replace(SETTINGS, cash=Decimal(5)))
    path.write_text("name,price\n")
    with pytest.raises(ConfigError, match="no file of an exchange server"):
        opened(path)
    with pytest.raises(ConfigError, match="cannot be opened"):
        opened(tmp_path / "no" / "state.jsonl")


@pytest.mark.parametrize(
    "theirs",
    [b"my notes", b"one line\nand half a line", b"PAR1\x00\xff", b'{"format"', b'{"format":1}\nrest'],
)
def test_a_file_of_somebody_else_is_refused_and_nothing_of_it_is_lost(tmp_path: Path, theirs: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(theirs)
    if theirs == b'{"format"':  # how ours begins: a server was killed while it made it
        _, file = opened(path)
        file.close()
        assert path.read_bytes().startswith(b'{"format":1,"venue":"v1"')
        return
    with pytest.raises(ConfigError, match="no file of an exchange server"):
        opened(path)
    assert path.read_bytes() == theirs


def test_two_servers_never_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    _, file = opened(path)
    with pytest.raises(ConfigError, match="another exchange server"):
        opened(path)
    file.close()


def test_an_order_that_cannot_be_kept_is_not_taken(tmp_path: Path) -> None:
    venue, file = opened(tmp_path / "state.jsonl")
    file.close()  # the disk is gone
    with pytest.raises(OurFault, match="cannot be written"):
        venue.take(placed(terms("a")))
    assert not venue.order("a")
    assert not venue.open_orders()


def test_after_a_bug_nothing_is_taken_until_a_restart_which_knows_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    venue, file = opened(tmp_path / "state.jsonl")
    venue.take(placed(terms("a")))
    before = state(venue)
    with monkeypatch.context() as patched:
        patched.setattr(venue.exchange, "cancel", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            venue.take(CancelAsked(client_order_id="a"))
    with pytest.raises(OurFault, match="start the exchange server anew"):
        venue.take(placed(terms("b")))
    file.close()
    again, file = opened(tmp_path / "state.jsonl")
    assert state(again) == before
    again.take(placed(terms("b")))
    file.close()


def test_a_report_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    venue = Venue(SETTINGS, ID)
    with caplog.at_level("INFO"):
        for _ in range(3):
            venue.take(placed(terms("a")))
    assert caplog.text.count("new a AAPL buy") == 1


def test_the_venue_dates_orders_by_its_own_clock() -> None:
    venue = Venue(SETTINGS, ID)
    for one in minute(10, 100.0):
        venue.take(one)
    (accepted,) = venue.take(placed(terms("a")))
    assert accepted.at == 11 * MINUTE


def test_a_repeated_order_is_answered_as_before_and_told_to_streams_once() -> None:
    venue = Venue(SETTINGS, ID)
    first = venue.take(placed(terms("a")))
    told = venue.record.last
    assert venue.take(placed(terms("a"))) == first
    assert venue.record.last == told


def test_fills_are_paged_without_loss() -> None:
    venue = Venue(SETTINGS, ID)
    for number in range(1, 8):
        venue.take(placed(terms(f"o{number}")))
        for one in minute(number, 100.0):
            venue.take(one)
    every, end = venue.executions(0, 0, 100)
    assert end == 0
    assert [one.client_order_id for one in every] == [f"o{number}" for number in range(1, 8)]
    assert {one.kind for one in every} == {Exec.TRADE}
    paged: list[ExecutionReport] = []
    place = 0
    while True:
        page, place = venue.executions(3 * MINUTE, place, 2)
        paged += page
        if not place:
            break
    assert paged == [one for one in every if one.at >= 3 * MINUTE]
    assert len(paged) == 5


def test_prices_out_of_order_change_nothing() -> None:
    venue = Venue(SETTINGS, ID)
    for one in minute(5, 100.0):
        venue.take(one)
    before = state(venue)
    bars = (bar(6, 100.0),)
    wrong: list[AnyInput] = [
        BarsOpened(bars=(bar(5, 99.0),)),
        BarsOpened(bars=(bar(4, 99.0),)),
        BarsOpened(bars=(bar(6, 99.0, "TSLA"),)),
        BarsClosed(bars=bars, closed_at=7 * MINUTE),
        Quoted(quote=Quote("AAPL", 4 * MINUTE, 99.0, 99.1)),
    ]
    for one in wrong:
        with pytest.raises(Impossible):
            venue.take(one)
    assert state(venue) == before
    venue.take(BarsOpened(bars=bars))
    with pytest.raises(Impossible, match="still open"):
        venue.take(BarsOpened(bars=(bar(7, 99.0),)))
    with pytest.raises(Impossible, match="has not opened like this"):
        venue.take(BarsClosed(bars=(bar(6, 101.0),), closed_at=7 * MINUTE))


def test_a_stop_listed_with_its_entry_works_while_nobody_is_connected() -> None:
    venue = Venue(SETTINGS, ID)
    stop = terms(
        "s",
        Side.SELL,
        type=OrderType.STOP,
        role=Role.STOP,
        stop_price=Decimal(95),
        parent="a",
        reduce_only=True,
    )
    venue.take(placed(terms("a"), stop))
    for one in (*minute(1, 100.0), *minute(2, 94.0)):
        venue.take(one)
    assert not venue.positions()
    fills, _ = venue.executions(0, 0, 10)
    assert [one.client_order_id for one in fills] == ["a", "s"]


def test_halts_and_corrections_come_back_as_they_were(tmp_path: Path) -> None:
    venue, file = opened(tmp_path / "state.jsonl")
    venue.take(placed(terms("a")))
    for one in minute(1, 100.0):
        venue.take(one)
    (fill,) = venue.executions(0, 0, 10)[0]
    venue.take(HaltOrdered(symbol="AAPL", reason="news"))
    venue.take(CorrectionMade(correction=Correction(exec_id=fill.exec_id, quantity=Decimal(2))))
    file.close()
    again, file = opened(tmp_path / "state.jsonl")
    assert state(again) == state(venue)
    assert again.exchange.halts() == {"AAPL": "news"}
    again.take(ResumeOrdered(symbol="AAPL"))
    assert again.exchange.halts() == {}
    for wrong, why in (
        (ResumeOrdered(symbol="AAPL"), "is not halted"),
        (HaltOrdered(symbol="TSLA", reason=""), "is not traded here"),
        (CorrectionMade(correction=Correction(exec_id="never", quantity=Decimal(0))), "no execution"),
    ):
        with pytest.raises(Impossible, match=why):
            again.take(wrong)
    file.close()
