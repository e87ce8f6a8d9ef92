"""Runs drawn from one seed whose bars lie in the sessions of real calendars: half days, holidays and all.

What is drawn elsewhere is moved there: the k-th bar of a symbol becomes the k-th of its market.
"""

import random
from datetime import date

import msgspec
import numpy as np
from msgspec.structs import replace

from tests.unit.research.backtest.markets import START
from tests.unit.research.drawn import Case, Drawn, case_of, splitting_case_of, turning_case_of
from tradewrit import (
    Condition,
    Inputs,
    Signals,
    Strategy,
    every,
    first_bar_of_session,
    first_session_of,
    last_bar_of_session,
    last_session_of,
    minutes_since_open,
    minutes_to_close,
)
from tradewrit.domain.market import DAY, HOUR, MINUTE
from tradewrit.domain.orders import OrderType
from tradewrit.features.bars import Times
from tradewrit.features.sessions import Period
from tradewrit.market.calendar import calendar_for
from tradewrit.research.backtest.tape import Tape

# Around a Thanksgiving, an Independence Day, a change of the clocks and the ends of years.
DATES = [date(2023, 11, 20), date(2024, 7, 1), date(2024, 3, 6), date(2024, 12, 20), date(2025, 12, 26)]
LENGTHS = [15, 30, 30, 45, 60, 120]
LEADS = [None, None, 0, 5, 30, 61, 150]
PERIODS: list[Period] = ["week", "month", "quarter", "year"]


class Timed(Drawn, frozen=True, kw_only=True):
    """What `Drawn` says, on some times of the day and the year only."""

    def signals(self, bars: Inputs) -> Signals:
        said, rng = super().signals(bars), random.Random(self.seed + 1)

        def now_and_then(condition: Condition | None) -> Condition | None:
            if condition is None or rng.random() < 0.3:
                return condition
            time = _time(bars, rng)
            return rng.choice([condition & time, condition & ~time, time])

        return Signals(
            enter_long=now_and_then(said.enter_long),
            enter_short=now_and_then(said.enter_short),
            leave_long=now_and_then(said.leave_long),
            leave_short=now_and_then(said.leave_short),
            inputs={**said.inputs, "left": minutes_to_close(bars)},
        )


def _time(bars: Inputs, rng: random.Random) -> Condition:
    match rng.randrange(7):
        case 0:
            return minutes_since_open(bars) <= rng.choice([30, 60, 180])
        case 1:
            return minutes_to_close(bars) > rng.choice([0, 30, 120])
        case 2:
            return every(bars, minutes=rng.choice([30, 40, 90]))
        case 3:
            return first_bar_of_session(bars)
        case 4:
            return last_bar_of_session(bars)
        case 5:
            return first_session_of(bars, rng.choice(PERIODS))
        case _:
            return last_session_of(bars, rng.choice(PERIODS))


def grid(calendar: str, start: date, length: int, count: int, *, extended: bool) -> Times:
    """Times of so many bars of a market, `length` minutes each; of a day, stamped with midnight UTC."""
    step, times = length * MINUTE, list[int]()
    first = (start - date(1970, 1, 1)).days * DAY
    if calendar == "24/7":
        return first + step * np.arange(count, dtype=np.int64)
    for day in calendar_for(calendar).days(first + DAY // 2, first + 800 * DAY):
        session = day.session
        if step == DAY:
            times.append((session.date - date(1970, 1, 1)).days * DAY)
            continue
        begin = session.open - (session.open - day.early) // step * step if extended else session.open
        times.extend(range(begin, day.late if extended else session.close, step))
        if len(times) > count:
            break
    return np.array(times[:count], dtype=np.int64)


def session_case_of(seed: int, *, symbols: int = 6, bars: int = 80) -> Case:
    """A run of any other kind, moved into the sessions of one market or of two."""
    rng = random.Random(seed)
    drawn = rng.choice([case_of, case_of, turning_case_of, splitting_case_of])
    case = drawn(seed, symbols=symbols, bars=bars)
    old = int(min(one.ts[1] - one.ts[0] if len(one) > 1 else DAY for one in case.bars))
    start, length = rng.choice(DATES), rng.choice(LENGTHS) if old < DAY else DAY // MINUTE
    calendars = {one.symbol: rng.choice(["NYSE", "XTKS", "24/7"]) for one in case.bars}
    if rng.random() < 0.4:
        calendars = dict.fromkeys(calendars, rng.choice(["NYSE", "XHKG"]))
    extended = rng.random() < 0.6
    moved, when = [], {}
    for one in case.bars:
        times = grid(calendars[one.symbol], start, length, bars + 1, extended=extended)
        shift = (one.ts - START) % MINUTE
        step = DAY if old >= DAY else MINUTE
        ts = times[(one.ts - START) // step] + shift
        moved.append(replace(one, ts=ts))
        when.update({(one.symbol, int(a)): int(b) for a, b in zip(one.ts, ts, strict=True)})
    actions = [replace(act, at=when[act.symbol, act.at]) for act in case.setup.actions]
    # Gaps alone can put bars so far apart that a session of Tokyo, the shortest, is over within a lead and one bar.
    is_sparse = Tape(moved).interval >= 3 * HOUR
    setup = replace(
        case.setup,
        actions=tuple(sorted(actions, key=lambda act: act.at)),
        calendars=calendars,
        before_session_end_minutes=None if is_sparse else rng.choice(LEADS),
        rules=replace(case.setup.rules, sessions=rng.random() < 0.5),
        entry_type=rng.choice([OrderType.MARKET, OrderType.LIMIT]),
    )
    return Case(moved, _timed(case.strategy, rng), setup)


def _timed(strategy: Strategy, rng: random.Random) -> Strategy:
    if not isinstance(strategy, Drawn) or rng.random() < 0.2:
        return strategy
    return msgspec.convert(strategy.parameters(), Timed)
