"""What an event says, in one short line for a person; every number in it stands in the event.

Knows no terminal and no page: surfaces lay the words out.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from tradewrit.domain.cooldowns import in_words
from tradewrit.domain.events import (
    account,
    corporate,
    funding,
    market,
    orders,
    positions,
    review,
    risk,
    strategy,
    twins,
    writs,
)
from tradewrit.domain.events.base import Event
from tradewrit.domain.orders import OrderTerms, OrderType
from tradewrit.domain.sizing import Largest, spelt
from tradewrit.domain.times import iso
from tradewrit.domain.writs import EXECUTOR, KEEPER

_UNSAID: Final = frozenset({"event", "at", "trace", "trade_id", "scan", "client_order_id", "review_id"})
_LONGEST: Final = 160
SHORT_TOKEN: Final = 8
"""How much of a token's id a person is shown."""


def amount(value: Decimal | float) -> str:
    """A number with thousands separators: a Decimal with all its digits, a float with four decimals.

    >>> amount(Decimal("9675000.50")), amount(54.61837357841443), amount(9675000.0), amount(0.00001234)
    ('9,675,000.50', '54.6184', '9,675,000', '1.234e-05')
    """
    if isinstance(value, Decimal):
        return f"{value:,f}"
    return f"{value:,.4f}".rstrip("0").removesuffix(".") if abs(value) >= 1 else f"{value:.4g}"


def money(value: Decimal | float) -> str:
    """An amount of money, rounded to the cent for reading.

    >>> money(Decimal("106174.839104"))
    '106,174.84'
    """
    return f"{value:,.2f}"


def numbers(inputs: Mapping[str, float]) -> str:
    """Named numbers in a row.

    >>> numbers({"close": 33.5, "rsi": 54.61837357841443})
    'close 33.5, rsi 54.6184'
    """
    return ", ".join(f"{name} {amount(value)}" for name, value in inputs.items())


def words(event: Event) -> str:
    """One line about an event; for one without words of its own, its fields by name."""
    say = _WORDS.get(type(event))
    return _fields(event) if say is None else say(event)


def terms_words(terms: OrderTerms) -> str:
    """An order as a trader says it.

    "sell 302 AAPL stop 3.13"
    """
    price = {
        OrderType.MARKET: "at market",
        OrderType.LIMIT: f"limit {terms.limit_price}",
        OrderType.STOP: f"stop {terms.stop_price}",
        OrderType.STOP_LIMIT: f"stop {terms.stop_price} limit {terms.limit_price}",
        OrderType.TRAILING_STOP: f"trailing by {terms.trail_fraction}",
    }[terms.type]
    return f"{terms.side} {amount(terms.quantity)} {terms.symbol} {price}"


def _fields(event: Event) -> str:
    said = []
    for name, value in msgspec.to_builtins(event).items():
        if name not in _UNSAID and value not in ("", None, [], {}):
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            said.append(f"{name} {text}")
    line = ", ".join(said)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _opened(event: account.AccountOpened) -> str:
    sizing = "" if isinstance(event.sizing, Largest) else f", sizing {spelt(event.sizing)}"
    return (
        f"{event.account}: {amount(event.initial_cash)} {event.currency}, strategy {event.strategy}, "
        f"limits {event.limits.profile}, review {event.review.kind}{sizing}"
    )


def _held(event: writs.WritsIssued | writs.WritsRenewed) -> str:
    traders = [grant for grant in event.grants if grant.agent in {EXECUTOR, KEEPER}]
    named = ", ".join(f"{grant.agent} {grant.id[:SHORT_TOKEN]}" for grant in traders)
    return f"{len(event.grants)} tokens" + (f", of them {named}" if named else "")


def _ended(event: writs.WritLost | writs.WritRevoked) -> str:
    return f"{event.agent}: {event.reason}; {event.todo}"


def _denied(event: writs.WritDenied) -> str:
    return f"{event.effect} {event.subject} by {event.agent}: {event.reason}"


def _signalled(event: strategy.EntrySignalled) -> str:
    proposal = event.proposal
    target = "" if event.target_price is None else f", target {amount(event.target_price)}"
    return (
        f"{proposal.side} {proposal.symbol} at {amount(proposal.entry_price)}, "
        f"stop {amount(event.stop_price)}{target}"
    )


def _sized(event: risk.SizeCalculated) -> str:
    held = f", held down by {event.bound_by}" if event.bound_by else ""
    return f"{amount(event.quantity)} {event.symbol} for {amount(event.notional)}{held}"


def _refused(event: risk.LimitExceeded) -> str:
    return f"{event.symbol} refused: " + "; ".join(breach.message for breach in event.breaches)


def _approved(event: review.ReviewApproved) -> str:
    return "by " + ", ".join(event.approved_by)


def _decided(event: review.HumanDecided) -> str:
    edit = {} if event.edit is None else msgspec.structs.asdict(event.edit)
    changes = "".join(f", {name} {amount(value)}" for name, value in edit.items() if value is not None)
    reason = f": {event.reason}" if event.reason else ""
    return f"{event.actor} says {event.decision} to version {event.version}{changes}{reason}"


