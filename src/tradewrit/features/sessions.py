"""What the calendar says of a bar, for formulas: minutes since the open, rebalance dates, timers.

    minutes_to_close(bars) <= 30
    first_session_of(bars, "month") & first_bar_of_session(bars)
    every(bars, minutes=30)

All of it is known when the bar ends, since sessions are announced in advance. Outside the regular sessions
minutes are NaN and conditions False. Where a market never closes, its sessions are UTC days.
"""

from typing import Literal, get_args

from tradewrit.domain.market import MINUTE
from tradewrit.features.floats import whole
from tradewrit.features.hours import (
    Begins,
    Ends,
    Every,
    FirstBar,
    Hours,
    LastBar,
    Leaving,
    Reading,
    SinceOpen,
    ToClose,
)
from tradewrit.features.rules import Field
from tradewrit.features.series import Condition, Inputs, Series

Period = Literal["week", "month", "quarter", "year"]


def minutes_since_open(bars: Inputs) -> Series:
    """Minutes from the session's open to the bar's end: 1 on the first one-minute bar."""
    return Series(SinceOpen(bars.hours("minutes_since_open")), (_TIMES,))


def minutes_to_close(bars: Inputs) -> Series:
    """Minutes from the bar's end to the session's close: 0 on the last bar."""
    return Series(ToClose(bars.hours("minutes_to_close")), (_TIMES,))


def first_bar_of_session(bars: Inputs) -> Condition:
    """Whether it is the first bar there is of its session."""
    return _condition(FirstBar(bars.hours("first_bar_of_session")))


def last_bar_of_session(bars: Inputs) -> Condition:
    """Whether the session is over when the bar ends, by the calendar; none is, where that bar is missing."""
    return _condition(LastBar(bars.hours("last_bar_of_session")))


def first_session_of(bars: Inputs, period: Period) -> Condition:
    """Whether the bar's session is the first of its week (from Monday), month, quarter or year."""
    return _condition(Begins(bars.hours("first_session_of"), _checked(period)))


def last_session_of(bars: Inputs, period: Period) -> Condition:
    """Whether the bar's session is the last of its week (from Monday), month, quarter or year."""
    return _condition(Ends(bars.hours("last_session_of"), _checked(period)))


def every(bars: Inputs, minutes: int) -> Condition:
    """Whether a multiple of `minutes` since the open has come to pass since the symbol's bar before.

    A bar that ends on the multiple is the one; where that is missing, the next bar of the session.
    """
    return _condition(Every(bars.hours("every"), whole("minutes", minutes, least=1) * MINUTE))


_TIMES = Series(Field("ts"))


def _condition(reading: Reading) -> Condition:
    return Condition(reading, (_TIMES,))


def _checked(period: Period) -> Period:
    known = get_args(Period)
    if period not in known:
        raise ValueError(f"period must be one of {', '.join(known)}, not {period!r}")
    return period


def leaving(hours: Hours | None) -> Condition | None:
    """When an account leaves before the session ends; None where it does not."""
    return None if hours is None or hours.leaves is None else _condition(Leaving(hours))
