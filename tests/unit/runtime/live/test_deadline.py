"""A strategy that does not come back is stopped; it has no say, and everything else goes on. F-58."""

import sys
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest

from tests.desks import BUY, SYMBOL
from tests.live import Live, play
from tradewrit.domain.events.account import TradingHalted
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.orders import Side
from tradewrit.domain.signals import Signal
from tradewrit.errors import StrategyError, StrategyOverdue
from tradewrit.features.bars import Bars
from tradewrit.runtime.clock import SystemClock
from tradewrit.runtime.live.deadline import Deadline
from tradewrit.runtime.live.lanes import Input, Priority
from tradewrit.runtime.live.status import Mode
from tradewrit.runtime.market import LiveMarket
from tradewrit.strategies.base import Strategy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no alarm clock")
SHORT_S = 0.05


class GaveUpError(Exception):
    """Where a desk would end its process."""


def gave_up() -> None:
    raise GaveUpError


def deadline() -> Deadline:
    one = Deadline(SHORT_S, SystemClock(), gave_up)
    one.begin()
    return one


def for_ever() -> None:
    while True:
        pass


def stubborn(times: int) -> None:
    for _ in range(times):
        with suppress(BaseException):
            for_ever()
    for_ever()


def test_what_loops_for_ever_is_stopped_and_said_where() -> None:
    with pytest.raises(StrategyOverdue, match=r"did not come back within 0\.05 s .*test_deadline.py:\d+"):
        deadline().run(for_ever)


def test_what_sleeps_is_woken() -> None:
    with pytest.raises(StrategyOverdue):
        deadline().run(lambda: Event().wait(60))


def test_what_comes_back_in_time_is_not_disturbed_later() -> None:
    one = deadline()
    assert one.run(lambda: 7) == 7
    Event().wait(2 * SHORT_S)


def test_the_time_of_one_moment_is_shared_by_all_symbols() -> None:
    one = deadline()
    with pytest.raises(StrategyOverdue):
        one.run(for_ever)
    with pytest.raises(StrategyOverdue, match="has had its"):
        one.run(lambda: 7)
    one.begin()
    assert one.run(lambda: 7) == 7


def test_what_catches_every_alarm_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradewrit.runtime.live.deadline._AGAIN_S", SHORT_S)
    with pytest.raises(StrategyOverdue):
        deadline().run(lambda: stubborn(1))
    with pytest.raises(GaveUpError):
        deadline().run(lambda: stubborn(2))


class Moody(Strategy, frozen=True, kw_only=True):
    """Buys; raises on a close of 13, and loops on 14."""

    def on_bar(self, bars: Bars) -> Signal | None:
        if bars.close[-1] == 13.0:
            raise KeyError("mood")
        if bars.close[-1] == 14.0:
            for_ever()
        return Signal(enter=Side.BUY)


def moody(at: int, **closes: float) -> list[Bar]:
    return [Bar(symbol, at, price, price, price, price, 1.0) for symbol, price in closes.items()]


@pytest.mark.parametrize("price", [13.0, 14.0])
def test_a_symbol_that_fails_costs_the_others_neither_bar_nor_vote(price: float) -> None:
    market = LiveMarket(Moody(), lambda symbol: plain(symbol, "USD"), limit=deadline())
    market.absorb(moody(0, A=10.0, B=10.0))
    with pytest.raises(StrategyError):
        market.absorb(moody(MINUTE, B=11.0, A=price))
    assert [symbol for symbol, _ in market.speaking()] == ["B"]
    failed, other = market.signal("A"), market.signal("B")
    assert failed is not None
    assert other is not None
    assert (failed.enter, other.enter) == (None, Side.BUY)
    assert market.bars_since("A", 0) == market.bars_since("B", 0) == 2
    assert market.absorb(moody(2 * MINUTE, A=12.0, B=12.0)) == 2
    assert dict(market.speaking()).keys() == {"A", "B"}


def test_a_live_desk_goes_on_halted_and_the_other_symbol_is_taken_in() -> None:
    async def story(live: Live) -> None:
        await live.enter()

        def failing(*_: object) -> Signal | None:
            raise StrategyError("mood")

        live.market._steppers[SYMBOL].update = failing  # type: ignore[method-assign, assignment]
        live.says(BUY, "MSFT")
        at = live.clock.now()
        bars = tuple(moody(at, **{SYMBOL: 175.0, "MSFT": 50.0}))
        live.send(Input(priority=Priority.MARKET, bars=bars, at=at, source="market"))
        await live.settle()
        assert live.shell.status().mode is Mode.HALTED
        (halt,) = live.events(TradingHalted)
        assert halt.reason == "mood"
        assert live.market.last("MSFT") == 50.0

    play(story)


class Broken:
    def update(self, _: Bar) -> list[float]:
        raise ZeroDivisionError


def test_a_formula_that_failed_steps_anew_through_what_was_before(tmp_path: Path) -> None:
    from tradewrit.runtime.strategies import load_strategy

    place = tmp_path / "crossing.py"
    place.write_text(
        "from tradewrit import Inputs, Signals, Strategy, ema\n"
        "class Crossing(Strategy, frozen=True, kw_only=True):\n"
        '    """Long above its average."""\n'
        "    def signals(self, bars: Inputs) -> Signals:\n"
        "        average = ema(bars.close, 3)\n"
        "        return Signals(enter_long=bars.close > average, inputs={'average': average})\n"
    )
    crossing = load_strategy(str(place))
    prices = [10.0, 11.0, 9.0, 12.0, 13.0, 12.5, 14.0]

    def market() -> LiveMarket:
        return LiveMarket(crossing, lambda symbol: plain(symbol, "USD"))

    undisturbed, disturbed = market(), market()
    for n, price in enumerate(prices):
        undisturbed.absorb(moody(n * MINUTE, A=price))
        if n == 3:
            disturbed._steppers["A"]._stepper = Broken()  # type: ignore[assignment]
            with pytest.raises(StrategyError):
                disturbed.absorb(moody(n * MINUTE, A=price))
        else:
            disturbed.absorb(moody(n * MINUTE, A=price))
    assert disturbed.signal("A") == undisturbed.signal("A")
