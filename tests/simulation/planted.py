"""Bugs for the simulation to find: each a small patch of a real class or function, here and nowhere else.

Every one is a mistake that trading programs have made.
"""

import sys
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tradewrit.agents import reviewer
from tradewrit.domain import portfolio, reports
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.events.positions import ExitRequested
from tradewrit.domain.folds import orders as folded
from tradewrit.domain.orders import On, OrderState, Role, can
from tradewrit.domain.rejections import Rejection
from tradewrit.errors import PermissionDenied, Unreachable
from tradewrit.risk import closing, doubts, limits, pretrade, protection
from tradewrit.runtime import pump, replay
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.journal import memory
from tradewrit.runtime.lease import Candidacy, Tenure
from tradewrit.runtime.writs import Writs
from tradewrit.simulation.disk import Disk
from tradewrit.simulation.venue import Line

Plant = Callable[[pytest.MonkeyPatch], None]


class Bug(msgspec.Struct, frozen=True, kw_only=True):
    """One mistake. profile: the worlds aimed at it. found_by: the invariants that may notice it first."""

    name: str
    profile: str
    plant: Plant
    found_by: tuple[str, ...]


BUGS: list[Bug] = []


def bug(profile: str, *found_by: str) -> Callable[[Plant], Plant]:
    """Add a bug, named after the function that plants it."""

    def add(plant: Plant) -> Plant:
        BUGS.append(Bug(name=plant.__name__, profile=profile, plant=plant, found_by=found_by))
        return plant

    return add


def everywhere(patch: pytest.MonkeyPatch, home: ModuleType, name: str, new: object) -> None:
    """Put something else in the place of a function, wherever it was imported to."""
    old = getattr(home, name)
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("tradewrit") and getattr(module, name, None) is old:
            patch.setattr(module, name, new)


def always(value: Any) -> Callable[..., Any]:
    """Says the same whatever it is asked."""

    def say(*_: object, **__: object) -> Any:
        return value

    return say


nothing = always(())


# -- sending


@bug("network", "I-1", "I-2", "I-13")
def a_gateway_retries_under_a_new_id(patch: pytest.MonkeyPatch) -> None:
    """A call that timed out is made once more, and the library draws a fresh id for it."""
    place = Line.place

    def retry(self: Line, approved: Any, grant: Any) -> Any:
        try:
            return place(self, approved, grant)
        except Unreachable:
            first, *_ = approved.orders
            again = replace(first, client_order_id=f"{first.client_order_id}r", oco=None)
            self.is_lost, was = False, self.is_lost
            place(self, replace(approved, orders=(again,)), grant)
            self.is_lost = was
            raise

    patch.setattr(Line, "place", retry)


@bug("forgetful", "I-1")
def an_order_is_resent_blindly(patch: pytest.MonkeyPatch) -> None:
    """What was not answered is sent again at once, to a venue that takes an id twice."""

    judge = doubts.judge

    def again(books: Books, market: Any, report: Any) -> Any:
        order = books.orders.get(report.client_order_id)
        if report.kind is Exec.UNKNOWN and order is not None and order.state == "submitted":
            return doubts._resent(books, [order], report.at, "once more")
        return judge(books, market, report)

    patch.setattr(doubts, "judge", again)


@bug("network", "I-2", "I-13", "I-1", "I-4")
def a_lost_answer_is_taken_for_a_refusal(patch: pytest.MonkeyPatch) -> None:
    """No answer in time: it will not have arrived."""
    place = Line.place

    def refuse(self: Line, approved: Any, grant: Any) -> Any:
        try:
            return place(self, approved, grant)
        except Unreachable:
            return [
                ExecutionReport(
                    at=approved.at,
                    exec_id=f"guess:{terms.client_order_id}",
                    client_order_id=terms.client_order_id,
                    kind=Exec.REJECTED,
                    code=Rejection.NOT_SENT,
                    reason="timeout",
                )
                for terms in approved.orders
            ]

    patch.setattr(Line, "place", refuse)


@bug("network", "I-3", "I-13", "I-2", "I-4")
def a_lost_cancel_is_taken_for_done(patch: pytest.MonkeyPatch) -> None:
    """No answer in time: it will have been cancelled."""
    cancel = Line.cancel

    def believe(self: Line, client_order_id: str, grant: Any) -> Any:
        try:
            return cancel(self, client_order_id, grant)
        except Unreachable:
            return [
                ExecutionReport(
                    at=1,
                    exec_id=f"guess:{client_order_id}",
                    client_order_id=client_order_id,
                    kind=Exec.CANCELED,
                    reason="timeout",
                )
            ]

    patch.setattr(Line, "cancel", believe)


