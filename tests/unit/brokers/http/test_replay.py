"""Bars of the past become a market of now: in their order, at their pace, and on from where it stopped."""

import asyncio
import selectors
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.brokers.http.exchanges import SETTINGS, bar, running, terms
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.http.inputs import InputFile, OrdersPlaced
from tradewrit.brokers.paper.http.replay import Moment, Replay
from tradewrit.brokers.paper.http.server import ExchangeServer
from tradewrit.brokers.paper.http.stream import EventStream
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.brokers.paper.http.wire import BarsShown, MarketOver, QuoteShown
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import HOUR, MINUTE, SECOND, Quote
from tradewrit.domain.orders import Approved, OrderType, Side
from tradewrit.domain.scopes import Grant
from tradewrit.errors import OurFault


class _NoWaiting(selectors.SelectSelector):
    """Waits for nothing: the time that would have passed is added up."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.waited += timeout or 0.0
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes as fast as there is nothing to do."""

    def __init__(self) -> None:
        self.selector = _NoWaiting()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.waited


def moment(minute: int, price: float, **more: Any) -> Moment:
    return Moment(minute * MINUTE, (minute + 1) * MINUTE, [bar(minute, price)], **more)


def replayed(venue: Venue, moments: Sequence[Moment], speed: float | None) -> list[tuple[float, int]]:
    """When something reached the venue (seconds of the loop), and what time it then was there."""
    seen: list[tuple[float, int]] = []
    take = venue.take

    async def run() -> None:
        loop = asyncio.get_running_loop()

        def watched(one: Any) -> Any:
            reports = take(one)
            seen.append((round(loop.time(), 6), venue.now))
            return reports

        venue.take = watched  # type: ignore[method-assign]
        await Replay(moments, total=len(moments), speed=speed).run(venue, asyncio.Event())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    return seen


def test_time_runs_as_fast_as_it_is_told_and_nights_are_passed_over() -> None:
    moments = [moment(1, 100.0), moment(2, 101.0), moment(2_000, 102.0)]
    seen = replayed(Venue(SETTINGS, "v1"), moments, 60.0)
    # Closes a second apart, the next open a quarter of a bar later, and after the gap one more bar's length.
    assert seen[:6] == [
        (0.0, 1 * MINUTE),
        (1.0, 2 * MINUTE),
        (1.25, 2 * MINUTE),
        (2.0, 3 * MINUTE),
        (3.0, 2_000 * MINUTE),
        (4.0, 2_001 * MINUTE),
    ]


def test_as_fast_as_it_goes_waits_for_nothing() -> None:
    moments = [moment(n, 100.0) for n in range(1, 50)]
    assert {at for at, _ in replayed(Venue(SETTINGS, "v1"), moments, None)} == {0.0}


def test_a_replay_fills_as_the_exchange_itself_does() -> None:
    prices = [100.0, 96.0, 94.0, 103.0, 99.0]
    orders = (
        terms("e"),
        terms(
            "s", Side.SELL, type=OrderType.STOP, stop_price=Decimal(95), parent="e", reduce_only=True, oco="x"
        ),
        terms(
            "t",
            Side.SELL,
            type=OrderType.LIMIT,
            limit_price=Decimal(103),
            parent="e",
            reduce_only=True,
            oco="x",
        ),
    )
    venue = Venue(SETTINGS, "v1")
    venue.take(OrdersPlaced(orders=orders))
    replayed(venue, [moment(n, price) for n, price in enumerate(prices, start=1)], None)
    alone = PaperExchange({"AAPL": Instrument(symbol="AAPL")}, initial_cash=SETTINGS.cash, interval=MINUTE)
    grant = Grant(id="g", agent="a", scopes=frozenset(), issued_at=0, expires_at=0)
    alone.place(Approved(orders=orders, by=(), at=0), grant)
    for number, price in enumerate(prices, start=1):
        for part in (alone.open, alone.trade, alone.close):
            part(bar(number, price))
    assert [venue.order(name) for name in "est"] == [alone.order(name) for name in "est"]
    assert venue.exchange.cash == alone.cash
    assert not venue.positions()


