"""A sweep: asks for points, runs what was not run before, keeps every result, and stops where it is told.

Knows nothing of who does the work (`crew`) or how results are shown.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from typing import Final

import msgspec

from tradewrit.errors import ConfigError, StrategyError
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.backtest.tape import Tape
from tradewrit.research.sweep.crew import Crew, feature_key
from tradewrit.research.sweep.keys import code_key, data_key, run_key
from tradewrit.research.sweep.runs import OBJECTIVES, Figures, Job, Ran, Value
from tradewrit.research.sweep.search import Learning, Listed, Method, Places, Search, drawn, grid
from tradewrit.research.sweep.space import Axis, Space
from tradewrit.research.sweep.store import Store, Subject
from tradewrit.research.sweep.walk_forward import Leg, Part, Plan, legs_of, whole
from tradewrit.runtime.clock import Stopwatch
from tradewrit.runtime.strategies import check_names, strategy_class
from tradewrit.strategies.base import Strategy

TRIALS: Final = 100
"""Points that a random or learning search tries where nothing is said."""
SetupOf = Callable[[Mapping[str, str]], Setup]
"""What a run goes under when these keys of the configuration are set; raises ConfigError."""
Progress = Callable[[int, int], None]
"""Told how many runs are done, of how many."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be swept.

    strategy: a name, or the path of a `.py` file. base: parameters that are the same everywhere.
    trials: points of a random or learning search (of each split of the latter). plan: how to walk forward;
    None runs every point on all data. objective: one of `OBJECTIVES`. least_trades: what a point must have
    made, in sample, to be chosen.
    """

    strategy: str
    space: Space
    base: Mapping[str, object] = {}
    method: Method = Method.GRID
    trials: int = TRIALS
    seed: int = 0
    plan: Plan | None = None
    objective: str = "sharpe"
    least_trades: int = 1


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One point, and how it did on each leg that it was run on.

    number: from 1, in the order in which points were asked for. values: what it sets, by name.
    """

    number: int
    values: dict[str, Value]
    ran: dict[tuple[int, Part], Ran]

    def score(self, leg: Leg, objective: str, least_trades: int) -> float | None:
        """The objective on a leg; None where it is undefined or the trades are too few."""
        figures = self.figures(leg.split, leg.part)
        if figures is None or figures.trades < least_trades:
            return None
        return figures.objective(objective)

    def figures(self, split: int, part: Part) -> Figures | None:
        """Of one leg; None where it failed or was not run."""
        ran = self.ran.get((split, part))
        return None if ran is None else ran.figures


