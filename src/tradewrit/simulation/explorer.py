"""The searches: many seeds, or every micro-point of one trade. Also how a failure is named and run again."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final

import msgspec
from msgspec.structs import replace

from tradewrit.domain.capabilities import PAPER, Protection
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.simulation.plan import Faults, Plan, active, without
from tradewrit.simulation.points import Death, Reached
from tradewrit.simulation.profiles import draw
from tradewrit.simulation.watch import Violation
from tradewrit.simulation.world import Outcome, World

Progress = Callable[[int], None]
_GOLDEN: Final = Plan(
    seed=0, profile="golden", horizon_s=200, calm_s=100, symbols=("AAPL",), is_golden=True, ttl_s=120
)
_NO_OCO: Final = replace(PAPER, oco=False, bracket=False)
SAMPLED_EVERY: Final = 20
"""One seed in so many is run again without a bus, and with a neighbour."""
GOLDEN: Final = {
    "oco": _GOLDEN,
    "bracket": replace(_GOLDEN, protection=Protection.BRACKET),
    "stop_only": replace(_GOLDEN, capabilities=_NO_OCO),
    "lease": replace(_GOLDEN, has_lease=True),
    # So slow that its stop and its exit go by both roads: the process dies between the two as well.
    "roads": replace(_GOLDEN, seed=1, capabilities=_NO_OCO, second_road=True, faults=Faults(slow=0.6)),
    "review": replace(_GOLDEN, review=ReviewPolicy(kind=PolicyKind.REQUIRE, expires_after_s=60)),
}
"""The golden trade, bought at 100 and left at 115 or better, in the ways a venue and an account allow."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """One run that violated something. reproduce: the command that shows it again."""

    seed: int
    profile: str
    violations: tuple[Violation, ...]
    reproduce: str
    point: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found. runs: seeds, or deaths. covered: (state, event, fault) triples."""

    runs: int
    events: int
    steps: int
    orders: int
    fills: int
    trades: int
    faults: dict[str, int]
    failures: tuple[Failure, ...]
    covered: frozenset[tuple[str, str, str]]


class _Sum:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.failures: list[Failure] = []
        self.covered: set[tuple[str, str, str]] = set()

    def add(self, outcome: Outcome, failure: Failure | None) -> None:
        self.counts.update(
            runs=1,
            events=outcome.events,
            steps=outcome.steps,
            orders=outcome.orders,
            fills=outcome.fills,
            trades=outcome.trades,
        )
        self.faults.update(outcome.faults)
        self.covered |= outcome.covered
        if failure is not None:
            self.failures.append(failure)

    def report(self) -> Report:
        names = ("runs", "events", "steps", "orders", "fills", "trades")
        return Report(
            **{name: self.counts[name] for name in names},
            faults=dict(sorted(self.faults.items())),
            failures=tuple(self.failures),
            covered=frozenset(self.covered),
        )


def run(seed: int, profile: str = "swarm") -> Outcome:
    """One seed, to its end or to its first violation."""
    return World(draw(seed, profile)).run()


def run_sampled(seed: int, profile: str = "swarm") -> Outcome:
    """As `run`; some seeds run twice more, for what can only be seen by comparing runs (I-15, I-16)."""
    plan = draw(seed, profile)
    return World(plan).run() if seed % SAMPLED_EVERY else run_compared(plan)


def run_compared(plan: Plan) -> Outcome:
    """A plan's run, held against two others of it that must be the same: I-15 and I-16."""
    outcome = World(plan).run()
    if outcome.violations:
        return outcome
    found = tuple(
        Violation(name, float(plan.horizon_s), f"{what} changes what happens")
        for name, what, again in (
            ("I-15", "a bus that carries events", World(plan, is_watched=False)),
            ("I-16", "another account beside this one", World(plan, has_neighbour=True)),
        )
        if again.run().digest != outcome.digest
    )
    return replace(outcome, violations=found)


