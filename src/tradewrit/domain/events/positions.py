"""What bookkeeper and position_keeper hear and say: fills booked, stops kept, trades closed."""

from decimal import Decimal

from tradewrit.domain.events.base import Answer, Command, Event, Query
from tradewrit.domain.executions import Execution
from tradewrit.domain.money import ZERO, Price
from tradewrit.domain.orders import Role, Side
from tradewrit.domain.positions import ClosedLot, Fill, Position


class FillBooked(Event, frozen=True, kw_only=True, gc=False, tag="position.fill.booked"):
    """One fill entered the books: what it closed, and what it did to cash.

    exec_id: the venue's. apart: how much more of that execution counts as others' (`account.fill.adopted`).
    """

    client_order_id: str
    role: Role
    fill: Fill
    cash_change: Decimal
    closed: tuple[ClosedLot, ...] = ()
    exec_id: str = ""
    apart: Decimal = ZERO


class FillRestated(Event, frozen=True, kw_only=True, tag="position.fill.restated"):
    """A correction or a bust entered the books: all is as if the fill had come as it stands `after` it.

    cash_change, gross_change, fee_change: what that adds to cash, to the trade's gross profit and to its
    fees. position: what the trade holds now. external: what others hold now; what comes back to a trade
    that is over is counted here, for nobody leads it.
    """

    trade_id: str
    symbol: str
    role: Role
    before: Execution
    after: Execution
    cash_change: Decimal
    gross_change: Decimal
    fee_change: Decimal
    position: Position | None
    external: Position | None


class PositionOpened(Event, frozen=True, kw_only=True, gc=False, tag="position.track.opened"):
    """The trade holds something now; its stop and target are anchored to the fill."""

    trade_id: str
    symbol: str
    quantity: Decimal
    entry_price: Price
    stop_price: Price
    target_price: Price | None


class PositionAdded(Event, frozen=True, kw_only=True, gc=False, tag="position.track.added"):
    """The entry filled further; the protection grows with it."""

    trade_id: str
    symbol: str
    quantity: Decimal
    stop_price: Price
    target_price: Price | None


class ProtectionRequested(Event, frozen=True, kw_only=True, gc=False, tag="position.protection.requested"):
    """position_keeper asks the executor for a stop, and a target beside it where the venue has OCO."""

    trade_id: str
    symbol: str
    side: Side
    quantity: Decimal
    stop_price: Price
    target_price: Price | None
    trail_fraction: Decimal | None
    attempt: int


class ProtectionMoved(Event, frozen=True, kw_only=True, gc=False, tag="position.protection.moved"):
    """position_keeper asks for working protection to be changed: a tighter stop, another target or size.

    None leaves a term as it is.
    """

    trade_id: str
    client_order_id: str
    stop_price: Price | None = None
    limit_price: Price | None = None
    quantity: Decimal | None = None


class ProtectionRestated(Event, frozen=True, kw_only=True, gc=False, tag="position.protection.restated"):
    """An open trade's stop, target and best price are others now, after a split or a corrected entry.

    The venue restates its orders after a split by itself; after a correction they are moved.
    """

    trade_id: str
    symbol: str
    stop_price: Price | None
    target_price: Price | None
    extreme: Price | None


class StopSet(Event, frozen=True, kw_only=True, gc=False, tag="position.stop.set"):
    """The stop works at the venue: the position is protected.

    stop_price: where it works now. One that was listed with the entry is then moved to the fill's price.
    """

    trade_id: str
    symbol: str
    stop_price: Price
    quantity: Decimal
    client_order_id: str


class StopMoved(Event, frozen=True, kw_only=True, gc=False, tag="position.stop.moved"):
    """The venue acknowledged the stop's new terms. A long's stop never moves down, a short's never up."""

    trade_id: str
    symbol: str
    stop_price: Price
    quantity: Decimal


class StopFailed(Event, frozen=True, kw_only=True, gc=False, tag="position.stop.failed"):
    """The position is without the stop it should have. Somebody is told; the keeper tries the next way.

    Or what protects it could close more than is held, and could not be asked to change.

    is_refused: whether the venue said no; what it was never asked is asked again.
    """

    trade_id: str
    symbol: str
    reason: str
    attempt: int
    is_refused: bool = True


class StopLapsed(Event, frozen=True, kw_only=True, gc=False, tag="position.stop.lapsed"):
    """An alert: the stop ended with the session, as stops of this venue do; it is put back at the open.

    Until then the position is unprotected. quantity: what is held.
    """

    trade_id: str
    symbol: str
    quantity: Decimal
    stop_price: Price


