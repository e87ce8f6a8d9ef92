"""What must hold after every event of the journal. The checks of one event run in the order of the table."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from tradewrit.agents.reviewer import person
from tradewrit.domain.books import Books
from tradewrit.domain.events.account import ExternalBooked, TradingResumed
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import (
    CORRECTIONS,
    ExecutionReport,
    FillCorrected,
    OrderAccepted,
    OrderCancelled,
    OrderExpired,
    OrderFilled,
    OrderModified,
    OrderPartiallyFilled,
    OrderRejected,
    OrderRequested,
    OrderUnknown,
)
from tradewrit.domain.events.positions import FillBooked, FillRestated
from tradewrit.domain.events.review import HumanDecided, ReviewApproved, ReviewConsumed
from tradewrit.domain.events.risk import CooldownEnded, RiskApproved
from tradewrit.domain.market import SECOND, MarketPhase
from tradewrit.domain.money import ZERO, exactly
from tradewrit.domain.orders import TRANSITIONS, OrderState, Role
from tradewrit.domain.portfolio import equity
from tradewrit.domain.positions import Position
from tradewrit.domain.rejections import UNSENT

if TYPE_CHECKING:
    from tradewrit.simulation.watch import Watch

Found = str | None


def i01_an_intent_is_requested_once(watch: "Watch", books: Books, event: OrderRequested) -> Found:
    """An order id is decided on once, ever; and a trade has one entry."""
    del books
    terms = event.terms
    if terms.client_order_id in watch.order_states:
        return f"order {terms.client_order_id} of trade {terms.trade_id} is requested a second time"
    if terms.role is not Role.ENTRY:
        return None
    if terms.trade_id in watch.entered:
        return f"trade {terms.trade_id} asks for a second entry, {terms.client_order_id}"
    watch.entered[terms.trade_id] = ZERO
    return None


def i01_an_entry_fills_no_more_than_approved(
    watch: "Watch", books: Books, event: OrderPartiallyFilled
) -> Found:
    """The sum of entry fills of a trade stays within what risk let through.

    But for what the venue has taken back by corrections, of which the desk may not have heard.
    """
    del books
    if event.role is not Role.ENTRY:
        return None
    filled = watch.entered.get(event.trade_id, ZERO) + event.quantity
    watch.entered[event.trade_id] = filled
    sized = watch.risk.get(event.trade_id)
    if sized is None or filled > sized.quantity:
        most = None if sized is None else sized.quantity
        if most is not None and filled - _taken_back(watch, event.client_order_id) <= most:
            return None
        return f"trade {event.trade_id}: {filled} entered, and {most} were approved"
    return None


def _taken_back(watch: "Watch", order_id: str) -> Decimal:
    """How much less the venue's corrections have made of an order's fills, whoever heard of it."""
    taken = ZERO
    quantities: dict[str, Decimal] = {}
    for said in watch.world.venue.log:
        if not isinstance(said, ExecutionReport) or said.client_order_id != order_id:
            continue
        if said.kind in CORRECTIONS:
            taken += quantities.get(said.corrects, ZERO) - said.last_quantity
        quantities[said.exec_id] = said.last_quantity
    return taken


def i02_the_position_is_the_sum_of_its_fills(watch: "Watch", books: Books, event: FillBooked) -> Found:
    """By our own sum over fills."""
    symbol = event.fill.symbol
    position = books.positions.get(symbol)
    held = ZERO if position is None else position.signed
    summed = watch.positions.get(symbol, ZERO) + event.fill.quantity * event.fill.side.sign
    return None if held == summed else f"{symbol}: the books hold {held}, the fills add up to {summed}"


def i02_a_correction_moves_what_is_held_by_its_difference(
    watch: "Watch", books: Books, event: FillRestated
) -> Found:
    """No more and no less; what belongs to no trade any more is held apart."""
    position = books.positions.get(event.symbol)
    held, due = ZERO if position is None else position.signed, restated(watch, event)
    return None if held == due else f"{event.symbol}: the books hold {held}, the corrected fills leave {due}"


def restated(watch: "Watch", event: FillRestated) -> Decimal:
    """What of a symbol belongs to our trades after a correction, by our own sum."""
    change = (event.after.quantity - event.before.quantity) * event.after.fill.side.sign
    apart = watch.books_before.external.get(event.symbol)
    moved = _signed(event.external) - _signed(apart)
    return watch.positions.get(event.symbol, ZERO) + change - moved


def _signed(position: Position | None) -> Decimal:
    return ZERO if position is None else position.signed


def i01_a_correction_of_an_entry_counts(watch: "Watch", books: Books, event: FillCorrected) -> Found:
    """What was taken back may be traded once more, and no more than that."""
    del books
    if event.role is Role.ENTRY and event.trade_id in watch.entered:
        watch.entered[event.trade_id] += event.quantity - event.was_quantity
    return None


def i06_nothing_is_sent_into_a_halted_symbol(watch: "Watch", books: Books, event: OrderRequested) -> Found:
    """By what the desk has heard of it; what protects rests there, an exit waits as a draft."""
    del books
    terms = event.terms
    if terms.symbol not in watch.paused or event.held or terms.role not in {Role.ENTRY, Role.EXIT}:
        return None
    return f"{terms.role} {terms.client_order_id} is sent while {terms.symbol} is halted"


def i02_nothing_of_ours_counts_as_others(watch: "Watch", books: Books, event: ExternalBooked) -> Found:
    """Where nobody else trades in the account and no fill is taken back, every fill belongs to a trade."""
    del books
    faults = watch.world.plan.faults
    if faults.manual_trades_per_hour or faults.corrections_per_hour or faults.twins:
        return None
    fill = event.fill
    return (
        f"{fill.side} {fill.quantity:f} {fill.symbol} count as somebody else's, and nobody else trades here"
    )


def i05_cash_is_conserved(
    watch: "Watch", books: Books, event: FillBooked | ExternalBooked | FillRestated
) -> Found:
    """Cash is what it was and what each fill moved, to the cent and beyond."""
    with exactly():
        due = watch.cash + event.cash_change
    return None if books.cash == due else f"cash is {books.cash}, and the fills leave {due}"


def i06_an_entry_has_a_risk_decision_and_an_approval(
    watch: "Watch", books: Books, event: OrderRequested
) -> Found:
    """No entry without both, on record, for this trade and this quantity."""
    del books
    terms = event.terms
    if terms.role is not Role.ENTRY:
        return None
    sized = watch.risk.get(terms.trade_id)
    if sized is None:
        return f"entry {terms.client_order_id} of trade {terms.trade_id} has no risk decision"
    if watch.reviewed.get(terms.trade_id) != sized.hash:
        return f"entry {terms.client_order_id} of trade {terms.trade_id} was not approved as it was sized"
    if terms.quantity > sized.quantity:
        return f"entry {terms.client_order_id} is for {terms.quantity}, and {sized.quantity} were approved"
    return None


def i06_nothing_is_sent_into_a_closed_market(watch: "Watch", books: Books, event: OrderRequested) -> Found:
    """By the calendar both know; what protects is for whenever it opens."""
    del books
    terms = event.terms
    is_open = watch.world.hours.status(event.at).phase is MarketPhase.OPEN
    if is_open or event.held or terms.role not in {Role.ENTRY, Role.EXIT}:
        return None
    return f"{terms.role} {terms.client_order_id} is sent while the market is closed"


def i08_only_legal_moves(watch: "Watch", books: Books, event: Any) -> Found:
    """An order goes from state to state as its table says; what is over stays over, but for late fills."""
    order = books.orders.get(event.client_order_id)
    before = watch.order_states.get(event.client_order_id)
    if order is None or before is None or before in {"draft", order.state.value}:
        return None
    moves = TRANSITIONS[OrderState(before)].values()
    if order.state in moves or (order.state is OrderState.PARTIALLY_FILLED and order.filled):
        return None
    return f"order {order.id} of trade {order.terms.trade_id} went from {before} to {order.state}"


def i10_an_approval_is_in_time_and_of_what_was_shown(
    watch: "Watch", books: Books, event: ReviewApproved
) -> Found:
    """Never after expiry, never twice on one click, by enough people, and its hash is that of the terms."""
    if event.at >= event.expires_at:
        return f"review {event.review_id} was approved {(event.at - event.expires_at) / SECOND:g} s too late"
    if event.sized_hash != event.sized.hash:
        return f"review {event.review_id} approves other terms than its hash says"
    if watch.answers.get(event.nonce, event.sized_hash) != event.sized_hash:
        return f"review {event.review_id}: {event.approved_by[-1]} answered what is not what was approved"
    if event.nonce and event.nonce in watch.nonces:
        return f"review {event.review_id}: the click {event.nonce} counted twice"
    needed, names = books.review.people_needed(event.sized.cost), {person(one) for one in event.approved_by}
    if len(names) < needed:
        return f"review {event.review_id} needs {needed} people, and {', '.join(sorted(names))} approved"
    watch.nonces.add(event.nonce)
    watch.reviewed[event.trade_id] = event.sized_hash
    return None


def i10_an_approval_is_consumed_once(watch: "Watch", books: Books, event: ReviewConsumed) -> Found:
    """One approval, one order."""
    del books
    if event.review_id in watch.consumed:
        return f"review {event.review_id} of trade {event.trade_id} was consumed a second time"
    watch.consumed.add(event.review_id)
    return None


def i10_an_entry_is_near_the_price_it_was_approved_at(
    watch: "Watch", books: Books, event: OrderRequested
) -> Found:
    """As near as the account's policy wants."""
    terms = event.terms
    sized, market = watch.risk.get(terms.trade_id), watch.market
    mark = None if market is None else market.mark(terms.symbol)
    if terms.role is not Role.ENTRY or sized is None or mark is None:
        return None
    decided, most = sized.proposal.entry_price, books.review.max_drift_bps
    if abs(mark - decided) * 10_000 <= most * decided:
        return None
    return (
        f"entry {terms.client_order_id} was approved at {decided}, and goes out at {mark}: above {most} bps"
    )


