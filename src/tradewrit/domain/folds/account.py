"""Folds of the account: cash, lots and totals, and the symbols in which nothing new may be done.

Fills, corporate actions, funding and fees, with their share in the open trade's result. Knows no order's
state: that is `domain.folds.orders`.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tradewrit.domain.books import Books, PendingFee
from tradewrit.domain.cooldowns import Cooldown, Refusal, in_words
from tradewrit.domain.events import account as ac
from tradewrit.domain.events import corporate as co
from tradewrit.domain.events import funding as fu
from tradewrit.domain.events import market as mk
from tradewrit.domain.events import orders as od
from tradewrit.domain.events import positions as ps
from tradewrit.domain.events import risk as rk
from tradewrit.domain.executions import Execution, Told, exchanged, find, remembered
from tradewrit.domain.folds.base import Folds, latest, with_item, without
from tradewrit.domain.folds.trades import change_trade
from tradewrit.domain.funding import funded
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO, canonical, canonical_qty
from tradewrit.domain.positions import ClosedLot, Position, book
from tradewrit.domain.splits import split_position
from tradewrit.domain.trades import On as TradeOn
from tradewrit.domain.writs import Halt

# A correction overtakes its fill by seconds at most.
_MOST_EARLY: Final = 32


def _fill_booked(books: Books, event: ps.FillBooked) -> Books:
    fill = event.fill
    held = books.positions.get(fill.symbol)
    position, closed = book(held, fill, books.instrument(fill.symbol))
    books = _remembered(books, event, held)
    unsettled = tuple(entry for entry in books.unsettled if entry[0] > fill.at)
    if fill.settles_at > fill.at and event.cash_change > 0:
        unsettled = (*unsettled, (fill.settles_at, event.cash_change))
    books = replace(
        books,
        positions=_holding(books, fill.symbol, position),
        cash=canonical(books.cash + event.cash_change),
        unsettled=unsettled,
        filled_at=max(books.filled_at, fill.at),
        stats=replace(books.stats, fees=canonical(books.stats.fees + fill.fee)),
    )
    trade = books.trades.get(fill.trade_id)
    if trade is None:
        return books
    return change_trade(
        books,
        trade.id,
        TradeOn.FILL if event.role.is_entry else None,
        realised=canonical(trade.realised + _gross(closed)),
        fees=canonical(trade.fees + fill.fee),
    )


def _remembered(books: Books, event: ps.FillBooked, held: Position | None) -> Books:
    """The fill, in case it is corrected; not where the trade's fills are not known from the first."""
    fill = event.fill
    if held is not None and fill.trade_id not in books.executions:
        return books
    told = Told(event.exec_id, canonical_qty(fill.quantity + event.apart), fill.price)
    return _with_execution(
        books,
        Execution(
            client_order_id=event.client_order_id,
            role=event.role,
            fill=fill,
            told=(told,),
            apart=event.apart,
        ),
    )


def _with_execution(books: Books, one: Execution) -> Books:
    ended = frozenset(known for known in books.executions if known not in books.trades)
    return replace(books, executions=remembered(books.executions, one.fill.trade_id, one, ended))


def _fill_restated(books: Books, event: ps.FillRestated) -> Books:
    fill, stats = event.after.fill, books.stats
    unsettled = books.unsettled
    if fill.settles_at > event.at and event.cash_change:
        unsettled = (*unsettled, (fill.settles_at, event.cash_change))
    is_open, profit = event.trade_id in books.trades, event.gross_change - event.fee_change
    books = replace(
        books,
        executions=exchanged(books.executions, event.before, event.after),
        cash=canonical(books.cash + event.cash_change),
        unsettled=unsettled,
        pending_fees={
            known: fee for known, fee in books.pending_fees.items() if not event.before.is_called(known)
        },
        external=_put(books.external, event.symbol, event.external),
        stats=replace(
            stats,
            fees=canonical(stats.fees + event.fee_change),
            realised=stats.realised if is_open else canonical(stats.realised + profit),
        ),
    )
    trade = books.trades.get(event.trade_id)
    if trade is None:
        return books
    books = replace(books, positions=_put(books.positions, event.symbol, event.position))
    return change_trade(
        books,
        trade.id,
        None,
        exit_reason=trade.exit_reason or ("corrected" if event.position is None else ""),
        realised=canonical(trade.realised + event.gross_change),
        fees=canonical(trade.fees + event.fee_change),
    )


def _put(positions: dict[str, Position], symbol: str, position: Position | None) -> dict[str, Position]:
    return without(positions, symbol) if position is None else with_item(positions, symbol, position)


