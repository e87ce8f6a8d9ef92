"""What must hold after every bar, whatever the strategy, the venue and the market do."""

from collections import Counter, defaultdict
from decimal import Decimal

from hypothesis import given
from msgspec.structs import replace

from tests.unit.research.backtest.live import live_run
from tests.unit.research.backtest.markets import SEEDS, market, shape_of
from tests.unit.research.backtest.setups import setup_of, strategy_of
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.books import Books
from tradewrit.domain.events.positions import ExitSent, StopFailed, StopMoved, StopSet
from tradewrit.domain.orders import Role
from tradewrit.domain.trades import TradeState
from tradewrit.research.backtest.events import Run, run
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.replay import event_of, replay


def a_run(seed: int) -> Run:
    return run(market(shape_of(seed, symbols=5, bars=50)), strategy_of(seed), setup_of(seed))


def assert_venue_agrees(books: Books, exchange: PaperExchange) -> None:
    """Two ledgers, written apart, come to the same figures."""
    assert exchange.cash == books.cash
    assert exchange.fees == books.stats.fees
    assert dict(exchange.positions()) == {symbol: held.signed for symbol, held in books.positions.items()}
    live = {order.id: order.remaining for order in books.orders.values() if order.is_live}
    working = {terms.client_order_id for terms in exchange.open_orders()}
    assert working == live.keys()


class Cover:
    """Looks at what covers each position, and at what the venue has refused."""

    def __init__(self) -> None:
        self._seq = 0
        self._failing: set[str] = set()

    def assert_held_once(self, desk: Desk, exchange: PaperExchange) -> None:
        """What is held is covered once: by a stop of its size, or by the order that is closing it.

        By less only while the venue refuses, and that is on record; by more never.
        """
        self._follow(desk)
        books = desk.books
        for symbol, position in books.positions.items():
            trade = books.trade_in(symbol)
            assert trade is not None, f"{symbol}: a position nobody answers for"
            assert trade.direction is position.direction, f"{symbol}: on the wrong side"
            live = [order for order in books.orders_of(trade.id) if order.is_live]
            covers = [order for order in live if order.terms.role in {Role.STOP, Role.EXIT}]
            assert len(covers) <= 1, f"{symbol}: {covers}"
            # The venue's word: what of an OCO group is left to an order, or of a bracket has come to it.
            at_venue = exchange.working[symbol].orders if covers else {}
            covered = sum((at_venue[order.id].leaves for order in covers), Decimal(0))
            assert covered <= position.quantity, f"{symbol}: {covered} of {position.quantity}"
            assert all(at_venue[order.id].terms.side is position.direction.exit_side for order in covers)
            if trade.id in self._failing:
                continue
            # A stop that has begun to trade cannot grow with an entry that still fills; the rest follows it.
            is_trading = trade.state is TradeState.ORDER_CLOSING and covered > 0
            assert covered == position.quantity or is_trading, f"{symbol}: {covered} of {position.quantity}"
            # Nor can one be moved that the market has reached: it leaves where it stood.
            standing = [order for order in covers if not at_venue[order.id].is_triggered]
            assert all(order.terms.stop_price in {trade.stop_price, None} for order in standing) or is_trading

    def _follow(self, desk: Desk) -> None:
        for record in desk.journal.read(desk.stream, after=self._seq):
            self._seq = record.seq
            match event_of(record):
                case StopFailed(trade_id=trade):
                    self._failing.add(trade)
                case StopSet(trade_id=trade) | StopMoved(trade_id=trade) | ExitSent(trade_id=trade):
                    self._failing.discard(trade)
                case _:
                    continue


def assert_nothing_is_left_over(books: Books) -> None:
    """No order and no trade outlives what it was for."""
    assert {order.terms.trade_id for order in books.orders.values()} <= books.trades.keys()
    assert dict(Counter(trade.symbol for trade in books.trades.values())) == dict.fromkeys(books.active, 1)
    assert all(order.is_live or order.terms.trade_id in books.trades for order in books.orders.values())


@given(SEEDS)
def test_after_every_bar_the_venue_agrees_and_every_position_is_covered_once(seed: int) -> None:
    cover = Cover()

    def look(desk: Desk, exchange: PaperExchange) -> None:
        assert_venue_agrees(desk.books, exchange)
        cover.assert_held_once(desk, exchange)
        assert_nothing_is_left_over(desk.books)

    live_run(market(shape_of(seed, symbols=5, bars=50)), strategy_of(seed), setup_of(seed), look)


@given(SEEDS)
def test_every_cent_of_equity_is_accounted_for(seed: int) -> None:
    shape = shape_of(seed, symbols=5, bars=50)
    bars = market(shape)
    done = run(bars, strategy_of(seed), setup_of(seed))
    books, result = done.books, done.result
    closes = {one.symbol: Decimal(repr(float(one.close[-1]))) for one in bars}
    realised = sum((trade.pnl for trade in result.trades), Decimal(0))
    unrealised = sum(
        (
            held.unrealised(closes[symbol], books.instrument(symbol))
            for symbol, held in books.positions.items()
        ),
        Decimal(0),
    )
    entry_fees = sum((lot.fee for held in books.positions.values() for lot in held.lots), Decimal(0))
    assert result.final_equity == result.initial_cash + realised + unrealised - entry_fees
    assert result.fees == sum((trade.fees for trade in result.trades), Decimal(0)) + entry_fees
    assert len(result.curve) == len({int(ts) for one in bars for ts in one.ts})
    assert abs(result.curve.equity[-1] - float(result.final_equity)) < 1e-9 * max(
        1.0, result.curve.equity[-1]
    )


@given(SEEDS)
def test_a_replay_of_the_journal_folds_to_the_same_books(seed: int) -> None:
    done = a_run(seed)
    assert replay(done.journal, done.stream).state_hash == done.books.state_hash
    assert done.journal.verify(done.stream).fault is None


@given(SEEDS)
def test_a_venue_that_refuses_nothing_and_fills_whole_orders_never_leaves_a_stop_missing(seed: int) -> None:
    setup = setup_of(seed)
    rules = replace(setup.rules, reject_fraction=Decimal(0), participation_fraction=None)
    bars = market(shape_of(seed, symbols=5, bars=50))
    done = run(bars, strategy_of(seed), replace(setup, rules=rules))
    oddities = {"position.stop.failed", "order.report.quarantined", "kernel.transition.refused"}
    assert not oddities & done.counts.keys()


def test_the_runs_looked_at_do_everything_a_desk_can_do() -> None:
    counts: Counter[str] = Counter()
    sides: dict[str, set[str]] = defaultdict(set)
    for seed in range(60):
        done = a_run(seed)
        counts.update(done.counts)
        for trade in done.result.trades:
            sides[trade.exit_reason].add(trade.side)
    assert sides.keys() >= {"stop", "target", "signal", "time"}
    assert sides["stop"] == sides["target"] == {"long", "short"}
    assert counts.keys() >= {
        "order.fill.partial",
        "order.submit.rejected",
        "order.lifetime.expired",
        "position.track.added",
        "position.stop.moved",
        "position.stop.failed",
        "position.trade.aborted",
        "risk.limit.exceeded",
        "risk.drawdown.alert",
    }, counts.keys()