def _requested(event: orders.OrderRequested) -> str:
    held = f", held back: {event.held}" if event.held else ""
    return f"{event.terms.role}: {terms_words(event.terms)}{held}"


def _new_terms(
    event: orders.ModifyRequested | orders.OrderModified | positions.ProtectionMoved,
) -> str:
    wanted = (("quantity", event.quantity), ("stop", event.stop_price), ("limit", event.limit_price))
    return ", ".join(f"{name} {amount(value)}" for name, value in wanted if value is not None)


def _under(event: orders.ModifyRequested | orders.CancelRequested) -> str:
    """Whose writ it goes out under, who is not the executor that the record names."""
    role = event.agent_id.split("/")[-2] if event.agent_id else ""
    return f", under the writ of {role}, {event.token_id[:SHORT_TOKEN] or 'dead'}" if role else ""


def _reported(event: orders.ExecutionReport) -> str:
    filled = ""
    if event.last_quantity:
        filled = f" {amount(event.last_quantity)} at {event.last_price}, fee {amount(event.fee)}"
    why = f": {event.reason}" if event.reason else ""
    return f"{event.symbol} {event.kind}{filled}{why}"


def _filled(event: orders.OrderPartiallyFilled) -> str:
    verb = "bought" if event.side.sign > 0 else "sold"
    return f"{event.role}: {verb} {amount(event.quantity)} {event.symbol} at {amount(event.price)}"


def _booked(event: positions.FillBooked) -> str:
    profit = f", P&L {amount(sum((lot.pnl for lot in event.closed), Decimal(0)))}" if event.closed else ""
    return f"{event.role}: cash {event.cash_change:+,f}{profit}"


def _corrected(event: orders.FillCorrected) -> str:
    was = f"{amount(event.was_quantity)} {event.symbol} at {amount(event.was_price)}"
    if not event.quantity:
        return f"{event.role}: {was} never traded"
    return f"{event.role}: {was} was {amount(event.quantity)} at {amount(event.price)}"


def _restated(event: positions.FillRestated) -> str:
    profit = event.gross_change - event.fee_change
    return f"{event.role}: cash {event.cash_change:+,f}, realised {profit:+,f}"


def _opened_position(event: positions.PositionOpened) -> str:
    target = "" if event.target_price is None else f", target {amount(event.target_price)}"
    return (
        f"{amount(event.quantity)} {event.symbol} from {amount(event.entry_price)}: "
        f"stop {amount(event.stop_price)}{target}"
    )


def _stopped(event: positions.StopHit) -> str:
    slip = f", {amount(event.slip)} a unit beyond its stop" if event.slip > 0 else ""
    return f"{event.symbol} at {amount(event.price)}{slip}"


def _closed(event: positions.PositionClosed) -> str:
    return (
        f"{event.symbol} by {event.reason}: P&L {amount(event.pnl)} "
        f"(gross {amount(event.gross)}, fees {amount(event.fees)}"
        + (f", funding {event.funding:+,f})" if event.funding else ")")
    )


def _logged(event: strategy.TradeLogged) -> str:
    return f"trade {event.trades} of the account, {event.wins} won"


