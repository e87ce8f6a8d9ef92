"""Emergency liquidation: entries stop, everything is closed, and no lost answer doubles or turns anything round."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks import BUY, SYMBOL
from tests.live import Live, play
from tests.unruly import UNREACHABLE
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.events.running import FlattenEnded, FlattenRound
from tradewrit.domain.money import Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.times import parse_iso
from tradewrit.errors import WrongVenue
from tradewrit.market.calendar import calendar_for
from tradewrit.runtime.live.flatten import approved, plan
from tradewrit.runtime.live.liquidation import Liquidation

GRANT = Grant(id="", agent="", scopes=frozenset(), issued_at=0, expires_at=0)


def order_of(symbol: str, side: Side, quantity: int, kind: OrderType = OrderType.MARKET) -> OrderTerms:
    return OrderTerms(
        client_order_id=f"by-hand-{symbol}-{side}-{quantity}",
        trade_id="",
        symbol=symbol,
        side=side,
        quantity=Qty(Decimal(quantity)),
        type=kind,
        role=Role.ENTRY,
    )


def by_hand(live: Live, symbol: str, quantity: int) -> None:
    """Somebody buys in the account, behind the desk's back."""
    terms = order_of(symbol, Side.BUY, quantity)
    live.exchange.place(Approved(orders=(terms,), by=("human:maria",), at=live.clock.now()), GRANT)


async def flatten(live: Live, *, trading: bool = True) -> FlattenEnded:
    """Run one, while the market goes on trading each second."""
    run = Liquidation(live.shell, live.broker, "human:maria", "drill").run()
    task = asyncio.ensure_future(run)
    for _ in range(120):
        if task.done():
            break
        await live.settle(1)
        if trading:
            for symbol in (SYMBOL, "MSFT"):
                live.quote(175.0 if symbol == SYMBOL else 50.0, symbol)
    return await asyncio.wait_for(task, 1)


def test_everything_that_is_held_is_closed_and_nothing_stays_at_the_venue() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        await live.enter(50.0, "MSFT")
        assert len(live.exchange.positions()) == 2
        ended = await flatten(live)
        assert ended.reason == "the account is flat"
        assert ended.held == {}
        assert dict(live.exchange.positions()) == {}
        assert live.exchange.open_orders() == ()
        assert live.books.halted

    live = play(story)
    assert live.names().count("PositionClosed") == 2
    live.audit()


def test_each_round_is_on_record_before_anything_of_it_leaves() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        sent = len(live.broker.calls)
        live.broker.spy = lambda call: seen.append((call, "FlattenRound" in live.names()))
        seen: list[tuple[str, bool]] = []
        await flatten(live)
        assert len(live.broker.calls) > sent
        assert all(on_record for call, on_record in seen if call in {"place", "cancel"})

    live = play(story)
    (first, *_) = live.events(FlattenRound)
    assert first.held == {SYMBOL: Decimal(5)}
    assert len(first.trades) == 1


def test_what_no_trade_explains_is_closed_by_an_order_of_its_own_once() -> None:
    async def story(live: Live) -> None:
        by_hand(live, "MSFT", 7)
        await live.bar(50.0, "MSFT")
        assert dict(live.exchange.positions()) == {"MSFT": Decimal(7)}
        live.broker.lose("place", UNREACHABLE, is_done=True)  # it was taken, and nobody knows
        ended = await flatten(live)
        assert ended.held == {}

    live = play(story)
    assert dict(live.exchange.positions()) == {}
    closings = [closing for round_ in live.events(FlattenRound) for closing in round_.closings]
    assert all((closing.symbol, closing.side) == ("MSFT", Side.SELL) for closing in closings)
    assert not live.books.positions


def test_a_venue_that_answers_nothing_is_asked_until_it_does() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        live.broker.lose("place", *[UNREACHABLE] * 3)
        live.broker.lose("cancel", *[UNREACHABLE] * 3)
        ended = await flatten(live)
        assert ended.held == {}

    live = play(story)
    assert dict(live.exchange.positions()) == {}
    live.audit()


def test_where_another_exchange_answers_nothing_is_closed_and_it_is_said() -> None:
    other = WrongVenue("this journal belongs to paper exchange a1, and there another one answers")

    async def story(live: Live) -> None:
        await live.enter()
        live.broker.lose("positions", other)
        placed = len(live.broker.sent)
        with pytest.raises(WrongVenue, match="belongs to paper exchange a1"):
            await flatten(live, trading=False)
        assert len(live.broker.sent) == placed
        assert live.books.halted, "that much it could do"

    play(story)


def test_an_entry_that_waits_for_its_price_is_taken_back() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        live.says(BUY, "MSFT")
        await live.bar(50.0, "MSFT")
        ended = await flatten(live)
        assert ended.held == {}
        assert live.exchange.open_orders() == ()

    play(story)


def test_when_the_market_closes_what_is_left_keeps_its_stop() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        await live.settle(3 * 60)
        ended = await flatten(live, trading=False)
        assert "the market is closed" in ended.reason
        assert ended.held == {SYMBOL: Decimal(5)}
        assert [terms.role for terms in live.exchange.open_orders()] == [Role.STOP, Role.TARGET]

    play(story, sessions=calendar_for("NYSE"), at=parse_iso("2024-03-04T20:56:00Z"))


def test_a_bracket_goes_with_its_position() -> None:
    async def story(live: Live) -> None:
        await live.enter()
        await flatten(live)
        assert live.exchange.open_orders() == ()

    live = play(story, protection=Protection.BRACKET)
    live.audit()


# -- the plan alone


@given(
    st.dictionaries(st.sampled_from("ABC"), st.integers(-9, 9).map(Decimal)),
    st.lists(
        st.builds(
            order_of,
            st.sampled_from("ABC"),
            st.sampled_from(Side),
            st.integers(1, 9),
            st.sampled_from([OrderType.MARKET, OrderType.STOP]),
        )
    ),
    st.integers(1, 9),
)
def test_a_round_closes_exactly_what_the_venue_named_and_never_more(
    held: dict[str, Decimal], working: list[OrderTerms], number: int
) -> None:
    planned = plan("run", number, 1, Books(), held, working)
    assert planned == plan("run", number, 1, Books(), held, working), "the same ids for the same round"
    for closing in planned.closings:
        units = held[closing.symbol]
        assert closing.quantity == abs(units) > 0
        assert closing.side.sign * units < 0
        (terms,) = approved(closing, "run", 1).orders
        assert terms.reduce_only
        assert terms.role.is_protective
    following = plan("run", number + 1, 1, Books(), held, working)
    ids: list[Any] = [closing.client_order_id for one in (planned, following) for closing in one.closings]
    assert len(ids) == len(set(ids))


def test_while_an_order_that_closes_it_all_is_at_work_no_second_one_is_sent() -> None:
    selling = order_of("A", Side.SELL, 5)
    assert plan("run", 9, 1, Books(), {"A": Decimal(5)}, [selling]).closings == ()
    assert len(plan("run", 9, 1, Books(), {"A": Decimal(6)}, [selling]).closings) == 1
