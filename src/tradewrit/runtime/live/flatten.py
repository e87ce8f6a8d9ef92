"""Emergency liquidation: what one round does, worked out from what the venue says is held. Pure.

    entries halted ─▶ round: read positions ─▶ plan, on record ─▶ closes leave ─▶ wait ─▶ read again ...

What a trade of ours holds is closed the usual way, which takes its stops back first. What no trade explains,
and what the usual way has not closed after some rounds, gets an order of its own: reduce-only, for the
quantity that the venue has just named, under an id that follows from run, symbol and round. A lost answer can
therefore neither be doubled nor turn the position round.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.events.running import Closing, FlattenRound
from tradewrit.domain.ids import derive
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side, TimeInForce
from tradewrit.risk.closing import LEAVING
from tradewrit.risk.protection import held as held_by

_MARK: Final = "flat-"
"""Sets its orders apart from those of trades: no trade waits for what becomes of them."""
PATIENCE: Final = 3
"""Rounds in which a trade may close itself."""


def run_name(journal_id: str, at: int) -> str:
    """The name of one liquidation; ids of its orders derive from it."""
    return derive("flatten", journal_id, at, length=16)


def plan(
    run: str, number: int, at: int, books: Books, held: Mapping[str, Decimal], working: Sequence[OrderTerms]
) -> FlattenRound:
    """Round `number` (1, 2 ...) at `at` (UTC ns). held, working: as the venue has just said."""
    trades: list[str] = []
    closings: list[Closing] = []
    for symbol, units in sorted(held.items()):
        if not units or _is_closing(symbol, units, working):
            continue
        trade = books.trade_in(symbol)
        ours = trade is not None and held_by(books, trade) > ZERO
        if trade is not None and ours and number <= PATIENCE and symbol not in books.suspended:
            if trade.state not in LEAVING:
                trades.append(trade.id)
            continue
        closings.append(_closing(run, number, symbol, units))
    return FlattenRound(
        at=at,
        run=run,
        round=number,
        held={symbol: units for symbol, units in sorted(held.items()) if units},
        trades=tuple(trades),
        closings=tuple(closings),
    )


def in_the_way(closing: Closing, working: Sequence[OrderTerms]) -> list[str]:
    """Ids of working orders in the symbol: they hold the units, or would add to them. Cancelled first."""
    return [terms.client_order_id for terms in working if terms.symbol == closing.symbol]


def approved(closing: Closing, run: str, at: int) -> Approved:
    """The order of a closing, as a broker takes it."""
    terms = OrderTerms(
        client_order_id=closing.client_order_id,
        trade_id=f"flatten:{run}",
        symbol=closing.symbol,
        side=closing.side,
        quantity=closing.quantity,  # type: ignore[arg-type]  # as the venue counts it
        type=OrderType.MARKET,
        role=Role.EXIT,
        time_in_force=TimeInForce.DAY,
        reduce_only=True,
    )
    return Approved(orders=(terms,), by=("flatten", run), at=at)


def _closing(run: str, number: int, symbol: str, units: Decimal) -> Closing:
    return Closing(
        f"{_MARK}{derive('flatten', run, symbol, number, length=20)}",
        symbol,
        Side.SELL if units > 0 else Side.BUY,
        abs(units),
    )


def _is_closing(symbol: str, units: Decimal, working: Sequence[OrderTerms]) -> bool:
    """Whether orders at market that close all of it are at work already."""
    side = Side.SELL if units > 0 else Side.BUY
    quantity = sum(
        (
            terms.quantity
            for terms in working
            if (terms.symbol, terms.side, terms.type) == (symbol, side, OrderType.MARKET)
        ),
        ZERO,
    )
    return quantity >= abs(units)
