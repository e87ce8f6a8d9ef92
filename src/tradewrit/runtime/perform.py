"""Performs effects: through the gate, to the handler, and what comes back into events.

The only place through which anything leaves the desk. Knows no strategy.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from msgspec.structs import replace as replace_fields

from tradewrit.domain.books import Books
from tradewrit.domain.effects import (
    AskAccount,
    AskPeople,
    AskVenue,
    CancelAtVenue,
    Effect,
    FetchBars,
    FetchMarketStatus,
    FetchQuote,
    OpenStream,
    PlaceOrders,
    ReplaceAtVenue,
    SetTimer,
)
from tradewrit.domain.events.account import AccountReported, AccountUnavailable
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ENDS, Exec, ExecutionReport
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.money import ZERO
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.errors import Throttled, Unauthorized, Unreachable
from tradewrit.kernel import Asked
from tradewrit.runtime.gate import Gate
from tradewrit.runtime.ports import Broker, Feed, Replacement
from tradewrit.runtime.writs import Writs

Handler = Callable[[Any, Grant, int], Sequence[Event]]


class Departure(msgspec.Struct, frozen=True):
    """An effect that may leave, under the grant that was checked for it.

    work: does it, at `now` (UTC ns), and returns its outcome; blocks for as long as the venue takes, and
        needs nothing of the desk, so that any thread may call it.
    """

    asked: Asked
    grant: Grant
    handler: Handler

    def work(self, now: int) -> Sequence[Event]:
        """Do it."""
        return self.handler(self.asked.effect, self.grant, now)


NO_EVENTS: Final[tuple[Event, ...]] = ()
_BOUNDS: Final = ENDS | {Exec.NEW}


class Performer:
    """Effects in, outcomes out. Every handler receives the live grant that covers the effect."""

    def __init__(self, handlers: Mapping[type[Effect], Handler], writs: Writs) -> None:
        self._handlers = dict(handlers)
        self._gate = Gate(writs)

    def expect(self, asked: Iterable[Asked]) -> None:
        """These effects of one step are on record, and are asked for next; see `Gate.expect`."""
        self._gate.expect(one.effect for one in asked)

    def perform(self, effect: Effect, agent: str, books: Books, now: int) -> Sequence[Event]:
        """Do it, if the writ it goes out under allows it at `now`; otherwise say who lacked what.

        books: the account with the intent on record.
        """
        admitted = self.admit(Asked(effect, agent), books, now)
        return (admitted,) if isinstance(admitted, WritDenied) else admitted.work(now)

    def admit(self, asked: Asked, books: Books, now: int) -> Departure | WritDenied:
        """As `perform`, up to the moment at which it leaves."""
        effect, agent = asked.effect, asked.agent
        grant = self._gate.admit(effect, agent, books, now)
        if isinstance(grant, WritDenied):
            return grant
        handler = self._handlers.get(type(effect))
        if handler is None:
            return self._gate.refuse(effect, agent, books, now, "this desk has nobody who could do that")
        return Departure(asked, grant, handler)


def venue_handlers(broker: Broker) -> dict[type[Effect], Handler]:
    """Handlers that talk to a broker; its failures become reports, never exceptions."""
    say = _Reporter()

    def unsent(effect: Effect, order_id: str, kind: Exec, now: int, why: Exception) -> ExecutionReport:
        return say(effect, order_id, kind, now, str(why), Rejection.NOT_TAKEN)

    def place(effect: PlaceOrders, grant: Grant, now: int) -> Sequence[Event]:
        orders = effect.approved.orders
        try:
            return observed(broker.place(effect.approved, grant), now)
        except Unreachable as lost:
            # Neither sent nor not sent: the books say UNKNOWN until the venue has been asked.
            return tuple(say(effect, terms.client_order_id, Exec.UNKNOWN, now, str(lost)) for terms in orders)
        except (Throttled, Unauthorized) as refused:
            return tuple(
                unsent(effect, terms.client_order_id, Exec.REJECTED, now, refused) for terms in orders
            )

    def cancel(effect: CancelAtVenue, grant: Grant, now: int) -> Sequence[Event]:
        try:
            return observed(broker.cancel(effect.client_order_id, grant, effect.broker_order_id), now)
        except Unreachable as lost:
            said = say(effect, effect.client_order_id, Exec.UNKNOWN, now, str(lost))
        except (Throttled, Unauthorized) as refused:
            said = unsent(effect, effect.client_order_id, Exec.CANCEL_REJECTED, now, refused)
        return (replace_fields(said, broker_order_id=effect.broker_order_id),)

    def replace(effect: ReplaceAtVenue, grant: Grant, now: int) -> Sequence[Event]:
        replacement = Replacement(
            quantity=effect.quantity,  # type: ignore[arg-type]  # whole lots, checked by the executor
            limit_price=effect.limit_price,
            stop_price=effect.stop_price,
        )
        try:
            which = effect.broker_order_id
            return observed(broker.replace(effect.client_order_id, replacement, grant, which), now)
        except Unreachable as lost:
            return (say(effect, effect.client_order_id, Exec.UNKNOWN, now, str(lost)),)
        except (Throttled, Unauthorized) as refused:
            return (unsent(effect, effect.client_order_id, Exec.REPLACE_REJECTED, now, refused),)

    def ask(effect: AskVenue, grant: Grant, now: int) -> Sequence[Event]:
        del grant
        order_id = effect.client_order_id
        try:
            reports = broker.order(order_id)
            ours = told_of_ours(reports, effect.known, renames=broker.capabilities.renames)
            # A venue may forget an order that is over; what it traded it does not forget.
            traded = () if ours else broker.executions(effect.since)
        except (Unreachable, Throttled, Unauthorized) as failed:
            return (say(effect, order_id, Exec.UNANSWERED, now, str(failed)),)
        if not ours:
            absent = say(effect, order_id, Exec.ABSENT, now, "the venue knows no such order")
            fills = (fill for fill in traded if fill.client_order_id == order_id)
            return (*observed(reports, now), *fills, absent)
        told = "the venue has told all it knows of it"
        answered = say(effect, order_id, Exec.ANSWERED, now, told)
        most, whole = _standing(ours)
        answered = replace_fields(answered, cumulative=most, quantity=whole)
        ended = _ended(ours)
        if ended is not None:
            answered = replace_fields(answered, code=ended.kind.value, reason=ended.reason or told)
        return (*observed(reports, now), answered)

    def account(effect: AskAccount, grant: Grant, now: int) -> Sequence[Event]:
        del grant
        try:
            executions = broker.executions(effect.since)
            orders, positions = tuple(broker.open_orders()), dict(broker.positions())
            halts = broker.halts()
        except (Unreachable, Throttled, Unauthorized) as failed:
            return (AccountUnavailable(at=now, cause=effect.cause, reason=str(failed)),)
        held = AccountReported(
            at=now,
            cause=effect.cause,
            orders=orders,
            positions=positions,
            halts=None if halts is None else dict(halts),
        )
        return (*observed(executions, now), held)

    return {
        PlaceOrders: place,
        CancelAtVenue: cancel,
        ReplaceAtVenue: replace,
        AskVenue: ask,
        AskAccount: account,
    }


def told_of_ours(
    reports: Sequence[ExecutionReport], known: Sequence[str], *, renames: bool
) -> Sequence[ExecutionReport]:
    """Of all that is told under one client order id, what is about ours, where the venue took it twice.

    known: what the venue has called it; where it has said nothing yet, it is the first that it tells of.
    renames: whether a replacement gives it another id, which counts from then on.
    """
    names = set(known)
    found = []
    for report in reports:
        name = report.broker_order_id
        if name and (not names or (renames and report.kind is Exec.REPLACED)):
            names.add(name)
        if not name or name in names:
            found.append(report)
    return found


def _standing(reports: Sequence[ExecutionReport]) -> tuple[Decimal, Decimal | None]:
    """The most that an order had traded by the venue's count, and the whole that it is for, in shares of now.

    The whole is None where nothing but its placing says how much that is.
    """
    most, whole = ZERO, None
    for report in reports:
        if report.kind is Exec.TRADE:
            most = max(most, report.cumulative)
        elif report.kind in {Exec.RESTATED, Exec.REPLACED}:
            most, whole = report.cumulative, report.quantity or whole
    return most, whole


def _ended(reports: Sequence[ExecutionReport]) -> ExecutionReport | None:
    """The end of an order that trades no more and is not filled whole; None while it may trade."""
    # A venue that forgets ids may have taken this one a second time since.
    last = next((report for report in reversed(reports) if report.kind in _BOUNDS), None)
    return last if last is not None and last.kind in ENDS else None


def never_left(effect: Effect, books: Books, now: int) -> Sequence[Event]:
    """What an order's list that stays here after all comes to: the venue has never heard of it."""
    if not isinstance(effect, PlaceOrders):
        return NO_EVENTS
    say = _Reporter()
    reason = "taken back before it left"
    return tuple(
        say(effect, terms.client_order_id, Exec.REJECTED, now, reason, Rejection.NOT_SENT)
        for terms in effect.approved.orders
        if (order := books.orders.get(terms.client_order_id)) is not None
        if order.is_live and not order.resent  # of one that was sent before, nobody can say that
    )


