"""Splits and dividends that happen to raw shares move neither equity nor stops nor breakers."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from msgspec.structs import replace

from tests.unit.research.backtest.live import live_run
from tests.unit.research.backtest.markets import SEEDS
from tests.unit.research.backtest.setups import LOOSE, strategy_of
from tests.unit.research.backtest.splitting import as_printed, fine, split_at, split_market
from tradewrit import Inputs, Signals, Strategy
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import CorporateAction, DividendWentEx, SplitBooked
from tradewrit.domain.events.orders import OrderRestated
from tradewrit.domain.events.positions import ProtectionRestated
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.market import DAY
from tradewrit.domain.orders import OrderType
from tradewrit.domain.positions import Direction
from tradewrit.domain.splits import Ratio
from tradewrit.features.bars import Bars
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.corporate import bars_in_last_shares, in_last_shares
from tradewrit.research.backtest.events import Run, run
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.replay import replay

SEVEN_FOR_ONE = Ratio(Decimal(7), Decimal(1))
ONE_FOR_EIGHT = Ratio(Decimal(1), Decimal(8))
FREE = PaperRules(fees=FixedFee(Decimal(0)))


class Once(Strategy, frozen=True, kw_only=True):
    """In on the bar whose volume is 99, out on the one whose volume is 11."""

    is_short: bool = False

    def signals(self, bars: Inputs) -> Signals:
        enter, leave = bars.volume == 99.0, bars.volume == 11.0
        if self.is_short:
            return Signals(enter_short=enter, leave_short=leave)
        return Signals(enter_long=enter, leave_long=leave)


def path(closes: Sequence[float], enter: int = 0, leave: int | None = None, symbol: str = "S") -> Bars:
    """Daily bars that open at the close before; volumes tell `Once` when to trade."""
    close = np.array(closes)
    opened = np.concatenate((close[:1], close[:-1]))
    volume = np.full(len(close), 50.0)
    volume[enter] = 99.0
    if leave is not None:
        volume[leave] = 11.0
    ts = np.arange(len(close), dtype=np.int64) * DAY
    return Bars(symbol, ts, opened, np.maximum(opened, close), np.minimum(opened, close), close, volume)


def split_bars(last: Bars, row: int, ratio: Ratio) -> Bars:
    """The bars as printed when a split takes effect with `row`; volumes keep their signs."""
    return replace(as_printed(last, [row], [ratio]), volume=last.volume)


class Told:
    """A listener that keeps the events of some kinds."""

    def __init__(self, *kinds: type[Event]) -> None:
        self.kinds = kinds
        self.events: list[Event] = []

    def __call__(self, event: Event, record: object) -> None:
        if record is not None and isinstance(event, self.kinds):
            self.events.append(event)


def held(
    bars: Bars, actions: Sequence[CorporateAction], *, strategy: Strategy | None = None, **setup: object
) -> Run:
    """A run of `Once` with loose limits, no fees and these actions."""
    return run([bars], strategy or Once(), Setup(limits=LOOSE, rules=FREE, actions=tuple(actions), **setup))  # type: ignore[arg-type]


# -- what a holder sees


@pytest.mark.parametrize("is_short", [False, True])
def test_a_forward_split_moves_no_equity_no_stop_and_no_mark(is_short: bool) -> None:
    last = path([70.0, 71.0, 72.1, 72.8, 72.8, 73.0])
    bars = split_bars(last, 3, SEVEN_FOR_ONE)
    told = Told(SplitBooked, ProtectionRestated, OrderRestated)
    setup = Setup(limits=LOOSE, rules=FREE, actions=(split_at(bars, 3, SEVEN_FOR_ONE),))
    done = run([bars], Once(is_short=is_short), setup, listeners=[told])
    booked = next(event for event in told.events if isinstance(event, SplitBooked))
    assert abs(booked.before) * 7 == abs(booked.quantity)
    assert booked.cash_change == 0
    position = done.books.positions["S"]
    assert position.lots[0].price == Decimal(70)
    assert position.paid == Decimal(490) * abs(booked.before)
    before, after = done.result.curve.equity[2], done.result.curve.equity[3]
    assert after - before == pytest.approx((72.8 - 72.1) * float(booked.quantity))
    trade = done.books.trade_in("S")
    assert trade is not None
    stop = Decimal("73.50") if is_short else Decimal("66.50")  # 5 % from 490 before, from 70 after
    assert trade.stop_price == stop
    assert {order.terms.stop_price for order in done.books.orders_of(trade.id)} >= {stop}
    restated = [event for event in told.events if isinstance(event, OrderRestated)]
    assert [event.quantity for event in restated] == [abs(booked.quantity)] * len(restated)
    assert restated


def test_what_the_fraction_of_a_share_is_worth_is_paid_in_cash() -> None:
    last = path([80.0, 80.0, 80.0, 80.0, 88.0])
    bars = split_bars(last, 3, ONE_FOR_EIGHT)
    done = held(bars, [split_at(bars, 3, ONE_FOR_EIGHT)])
    # 5000 buy 500 shares at 10: 62.5 of them at 80, of which 62 stay.
    assert done.books.positions["S"].quantity == 62
    paid_out = done.result.trades[0]
    assert (paid_out.quantity, paid_out.exit_reason, paid_out.pnl) == (Decimal("0.5"), "split", Decimal(0))
    assert done.result.curve.equity[3] == pytest.approx(100_000)
    assert done.result.final_equity == 100_000 + 62 * 8


def test_a_position_too_small_for_a_share_is_paid_out_and_its_trade_closed() -> None:
    limits = replace(LOOSE, max_position_notional=Decimal(50))
    bars = split_bars(path([80.0, 80.0, 80.0, 80.0, 80.0]), 3, ONE_FOR_EIGHT)
    setup = Setup(limits=limits, rules=FREE, actions=(split_at(bars, 3, ONE_FOR_EIGHT),))
    done = run([bars], Once(), setup)
    assert not done.books.positions
    assert not done.books.trades
    assert not done.books.orders
    assert done.result.final_equity == 100_000


def test_an_entry_that_waits_for_the_open_of_the_split_is_filled_in_new_shares() -> None:
    last = path([70.0, 70.0, 70.0, 70.0], enter=2)
    bars = split_bars(last, 3, SEVEN_FOR_ONE)
    told = Told(OrderRestated)
    setup = Setup(limits=LOOSE, rules=FREE, actions=(split_at(bars, 3, SEVEN_FOR_ONE),))
    done = run([bars], Once(), setup, listeners=[told])
    assert [event.role.value for event in told.events if isinstance(event, OrderRestated)] == [
        "entry",
        "stop",
        "target",
    ]
    assert done.books.positions["S"].quantity == 10 * 7  # 5000 buy 10 at 490
    assert done.result.final_equity == 100_000


def test_a_limit_entry_that_rests_through_a_split_keeps_its_worth() -> None:
    last = path([70.0, 70.0, 75.0, 75.0, 70.0, 70.0], enter=1)
    last.low[2] = last.open[2] = 74.0
    bars = split_bars(last, 3, SEVEN_FOR_ONE)
    minutes = replace(bars, ts=bars.ts // 1440)  # a limit is for the day, and a daily bar ends it
    done = run(
        [minutes],
        Once(),
        Setup(
            entry_type=OrderType.LIMIT,
            limits=LOOSE,
            rules=FREE,
            actions=(split_at(minutes, 3, SEVEN_FOR_ONE),),
        ),
    )
    assert done.books.positions["S"].quantity == 70
    assert done.books.positions["S"].lots[0].price == Decimal(70)


def test_a_gap_on_the_day_of_the_split_is_a_gap_and_nothing_more() -> None:
    last = path([70.0, 70.0, 70.0, 63.0, 63.0])
    last.open[3] = 65.8  # opens 6 % lower, beyond the stop 5 % below 70
    bars = split_bars(last, 3, SEVEN_FOR_ONE)
    done = held(bars, [split_at(bars, 3, SEVEN_FOR_ONE)])
    (trade,) = done.result.trades
    assert (trade.exit_reason, trade.exit_price, trade.entry_price) == ("stop", Decimal("65.80"), Decimal(70))
    assert trade.quantity == 70


def test_several_splits_follow_each_other() -> None:
    last = path([70.0] * 8)
    rows, ratios = [3, 5], [SEVEN_FOR_ONE, Ratio(Decimal(1), Decimal(2))]
    bars = replace(as_printed(last, rows, ratios), volume=last.volume)
    done = held(bars, [split_at(bars, row, ratio) for row, ratio in zip(rows, ratios, strict=True)])
    assert done.books.positions["S"].quantity == 20 * 7 // 2  # 5000 buy 20 at 245
    assert done.result.final_equity == 100_000


def test_the_drawdown_breaker_and_the_high_water_mark_do_not_notice() -> None:
    last = path([70.0, 70.0, 77.0, 77.0, 77.0])
    bars = split_bars(last, 3, SEVEN_FOR_ONE)
    limits = replace(LOOSE, max_drawdown_fraction=Decimal("0.001"), max_position_notional=None)
    done = run([bars], Once(), Setup(limits=limits, rules=FREE, actions=(split_at(bars, 3, SEVEN_FOR_ONE),)))
    assert not done.books.is_drawdown_blocked
    assert done.books.high_water == done.result.final_equity > 100_000


def test_a_dividend_is_cash_for_who_holds_and_a_debt_for_who_is_short() -> None:
    bars = path([50.0, 50.0, 50.0, 50.0, 50.0])
    ex = DividendWentEx(at=int(bars.ts[3]), action="d", symbol="S", amount=Decimal("0.25"))
    for is_short, sign in ((False, 1), (True, -1)):
        done = held(bars, [ex], strategy=Once(is_short=is_short))
        assert done.result.final_equity == 100_000 + sign * 100 * Decimal("0.25")
        assert done.result.curve.equity[-1] == pytest.approx(float(done.result.final_equity))
        trade = done.books.trade_in("S")
        assert trade is not None
        assert trade.realised == sign * Decimal(25)
        assert trade.direction is (Direction.SHORT if is_short else Direction.LONG)


def test_nobody_who_was_flat_gets_anything() -> None:
    bars = split_bars(path([70.0] * 6, enter=0, leave=1), 4, SEVEN_FOR_ONE)
    ex = DividendWentEx(at=int(bars.ts[4]), action="d", symbol="S", amount=Decimal(5))
    done = held(bars, [ex, split_at(bars, 4, SEVEN_FOR_ONE)])
    assert done.result.final_equity == 100_000
    assert len(done.result.trades) == 1


def test_an_action_heard_twice_happens_once() -> None:
    bars = split_bars(path([70.0] * 5), 3, SEVEN_FOR_ONE)
    split = split_at(bars, 3, SEVEN_FOR_ONE)
    desk, exchange = live_run([bars], Once(), Setup(limits=LOOSE, rules=FREE, actions=(split,)))
    before = desk.books
    desk.feed(split, "corporate")
    assert desk.books == before
    assert exchange.positions()["S"] == before.positions["S"].signed == 70


# -- the same as on adjusted prices, as live, as replayed


@given(SEEDS)
def test_raw_prices_with_their_splits_are_worth_what_adjusted_prices_are(seed: int) -> None:
    raw, last, splits = split_market(seed)
    rules = PaperRules(slippage_bps=Decimal(seed % 3))
    limits = replace(LOOSE, max_open_positions=None, max_position_fraction=Decimal("0.2"))
    setup = Setup(limits=limits, rules=rules, instruments={one.symbol: fine(one.symbol) for one in raw})
    strategy = strategy_of(seed)
    on_raw = run(raw, strategy, replace(setup, actions=tuple(splits)))
    on_last = run(last, strategy, setup)
    np.testing.assert_allclose(on_raw.result.curve.equity, on_last.result.curve.equity, atol=0.05)
    restated = in_last_shares(on_raw.result, splits).trades
    whole = [trade for trade in restated if trade.exit_reason != "split"]
    assert [(one.symbol, one.entry_time, one.exit_time, one.exit_reason) for one in whole] == [
        (one.symbol, one.entry_time, one.exit_time, one.exit_reason) for one in on_last.result.trades
    ]
    np.testing.assert_allclose(
        [float(one.entry_price) for one in whole],
        [float(one.entry_price) for one in on_last.result.trades],
        rtol=1e-6,
    )


@given(SEEDS)
def test_a_live_desk_books_the_same_splits_to_the_same_journal(seed: int) -> None:
    raw, _, splits = split_market(seed, bars=40)
    setup = Setup(limits=LOOSE, actions=tuple(splits), initial_cash=Decimal(20_000))
    strategy = strategy_of(seed)
    backtest = run(raw, strategy, setup)
    desk, exchange = live_run(raw, strategy, setup)
    assert desk.journal.head(desk.stream) == backtest.journal.head(backtest.stream)
    assert desk.books.state_hash == backtest.books.state_hash
    # Two sets of books, written apart from each other.
    assert exchange.positions() == {symbol: held.signed for symbol, held in desk.books.positions.items()}
    assert exchange.cash == pytest.approx(desk.books.cash, abs=Decimal("1E-6"))
    assert replay(desk.journal, desk.stream).books == desk.books


def test_trades_are_drawn_in_the_shares_of_the_bars_they_are_drawn_on() -> None:
    # Sold at 490 before seven for one: 70 on a chart that ends in the new shares.
    bars = split_bars(path([70.0, 70.0, 70.0, 70.0, 70.0, 70.0], enter=0, leave=1), 4, SEVEN_FOR_ONE)
    actions = [split_at(bars, 4, SEVEN_FOR_ONE)]
    done = held(bars, actions)
    assert [(one.entry_price, one.quantity) for one in done.result.trades] == [(Decimal(490), Decimal(10))]
    (drawn,) = in_last_shares(done.result, actions).trades
    assert (drawn.entry_price, drawn.exit_price, drawn.quantity) == (Decimal(70), Decimal(70), Decimal(70))
    assert drawn.pnl == done.result.trades[0].pnl
    np.testing.assert_array_equal(bars_in_last_shares(bars, actions).close, np.full(6, 70.0))


@given(SEEDS)
def test_the_skip_engine_books_them_to_the_same_cent(seed: int) -> None:
    raw, _, splits = split_market(seed, bars=50)
    ex = DividendWentEx(at=int(raw[0].ts[-2]), action="d", symbol=raw[0].symbol, amount=Decimal("0.11"))
    setup = Setup(limits=LOOSE, actions=(*splits, ex), initial_cash=Decimal(20_000))
    strategy = strategy_of(seed)
    skipped, walked = skip.run(raw, strategy, setup), run(raw, strategy, setup).result
    assert skipped.trades == walked.trades
    assert (skipped.final_equity, skipped.fees) == (walked.final_equity, walked.fees)
    assert skipped.open_positions == walked.open_positions
    np.testing.assert_allclose(skipped.curve.equity, walked.curve.equity, rtol=1e-12)