def search(
    seeds: Iterable[int], profile: str = "swarm", *, jobs: int = 1, progress: Progress | None = None
) -> Report:
    """Run every seed. jobs: processes to share them; the report does not depend on how many."""
    total, wanted = _Sum(), list(seeds)
    for done, outcome in enumerate(_outcomes(wanted, profile, jobs), 1):
        total.add(outcome, _failure(outcome))
        if progress is not None:
            progress(done)
    return total.report()


def _outcomes(seeds: Sequence[int], profile: str, jobs: int) -> Iterator[Outcome]:
    if jobs < 2:
        yield from (run_sampled(seed, profile) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs) as crew:
        yield from crew.map(partial(run_sampled, profile=profile), seeds, chunksize=8)


def _failure(outcome: Outcome) -> Failure | None:
    if not outcome.violations:
        return None
    plan = outcome.plan
    return Failure(
        seed=plan.seed, profile=plan.profile, violations=outcome.violations, reproduce=command(plan)
    )


def command(plan: Plan) -> str:
    """The command line that runs a plan again, with its trace."""
    drawn = draw(plan.seed, plan.profile)
    still = active(plan)
    off = [name for name in active(drawn) if name not in still]
    options = [f"tradewrit simulate replay {plan.seed} --profile {plan.profile}"]
    if off:
        options.append(f"--without {','.join(off)}")
    if plan.horizon_s != drawn.horizon_s:
        options.append(f"--horizon {plan.horizon_s}")
    return " ".join([*options, "--trace"])


def plan_of(seed: int, profile: str, off: Sequence[str] = (), horizon_s: int | None = None) -> Plan:
    """A drawn plan with faults switched off and its horizon cut."""
    plan = without(draw(seed, profile), *off)
    return plan if horizon_s is None else replace(plan, horizon_s=horizon_s)


# -- every micro-point of one trade


def points_of(plan: Plan) -> list[str]:
    """The names of the micro-points that a run without a death reaches, in order."""
    names: list[str] = []

    def reached(point: Reached) -> None:
        names.append(point.name)

    World(plan, reached=reached).run()
    return names


def enumerate_deaths(
    plan: Plan,
    deaths: Sequence[Death] = tuple(Death),
    progress: Progress | None = None,
    *,
    again_within: int = 0,
) -> Report:
    """Run the plan once for every point and death, and die there. A golden trade must end as one trade.

    again_within: die a second time as well, at each of so many points that follow the first.
    """
    total = _Sum()
    for point in range(1, len(points_of(plan)) + 1):
        twice = ((point, point + later) for later in range(1, again_within + 1))
        for points in ((point,), *twice):
            for death in deaths:
                total.add(*_death(plan, points, death))
                if progress is not None:
                    progress(total.counts["runs"])
    return total.report()


def _death(plan: Plan, points: tuple[int, ...], death: Death) -> tuple[Outcome, Failure | None]:
    outcome = World(plan, die_at=points, death=death).run()
    found = (*outcome.violations, *_ends_badly(plan, outcome))
    if not found:
        return outcome, None
    where = ",".join(map(str, points))
    failure = Failure(
        seed=plan.seed,
        profile=plan.profile,
        violations=found,
        reproduce=f"tradewrit simulate enumerate --trade {_name_of(plan)} --point {where} "
        f"--death {death.value}",
        point=where,
    )
    return outcome, failure


def _name_of(plan: Plan) -> str:
    return next((name for name, one in GOLDEN.items() if one == plan), "all")


def _ends_badly(plan: Plan, outcome: Outcome) -> tuple[Violation, ...]:
    if not plan.is_golden or outcome.violations or outcome.trades == 1:
        return ()
    return (Violation("golden", float(plan.horizon_s), f"{outcome.trades} trades were closed, not one"),)


def merged(reports: Sequence[Report]) -> Report:
    """The reports of several searches as one."""
    faults: Counter[str] = Counter()
    for report in reports:
        faults.update(report.faults)
    names = ("runs", "events", "steps", "orders", "fills", "trades")
    return Report(
        **{name: sum(getattr(report, name) for report in reports) for name in names},
        faults=dict(sorted(faults.items())),
        failures=tuple(failure for report in reports for failure in report.failures),
        covered=frozenset().union(*(report.covered for report in reports)),
    )
