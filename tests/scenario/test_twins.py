"""A venue that takes one id as two orders: nothing of ours ends with the other, and the other is got rid of. F-64.

The venue is the paper exchange with a second order under an id that it had; which of the two anything is said
of, only the venue's own ids tell.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.desks import SYMBOL
from tests.processes import HAND, Process
from tests.unruly import UNREACHABLE, Reports, Unruly
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.capabilities import PAPER, Capabilities, Dedupe
from tradewrit.domain.events.account import ExternalBooked, TradingHalted
from tradewrit.domain.events.orders import Exec, ExecutionReport, OrderCancelled, OrderFilled
from tradewrit.domain.events.positions import CloseTrade, FillBooked, PositionClosed
from tradewrit.domain.events.twins import TwinEnded, TwinFilled, TwinFound
from tradewrit.domain.orders import Approved, OrderState, OrderTerms, Role
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.ports import Replacement
from tradewrit.simulation.names import Names, listed, told

ENTRY, STOP, EXIT = Role.ENTRY, Role.STOP, Role.EXIT
ALONE = replace(PAPER, oco=False, bracket=False, reduce_only=False)
"""A venue that lets more be sold than is held, as many do."""


class TwoMinded(Unruly):
    """Takes every list that comes a second time as new orders."""

    def __init__(self, exchange: PaperExchange, capabilities: Capabilities | None, names: Names) -> None:
        super().__init__(exchange, capabilities)
        self.names = names
        self.lists: list[Approved] = []

    def place(self, approved: Approved, grant: Grant) -> Reports:
        self.lists.append(approved)
        return self.say(super().place(self.names.given(approved, self.exchange), grant))

    def cancel(self, client_order_id: str, grant: Grant, broker_order_id: str = "") -> Reports:
        name = self.names.named(client_order_id, broker_order_id, self.exchange)
        return self.say(super().cancel(name, grant))

    def replace(
        self, client_order_id: str, replacement: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Reports:
        name = self.names.named(client_order_id, broker_order_id, self.exchange)
        return self.say(super().replace(name, replacement, grant))

    def order(self, client_order_id: str) -> Reports:
        self._begin("order")
        return [
            one for name in self.names.all(client_order_id) for one in self.say(self.exchange.order(name))
        ]

    def open_orders(self) -> Sequence[OrderTerms]:
        return listed(super().open_orders())

    def executions(self, since: int) -> Reports:
        return self.say(super().executions(since))

    def say(self, reports: Iterable[ExecutionReport]) -> Reports:
        """In the venue's words."""
        said = tuple(reports)
        self.names.note(said)
        return told(said)


class Doubled(Process):
    """A desk at such a venue. is_deaf: its stream brings nothing."""

    line: TwoMinded

    def __init__(self, path: Path, *, names: Names | None = None, **more: Any) -> None:
        self.ids = names or Names(Dedupe.FOREVER, lambda: True)
        self.is_deaf = False
        super().__init__(path, **(more | {"capabilities": more.get("capabilities", ALONE)}))

    def _line(self, exchange: PaperExchange) -> TwoMinded:
        self.line = TwoMinded(exchange, self.more.get("capabilities", ALONE), self.ids)
        return self.line

    def report(self, reports: Any) -> None:
        said = self.line.say(reports)
        if not self.is_deaf:
            super().report(said)

    def restarted(self) -> "Doubled":
        """The next process, at the same venue."""
        self.journal.close()
        return Doubled(self.path, names=self.ids, has_outbox=self.has_outbox, after=self, **self.more)

    def doubled(self, role: Role) -> Reports:
        """The list of the latest order of a role comes to the venue once more: what it says of that."""
        approved = next(one for one in reversed(self.line.lists) if one.orders[0].role is role)
        return self.line.say(self.exchange.place(self.ids.given(approved, self.exchange), HAND))

    def works(self, role: Role) -> list[str]:
        """What the venue calls the orders of a role that work."""
        book = self.exchange.working.get(SYMBOL, ())
        return [order.broker_order_id for order in book if order.terms.role is role]


