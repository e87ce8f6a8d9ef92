"""The yardstick against cases worked by hand, and against the rules taken word by word."""

import json
import random
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.plain_loop import (
    OpenPosition,
    Outcome,
    SymbolColumns,
    Trade,
    as_integers,
    entry_signals,
    main,
    read,
    run,
    synthetic,
    write_trades,
)
from tests.unit.benchmarks.literal_rules import trade_by_the_text

Row = tuple[float, float, float, float, float]
SIGNAL = 19
"""The time at which `rising_to` asks for an entry, when it starts at 0."""


def rising_to(close: float) -> list[Row]:
    """Twenty bars that end in a signal: they see-saw below `close`, then volume and price rise to it."""
    low, high = round(close * 0.990, 4), round(close * 0.992, 4)
    seesaw = [(price, price, price, price, 100.0) for price in (low, high) * 10][:SIGNAL]
    return [*seesaw, (close, close, close, close, 200.0)]


def quiet(
    price: float, *, high: float | None = None, low: float | None = None, close: float | None = None
) -> Row:
    """A bar that opens at `price` and, for want of volume, asks for nothing."""
    close = price if close is None else close
    return (price, high or max(price, close), low or min(price, close), close, 0.0)


def columns(symbol: str, rows: list[Row], *, start: int = 0, ts: list[int] | None = None) -> SymbolColumns:
    times = list(range(start, start + len(rows))) if ts is None else ts
    return SymbolColumns(symbol, times, *map(list, zip(*rows, strict=True)))


def trade_one(close: float, *after: Row) -> Outcome:
    return run([columns("AAPL", [*rising_to(close), *after])])


def only_trade(outcome: Outcome) -> Trade:
    (trade,) = outcome.trades
    assert outcome.open_positions == []
    return trade


def test_the_golden_trade_is_five_shares_from_175_50_to_the_target() -> None:
    trade = only_trade(trade_one(175.50, quiet(175.50), quiet(190.0), quiet(201.0, high=201.82)))
    assert trade[:8] == (
        *("AAPL", "long", 5, 20, Decimal("175.50")),
        *(22, Decimal("201.82"), "target"),
    )
    assert trade.pnl + trade.fees == Decimal("131.60")
    assert trade.fees == (Decimal("877.50") + Decimal("1009.10")) / 1000


def test_stop_and_target_lie_as_far_away_as_asked() -> None:
    bars = [columns("AAPL", [*rising_to(175.50), quiet(175.50), quiet(176.0, high=180.77)])]
    assert only_trade(run(bars, stop="0.02", target="0.03")).exit_price == Decimal("180.76")
    bars = [columns("AAPL", [*rising_to(175.50), quiet(175.50), quiet(174.0, low=171.98)])]
    assert only_trade(run(bars, stop="0.02", target="0.03")).exit_price == Decimal("171.99")


def test_the_golden_stop_is_166_72() -> None:
    outcome = trade_one(175.50, quiet(175.50), quiet(170.0, low=166.73))
    assert outcome.trades == []
    trade = only_trade(trade_one(175.50, quiet(175.50), quiet(170.0, low=166.72)))
    assert (trade.exit_price, trade.exit_reason) == (Decimal("166.72"), "stop")
    assert trade.pnl == 5 * Decimal("-8.78") - Decimal("1.7111")


def test_a_target_a_cent_away_is_not_reached() -> None:
    assert trade_one(175.50, quiet(175.50), quiet(190.0, high=201.81)).trades == []


def test_a_position_can_be_stopped_out_on_its_entry_bar() -> None:
    trade = only_trade(trade_one(100.0, quiet(100.0, low=94.0)))
    assert (trade.entry_time, trade.exit_time) == (20, 20)
    assert (trade.entry_price, trade.exit_price) == (Decimal("100.0"), Decimal("95.00"))


def test_a_position_can_reach_its_target_on_its_entry_bar() -> None:
    trade = only_trade(trade_one(100.0, quiet(100.0, high=115.0)))
    assert (trade.exit_time, trade.exit_price, trade.exit_reason) == (20, Decimal(115), "target")


