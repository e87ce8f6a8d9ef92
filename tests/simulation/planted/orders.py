"""Planted: orders that go out twice, under the wrong name, or are believed to be what they are not."""

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation.planting import Aim, everywhere, planted
from tradewrit.domain import conclusions, intents, reports
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import PAPER, Dedupe, Protection
from tradewrit.domain.decisions import Decision
from tradewrit.domain.effects import PlaceOrders, SetTimer
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    OrderRequested,
)
from tradewrit.domain.ids import derive
from tradewrit.domain.market import MarketPhase
from tradewrit.domain.orders import Approved, Order, OrderState, Role
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.signals import Market
from tradewrit.domain.terms import order_id
from tradewrit.risk import doubts
from tradewrit.runtime.outbox import Outbox
from tradewrit.runtime.resilience.breaker import Permit
from tradewrit.runtime.resilience.guard import Endpoint, GuardedBroker
from tradewrit.simulation.line import Line
from tradewrit.simulation.plan import Faults, Whims

LOSSY = Faults(drop=0.1)
AFTER_FILL = {"protection": Protection.AFTER_FILL}
NAKED_VENUE = replace(PAPER, oco=False, bracket=False, reduce_only=False)
"""One that neither links orders nor refuses to sell what is not there."""


def asked_anew(books: Books, order: Order, at: int) -> Decision:
    """The same order under the next name, and the old one given up."""
    number = 100 + len(books.orders)
    terms = replace(
        order.terms, client_order_id=order_id(books, order.terms.trade_id, order.terms.role, number)
    )
    requested = OrderRequested(
        at=at,
        trace=terms.trade_id,
        terms=terms,
        approved_by=order.approved_by,
        reserved=order.reserved,
        agent_id=order.agent_id,
        token_id=order.token_id,
        notional=order.notional,
    )
    approved = Approved(orders=(terms,), by=order.approved_by, at=at)
    place = PlaceOrders(trace=terms.trade_id, symbol=terms.symbol, approved=approved)
    given_up = conclusions.rejected(order, at, Rejection.NOT_SENT, "no answer: sent anew")
    return Decision((requested,), (place,)) + given_up


@planted(
    kind="double entry after a time-out: each retry makes a new client order id",
    aim=Aim(faults=Faults(duplicate=0.4, drop=0.05)),
    caught_by=("I-1", "I-13"),
    seed=1,
)
def new_id_on_retry(patch: pytest.MonkeyPatch) -> None:
    """The gateway sends an order that it has sent before under a new client order id."""
    sent: set[str] = set()
    place = Line.place

    def renaming(line: Line, approved: Approved, grant: Any) -> Sequence[ExecutionReport]:
        terms = approved.orders
        if any(one.client_order_id in sent for one in terms):
            terms = tuple(
                replace(one, client_order_id=derive(one.client_order_id, len(sent))) for one in terms
            )
        sent.update(one.client_order_id for one in terms)
        return place(line, replace(approved, orders=terms), grant)

    patch.setattr(Line, "place", renaming)


@planted(
    kind="position twice as large as asked: a time-out was taken for a refusal, and the order sent again",
    aim=Aim(faults=LOSSY),
    caught_by=("I-1",),
    seed=20,
)
def lost_answer_taken_for_failure(patch: pytest.MonkeyPatch) -> None:
    """An entry whose answer was lost counts as refused and is asked for anew, under another id."""
    lost = doubts._lost

    def hasty(books: Books, order: Order, report: ExecutionReport) -> Decision:
        if order.terms.role is Role.ENTRY and order.state is OrderState.SUBMITTED:
            return given_up
        return lost(books, order, report)

    given_up = Decision()
    judge = doubts.judge

    def judging(books: Books, market: Market, report: ExecutionReport) -> Decision:
        order = books.orders.get(report.client_order_id)
        decision = judge(books, market, report)
        return asked_anew(books, order, report.at) if decision is given_up and order else decision

    patch.setattr(doubts, "_lost", hasty)
    patch.setattr(doubts, "judge", judging)


@planted(
    kind="two orders: 'order not found' was believed while the request was still on its way",
    aim=Aim(faults=Faults(drop=0.05, slow=0.2), account=AFTER_FILL),
    caught_by=("I-1",),
    seed=24,
)
def one_lookup_is_enough(patch: pytest.MonkeyPatch) -> None:
    """The first time that the venue does not know an entry, it is given up and asked for under a new id."""
    absent = doubts._absent

    def rash(books: Books, market: Market, order: Order, report: ExecutionReport) -> Decision:
        if order.terms.role is Role.ENTRY and order.state is OrderState.UNKNOWN:
            return asked_anew(books, order, report.at)
        return absent(books, market, order, report)

    patch.setattr(doubts, "_absent", rash)


@planted(
    kind="phantom position: an order nobody answered was booked as filled",
    aim=Aim(faults=LOSSY),
    caught_by=("I-2", "I-5", "I-4"),
    seed=0,
)
def lost_answer_taken_for_success(patch: pytest.MonkeyPatch) -> None:
    """A market entry whose answer was lost is booked as filled at the price it was decided on."""
    judge = doubts.judge

    def trusting(books: Books, market: Market, report: ExecutionReport) -> Decision:
        order = books.orders.get(report.client_order_id)
        price = None if order is None else market.mark(order.terms.symbol)
        if order is None or price is None or report.kind is not Exec.UNKNOWN:
            return judge(books, market, report)
        if order.terms.role is not Role.ENTRY or order.state is not OrderState.SUBMITTED:
            return judge(books, market, report)
        filled = replace(report, kind=Exec.TRADE, last_quantity=order.terms.quantity, last_price=price)
        return reports.interpret(books, filled)

    patch.setattr(doubts, "judge", trusting)