class _Reporter:
    """Reports in the desk's own voice. Numbered, since two may fall into one instant of a clock."""

    def __init__(self) -> None:
        self._count = 0

    def __call__(
        self, effect: Effect, order_id: str, kind: Exec, now: int, reason: str, code: str = ""
    ) -> ExecutionReport:
        self._count += 1
        return ExecutionReport(
            at=now,
            trace=effect.trace,
            exec_id=f"desk:{kind}:{order_id}:{now}:{self._count}",
            client_order_id=order_id,
            kind=kind,
            reason=reason,
            code=code,
        )


def observed(reports: Sequence[ExecutionReport], now: int) -> Sequence[ExecutionReport]:
    """Answers to a call are observed when they come; only a fill keeps the time at which it traded.

    A venue that stamps an answer with the last time it knew of would have us decide in the past.
    """
    if all(report.at >= now or report.kind is Exec.TRADE for report in reports):
        return reports
    return tuple(
        report if report.kind is Exec.TRADE else replace_fields(report, at=max(report.at, now))
        for report in reports
    )


def feed_handlers(feed: Feed) -> dict[type[Effect], Handler]:
    """Handlers that read market data."""

    def answer(effect: Effect, grant: Grant, now: int) -> Sequence[Event]:
        del grant
        return feed.answer(effect, now)

    return dict.fromkeys((FetchQuote, FetchBars, OpenStream, FetchMarketStatus), answer)


def desk_handlers(
    ask_people: Callable[[str, int], None], set_timer: Callable[[str, str, int], None]
) -> dict[type[Effect], Handler]:
    """Handlers inside the desk: show a review (id, version), set a timer (name, about, due at)."""

    def ask(effect: AskPeople, grant: Grant, now: int) -> Sequence[Event]:
        del grant, now
        ask_people(effect.review_id, effect.version)
        return NO_EVENTS

    def timer(effect: SetTimer, grant: Grant, now: int) -> Sequence[Event]:
        del grant, now
        set_timer(effect.timer, effect.about, effect.due_at)
        return NO_EVENTS

    return {AskPeople: ask, SetTimer: timer}
