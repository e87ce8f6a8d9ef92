"""When and at what price an approved entry fills: found by search, not by waiting.

The prices come from the paper exchange's own rules; here is only where to look.
"""

from typing import NamedTuple

import msgspec

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.fills import Span
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.market import DAY
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.proposals import Proposal
from tradewrit.domain.terms import entry_limit
from tradewrit.features.bars import Floats
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
    """An entry that ended unfilled: at the end of a bar, before it opened, or at its close.

    At a close it was taken back before the session ends, or not taken at all when it was sent.
    refused: by the venue, with what code; "" where it was not.
    """

    row: int
    phase: Phase = Phase.ENDS
    refused: str = ""


class Taken(NamedTuple):
    """What a market order gets: in which row, at what price, and whether at its close, at once."""

    row: int
    price: Price
    is_at_once: bool


def fill_of(
    track: Track, decided: int, proposal: Proposal, rules: PaperRules, over: Lapse | None, left: Phase | None
) -> Entry | Lapse | None:
    """What becomes of an entry decided at the close of row `decided`; None when the data end first.

    over: when an order with a limit ends unfilled. left: of a reversal, how the position before was left.
    """
    limit, row = entry_limit(track.instrument, proposal), decided + 1
    if limit is None:
        return _at_next(track, decided, proposal.side, rules, left)
    if row >= len(track):
        return None
    found = _at_limit(track, row, proposal.side, limit, rules, over)
    missed_open = left is not None and not left.is_at_close
    if missed_open and isinstance(found, Entry) and found.row == row:
        return Entry(row, found.price, Phase.TRADES)
    return found


def _at_next(
    track: Track, decided: int, side: Side, rules: PaperRules, left: Phase | None
) -> Entry | Lapse | None:
    """What an entry at market gets: nothing where it still waits when the account wants out."""
    taken = at_market(track, decided, side, rules)
    last = len(track) if taken is None else taken.row
    ending = track.next_session_end(decided + 1) if last > decided + 1 else last
    if ending < last:
        return Lapse(ending, Phase.ENTERS_AT_CLOSE)
    if taken is None:
        return None
    return Entry(taken.row, taken.price, _AT_CLOSE[left is not None] if taken.is_at_once else Phase.OPENS)


def at_market(track: Track, decided: int, side: Side, rules: PaperRules) -> Taken | None:
    """What an order at market gets that was decided at the close of a row; None when the data end first."""
    if decided >= len(track):
        return None
    is_at_once = rules.fills_at_once and track.trades_in(decided)
    row = decided if is_at_once else track.next_open(decided + 1)
    if row >= len(track):
        return None
    column = _paid_at_close(track, side, rules) if is_at_once else track.bars.open
    price = fills.market(side, float(column[row]), track.instrument, rules.slippage_bps)
    return Taken(row, price, is_at_once)


def _paid_at_close(track: Track, side: Side, rules: PaperRules) -> Floats:
    if rules.market_fills == "close":
        return track.bars.close
    quoted = track.bars.ask if side is Side.BUY else track.bars.bid
    if quoted is None:
        raise AssertionError(f"{track.symbol}: no quotes, which was to be checked before the run")
    return quoted


def lapse_of(track: Track, decided: int, expires_at: int, interval: int) -> Lapse | None:
    """When an order for the day ends that was sent at or after the close of a row; None: not in the data.

    expires_at: by the calendar, UTC ns. interval: of the bars, ns; one of a day or longer is a session.
    """
    row = decided + 1
    if interval < DAY:
        row = max(row, int(track.bars.ts.searchsorted(expires_at - interval)))
        if row < len(track) and track.bars.ts[row] < expires_at and not track.trades_in(row):
            row += 1  # the venue looks at nothing in a bar outside the session
    ending = track.next_session_end(decided + 1)
    if ending < min(row, len(track)):
        return Lapse(ending, Phase.ENTERS_AT_CLOSE)
    if row >= len(track):
        return None
    is_over_before = interval < DAY and bool(track.bars.ts[row] >= expires_at)
    return Lapse(row, Phase.OPENS if is_over_before else Phase.ENDS)


def _at_limit(
    track: Track, row: int, side: Side, limit: Price, rules: PaperRules, over: Lapse | None
) -> Entry | Lapse | None:
    instrument, through = track.instrument, rules.is_through
    reach = float(fills.limit_reach(side, limit, instrument, through=through))
    low, high = (reach, _EVER) if side is Side.BUY else (-_EVER, reach)
    end = len(track) if over is None else over.row + (over.phase is not Phase.OPENS)
    touched = track.next_touch(row, end, low, high)
    if touched >= end:
        return over
    span = track.span(touched)
    price = fills.limit(side, limit, span, instrument, through=through)
    if price is None:
        raise AssertionError(f"{track.symbol}: row {touched} touches {limit} and does not fill it")
    at_open = fills.limit(side, limit, Span.at(span.first), instrument, through=through)
    return Entry(touched, price, Phase.TRADES if at_open is None else Phase.OPENS)
