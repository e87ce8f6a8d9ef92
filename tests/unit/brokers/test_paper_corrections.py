"""The exchange busts an execution, or corrects it: the account is as if it had come right from the first."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.brokers.venue import FREE, GRANT, SYMBOL, limit, market, protection, stop
from tradewrit.brokers.paper.corrections import Correction
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Quote
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, Side
from tradewrit.domain.splits import Ratio
from tradewrit.runtime.ports import Replacement

BUY, SELL = Side.BUY, Side.SELL


class Floor:
    """An exchange whose market is quotes, a second apart."""

    def __init__(self, rules: PaperRules = FREE) -> None:
        self.exchange = PaperExchange(
            {SYMBOL: Instrument(symbol=SYMBOL, is_shortable=True)}, initial_cash=Decimal(10_000), rules=rules
        )
        self.at = 0

    def place(self, *orders: OrderTerms) -> list[ExecutionReport]:
        return list(self.exchange.place(Approved(orders=orders, by=("t",), at=self.at), GRANT))

    def show(self, price: float, size: float = 0.0) -> list[ExecutionReport]:
        self.at += 1_000_000_000
        return list(self.exchange.quote(Quote(SYMBOL, self.at, price, price, size, size)))

    def trade(self, order: OrderTerms, price: float) -> ExecutionReport:
        self.place(order)
        return next(one for one in self.show(price) if one.client_order_id == order.client_order_id)

    def correct(self, fill: ExecutionReport, quantity: str = "", price: str = "") -> list[ExecutionReport]:
        wanted = Correction(
            exec_id=fill.exec_id,
            quantity=Decimal(quantity) if quantity else None,
            price=Price(Decimal(price)) if price else None,
            reason="clearly erroneous",
        )
        return list(self.exchange.correct(wanted))

    @property
    def held(self) -> Decimal:
        return self.exchange.positions().get(SYMBOL, Decimal(0))

    def leaves(self) -> dict[str, Decimal]:
        book = self.exchange.working.get(SYMBOL)
        return {} if book is None else {order.id: order.leaves for order in book}


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_a_bust_takes_back_shares_money_and_fee() -> None:
    floor = Floor(PaperRules())
    fill = floor.trade(market("a", BUY), 100.0)
    (said,) = floor.correct(fill, "0")
    assert (said.kind, said.corrects, said.client_order_id) == (Exec.BUSTED, fill.exec_id, "a")
    assert (said.last_quantity, said.fee, said.cumulative, said.reason) == (
        Decimal(0),
        Decimal(0),
        Decimal(0),
        "clearly erroneous",
    )
    assert (floor.exchange.cash, floor.exchange.fees, floor.held) == (Decimal(10_000), Decimal(0), Decimal(0))


def test_a_corrected_price_is_what_was_paid_and_charged(floor: Floor) -> None:
    fill = floor.trade(market("a", BUY), 100.0)
    (said,) = floor.correct(fill, price="98.50")
    assert (said.kind, said.last_quantity, said.last_price) == (Exec.CORRECTED, Decimal(5), Decimal("98.50"))
    assert floor.exchange.cash == 10_000 - 5 * Decimal("98.50")
    assert floor.held == 5


def test_a_correction_is_corrected_under_its_own_name(floor: Floor) -> None:
    fill = floor.trade(market("a", BUY), 100.0)
    (first,) = floor.correct(fill, price="98.00")
    (second,) = floor.correct(fill, "3")
    assert second.corrects == first.exec_id
    assert (second.last_quantity, second.last_price) == (Decimal(3), Decimal(98))
    assert (floor.held, floor.exchange.cash) == (Decimal(3), Decimal(10_000 - 3 * 98))
    assert [one.exec_id for one in floor.exchange.executions(0)] == [
        fill.exec_id,
        first.exec_id,
        second.exec_id,
    ]
    assert list(floor.exchange.order("a"))[-1] == second


def test_protection_shrinks_with_a_busted_part_of_its_entry_and_ends_with_the_rest(floor: Floor) -> None:
    floor.place(market("a", BUY))
    parts = [floor.show(100.0)[0]]
    floor.place(*protection(SELL, "90.00", "120.00"))
    floor.correct(parts[0], "3")
    assert floor.leaves() == {"stop": 3, "target": 3}
    said = floor.correct(parts[0], "0")
    assert [(one.client_order_id, one.kind) for one in said[1:]] == [
        ("stop", Exec.CANCELED),
        ("target", Exec.CANCELED),
    ]
    assert not floor.leaves()


def test_a_busted_part_of_a_stop_gives_the_stop_and_its_target_their_shares_back() -> None:
    floor = Floor(PaperRules(participation_fraction=Decimal(1)))
    floor.trade(market("a", BUY), 100.0)
    floor.place(*protection(SELL, "90.00", "120.00"))
    (part,) = floor.show(89.0, size=2)
    assert floor.leaves() == {"stop": 3, "target": 3}
    floor.correct(part, "0")
    assert floor.held == 5
    assert floor.leaves() == {"stop": 5, "target": 5}


def test_the_shares_of_a_busted_exit_come_back_and_its_order_does_not(floor: Floor) -> None:
    floor.trade(market("a", BUY), 100.0)
    exit_ = floor.trade(market("b", SELL, reduce_only=True), 110.0)
    assert floor.held == 0
    (said,) = floor.correct(exit_, "0")
    assert said.kind is Exec.BUSTED
    assert (floor.held, floor.exchange.cash) == (Decimal(5), Decimal(9_500))
    assert not floor.exchange.open_orders()


def test_a_short_is_margined_at_the_price_it_was_corrected_to(floor: Floor) -> None:
    first = floor.trade(market("a", SELL, 3), 100.0)
    floor.trade(market("b", SELL, 2), 101.0)
    floor.correct(first, price="102.00")
    # A short leaves cash as it was, whatever it was sold at; bought back, it pays the difference.
    assert floor.exchange.cash == 10_000
    floor.trade(market("c", BUY, 5), 100.0)
    assert floor.exchange.cash == 10_000 + 3 * 2 + 2 * 1


def test_a_bust_of_a_part_lets_a_working_order_trade_it_again() -> None:
    floor = Floor(PaperRules(fees=FREE.fees, participation_fraction=Decimal(1)))
    floor.place(limit("a", BUY, "100.00"))
    (part,) = floor.show(100.0, size=2)
    held = floor.exchange.held
    floor.correct(part, "0")
    assert floor.leaves() == {"a": 5}
    assert floor.exchange.held > held
    (again,) = floor.show(99.0, size=9)
    assert (again.last_quantity, again.cumulative, floor.held) == (Decimal(5), Decimal(5), Decimal(5))


@pytest.mark.parametrize(
    ("quantity", "price", "why"),
    [
        ("6", "", "to less, not to more"),
        ("2.5", "", "not a multiple of the lot"),
        ("", "100.001", "not a multiple of the tick"),
        ("5", "100", "stands at that already"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(floor: Floor, quantity: str, price: str, why: str) -> None:
    fill = floor.trade(market("a", BUY), 100.0)
    with pytest.raises(ValueError, match=why):
        floor.correct(fill, quantity, price)
    assert (floor.held, floor.exchange.cash) == (Decimal(5), Decimal(9_500))


def test_neither_an_unknown_nor_a_busted_execution_nor_one_of_other_shares_is_corrected(floor: Floor) -> None:
    with pytest.raises(ValueError, match="no execution is called never"):
        floor.exchange.correct(Correction(exec_id="never", quantity=Decimal(0)))
    fill = floor.trade(market("a", BUY), 100.0)
    floor.correct(fill, "0")
    with pytest.raises(ValueError, match="was busted before"):
        floor.correct(fill, "1")
    held = floor.trade(market("b", BUY), 100.0)
    floor.exchange.split(
        SharesSplit(
            at=floor.at,
            symbol=SYMBOL,
            action="s",
            ratio=Ratio(Decimal(2), Decimal(1)),
            price=Price(Decimal(50)),
        )
    )
    with pytest.raises(ValueError, match="other shares by now"):
        floor.correct(held, "1")
    after = floor.trade(market("c", BUY, 4), 50.0)
    floor.correct(after, "1")
    assert floor.held == 11


@given(
    trades=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 6), st.integers(90, 110)), min_size=1),
    wrong=st.data(),
)
def test_an_account_after_corrections_is_the_account_of_the_right_executions(
    trades: list[tuple[Side, int, int]], wrong: st.DataObject
) -> None:
    floor, right = Floor(PaperRules()), Floor(PaperRules())
    for number, (side, quantity, price) in enumerate(trades):
        name = str(number)
        fill = floor.trade(market(name, side, quantity), float(price))
        now = wrong.draw(st.integers(0, quantity)), wrong.draw(st.integers(90, 110))
        if now[0]:
            right.trade(market(name, side, now[0]), float(now[1]))
        if now == (quantity, price):
            continue
        floor.correct(fill, str(now[0]), str(now[1]) if now[0] else "")
    assert floor.held == right.held
    assert floor.exchange.cash == right.exchange.cash
    assert floor.exchange.fees == right.exchange.fees
    assert floor.exchange.buying_power == right.exchange.buying_power


def test_a_stop_of_too_many_shares_sells_what_is_left(floor: Floor) -> None:
    fill = floor.trade(market("a", BUY), 100.0)
    floor.place(stop("s", SELL, "90.00", reduce_only=True))
    floor.correct(fill, "2")
    (sold,) = [one for one in floor.show(89.0) if one.kind is Exec.TRADE]
    assert (sold.last_quantity, floor.held) == (Decimal(2), Decimal(0))


def test_a_stop_that_was_cut_to_a_smaller_position_works_in_full_when_its_total_is_named_again() -> None:
    floor = Floor()
    fill = floor.trade(market("a", BUY), 100.0)
    floor.place(replace(stop("s", SELL, "90.00"), reduce_only=True))
    (smaller,) = floor.correct(fill, "3")
    floor.correct(smaller, "5")
    assert floor.leaves() == {"s": 3}
    floor.exchange.replace("s", Replacement(stop_price=Price(Decimal("91.00"))), GRANT)
    assert floor.leaves() == {"s": 3}, "no quantity was named"
    floor.exchange.replace("s", Replacement(quantity=Qty(Decimal(5))), GRANT)
    assert floor.leaves() == {"s": 5}