@bug("crash", "I-1", "I-6", "I-7", "I-0")
def effects_leave_before_the_disk_has_synced(patch: pytest.MonkeyPatch) -> None:
    """The journal says done when it has written, and syncs every tenth time."""
    sync, calls = Disk.sync, [0]

    def sometimes(self: Disk) -> None:
        calls[0] += 1
        if calls[0] % 10 == 0:
            sync(self)

    patch.setattr(Disk, "sync", sometimes)


# -- hearing


@bug("network", "I-2", "I-4", "I-13")
def nothing_is_reconciled(patch: pytest.MonkeyPatch) -> None:
    """What the stream did not bring did not happen."""
    patch.setattr(Desk, "reconcile", always([]))


@bug("network", "I-1", "I-2", "I-5", "I-8", "I-0", "I-14")
def a_fill_heard_twice_counts_twice(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the execution id."""
    keys = {kind: key for kind, key in pump._KEYS.items() if kind is not ExecutionReport}
    patch.setattr(pump, "_KEYS", keys)


@bug("parts", "I-2", "I-3", "I-4", "I-5", "I-13")
def a_part_of_an_order_is_taken_for_all_of_it(patch: pytest.MonkeyPatch) -> None:
    """A partial fill fills the order."""
    trade = reports._trade

    def whole(books: Books, order: Any, report: Any) -> Any:
        if report.last_quantity < order.remaining:
            report = replace(report, last_quantity=order.remaining)
        return trade(books, order, report)

    patch.setattr(reports, "_trade", whole)


@bug("disorder", "I-8")
def the_last_report_heard_is_the_state(patch: pytest.MonkeyPatch) -> None:
    """Reports are believed in the order in which they come, whatever the order was before."""
    naive = {
        On.ACCEPT: OrderState.ACCEPTED,
        On.CANCEL: OrderState.CANCELLED,
        On.FILL_SOME: OrderState.PARTIALLY_FILLED,
        On.FILL_REST: OrderState.FILLED,
    }
    following = folded._next
    patch.setattr(folded, "_next", lambda order, on: naive.get(on) or following(order, on))
    patch.setattr(folded, "can", lambda state, on: on in naive or can(state, on))
    patch.setattr(reports, "can", lambda state, on: on in naive or can(state, on))


@bug("calm", "I-14", "I-2", "I-4", "I-13")
def reports_of_unknown_kind_are_dropped(patch: pytest.MonkeyPatch) -> None:
    """The pump swallows what it has no use for: here, cancellations by the venue."""
    take = pump.Pump._take

    def swallow(self: Any, event: Any, source: str, said: Any) -> None:
        if isinstance(event, ExecutionReport) and event.kind is Exec.CANCELED and event.reason == "oco":
            return
        take(self, event, source, said)

    patch.setattr(pump.Pump, "_take", swallow)


@bug("calm", "I-5")
def fees_are_left_out_of_cash(patch: pytest.MonkeyPatch) -> None:
    """Cash moves by price times quantity alone."""
    change = portfolio.cash_change

    def gross(fill: Any, closed: Any, instrument: Any) -> Decimal:
        return change(fill, closed, instrument) + fill.fee

    everywhere(patch, portfolio, "cash_change", gross)


# -- protection


@bug("calm", "I-4")
def a_position_gets_no_stop(patch: pytest.MonkeyPatch) -> None:
    """The entry filled; somebody else will see to it."""
    everywhere(patch, protection, "cover", nothing)


@bug("parts", "I-4")
def the_stop_does_not_grow_with_the_position(patch: pytest.MonkeyPatch) -> None:
    """It stays at the size of the first partial fill."""
    everywhere(patch, protection, "fit_order", nothing)


@bug("oversold", "I-3")
def an_exit_leaves_without_cancelling_the_stop(patch: pytest.MonkeyPatch) -> None:
    """Both may fill."""

    def at_once(books: Books, market: Any, trade: Any, at: int, reason: str = "") -> Any:
        del market
        exits = [o for o in protection.working(books, trade) if o.terms.role is Role.EXIT]
        quantity = protection.held(books, trade)
        if quantity and not exits:
            yield ExitRequested(
                at=at,
                trace=trade.id,
                trade_id=trade.id,
                symbol=trade.symbol,
                side=trade.direction.exit_side,
                quantity=quantity,
                reason=reason or trade.exit_reason,
                limit_price=None,
                attempt=trade.attempts + 1,
            )

    everywhere(patch, closing, "leave", at_once)


@bug("market", "I-4", "I-13")
def a_stop_that_was_refused_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """A refused stop is not asked for again."""
    everywhere(patch, protection, "mend", nothing)


# -- dying


@bug("crash", "I-13", "I-4")
def a_restart_forgets_what_was_not_answered(patch: pytest.MonkeyPatch) -> None:
    """What was on its way when the process died is never asked about."""
    patch.setattr(doubts, "reopened", always(NOTHING))


@bug("people", "I-13")
def a_restart_forgets_open_questions(patch: pytest.MonkeyPatch) -> None:
    """Timers live in memory, and nobody sets them again."""
    patch.setattr(reviewer, "_ask_again", always(NOTHING))


@bug("crash", "I-7")
def a_snapshot_is_of_another_moment(patch: pytest.MonkeyPatch) -> None:
    """The books of now under the number of a record before."""
    snapshot_of = replay.snapshot_of
    everywhere(patch, replay, "snapshot_of", lambda books, stream, seq: snapshot_of(books, stream, seq - 1))


# -- owners and writs


@bug("owners", "I-9", "I-7", "I-0", "I-1", "I-2")
def two_desks_own_the_account(patch: pytest.MonkeyPatch) -> None:
    """The lease is taken whoever holds it, and nobody is fenced off."""
    patch.setattr(Candidacy, "_is_over", always(True))
    patch.setattr(Tenure, "assure", always(None))
    patch.setattr(Tenure, "keep", always(None))
    patch.setattr(memory, "refuse_stale", nothing)


@bug("owners", "I-9")
def a_paused_owner_sends_when_it_wakes(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the lease before a call leaves."""
    patch.setattr(Tenure, "assure", always(None))


@bug("credentials", "I-9", "I-6")
def a_dead_writ_still_opens_the_gate(patch: pytest.MonkeyPatch) -> None:
    """A token that was good once is good."""

    permission, known = limits._permission, dict[str, Any]()

    def live(self: Any, role: str, now: int) -> Any:
        del now
        grant = self._held[role].grant or known.get(role)
        if grant is None:
            raise PermissionDenied(f"{role} never held one")
        known[role] = grant
        return grant

    patch.setattr(Writs, "live", live)
    patch.setattr(
        limits, "_permission", lambda books, sized, i: permission(replace(books, writs={}), sized, i)
    )


@bug("credentials", "I-9")
def the_kill_switch_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Entries are decided on as if nobody had thrown it."""
    permission = limits._permission
    patch.setattr(
        limits,
        "_permission",
        lambda books, sized, i: permission(replace(books, halted="", writs={}), sized, i),
    )
    patch.setattr(Writs, "kill", always(None))


# -- people and limits


@bug("people", "I-10")
def an_answer_counts_however_late(patch: pytest.MonkeyPatch) -> None:
    """Nobody looks at the time an answer came."""
    objection = reviewer._objection

    def patient(books: Books, task: Any, event: Any) -> Any:
        if task is not None:
            task = replace(task, expires_at=2**62)
        return objection(books, task, event)

    patch.setattr(reviewer, "_objection", patient)
    patch.setattr(reviewer, "_expire", always(NOTHING))


@bug("people", "I-10")
def one_person_counts_twice(patch: pytest.MonkeyPatch) -> None:
    """A double click is two approvals."""

    def eager(books: Books, event: Any) -> Any:
        task = books.reviews.get(event.review_id)
        is_open = task is not None and task.state == "pending" and event.at < task.expires_at
        return reviewer._approve(task, event, books) if is_open and event.decision == "approve" else NOTHING

    patch.setattr(reviewer, "_answer", eager)


@bug("people", "I-10")
def nobody_looks_at_the_price_again(patch: pytest.MonkeyPatch) -> None:
    """An approval is good at any price."""
    patch.setattr(pretrade, "_drift", always(""))


@bug("limits", "I-11")
def what_is_pending_does_not_count(patch: pytest.MonkeyPatch) -> None:
    """Cash that is promised to an order is free for the next."""
    facts = limits.facts
    everywhere(
        patch,
        limits,
        "facts",
        lambda books, mark, at: msgspec.structs.replace(facts(books, mark, at), reserved=Decimal(0)),
    )


@bug("network", "I-12")
def an_unanswered_question_is_asked_at_once_again(patch: pytest.MonkeyPatch) -> None:
    """Without a pause, as often as the venue answers."""
    patch.setattr(doubts, "_wait", lambda order, report: doubts.missing(order, report.at, "again"))