@planted(
    kind="short by mistake: a cancel without an answer was taken for done, and the exit sold beside the stop",
    aim=Aim(
        faults=Faults(drop=0.06, gaps=0.2),
        account={"capabilities": NAKED_VENUE, "whims": Whims(enter=0.7, leave=0.5)},
    ),
    caught_by=("I-3", "I-13"),
    seed=26,
)
def lost_cancel_taken_for_done(patch: pytest.MonkeyPatch) -> None:
    """A cancel whose answer was lost counts as done."""
    lost = doubts._lost

    def trusting(books: Books, order: Order, report: ExecutionReport) -> Decision:
        if order.state is OrderState.PENDING_CANCEL:
            return Decision((conclusions.cancelled(order, report.at, "no answer: taken for done"),))
        return lost(books, order, report)

    patch.setattr(doubts, "_lost", trusting)


@planted(
    kind="two stops for one position: a lost stop was sent again under another id",
    aim=Aim(
        faults=Faults(drop=0.05, slow=0.5, gaps=0.1),
        account={"capabilities": NAKED_VENUE, **AFTER_FILL},
    ),
    caught_by=("I-3", "I-13"),
    seed=7,
)
def lost_stop_sent_anew(patch: pytest.MonkeyPatch) -> None:
    """A stop whose answer was lost counts as refused, so that the keeper places another."""
    lost = doubts._lost

    def hasty(books: Books, order: Order, report: ExecutionReport) -> Decision:
        if order.terms.role is Role.STOP and order.state is OrderState.SUBMITTED:
            return conclusions.rejected(order, report.at, Rejection.NOT_SENT, "no answer: taken for refused")
        return lost(books, order, report)

    patch.setattr(doubts, "_lost", hasty)


@planted(
    kind="banned by the venue: a poll without a pause while the venue is slow",
    aim=Aim(faults=Faults(venue_outages_per_hour=90, thin=0.5), account=AFTER_FILL),
    caught_by=("I-12",),
    seed=2,
)
def no_pause_between_questions(patch: pytest.MonkeyPatch) -> None:
    """A question that settled nothing is put again at once, and nothing guards the venue."""
    wait = doubts._wait

    def impatient(order: Order, report: ExecutionReport) -> Decision:
        decision = wait(order, report)
        return replace(
            decision,
            effects=tuple(
                conclusions.ask(order) if isinstance(effect, SetTimer) else effect
                for effect in decision.effects
            ),
        )

    patch.setattr(doubts, "_wait", impatient)

    def open_to_all(guard: GuardedBroker, endpoint: Endpoint, *, is_protective: bool) -> Permit:
        del is_protective
        return Permit(guard.breakers[endpoint].round)

    patch.setattr(GuardedBroker, "_let_through", open_to_all)


@planted(
    kind="cancel overtakes its order: two writes of one symbol in flight",
    aim=Aim(),
    caught_by=("I-3",),
    seed=4,
)
def writes_overtake_each_other(patch: pytest.MonkeyPatch) -> None:
    """Writes of one symbol leave without waiting for the one before."""
    leave = Outbox._leave

    def leaving(outbox: Outbox, queue: Any, place: int) -> Any:
        asked = leave(outbox, queue, place)
        outbox._busy.clear()
        return asked

    patch.setattr(Outbox, "_leave", leaving)


@planted(
    kind="double entry: what had no answer was sent again, to a venue that takes an id twice",
    aim=Aim(
        faults=Faults(drop=0.1, half_open_per_hour=120),
        account={"capabilities": replace(NAKED_VENUE, dedupe=Dedupe.NONE)},
    ),
    caught_by=("I-1",),
    seed=18,
)
def resent_blindly(patch: pytest.MonkeyPatch) -> None:
    """What was not answered is sent again at once, under the same id."""
    judge = doubts.judge

    def again(books: Books, market: Market, report: ExecutionReport) -> Decision:
        order = books.orders.get(report.client_order_id)
        if report.kind is Exec.UNKNOWN and order and order.state is OrderState.SUBMITTED:
            return doubts._resent(books, [order], report.at, "once more")
        return judge(books, market, report)

    patch.setattr(doubts, "judge", again)


@planted(
    kind="market order into a closed market: filled at the open, far away",
    aim=Aim(account={"closes_at_s": 90, "closed_for_s": 90}),
    caught_by=("I-6",),
    seed=4,
)
def closed_market_ignored(patch: pytest.MonkeyPatch) -> None:
    """Orders are sent at any hour, and not held until the market opens."""
    request = intents.request

    class Open:
        """A market that never closes."""

        def __init__(self, market: Market) -> None:
            self._market = market

        def __getattr__(self, name: str) -> Any:
            return getattr(self._market, name)

        def phase(self, at: int) -> MarketPhase:
            """Open."""
            del at
            return MarketPhase.OPEN

    def requesting(books: Books, market: Market, *args: Any) -> Decision:
        return request(books, Open(market), *args)

    everywhere(patch, intents, "request", requesting)