class StopHit(Event, frozen=True, kw_only=True, gc=False, tag="position.stop.hit"):
    """The stop order traded.

    slip: what a unit brought less than at the stop's price (a gap, or a thin book), negative when it brought
    more; quote currency.
    """

    trade_id: str
    symbol: str
    price: Price
    slip: Decimal = ZERO


class TargetHit(Event, frozen=True, kw_only=True, gc=False, tag="position.target.hit"):
    """The target traded, or without OCO the price reached it."""

    trade_id: str
    symbol: str
    price: Price


class ExitRequested(Event, frozen=True, kw_only=True, gc=False, tag="position.exit.requested"):
    """position_keeper asks for the position to be closed. limit_price None means at market."""

    trade_id: str
    symbol: str
    side: Side
    quantity: Decimal
    reason: str
    limit_price: Price | None
    attempt: int


class ExitSent(Event, frozen=True, kw_only=True, gc=False, tag="position.exit.sent"):
    """An order that closes the position is at the venue (the exit, or the OCO leg that traded)."""

    trade_id: str
    client_order_id: str


class PositionClosed(Event, frozen=True, kw_only=True, gc=False, tag="position.trade.closed"):
    """The trade is flat. pnl: gross - fees + funding; funding is negative when it was paid."""

    trade_id: str
    symbol: str
    reason: str
    quantity: Decimal
    gross: Decimal
    fees: Decimal
    pnl: Decimal
    funding: Decimal = ZERO


class TradeAborted(Event, frozen=True, kw_only=True, gc=False, tag="position.trade.aborted"):
    """The trade ended without ever holding anything. outcome: rejected, expired or aborted."""

    trade_id: str
    symbol: str
    outcome: str
    reason: str


class TradeRevived(Event, frozen=True, kw_only=True, gc=False, tag="position.trade.revived"):
    """The venue filled an order that we had taken for dead: the trade is open after all.

    client_order_id: the entry, or the leg whose fill told of it. is_open: that order was wrongly taken for
    dead, and works. orders: the others that come back with it, as they were. asked: those of them that may
    work as well; the venue is asked.
    """

    trade_id: str
    symbol: str
    client_order_id: str
    is_open: bool = False
    orders: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


class PnlUpdated(Answer, frozen=True, kw_only=True, gc=False, tag="position.pnl.updated"):
    """Unrealised P&L of an open position; at most once a second per position, never journalled."""

    symbol: str
    quantity: Decimal
    price: Price
    unrealised: Decimal


class SetStop(Command, frozen=True, kw_only=True, gc=False, tag="position.set_stop"):
    """Asks for an open trade's stop to be put in place (again)."""

    trade_id: str
    actor: str = "desk"


class UpdateStop(Command, frozen=True, kw_only=True, gc=False, tag="position.update_stop"):
    """Asks for an open trade's stop to be moved; only ever closer to the price."""

    trade_id: str
    stop_price: Price
    actor: str = "desk"


class StopRefused(Event, frozen=True, kw_only=True, gc=False, tag="position.stop.refused"):
    """A stop stays where it is, and why."""

    trade_id: str
    reason: str


class CloseTrade(Command, frozen=True, kw_only=True, gc=False, tag="position.close"):
    """A person, or a rule, wants an open trade closed at market."""

    trade_id: str
    actor: str
    reason: str = "manual"


class TrackPosition(Query, frozen=True, kw_only=True, gc=False, tag="position.track"):
    """Asks for what is held in a symbol. Positions are made by fills alone; this makes none."""

    symbol: str


class CalculatePnl(Query, frozen=True, kw_only=True, gc=False, tag="position.calculate_pnl"):
    """Asks for a position's P&L at a price; at the last price when none is given."""

    symbol: str
    price: Price | None = None


class PositionReported(Answer, frozen=True, kw_only=True, gc=False, tag="position.report.given"):
    """A position as of `at`; quantity is signed, 0 when flat. fees: paid on what is still open."""

    symbol: str
    quantity: Decimal
    average_price: Decimal | None = None
    price: Price | None = None
    unrealised: Decimal = ZERO
    fees: Decimal = ZERO


class CheckExit(Query, frozen=True, kw_only=True, gc=False, tag="position.check_exit"):
    """Asks whether this price would hit an open trade's stop or target."""

    trade_id: str
    price: Price


class ExitChecked(Answer, frozen=True, kw_only=True, gc=False, tag="position.exit.checked"):
    """stop, target or None."""

    trade_id: str
    hit: str | None
