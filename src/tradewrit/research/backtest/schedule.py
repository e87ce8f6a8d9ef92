"""When the markets of a run are open: what its strategy may ask, and what its venue goes by.

Every symbol has the calendar that the setup names for it. Where none is named the venue takes the market
for one that never closes, and a strategy that asks is refused.
"""

from typing import TYPE_CHECKING, Final

from tradewrit.domain.market import DAY, MINUTE
from tradewrit.errors import ConfigError
from tradewrit.features.hours import Hours
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewrit.features.bars import Bars, Times
    from tradewrit.market.calendar import Calendar

_ALWAYS: Final = "24/7"


class Schedule:
    """The hours of each symbol over the times of a run.

    interval: of the bars, ns. Raises ConfigError for an exit before the session ends that cannot be kept,
    DataError for times that a calendar does not know.
    """

    def __init__(self, setup: Setup, times: "Times", interval: int) -> None:
        self._setup = setup
        self._edges = int(times[0]), int(times[-1])
        self._interval = interval
        self._known: dict[str, Hours] = {}
        self._leaves = _leaves(setup, interval)

    def of(self, symbol: str) -> Hours | None:
        """The hours of a symbol's market; None where nobody has told."""
        name = self._setup.calendar_of(symbol)
        if not name:
            if self._leaves is not None or (self._setup.rules.sessions and self._interval < DAY):
                wanted = "paper.sessions" if self._leaves is None else "exits.before_session_end_minutes"
                raise ConfigError(
                    f"{wanted} needs to know when {symbol} trades, which its times do not tell: set "
                    "data.calendar (or --calendar) to NYSE, 24/7 or the code of its exchange"
                )
            return None
        if name not in self._known:
            self._known[name] = self._hours(name)
        return self._known[name]

    def _hours(self, name: str) -> Hours:
        from tradewrit.market.calendar import calendar_for
        from tradewrit.market.hours import hours_of

        hours = hours_of(calendar_for(name), *self._edges, self._interval, leaves=self._leaves)
        if self._leaves is not None and self._leaves >= int((hours.closes - hours.opens).max()):
            raise ConfigError(
                f"exits.before_session_end_minutes: no session of {name} is longer than "
                f"{self._leaves // MINUTE} minutes, so nothing could ever be held"
            )
        return hours


def schedule_of(setup: Setup, bars: "Sequence[Bars]") -> Schedule:
    """The hours of a run over these bars; raises as `Schedule` and `Tape` do."""
    tape = Tape(bars)
    return Schedule(setup, tape.times(), tape.interval)


def _leaves(setup: Setup, interval: int) -> int | None:
    """How long before a close positions are left, ns: where orders wait for the next open, a bar at least."""
    minutes = setup.before_session_end_minutes
    if minutes is None:
        return None
    if interval >= DAY:
        raise ConfigError(
            "exits.before_session_end_minutes: bars of a day or longer show nothing of a session before it "
            "is over; use shorter bars, or leave it out"
        )
    return minutes * MINUTE if setup.rules.fills_at_once else max(minutes * MINUTE, interval)


class VenueCalendars:
    """The calendar that the venue of a run keeps for each symbol."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._known: dict[str, Calendar] = {}

    def __call__(self, symbol: str) -> "Calendar":
        """The symbol's; the one of markets that never close where none is named."""
        known = self._known.get(symbol)
        if known is None:
            from tradewrit.market.calendar import calendar_for

            known = self._known[symbol] = calendar_for(self._setup.calendar_of(symbol) or _ALWAYS)
        return known