def i11_limits_hold_with_what_is_pending(watch: "Watch", books: Books, event: OrderRequested) -> Found:
    """At most 1000, at most a fifth of equity, half of it left in cash, and no drawdown block."""
    terms, limits = event.terms, books.limits
    if terms.role is not Role.ENTRY or watch.market is None:
        return None
    with exactly():
        worth = equity(books, watch.market.mark)
        if limits.max_position_notional is not None and event.notional > limits.max_position_notional:
            most = limits.max_position_notional
            return f"entry {terms.client_order_id} is worth {event.notional}: above {most}"
        if event.notional > limits.max_position_fraction * worth:
            return f"entry {terms.client_order_id} is worth {event.notional}, of {worth} in all"
        left = books.cash - books.reserved
        if left < limits.min_cash_fraction * worth:
            return f"entry {terms.client_order_id} leaves {left} in cash, of {worth}"
    if books.is_drawdown_blocked:
        return f"entry {terms.client_order_id} goes out while the drawdown blocks entries"
    return None


def i11_a_refused_entry_is_not_tried_again_at_once(
    watch: "Watch", books: Books, event: OrderRequested
) -> Found:
    """For as long as the profile says, nothing is entered where the venue has refused an entry.

    Unless a person has said that it may be.
    """
    terms, patience = event.terms, books.limits.refusal_cooldown_s * SECOND
    at = watch.refused.get(terms.symbol)
    if terms.role is not Role.ENTRY or at is None or event.at >= at + patience:
        return None
    return f"entry {terms.client_order_id} is asked for {(event.at - at) / SECOND:g} s after a refusal"


