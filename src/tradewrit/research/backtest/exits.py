"""When and at what price a position that was just opened will be left: found by search, not by waiting.

The prices come from the paper exchange's own rules; here is only where to look.
"""

from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.fills import Span
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.positions import ClosedLot, Direction
from tradewrit.domain.proposals import Sized
from tradewrit.domain.signals import REVERSE, SESSION_END
from tradewrit.research.backtest.agenda import Phase
from tradewrit.research.backtest.entries import Entry, at_market
from tradewrit.research.backtest.tracks import Track
from tradewrit.research.results import RoundTrip
from tradewrit.risk.exits import stop_price, target_price

_TIME: Final = "time"
_FAILED: Final = "stop_failed"
_FAR: Final = {Direction.LONG: float("inf"), Direction.SHORT: float("-inf")}


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """How a position ends. phase: at the first price of the bar, inside it, or at its close.

    stop, target: the protection in force then.
    """

    row: int
    price: Price
    reason: str
    phase: Phase
    stop: Price
    target: Price | None


class Guard(msgspec.Struct, frozen=True):
    """What protects a position: a fixed target, and a stop that is fixed for a stretch of bars."""

    direction: Direction
    instrument: Instrument
    rules: PaperRules
    target: Price | None

    def reach(self, stop: Price) -> tuple[float, float]:
        """The low and the high from which on a bar concerns the position."""
        is_long, far = self.direction is Direction.LONG, _FAR[self.direction]
        if self.target is not None:
            side, through = self.direction.exit_side, self.rules.is_through
            far = float(fills.limit_reach(side, self.target, self.instrument, through=through))
        return (float(stop), far) if is_long else (far, float(stop))

    def met(self, row: int, stop: Price, span: Span, *, is_target_live: bool = True) -> Exit | None:
        """What one bar does: the stop before the target when it touches both."""
        side, instrument, rules = self.direction.exit_side, self.instrument, self.rules
        price, reason = fills.stop(side, stop, span, instrument, rules.slippage_bps), "stop"
        if price is None and self.target is not None and is_target_live:
            reason = "target"
            price = fills.limit(side, self.target, span, instrument, through=rules.is_through)
        return None if price is None else self.left(row, price, reason, stop, Phase.TRADES)

    def left(self, row: int, price: Price, reason: str, stop: Price, phase: Phase) -> Exit:
        """The exit at a price."""
        return Exit(row=row, price=price, reason=reason, phase=phase, stop=stop, target=self.target)


def plan(
    track: Track, entry: Entry, direction: Direction, sized: Sized, rules: PaperRules, *, reverse: bool
) -> Exit | None:
    """The exit of a position: stop or target, else what the strategy or the clock decides at a close.

    reverse: a signal for the other side is one to leave. None when the data end before it does.
    """
    instrument, fraction = track.instrument, sized.target_fraction
    stop = stop_price(direction, entry.price, sized.stop_fraction, instrument)
    target = None if fraction is None else target_price(direction, entry.price, fraction, instrument)
    guard = Guard(direction, instrument, rules, target)
    if stop <= 0:  # no venue takes an order at no price: out again, as the keeper does after a few tries
        return _dropped(track, guard, entry, stop)
    decided, reason = _decision(track, entry.first, direction, sized, reverse=reverse)
    touched = _touched(track, guard, entry, stop, sized.proposal.trail_fraction, min(decided + 1, len(track)))
    if isinstance(touched, Exit):
        # Only a reversal at an open asks what else happened there before it.
        return _placed(track, guard, entry, touched) if reverse else touched
    taken = at_market(track, decided, direction.exit_side, rules)
    if taken is None:
        return None
    phase = Phase.OPENS
    if taken.is_at_once:
        phase = Phase.TIMED_OUT_AT_CLOSE if reason == _TIME else Phase.LEAVES_AT_CLOSE
    return guard.left(taken.row, taken.price, reason, touched, phase)


def _dropped(track: Track, guard: Guard, entry: Entry, stop: Price) -> Exit | None:
    """Out at market: at once after an entry at the close, else at the open of the next bar."""
    side, slip = guard.direction.exit_side, guard.rules.slippage_bps
    if entry.phase.is_at_close:
        taken = at_market(track, entry.row, side, guard.rules)
        if taken is None:
            return None
        return guard.left(entry.row, taken.price, _FAILED, stop, Phase.DROPPED_AT_CLOSE)
    row = track.next_open(entry.row + 1)
    if row >= len(track):
        return None
    price = fills.market(side, float(track.bars.open[row]), track.instrument, slip)
    return guard.left(row, price, _FAILED, stop, Phase.OPENS)


def _decision(
    track: Track, row: int, direction: Direction, sized: Sized, *, reverse: bool
) -> tuple[int, str]:
    """The row at whose close somebody wants out, and why; beyond the data when nobody does."""
    wanted = track.next_leave(row, direction)
    why = SESSION_END if track.is_session_end(wanted) else "signal"
    if reverse:
        turned = track.next_turn(row, direction)
        wanted, why = (turned, REVERSE) if turned <= wanted else (wanted, why)
    most = sized.proposal.max_bars
    timed = len(track) if most is None else row + max(most, 1) - 1
    return (timed, _TIME) if timed <= wanted else (wanted, why)


def _touched(
    track: Track, guard: Guard, entry: Entry, stop: Price, trail: Decimal | None, last: int
) -> Exit | Price:
    """The first bar before row `last` that touches stop or target; the stop's last place if none does."""
    row = entry.first
    if entry.phase is Phase.TRADES:
        # Where in the bar the entry filled is unknown: its stop may have been hit after, its target not.
        span = track.span(row)._replace(first=float(entry.price))
        found = guard.met(row, stop, span, is_target_live=False)
        if found is not None:
            return found
        row += 1
    fixed = ((row, stop),)
    places = iter(fixed if trail is None else track.trailed(entry.first, guard.direction, trail, stop))
    _, stop = next(places)
    while row < last:
        following = next(places, None)
        end = last if following is None else min(following[0], last)
        found = _searched(track, guard, row, end, stop)
        if found is not None:
            return found
        if following is None or following[0] >= last:
            break
        row, stop = max(row, following[0]), following[1]
    return stop


def _placed(track: Track, guard: Guard, entry: Entry, found: Exit) -> Exit:
    """The exit, at the open of its bar if the first trade there was enough, and it was live by then."""
    first = guard.met(found.row, found.stop, Span.at(track.span(found.row).first))
    is_gap = found.row > entry.row and first is not None and first.reason == found.reason
    return replace(found, phase=Phase.OPENS) if is_gap else found


def _searched(track: Track, guard: Guard, row: int, end: int, stop: Price) -> Exit | None:
    """The first bar in row..end-1 that does something while the stop stays where it is."""
    low, high = guard.reach(stop)
    while (row := track.next_touch(row, end, low, high)) < end:
        found = guard.met(row, stop, track.span(row))
        if found is not None:
            return found
        row += 1
    return None


def round_trip(lot: ClosedLot, ending: Exit, multiplier: Decimal) -> RoundTrip:
    """A lot that was closed, as a result tells of it."""
    return RoundTrip(
        symbol=lot.symbol,
        side="long" if lot.direction is Direction.LONG else "short",
        quantity=lot.quantity,
        entry_time=lot.entry_at,
        entry_price=lot.entry_price,
        exit_time=lot.exit_at,
        exit_price=lot.exit_price,
        exit_reason=ending.reason,
        fees=lot.fees,
        pnl=lot.pnl,
        stop=ending.stop,
        target=ending.target,
        multiplier=multiplier,
    )
