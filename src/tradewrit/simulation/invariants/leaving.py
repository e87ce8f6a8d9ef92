"""What must hold of a call that is about to leave the desk."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tradewrit.domain.effects import OrderEffect, PlaceOrders
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Role
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.lease import DEFAULT
from tradewrit.runtime.perform import Departure

if TYPE_CHECKING:
    from tradewrit.simulation.watch import Watch

Found = str | None


def i06_a_call_leaves_under_a_live_writ(watch: "Watch", desk: Desk, departure: Departure, now: int) -> Found:
    """The grant covers the scope and lives at this moment."""
    del watch, desk
    what, grant = departure.asked.effect, departure.grant
    if grant.covers(what.scope, now):
        return None
    return (
        f"{type(what).__name__} {what.subject} leaves under {grant.agent}'s writ, which does not cover it now"
    )


def i09_nothing_leaves_under_a_dead_writ(watch: "Watch", desk: Desk, departure: Departure, now: int) -> Found:
    """Not under a revoked token; and after the kill switch only what protects."""
    what, grant = departure.asked.effect, departure.grant
    held = watch.world.authority.why_dead(grant, now)
    if held is not None:
        return f"{type(what).__name__} {what.subject} leaves under a dead token: {held}"
    if not desk.books.halted or not isinstance(what, PlaceOrders):
        return None
    entries = [terms for terms in what.approved.orders if terms.role is Role.ENTRY]
    return f"entry {entries[0].client_order_id} leaves while halted at {now}" if entries else None


def i06_what_leaves_is_on_record(watch: "Watch", desk: Desk, departure: Departure, now: int) -> Found:
    """An order leaves only as the journal has it, after its transaction."""
    del desk, now
    what = departure.asked.effect
    if not isinstance(what, PlaceOrders):
        return None
    for terms in what.approved.orders:
        if terms.client_order_id not in watch.order_states:
            return f"order {terms.client_order_id} leaves, and no intent is on record"
    return None


def i06_no_entry_leaves_for_a_halted_symbol(
    watch: "Watch", desk: Desk, departure: Departure, now: int
) -> Found:
    """By what the desk has heard. An exit whose way was cleared before may leave: it rests there."""
    del desk, now
    what = departure.asked.effect
    if not isinstance(what, PlaceOrders) or what.symbol not in watch.paused:
        return None
    sent = [terms for terms in what.approved.orders if terms.role is Role.ENTRY]
    return f"entry {sent[0].client_order_id} leaves while {what.symbol} is halted" if sent else None


def i06_no_entry_leaves_in_a_maintenance(watch: "Watch", desk: Desk, departure: Departure, now: int) -> Found:
    """From when the desk has heard that one is about to begin until the account was compared after it."""
    del desk, now
    what = departure.asked.effect
    if not isinstance(what, PlaceOrders) or not watch.is_maintained:
        return None
    sent = [terms for terms in what.approved.orders if terms.role is Role.ENTRY]
    return f"entry {sent[0].client_order_id} leaves in the venue's maintenance" if sent else None


def i09_only_the_owner_sends(watch: "Watch", desk: Desk, departure: Departure, now: int) -> Found:
    """Where the account is under a lease, whoever sends holds it at this moment, with time to spare."""
    del now
    process = next(one for one in watch.world.processes if one.desk is desk)
    if process.tenure is None:
        return None
    what, lease = departure.asked.effect, watch.world.disk.image.lease(desk.stream)
    if lease is None or lease.owner != process.owner:
        holder = "nobody" if lease is None else lease.owner
        return f"{type(what).__name__} {what.subject} is sent while the account is {holder}'s"
    left = process.tenure.left_ns()
    if left >= DEFAULT.margin_ns:
        return None
    return f"{type(what).__name__} {what.subject} is sent with {left / SECOND:g} s left of the lease"


def i03_writes_of_one_symbol_wait_for_each_other(
    watch: "Watch", desk: Desk, departure: Departure, now: int
) -> Found:
    """The cancel of a stop and the exit that sells instead of it are never under way together."""
    del now
    what = departure.asked.effect
    process = next(one for one in watch.world.processes if one.desk is desk)
    before = (
        watch.flying.get((process.name, process.run, what.symbol)) if isinstance(what, OrderEffect) else ""
    )
    return f"{type(what).__name__} {what.subject} leaves while {before} is under way" if before else None


ON_DEPARTURE: Final[tuple[Callable[["Watch", Desk, Departure, int], Found], ...]] = (
    i06_a_call_leaves_under_a_live_writ,
    i09_nothing_leaves_under_a_dead_writ,
    i06_what_leaves_is_on_record,
    i06_no_entry_leaves_for_a_halted_symbol,
    i06_no_entry_leaves_in_a_maintenance,
    i09_only_the_owner_sends,
    i03_writes_of_one_symbol_wait_for_each_other,
)
