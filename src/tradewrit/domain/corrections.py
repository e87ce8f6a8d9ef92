"""What a correction or a bust of a fill does to the books: the trade's fills are booked anew, with it.

History is not rewritten: what comes out is the difference, as one event. Base, which is cash with the cost
of whatever was not paid in full taken out, is a sum over fills; so is what is held. Only the matching of
lots has to be done again.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.events.account import ExternalBooked
from tradewrit.domain.events.orders import FillCorrected
from tradewrit.domain.events.positions import FillBooked, FillRestated
from tradewrit.domain.executions import Execution, Told, find
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO, canonical, canonical_qty
from tradewrit.domain.orders import Role, Side
from tradewrit.domain.portfolio import cash_change
from tradewrit.domain.positions import Fill, Lot, Position, book, is_paid_in_full


def restated(books: Books, event: FillCorrected) -> FillRestated | str:
    """The difference that a correction makes to cash, lots and P&L; or why it cannot be known."""
    before = find(books.executions, event.corrects)
    if before is None:
        return f"no fill that can still be corrected is called {event.corrects!r}"
    symbol, instrument = before.fill.symbol, books.instrument(before.fill.symbol)
    fills = books.executions[before.fill.trade_id]
    after = _corrected(before, event)
    was, gross_before = _booked((one.fill for one in fills), instrument)
    now, gross_after = _booked((after.fill if one == before else one.fill for one in fills), instrument)
    ours_before, theirs_before = _parted(books, before.fill.trade_id, was)
    ours, theirs_after = _parted(books, before.fill.trade_id, now)
    is_open = before.fill.trade_id in books.trades
    if is_open and books.positions.get(symbol) != ours_before:
        return "what is held is not what its fills left: a split, funding or a person came between"
    external = books.external.get(symbol)
    theirs = _joined(_without(external, theirs_before, instrument), theirs_after, instrument)
    margined = _margined(theirs, instrument) - _margined(external, instrument)
    if is_open:
        margined += _margined(ours, instrument) - _margined(ours_before, instrument)
    fee_change = after.fill.fee - before.fill.fee - before.late_fee
    paid = _paid(before.fill, instrument) - _paid(after.fill, instrument)
    return FillRestated(
        at=event.at,
        trace=event.trace,
        trade_id=before.fill.trade_id,
        symbol=symbol,
        role=before.role,
        before=before,
        after=after,
        cash_change=canonical(paid - fee_change + margined),
        gross_change=canonical(gross_after - gross_before),
        fee_change=canonical(fee_change),
        position=ours,
        external=theirs,
    )


def crossed(books: Books, event: FillRestated) -> Iterator[FillBooked | ExternalBooked]:
    """What a correction left on the other side of an open trade closes it: at the venue the two are one."""
    trade, theirs = books.trade_in(event.symbol), event.external
    is_its_own = event.trade_id in books.trades
    ours = event.position if is_its_own else books.positions.get(event.symbol)
    if trade is None or ours is None or theirs is None or ours.direction is theirs.direction:
        return
    instrument, lots = books.instrument(event.symbol), theirs.lots
    for lot in lots:
        if ours is None or theirs is None:
            return
        fill = Fill(
            trade_id=trade.id,
            symbol=event.symbol,
            side=trade.direction.exit_side,
            quantity=canonical_qty(min(lot.quantity, ours.quantity)),
            price=lot.price,
            fee=ZERO,
            at=event.at,
        )
        ours, closed = book(ours, fill, instrument)
        yield FillBooked(
            at=event.at,
            trace=trade.id,
            client_order_id="",
            role=Role.EXIT,
            fill=fill,
            cash_change=cash_change(fill, closed, instrument),
            closed=closed,
        )
        back = replace(fill, trade_id="", side=fill.side.opposite)
        theirs, closed = book(theirs, back, instrument)
        change = cash_change(back, closed, instrument)
        yield ExternalBooked(at=event.at, fill=back, cash_change=change, closed=closed)


def _corrected(before: Execution, event: FillCorrected) -> Execution:
    fill = replace(before.fill, quantity=event.quantity, price=event.price, fee=event.fee)
    told = (*before.told, Told(event.exec_id, event.quantity, event.price))
    return replace(before, fill=fill, told=told, late_fee=ZERO)


def _booked(fills: Iterable[Fill], instrument: Instrument) -> tuple[Position | None, Decimal]:
    """What fills leave, from flat, and the gross profit of what they closed."""
    position, gross = None, ZERO
    for fill in fills:
        if fill.quantity:
            position, closed = book(position, fill, instrument)
            gross += sum((lot.gross for lot in closed), ZERO)
    return position, gross


def _parted(books: Books, trade_id: str, left: Position | None) -> tuple[Position | None, Position | None]:
    """What is the trade's and what nobody's: all of it, where the trade is over or on the other side."""
    trade = books.trades.get(trade_id)
    if left is None:
        return None, None
    if trade is not None and left.direction is trade.direction:
        return left, None
    return None, replace(left, lots=tuple(replace(lot, trade_id="") for lot in left.lots))


def _joined(held: Position | None, more: Position | None, instrument: Instrument) -> Position | None:
    """What others hold, with lots that came to it."""
    if more is None:
        return held
    for lot in more.lots:
        held, _ = book(held, _moved(more, lot, more.direction.entry_side), instrument)
    return held


def _without(held: Position | None, gone: Position | None, instrument: Instrument) -> Position | None:
    """What others hold, without lots that came to it; what was traded of them since comes from the rest."""
    if gone is None:
        return held
    lots = [] if held is None or held.direction is not gone.direction else list(held.lots)
    missing = [lot for lot in gone.lots if lot not in lots]
    for lot in gone.lots:
        if lot in lots:
            lots.remove(lot)
    if held is not None and held.direction is gone.direction:
        held = replace(held, lots=tuple(lots)) if lots else None
    for lot in missing:
        held, _ = book(held, _moved(gone, lot, gone.direction.exit_side), instrument)
    return held


def _moved(position: Position, lot: Lot, side: Side) -> Fill:
    return Fill(
        trade_id="",
        symbol=position.symbol,
        side=side,
        quantity=lot.quantity,
        price=lot.price,
        fee=lot.fee,
        at=lot.opened_at,
    )


def _paid(fill: Fill, instrument: Instrument) -> Decimal:
    """Notional bought, negative when sold."""
    return instrument.value(fill.price, fill.quantity) * fill.side.sign


def _margined(position: Position | None, instrument: Instrument) -> Decimal:
    """Signed cost of a position that was not paid in full: it stays in cash, and is no part of base."""
    if position is None or is_paid_in_full(position.direction, instrument):
        return ZERO
    return position.cost(instrument) * position.direction.sign
