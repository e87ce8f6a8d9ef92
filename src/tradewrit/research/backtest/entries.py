"""When and at what price an approved entry fills: found by search, not by waiting.

The prices come from the paper exchange's own rules; here is only where to look.
"""

import msgspec

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.fills import Span
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.proposals import Proposal
from tradewrit.domain.terms import entry_limit
from tradewrit.research.backtest.agenda import Phase
from tradewrit.research.backtest.tracks import Track

_EVER = float("inf")
_AT_CLOSE = {False: Phase.ENTERS_AT_CLOSE, True: Phase.REVERSES_AT_CLOSE}


class Entry(msgspec.Struct, frozen=True):
    """A filled entry. phase: at the bar's open, within it at a moment nobody can place, or at its close."""

    row: int
    price: Price
    phase: Phase

    @property
    def first(self) -> int:
        """The first row of which the position sees anything."""
        return self.row + self.phase.is_at_close


class Lapse(msgspec.Struct, frozen=True):
    """An entry that ended unfilled, at the end of a bar; or when it was sent, for want of a venue."""

    row: int
    phase: Phase = Phase.ENDS


def fill_of(
    track: Track, decided: int, proposal: Proposal, rules: PaperRules, *, is_daily: bool, is_reversal: bool
) -> Entry | Lapse | None:
    """What becomes of an entry decided at the close of row `decided`; None when the data end first.

    is_daily: a bar is a session, and an order for the day ends with it. is_reversal: it was sent when the
    exit of the position before had filled.
    """
    limit, row = entry_limit(track.instrument, proposal), decided + 1
    if limit is None:
        price = at_market(track, decided, proposal.side, rules)
        if rules.fills_at_once and price is not None:
            return Entry(decided, price, _AT_CLOSE[is_reversal])
        return None if price is None else Entry(row, price, Phase.OPENS)
    if row >= len(track):
        return None
    found = _at_limit(track, row, proposal.side, limit, rules, is_daily=is_daily)
    missed_open = is_reversal and not rules.fills_at_once
    if missed_open and isinstance(found, Entry) and found.row == row:
        return Entry(row, found.price, Phase.TRADES)
    return found


def at_market(track: Track, decided: int, side: Side, rules: PaperRules) -> Price | None:
    """What an order at market gets that was decided at the close of a row; None when the data end first."""
    bars, row = track.bars, decided
    match rules.market_fills:
        case "next_open":
            column, row = bars.open, decided + 1
        case "close":
            column = bars.close
        case "quote":
            quoted = bars.ask if side is Side.BUY else bars.bid
            if quoted is None:
                raise AssertionError(f"{track.symbol}: no quotes, which was to be checked before the run")
            column = quoted
    if row >= len(track):
        return None
    return fills.market(side, float(column[row]), track.instrument, rules.slippage_bps)


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
    return Entry(touched, price, Phase.TRADES if at_open is None else Phase.OPENS)
