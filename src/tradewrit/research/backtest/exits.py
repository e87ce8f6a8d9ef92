"""When and at what price a position that was just opened will be left: found by search, not by waiting.

The prices come from the paper exchange's own rules; here is only where to look.
"""

from decimal import Decimal

import msgspec

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.fills import Span
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.money import Price
from tradewrit.domain.positions import Direction
from tradewrit.domain.proposals import Sized
from tradewrit.research.backtest.tracks import Track
from tradewrit.risk.exits import stop_price, target_price


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A filled entry. is_inside: filled within the bar, at a moment nobody can place, not at its open."""

    row: int
    price: Price
    is_inside: bool = False


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """How a position ends. is_open: at the first price of the bar, before anything inside a bar."""

    row: int
    price: Price
    reason: str
    is_open: bool
    stop: Price
    target: Price | None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A position with no exit in the data."""

    stop: Price
    target: Price | None


def plan(track: Track, entry: Entry, direction: Direction, sized: Sized, rules: PaperRules) -> Exit | Held:
    """The exit of a position: stop or target, else what the strategy or the clock decides at a close."""
    instrument = track.instrument
    stop = stop_price(direction, entry.price, sized.stop_fraction, instrument)
    fraction = sized.target_fraction
    target = None if fraction is None else target_price(direction, entry.price, fraction, instrument)
    decided, reason = _decision(track, entry.row, direction, sized)
    last = min(decided + 1, len(track))
    touched = _touch(track, entry, direction, stop, target, sized.proposal.trail_fraction, last, rules)
    if isinstance(touched, Exit):
        return touched
    if decided + 1 >= len(track):
        return Held(stop=touched, target=target)
    price = fills.market(
        direction.exit_side, float(track.bars.open[decided + 1]), instrument, rules.slippage_bps
    )
    return Exit(
        row=decided + 1, price=price, reason=reason, is_open=True, stop=touched, target=target
    )


def _decision(track: Track, row: int, direction: Direction, sized: Sized) -> tuple[int, str]:
    """The row at whose close somebody wants out, and why; far beyond the data when nobody does."""
    never = len(track)
    wanted = track.next_leave(row, direction)
    most = sized.proposal.max_bars
    timed = never if most is None else row + max(most, 1) - 1
    return (timed, "time") if timed <= wanted and timed < never else (wanted, "signal")


def _touch(
    track: Track,
    entry: Entry,
    direction: Direction,
    stop: Price,
    target: Price | None,
    trail: Decimal | None,
    last: int,
    rules: PaperRules,
) -> Exit | Price:
    """The first bar before row `last` that touches stop or target; the stop's last place if none does."""
    row = entry.row
    if entry.is_inside:
        # Where in the bar the entry filled is unknown: its stop may have been hit after, its target not.
        bar = track.bars.row(row)
        found = _met(track, row, direction, stop, None, Span(float(entry.price), bar.low, bar.high), rules)
        if found is not None:
            return msgspec.structs.replace(found, target=target)
        row += 1
    pieces = iter([(row, stop)] if trail is None else track.trailed(entry.row, direction, trail, stop))
    start, stop = next(pieces)
    start = max(start, row)
    while start < last:
        following = next(pieces, None)
        end = last if following is None else min(following[0], last)
        found = _search(track, max(start, row), end, direction, stop, target, rules)
        if found is not None:
            return found
        if following is None or following[0] >= last:
            break
        start, stop = following
    return stop


def _search(
    track: Track, start: int, end: int, direction: Direction, stop: Price, target: Price | None, rules: PaperRules
) -> Exit | None:
    """The first bar in start..end-1 that does something to a fixed stop and target."""
    low, high = _reach(track, direction, stop, target, rules)
    row = start
    while (row := track.next_touch(row, end, low, high)) < end:
        found = _met(track, row, direction, stop, target, Span.of(track.bars.row(row)), rules)
        if found is not None:
            return found
        row += 1
    return None


def _reach(
    track: Track, direction: Direction, stop: Price, target: Price | None, rules: PaperRules
) -> tuple[float, float]:
    """The low and the high that concern the position."""
    is_long = direction is Direction.LONG
    far = float("inf") if is_long else float("-inf")
    if target is not None:
        far = float(
            fills.limit_reach(direction.exit_side, target, track.instrument, through=rules.is_through)
        )
    return (float(stop), far) if is_long else (far, float(stop))


def _met(
    track: Track,
    row: int,
    direction: Direction,
    stop: Price,
    target: Price | None,
    span: Span,
    rules: PaperRules,
) -> Exit | None:
    """What one bar does: the stop before the target when it touches both."""
    side, instrument = direction.exit_side, track.instrument
    price = fills.stop(side, stop, span, instrument, rules.slippage_bps)
    if price is not None:
        return Exit(row=row, price=price, reason="stop", is_open=False, stop=stop, target=target)
    if target is None:
        return None
    price = fills.limit(side, target, span, instrument, through=rules.is_through)
    if price is None:
        return None
    return Exit(row=row, price=price, reason="target", is_open=False, stop=stop, target=target)
