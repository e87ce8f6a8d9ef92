"""When and at what price an approved entry fills: found by search, not by waiting.

The prices come from the paper exchange's own rules; here is only where to look.
"""

import msgspec

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.fills import Span
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderTerms, OrderType, Role, Side, TimeInForce
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.research.backtest.tracks import Track

_EVER = float("inf")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A filled entry. is_inside: filled within the bar, at a moment nobody can place, not at its open."""

    row: int
    price: Price
    is_inside: bool = False


class Lapse(msgspec.Struct, frozen=True):
    """An entry that ended unfilled, at the end of a bar."""

    row: int


def limit_of(track: Track, proposal: Proposal) -> Price | None:
    """The limit of an entry: the decision's price on the grid, never worse; None for one at market."""
    if proposal.entry_type is OrderType.MARKET:
        return None
    snap = track.instrument.price_down if proposal.side is Side.BUY else track.instrument.price_up
    return snap(proposal.entry_price)


def entry_terms(track: Track, sized: Sized) -> OrderTerms:
    """The order as the executor words it: at market until it fills, or a limit for the day."""
    limit = limit_of(track, sized.proposal)
    return OrderTerms(
        client_order_id=track.symbol,
        trade_id=track.symbol,
        symbol=track.symbol,
        side=sized.proposal.side,
        quantity=track.instrument.qty(sized.quantity),
        type=sized.proposal.entry_type,
        role=Role.ENTRY,
        time_in_force=TimeInForce.GTC if limit is None else TimeInForce.DAY,
        limit_price=limit,
    )


def fill_of(
    track: Track, row: int, proposal: Proposal, rules: PaperRules, *, is_daily: bool
) -> Entry | Lapse | None:
    """What becomes of an entry that works from `row` on; None when the data end first.

    is_daily: a bar is a session, and an order for the day ends with it.
    """
    if row >= len(track):
        return None
    limit = limit_of(track, proposal)
    if limit is not None:
        return _at_limit(track, row, proposal.side, limit, rules, is_daily=is_daily)
    price = fills.market(proposal.side, float(track.bars.open[row]), track.instrument, rules.slippage_bps)
    return Entry(row=row, price=price)


def _at_limit(
    track: Track, row: int, side: Side, limit: Price, rules: PaperRules, *, is_daily: bool
) -> Entry | Lapse | None:
    instrument, through = track.instrument, rules.is_through
    reach = float(fills.limit_reach(side, limit, instrument, through=through))
    low, high = (reach, _EVER) if side is Side.BUY else (-_EVER, reach)
    end = row + 1 if is_daily else len(track)
    touched = track.next_touch(row, end, low, high)
    if touched >= end:
        return Lapse(row) if is_daily else None
    span = track.span(touched)
    price = fills.limit(side, limit, span, instrument, through=through)
    if price is None:
        raise AssertionError(f"{track.symbol}: row {touched} touches {limit} and does not fill it")
    at_open = fills.limit(side, limit, Span.at(span.first), instrument, through=through)
    return Entry(row=touched, price=price, is_inside=at_open is None)
