"""Which trades of a run that jumps need a desk of their own, and those desks."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from tradewrit.brokers.paper import fills
from tradewrit.brokers.paper.chance import Chance
from tradewrit.domain.events.corporate import CorporateAction, Gone
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.orders import Side
from tradewrit.domain.proposals import Sized
from tradewrit.errors import ConfigError
from tradewrit.market.stamps import iso
from tradewrit.research.backtest.agenda import Phase
from tradewrit.research.backtest.entries import Entry, Lapse
from tradewrit.research.backtest.exits import Exit
from tradewrit.research.backtest.happening import Happening
from tradewrit.research.backtest.schedule import VenueCalendars
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.tape import Tape
from tradewrit.research.backtest.tracks import Track
from tradewrit.strategies.base import Strategy

if TYPE_CHECKING:
    from tradewrit.research.backtest.episode import Episode


def may_be_needed(setup: Setup) -> bool:
    """Whether any trade of a run can be more than one fill in and one fill out."""
    rules = setup.rules
    return rules.participation_fraction is not None or bool(rules.reject_fraction or setup.happenings)


class Stage:
    """Where trades are played that one search cannot follow.

    chance: what the venue draws from when it refuses at random.

    Raises ConfigError for a corporate action or funding that takes effect between two bars of its symbol.
    """

    def __init__(self, tape: Tape, strategy: Strategy, setup: Setup) -> None:
        from tradewrit.research.backtest.episode import Scene

        self.chance = Chance(setup.rules.reject_fraction, setup.seed)
        self._scene = Scene(
            setup,
            strategy.name(),
            strategy.protection(),
            tape.times(),
            tape.closes,
            tape.interval,
            VenueCalendars(setup),
            self.chance,
        )
        self._end = int(tape.times()[-1])
        self._is_chancy = bool(setup.rules.reject_fraction)
        self._share = setup.rules.participation_fraction
        self._is_reversing = setup.reverse
        self._desks: dict[int, Episode] = {}
        _check(tape, setup.happenings)
        symbol_of = attrgetter("symbol")
        self._actions = {
            symbol: tuple(actions)
            for symbol, actions in groupby(sorted(setup.happenings, key=symbol_of), symbol_of)
        }

    def is_needed(
        self, track: Track, decided: int, quantity: Decimal, entry: Entry | Lapse | None, ending: Exit | None
    ) -> bool:
        """Whether what one search found is not all there is to a trade. decided: the row at whose close."""
        if self._is_chancy:
            return True
        actions, share = self._actions.get(track.symbol, ()), self._share
        if not actions and share is None:
            return False
        if self._is_reversing:  # the desk that leaves is the one that turns
            return ending is None or ending.phase is not Phase.DROPPED_AT_CLOSE
        last = entry if isinstance(entry, Lapse) else ending
        since, until = (
            int(track.bars.ts[decided]),
            self._end if last is None else int(track.bars.ts[last.row]),
        )
        if any(since < action.at <= until for action in actions):
            return True
        if share is None or not isinstance(entry, Entry):
            return False
        return not _is_whole(track, quantity, entry, ending, share)

    def enter(
        self, rank: int, track: Track, decided: int, sized: Sized, phase: Phase, *, is_reversal: bool
    ) -> None:
        """Send an approved entry, decided at the close of a row, from a desk of its own.

        A reversal is sent by the desk that has just left. phase: in which it is sent.
        """
        from tradewrit.research.backtest.episode import Episode

        if not is_reversal:
            actions = self._actions.get(track.symbol, ())
            self._desks[rank] = Episode(self._scene, track, decided, actions)
        self._desks[rank].enter(sized, phase)

    def next(self, rank: int) -> Happening | None:
        """What happens next to a symbol's trade; None when nothing does before the data end."""
        return self._desks[rank].next()

    def wants(self, rank: int, side: Side) -> bool:
        """Whether the strategy wants to enter this side, as of the last bar that a symbol's desk has seen."""
        return self._desks[rank].wants(side)


def _is_whole(track: Track, quantity: Decimal, entry: Entry, ending: Exit | None, share: Decimal) -> bool:
    """Whether the volume of their bars lets both fills have all they want."""

    def most(row: int) -> Decimal:
        return fills.share_of_volume(float(track.bars.volume[row]), share, track.instrument)

    if most(entry.row) < quantity:
        return False
    if ending is None:
        return True
    return most(ending.row) >= quantity * (2 if ending.row == entry.row else 1)


def _check(tape: Tape, actions: Iterable[CorporateAction | FundingSettled]) -> None:
    """Positions are marked at the closes of bars, which only a new bar can restate."""
    for action in actions:
        if isinstance(action, Gone):
            continue
        if action.symbol not in tape.rank or action.at > tape.times()[-1]:
            continue
        ts = tape.bars[tape.rank[action.symbol]].ts
        if not len(ts) or action.at <= ts[0] or action.at in ts:
            continue
        raise ConfigError(
            f"{action.action} takes effect at {iso(action.at)}, when {action.symbol} has no bar; the skip "
            "engine takes actions with the first bar in the new shares only: use --engine events"
        )
