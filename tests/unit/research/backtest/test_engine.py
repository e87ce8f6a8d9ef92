"""The event engine on bars made by hand: prices, reasons, partial fills, errors."""

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tradewrit import Bars, Signal, Strategy
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.fees import BpsFee, FixedFee, PerShareFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import DAY, MINUTE
from tradewrit.domain.orders import OrderType, Side
from tradewrit.errors import DataError
from tradewrit.research.backtest.events import Run, run
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.results import RoundTrip

Row = tuple[float, float, float, float]
FREE = PaperRules(fees=BpsFee(Decimal(0)))


class Scripted(Strategy, frozen=True, kw_only=True):
    """Opens at the close of one bar, leaves at the close of another; bars count from 0."""

    opens_at: int = 0
    is_short: bool = False
    leaves_at: int = -1

    def on_bar(self, bars: Bars) -> Signal | None:
        at = len(bars) - 1
        if at == self.opens_at:
            return Signal(enter=Side.SELL if self.is_short else Side.BUY)
        return Signal(leave_long="enough", leave_short="enough") if at == self.leaves_at else None


def bars_of(*rows: Row, symbol: str = "AAPL", volume: float = 1000.0, step: int = MINUTE) -> Bars:
    """Open, high, low, close; from time 0."""
    columns = [np.array(column, dtype=float) for column in zip(*rows, strict=True)]
    ts = np.arange(len(rows), dtype=np.int64) * step
    return Bars(symbol, ts, *[*columns, np.full(len(rows), volume)])


def flat(price: float) -> Row:
    return price, price, price, price


def trade_on(*rows: Row, rules: PaperRules = FREE, **parameters: Any) -> Run:
    return run([bars_of(*rows)], Scripted(**parameters), Setup(rules=rules))


def told(trade: RoundTrip) -> tuple[str, str, str, str, int]:
    """Side, entry price, exit price, reason, and the minute of the exit."""
    at = trade.exit_time // MINUTE
    return trade.side, str(trade.entry_price), str(trade.exit_price), trade.exit_reason, at


AT = flat(175.5)
LONG, SHORT = {"is_short": False}, {"is_short": True}
EXITS: list[tuple[dict[str, Any], list[Row], tuple[str, str, str, str, int]]] = [
    (LONG, [AT, AT, (175, 176, 166.72, 170)], ("long", "175.50", "166.72", "stop", 2)),
    (LONG, [AT, AT, (175, 201.82, 175, 180)], ("long", "175.50", "201.82", "target", 2)),
    (LONG, [AT, AT, (160, 170, 150, 165)], ("long", "175.50", "160.00", "stop", 2)),
    (LONG, [AT, AT, (210, 220, 205, 206)], ("long", "175.50", "210.00", "target", 2)),
    (LONG, [AT, AT, (180, 210, 160, 206)], ("long", "175.50", "166.72", "stop", 2)),
    (LONG, [AT, (175.5, 210, 160, 206)], ("long", "175.50", "166.72", "stop", 1)),
    (SHORT, [AT, AT, (175, 184.28, 170, 180)], ("short", "175.50", "184.28", "stop", 2)),
    (SHORT, [AT, AT, (175, 176, 149.18, 150)], ("short", "175.50", "149.18", "target", 2)),
    (SHORT, [AT, AT, (190, 195, 185, 186)], ("short", "175.50", "190.00", "stop", 2)),
    (SHORT, [AT, AT, (140, 145, 130, 131)], ("short", "175.50", "140.00", "target", 2)),
    (SHORT, [AT, AT, (170, 190, 140, 150)], ("short", "175.50", "184.28", "stop", 2)),
    (
        LONG | {"stop_fraction": 0.003},
        [AT, (175.5, 176, 174.9, 175)],
        ("long", "175.50", "174.97", "stop", 1),
    ),
    (
        LONG | {"target_fraction": 0.0},
        [AT, AT, flat(250), flat(150)],
        ("long", "175.50", "150.00", "stop", 3),
    ),
    (LONG | {"max_bars": 2}, [AT, AT, flat(176), flat(177)], ("long", "175.50", "177.00", "time", 3)),
    (LONG | {"max_bars": 1}, [AT, AT, flat(176), flat(177)], ("long", "175.50", "176.00", "time", 2)),
    (LONG | {"leaves_at": 2}, [AT, AT, flat(176), flat(177)], ("long", "175.50", "177.00", "enough", 3)),
    (SHORT | {"leaves_at": 2}, [AT, AT, flat(176), flat(177)], ("short", "175.50", "177.00", "enough", 3)),
]