def test_an_open_below_the_stop_fills_at_the_open() -> None:
    trade = only_trade(trade_one(100.0, quiet(100.0), quiet(91.5, high=99.0)))
    assert (trade.exit_price, trade.exit_reason) == (Decimal("91.5"), "stop")


def test_an_open_above_the_target_fills_at_the_open() -> None:
    trade = only_trade(trade_one(100.0, quiet(100.0), quiet(118.25, low=112.0)))
    assert (trade.exit_price, trade.exit_reason) == (Decimal("118.25"), "target")


def test_a_bar_that_touches_both_leaves_at_the_stop() -> None:
    trade = only_trade(trade_one(100.0, quiet(100.0), quiet(105.0, high=120.0, low=90.0)))
    assert (trade.exit_price, trade.exit_reason) == (Decimal(95), "stop")


def test_a_bar_that_opens_above_the_target_and_falls_to_the_stop_leaves_at_the_stop() -> None:
    trade = only_trade(trade_one(100.0, quiet(100.0), quiet(118.0, low=94.0)))
    assert (trade.exit_price, trade.exit_reason) == (Decimal(95), "stop")


def test_the_entry_fills_at_whatever_the_next_open_is_and_protection_follows_it() -> None:
    trade = only_trade(trade_one(100.0, quiet(120.0), quiet(130.0, high=138.0)))
    assert (trade.quantity, trade.entry_price, trade.exit_price) == (10, Decimal(120), Decimal(138))


def test_a_price_off_the_grid_fills_as_printed_and_its_stop_lies_on_the_grid() -> None:
    trade = only_trade(trade_one(175.5, quiet(175.5037), quiet(166.7250, low=166.72)))
    assert (trade.entry_price, trade.exit_price) == (Decimal("175.5037"), Decimal("166.72"))
    assert trade.pnl + trade.fees == 5 * (Decimal("166.72") - Decimal("175.5037"))


@pytest.mark.parametrize(
    ("close", "quantity"), [(175.50, 5), (334.0, 2), (333.33, 3), (1000.0, 1), (1000.01, None), (0.07, 14285)]
)
def test_the_size_is_what_a_thousand_buys_rounded_down(close: float, quantity: int | None) -> None:
    held = trade_one(close, quiet(close)).open_positions
    assert [position.quantity for position in held] == ([] if quantity is None else [quantity])


def test_a_small_account_risks_a_fifth_of_its_equity() -> None:
    outcome = run([columns("A", [*rising_to(33.0), quiet(33.0)])], initial_cash="1000")
    assert outcome.open_positions == [OpenPosition("A", "long", 6, 20, Decimal("33.0"), Decimal("33.00"))]
    assert outcome.cash == 1000 - Decimal(198) - Decimal("0.198")
    assert outcome.final_equity == 1000 - Decimal("0.198")


@pytest.mark.parametrize(("cash", "bought"), [("1001", ["A", "B", "C"]), ("1000.99", ["A", "B"])])
def test_exactly_half_of_equity_may_be_spent_fees_included(cash: str, bought: list[str]) -> None:
    closes = {"A": 150.0, "B": 150.0, "C": 200.0}
    market = [columns(symbol, [*rising_to(close), quiet(close)]) for symbol, close in closes.items()]
    outcome = run(market, initial_cash=cash)
    assert [position.symbol for position in outcome.open_positions] == bought


@pytest.mark.parametrize("order", ["ABC", "CAB", "BCA"])
def test_the_last_cash_goes_to_the_higher_rank(order: str) -> None:
    market = [columns(symbol, [*rising_to(200.0), quiet(200.0)]) for symbol in order]
    outcome = run(market, initial_cash="1001")
    assert [position.symbol for position in outcome.open_positions] == list(order[:2])


def test_an_order_that_never_fills_keeps_its_reservation() -> None:
    ended = [columns(symbol, rising_to(200.0)) for symbol in "AB"]
    later = columns("C", [*rising_to(200.0), quiet(200.0)], start=30)
    assert [held.symbol for held in run([later], initial_cash="1001").open_positions] == ["C"]
    outcome = run([*ended, later], initial_cash="1001")
    assert outcome == Outcome([], [], Decimal(1001), Decimal(0), Decimal(1001))