class Swept(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep that ended, or was stopped.

    legs: what points were run on. earlier: what was tried on the in-sample stretch of each split before,
    in the same store, at other points. kept: runs that were not made again. made: runs that were. lost:
    runs whose worker died. workers: who did the work, for people.
    """

    request: Request
    strategy: str
    symbols: tuple[str, ...]
    bars: int
    interval_ns: int
    currency: str
    legs: tuple[Leg, ...]
    trials: tuple[Trial, ...]
    earlier: dict[int, list[Figures]]
    kept: int
    made: int
    lost: int
    seconds: float
    workers: str
    is_complete: bool

    @property
    def failed(self) -> int:
        """Runs in which the strategy failed."""
        return sum(1 for trial in self.trials for ran in trial.ran.values() if ran.error)


def sweep(
    request: Request,
    bars: Sequence[Bars],
    setup_of: SetupOf,
    store: Store,
    crew: Crew,
    progress: Progress | None = None,
) -> Swept:
    """Try every point. An interruption (Ctrl-C) ends it with what there is.

    Raises ConfigError and StrategyError for a request that cannot be met, before anything is run, and
    what the crew and the store raise.
    """
    watch = Stopwatch()
    work = _Work(request, bars, setup_of, store)
    is_complete = True
    try:
        with ExitStack() as stack:
            # Workers come when there is something to do: all of it may be in the store.
            for done in work.walk(cache(lambda: stack.enter_context(crew))):
                if progress is not None:
                    progress(done, work.total)
    except KeyboardInterrupt:
        is_complete = False
    return work.swept(watch.wall(), crew.told, is_complete=is_complete)


def count_runs(request: Request, bars: Sequence[Bars]) -> int:
    """How many backtests a request stands for; raises ConfigError for one that cannot be met."""
    return _count(request, _legs(request, Tape(bars)))


def _count(request: Request, legs: tuple[Leg, ...]) -> int:
    if request.method is Method.TPE:
        return request.trials * len(legs)
    size = request.space.size
    return (size if request.method is Method.GRID else min(size, request.trials)) * len(legs)


class _Work:
    """What is known so far. total: runs, as far as one can know before a search has ended."""

    def __init__(self, request: Request, bars: Sequence[Bars], setup_of: SetupOf, store: Store) -> None:
        self._request = request
        self._tape = Tape(bars)
        self._store = store
        self._setup_of = setup_of
        self._kind = strategy_class(request.strategy)
        self._axes = [_values(axis, self._kind) for axis in request.space.axes]
        _check(request, self._kind, setup_of)
        self._legs = _legs(request, self._tape)
        self._searches = list(_searches(request, self._legs))
        self._subject = Subject(data_key(bars), self._kind.name())
        self._code = code_key(self._kind)
        self._trials: dict[Places, Trial] = {}
        self._setups: dict[str, Setup] = {}
        self._kept = self._made = self._lost = 0
        self.total = _count(request, self._legs)

    def walk(self, crew: Callable[[], Crew]) -> Iterator[int]:
        """Generation after generation; yields how many runs are done."""
        while True:
            asked = [(search, legs, search.ask()) for search, legs in self._searches]
            if not any(points for _, _, points in asked):
                return
            yield from self._run(list(self._jobs(asked)), crew)
            for search, legs, points in asked:
                search.tell([self._score(point, legs[0]) for point in points])

    def _score(self, point: Places, leg: Leg) -> float | None:
        return self._trials[point].score(leg, self._request.objective, self._request.least_trades)

    def _jobs(self, asked: Iterable[tuple[Search, tuple[Leg, ...], list[Places]]]) -> Iterator[Job]:
        wanted: dict[Places, dict[Leg, None]] = {}
        for _, legs, points in asked:
            for point in points:
                wanted.setdefault(point, {}).update(dict.fromkeys(legs))
        for point, all_legs in wanted.items():
            trial = self._trial(point)
            missing = tuple(leg for leg in all_legs if (leg.split, leg.part) not in trial.ran)
            if missing:
                yield self._job(trial.number, point, missing)

    def _trial(self, point: Places) -> Trial:
        if point not in self._trials:
            names = (axis.name for axis in self._request.space.axes)
            values = (values[place] for values, place in zip(self._axes, point, strict=True))
            made = Trial(number=len(self._trials) + 1, values=dict(zip(names, values, strict=True)), ran={})
            self._trials[point] = made
        return self._trials[point]

    def _job(self, number: int, point: Places, legs: tuple[Leg, ...]) -> Job:
        given = self._request.space.values(point)
        settings = {name: value for name, value in given.items() if "." in name}
        parameters = {name: value for name, value in given.items() if name not in settings}
        told = _told(settings)
        if told not in self._setups:
            self._setups[told] = self._setup_of(settings)
        return Job(
            trial=number,
            parameters={**self._request.base, **parameters},
            setup=self._setups[told],
            legs=legs,
        )

    def _run(self, jobs: list[Job], crew: Callable[[], Crew]) -> Iterator[int]:
        """What is in the store already, then the rest."""
        trials = {trial.number: trial for trial in self._trials.values()}
        keys = {
            (job.trial, leg): run_key(self._subject.data, self._code, job, leg)
            for job in jobs
            for leg in job.legs
        }
        kept = self._store.find(keys.values())
        to_do = []
        for job in jobs:
            for leg in job.legs:
                if ran := kept.get(keys[job.trial, leg]):
                    trials[job.trial].ran[leg.split, leg.part] = ran
                    self._kept += 1
            missing = tuple(leg for leg in job.legs if keys[job.trial, leg] not in kept)
            if missing:
                to_do.append(msgspec.structs.replace(job, legs=missing))
        yield self._done
        for outcome in crew().work(sorted(to_do, key=feature_key)) if to_do else ():
            trial, leg = trials[outcome.trial], outcome.leg
            if outcome.ran is None:
                self._lost += 1
            else:
                self._made += 1
                key = keys[outcome.trial, leg]
                self._store.keep(key, self._subject, leg.stretch, self._point(trial), outcome.ran)
                trial.ran[leg.split, leg.part] = outcome.ran
            yield self._done

    def _point(self, trial: Trial) -> str:
        """What a trial was set to, swept or not, as text that is the same in another sweep."""
        values = {**self._request.base, **trial.values}
        return _told({name: str(value) for name, value in values.items()})

    @property
    def _done(self) -> int:
        return self._kept + self._made + self._lost

    def swept(self, seconds: float, workers: str, *, is_complete: bool) -> Swept:
        """What came of it."""
        points = set(map(self._point, self._trials.values()))
        in_sample = [leg for leg in self._legs if leg.part is not Part.OUT_OF_SAMPLE]
        return Swept(
            request=self._request,
            strategy=self._subject.strategy,
            symbols=self._tape.symbols,
            bars=self._tape.rows,
            interval_ns=self._tape.interval,
            currency=self._setup_of({}).currency,
            legs=self._legs,
            trials=tuple(self._trials.values()),
            earlier={leg.split: self._store.others(self._subject, leg.stretch, points) for leg in in_sample},
            kept=self._kept,
            made=self._made,
            lost=self._lost,
            seconds=seconds,
            workers=workers,
            is_complete=is_complete,
        )


def _searches(request: Request, legs: tuple[Leg, ...]) -> Iterator[tuple[Search, tuple[Leg, ...]]]:
    """Each search with the legs it runs its points on, the one it learns from first.

    A learning search of its own for each split: one for all would be led by data that a split's test is
    to be spared.
    """
    space = request.space
    if request.method is Method.TPE:
        for split in dict.fromkeys(leg.split for leg in legs):
            own = tuple(leg for leg in legs if leg.split == split)
            yield Learning(space, request.trials, request.seed, f"split {split}"), own
    else:
        is_grid = request.method is Method.GRID
        yield Listed(grid(space) if is_grid else drawn(space, request.trials, request.seed)), legs


def _legs(request: Request, tape: Tape) -> tuple[Leg, ...]:
    return whole(tape.times()) if request.plan is None else legs_of(request.plan, tape.times())


def _check(request: Request, kind: type[Strategy], setup_of: SetupOf) -> None:
    """What no point could be run with is said before the first is."""
    if request.objective not in OBJECTIVES:
        raise ConfigError(f"--objective {request.objective}: is none of {', '.join(OBJECTIVES)}")
    if request.method is not Method.GRID and request.trials < 1:
        raise ConfigError(f"--trials {request.trials}: must be at least 1")
    check_names(kind, request.base)
    for axis in request.space.axes:
        if axis.is_setting:
            for value in (axis.values[0], axis.values[-1]) if axis.is_range else axis.values:
                setup_of({axis.name: value})


def _values(axis: Axis, kind: type[Strategy]) -> list[Value]:
    """The axis's values as what they are; raises StrategyError for a name or value the strategy refuses."""
    if axis.is_setting:
        return [_number(value) for value in axis.values]
    check_names(kind, [axis.name])
    (field,) = (one for one in msgspec.structs.fields(kind) if one.name == axis.name)
    found: list[Value] = []
    for value in axis.values:
        try:
            found.append(msgspec.convert(value, field.type, strict=False))
        except msgspec.ValidationError as wrong:
            raise StrategyError(f"{kind.name()}: parameter {axis.name} = {value}: {wrong}") from wrong
        if found[-1] in found[:-1] and not axis.is_ordered:
            raise ConfigError(f"--param {axis.name}: {value} comes twice; name every value once")
    return found


def _number(text: str) -> Value:
    """A number where the text is one."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _told(values: Mapping[str, Value]) -> str:
    return msgspec.json.encode(values, order="deterministic").decode()