@pytest.mark.parametrize(("parameters", "rows", "ending"), EXITS)
def test_a_trade_ends_where_its_rules_say(
    parameters: dict[str, Any], rows: list[Row], ending: tuple[str, str, str, str, int]
) -> None:
    (trade,) = trade_on(*rows, **parameters).result.trades
    assert told(trade) == ending


def test_a_trailing_stop_follows_completed_bars_and_never_back() -> None:
    rows = [flat(100), (100, 110, 99, 109), (109, 109, 105, 105), (105, 106, 104.4, 104.6)]
    (trade,) = trade_on(*rows, trail_fraction=0.05).result.trades
    # 5 % below the high of 110, which the entry bar reached and the next bars did not.
    assert told(trade) == ("long", "100.00", "104.50", "stop", 3)
    assert trade.stop == Decimal("104.50")
    low = [flat(100), (100, 101, 90, 91), (91, 95, 91, 95), (95, 95.6, 95, 95.5)]
    (trade,) = trade_on(*low, is_short=True, trail_fraction=0.05).result.trades
    assert told(trade) == ("short", "100.00", "94.50", "stop", 2)


def test_an_exit_that_was_decided_waits_for_the_symbols_next_bar_and_needs_no_stop_meanwhile() -> None:
    rows = [AT, AT, flat(176), (150, 151, 149, 150)]
    (trade,) = trade_on(*rows, leaves_at=2).result.trades
    assert told(trade) == ("long", "175.50", "150.00", "enough", 3)


def test_an_exit_on_the_last_bar_never_fills_and_the_position_stays_open() -> None:
    done = trade_on(AT, AT, flat(176), leaves_at=2)
    assert done.result.trades == ()
    assert done.result.open_positions == 1
    assert done.result.final_equity == Decimal("100002.50")


def test_a_short_earns_when_the_price_falls_and_reserves_its_notional() -> None:
    done = trade_on(flat(100), flat(100), flat(98), is_short=True)
    assert done.books.positions["AAPL"].signed == -10
    assert done.books.cash == 100_000
    assert done.result.final_equity == 100_020


def test_a_limit_entry_fills_at_its_price_or_better_and_not_before() -> None:
    setup = Setup(rules=FREE, entry_type=OrderType.LIMIT)
    rows = [flat(100), flat(101), (101, 102, 99.5, 101), flat(101)]
    done = run([bars_of(*rows)], Scripted(), setup)
    assert done.books.positions["AAPL"].lots[0].price == 100
    assert done.books.positions["AAPL"].lots[0].opened_at == 2 * MINUTE
    better = run([bars_of(flat(100), (98, 99, 97, 98))], Scripted(), setup)
    assert better.books.positions["AAPL"].lots[0].price == 98


def test_a_limit_entry_for_the_day_ends_with_the_daily_bar_that_did_not_reach_it() -> None:
    setup = Setup(rules=FREE, entry_type=OrderType.LIMIT)
    done = run([bars_of(flat(100), flat(101), flat(99), step=DAY)], Scripted(), setup)
    assert done.books.positions == {}
    assert done.books.reserved == 0
    assert done.counts["order.lifetime.expired"] == 1


