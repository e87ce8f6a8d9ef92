"""A simulated world: one account's desk, its venue, disk, authority and people, and a day of them.

    plan ─▶ World ─▶ run ─▶ Outcome (trace hash, violations, what was covered)

Everything but the desk is virtual; the desk is the one that runs live.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

import msgspec

from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import SECOND, Bar, MarketPhase
from tradewrit.domain.times import parse_iso
from tradewrit.kernel import Kernel
from tradewrit.runtime.clock import draw_journal_id, seeded
from tradewrit.simulation.authority import Authority
from tradewrit.simulation.disk import Disk
from tradewrit.simulation.hours import Hours, announced, downtime
from tradewrit.simulation.neighbour import Neighbour
from tradewrit.simulation.people import People
from tradewrit.simulation.plan import MAINTENANCE, Plan
from tradewrit.simulation.points import Death, Killed, Points, Reached
from tradewrit.simulation.prices import GoldenPrices, Prices, spoilt, whims_of
from tradewrit.simulation.process import Process
from tradewrit.simulation.road import MS, Road
from tradewrit.simulation.scheduler import NodeClock, Scheduler
from tradewrit.simulation.trace import Trace
from tradewrit.simulation.trouble import Trouble
from tradewrit.simulation.venue import Said, Venue
from tradewrit.simulation.watch import Violation, Watch
from tradewrit.simulation.wire import Wire

BEGAN: Final = parse_iso("2024-03-04T14:30:00Z")
_CLOSES_BEFORE: Final = 30 * SECOND
T = TypeVar("T")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run.

    events: journal records. steps: actions of the scheduler. points: micro-points reached. covered: triples
    of state, event and fault.
    """

    plan: Plan
    digest: str
    state_hash: str
    events: int
    steps: int
    points: int
    orders: int
    fills: int
    trades: int
    faults: dict[str, int]
    violations: tuple[Violation, ...]
    covered: frozenset[tuple[str, str, str]]
    lines: tuple[str, ...]


