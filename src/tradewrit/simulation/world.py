"""A simulated world: one account's desk, its venue, disk, authority and people, and what goes wrong with them.

    plan ─▶ World ─▶ run ─▶ Outcome (trace hash, violations, what was covered)

Everything but the desk is virtual; the desk is the one that runs live.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import SECOND, Bar
from tradewrit.domain.money import Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.domain.times import parse_iso
from tradewrit.runtime.clock import draw_journal_id, seeded
from tradewrit.simulation.authority import Authority
from tradewrit.simulation.disk import Disk
from tradewrit.simulation.people import People
from tradewrit.simulation.plan import Plan
from tradewrit.simulation.points import Death, Killed, Points, Reached
from tradewrit.simulation.prices import GoldenPrices, Prices, arrivals, spoilt, whims_of
from tradewrit.simulation.process import Process
from tradewrit.simulation.scheduler import NodeClock, Scheduler
from tradewrit.simulation.trace import Trace
from tradewrit.simulation.venue import MANUAL, Venue
from tradewrit.simulation.watch import Violation, Watch
from tradewrit.simulation.wire import Wire

BEGAN: Final = parse_iso("2024-03-04T14:30:00Z")
_NOBODY: Final = Grant(id="manual", agent="manual", scopes=frozenset(), issued_at=0, expires_at=2**62)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run. events: journal records; steps: actions of the scheduler; points: micro-points reached."""

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
    """One run. die_at: the micro-point at which the process dies, for enumeration; 0 for none."""

    def __init__(
        self,
        plan: Plan,
        *,
        die_at: int = 0,
        death: Death = Death.KILL,
        keep_trace: bool = False,
        reached: Callable[[Reached], None] | None = None,
    ) -> None:
        self.plan = plan
        seed, faults = plan.seed, plan.faults
        self.scheduler = Scheduler(BEGAN, seeded(seed, "ties"))
        self.trace = Trace(BEGAN, keep=keep_trace)
        self.venue = Venue(plan, self.scheduler, seeded(seed, "venue"))
        self.wire = Wire(faults, self.scheduler, seeded(seed, "wire"), self.trace, self.venue)
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
        self.venue.told = self._venue_said
        self._prices = [(GoldenPrices if plan.is_golden else Prices)(plan, symbol) for symbol in plan.symbols]
        self._feed = seeded(seed, "feed")
        self._restarts = seeded(seed, "restarts")
        self._manual = 0
        self._bar = plan.bar_s * SECOND
        skew = int(seeded(seed, "skew").uniform(-5, 5) * faults.skew * SECOND)
        self.processes = [Process(self, "desk", NodeClock(self.scheduler, skew))]
        if faults.rivals_per_hour:
            self.processes.append(Process(self, "rival", NodeClock(self.scheduler, -skew)))

    @property
    def is_calm(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self.wire.is_calm

    # -- a run

    def run(self) -> Outcome:
        """From the first start to the end of the calm, or to the first violation."""
        ends_at = BEGAN + self.plan.horizon_s * SECOND
        self._arrange()
        self.processes[0].start()
        self.scheduler.at(BEGAN + SECOND // 2, self._show_quotes)
        self.scheduler.at(BEGAN + self._bar, self._close_bars, BEGAN)
        self._run_until(ends_at)
        self._calm_down()
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
            quote = prices.quote(now, is_calm=self.is_calm)
            self.venue.show(quote)
            is_spoilt = rng.random() < faults.bad_quotes and not self.is_calm
            self._to_all(
                rng.randint(1, 60),
                lambda process, q: process.quote(q),
                spoilt(quote, rng) if is_spoilt else quote,
            )
        self.scheduler.after(self.plan.quote_every_s * SECOND, self._show_quotes)

    def _close_bars(self, opened_at: int) -> None:
        closed = (prices.close(opened_at) for prices in self._prices)
        bars = [bar for bar in closed if bar is not None]
        if bars:
            self.history.append(bars)
            self._to_all(self._feed.randint(1, 60), lambda process, some: process.close_bars(some), bars)
        self.scheduler.at(opened_at + 2 * self._bar, self._close_bars, opened_at + self._bar)

    def _to_all(self, delay_ms: int, give: Callable, what: object) -> None:  # type: ignore[type-arg]
        for process in self.processes:
            if process.desk is not None and not self.wire.is_cut:
                self.scheduler.after(delay_ms * 1_000_000, give, process, what)

    def _venue_said(self, reports) -> None:  # type: ignore[no-untyped-def]
        first = len(self.venue.log) - len(reports)
        for process in self.processes:
            process.stream.say(reports, first)
        self.watch.venue_said(reports)

    # -- what goes wrong

    def died(self, process: Process, death: Killed) -> None:
        """A process reached a point and came no further; a while later it is started again."""
        self.trace.fault(self.scheduler.now, death.death.value, f"{process.name} at {death.point}")
        if death.death is Death.POWER:
            for one in self.processes:
                if one.desk is not None or one is process:
                    one.die()
                    self._restart(one)
            self.disk.lose_power()
            return
        process.die()
        self._restart(process)

    def _restart(self, process: Process) -> None:
        delay = int(self._restarts.uniform(0.2, 8.0) * SECOND)
        self.scheduler.after(delay, self._start_if_wanted, process)

    def _start_if_wanted(self, process: Process) -> None:
        if process.is_wanted and not self.watch.violations:
            process.start()

    def _arrange(self) -> None:
        """Put everything that happens at some time into the agenda."""
        faults = self.plan.faults
        for per_hour, kind, action in (
            (faults.partitions_per_hour, "partition", self._cut),
            (faults.half_open_per_hour, "half_open", self._mute),
            (faults.pauses_per_hour, "pause", self._pause),
            (faults.rivals_per_hour, "rival", self._rival),
            (faults.clock_jumps_per_hour, "clock_jump", self._jump),
            (faults.full_disks_per_hour, "full_disk", self._fill_disk),
            (faults.broken_disks_per_hour, "broken_disk", self._break_disk),
            (faults.authority_outages_per_hour, "authority_outage", self._authority_out),
            (faults.revocations_per_hour, "revocation", self._revoke),
            (faults.kill_switches_per_hour, "kill_switch", self._kill_switch),
            (faults.manual_trades_per_hour, "manual_trade", self._trade_manually),
            (60.0, "", self._look_around),
        ):
            rng = seeded(self.plan.seed, f"agenda {kind}")
            for after in arrivals(rng, per_hour, self.plan.horizon_s):
                self.scheduler.at(BEGAN + after, self._happen, kind, action, rng.random(), rng.random())

    def _happen(self, kind: str, action: Callable[[float, float], None], one: float, two: float) -> None:
        if kind:
            self.trace.fault(self.scheduler.now, kind)
        action(one, two)

    def _calm_down(self) -> None:
        """From here on nothing goes wrong, and whoever is down comes up."""
        self.trace.note(self.scheduler.now, "calm")
        self.wire.is_calm = self.venue.is_calm = True
        self.wire.cut_until = self.wire.mute_until = 0
        self.points.disarm()
        self.disk.is_full = self.disk.is_broken = self.authority.is_out = False
        for process in self.processes[1:]:
            process.retire()
        self.processes[0].start()

    def _cut(self, one: float, two: float) -> None:
        del two
        self.wire.cut_until = self.scheduler.now + int((1 + 90 * one) * SECOND)

    def _mute(self, one: float, two: float) -> None:
        del two
        self.wire.mute_until = self.scheduler.now + int((5 + 300 * one) * SECOND)

    def _pause(self, one: float, two: float) -> None:
        self.processes[int(two * len(self.processes))].pause(int((0.2 + 80 * one**2) * SECOND))

    def _rival(self, one: float, two: float) -> None:
        """Somebody starts a second desk on the account, or stops one of the two."""
        process = self.processes[int(two * len(self.processes))]
        if process.is_wanted and one < 0.4 and process is not self.processes[0]:
            process.retire()
        else:
            process.start()

    def _jump(self, one: float, two: float) -> None:
        far = (1.0, 30.0, 3600.0, -1.0, -30.0, -3600.0)[int(one * 6)]
        self.processes[int(two * len(self.processes))].clock.jump(int(far * SECOND))

    def _fill_disk(self, one: float, two: float) -> None:
        del two
        self.disk.is_full = True
        self.scheduler.after(int((1 + 40 * one) * SECOND), setattr, self.disk, "is_full", False)

    def _break_disk(self, one: float, two: float) -> None:
        del two
        self.disk.is_broken = True
        self.scheduler.after(int((1 + 10 * one) * SECOND), setattr, self.disk, "is_broken", False)

    def _authority_out(self, one: float, two: float) -> None:
        del two
        self.authority.is_out = True
        self.scheduler.after(int((1 + 200 * one) * SECOND), setattr, self.authority, "is_out", False)

    def _revoke(self, one: float, two: float) -> None:
        del two
        self.authority.revoke("executor" if one < 0.7 else "strategist")

    def _kill_switch(self, one: float, two: float) -> None:
        """A person throws it, and some while later puts it back."""
        for process in self.processes:
            if process.control is not None:
                process.deliver(lambda desk, p=process: p.control and p.control.kill("simulated", "maria"))
        self.scheduler.after(int((5 + 200 * one) * SECOND), self._rearm)

    def _rearm(self) -> None:
        for process in self.processes:
            if process.control is not None:
                process.deliver(lambda desk, p=process: p.control and p.control.rearm("simulated", "maria"))

    def _trade_manually(self, one: float, two: float) -> None:
        self._manual += 1
        self.watch.foreign.add(self.plan.symbols[int(one * len(self.plan.symbols))])
        terms = OrderTerms(
            client_order_id=f"{MANUAL}:{self._manual}",
            trade_id=MANUAL,
            symbol=self.plan.symbols[int(one * len(self.plan.symbols))],
            side=Side.BUY if two < 0.5 else Side.SELL,
            quantity=Qty(self.plan.cash * 0 + 1 + int(two * 10)),
            type=OrderType.MARKET,
            role=Role.ENTRY,
        )
        self.venue.place(Approved(orders=(terms,), by=("somebody",), at=self.scheduler.now), _NOBODY)

    def _look_around(self, one: float, two: float) -> None:
        del two
        self.people.look_around(self.processes[int(one * len(self.processes))])


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
