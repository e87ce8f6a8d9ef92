"""What a person tells a running desk to do with one symbol or order, and what they are answered."""

from decimal import Decimal
from pathlib import Path

from tests.desks import SYMBOL
from tests.live import Live
from tests.unit.runtime.live.test_keeper import asked, kept
from tradewrit.domain.events.account import ExternalTraded, PositionAdopted, SymbolResumed
from tradewrit.domain.events.corporate import SharesDelisted, SharesSplit
from tradewrit.domain.events.market import BelievePrices, SymbolHalted
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderType, Role, Side
from tradewrit.domain.positions import Fill
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.splits import Ratio
from tradewrit.runtime.live.keeper import Keeper
from tradewrit.runtime.live.requests import (
    AskAdopt,
    AskBelieve,
    AskCancel,
    AskClose,
    AskHalt,
    AskMoveStop,
    AskOrders,
    AskResume,
    AskStatus,
)


def price(text: str) -> Price:
    return Price(Decimal(text))


def moved_at_venue(live: Live) -> None:
    """The venue splits the shares two for one, and the desk hears nothing of it."""
    ratio, at = Ratio(new=Decimal(2), old=Decimal(1)), live.clock.now()
    live.exchange.split(SharesSplit(at=at, action="s-1", symbol=SYMBOL, ratio=ratio, price=price("87.75")))


async def disputed(live: Live) -> str:
    """What the desk says once it has seen a difference that nothing explains."""
    await live.enter()
    moved_at_venue(live)
    for _ in range(2):
        live.shell.compare("minute")
        await live.settle(5)
    return live.shell.status().disputed[SYMBOL]