def test_a_filled_order_gives_its_reservation_back() -> None:
    stopped = columns("A", [*rising_to(200.0), quiet(200.0, low=150.0)])
    others = [columns(symbol, [*rising_to(190.0), quiet(190.0)], start=30) for symbol in "BC"]
    outcome = run([stopped, *others], initial_cash="1001")
    assert [held.symbol for held in outcome.open_positions] == ["B", "C"]


def test_cash_freed_by_an_exit_can_be_spent_at_the_same_time() -> None:
    first = [columns(symbol, [*rising_to(200.0), quiet(200.0)]) for symbol in "AB"]
    leaving = columns("A", [*rising_to(200.0), quiet(200.0), quiet(231.0)])
    next_one = columns("C", [*rising_to(200.0), quiet(200.0)], start=2)
    held = run([*first, next_one], initial_cash="1001").open_positions
    assert [position.symbol for position in held] == ["A", "B"]
    held = run([leaving, first[1], next_one], initial_cash="1001").open_positions
    assert [position.symbol for position in held] == ["B", "C"]


def test_a_symbol_may_enter_again_on_the_bar_it_left() -> None:
    stop_and_signal = (100.0, 100.5, 94.0, 100.5, 500.0)
    outcome = trade_one(100.0, stop_and_signal, quiet(100.5))
    assert [trade.exit_time for trade in outcome.trades] == [20]
    assert [position.entry_time for position in outcome.open_positions] == [21]


@pytest.mark.parametrize(("fall_to", "is_blocked"), [(100.0, True), (100.01, False)])
def test_entries_stop_when_a_fifth_of_the_high_water_mark_is_lost(fall_to: float, is_blocked: bool) -> None:
    falling = [columns(symbol, [*rising_to(200.0), quiet(200.0), quiet(fall_to)]) for symbol in "AB"]
    market = [*falling[:1], columns("B", [*rising_to(200.0), quiet(200.0), quiet(100.0)])]
    market.append(columns("C", [*rising_to(50.0), quiet(50.0)], start=5))
    outcome = run(market, initial_cash="1000", fee="0")
    assert outcome.final_equity == Decimal(800) + Decimal(repr(fall_to)) - 100
    assert [held.symbol for held in outcome.open_positions] == ([] if is_blocked else ["C"])


def test_the_high_water_mark_counts_gains_that_were_never_realised() -> None:
    rows = [*rising_to(200.0), quiet(200.0), quiet(229.0), quiet(20.0)]
    market = [columns(symbol, rows) for symbol in "AB"]
    late = columns("C", [*rising_to(50.0), quiet(50.0)], start=10)
    # 1000 at first, 1058 at best, 640 after both fell through their stops.
    assert run([*market, late], initial_cash="1000", fee="0").open_positions == []
    small = [columns(symbol, [*rows[:-1], quiet(130.0)]) for symbol in "AB"]
    # 860 is above 80 % of what the account began with, and of 1058 (846.40).
    assert run([*small, late], initial_cash="1000", fee="0").open_positions != []
    smaller = [columns(symbol, [*rows[:-1], quiet(123.0)]) for symbol in "AB"]
    # 846 is above 80 % of 1000, and below that of 1058.
    assert run([*smaller, late], initial_cash="1000", fee="0").open_positions == []


def test_a_symbol_without_a_bar_keeps_its_mark_and_its_order_waits_for_its_own_next_bar() -> None:
    slow = columns("A", [*rising_to(200.0), quiet(210.0)], ts=[*range(20), 90])
    other = columns("B", [quiet(10.0)] * 80, start=10)
    outcome = run([slow, other])
    assert [(held.symbol, held.entry_time) for held in outcome.open_positions] == [("A", 90)]
    marked = run([columns("A", [*rising_to(200.0), quiet(200.0, close=204.0)]), other])
    assert marked.final_equity == 100_000 + 5 * 4 - 1


def test_a_close_at_its_average_asks_for_nothing_and_a_cent_above_it_does() -> None:
    volumes = [100] * 19 + [101]
    seesaw = [1000, 1002] * 9 + [1000]
    at_average = [*seesaw, 1001]
    at_average[0] += 20 * 1001 - sum(at_average)
    assert 20 * at_average[-1] == sum(at_average)
    assert not any(entry_signals(at_average, volumes))
    above = [*at_average[:-1], 1002]
    assert list(entry_signals(above, volumes)) == [0] * 19 + [1]
    assert not any(entry_signals(above, [100] * 20))


