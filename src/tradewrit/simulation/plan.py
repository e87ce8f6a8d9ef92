"""What one run is made of: the account, the venue, and how much of what goes wrong. All drawn from a seed.

    seed, profile ─▶ Plan ─▶ run ─▶ the same trace, always

Rates are drawn in one fixed order and many of them are zero, so that calm and violent worlds mix and
switching one fault off leaves every other draw where it was.
"""

from decimal import Decimal
from typing import Final

import msgspec

from tradewrit.domain.capabilities import PAPER, Capabilities, Protection
from tradewrit.domain.orders import OrderType
from tradewrit.domain.reviews import ReviewPolicy


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How often what goes wrong. `..._per_hour` are mean counts; everything else is a share, 0..1.

    The wire, each message: drop, duplicate, reorder, slow (seconds late). The line: partitions, half_open.
    The process, each micro-point: kill; power_loss is the share of deaths that take the machine. pauses:
    it stands still for a while. rivals: somebody starts a second desk on the account.
    The clock: jumps, and skew (the share of +-5 s it is off by).
    The disk: full, broken (a sync fails), slow_disk.
    The authority: outages, revocations. The venue: rejects, throttles, thin (partial fills), gaps (jumps of
    the price of up to 9 %), bad_quotes, halts of a symbol, corrections of executions (and busts);
    venue_outages and throttle_bursts, in which its market goes on and it takes no calls.
    Outside: kill_switches, manual_trades. second_cuts: of the second road, where there is one.
    twins: the share of lists under known ids, by another road or twice by one, that a venue which promises to
    remember ids takes as new orders.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    slow: float = 0.0
    partitions_per_hour: float = 0.0
    half_open_per_hour: float = 0.0
    kill: float = 0.0
    power_loss: float = 0.0
    pauses_per_hour: float = 0.0
    rivals_per_hour: float = 0.0
    clock_jumps_per_hour: float = 0.0
    skew: float = 0.0
    full_disks_per_hour: float = 0.0
    broken_disks_per_hour: float = 0.0
    slow_disk: float = 0.0
    authority_outages_per_hour: float = 0.0
    revocations_per_hour: float = 0.0
    rejects: float = 0.0
    throttles: float = 0.0
    thin: float = 0.0
    gaps: float = 0.0
    bad_quotes: float = 0.0
    kill_switches_per_hour: float = 0.0
    manual_trades_per_hour: float = 0.0
    halts_per_hour: float = 0.0
    corrections_per_hour: float = 0.0
    venue_outages_per_hour: float = 0.0
    throttle_bursts_per_hour: float = 0.0
    second_cuts_per_hour: float = 0.0
    twins: float = 0.0


class People(msgspec.Struct, frozen=True, kw_only=True):
    """How those who are asked behave; shares 0..1. delay_s: mean time to an answer."""

    ignore: float = 0.0
    reject: float = 0.0
    edit: float = 0.0
    double_click: float = 0.0
    stale: float = 0.0
    delay_s: float = 10.0


class Whims(msgspec.Struct, frozen=True, kw_only=True):
    """What the strategy does on a bar; shares of bars, and the distances it names."""

    enter: float = 0.3
    leave: float = 0.1
    short: float = 0.3
    stop_fraction: Decimal = Decimal("0.02")
    target_fraction: Decimal = Decimal("0.06")
    trail_fraction: Decimal | None = None
    max_bars: int | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One run, whole. horizon_s: how long anything goes wrong; then come calm_s in which nothing does.

    has_lease: whether the journal is written under a lease. is_golden: the scripted trade, not a random walk.
    closes_at_s: when the market closes, for closed_for_s; 0 for never.
    refuses_in_halts: whether the venue takes no new order in a symbol that it has halted.
    calls_per_minute: what the venue allows, and the desk's guard keeps to.
    second_road: whether another wire leads to the venue, and what protects may go by both.
    maintenance_at_s: when the venue is taken down, for maintenance_for_s; 0 for never. Then it trades
    nothing, answers nobody and cancels nothing. announced_s: how long before the desk knows; 0 for never.
    """

    seed: int
    profile: str
    horizon_s: int = 900
    calm_s: int = 180
    symbols: tuple[str, ...] = ("AAPL", "MSFT")
    quote_every_s: int = 5
    bar_s: int = 20
    cash: Decimal = Decimal(100_000)
    entry_type: OrderType = OrderType.MARKET
    protection: Protection = Protection.AFTER_FILL
    capabilities: Capabilities = PAPER
    review: ReviewPolicy = ReviewPolicy()
    whims: Whims = Whims()
    people: People = People()
    faults: Faults = Faults()
    volatility: float = 0.003
    ttl_s: int = 120
    has_lease: bool = False
    snapshot_every: int = 0
    closes_at_s: int = 0
    closed_for_s: int = 60
    is_golden: bool = False
    refuses_in_halts: bool = False
    calls_per_minute: int = 200
    second_road: bool = False
    maintenance_at_s: int = 0
    maintenance_for_s: int = 60
    announced_s: int = 0


RATES: Final = tuple(Faults.__struct_fields__)
"""The name of every fault that is drawn as a rate, in the order in which they are drawn."""
BREAK: Final = "market_break"
"""The market's break, which can be switched off like a fault."""
ROAD: Final = "second_road"
"""The second road, likewise."""
MAINTENANCE: Final = "maintenance"
"""The venue's maintenance, likewise."""
_PARTS: Final = {
    BREAK: ("closes_at_s", 0),
    ROAD: ("second_road", False),
    MAINTENANCE: ("maintenance_at_s", 0),
}
"""What is no rate and can be switched off: its field of the plan, and what it is when off."""
FAULTS: Final = (*RATES, *_PARTS)


def without(plan: Plan, *names: str) -> Plan:
    """The plan with these faults switched off."""
    calmer = msgspec.structs.replace(plan.faults, **dict.fromkeys(set(names) - _PARTS.keys(), 0.0))
    off = dict(_PARTS[name] for name in names if name in _PARTS)
    return msgspec.structs.replace(plan, faults=calmer, **off)


def active(plan: Plan) -> tuple[str, ...]:
    """The faults that can happen in it."""
    rates = (name for name in RATES if getattr(plan.faults, name))
    return (*rates, *(name for name, (field, off) in _PARTS.items() if getattr(plan, field) != off))
