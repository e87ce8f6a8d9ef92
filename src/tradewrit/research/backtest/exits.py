"""When and at what price a position that was just opened will be left: found by search, not by waiting.

The prices come from the paper exchange's own rules; here is only where to look.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.fills import Span
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.positions import Direction
from tradewrit.domain.proposals import Sized
from tradewrit.research.backtest.entries import Entry
from tradewrit.research.backtest.tracks import Track
from tradewrit.risk.exits import stop_price, target_price

_FAR: Final = {Direction.LONG: float("inf"), Direction.SHORT: float("-inf")}


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """How a position ends. is_open: at the first price of the bar, before anything inside a bar.

    stop, target: the protection in force then.
    """

    row: int
    price: Price
    reason: str
    is_open: bool
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
        return None if price is None else self.left(row, price, reason, stop)

    def left(self, row: int, price: Price, reason: str, stop: Price, *, is_open: bool = False) -> Exit:
        """The exit at a price."""
        return Exit(row=row, price=price, reason=reason, is_open=is_open, stop=stop, target=self.target)


def plan(track: Track, entry: Entry, direction: Direction, sized: Sized, rules: PaperRules) -> Exit | None:
    """The exit of a position: stop or target, else what the strategy or the clock decides at a close.

    None when the data end before it does.
    """
    instrument, fraction = track.instrument, sized.target_fraction
    stop = stop_price(direction, entry.price, sized.stop_fraction, instrument)
    target = None if fraction is None else target_price(direction, entry.price, fraction, instrument)
    guard = Guard(direction, instrument, rules, target)
    if stop <= 0:  # no venue takes an order at no price: out again, as the keeper does after a few tries
        return _at_next_open(track, guard, entry.row, "stop_failed", stop)
    decided, reason = _decision(track, entry.row, direction, sized)
    touched = _touched(track, guard, entry, stop, sized.proposal.trail_fraction, min(decided + 1, len(track)))
    if isinstance(touched, Exit):
        return touched
    return _at_next_open(track, guard, decided, reason, touched)


def _at_next_open(track: Track, guard: Guard, decided: int, reason: str, stop: Price) -> Exit | None:
    """Out at market, on the bar after the one at whose close it was decided."""
    row = decided + 1
    if row >= len(track):
        return None
    side, slip = guard.direction.exit_side, guard.rules.slippage_bps
    price = fills.market(side, float(track.bars.open[row]), track.instrument, slip)
    return guard.left(row, price, reason, stop, is_open=True)


def _decision(track: Track, row: int, direction: Direction, sized: Sized) -> tuple[int, str]:
    """The row at whose close somebody wants out, and why; beyond the data when nobody does."""
    wanted, most = track.next_leave(row, direction), sized.proposal.max_bars
    timed = len(track) if most is None else row + max(most, 1) - 1
    return (timed, "time") if timed <= wanted else (wanted, "signal")


def _touched(
    track: Track, guard: Guard, entry: Entry, stop: Price, trail: Decimal | None, last: int
) -> Exit | Price:
    """The first bar before row `last` that touches stop or target; the stop's last place if none does."""
    row = entry.row
    if entry.is_inside:
        # Where in the bar the entry filled is unknown: its stop may have been hit after, its target not.
        span = track.span(row)._replace(first=float(entry.price))
        found = guard.met(row, stop, span, is_target_live=False)
        if found is not None:
            return found
        row += 1
    places = iter(((row, stop),) if trail is None else track.trailed(entry.row, guard.direction, trail, stop))
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


def _searched(track: Track, guard: Guard, row: int, end: int, stop: Price) -> Exit | None:
    """The first bar in row..end-1 that does something while the stop stays where it is."""
    low, high = guard.reach(stop)
    while (row := track.next_touch(row, end, low, high)) < end:
        found = guard.met(row, stop, track.span(row))
        if found is not None:
            return found
        row += 1
    return None