def note_refusal(watch: "Watch", books: Books, event: OrderRejected) -> Found:
    """That the venue, and not the desk itself, did not take an entry."""
    del books
    if event.role is Role.ENTRY and event.code not in UNSENT:
        watch.refused[event.symbol] = event.at
    return None


def i11_only_a_person_ends_a_cooldown(watch: "Watch", books: Books, event: CooldownEnded) -> Found:
    """Entries may then be tried again, in one symbol or, where none is named, in all."""
    del books
    if not event.actor.startswith("human:"):
        return f"the cool-down of {event.symbol or 'every symbol'} is ended by {event.actor}, which is nobody"
    for symbol in (event.symbol,) if event.symbol else tuple(watch.refused):
        watch.refused.pop(symbol, None)
    return None


def i09_nothing_is_entered_while_halted(watch: "Watch", books: Books, event: OrderRequested) -> Found:
    """After the kill switch no entry is decided on."""
    del books
    if watch.halted and event.terms.role is Role.ENTRY:
        return f"entry {event.terms.client_order_id} is asked for while halted ({watch.halted})"
    return None


def i09_only_a_person_puts_the_kill_switch_back(watch: "Watch", books: Books, event: TradingResumed) -> Found:
    """Software that stopped, or was started anew, stays stopped."""
    del watch, books
    if event.actor.startswith("human:"):
        return None
    return f"trading is resumed by {event.actor}, which is nobody"


