"""What a correction or a bust of a fill does to the books: the trade's fills are booked anew, with it.

History is not rewritten: what comes out is the difference, as one event. Base, which is cash with the cost
of whatever was not paid in full taken out, is a sum over fills; so is what is held. Only the matching of
lots has to be done again.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import quarantine
from tradewrit.domain.decisions import Decision
from tradewrit.domain.events.orders import Exec, ExecutionReport, FillCorrected
from tradewrit.domain.events.positions import FillRestated
from tradewrit.domain.executions import Execution, Told, find
from tradewrit.domain.fees import in_account_currency
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO, Price, canonical, canonical_qty
from tradewrit.domain.positions import Fill, Position, book, is_paid_in_full


def correction(books: Books, report: ExecutionReport) -> Decision:
    """A fill was other than reported, or none: the difference is booked, where it can be known."""
    known = find(books.executions, report.corrects)
    if known is None:
        reason = f"no fill that can still be corrected is called {report.corrects!r}"
        return quarantine(report, "none", reason)
    fill, is_busted = known.fill, report.kind is Exec.BUSTED
    price = report.last_price
    if not is_busted and (price is None or price <= 0 or report.last_quantity <= 0):
        return quarantine(report, "booked", "a correction without a price or a quantity", fill.trade_id)
    fee = in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency)
    if fee is None:
        reason = f"its fee in {report.fee_currency} comes without a rate"
        return quarantine(report, "booked", reason, fill.trade_id)
    corrected = FillCorrected(
        at=report.at,
        trace=fill.trade_id,
        client_order_id=known.client_order_id,
        trade_id=fill.trade_id,
        symbol=fill.symbol,
        side=fill.side,
        role=known.role,
        exec_id=report.exec_id,
        corrects=known.told[0].exec_id,
        quantity=ZERO if is_busted else canonical_qty(report.last_quantity),
        price=Price(fill.price) if is_busted or price is None else price,
        fee=ZERO if is_busted else fee,
        was_quantity=fill.quantity,
        was_price=fill.price,
        reason=report.reason,
    )
    outcome = restated(books, corrected)
    if isinstance(outcome, str):
        return quarantine(report, "booked", outcome, fill.trade_id)
    return Decision((corrected,))


def restated(books: Books, event: FillCorrected) -> FillRestated | str:
    """The difference that a correction makes to cash, lots and P&L; or why it cannot be known."""
    before = find(books.executions, event.corrects)
    if before is None:
        return f"no fill that can still be corrected is called {event.corrects!r}"
    symbol, instrument = before.fill.symbol, books.instrument(before.fill.symbol)
    fills = books.executions[before.fill.trade_id]
    after = _as_corrected(before, event)
    was, gross_before = _booked((one.fill for one in fills), instrument)
    now, gross_after = _booked((after.fill if one == before else one.fill for one in fills), instrument)
    ours_before, theirs_before = _parted(books, before.fill.trade_id, was)
    ours, theirs_after = _parted(books, before.fill.trade_id, now)
    is_open = before.fill.trade_id in books.trades
    if is_open and books.positions.get(symbol) != ours_before:
        return "what is held is not what its fills left: a split, funding or a person came between"
    external = books.external.get(symbol)
    if theirs_before is not None and external != theirs_before:
        return "what an earlier correction left over was traded since"
    theirs = external if theirs_before is None else None
    theirs = theirs_after if theirs is None else _joined(theirs, theirs_after, instrument)
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


def _as_corrected(before: Execution, event: FillCorrected) -> Execution:
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


def _joined(held: Position, more: Position | None, instrument: Instrument) -> Position | None:
    """What others hold, with lots that came to it."""
    position: Position | None = held
    for lot in () if more is None else more.lots:
        fill = Fill(
            trade_id="",
            symbol=held.symbol,
            side=(more or held).direction.entry_side,
            quantity=lot.quantity,
            price=lot.price,
            fee=lot.fee,
            at=lot.opened_at,
        )
        position, _ = book(position, fill, instrument)
    return position


def _paid(fill: Fill, instrument: Instrument) -> Decimal:
    """Notional bought, negative when sold."""
    return instrument.value(fill.price, fill.quantity) * fill.side.sign


def _margined(position: Position | None, instrument: Instrument) -> Decimal:
    """Signed cost of a position that was not paid in full: it stays in cash, and is no part of base."""
    if position is None or is_paid_in_full(position.direction, instrument):
        return ZERO
    return position.cost(instrument) * position.direction.sign