@pytest.mark.parametrize("inputs", range(1, 12))
def test_a_server_that_was_killed_goes_on_at_the_price_it_had_come_to(tmp_path: Path, inputs: int) -> None:
    moments = [moment(n, 100.0 + n) for n in range(1, 6)]
    whole = Venue(SETTINGS, "v1")
    replayed(whole, moments, None)
    path = tmp_path / "state.jsonl"
    file, before = InputFile.open(path, SETTINGS, "v1")
    first = Venue(SETTINGS, "v1", file=file, before=before)
    replayed(first, moments, None)
    file.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: 1 + inputs]))  # what was there when it was killed
    file, before = InputFile.open(path, SETTINGS, "v1")
    second = Venue(SETTINGS, "v1", file=file, before=before)
    replayed(second, moments, None)
    file.close()
    assert second.record.after(0) == whole.record.after(0)
    assert second.now == whole.now


def test_quotes_at_the_close_follow_their_bar_and_the_end_is_told() -> None:
    quote = Quote("AAPL", 2 * MINUTE, 99.0, 99.1)
    with running(replay=Replay([moment(1, 100.0, quotes=[quote])], total=1, speed=None)) as exchange:
        stream: EventStream = exchange.client.events()
        found = []
        for _, message in stream:
            if isinstance(message, BarsShown | QuoteShown | MarketOver):
                found.append(message)
            if isinstance(message, MarketOver):
                break
        assert found == [
            BarsShown(closed_at=2 * MINUTE, bars=(bar(1, 100.0),)),
            QuoteShown(quote=quote),
            MarketOver(),
        ]
        assert exchange.client.clock().is_over


def test_a_replay_that_waits_begins_with_its_first_listener() -> None:
    with running(replay=Replay([moment(1, 100.0)], total=1, speed=None, waits=True)) as exchange:
        assert exchange.client.clock().last == 0
        assert exchange.client.place(
            Approved(orders=(terms("a"),), by=(), at=0),
            Grant(id="g", agent="a", scopes=frozenset(), issued_at=0, expires_at=0),
        )
        for _, message in exchange.client.events():
            if isinstance(message, MarketOver):
                break
        assert exchange.client.positions() == {"AAPL": 5}


def test_a_market_that_breaks_ends_the_server(caplog: pytest.LogCaptureFixture) -> None:
    backwards = [moment(2, 100.0), Moment(3 * MINUTE, 4 * MINUTE, [bar(1, 100.0)])]
    server = ExchangeServer(Venue(SETTINGS, "v1"), replay=Replay(backwards, total=2, speed=None))
    with pytest.raises(
        OurFault, match=r"its market failed: AAPL: its last bar opened at .*: these are other bars"
    ):
        server.run()
    assert "the replay failed" in caplog.text


def test_long_bars_are_waited_for_in_full() -> None:
    hours = [Moment(n * HOUR, (n + 1) * HOUR, [bar(n * 60, 100.0)]) for n in (1, 2)]
    seen = replayed(Venue(SETTINGS, "v1"), hours, 3_600.0)
    assert [at for at, _ in seen] == [0.0, 1.0, 1.25, 2.0, 2.0]


def test_nobody_has_longer_than_a_second_to_answer_a_close() -> None:
    seen = replayed(Venue(SETTINGS, "v1"), [moment(n, 100.0) for n in (1, 2, 3)], 1.0)
    assert [at for at, _ in seen] == [0.0, 60.0, 61.0, 120.0, 121.0, 180.0, 180.0]


@pytest.mark.parametrize(("after_s", "price"), [(0.2, "102"), (0.3, "103")])
def test_an_order_that_answers_a_close_in_time_trades_at_the_next_open(after_s: float, price: str) -> None:
    venue = Venue(SETTINGS, "v1")

    async def run() -> None:
        replay = Replay([moment(n, 100.0 + n) for n in (1, 2, 3, 4)], total=4, speed=60.0)
        running = asyncio.ensure_future(replay.run(venue, asyncio.Event()))
        await asyncio.sleep(1.0 + after_s)  # the first bar has closed after a second
        venue.take(OrdersPlaced(orders=(terms("e"),)))
        await running

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    (fill,) = venue.exchange.executions(0)
    assert fill.last_price == Decimal(price)
    assert HOUR == 3_600 * SECOND