def _quarantined(books: Books, event: od.ReportQuarantined) -> Books:
    """A correction that overtook its fill is kept for it; a fill that was withheld waits no more."""
    report = event.report
    if report.exec_id in books.withheld:
        books = replace(books, withheld=without(books.withheld, report.exec_id))
    if report.kind not in od.CORRECTIONS or find(books.executions, report.corrects) is not None:
        return books
    early = with_item(books.early, report.corrects, report)
    return replace(books, early=latest(early, lambda one: one.at, _MOST_EARLY))


def _holding(books: Books, symbol: str, position: Position | None) -> dict[str, Position]:
    """The positions with this one in the symbol's place; None when nothing is left of it."""
    return _put(books.positions, symbol, position)


def _gross(closed: Iterable[ClosedLot]) -> Decimal:
    return sum((lot.gross for lot in closed), ZERO)


def _split_booked(books: Books, event: co.SplitBooked) -> Books:
    held = books.positions.get(event.symbol)
    if held is None:
        return books
    instrument = books.instrument(event.symbol)
    after = split_position(held, event.ratio, event.price, instrument, event.at)
    books = replace(
        books,
        positions=_holding(books, event.symbol, after.position),
        cash=canonical(books.cash + event.cash_change),
    )
    return _earned(books, event.symbol, _gross(after.closed))


def _dividend_booked(books: Books, event: co.DividendBooked) -> Books:
    books = replace(books, cash=canonical(books.cash + event.cash_change))
    return _earned(books, event.symbol, event.cash_change)


def _delisting_booked(books: Books, event: co.DelistingBooked) -> Books:
    books = replace(
        books,
        positions=without(books.positions, event.symbol),
        cash=canonical(books.cash + event.cash_change),
    )
    return _earned(books, event.symbol, _gross(event.closed))


def _earned(books: Books, symbol: str, amount: Decimal) -> Books:
    """What a corporate action brought belongs to the open trade."""
    trade = books.trade_in(symbol)
    if trade is None or not amount:
        return books
    return change_trade(books, trade.id, None, realised=canonical(trade.realised + amount))


def _funding_booked(books: Books, event: fu.FundingBooked) -> Books:
    held, paid = books.positions.get(event.symbol), event.cash_change
    if held is None:
        return books
    after = funded(held, event.price, event.rate, books.instrument(event.symbol))
    books = replace(
        books,
        positions=with_item(books.positions, event.symbol, after),
        cash=canonical(books.cash + paid),
        stats=replace(books.stats, funding=canonical(books.stats.funding + paid)),
    )
    trade = books.trade_in(event.symbol)
    if trade is None:
        return books
    return change_trade(books, trade.id, None, funding=canonical(trade.funding + paid))


def _fee_booked(books: Books, event: od.FeeBooked) -> Books:
    """A fee that comes after its trade was logged still comes out of what was realised."""
    trade, stats = books.trades.get(event.trade_id), books.stats
    realised = stats.realised if trade is not None else canonical(stats.realised - event.fee)
    filled = find(books.executions, event.exec_id)
    if filled is not None:
        late = replace(filled, late_fee=event.fee)
        books = replace(books, executions=exchanged(books.executions, filled, late))
    books = replace(
        books,
        cash=canonical(books.cash - event.fee),
        pending_fees=without(books.pending_fees, event.exec_id),
        stats=replace(stats, fees=canonical(stats.fees + event.fee), realised=realised),
    )
    if trade is None:
        return books
    return change_trade(books, trade.id, None, fees=canonical(trade.fees + event.fee))


def _reconciled(books: Books, event: ac.AccountReconciled) -> Books:
    return replace(
        books,
        reconciled_at=event.at,
        suspects={one.key: one.said for one in event.differences},
        strangers=tuple(known for known in books.strangers if known in event.strangers),
    )


def _external(books: Books, event: ac.ExternalBooked) -> Books:
    fill = event.fill
    position, _ = book(books.external.get(fill.symbol), fill, books.instrument(fill.symbol))
    external = without(books.external, fill.symbol)
    if event.execution is not None:
        books = _with_execution(books, event.execution)
    if position is not None:
        external = with_item(external, fill.symbol, position)
    return replace(
        books,
        external=external,
        cash=canonical(books.cash + event.cash_change),
        filled_at=max(books.filled_at, fill.at),
    )


def _cooling(books: Books, event: rk.CooldownBegan) -> Books:
    known, since = books.cooldowns.get(event.symbol), event.at - books.limits.refusal_window_s * SECOND
    before = () if known is None else tuple(one for one in known.refusals if one.at > since)
    cooldown = Cooldown(
        until=event.until,
        reason=in_words(event.symbol, event.code, event.refusals, event.until),
        refusals=(*before, Refusal(event.code, event.at)),
    )
    return replace(books, cooldowns=with_item(books.cooldowns, event.symbol, cooldown))


