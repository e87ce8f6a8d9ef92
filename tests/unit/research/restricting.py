"""Runs drawn from one seed whose entries the executor's writ restricts: at random, and seldom for nothing.

Amounts are taken from what the run trades without restrictions, so that they bind for some entries and
not for others; times are stretched, so that days end and windows open and close within a run.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from tests.unit.research.backtest.markets import START
from tests.unit.research.drawn import (
    Case,
    case_of,
    leaving_case_of,
    refusing_case_of,
    splitting_case_of,
    turning_case_of,
)
from tests.unit.research.sessions import session_case_of
from tradewrit.domain.constraints import Constraints, Hours, Mode, day_of
from tradewrit.domain.market import MINUTE
from tradewrit.domain.orders import Side
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.setup import VENUE
from tradewrit.research.results import RoundTrip

KINDS: Final = (
    "sides",
    "max_quantity",
    "max_notional",
    "max_day_quantity",
    "max_day_notional",
    "max_day_orders",
    "hours",
    "venues",
    "modes",
    "reduce_only",
)
# The others leave all or nothing: they come seldom, since a run without an entry proves little.
OFTEN: Final = KINDS[:7]
_TRIES: Final = 6
_FEW: Final = 4
_DRAWN: Final[Sequence[Callable[..., Case]]] = (
    case_of,
    turning_case_of,
    turning_case_of,
    splitting_case_of,
    leaving_case_of,
    refusing_case_of,
    session_case_of,
    session_case_of,
)
_MODES: Final[tuple[Mode, ...]] = ("backtest", "live", "paper")
_WEEK: Final = (1, 2, 3, 4, 5, 6, 7)
_WINDOWS: Final = (
    "09:30-15:30 America/New_York",
    "08:00-16:30 Europe/London daily",
    "22:00-02:00 UTC daily",
    "00:00-24:00 Asia/Tokyo",
    "12:00-12:01 UTC daily",
    "23:00-22:00 UTC",
)


def restricting_case_of(seed: int, *, symbols: int = 6, bars: int = 80) -> Case:
    """A run of any other kind under a writ with one constraint or several."""
    rng = random.Random(seed)
    case, free = _busy(rng, symbols, bars)
    return case._replace(setup=replace(case.setup, entries=_entries(free, rng)))


def _busy(rng: random.Random, symbols: int, bars: int) -> tuple[Case, Sequence[RoundTrip]]:
    """A run that trades, as most that are drawn do not; and its trades while nothing is restricted."""
    for _ in range(_TRIES):
        drawn = rng.choice(_DRAWN)
        case = drawn(rng.randrange(2**32), symbols=symbols, bars=bars)
        if not case.setup.calendars:
            case = _stretched(case, rng)
        case = case._replace(setup=replace(case.setup, mode=rng.choice(_MODES)))
        free = skip.run(case.bars, case.strategy, case.setup).trades
        if len(free) > _FEW:
            break
    return case, free


def _entries(free: Sequence[RoundTrip], rng: random.Random) -> Constraints:
    """What restricts the entries of a run: each kind alone, or a few together."""
    kinds = rng.sample(OFTEN, rng.choice([1, 1, 1, 2, 3]))
    if rng.random() < 0.2:
        kinds = [*rng.choice([kinds, []]), rng.choice(KINDS[len(OFTEN) :])]
    return Constraints(**{kind: _constraint(kind, free, rng) for kind in sorted(kinds)})


def _constraint(kind: str, free: Sequence[RoundTrip], rng: random.Random) -> Any:
    match kind:
        case "sides":
            return rng.choice([(Side.BUY,), (Side.SELL,)] * 3 + [(Side.BUY, Side.SELL), ()])
        case "hours":
            return tuple(sorted({_window(free, rng) for _ in range(rng.choice([1, 1, 1, 2]))}))
        case "venues":
            return rng.choice([("lit", VENUE), ("lit",), ()])
        case "modes":
            return tuple(sorted(rng.sample(_MODES, rng.choice([1, 2]))))
        case "reduce_only":
            return rng.random() < 0.5
        case "max_quantity":
            return _some([trade.quantity for trade in free], rng)
        case "max_notional":
            return _some([trade.notional for trade in free], rng)
        case "max_day_quantity":
            return _some(_by_day(free, lambda trade: trade.quantity), rng)
        case "max_day_notional":
            return _some(_by_day(free, lambda trade: trade.notional), rng)
        case _:
            return int(_some(_by_day(free, lambda _: Decimal(1)), rng))


def _some(amounts: Sequence[Decimal], rng: random.Random) -> Decimal:
    """One of them, or a little more or less."""
    return rng.choice([*amounts, Decimal(1)]) * Decimal(rng.choice(["0.5", "0.9", "1", "1", "1.1"]))


def _by_day(free: Sequence[RoundTrip], share: Callable[[RoundTrip], Decimal]) -> list[Decimal]:
    days = defaultdict[int, Decimal](Decimal)
    for trade in free:
        days[day_of(trade.entry_time)] += share(trade)
    return list(days.values())


def _window(free: Sequence[RoundTrip], rng: random.Random) -> Hours:
    """A window that is known, or one that opens about when something was entered."""
    if not free or rng.random() < 0.3:
        return Hours.parse(rng.choice(_WINDOWS))
    entered = rng.choice(free).entry_time // MINUTE
    opens = (entered - rng.choice([0, 1, 30])) % 1440
    closes = 1 + (opens + rng.choice([1, 10, 60, 300, 300, 1000])) % 1440
    return Hours(opens, closes, days=rng.choice([_WEEK, _WEEK, _WEEK[:5], (2, 4)]))


def _stretched(case: Case, rng: random.Random) -> Case:
    """The same bars further apart, and begun later in the day."""
    factor, shift = rng.choice([1, 1, 7, 30, 240]), rng.randrange(1440) * MINUTE

    def moved(at: int) -> int:
        return START + shift + (at - START) * factor

    bars = [replace(one, ts=START + shift + (one.ts - START) * factor) for one in case.bars]
    actions = tuple(replace(action, at=moved(action.at)) for action in case.setup.actions)
    return Case(bars, case.strategy, replace(case.setup, actions=actions))