@pytest.mark.parametrize(
    ("fees", "of_both_sides"),
    [
        (BpsFee(), "1.99"),
        (PerShareFee(), "2.00"),
        (PerShareFee(per_unit=Decimal("0.2")), "4.00"),
        (FixedFee(Decimal("0.35")), "0.70"),
    ],
)
def test_fees_are_charged_on_both_sides(fees: Any, of_both_sides: str) -> None:
    done = trade_on(flat(100), flat(100), flat(98), flat(99), leaves_at=2, rules=PaperRules(fees=fees))
    (trade,) = done.result.trades
    assert trade.fees == done.result.fees == Decimal(of_both_sides)
    assert trade.pnl == -10 - trade.fees
    assert done.result.final_equity == 100_000 + trade.pnl


def test_slippage_is_paid_both_ways() -> None:
    rules = PaperRules(fees=BpsFee(Decimal(0)), slippage_bps=Decimal(10))
    (trade,) = trade_on(flat(100), flat(100), flat(98), flat(99), leaves_at=2, rules=rules).result.trades
    assert (trade.entry_price, trade.exit_price) == (Decimal("100.10"), Decimal("98.90"))


def test_a_share_of_the_volume_fills_an_entry_in_parts_and_makes_a_row_of_each_lot() -> None:
    rules = PaperRules(fees=BpsFee(Decimal(0)), participation_fraction=Decimal("0.01"))
    rows = [flat(100), flat(100), flat(101), flat(102), flat(102), (80, 80, 80, 80), *[flat(80)] * 3]
    done = run([bars_of(*rows, volume=400.0)], Scripted(), Setup(rules=rules))
    lots = [(str(trade.entry_price), int(trade.quantity), trade.exit_reason) for trade in done.result.trades]
    assert lots == [("100.00", 4, "stop"), ("101.00", 4, "stop"), ("102.00", 2, "stop")]
    assert [trade.exit_time // MINUTE for trade in done.result.trades] == [5, 6, 7]
    assert done.books.positions == {}


def test_lots_ticks_and_multipliers_are_the_instruments() -> None:
    coin = Instrument(symbol="COIN", lot=Decimal("0.001"), tick=Decimal("0.5"))
    done = run(
        [bars_of(flat(30_001), flat(30_001), flat(29_000), flat(28_000), symbol="COIN")],
        Scripted(),
        Setup(rules=FREE, instruments={"COIN": coin}),
    )
    (trade,) = done.result.trades
    assert trade.quantity == Decimal("0.033")
    assert trade.stop == Decimal("28500.50")
    assert trade.exit_price == 28_000


def test_symbols_share_one_account_and_each_is_protected() -> None:
    bars = [bars_of(AT, AT, flat(176), flat(100), symbol=name) for name in ("A", "B", "C")]
    done = run(bars, Scripted(), Setup(rules=FREE))
    assert [(trade.symbol, *told(trade)[2:]) for trade in done.result.trades] == [
        (name, "100.00", "stop", 3) for name in "ABC"
    ]
    assert done.books.cash == 100_000 + sum(trade.pnl for trade in done.result.trades)


def test_a_position_whose_stop_would_be_worth_nothing_is_not_kept() -> None:
    """5 % below one tick is rounded down to no price at all, and no venue takes a stop there."""
    done = trade_on(flat(0.01), flat(0.01), flat(0.01), flat(0.01), flat(0.01))
    assert done.books.positions == {}


def test_bars_that_cannot_be_run_on_are_told() -> None:
    with pytest.raises(DataError, match="appears twice"):
        run([bars_of(AT), bars_of(AT)], Scripted())
    with pytest.raises(DataError, match="no bars"):
        run([bars_of(AT).head(0)], Scripted())


def test_progress_tells_rows_walked_and_never_more_than_there_are() -> None:
    told: list[int] = []
    bars = [bars_of(*[AT] * 5000, symbol=name) for name in ("A", "B")]
    run(bars, Scripted(opens_at=-5), progress=told.append)
    assert told == sorted(set(told))
    assert 9_000 < told[-1] <= 10_000
