"""Which calendar each symbol of a run trades by, where nobody has said: the one that its own times fit."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tradewrit.domain.market import DAY
from tradewrit.domain.orders import OrderType
from tradewrit.features.bars import Bars, interval_ns
from tradewrit.research.backtest.setup import Setup
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import asks_for_hours

if TYPE_CHECKING:
    from tradewrit.features.bars import Times


def with_calendars(bars: Sequence[Bars], setup: Setup, strategy: Strategy) -> Setup:
    """The setup with a calendar for every symbol whose times fit one, if anything in the run asks for it.

    Most runs do not, and then nothing is looked at. Raises StrategyError for formulas that cannot be said.
    """
    return with_fitting_calendars(bars, setup) if _is_asked_for(bars, setup, strategy) else setup


def with_fitting_calendars(bars: Sequence[Bars], setup: Setup) -> Setup:
    """The setup with a calendar for every symbol that has none and whose times fit one."""
    if setup.calendar:
        return setup
    from tradewrit.market.gaps import fitting_calendar

    known: dict[bytes, str] = {}

    def fitting(ts: "Times") -> str:
        times = ts.tobytes()
        if times not in known:
            found = fitting_calendar(ts)
            known[times] = "" if found is None else found.name
        return known[times]

    found = {one.symbol: name for one in bars if (name := fitting(one.ts))}
    return replace(setup, calendars={**found, **setup.calendars})


def _is_asked_for(bars: Sequence[Bars], setup: Setup, strategy: Strategy) -> bool:
    rules = setup.rules
    if setup.before_session_end_minutes is not None or rules.sessions or rules.settlement_days:
        return True
    if setup.entry_type is OrderType.LIMIT and any(len(one) > 1 and interval_ns(one) < DAY for one in bars):
        return True
    return any(asks_for_hours(strategy, setup.instrument(one.symbol)) for one in bars[:1])
