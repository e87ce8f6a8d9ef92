"""The story of one trade in thirteen steps, read back from the journal.

The steps are those of the desk's flow: scan, evaluate, risk, entry order, entry fill, track, stop at
the broker, hold, exit hit, exit order, exit fill, close, log. A step that the journal does not tell
of is left out, so the story of an open trade ends where the trade stands.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.domain.events.orders import (
    ModifyRequested,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRequested,
)
from tradewrit.domain.events.positions import (
    ExitSent,
    PositionClosed,
    PositionOpened,
    StopHit,
    StopSet,
    TargetHit,
)
from tradewrit.domain.events.review import ReviewApproved
from tradewrit.domain.events.risk import RiskApproved, SizeCalculated
from tradewrit.domain.events.strategy import (
    CandidateFound,
    EntrySignalled,
    ExitSignalled,
    HoldSignalled,
    ScanStarted,
    TradeLogged,
)
from tradewrit.domain.market import DAY, SECOND
from tradewrit.domain.orders import Role
from tradewrit.runtime.journal.records import Record
from tradewrit.surfaces.trade_records import Lines, TradeRecords
from tradewrit.surfaces.words import SHORT_TOKEN, amount, money, numbers, terms_words

STEPS: Final = 13


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step. record: the sequence number to look it up under. at: UTC ns. agent: who said so.

    agent_id, token_id: under which identity and token.
    """

    number: int
    name: str
    record: int
    at: int
    agent: str
    agent_id: str
    token_id: str
    told: str


def choose(lines: Lines) -> str:
    """A closed trade worth telling: the last that reached its target, else its stop, else any; or ""."""
    found: dict[str, str] = {}
    for _, event in lines:
        if isinstance(event, PositionClosed):
            found[event.reason] = event.trade_id
    return found.get("target") or found.get("stop") or next(reversed(found.values()), "")


def tell(lines: Lines, trade_id: str) -> tuple[Step, ...]:
    """The steps of a trade in their order; empty when the records know no such trade."""
    trade = TradeRecords(lines, trade_id)
    told = (
        _scan(trade),
        _evaluate(trade),
        _risk(trade),
        _entry_order(trade),
        _fill(trade, 5, "entry fill", Role.ENTRY),
        _track(trade),
        _stop_set(trade),
        _hold(trade),
        _exit_hit(trade),
        _exit_order(trade),
        _fill(trade, 11, "exit fill", trade.exit_role) if trade.exit_role is not None else None,
        _close(trade),
        _log(trade),
    )
    return tuple(step for step in told if step is not None)


def _step(number: int, name: str, record: Record, sentences: Iterable[str], agent: str = "") -> Step:
    return Step(
        number=number,
        name=name,
        record=record.seq,
        at=record.entry.at,
        agent=agent or record.entry.source,
        agent_id=record.entry.agent_id,
        token_id=record.entry.token_id,
        told="; ".join(sentence for sentence in sentences if sentence),
    )


def _scan(trade: TradeRecords) -> Step | None:
    found, scan = trade.find(CandidateFound), trade.find(ScanStarted)
    if found is None:
        return None
    record, event = found
    return _step(
        1,
        "scan",
        record if scan is None else scan[0],
        [f"{event.symbol} meets the conditions of {event.strategy} to {event.side}", numbers(event.inputs)],
    )


def _evaluate(trade: TradeRecords) -> Step | None:
    found = trade.find(EntrySignalled)
    if found is None:
        return None
    record, event = found
    target = "no target" if event.target_price is None else f"target {amount(event.target_price)}"
    return _step(
        2,
        "evaluate",
        record,
        [
            f"{event.proposal.side} at {amount(event.proposal.entry_price)}",
            f"stop {amount(event.stop_price)}, {target}",
            f"reward/risk {event.reward_risk.normalize():f}",
            ", ".join(event.proposal.reasons),
        ],
    )


def _risk(trade: TradeRecords) -> Step | None:
    approved, sized, reviewed = (
        trade.find(RiskApproved),
        trade.find(SizeCalculated),
        trade.find(ReviewApproved),
    )
    if approved is None:
        return None
    record, event = approved
    held = sized[1].bound_by if sized is not None else ""
    return _step(
        3,
        "risk",
        record,
        [
            f"{amount(event.sized.quantity)} units for {money(event.sized.cost)} with fees"
            + (f", held down by {held}" if held else ""),
            f"at most {money(event.sized.worst_loss)} lost at the stop",
            f"approved by {', '.join(reviewed[1].approved_by)}" if reviewed is not None else "",
        ],
    )


def _entry_order(trade: TradeRecords) -> Step | None:
    intent, accepted = trade.find(OrderRequested, Role.ENTRY), trade.find(OrderAccepted, Role.ENTRY)
    if intent is None:
        return None
    record, event = intent
    return _step(
        4,
        "entry order",
        record,
        [
            f"{terms_words(event.terms)}: on record before it was sent",
            _listed_with(trade, event.terms.client_order_id),
            f"{money(event.reserved)} of cash reserved",
            _under(event),
            f"taken by the venue as {accepted[1].broker_order_id}" if accepted is not None else "",
        ],
    )


def _listed_with(trade: TradeRecords, entry_id: str) -> str:
    """The legs that leave with an entry; "" where it leaves alone."""
    legs = [
        f"{event.terms.role} {amount(price)}"
        for _, event in trade.all(OrderRequested)
        if event.terms.parent == entry_id
        if (price := event.terms.stop_price or event.terms.limit_price) is not None
    ]
    return f"{' and '.join(legs)} listed with it, asleep until it fills" if legs else ""