def test_a_price_that_only_rises_is_too_strong_and_one_that_never_moves_asks_for_nothing() -> None:
    volumes = list(range(1, 61))
    assert not any(entry_signals(list(range(100, 160)), volumes))
    assert not any(entry_signals([100] * 60, volumes))


def test_there_is_no_entry_before_the_twentieth_bar() -> None:
    rows = rising_to(100.0)
    assert run([columns("A", [*rows[1:], quiet(100.0)])]).open_positions == []
    assert run([columns("A", [*rows, quiet(100.0)])]).open_positions != []


def market_of(seed: int, symbols: int, bars: int, sigma: float, decimals: int) -> list[SymbolColumns]:
    """Random walks with missing bars, gaps at the open, and prices on a grid of 10**-decimals."""
    rng = random.Random(seed)
    market = []
    for rank in range(symbols):
        rows, close, times = [], rng.uniform(5, 250), []
        for ts in range(bars):
            if rng.random() < 0.15:
                continue
            opened = round(close * (1 + rng.gauss(0, sigma / 2)), decimals)
            close = round(max(opened * (1 + rng.gauss(0, sigma)), 1.0), decimals)
            high = round(max(opened, close) * (1 + rng.random() * sigma), decimals)
            low = round(min(opened, close) * (1 - rng.random() * sigma), decimals)
            rows.append((opened, high, low, close, float(rng.randrange(0, 50))))
            times.append(ts)
        if rows:
            market.append(columns(f"S{rank}", rows, ts=times))
    return market


markets = st.builds(
    market_of,
    seed=st.integers(0, 2**32),
    symbols=st.integers(1, 6),
    bars=st.integers(15, 130),
    sigma=st.sampled_from([0.005, 0.02, 0.06]),
    decimals=st.sampled_from([1, 2, 4]),
).filter(bool)


@given(markets, st.sampled_from(["1000", "2500.5", "100000"]), st.sampled_from(["0", "0.001", "0.00075"]))
def test_the_loop_equals_the_rules_taken_word_by_word(
    market: list[SymbolColumns], cash: str, fee: str
) -> None:
    outcome = run(market, initial_cash=cash, fee=fee)
    literal = trade_by_the_text(market, cash, fee)
    trades: list[object] = [(trade.symbol, *trade[2:]) for trade in outcome.trades]
    assert trades == literal.rows
    money: object = (outcome.cash, outcome.final_equity, outcome.fees)
    assert money == (literal.cash, literal.equity, literal.fees)
    held: object = {position.symbol: position[2:5] for position in outcome.open_positions}
    assert held == literal.holdings


@given(markets)
def test_every_cent_is_accounted_for(market: list[SymbolColumns]) -> None:
    outcome = run(market, initial_cash="5000")
    open_pnl = sum(held.quantity * (held.mark - held.entry_price) for held in outcome.open_positions)
    open_fees = outcome.fees - sum(trade.fees for trade in outcome.trades)
    realised = sum(trade.pnl for trade in outcome.trades)
    assert outcome.final_equity == 5000 + realised + open_pnl - open_fees
    assert open_fees == sum(held.quantity * held.entry_price for held in outcome.open_positions) / Decimal(
        1000
    )


def test_prices_with_many_digits_stay_exact() -> None:
    price = 0.1234567890123
    outcome = run(
        [columns("A", [*rising_to(price), quiet(price), quiet(price * 0.5)])], tick="0.0000000000001"
    )
    trade = only_trade(outcome)
    assert trade.entry_price == Decimal(repr(price))
    assert Fraction(trade.pnl) == Fraction(trade.quantity) * (
        Fraction(trade.exit_price) - Fraction(trade.entry_price)
    ) - Fraction(trade.fees)