def _symbol_suspended(books: Books, event: ac.SymbolSuspended) -> Books:
    books = replace(books, suspended=with_item(books.suspended, event.symbol, event.reason))
    return change_trade(books, books.active.get(event.symbol, ""), TradeOn.SUSPEND)


def _symbol_resumed(books: Books, event: ac.SymbolResumed) -> Books:
    books = replace(
        books,
        suspended=without(books.suspended, event.symbol),
        questioned=without(books.questioned, event.symbol),
    )
    return change_trade(books, books.active.get(event.symbol, ""), TradeOn.RESUME)


FOLDS: Final[Folds] = {
    ac.AccountOpened: lambda books, e: replace(
        books,
        journal_id=e.journal_id,
        account=e.account,
        currency=e.currency,
        mode=e.mode,
        venue=e.venue,
        margin=e.margin,
        strategy=e.strategy,
        entry_type=e.entry_type,
        reverse=e.reverse,
        protection=e.protection,
        sizing=e.sizing,
        limits=e.limits,
        review=e.review,
        fees=e.fees,
        capabilities=e.capabilities,
        instruments={instrument.symbol: instrument for instrument in e.instruments},
        initial_cash=e.initial_cash,
        cash=e.initial_cash,
        high_water=e.initial_cash,
        opened_at=e.at,
        reconciled_at=e.at,
    ),
    ac.VenueIdentified: lambda books, e: replace(books, identity=e.identity),
    ac.InstrumentListed: lambda books, e: replace(
        books, instruments=with_item(books.instruments, e.instrument.symbol, e.instrument)
    ),
    ac.LimitsChanged: lambda books, e: replace(books, limits=e.limits),
    ac.HighWaterRaised: lambda books, e: replace(books, high_water=e.equity),
    ac.CashMoved: lambda books, e: replace(
        books,
        cash=canonical(books.cash + e.amount),
        # A deposit is not a profit and a withdrawal no loss: the mark moves along.
        high_water=canonical(books.high_water + e.amount),
    ),
    ac.TradingHalted: lambda books, e: replace(
        books,
        halted=e.reason or "halted",
        unheard=Halt(e.actor, e.reason, e.including_protection),
    ),
    ac.TradingResumed: lambda books, _: replace(books, halted="", unheard=None),
    ac.SymbolSuspended: _symbol_suspended,
    ac.SymbolResumed: _symbol_resumed,
    mk.SymbolHalted: lambda books, e: replace(
        books, paused=with_item(books.paused, e.symbol, e.reason or "halted by the venue")
    ),
    mk.SymbolHaltLifted: lambda books, e: replace(books, paused=without(books.paused, e.symbol)),
    mk.MaintenanceBegan: lambda books, e: replace(books, maintenance=e.ends),
    mk.MaintenanceEnded: lambda books, _: replace(books, maintenance=0),
    ac.AccountReconciled: _reconciled,
    ac.PositionDisputed: lambda books, e: replace(
        books, disputed=with_item(books.disputed, e.symbol, f"{e.ours} in the books, {e.theirs} at the venue")
    ),
    ac.PositionAgreed: lambda books, e: replace(books, disputed=without(books.disputed, e.symbol)),
    ac.PositionAdopted: lambda books, e: replace(books, disputed=without(books.disputed, e.symbol)),
    ac.ExternalOrderSeen: lambda books, e: replace(
        books, strangers=(*books.strangers, e.terms.client_order_id)
    ),
    ac.ExternalBooked: _external,
    rk.DrawdownAlerted: lambda books, _: replace(books, is_drawdown_blocked=True),
    rk.DrawdownCleared: lambda books, _: replace(books, is_drawdown_blocked=False),
    rk.CooldownBegan: _cooling,
    rk.CooldownEnded: lambda books, e: replace(books, cooldowns=without(books.cooldowns, e.symbol)),
    ps.FillBooked: _fill_booked,
    ps.FillRestated: _fill_restated,
    od.ReportQuarantined: _quarantined,
    od.FillQuestioned: lambda books, e: replace(
        books, questioned=with_item(books.questioned, e.symbol, e.reason)
    ),
    co.SplitBooked: _split_booked,
    co.DividendBooked: _dividend_booked,
    co.DelistingBooked: _delisting_booked,
    fu.FundingBooked: _funding_booked,
    od.FeePending: lambda books, e: replace(
        books,
        pending_fees=with_item(
            books.pending_fees, e.exec_id, PendingFee(e.trade_id, e.symbol, e.fee, e.fee_currency)
        ),
    ),
    od.FeeBooked: _fee_booked,
}
