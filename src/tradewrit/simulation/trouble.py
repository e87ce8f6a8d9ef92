"""What goes wrong in a simulated world at some time of its day: the agenda, and what each entry of it does.

Each kind has a generator of its own, so that switching one off moves none of the others.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from tradewrit.brokers.paper.corrections import Correction
from tradewrit.domain.events.base import Event
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.errors import TheirFault, Throttled, Unreachable
from tradewrit.runtime.clock import seeded
from tradewrit.runtime.desk import Desk
from tradewrit.simulation.prices import arrivals
from tradewrit.simulation.venue import MANUAL

if TYPE_CHECKING:
    from tradewrit.simulation.process import Process
    from tradewrit.simulation.world import World

_NOBODY: Final = Grant(id="manual", agent="manual", scopes=frozenset(), issued_at=0, expires_at=2**62)
_JUMPS_S: Final = (1.0, 30.0, 3600.0, -1.0, -30.0, -3600.0)
_GLANCES_PER_HOUR: Final = 60.0
_BOTH: Final = 0.3
"""The share of cuts that take both roads."""
_CORRECTED_WITHIN: Final = 600 * SECOND
Doing = Callable[[float, float], object]
"""What happens; told two numbers of 0..1 that say how badly, and to whom."""


class Trouble:
    """The agenda of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._placed = 0

    def arrange(self) -> None:
        """Put all of it into the scheduler, up to the plan's horizon."""
        world, faults = self._world, self._world.plan.faults
        agenda: tuple[tuple[float, str, Doing], ...] = (
            (faults.partitions_per_hour, "partition", self._cut),
            (faults.second_cuts_per_hour, "second_cut", self._cut_second),
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
            (faults.venue_outages_per_hour, "venue_outage", self._venue_down),
            (faults.throttle_bursts_per_hour, "throttle_burst", self._venue_busy),
            (faults.halts_per_hour, "halt", self._halt),
            (faults.corrections_per_hour, "correction", self._correct),
            (_GLANCES_PER_HOUR, "", lambda one, _: world.people.look_around(self._victim(one))),
        )
        for per_hour, kind, doing in agenda:
            rng = seeded(world.plan.seed, f"agenda {kind}")
            for after in arrivals(rng, per_hour, world.plan.horizon_s):
                at = world.scheduler.began + after
                world.scheduler.at(at, self._happen, kind, doing, rng.random(), rng.random())

    def _happen(self, kind: str, doing: Doing, one: float, two: float) -> None:
        if kind:
            self._world.trace.fault(self._world.scheduler.now, kind)
        doing(one, two)

    def _victim(self, drawn: float) -> "Process":
        processes = self._world.processes
        return processes[int(drawn * len(processes))]

    def _for(self, seconds: float, thing: object, flag: str) -> None:
        """Raise a flag for so long."""
        setattr(thing, flag, True)
        self._world.scheduler.after(int(seconds * SECOND), setattr, thing, flag, False)

    # -- line, process, clock

    def _cut(self, one: float, two: float) -> None:
        """The first road alone, or whatever both have in common."""
        roads = self._world.wire.roads
        for road in roads if two < _BOTH else roads[:1]:
            road.cut_until = self._world.scheduler.now + int((1 + 90 * one) * SECOND)

    def _cut_second(self, one: float, _: float) -> None:
        for road in self._world.wire.roads[1:]:
            road.cut_until = self._world.scheduler.now + int((1 + 90 * one) * SECOND)

    def _mute(self, one: float, _: float) -> None:
        self._world.wire.mute_until = self._world.scheduler.now + int((5 + 300 * one) * SECOND)

    def _pause(self, one: float, two: float) -> None:
        self._victim(two).pause(int((0.2 + 80 * one**2) * SECOND))

    def _rival(self, one: float, two: float) -> None:
        """Somebody starts a second desk on the account, or stops it again."""
        process = self._victim(two)
        if process.is_wanted and one < 0.4 and process is not self._world.processes[0]:
            process.retire()
        else:
            process.start()

    def _jump(self, one: float, two: float) -> None:
        self._victim(two).clock.jump(int(_JUMPS_S[int(one * len(_JUMPS_S))] * SECOND))

    # -- disk, authority

    def _fill_disk(self, one: float, _: float) -> None:
        self._for(1 + 40 * one, self._world.disk, "is_full")

    def _break_disk(self, one: float, _: float) -> None:
        self._for(1 + 10 * one, self._world.disk, "is_broken")

    def _authority_out(self, one: float, _: float) -> None:
        self._for(1 + 200 * one, self._world.authority, "is_out")

    def _revoke(self, one: float, _: float) -> None:
        self._world.authority.revoke("executor" if one < 0.7 else "strategist")

    # -- people, and others at the venue

    def _kill_switch(self, one: float, _: float) -> None:
        """A person throws it at every desk there is, and some while later puts it back."""
        for process in self._world.processes:
            process.deliver(partial(_throw, process))
        self._world.scheduler.after(int((5 + 200 * one) * SECOND), self._rearm)

    def _rearm(self) -> None:
        for process in self._world.processes:
            process.deliver(partial(_put_back, process))

    def _venue_down(self, one: float, _: float) -> None:
        self._refuse_calls(1 + 60 * one**2, Unreachable("503: the order gateway is down"))

    def _venue_busy(self, one: float, two: float) -> None:
        self._refuse_calls(1 + 30 * one**2, Throttled("429: too many requests", 1.0 + 20 * two**3))

    def _refuse_calls(self, seconds: float, why: TheirFault) -> None:
        venue = self._world.venue
        venue.refuses_calls = why
        self._world.scheduler.after(int(seconds * SECOND), self._take_calls, why)

    def _take_calls(self, why: TheirFault) -> None:
        if self._world.venue.refuses_calls is why:
            self._world.venue.refuses_calls = None

    def _halt(self, one: float, two: float) -> None:
        """The venue pauses a symbol, for up to two minutes."""
        world = self._world
        symbol = world.plan.symbols[int(one * len(world.plan.symbols))]
        world.venue.halt(symbol)
        world.scheduler.after(int((3 + 120 * two**2) * SECOND), world.venue.resume, symbol)

    def _correct(self, one: float, two: float) -> None:
        """The venue takes an execution of the last minutes back, or tells it smaller, or at another price."""
        world = self._world
        fills = world.venue.ours(world.scheduler.now - _CORRECTED_WITHIN)
        if not fills:
            return
        fill = fills[int(one * len(fills))]
        kind, share = divmod(two * 3, 1)
        quantity, price = fill.last_quantity, fill.last_price
        if kind == 0:
            quantity = ZERO
        elif kind == 1 and quantity > 1:
            quantity = Decimal(1 + int(share * float(quantity - 1)))
        elif price is not None:
            price = plain(fill.symbol, "USD").price(price * Decimal(repr(round(0.97 + 0.06 * share, 4))))
        world.watch.shaken(fill.symbol)
        world.venue.correct(Correction(exec_id=fill.exec_id, quantity=quantity, price=price))

    def _trade_manually(self, one: float, two: float) -> None:
        world = self._world
        symbol = world.plan.symbols[int(one * len(world.plan.symbols))]
        world.watch.foreign.add(symbol)
        self._placed += 1
        terms = OrderTerms(
            client_order_id=f"{MANUAL}:{self._placed}",
            trade_id=MANUAL,
            symbol=symbol,
            side=Side.BUY if two < 0.5 else Side.SELL,
            quantity=Qty(Decimal(1 + int(two * 10))),
            type=OrderType.MARKET,
            role=Role.ENTRY,
        )
        approved = Approved(orders=(terms,), by=("somebody",), at=world.scheduler.now)
        world.venue.by_hand(approved, _NOBODY)


def _throw(process: "Process", _: Desk) -> tuple[Event, ...]:
    return () if process.control is None else process.control.kill("simulated", "maria")


def _put_back(process: "Process", _: Desk) -> tuple[Event, ...]:
    return () if process.control is None else process.control.rearm("simulated", "maria")
