"""Fill rules and reversals by hand: the same figures from both engines."""

from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

from tradewrit import Bars, Condition, Inputs, Signals, Strategy
from tradewrit.brokers.paper.rules import MarketFills, PaperRules
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.market import DAY, MINUTE
from tradewrit.domain.orders import OrderType
from tradewrit.errors import DataError
from tradewrit.research.backtest import events, skip
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.metrics.excursions import excursions
from tradewrit.research.results import Result

Row = tuple[float, float, float, float]
Engine = Callable[[Sequence[Bars], Strategy, Setup], Result]


class Marked(Strategy, frozen=True, kw_only=True):
    """Buys where a bar's volume is 1, sells short where it is 2, leaves where it is 3."""

    def signals(self, bars: Inputs) -> Signals:
        def at(mark: int) -> Condition:
            return (bars.volume > mark - 0.5) & (bars.volume < mark + 0.5)

        return Signals(enter_long=at(1), enter_short=at(2), leave_long=at(3), leave_short=at(3))


def by_events(bars: Sequence[Bars], strategy: Strategy, setup: Setup) -> Result:
    return events.run(bars, strategy, setup).result


@pytest.fixture(params=[by_events, skip.run], ids=["events", "skip"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


def bars_of(*rows: Row, marks: dict[int, int], spread: float = 0.5, symbol: str = "A") -> Bars:
    """Open, high, low, close from time 0; what the strategy does at the close of some rows; quotes around it."""
    open_, high, low, close = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    volume = np.array([float(marks.get(i, 0)) for i in range(len(rows))])
    ts = np.arange(len(rows), dtype=np.int64) * MINUTE
    return Bars(symbol, ts, open_, high, low, close, volume, close - spread, close + spread)


def flat(price: float) -> Row:
    return price, price, price, price


def setup_of(fills: MarketFills, *, reverse: bool = False) -> Setup:
    return Setup(rules=PaperRules(fees=BpsFee(Decimal(0)), market_fills=fills), reverse=reverse)


def told(result: Result) -> list[tuple[str, str, str, str, int, int]]:
    """Side, prices, reason, and the minutes of the bars of entry and exit."""
    return [
        (
            trade.side,
            f"{trade.entry_price:f}",
            f"{trade.exit_price:f}",
            trade.exit_reason,
            trade.entry_time // MINUTE,
            trade.exit_time // MINUTE,
        )
        for trade in result.trades
    ]


ROWS = [(100, 101, 99, 100), (101, 102, 100, 101), (102, 103, 101, 102.5), (103, 104, 102, 103)]


@pytest.mark.parametrize(
    ("fills", "trade"),
    [
        ("next_open", ("long", "101.00", "103.00", "signal", 1, 3)),
        ("close", ("long", "100.00", "102.50", "signal", 0, 2)),
        ("quote", ("long", "100.50", "102.00", "signal", 0, 2)),
    ],
)
def test_market_orders_take_the_price_of_their_rule(
    engine: Engine, fills: MarketFills, trade: tuple[object, ...]
) -> None:
    assert told(engine([bars_of(*ROWS, marks={0: 1, 2: 3})], Marked(), setup_of(fills))) == [trade]


@pytest.mark.parametrize(
    ("fills", "turned_at", "minute"),
    [("next_open", "103.00", 3), ("close", "102.50", 2), ("quote", "102.00", 2)],
)
def test_a_reversal_is_out_and_in_at_one_price(
    engine: Engine, fills: MarketFills, turned_at: str, minute: int
) -> None:
    bars = bars_of(*ROWS, flat(104), flat(105), marks={0: 1, 2: 2, 4: 3})
    long, short = told(engine([bars], Marked(), setup_of(fills, reverse=True)))
    assert (long[2], long[3], long[5]) == (turned_at, "reverse", minute)
    assert (short[0], short[1], short[4]) == ("short", turned_at, minute)


def test_without_reversing_a_signal_for_the_other_side_is_ignored(engine: Engine) -> None:
    bars = bars_of(*ROWS, marks={0: 1, 2: 2})
    done = engine([bars], Marked(), setup_of("close"))
    assert (done.trades, done.open_positions) == ((), 1)


def test_an_order_at_the_last_close_still_fills_there(engine: Engine) -> None:
    done = engine([bars_of(*ROWS, marks={0: 1, 3: 3})], Marked(), setup_of("close"))
    assert told(done) == [("long", "100.00", "103.00", "signal", 0, 3)]
    done = engine([bars_of(*ROWS, marks={0: 1, 3: 2})], Marked(), setup_of("close", reverse=True))
    assert done.open_positions == 1


def test_the_bar_of_an_entry_at_its_close_touches_neither_stop_nor_target(engine: Engine) -> None:
    wild = (100, 130, 70, 100)
    done = engine([bars_of(wild, flat(100), (100, 100, 94, 96), marks={0: 1})], Marked(), setup_of("close"))
    assert told(done) == [("long", "100.00", "95.00", "stop", 0, 2)]


def test_a_stop_trails_only_what_came_after_an_entry_at_the_close(engine: Engine) -> None:
    wild = (100, 130, 99, 100)
    trailing = Marked(trail_fraction=0.02)
    # Another symbol's times lie in between: the first bar is still the last one known then.
    other = replace(
        bars_of(*[flat(50)] * 8, marks={}, symbol="B"), ts=np.arange(8, dtype=np.int64) * MINUTE // 2
    )
    done = engine(
        [bars_of(wild, (100, 104, 100, 104), flat(103), flat(101), marks={0: 1}), other],
        trailing,
        setup_of("close"),
    )
    assert told(done) == [("long", "100.00", "101.00", "stop", 0, 3)]


def test_time_counts_the_bars_after_an_entry_at_the_close(engine: Engine) -> None:
    done = engine([bars_of(*ROWS, marks={0: 1})], Marked(max_bars=2), setup_of("close"))
    assert told(done) == [("long", "100.00", "102.50", "time", 0, 2)]


def test_a_fill_at_the_close_is_in_the_equity_of_that_close(engine: Engine) -> None:
    done = engine([bars_of(*ROWS, marks={0: 1, 2: 3})], Marked(), setup_of("close"))
    assert done.curve.equity.tolist() == [100_000, 100_010, 100_025, 100_025]
    assert (done.curve.exposure > 0).tolist() == [True, True, False, False]
    paid = engine([bars_of(*ROWS, marks={0: 1, 2: 3})], Marked(), setup_of("quote"))
    assert paid.curve.equity.tolist()[0] == 100_000 - 0.5 * 10
    assert paid.curve.equity[-1] == float(paid.final_equity)


def test_a_position_whose_stop_would_be_worth_nothing_is_dropped_at_the_same_close(engine: Engine) -> None:
    setup = replace(setup_of("close"), entry_type=OrderType.MARKET)
    done = engine([bars_of(flat(0.01), flat(0.01), marks={0: 1}, spread=0.0)], Marked(), setup)
    assert told(done) == [("long", "0.01", "0.01", "stop_failed", 0, 0)]


def test_decisions_of_one_time_see_what_is_reserved_and_not_yet_what_was_paid(engine: Engine) -> None:
    """Two entries at one close: both are sized on the cash before either, less what the first set aside."""
    pair = [bars_of(*ROWS, marks={0: 1}, symbol=name, spread=5.0) for name in ("A", "B")]
    limits = replace(Setup().limits, max_position_notional=None, min_cash_fraction=Decimal(0))
    setup = replace(setup_of("quote"), limits=replace(limits, max_position_fraction=Decimal("0.5")))
    done = engine(pair, Marked(), replace(setup, initial_cash=Decimal(1000)))
    # 5 of each are decided at 100; the venue is paid 105 for the first, and has no room for the second.
    assert done.open_positions == 1
    assert done.final_equity == 1000 - 5 * 105 + 5 * 103


@pytest.mark.parametrize("column", ["bid", "ask"])
def test_quotes_that_are_not_there_are_missed_before_the_run(engine: Engine, column: str) -> None:
    bars = replace(bars_of(*ROWS, marks={0: 1}), **{column: None})
    with pytest.raises(DataError, match=rf"A has no column {column} \(or {column}_close\).*add bid and ask"):
        engine([bars], Marked(), setup_of("quote"))
    engine([bars], Marked(), setup_of("close"))


@pytest.mark.parametrize("quote", [float("nan"), 0.0, -1.0, float("inf")])
def test_a_bar_without_a_quote_is_named(engine: Engine, quote: float) -> None:
    bars = bars_of(*ROWS, marks={0: 1})
    assert bars.ask is not None
    bars.ask[2] = quote
    with pytest.raises(DataError, match=r"A, bar 3 \(1970-01-01T00:02:00Z\): ask is .*not a positive number"):
        engine([bars], Marked(), setup_of("quote"))


@pytest.mark.parametrize("fills", ["close", "quote"])
def test_excursions_leave_out_the_bar_at_whose_close_a_trade_began(
    engine: Engine, fills: MarketFills
) -> None:
    rows = [(101, 130, 70, 100), (101, 102, 100, 101), (102, 103, 101, 102.5)]
    bars = bars_of(*rows, marks={0: 1, 2: 3}, spread=0.25)
    done = engine([bars], Marked(), setup_of(fills))
    found = excursions(done.trades, {"A": bars})
    entry = float(done.trades[0].entry_price)
    assert found.favourable[0] == pytest.approx(103 / entry - 1)
    assert found.adverse[0] == pytest.approx(min(100 / entry - 1, 0))


def test_a_daily_bar_keeps_its_own_date_for_what_filled_at_its_close(engine: Engine) -> None:
    minute = bars_of(*ROWS, marks={0: 1, 2: 3})
    daily = replace(minute, ts=np.arange(len(ROWS), dtype=np.int64) * DAY)
    (trade,) = engine([daily], Marked(), setup_of("close")).trades
    assert (trade.entry_time, trade.exit_time) == (0, 2 * DAY)
