"""Funding in a backtest: the same payments on both engines and live, and told apart in every result."""

import random
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from msgspec.structs import replace

from tests.unit.research.backtest.live import live_run
from tests.unit.research.backtest.markets import SEEDS, Shape, market
from tests.unit.research.backtest.setups import LOOSE, strategy_of
from tests.unit.research.backtest.test_corporate_actions import FREE, Once, path
from tradewrit.domain.events.corporate import SharesDelisted
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.market import DAY
from tradewrit.domain.money import Price
from tradewrit.features.bars import Bars
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.events import run
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.replay import replay


def settled(bars: Bars, row: int, rate: str) -> FundingSettled:
    """Funding at the open of a bar, at the close before."""
    return FundingSettled(
        at=int(bars.ts[row]),
        action=f"{bars.symbol}:{row}",
        symbol=bars.symbol,
        rate=Decimal(rate),
        price=Price(Decimal(repr(float(bars.close[row - 1])))),
    )


def perpetual(symbol: str) -> Instrument:
    return Instrument(
        symbol=symbol, asset_class=AssetClass.PERPETUAL, lot=Decimal("0.1"), multiplier=Decimal("0.5")
    )


def setup_of(bars: Sequence[Bars], funding: Sequence[FundingSettled], **more: object) -> Setup:
    instruments = {one.symbol: perpetual(one.symbol) for one in bars}
    return Setup(limits=LOOSE, instruments=instruments, funding=tuple(funding), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("is_short", [False, True])
def test_what_a_holder_pays_is_cash_at_that_bar_and_part_of_the_trade(is_short: bool) -> None:
    bars = path([100.0, 100.0, 100.0, 100.0, 100.0, 100.0], leave=4)
    setup = setup_of([bars], [settled(bars, 3, "0.0002")], rules=FREE)
    done = run([bars], Once(is_short=is_short), setup).result
    (trade,) = done.trades
    due = trade.notional * Decimal("0.0002") * (1 if is_short else -1)
    assert trade.funding == trade.pnl == done.funding == due
    assert done.final_equity == 100_000 + due
    assert done.curve.equity.tolist() == pytest.approx([100_000.0] * 3 + [100_000 + float(due)] * 3)


def test_who_buys_at_the_open_of_that_bar_pays_nothing_and_who_sells_there_has_paid() -> None:
    bars = path([100.0, 100.0, 100.0, 100.0, 100.0, 100.0], enter=1, leave=3)
    setup = setup_of([bars], [settled(bars, 2, "0.01"), settled(bars, 4, "0.0001")], rules=FREE)
    done = run([bars], Once(), setup).result
    (trade,) = done.trades
    assert (trade.entry_time, trade.exit_time) == (2 * DAY, 4 * DAY)
    assert trade.funding == -trade.notional * Decimal("0.0001")


def test_what_is_still_open_has_paid_too() -> None:
    bars = path([100.0, 100.0, 100.0, 100.0])
    done = run([bars], Once(), setup_of([bars], [settled(bars, 2, "0.0001")], rules=FREE)).result
    assert not done.trades
    assert done.funding < 0
    assert done.final_equity == 100_000 + done.funding


def paying_market(seed: int) -> tuple[list[Bars], list[FundingSettled]]:
    """Made-up bars, and funding at some of them: several at one bar, at the first and at the last."""
    rng = random.Random(seed)
    shape = Shape(seed, 2, 16, rng.choice([0.01, 0.04]), 20.0, 2, rng.choice([0.0, 0.2]), False, False)
    bars = market(shape)
    funding = [
        replace(settled(one, row, f"{rng.randint(-500, 500)}E-6"), action=f"{one.symbol}:{row}:{i}")
        for one in bars
        for i, row in enumerate(sorted(rng.choices(range(1, len(one)), k=rng.choice([0, 2, 5]))))
        if len(one) > 1
    ]
    return bars, sorted(funding, key=lambda told: told.at)


@given(SEEDS)
def test_the_skip_engine_pays_the_same_to_the_last_digit(seed: int) -> None:
    bars, funding = paying_market(seed)
    setup = setup_of(bars, funding, initial_cash=Decimal(20_000), reverse=seed % 3 == 0)
    strategy = strategy_of(seed)
    skipped, walked = skip.run(bars, strategy, setup), run(bars, strategy, setup).result
    assert skipped.trades == walked.trades
    assert (skipped.final_equity, skipped.fees) == (walked.final_equity, walked.fees)
    assert skipped.funding == walked.funding
    np.testing.assert_allclose(skipped.curve.equity, walked.curve.equity, rtol=1e-12)


@given(SEEDS)
def test_a_live_desk_and_a_replay_of_its_journal_come_to_the_same_books(seed: int) -> None:
    bars, funding = paying_market(seed)
    setup = setup_of(bars, funding, initial_cash=Decimal(20_000))
    walked = run(bars, strategy_of(seed), setup)
    desk, exchange = live_run(bars, strategy_of(seed), setup)
    assert desk.books.cash == exchange.cash == walked.books.cash
    assert desk.books.stats == walked.books.stats
    assert replay(walked.journal, walked.stream).state_hash == walked.books.state_hash


# -- delistings


def test_a_share_that_is_delisted_in_a_backtest_is_paid_out_and_never_bought_again() -> None:
    bars = path([100.0, 100.0, 100.0, 100.0, 100.0, 100.0])
    bars.volume[:] = 99.0  # a signal on every bar
    gone = SharesDelisted(at=int(bars.ts[3]), action="S:gone", symbol="S", price=Price(Decimal(90)))
    setup = Setup(limits=replace(LOOSE, stop_fraction=Decimal("0.5")), rules=FREE, actions=(gone,))
    done = run([bars], Once(), setup)
    (trade,) = done.result.trades
    assert (trade.exit_reason, trade.exit_price, trade.exit_time) == ("delisted", Decimal(90), 3 * DAY)
    assert done.result.final_equity == 100_000 + trade.pnl == 100_000 - 10 * trade.quantity
    assert done.result.curve.equity[-1] == pytest.approx(float(done.result.final_equity))
    assert "S" in done.books.suspended


def test_a_share_that_is_paid_out_after_its_last_bar_leaves_the_account_at_that_time() -> None:
    bars, others = path([100.0] * 3), path([100.0] * 8, symbol="T")
    bars.volume[:] = 99.0
    gone = SharesDelisted(at=5 * DAY, action="S:gone", symbol="S", price=Price(Decimal(0)))
    setup = Setup(limits=replace(LOOSE, stop_fraction=Decimal("0.5")), rules=FREE, actions=(gone,))
    skipped = skip.run([bars, others], Once(), setup)
    walked = run([bars, others], Once(), setup).result
    (trade,) = skipped.trades
    assert (trade.exit_reason, trade.exit_price, trade.exit_time) == ("delisted", Decimal(0), 5 * DAY)
    assert skipped.trades == walked.trades
    assert skipped.final_equity == walked.final_equity == 100_000 - 100 * trade.quantity
    assert skipped.curve.equity.tolist() == walked.curve.equity.tolist()


def test_the_runs_compared_pay_and_receive_and_close_lots_that_did() -> None:
    results = [
        run(bars, strategy_of(seed), setup_of(bars, funding, initial_cash=Decimal(20_000))).result
        for seed in range(24)
        for bars, funding in [paying_market(seed)]
    ]
    assert {result.funding > 0 for result in results if result.funding} == {True, False}
    assert any(trade.funding for result in results for trade in result.trades)