def _under(event: OrderRequested | ModifyRequested) -> str:
    """Whose writ an order goes out under: the last but one part of a SPIFFE id is the role."""
    if not event.token_id:
        return ""
    return f"under the writ of {event.agent_id.split('/')[-2]}, token {event.token_id[:SHORT_TOKEN]}"


def _fill(trade: TradeRecords, number: int, name: str, role: Role) -> Step | None:
    found = trade.last(OrderFilled, role)
    if found is None:
        return None
    record, event = found
    verb = "bought" if event.side.sign > 0 else "sold"
    return _step(
        number,
        name,
        record,
        [f"{verb} {amount(event.cumulative)} at {amount(event.price)}", f"fee {amount(event.fee)}"],
    )


def _track(trade: TradeRecords) -> Step | None:
    found = trade.find(PositionOpened)
    if found is None:
        return None
    record, event = found
    target = "" if event.target_price is None else f", target {amount(event.target_price)}"
    return _step(
        6,
        "track",
        record,
        [
            f"{amount(event.quantity)} held from {amount(event.entry_price)}",
            f"anchored to the fill: stop {amount(event.stop_price)}{target}",
        ],
    )


def _stop_set(trade: TradeRecords) -> Step | None:
    found = trade.find(StopSet)
    if found is None:
        return None
    record, event = found
    order = trade.find(OrderRequested, Role.STOP)
    opened, has_target = trade.find(PositionOpened), trade.find(OrderRequested, Role.TARGET) is not None
    anchored = event.stop_price if opened is None else opened[1].stop_price
    changes = (change for _, change in trade.all(ModifyRequested) if change.stop_price == anchored)
    moved = ""
    if anchored != event.stop_price and (change := next(changes, None)) is not None:
        moved = f"then moved to {amount(anchored)}, {_under(change)}"
    return _step(
        7,
        "stop at broker",
        record,
        [
            f"stop for {amount(event.quantity)} at {amount(event.stop_price)} works at the venue",
            "the target beside it: the first to fill cancels the other" if has_target else "",
            "" if order is None else _under(order[1]),
            moved,
        ],
    )


def _hold(trade: TradeRecords) -> Step | None:
    found, ended = trade.find(HoldSignalled), trade.find(PositionClosed)
    if found is None:
        return None
    record, event = found
    held = "" if ended is None else f"held {_span(ended[0].entry.at - record.entry.at)}"
    return _step(8, "hold", record, [event.reason, held])


def _exit_hit(trade: TradeRecords) -> Step | None:
    target, stop, left = trade.find(TargetHit), trade.find(StopHit), trade.find(ExitSignalled)
    if target is not None:
        return _step(9, "exit hit", target[0], [f"target reached: traded at {amount(target[1].price)}"])
    if stop is not None:
        return _step(9, "exit hit", stop[0], [f"stop reached: traded at {amount(stop[1].price)}"])
    if left is None:
        return None
    return _step(
        9, "exit hit", left[0], [f"the strategy leaves at {amount(left[1].price)}: {left[1].reason}"]
    )


def _exit_order(trade: TradeRecords) -> Step | None:
    sent, own = trade.find(ExitSent), trade.find(OrderRequested, Role.EXIT)
    if sent is None:
        return None
    if own is not None:
        return _step(10, "exit order", own[0], [terms_words(own[1].terms), _under(own[1])])
    number = _step_sent(trade, sent[1].client_order_id)
    return _step(
        10,
        "exit order",
        sent[0],
        [
            f"the {trade.exit_role} order, at the venue since step {number}, is the exit",
            "no second one is sent",
        ],
    )


def _step_sent(trade: TradeRecords, order_id: str) -> int:
    """The step in which a stop or target went out: with the entry, or after its fill."""
    is_listed = any(
        event.terms.parent is not None
        for _, event in trade.all(OrderRequested)
        if event.terms.client_order_id == order_id
    )
    return 4 if is_listed else 7


def _close(trade: TradeRecords) -> Step | None:
    found, gone = trade.find(PositionClosed), trade.find(OrderCancelled)
    if found is None:
        return None
    record, event = found
    return _step(
        12,
        "close",
        record,
        [
            f"the {gone[1].role} order is cancelled" if gone is not None else "",
            f"flat: gross {amount(event.gross)}, fees {amount(event.fees)}, "
            + (f"funding {amount(event.funding)}, " if event.funding else "")
            + f"P&L {amount(event.pnl)}",
        ],
    )


def _log(trade: TradeRecords) -> Step | None:
    found = trade.find(TradeLogged)
    if found is None:
        return None
    record, event = found
    share = event.win_fraction * Decimal(100)
    return _step(
        13,
        "log",
        record,
        [
            f"trade {event.trades} of the account, {event.wins} won ({share:.1f} %)",
            f"P&L over planned loss {event.reward_risk.normalize():f} on average",
        ],
    )


def _span(ns: int) -> str:
    days, rest = divmod(ns // SECOND, DAY // SECOND)
    if days:
        return f"{days} day{'s' if days > 1 else ''}"
    hours, seconds = divmod(rest, 3600)
    return f"{hours} h {seconds // 60} min" if hours else f"{seconds // 60} min"
