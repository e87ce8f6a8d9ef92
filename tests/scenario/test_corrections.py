"""The venue corrects a fill, or busts it: the books end as if it had come right, and nothing vanishes."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.desks import BUY, SELL, SYMBOL, World
from tests.processes import HAND
from tests.unruly import THROTTLED, UNREACHABLE, Unruly
from tradewrit.brokers.paper.corrections import Correction
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import PAPER, Protection
from tradewrit.domain.events.account import SymbolSuspended
from tradewrit.domain.events.market import SymbolHalted
from tradewrit.domain.events.orders import (
    CORRECTIONS,
    Exec,
    ExecutionReport,
    FillCorrected,
    OrderRequested,
    ReportQuarantined,
)
from tradewrit.domain.events.positions import CloseTrade, FillRestated, PositionClosed, StopFailed
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.portfolio import equity
from tradewrit.domain.trades import TradeState
from tradewrit.errors import TheirFault
from tradewrit.runtime.ports import Replacement

ENTRY, STOP, TARGET = Role.ENTRY, Role.STOP, Role.TARGET
FILLS = CORRECTIONS | {Exec.TRADE}


def last_fill(world: World) -> ExecutionReport:
    return [one for one in world.events(ExecutionReport) if one.kind is Exec.TRADE][-1]


def correction(
    of: ExecutionReport, exec_id: str = "c-1", *, quantity: str = "", price: str = "", corrects: str = ""
) -> ExecutionReport:
    """What the venue says when a fill was other than it had told; a bust where neither is given."""
    return ExecutionReport(
        at=of.at,
        exec_id=exec_id,
        client_order_id=of.client_order_id,
        kind=Exec.CORRECTED if quantity or price else Exec.BUSTED,
        symbol=of.symbol,
        side=of.side,
        last_quantity=Decimal(quantity or of.last_quantity),
        last_price=Price(Decimal(price)) if price else of.last_price,
        fee=of.fee,
        corrects=corrects or of.exec_id,
    )


@pytest.fixture
def world() -> World:
    world = World()
    world.enter()
    return world


def test_a_corrected_price_moves_cash_and_with_it_the_target(world: World) -> None:
    fill, cash = last_fill(world), world.books.cash
    target, stop = world.order(TARGET).terms.limit_price, world.order(STOP).terms.stop_price
    world.feed(correction(fill, price="176.50"), "broker")
    assert world.books.cash == cash - 5
    assert world.books.positions[SYMBOL].paid == Decimal("176.50") * 5
    assert world.only(FillCorrected).was_price == Decimal("175.50")
    assert (target, stop) == (Decimal("201.82"), Decimal("166.72"))
    assert world.order(TARGET).terms.limit_price == Decimal("202.97")
    assert world.order(STOP).terms.stop_price == Decimal("167.67")
    assert world.stage() is TradeState.HOLDING
    world.audit(is_in_step=False)


def test_a_stop_never_moves_away_for_a_correction(world: World) -> None:
    stop = world.order(STOP).terms.stop_price
    world.feed(correction(last_fill(world), price="170.00"), "broker")
    assert world.order(STOP).terms.stop_price == stop


def test_protection_shrinks_with_a_corrected_quantity(world: World) -> None:
    world.feed(correction(last_fill(world), quantity="3"), "broker")
    assert world.books.positions[SYMBOL].quantity == 3
    assert world.order(ENTRY).filled == 3
    assert {line[2] for line in world.working()} == {3}
    world.audit(is_in_step=False)


def test_a_busted_entry_leaves_nothing_held_and_nothing_on_sale(world: World) -> None:
    world.feed(correction(last_fill(world)), "broker")
    assert not world.books.positions
    assert world.books.cash == world.books.initial_cash
    assert not world.working()
    closed = world.only(PositionClosed)
    assert closed.reason == "corrected"
    assert not closed.pnl
    assert not closed.fees
    assert not world.books.trades
    world.audit(is_in_step=False)


def test_a_correction_of_a_closed_trade_restates_cash_and_what_was_realised(world: World) -> None:
    world.bar(201.82)
    realised, cash = world.books.stats.realised, world.books.cash
    world.feed(correction(last_fill(world), price="200.82"), "broker")
    assert world.books.cash == cash - 5
    assert world.books.stats.realised == realised - 5
    assert not world.books.suspended
    world.audit(is_in_step=False)


def test_shares_that_come_back_to_a_closed_trade_are_counted_and_a_person_is_told(world: World) -> None:
    bought = world.books.cash
    world.bar(201.82)
    world.feed(correction(last_fill(world)), "broker")
    assert world.books.cash == bought
    assert world.books.units(SYMBOL) == 5
    assert world.only(SymbolSuspended).quantity == 5
    assert world.books.stats.realised == -world.books.stats.fees, "what is left of the trade is its entry fee"
    world.audit(is_in_step=False)


def test_a_busted_exit_of_an_open_trade_is_protected_anew() -> None:
    world = World()
    world.enter()
    stop = world.order(STOP)
    part = ExecutionReport(
        at=world.now,
        exec_id="part",
        client_order_id=stop.id,
        kind=Exec.TRADE,
        last_quantity=Decimal(2),
        last_price=Price(Decimal("166.00")),
    )
    world.feed(part, "broker")
    assert world.books.positions[SYMBOL].quantity == 3
    world.feed(correction(part), "broker")
    assert world.books.positions[SYMBOL].quantity == 5
    assert world.trade.realised == 0
    assert (STOP, stop.terms.side, 5, stop.terms.stop_price) in world.working()


def test_a_correction_of_nothing_we_know_is_kept_and_changes_nothing(world: World) -> None:
    cash = world.books.cash
    world.feed(correction(last_fill(world), corrects="never-heard-of"), "broker")
    assert "never-heard-of" in world.only(ReportQuarantined).reason
    assert world.books.cash == cash
    world.audit()


def test_a_correction_can_be_corrected_by_either_name(world: World) -> None:
    fill, cash = last_fill(world), world.books.cash
    world.feed(correction(fill, price="176.50"), "broker")
    world.feed(correction(fill, "c-2", price="177.50", corrects="c-1"), "broker")
    world.feed(correction(fill, "c-3", price="175.50"), "broker")
    assert world.books.cash == cash
    assert len(world.events(FillRestated)) == 3


def test_a_correction_that_comes_twice_counts_once(world: World) -> None:
    cash = world.books.cash
    for _ in range(3):
        world.feed(correction(last_fill(world), price="176.50"), "broker")
    assert world.books.cash == cash - 5


def test_the_same_execution_with_another_price_does_not_vanish(world: World) -> None:
    fill, cash = last_fill(world), world.books.cash
    other = correction(fill, fill.exec_id, price="176.50")
    other = ExecutionReport(
        **{name: getattr(other, name) for name in other.__struct_fields__}
        | {"kind": Exec.TRADE, "corrects": ""}
    )
    for _ in range(2):
        world.feed(fill, "broker")
        world.feed(other, "broker")
    kept = world.only(ReportQuarantined)
    assert kept.report.last_price == Decimal("176.50")
    assert "another quantity or price" in kept.reason
    assert world.books.cash == cash
    world.audit()


def test_once_corrected_the_fill_may_be_told_again_in_either_way(world: World) -> None:
    fill, corrected = last_fill(world), correction(last_fill(world), price="176.50")
    world.feed(corrected, "broker")
    retold = ExecutionReport(
        **{name: getattr(fill, name) for name in fill.__struct_fields__}
        | {"last_price": Price(Decimal("176.50"))}
    )
    world.feed(retold, "broker")
    world.feed(fill, "broker")
    assert not world.events(ReportQuarantined)
    assert len(world.events(FillRestated)) == 1


# -- said by the exchange itself, whose account has to be that of the books


def busts(world: World, fill: ExecutionReport, quantity: int = 0, price: str = "") -> None:
    """The exchange takes an execution back, or tells it otherwise."""
    wanted = Correction(
        exec_id=fill.exec_id,
        quantity=Decimal(quantity),
        price=Price(Decimal(price)) if price else None,
    )
    world.report(world.exchange.correct(wanted))


def in_step(world: World) -> None:
    """The account at the exchange is worth what the books say, and holds as much."""
    world.audit(is_in_step=False)
    assert world.books.units(SYMBOL) == world.held
    mark = lambda _: Price(Decimal(190))  # noqa: E731 - one line, used twice
    assert world.exchange.equity(mark) == equity(world.books, mark)


def fills(world: World, role: Role) -> list[ExecutionReport]:
    """What was told of the trades of orders in this role, oldest first."""
    names = {
        event.terms.client_order_id for event in world.events(OrderRequested) if event.terms.role is role
    }
    return [
        one
        for one in world.events(ExecutionReport)
        if one.kind is Exec.TRADE and one.client_order_id in names
    ]


def test_the_books_and_the_exchange_agree_on_a_smaller_cheaper_fill(world: World) -> None:
    busts(world, last_fill(world), 3, "174.00")
    assert world.held == 3
    assert {line[2] for line in world.working()} == {3}
    world.audit()


def test_shares_gone_from_a_trade_that_is_over_are_taken_from_the_one_that_is_open(world: World) -> None:
    """The account is short them, and long the new ones: at the exchange that is one position."""
    world.bar(201.82)
    entry, stop = fills(world, ENTRY)[0], Role.STOP
    world.enter()
    busts(world, entry, 2)
    assert (world.held, world.books.positions[SYMBOL].quantity) == (Decimal(2), Decimal(2))
    assert {line[2] for line in world.working() if line[0] is stop} == {2}
    assert not world.books.external
    world.audit()


def test_a_bust_of_all_that_an_open_trade_stands_on_ends_it(world: World) -> None:
    world.bar(201.82)
    entry = fills(world, ENTRY)[0]
    world.enter()
    busts(world, entry)
    assert not world.books.trades
    assert not world.working()
    assert world.held == 0
    world.audit()


def test_a_trade_that_is_over_can_be_corrected_again_after_what_it_left_has_traded(world: World) -> None:
    world.bar(201.82)
    entry, exit_ = fills(world, ENTRY)[0], last_fill(world)
    busts(world, exit_, 1)
    assert world.books.units(SYMBOL) == 4
    busts(world, entry, 4)
    busts(world, exit_, 3)
    assert world.held == 1
    assert not world.events(ReportQuarantined)
    in_step(world)


def unbooked(world: World) -> list[ReportQuarantined]:
    """Fills and corrections that were put aside."""
    return [event for event in world.events(ReportQuarantined) if event.report.kind in FILLS]


def entry_at_work() -> World:
    """A limited entry for five that has not traded yet."""
    world = World(entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    world.bar(178.00)
    assert [line[:3] for line in world.working()] == [(ENTRY, Side.BUY, 5)]
    return world


def sold_by_hand(world: World, quantity: int) -> None:
    """Somebody sells in the account, at the next bar."""
    order = OrderTerms(
        client_order_id="typed-in-the-app",
        trade_id="",
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Qty(Decimal(quantity)),
        type=OrderType.MARKET,
        role=ENTRY,
    )
    world.report(world.exchange.place(Approved(orders=(order,), by=("hand",), at=world.now), HAND))
    world.bar(178.00)


def met_by_others(quantity: int) -> World:
    """Somebody sells short in the account while an entry works, which then buys that back first."""
    world = entry_at_work()
    sold_by_hand(world, quantity)
    assert world.books.external[SYMBOL].signed == -quantity
    world.bar(175.50)
    assert world.books.units(SYMBOL) == world.held == 5 - quantity
    return world


@pytest.mark.parametrize("others", [2, 5, 7])
@pytest.mark.parametrize(("quantity", "price"), [(0, ""), (1, ""), (2, "170.00"), (4, ""), (5, "180.00")])
def test_a_fill_that_bought_back_what_others_had_sold_is_corrected_like_any_other(
    others: int, quantity: int, price: str
) -> None:
    world = met_by_others(others)
    fill = fills(world, ENTRY)[0]
    busts(world, fill, quantity, price)
    assert not unbooked(world)
    in_step(world)
    ours = world.books.positions.get(SYMBOL)
    assert (0 if ours is None else ours.quantity) == max(quantity - others, 0)
    if quantity:
        busts(world, fill, 5, "175.50")  # and back again, under the same name
        assert not unbooked(world)
        in_step(world)


@pytest.mark.parametrize("quantity", [0, 3, 5, 6])
def test_what_others_sold_of_ours_and_more_is_corrected_like_any_other(world: World, quantity: int) -> None:
    sold_by_hand(world, 7)
    assert world.books.units(SYMBOL) == world.held == -2
    busts(world, last_fill(world), quantity)
    assert world.books.units(SYMBOL) == world.held == 5 - quantity
    assert not unbooked(world)
    in_step(world)


def test_the_fee_of_a_fill_that_others_had_a_part_in_is_the_trades_and_is_corrected_with_it() -> None:
    world = met_by_others(2)
    fill = fills(world, ENTRY)[0]
    assert world.trade.fees == fill.fee > 0
    busts(world, fill, 4)
    assert world.trade.fees == fill.fee * 4 / 5
    in_step(world)


def test_an_entry_that_meets_what_an_earlier_correction_left_can_be_taken_back() -> None:
    """Four shares too many were sold, the next entry buys them back, and is taken back itself."""
    world = World(entry=OrderType.LIMIT)
    world.enter()
    world.bar(201.82)
    first = fills(world, ENTRY)[0]
    world.says(BUY)
    world.bar(175.50)
    busts(world, first, 1)
    assert world.books.external[SYMBOL].signed == -4
    world.bar(175.50)
    assert (world.held, world.books.positions[SYMBOL].quantity) == (Decimal(1), Decimal(1))
    busts(world, last_fill(world))
    assert (world.held, world.books.units(SYMBOL)) == (Decimal(-4), Decimal(-4))
    assert not world.books.trades
    assert not world.working()
    assert not unbooked(world)
    in_step(world)


def test_corrections_that_overtake_each_other_end_as_the_last_says(world: World) -> None:
    fill = last_fill(world)
    one = world.exchange.correct(Correction(exec_id=fill.exec_id, price=Price(Decimal("176.50"))))
    two = world.exchange.correct(Correction(exec_id=fill.exec_id, quantity=Decimal(4)))
    three = world.exchange.correct(Correction(exec_id=fill.exec_id, price=Price(Decimal("177.50"))))
    for said in (three, two, one):
        world.report(said)
    assert world.books.positions[SYMBOL].paid == 4 * Decimal("177.50")
    world.audit()


def test_a_stop_grows_with_a_correction_while_the_exit_waits_for_the_end_of_a_halt(world: World) -> None:
    fill = last_fill(world)
    busts(world, fill, 2)
    world.exchange.halt(SYMBOL, "LULD pause")
    world.feed(SymbolHalted(at=world.now, symbol=SYMBOL, reason="LULD pause"), "broker")
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:ann"))
    busts(world, fill, 5)
    assert (STOP, 5) in {(line[0], line[2]) for line in world.working()}
    world.audit()


# -- in any order


Fixed = tuple[int, int, int, int]
"""A fill in the order of its execution: quantity and price as told, and as they should have been."""


def play(signal: object, inputs: Sequence[ExecutionReport]) -> World:
    """A desk whose venue says nothing but this."""
    world = World()
    world.says(signal)  # type: ignore[arg-type]
    world.bar(175.50)
    entry = world.order(ENTRY)
    for report in inputs:
        named = {"client_order_id": entry.id, "at": world.now, "side": entry.terms.side}
        world.feed(
            ExecutionReport(**{name: getattr(report, name) for name in report.__struct_fields__} | named),
            "broker",
        )
    return world


def told(exec_id: str, quantity: int, price: int, corrects: str = "") -> ExecutionReport:
    kind = Exec.TRADE if not corrects else Exec.CORRECTED if quantity else Exec.BUSTED
    return ExecutionReport(
        at=0,
        exec_id=exec_id,
        client_order_id="",
        kind=kind,
        symbol=SYMBOL,
        last_quantity=Decimal(quantity),
        last_price=Price(Decimal(price)),
        fee=Decimal(quantity) / 4,
        corrects=corrects,
    )


def account(books: Books) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    position = books.positions.get(SYMBOL)
    cost = Decimal(0) if position is None else position.paid
    return books.cash, books.units(SYMBOL), cost, equity(books, lambda _: Price(Decimal(200)))


@settings(max_examples=40, deadline=None)
@given(
    signal=st.sampled_from([BUY, SELL]),
    prices=st.lists(st.tuples(st.integers(150, 200), st.integers(150, 200)), min_size=4, max_size=4),
    sizes=st.tuples(
        st.sampled_from([(1, 0), (1, 2), (2, 1), (2, 0)]), *[st.sampled_from([(1, 1), (1, 0)])] * 2
    ),
    places=st.permutations(range(8)),
)
def test_fills_and_corrections_in_any_order_end_as_the_corrected_fills_alone(
    signal: object, prices: list[tuple[int, int]], sizes: tuple[tuple[int, int], ...], places: list[int]
) -> None:
    # Five are ordered. The first is right, so that there is always a trade for the others to belong to.
    fixes = [(1, 1), *sizes]
    fills = [
        told(f"f{n}", was, price[0]) for n, ((was, _), price) in enumerate(zip(fixes, prices, strict=True))
    ]
    right = [
        told(f"c{n}", now, price[1], f"f{n}")
        for n, ((_, now), price) in enumerate(zip(fixes, prices, strict=True))
    ][1:]
    rest = fills[1:] + right
    mixed = [fills[0], *(one for _, one in sorted(zip(places, rest, strict=False), key=lambda pair: pair[0]))]
    alone = [fills[0]]
    # FIFO lots follow the order in which fills were heard.
    for one in mixed[1:]:
        if one.kind is Exec.TRADE:
            fixed = next(fix for fix in right if fix.corrects == one.exec_id)
            if fixed.last_quantity:
                alone.append(told(one.exec_id, int(fixed.last_quantity), int(fixed.last_price or 0)))
    assert account(play(signal, mixed).books) == account(play(signal, alone).books)


# -- protection that cannot follow a correction at once

LETS_OVERSELL = replace(PAPER, reduce_only=False)


def shrunk_to_three(*failures: TheirFault, is_refused: bool = False) -> tuple[World, Unruly]:
    """Five were bought and two of them are taken back; the next changes come to nothing."""
    world = World(broker=Unruly, capabilities=LETS_OVERSELL)
    world.enter()
    line = world.broker
    assert isinstance(line, Unruly)
    line.lose("replace", *failures)
    line.refuses_changes = is_refused
    world.feed(correction(last_fill(world), quantity="3"), "broker")
    line.refuses_changes = False
    return world, line


def test_a_stop_and_a_target_that_were_never_asked_to_shrink_are_asked_again_within_a_second() -> None:
    world, _ = shrunk_to_three(THROTTLED, THROTTLED)
    assert {line[2] for line in world.working()} == {5}
    assert world.stage() is TradeState.PROTECTING
    assert not world.trade.failures, "the venue has refused nothing"
    world.clock.advance(SECOND)
    world.quote(176.00)
    assert {line[2] for line in world.working()} == {3}
    assert world.stage() is TradeState.HOLDING
    world.audit(is_in_step=False)


def test_what_may_sell_more_than_is_held_shrinks_with_the_next_bar_or_comparison() -> None:
    for then in ("bar", "comparison"):
        world, line = shrunk_to_three(is_refused=True)
        assert {one[2] for one in world.working()} == {5}
        assert world.stage() is TradeState.HOLDING, "a stop that is too large still covers"
        asked = line.calls.count("replace")
        world.quote(176.00)
        assert line.calls.count("replace") == asked, "not at once: the venue has said no"
        world.bar(176.00) if then == "bar" else world.desk.reconcile("minute")
        assert {one[2] for one in world.working()} == {3}
        assert not world.events(StopFailed)
        world.audit(is_in_step=False)


def test_what_may_sell_more_than_is_held_is_asked_to_shrink_again_where_nobody_answered() -> None:
    world, _ = shrunk_to_three(UNREACHABLE, UNREACHABLE)
    assert {one[2] for one in world.working()} == {5}
    world.wait(2)
    assert {one[2] for one in world.working()} == {3}
    world.audit(is_in_step=False)


def test_a_stop_that_ends_with_a_part_unsold_is_put_back_though_the_target_works(world: World) -> None:
    stop = world.order(STOP)
    part = ExecutionReport(
        at=world.now,
        exec_id="part",
        client_order_id=stop.id,
        kind=Exec.TRADE,
        last_quantity=Decimal(2),
        last_price=Price(Decimal("166.00")),
    )
    world.feed(part, "broker")
    assert world.stage() is TradeState.ORDER_CLOSING
    world.report(world.exchange.cancel(stop.id, world.desk.writs.live("executor", world.now)))
    assert (STOP, Side.SELL, 3, stop.terms.stop_price) in world.working()
    assert {line[2] for line in world.working()} == {3}
    assert world.order(TARGET).is_live
    world.audit(is_in_step=False)


def test_what_the_venue_cut_to_a_smaller_position_is_asked_for_in_full_when_it_grows_again() -> None:
    """Nobody answered the change to the smaller size, so the books know of no cut."""
    world = World(broker=Unruly)
    world.enter()
    line, fill = world.broker, last_fill(world)
    assert isinstance(line, Unruly)
    line.lose("replace", UNREACHABLE, UNREACHABLE)
    world.report(world.exchange.correct(Correction(exec_id=fill.exec_id, quantity=Decimal(2))))
    assert {one[2] for one in world.working()} == {2}
    assert world.order(STOP).remaining == 5
    corrected = [one for one in world.events(ExecutionReport) if one.kind is Exec.CORRECTED][-1]
    world.report(world.exchange.correct(Correction(exec_id=corrected.exec_id, quantity=Decimal(5))))
    world.wait(2)
    assert {one[2] for one in world.working()} == {5}
    world.audit()


def test_legs_of_a_bracket_are_held_against_the_venue_once_their_entry_has_filled() -> None:
    world = World(protection=Protection.BRACKET)
    world.enter()
    stop = world.order(STOP)
    assert stop.terms.parent
    grant = world.desk.writs.live("executor", world.now)
    world.exchange.replace(stop.id, Replacement(quantity=Qty(Decimal(2))), grant)
    world.desk.reconcile("minute")
    world.clock.advance(2 * SECOND)
    world.desk.tick()
    assert (STOP, Side.SELL, 5, stop.terms.stop_price) in world.working()