@pytest.fixture(params=["inline", "outbox"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Doubled:
    return Doubled(tmp_path / "desk.journal", has_outbox=request.param == "outbox")


def in_step(desk: Doubled) -> None:
    """Books and venue hold the same, with what is in no trade, and have the same cash."""
    desk.reconcile()
    assert desk.books.units(SYMBOL) == desk.held
    assert desk.books.cash == desk.exchange.cash or desk.books.external
    assert not desk.books.disputed
    desk.audit(is_in_step=False)


# -- a stop


def test_a_second_stop_is_cancelled_and_ours_is_kept(desk: Doubled) -> None:
    desk.enter()
    (ours,) = desk.works(STOP)
    Process.report(desk, desk.doubled(STOP))
    found = desk.only(TwinFound)
    assert (found.ours, found.role) == (ours, STOP)
    assert desk.works(STOP) == [ours]
    assert desk.only(TwinEnded).broker_order_id == found.broker_order_id
    assert desk.books.halted.startswith("one id, two orders")
    assert desk.order(STOP).state is OrderState.ACCEPTED
    assert not desk.events(OrderCancelled)
    in_step(desk)
    desk.quote(150.0)
    assert desk.held == 0
    in_step(desk)


def test_word_that_the_second_stop_is_cancelled_ends_nothing_of_ours(desk: Doubled) -> None:
    """Somebody else has cancelled it before the desk hears that there are two."""
    desk.enter()
    (ours,) = desk.works(STOP)
    said = [*desk.doubled(STOP)]
    said += desk.line.cancel(desk.order(STOP).id, HAND, said[0].broker_order_id)
    Process.report(desk, said[::-1])
    assert desk.works(STOP) == [ours] == [desk.order(STOP).broker_order_id]
    assert desk.order(STOP).is_live
    assert [event.client_order_id for event in desk.events(TwinEnded)] == [desk.order(STOP).id]
    assert desk.books.halted
    in_step(desk)


def test_a_second_stop_of_which_nothing_was_heard_is_found_by_comparison(desk: Doubled) -> None:
    desk.enter()
    (ours,) = desk.works(STOP)
    desk.doubled(STOP)
    desk.reconcile()
    assert desk.only(TwinFound).ours == ours
    assert desk.works(STOP) == [ours]
    in_step(desk)


def test_the_answer_about_our_stop_is_held_to_ours(desk: Doubled) -> None:
    """Of all that the venue tells under the id, the last is that an order was cancelled: the other one."""
    desk.enter()
    (ours,) = desk.works(STOP)
    said = desk.doubled(STOP)
    desk.line.cancel(desk.order(STOP).id, HAND, said[0].broker_order_id)
    desk = desk.restarted()
    desk.line.lose("replace", UNREACHABLE)
    desk.bar(180.0)
    desk.reconcile()
    desk.wait(120)
    assert desk.works(STOP) == [ours] == [desk.order(STOP).broker_order_id]
    assert not [one for one in desk.events(OrderCancelled) if one.role is STOP]
    in_step(desk)


@pytest.mark.parametrize("is_first", [True, False], ids=["before ours", "after ours"])
def test_what_the_second_stop_sells_is_booked_and_sold_once(desk: Doubled, is_first: bool) -> None:
    """Both trade at one price, before anybody knew that there are two: what ours sold too much is held apart."""
    desk.enter()
    held = desk.held
    said = [*desk.doubled(STOP)]
    desk.is_deaf = True
    desk.quote(150.0)
    assert desk.held == -held
    fills = [one for one in desk.line.executions(0) if one.side is desk.order(STOP).terms.side]
    Process.report(desk, said + (fills[::-1] if is_first else fills))
    desk.is_deaf = False
    desk.reconcile()
    assert len(desk.events(PositionClosed)) == 1
    assert desk.books.external[SYMBOL].signed == -held
    assert desk.books.halted
    assert desk.only(TwinFilled).fill.quantity == held
    assert not desk.exchange.open_orders()
    in_step(desk)


def test_a_second_stop_that_trades_alone_closes_the_trade_and_ours_is_taken_back(desk: Doubled) -> None:
    desk.enter()
    (ours,) = desk.works(STOP)
    said = [*desk.doubled(STOP)]
    desk.line.lose("cancel", UNREACHABLE)
    Process.report(desk, said)
    (twin,) = {*desk.works(STOP)} - {ours}
    stop = desk.order(STOP)
    fill = replace(
        said[0],
        exec_id="venue:sold",
        kind=Exec.TRADE,
        last_quantity=stop.terms.quantity,
        last_price=stop.terms.stop_price,
        cumulative=stop.terms.quantity,
    )
    assert fill.broker_order_id == twin
    Process.report(desk, [fill])
    assert not desk.books.positions
    assert desk.closed.trade_id == stop.terms.trade_id
    assert not desk.events(OrderFilled)[1:]
    assert ours not in desk.works(STOP)


def test_a_desk_that_dies_between_alarm_and_cancel_cancels_the_second_stop_when_it_is_back(
    desk: Doubled,
) -> None:
    desk.enter()
    (ours,) = desk.works(STOP)
    said = desk.doubled(STOP)
    desk.killed(lambda: Process.report(desk, said), at="cancel", is_done=False)
    assert len(desk.works(STOP)) == 2
    desk = Doubled(desk.path, names=desk.ids, has_outbox=desk.has_outbox, after=desk, **desk.more)
    assert desk.works(STOP) == [ours]
    assert desk.books.halted
    assert desk.order(STOP).state is OrderState.ACCEPTED
    in_step(desk)


def test_a_cancel_of_the_second_stop_that_is_lost_is_sent_again(desk: Doubled) -> None:
    desk.enter()
    (ours,) = desk.works(STOP)
    desk.line.lose("cancel", UNREACHABLE, UNREACHABLE)
    Process.report(desk, desk.doubled(STOP))
    assert len(desk.works(STOP)) == 2
    desk.wait(6)
    assert desk.works(STOP) == [ours]
    assert desk.order(STOP).state is OrderState.ACCEPTED
    in_step(desk)


def test_while_the_second_stop_works_ours_is_moved_by_its_own_name(desk: Doubled) -> None:
    desk.enter()
    (ours,) = desk.works(STOP)
    desk.line.lose("cancel", *[UNREACHABLE] * 5)
    Process.report(desk, desk.doubled(STOP))
    desk.feed(CloseTrade(at=desk.now, trade_id=desk.trade.id, actor="human:maria", reason="enough"))
    desk.wait(30)
    assert ours not in desk.works(STOP)
    desk.quote(175.0)
    assert desk.held == 0
    in_step(desk)


# -- an exit


def test_a_second_exit_after_the_trade_is_over_is_held_apart_and_a_person_is_called(desk: Doubled) -> None:
    desk.enter()
    held = desk.held
    desk.feed(CloseTrade(at=desk.now, trade_id=desk.trade.id, actor="human:maria", reason="enough"))
    desk.quote(175.0)
    assert not desk.books.trades
    said = desk.doubled(EXIT)
    desk.is_deaf = True
    desk.quote(175.0)
    desk.is_deaf = False
    assert desk.held == -held
    desk.reconcile()
    assert desk.only(TwinFilled).role is EXIT
    assert desk.only(TwinFound).broker_order_id == said[0].broker_order_id
    assert desk.only(ExternalBooked).fill.quantity == held
    assert desk.only(TradingHalted).reason == desk.books.halted
    in_step(desk)


# -- an entry


@pytest.mark.parametrize("is_first", [True, False], ids=["before ours", "after ours"])
def test_what_a_second_entry_buys_is_the_trades_and_covered_by_its_stop(
    desk: Doubled, is_first: bool
) -> None:
    desk.order_entry()
    ours = desk.order(ENTRY).terms.quantity
    said = [*desk.doubled(ENTRY)]
    desk.is_deaf = True
    desk.bar(175.50)
    assert desk.held == 2 * ours
    fills = list(desk.line.executions(0))
    Process.report(desk, said + (fills[::-1] if is_first else fills))
    desk.is_deaf = False
    assert desk.order(ENTRY).filled == ours
    assert desk.books.positions[SYMBOL].signed == 2 * ours
    assert [one.role for one in desk.events(FillBooked)] == [ENTRY, ENTRY]
    assert desk.order(STOP).remaining == 2 * ours == Decimal(desk.exchange.open_orders()[0].quantity)
    assert desk.books.halted
    desk.quote(150.0)
    assert desk.held == 0
    assert not desk.books.trades
    in_step(desk)
    desk.audit()