def note_answer(watch: "Watch", books: Books, event: HumanDecided) -> Found:
    """What somebody had before their eyes when they answered."""
    del books
    watch.answers[event.nonce] = event.shown_hash
    return None


def note_risk(watch: "Watch", books: Books, event: RiskApproved) -> Found:
    """What later events are held against."""
    del books
    watch.risk[event.sized.proposal.trade_id] = event.sized
    return None


ON_EVENT: Final[Mapping[type[Event], tuple[Callable[..., Found], ...]]] = {
    OrderRequested: (
        i01_an_intent_is_requested_once,
        i06_an_entry_has_a_risk_decision_and_an_approval,
        i06_nothing_is_sent_into_a_closed_market,
        i06_nothing_is_sent_into_a_halted_symbol,
        i09_nothing_is_entered_while_halted,
        i10_an_entry_is_near_the_price_it_was_approved_at,
        i11_limits_hold_with_what_is_pending,
        i11_a_refused_entry_is_not_tried_again_at_once,
    ),
    OrderPartiallyFilled: (i01_an_entry_fills_no_more_than_approved, i08_only_legal_moves),
    OrderFilled: (i01_an_entry_fills_no_more_than_approved, i08_only_legal_moves),
    **dict.fromkeys(
        (OrderAccepted, OrderCancelled, OrderExpired, OrderModified, OrderUnknown),
        (i08_only_legal_moves,),
    ),
    OrderRejected: (i08_only_legal_moves, note_refusal),
    ExternalBooked: (i02_nothing_of_ours_counts_as_others, i05_cash_is_conserved),
    FillBooked: (i02_the_position_is_the_sum_of_its_fills, i05_cash_is_conserved),
    FillCorrected: (i01_a_correction_of_an_entry_counts,),
    FillRestated: (i02_a_correction_moves_what_is_held_by_its_difference, i05_cash_is_conserved),
    RiskApproved: (note_risk,),
    HumanDecided: (note_answer,),
    CooldownEnded: (i11_only_a_person_ends_a_cooldown,),
    TradingResumed: (i09_only_a_person_puts_the_kill_switch_back,),
    ReviewApproved: (i10_an_approval_is_in_time_and_of_what_was_shown,),
    ReviewConsumed: (i10_an_approval_is_consumed_once,),
}
