"""What a correction or a bust of a fill does to the books: the trade's fills are booked anew, with it.

History is not rewritten: what comes out is the difference, as one event. Base, which is cash with the cost
of whatever was not paid in full taken out, is a sum over fills; so is what is held. Only the matching of
lots has to be done again.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.conclusions import quarantine
from tradewrit.domain.decisions import Decision
from tradewrit.domain.events.account import ExternalBooked
from tradewrit.domain.events.orders import Exec, ExecutionReport, FillCorrected, OrderPartiallyFilled
from tradewrit.domain.events.positions import FillBooked, FillRestated
from tradewrit.domain.executions import Execution, Told, find
from tradewrit.domain.fees import in_account_currency
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import ZERO, Price, canonical, canonical_qty
from tradewrit.domain.orders import Role, Side
from tradewrit.domain.portfolio import cash_change
from tradewrit.domain.positions import Fill, Lot, Position, book, is_paid_in_full


def correction(books: Books, report: ExecutionReport) -> Decision:
    """A fill was other than reported, or none: the difference is booked, where it can be known."""
    known = find(books.executions, report.corrects)
    if known is None:
        reason = f"no fill that can still be corrected is called {report.corrects!r}"
        return quarantine(report, "none", reason)
    fill = known.fill
    if wrong := _defect(books, report):
        return quarantine(report, "booked", wrong, fill.trade_id)
    of = _Corrected(
        known.client_order_id, fill.trade_id, fill.symbol, fill.side, known.role, known.told[0].exec_id
    )
    corrected = _correction(books, of, report, known.quantity, Price(fill.price))
    outcome = restated(books, corrected)
    if isinstance(outcome, str):
        return quarantine(report, "booked", outcome, fill.trade_id)
    said = [corrected]
    for one in overtaken(books, report)[1:]:  # heard before what it corrects
        said.append(_correction(books, of, one, said[-1].quantity, said[-1].price))
    return Decision(tuple(said))


def overtaken(books: Books, report: ExecutionReport) -> list[ExecutionReport]:
    """A correction, and those of it that were heard before, each correcting the one before it."""
    chain = [report]
    while (later := books.early.get(chain[-1].exec_id)) is not None and not _defect(books, later):
        chain.append(later)
    return chain


def as_corrected(books: Books, report: ExecutionReport, last: ExecutionReport) -> ExecutionReport:
    """A fill in the words of its last correction; one that was busted, as it was told."""
    if last.kind is Exec.BUSTED or _defect(books, last):
        return report
    return replace(
        report,
        last_quantity=last.last_quantity,
        last_price=last.last_price,
        fee=last.fee,
        fee_currency=last.fee_currency,
        fee_rate=last.fee_rate,
    )


def named(
    books: Books, filled: OrderPartiallyFilled, chain: list[ExecutionReport]
) -> Iterator[FillCorrected]:
    """Corrections of a fill that is booked as the last says, under the names that the next may give it."""
    last, quantity = chain[-1], filled.quantity
    if _defect(books, last):
        return
    of = _Corrected(
        filled.client_order_id, filled.trade_id, filled.symbol, filled.side, filled.role, filled.exec_id
    )
    for one in chain:
        corrected = _correction(
            books, of, replace(last, exec_id=one.exec_id, at=one.at), quantity, filled.price
        )
        quantity = corrected.quantity
        yield corrected


class _Corrected(NamedTuple):
    """The fill that a correction is about. exec_id: under which it was first reported."""

    client_order_id: str
    trade_id: str
    symbol: str
    side: Side
    role: Role
    exec_id: str


def _defect(books: Books, report: ExecutionReport) -> str:
    """What is wrong with a correction by itself; "" when nothing is."""
    is_empty = report.last_price is None or report.last_price <= 0 or report.last_quantity <= 0
    if report.kind is not Exec.BUSTED and is_empty:
        return "a correction without a price or a quantity"
    if in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency) is None:
        return f"its fee in {report.fee_currency} comes without a rate"
    return ""


def _correction(
    books: Books, of: _Corrected, report: ExecutionReport, was_quantity: Decimal, was_price: Price
) -> FillCorrected:
    is_busted, price = report.kind is Exec.BUSTED, report.last_price
    fee = in_account_currency(report.fee, report.fee_currency, report.fee_rate, books.currency)
    return FillCorrected(
        at=report.at,
        trace=of.trade_id,
        client_order_id=of.client_order_id,
        trade_id=of.trade_id,
        symbol=of.symbol,
        side=of.side,
        role=of.role,
        exec_id=report.exec_id,
        corrects=of.exec_id,
        quantity=ZERO if is_busted else canonical_qty(report.last_quantity),
        price=was_price if is_busted or price is None else price,
        fee=ZERO if is_busted or fee is None else fee,
        was_quantity=was_quantity,
        was_price=was_price,
        reason=report.reason,
    )


def restated(books: Books, event: FillCorrected) -> FillRestated | str:
    """The difference that a correction makes to cash, lots and P&L; or why it cannot be known."""
    before = find(books.executions, event.corrects)
    if before is None:
        return f"no fill that can still be corrected is called {event.corrects!r}"
    symbol, instrument = before.fill.symbol, books.instrument(before.fill.symbol)
    fills = books.executions[before.fill.trade_id]
    after = before.corrected(Told(event.exec_id, event.quantity, event.price), event.fee)
    was, gross_before = _booked((one.fill for one in fills), instrument)
    now, gross_after = _booked((after.fill if one == before else one.fill for one in fills), instrument)
    ours_before, theirs_before = _parted(books, before.fill.trade_id, was)
    ours, theirs_after = _parted(books, before.fill.trade_id, now)
    is_open = before.fill.trade_id in books.trades
    if is_open and books.positions.get(symbol) != ours_before:
        return "what is held is not what its fills left: a split, funding or a person came between"
    external = books.external.get(symbol)
    theirs = _joined(_without(external, theirs_before, instrument), theirs_after, instrument)
    theirs = _met(theirs, before, after, instrument)
    margined = _margined(theirs, instrument) - _margined(external, instrument)
    if is_open:
        margined += _margined(ours, instrument) - _margined(ours_before, instrument)
    fee_change = after.fill.fee - before.fill.fee - before.late_fee
    paid = _paid(before, instrument) - _paid(after, instrument)
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


def _met(
    theirs: Position | None, before: Execution, after: Execution, instrument: Instrument
) -> Position | None:
    """What others hold: the part of the fill that counts as theirs is taken back, and done as it stands."""
    if (before.apart, before.fill.price) == (after.apart, after.fill.price):
        return theirs
    back = replace(before.fill, side=before.fill.side.opposite, quantity=before.apart)
    for fill in (back, replace(after.fill, quantity=after.apart)):
        if fill.quantity:
            theirs, _ = book(theirs, replace(fill, trade_id="", fee=ZERO), instrument)
    return theirs


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


def _paid(one: Execution, instrument: Instrument) -> Decimal:
    """Notional bought, negative when sold, whoever it counts for."""
    return instrument.value(one.fill.price, one.quantity) * one.fill.side.sign


def _margined(position: Position | None, instrument: Instrument) -> Decimal:
    """Signed cost of a position that was not paid in full: it stays in cash, and is no part of base."""
    if position is None or is_paid_in_full(position.direction, instrument):
        return ZERO
    return position.cost(instrument) * position.direction.sign