class World:
    """One run.

    die_at: the micro-points at which the process dies, for enumeration. is_watched: whether a bus
    carries what happens. has_neighbour: whether another account is traded beside it. Neither changes a run.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        die_at: Collection[int] = (),
        death: Death = Death.KILL,
        keep_trace: bool = False,
        reached: Callable[[Reached], None] | None = None,
        is_watched: bool = True,
        has_neighbour: bool = False,
    ) -> None:
        self.plan = plan
        seed, faults = plan.seed, plan.faults
        self.scheduler = Scheduler(BEGAN, seeded(seed, "ties"))
        self.trace = Trace(BEGAN, keep=keep_trace)
        self.hours = Hours.of(plan, BEGAN)
        self.downtime, self.maintenance = downtime(plan, BEGAN), announced(plan, BEGAN)
        self.venue = Venue(plan, self.scheduler, self.hours)
        others = [
            Road(faults, self.scheduler, seeded(seed, f"road {name}"), self.trace, f" by the {name} road")
            for name in ("second",)
            if plan.second_road
        ]
        self.wire = Wire(faults, self.scheduler, seeded(seed, "wire"), self.trace, self.venue, others)
        journal_id = draw_journal_id(seed)
        self.disk = Disk(journal_id, seeded(seed, "disk"))
        self.points = Points(
            seeded(seed, "points"),
            faults.kill,
            power_fraction=faults.power_loss,
            exactly_at=die_at,
            death=death,
            heard=reached,
        )
        self.authority = Authority(journal_id, "paper", ttl_s=plan.ttl_s)
        self.people = People(plan.people, self.scheduler, seeded(seed, "people"), self.trace)
        self.strategy = whims_of(plan, BEGAN)
        self.history: list[list[Bar]] = []
        self.opening = _opening(plan, journal_id, self.strategy.name())
        self.watch = Watch(self)
        self.kernel, self.is_watched = Kernel(), is_watched
        self.venue.told = self._venue_said
        self._prices = [(GoldenPrices if plan.is_golden else Prices)(plan, symbol) for symbol in plan.symbols]
        self._feed = seeded(seed, "feed")
        self._stalls = seeded(seed, "stalls")
        self._restarts = seeded(seed, "restarts")
        self._bar = plan.bar_s * SECOND
        # Nobody sets out on an exit that the end of the run would cut short.
        self._still_at = BEGAN + (plan.horizon_s + plan.calm_s) * SECOND - _CLOSES_BEFORE
        skew = int(seeded(seed, "skew").uniform(-5, 5) * faults.skew * SECOND)
        self.processes = [Process(self, "desk", NodeClock(self.scheduler, skew))]
        if faults.rivals_per_hour:
            self.processes.append(Process(self, "rival", NodeClock(self.scheduler, -skew)))
        self.neighbour = Neighbour(self, self.kernel) if has_neighbour else None

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self.wire.is_calm

    # -- a run

    def run(self) -> Outcome:
        """From the first start to the end of the calm, or to the first violation."""
        try:
            return self._run()
        finally:
            self.wire.crew.close()

    def _run(self) -> Outcome:
        ends_at = BEGAN + self.plan.horizon_s * SECOND
        Trouble(self).arrange()
        self.processes[0].start()
        self.scheduler.at(BEGAN + SECOND // 2, self._show_quotes)
        self.scheduler.at(BEGAN + self._bar, self._close_bars, BEGAN)
        if self.plan.closes_at_s:
            self.scheduler.at(self.hours.closes, self._session_changes)
            self.scheduler.at(self.hours.opens, self._session_changes)
        if self.downtime is not None:
            self.scheduler.at(self.downtime.begins, self._take_down)
            self.scheduler.at(self.downtime.ends, self._bring_back)
        self._run_until(ends_at)
        self._calm_down()
        self._run_until(ends_at + self.plan.calm_s * SECOND - _CLOSES_BEFORE)
        self.processes[0].reconcile("close")
        self._run_until(ends_at + self.plan.calm_s * SECOND)
        if not self.watch.violations:
            self.watch.settle()
        return self._outcome()

    def _run_until(self, end: int) -> None:
        scheduler = self.scheduler
        while scheduler.now < end and not self.watch.violations:
            scheduler.run(min(end, scheduler.now + SECOND))

    def _outcome(self) -> Outcome:
        watch = self.watch
        return Outcome(
            plan=self.plan,
            digest=self.trace.digest,
            state_hash=watch.state_hash,
            events=watch.events,
            steps=self.scheduler.done,
            points=self.points.count,
            orders=len(self.venue.placed),
            fills=watch.fills,
            trades=watch.trades,
            faults=dict(self.trace.faults),
            violations=tuple(watch.violations),
            covered=frozenset(self.trace.covered),
            lines=tuple(self.trace.lines),
        )

    # -- the market

    def _show_quotes(self) -> None:
        now, rng, faults = self.scheduler.now, self._feed, self.plan.faults
        for prices in self._prices:
            quote = prices.quote(now, is_calm=self.is_calm, is_still=now >= self._still_at)
            self.venue.show(quote)
            if self.neighbour is not None:
                self.neighbour.quote(quote)
            if rng.random() < faults.bad_quotes and not self.is_calm:
                self.trace.fault(now, "bad_quote", quote.symbol)
                quote = spoilt(quote, rng)
            self._to_all(Process.quote, quote)
        self.scheduler.after(self.plan.quote_every_s * SECOND, self._show_quotes)

    def _close_bars(self, opened_at: int) -> None:
        closed = (prices.close(opened_at) for prices in self._prices)
        bars = [bar for bar in closed if bar is not None]
        if bars:
            self.history.append(bars)
            if self.neighbour is not None:
                self.neighbour.close_bars(bars)
            self._to_all(Process.close_bars, bars)
        self.scheduler.at(opened_at + 2 * self._bar, self._close_bars, opened_at + self._bar)

    def _session_changes(self) -> None:
        phase = self.hours.status(self.scheduler.now).phase
        self.trace.note(self.scheduler.now, f"the market is {phase}")
        if phase is MarketPhase.CLOSED:
            self.venue.close(self.scheduler.now)
            self._to_all(Process.reconcile, "close")

    def _take_down(self) -> None:
        self.trace.fault(self.scheduler.now, MAINTENANCE)
        self.venue.is_down = True

    def _bring_back(self) -> None:
        self.trace.note(self.scheduler.now, "the maintenance is over")
        self.venue.is_down = False

    def _to_all(self, give: Callable[[Process, T], None], what: T) -> None:
        delay = self._feed.randint(1, 60) * MS
        for process in self.processes:
            if process.desk is not None and not (self.wire.is_cut or self.venue.is_down):
                self.scheduler.after(delay, give, process, what)

    def _venue_said(self, messages: Sequence[Said]) -> None:
        first = len(self.venue.log) - len(messages)
        for process in self.processes:
            process.stream.say(messages, first)
        self.watch.venue_said(messages)

    # -- slow disks, and deaths

    def stall(self) -> int:
        """How long a sync takes, ns; 0 but now and then."""
        share = self.plan.faults.slow_disk
        if not share or self.is_calm or self._stalls.random() >= share:
            return 0
        self.trace.fault(self.scheduler.now, "slow_disk")
        return int(self._stalls.uniform(0.05, 20.0) * SECOND)

    def died(self, process: Process, death: Killed) -> None:
        """A process reached a point and came no further; a while later it is started again."""
        self.trace.fault(self.scheduler.now, death.death.value, f"{process.name} at {death.point}")
        if death.death is Death.POWER:
            for one in self.processes:
                if one.desk is not None or one is process:
                    one.die()
                    self._restart(one)
            self.disk.lose_power()
            if self.neighbour is not None:
                self.neighbour.restart()
            return
        process.die()
        self._restart(process)

    def _restart(self, process: Process) -> None:
        delay = int(self._restarts.uniform(0.2, 8.0) * SECOND)
        self.scheduler.after(delay, self._start_if_wanted, process)

    def _start_if_wanted(self, process: Process) -> None:
        if process.is_wanted and not self.watch.violations:
            process.start()

    def _calm_down(self) -> None:
        """From here on nothing goes wrong, and whoever is down comes up."""
        self.trace.note(self.scheduler.now, "calm")
        self.wire.calm()
        self.venue.is_calm = True
        self.venue.is_down = False
        self.points.disarm()
        self.disk.is_full = self.disk.is_broken = self.authority.is_out = False
        self.venue.refuses_calls = None
        for symbol in self.plan.symbols:
            self.venue.resume(symbol)
        for process in self.processes[1:]:
            process.retire()
        self.processes[0].start()


def _opening(plan: Plan, journal_id: str, strategy: str) -> AccountOpened:
    return AccountOpened(
        at=BEGAN,
        journal_id=journal_id,
        account="paper",
        currency="USD",
        initial_cash=plan.cash,
        mode="paper",
        margin=True,
        strategy=strategy,
        entry_type=plan.entry_type,
        protection=plan.protection,
        limits=Limits(),
        review=plan.review,
        fees=BpsFee(),
        capabilities=plan.capabilities,
        instruments=(),
    )