_WORDS: Final[Mapping[type[Event], Callable[[Any], str]]] = {
    account.AccountOpened: _opened,
    writs.WritsIssued: _held,
    writs.WritsRenewed: _held,
    writs.WritReleased: lambda event: f"{event.agent} {event.token_id[:SHORT_TOKEN]}: {event.reason}",
    writs.WritLost: _ended,
    writs.WritRevoked: _ended,
    writs.WritDenied: _denied,
    account.VenueIdentified: lambda event: f"this journal belongs to {event.identity} from here on",
    account.HighWaterRaised: lambda event: f"equity {amount(event.equity)}, higher than ever",
    strategy.ScanStarted: lambda event: ", ".join(event.symbols),
    strategy.CandidateFound: lambda event: f"{event.side} {event.symbol}: {numbers(event.inputs)}",
    strategy.EvaluationStarted: lambda event: str(event.symbol),
    strategy.EntrySignalled: _signalled,
    strategy.HoldSignalled: lambda event: f"{event.symbol}: {event.reason}",
    strategy.TradeLogged: _logged,
    risk.SizeCalculated: _sized,
    risk.LimitExceeded: _refused,
    risk.CooldownBegan: lambda event: (
        f"{in_words(event.symbol, event.code, event.refusals, event.until)}; it said: {event.reason}"
    ),
    risk.CooldownEnded: lambda event: (
        f"entries in {event.symbol or 'every symbol'} again, by {event.actor}: {event.reason}"
    ),
    risk.RiskApproved: lambda event: f"{amount(event.sized.quantity)} {event.sized.proposal.symbol}",
    review.ReviewApproved: _approved,
    review.HumanDecided: _decided,
    review.EntryRequoted: lambda event: (
        f"{event.proposal.symbol} at {amount(event.proposal.entry_price)}, instead of review {event.replaces}"
    ),
    review.AnswerRefused: lambda event: f"{event.actor}: {event.reason}",
    orders.OrderRequested: _requested,
    orders.ModifyRequested: lambda event: f"to {_new_terms(event)}{_under(event)}",
    orders.OrderModified: lambda event: f"{event.role}: {_new_terms(event)}",
    orders.CancelRequested: lambda event: f"{event.reason or 'on request'}{_under(event)}",
    orders.ExecutionReport: _reported,
    orders.OrderAccepted: lambda event: f"{event.role}: {event.symbol} as {event.broker_order_id}",
    orders.OrderPartiallyFilled: _filled,
    orders.OrderFilled: _filled,
    orders.FillCorrected: _corrected,
    orders.FillQuestioned: lambda event: f"{event.symbol}: {event.reason}; {event.todo}",
    orders.FillWithheld: lambda event: (
        f"{amount(event.report.last_quantity)} {event.report.symbol} at {amount(event.report.last_price)} "
        "are more than its entry is known to have brought; the venue is asked for that first"
    ),
    orders.FillReleased: lambda event: f"{event.exec_id} of order {event.client_order_id} is booked now",
    orders.OrderCancelled: lambda event: f"{event.role}: {event.symbol} ({event.reason})",
    twins.TwinFound: lambda event: (
        f"the venue took {event.role} {event.client_order_id} as two orders: {event.ours}, and "
        f"{event.broker_order_id}, which is cancelled; look into it, then resume by name"
    ),
    twins.TwinFilled: lambda event: (
        f"{event.broker_order_id}, taken beside our {event.role}, has traded "
        f"{amount(event.fill.quantity)} {event.symbol} at {amount(event.fill.price)}"
    ),
    twins.TwinEnded: lambda event: f"{event.broker_order_id} in {event.symbol}: {event.reason}",
    positions.FillBooked: _booked,
    positions.FillRestated: _restated,
    positions.PositionOpened: _opened_position,
    positions.ExitSent: lambda event: f"order {event.client_order_id}",
    positions.StopSet: lambda event: (
        f"{amount(event.quantity)} {event.symbol} stop {amount(event.stop_price)}"
    ),
    positions.ProtectionMoved: _new_terms,
    positions.StopMoved: lambda event: (
        f"{amount(event.quantity)} {event.symbol} stop {amount(event.stop_price)}"
    ),
    positions.StopHit: _stopped,
    positions.TargetHit: lambda event: f"{event.symbol} at {amount(event.price)}",
    positions.PositionClosed: _closed,
    corporate.SharesSplit: lambda event: f"{event.symbol} {event.ratio}",
    corporate.DividendWentEx: lambda event: f"{event.symbol} pays {amount(event.amount)} a share",
    corporate.SplitBooked: lambda event: (
        f"{amount(event.before)} {event.symbol} are {amount(event.quantity)}, cash {event.cash_change:+,f}"
    ),
    corporate.DividendBooked: lambda event: (
        f"{amount(event.amount)} on {amount(event.quantity)} {event.symbol}: cash {event.cash_change:+,f}"
    ),
    corporate.SymbolChanged: lambda event: f"{event.symbol} is now {event.successor or 'something else'}",
    corporate.SharesDelisted: lambda event: (
        f"{event.symbol} trades no more"
        + ("" if event.price is None else f": {amount(event.price)} a unit is paid")
    ),
    corporate.DelistingBooked: lambda event: (
        f"{amount(event.before)} {event.symbol} at {amount(event.price)}: cash {event.cash_change:+,f}"
    ),
    funding.FundingSettled: lambda event: f"{event.symbol} {event.rate} at {amount(event.price)}",
    funding.FundingBooked: lambda event: (
        f"{event.rate} on {amount(event.quantity)} {event.symbol} at {amount(event.price)}: "
        f"cash {event.cash_change:+,f}"
    ),
    market.BelievePrices: lambda event: (
        f"{event.symbol}: the next bar is real, by {event.actor}: {event.reason}"
    ),
    market.SymbolHalted: lambda event: f"{event.symbol}: {event.reason or 'halted by the venue'}",
    market.MaintenanceBegan: lambda event: f"of the venue, {iso(event.begins)} to {iso(event.ends)}",
    market.MaintenanceEnded: lambda _: "the venue is at work, and the account was compared",
    market.SymbolHaltLifted: lambda event: f"{event.symbol} trades again",
    account.SymbolSuspended: lambda event: f"{event.symbol}: {event.reason}; {event.todo}",
    account.SymbolResumed: lambda event: f"{event.symbol} by {event.actor}: {event.reason}",
    orders.FeePending: lambda event: (
        f"{event.symbol}: {amount(event.fee)} {event.fee_currency} of {event.exec_id}, at no known rate"
    ),
    orders.FeeBooked: lambda event: (
        f"{event.symbol}: {amount(event.charged)} {event.fee_currency} at {amount(event.fee_rate)}, "
        f"fee {amount(event.fee)}"
    ),
}