@pytest.mark.parametrize(
    ("printed", "ints", "decimals"),
    [
        ([0.29, 1.0], [29, 100], 2),
        ([175.5037], [1755037], 4),
        ([0.1, 0.00000012], [10_000_000, 12], 8),
        ([1.0000000001], [10_000_000_001], 10),
        # Times 100, the nearest float to this one is ...546: it takes the text to get it right.
        ([100825054305895.45], [10082505430589545], 2),
    ],
)
def test_prices_become_the_integers_that_were_printed(
    printed: list[float], ints: list[int], decimals: int
) -> None:
    assert as_integers([printed], first=2) == ([ints], decimals)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"close": [1.0, float("nan")]}, "A: a price or volume is not a number"),
        ({"volume": [1.0, float("inf")]}, "A: a price or volume is not a number"),
        ({"low": [1.0, 0.0]}, "A: a price is zero or negative"),
        ({"ts": [1, 1]}, "A: times must rise"),
        ({"ts": [2, 1]}, "A: times must rise"),
        ({"open": [1.0]}, "A: columns must be equally long"),
    ],
)
def test_bad_columns_are_refused(change: dict[str, Any], message: str) -> None:
    fine = columns("A", [quiet(1.0), quiet(1.0)], ts=[1, 2])
    assert run([fine]).trades == []
    with pytest.raises(ValueError, match=message):
        run([fine._replace(**change)])


def test_a_symbol_given_twice_and_no_symbol_at_all_are_refused() -> None:
    fine = columns("A", [quiet(1.0)])
    with pytest.raises(ValueError, match="appears twice"):
        run([fine, fine])
    with pytest.raises(ValueError, match="no symbol"):
        run([])


def test_trades_are_written_as_plain_decimals_and_utc_times(tmp_path: Path) -> None:
    at = 1_704_186_000_000_000_000
    trade = Trade(
        *("A", "long", 5, at, Decimal("175.5")),
        *(at + 1_500_000_000, Decimal("2E+2"), "target", Decimal("1.877500"), Decimal("120.6225")),
    )
    write_trades(tmp_path / "trades.csv", [trade])
    assert (tmp_path / "trades.csv").read_text() == (
        "symbol,side,quantity,entry_time,entry_price,exit_time,exit_price,exit_reason,fees,pnl\n"
        "A,long,5,2024-01-02T09:00:00Z,175.50,2024-01-02T09:00:01.500Z,200.00,target,1.8775,120.6225\n"
    )


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_trades_like_the_columns_it_was_made_from(
    tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import polars as pl

    market = [
        bars._replace(symbol=name) for bars, name in zip(synthetic(400, 2, sigma=0.01), "ZA", strict=True)
    ]
    tables = [pl.DataFrame(columns._asdict()) for columns in market]
    table = pl.concat(tables).with_columns(pl.from_epoch("ts", "ns"))
    path = tmp_path / f"bars{suffix}"
    if suffix == ".csv":
        table.write_csv(path)
    else:
        table.write_parquet(path)
    assert read(path) == market
    assert main([str(path), "--trades", str(tmp_path / "trades.csv")]) == 0
    figures = json.loads(capsys.readouterr().out)
    outcome = run(market)
    assert len(outcome.trades) > 3
    assert (figures["bars"], figures["symbols"], figures["trades"]) == (800, 2, len(outcome.trades))
    assert Decimal(figures["final_equity"]) == outcome.final_equity
    assert len((tmp_path / "trades.csv").read_text().splitlines()) == 1 + len(outcome.trades)


def test_a_file_that_cannot_be_traded_is_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bars.csv"
    assert main([str(path)]) == 1
    path.write_text("symbol,ts,open,high,low,close\nA,2024-01-02,1,1,1,1\n")
    assert main([str(path)]) == 1
    path.write_text("symbol,ts,open,high,low,close,volume\nA,2024-01-02,1,1,,1,5\n")
    assert main([str(path)]) == 1
    said = capsys.readouterr().err
    assert "no column volume" in said
    assert "a value is missing" in said


def test_the_same_seed_makes_the_same_bars() -> None:
    first, again, other = synthetic(50, 2), synthetic(50, 2), synthetic(50, 2, seed=8)
    assert first == again != other
    assert all(
        low <= min(opened, close) and high >= max(opened, close)
        for bars in first
        for opened, high, low, close in zip(bars.open, bars.high, bars.low, bars.close, strict=True)
    )