def test_a_position_is_closed_by_its_symbol(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.enter()
        assert "no open trade in MSFT; it has: AAPL" in await asked(one, AskClose(symbol="MSFT", reason="so"))
        told = await asked(one, AskClose(symbol=SYMBOL, reason="earnings"))
        assert told.startswith("closing AAPL: its orders are cancelled first")
        await live.bar(175.0)
        assert live.held == 0
        assert "no open trade in AAPL" in await asked(one, AskClose(symbol=SYMBOL, reason="again"))

    kept(tmp_path, story).audit()


def test_a_stop_moves_only_closer_to_the_price(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.enter()
        lower = await asked(one, AskMoveStop(symbol=SYMBOL, price=price("150")))
        assert lower.startswith("refused: a stop only moves towards the price: 150 against ")
        told = await asked(one, AskMoveStop(symbol=SYMBOL, price=price("172.50")))
        assert told == "the venue is asked to move the stop to 172.50"
        await live.settle()
        (stop,) = [terms for terms in live.exchange.open_orders() if terms.role is Role.STOP]
        assert stop.stop_price == Decimal("172.50")

    kept(tmp_path, story).audit()


def test_an_order_is_taken_back_by_the_beginning_of_its_id_and_a_stop_is_not(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        live.says()
        await live.bar(175.50)
        (entry,) = (await one.reception.receive(AskOrders(), "maria")).orders
        assert (entry.terms.role, entry.terms.type) == (Role.ENTRY, OrderType.MARKET)
        told = await asked(one, AskCancel(order=entry.id[:8], reason="changed my mind"))
        assert told.startswith("the venue is asked to cancel")
        await live.settle()
        assert (await one.reception.receive(AskOrders(), "maria")).orders == ()
        assert "no such open order" in await asked(one, AskCancel(order=entry.id, reason="again"))
        await live.enter()
        (stop,) = [
            o for o in (await one.reception.receive(AskOrders(), "m")).orders if o.terms.role is Role.STOP
        ]
        told = await asked(one, AskCancel(order=stop.id, reason="it bothers me"))
        assert told == "refused: it protects an open position; close the trade instead"

    kept(tmp_path, story).audit()


def test_a_symbol_that_the_venue_pauses_is_halted_and_resumed_by_a_person(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        told = await asked(one, AskHalt(symbol=SYMBOL, reason="LULD"))
        assert told.startswith("halted: no entries in AAPL")
        assert "halted already: LULD" in await asked(one, AskHalt(symbol=SYMBOL, reason="again"))
        assert "HALTED BY THE VENUE: AAPL: LULD" in await asked(one, AskStatus())
        live.says()
        await live.bar(175.50)
        assert live.broker.sent == []
        (record,) = [record for event, record in live.heard if isinstance(event, SymbolHalted)]
        assert record is not None
        assert record.entry.source == "human:maria", "whoever said so is on record"
        assert "trades again" in await asked(one, AskResume(symbol=SYMBOL, reason="it trades"))
        await live.enter()
        assert live.held > 0
        assert "is not suspended, in question, halted or cooling down" in await asked(
            one, AskResume(symbol=SYMBOL, reason="again")
        )

    kept(tmp_path, story).audit()


def test_a_fill_in_question_is_in_the_status_and_a_person_lets_the_symbol_trade_again(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.bar(175.50)
        at = live.clock.now()
        odd = Fill(
            trade_id="",
            symbol=SYMBOL,
            side=Side.BUY,
            quantity=Decimal(1),
            price=price("17.55"),
            fee=Decimal(0),
            at=at,
        )
        await live.shell.ask(ExternalTraded(at=at, exec_id="x-1", client_order_id="theirs", fill=odd))
        said = await asked(one, AskStatus())
        assert (
            f"FILL IN QUESTION: {SYMBOL}: 17.55 is more than 5 times away from the last price 175.5" in said
        )
        assert "may be traded again" in await asked(one, AskResume(symbol=SYMBOL, reason="it is looked at"))
        assert "IN QUESTION" not in await asked(one, AskStatus())

    kept(tmp_path, story)


def test_a_suspended_symbol_is_resumed_by_name(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.enter()
        gone = SharesDelisted(at=live.clock.now(), action="d-1", symbol=SYMBOL, price=None, reason="merger")
        await live.shell.ask(gone)
        said = await asked(one, AskStatus())
        assert f"SUSPENDED: {SYMBOL}" in said
        assert f"(tradewrit resume --symbol {SYMBOL})" in said
        await asked(one, AskHalt(reason="looking"))
        told = await asked(one, AskResume(symbol=SYMBOL, reason="it was a mistake"))
        assert told == f"resumed: {SYMBOL} may be traded again, what is held is protected anew"
        (resumed,) = live.events(SymbolResumed)
        assert (resumed.actor, resumed.reason) == ("human:maria", "it was a mistake")
        assert live.books.halted == "looking", "all else stays halted"
        assert "all trading is halted (looking): resume without --symbol" in await asked(
            one, AskResume(symbol="MSFT", reason="so")
        )

    kept(tmp_path, story)


def test_a_person_believes_the_venue_about_exactly_what_they_saw(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        dispute = await disputed(live)
        assert dispute.startswith("5 in the books, 10")
        assert f"DISPUTED: {SYMBOL} {dispute} (tradewrit adopt {SYMBOL})" in await asked(one, AskStatus())
        assert "is disputed, not suspended" in await asked(one, AskResume(symbol=SYMBOL, reason="so"))
        other = AskAdopt(symbol=SYMBOL, seen="5 in the books, 7 at the venue", reason="so")
        assert f"by now it is `{dispute}`: look again" in await asked(one, other)
        assert "nothing to adopt: MSFT is not disputed; what is: AAPL" in await asked(
            one, AskAdopt(symbol="MSFT", seen="", reason="so")
        )
        assert not live.events(PositionAdopted)
        adopt = AskAdopt(symbol=SYMBOL, seen=dispute, reason="a split", price=price("87.75"))
        assert await asked(one, adopt) == (
            "adopted: the books follow the venue, as if somebody else had done: buy 5 AAPL at 87.75"
        )
        (adopted,) = live.events(PositionAdopted)
        assert (adopted.actor, adopted.reason) == ("human:maria", "a split")
        assert live.books.units(SYMBOL) == live.held == 10
        assert live.shell.status().disputed == {}
        assert "nothing to adopt" in await asked(one, adopt), "once"

    kept(tmp_path, story)


def test_a_person_says_that_refused_prices_are_real(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.bar(17.5)
        await live.bar(175.0)
        assert live.shell.status().refused == 1
        assert live.market.last(SYMBOL) == 17.5
        unknown = await asked(one, AskBelieve(symbol="APPL", reason="reverse split"))
        assert unknown == "no bar of APPL was ever believed; known are: AAPL"
        told = await asked(one, AskBelieve(symbol=SYMBOL, reason="reverse split"))
        assert told == "the next bar of AAPL is let in, however far away it is"
        await live.bar(175.0)
        assert live.market.last(SYMBOL) == 175.0
        (word,) = live.events(BelievePrices)
        assert (word.actor, word.reason) == ("human:maria", "reverse split"), "on record"

    kept(tmp_path, story).audit()


def test_a_symbol_in_which_the_venue_refused_too_often_is_resumed_by_name(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        live.broker.refuses, live.broker.refusal = {Role.ENTRY}, Rejection.NOT_SHORTABLE
        live.says()
        await live.bar(175.50)
        assert f"NO ENTRY: the venue refused an entry (not_shortable): none in {SYMBOL}" in await asked(
            one, AskStatus()
        )
        told = await asked(one, AskResume(symbol=SYMBOL, reason="the broker lends it now"))
        assert told == f"resumed: {SYMBOL} may be tried again after the venue's refusals"
        assert live.shell.status().cooling == ()

    kept(tmp_path, story, limits=Limits(max_refusals=1))


def test_a_halt_of_a_symbol_that_nobody_knows_is_done_and_says_that_it_may_be_a_slip(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.bar(175.50)
        said = await asked(one, AskHalt(reason="drill", symbol="APPL"))
        assert said == (
            "halted: no entries in APPL; stops stay, exits wait for the resumption. NO PRICE OF IT WAS EVER HEARD; "
            f"known are: {SYMBOL}"
        )
        assert live.shell.status().paused == {"APPL": "drill"}
        said = await asked(one, AskHalt(reason="drill", symbol=SYMBOL))
        assert said == f"halted: no entries in {SYMBOL}; stops stay, exits wait for the resumption"

    kept(tmp_path, story)
