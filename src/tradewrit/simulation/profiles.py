"""Named mixtures of what goes wrong, and how a plan is drawn from one."""

from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from tradewrit.domain.capabilities import PAPER, Capabilities, Dedupe, Protection
from tradewrit.domain.orders import OrderType
from tradewrit.domain.reviews import PolicyKind, ReviewPolicy
from tradewrit.errors import ConfigError
from tradewrit.runtime.clock import seeded
from tradewrit.simulation.plan import BREAK, FAULTS, MAINTENANCE, RATES, ROAD, Faults, People, Plan, Whims

_MOST: Final = Faults(
    drop=0.15,
    duplicate=0.25,
    reorder=0.2,
    slow=0.1,
    partitions_per_hour=24,
    half_open_per_hour=18,
    kill=0.02,
    power_loss=0.5,
    pauses_per_hour=18,
    rivals_per_hour=18,
    clock_jumps_per_hour=18,
    skew=1.0,
    full_disks_per_hour=18,
    broken_disks_per_hour=12,
    slow_disk=0.05,
    authority_outages_per_hour=18,
    revocations_per_hour=9,
    rejects=0.1,
    throttles=0.1,
    thin=0.4,
    gaps=0.02,
    bad_quotes=0.03,
    kill_switches_per_hour=9,
    manual_trades_per_hour=9,
    venue_outages_per_hour=30,
    throttle_bursts_per_hour=30,
    halts_per_hour=60,
    corrections_per_hour=60,
    second_cuts_per_hour=24,
    twins=1.0,
)
"""The worst that is ever drawn."""
_ENDING_STOPS: Final = 0.3
"""The share of venues whose stops end with the session."""
_REFUSING: Final = 0.4
"""The share of venues that take no new order in a halted symbol."""
_TWO_ROADS: Final = 0.25
"""The share of venues that remember order ids for good and have a second road."""
_MAINTAINED: Final = 0.2
"""The share of venues that are taken down for a while."""


_KEPT: Final = tuple(name for name in FAULTS if name != "twins")
"""What a venue that keeps its promises can do."""


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """Which faults may be drawn, and how likely each is not to be. always: those that are in every plan.

    capabilities: what the venue can do; None draws it, dedupe, stop_gtc: but for these. cash: of the account;
    None draws it. is_worst: whatever goes wrong does so as often as it ever does.
    """

    title: str
    faults: tuple[str, ...] = _KEPT
    calm: float = 0.5
    always: tuple[str, ...] = ()
    capabilities: Capabilities | None = None
    dedupe: Dedupe | None = None
    stop_gtc: bool | None = None
    cash: Decimal | None = None
    calls_per_minute: int = 200
    is_worst: bool = False


_WIRE: Final = ("drop", "duplicate", "reorder", "slow", "partitions_per_hour", "half_open_per_hour")
_MARKET: Final = ("thin", "gaps", "bad_quotes", "rejects", BREAK)
_FLOOR: Final = ("halts_per_hour", "corrections_per_hour")
PROFILES: Final[Mapping[str, Profile]] = {
    "swarm": Profile(
        title="everything that can go wrong, each in every second run, at a venue that keeps its promises"
    ),
    "calm": Profile(title="nothing goes wrong but the price", faults=("thin", "gaps"), capabilities=PAPER),
    "network": Profile(title="messages are lost, late, twice and out of order", faults=(*_WIRE, *_MARKET)),
    "forgetful": Profile(
        title="a venue that takes an order id twice, at the end of a bad line",
        faults=("drop", "slow", "partitions_per_hour", "kill", *_MARKET),
        always=("drop",),
        dedupe=Dedupe.NONE,
    ),
    "market": Profile(
        title="the venue refuses, and fills in parts", faults=(*_MARKET, "throttles"), calm=0.1
    ),
    "halts": Profile(
        title="the venue halts a symbol, and lets it trade again",
        faults=("halts_per_hour", "drop", "reorder", "kill", *_MARKET),
        always=("halts_per_hour",),
    ),
    "corrections": Profile(
        title="the venue takes executions back, or tells them otherwise",
        faults=("corrections_per_hour", "drop", "reorder", "duplicate", "kill", *_MARKET),
        always=("corrections_per_hour",),
    ),
    "floor": Profile(
        title="halts and corrections, as often as ever",
        faults=(*_FLOOR, "thin"),
        always=_FLOOR,
        is_worst=True,
    ),
    "throttled": Profile(
        title="a venue that asks for patience, allows few calls, and is down now and then",
        faults=("throttles", "venue_outages_per_hour", "throttle_bursts_per_hour", "thin", "gaps"),
        always=("throttles", "throttle_bursts_per_hour"),
        calm=0.2,
        calls_per_minute=80,
        is_worst=True,
    ),
    "disorder": Profile(
        title="messages overtake each other by seconds, and many are lost",
        faults=("reorder", "slow", "drop", "thin"),
        always=("reorder", "slow", "drop"),
        is_worst=True,
    ),
    "night": Profile(
        title="a venue whose stops end with the session",
        faults=("kill", "drop", "slow", "skew", *_MARKET),
        always=(BREAK,),
        stop_gtc=False,
    ),
    "oversold": Profile(
        title="a venue that lets an order sell more than is held",
        faults=("gaps", "slow", "drop"),
        capabilities=msgspec.structs.replace(PAPER, oco=False, bracket=False, reduce_only=False),
    ),
    "roads": Profile(
        title="two roads to the venue, each cut and slow by itself",
        faults=(*_WIRE, "second_cuts_per_hour", "kill", "throttles", "rejects", "thin", "gaps", ROAD),
        always=("slow", "partitions_per_hour", "second_cuts_per_hour", ROAD),
        dedupe=Dedupe.FOREVER,
    ),
    "twins": Profile(
        title="a venue that promises to remember order ids, and takes some as two orders",
        faults=("slow", "duplicate", "drop", "partitions_per_hour", "kill", "thin", "gaps", "twins", ROAD),
        always=("slow", "duplicate", "twins", ROAD),
        dedupe=Dedupe.FOREVER,
        is_worst=True,
    ),
    "maintenance": Profile(
        title="the venue is taken down while trades are open, announced or not",
        faults=(MAINTENANCE, "drop", "slow", "kill", "corrections_per_hour", "halts_per_hour", *_MARKET),
        always=(MAINTENANCE,),
    ),
    "parts": Profile(title="orders fill in parts", faults=("thin", "gaps"), always=("thin",)),
    "limits": Profile(title="a small account in a busy market", faults=("gaps", "slow"), cash=Decimal(3_000)),
    "crash": Profile(
        title="the process dies, anywhere",
        faults=("kill", "power_loss", "pauses_per_hour", "drop", *_MARKET),
        always=("kill",),
    ),
    "disk": Profile(
        title="the disk is full, slow or broken",
        faults=("full_disks_per_hour", "broken_disks_per_hour", "slow_disk", "kill", "power_loss"),
        calm=0.2,
    ),
    "clock": Profile(
        title="clocks jump and differ", faults=("clock_jumps_per_hour", "skew", "drop", "kill"), calm=0.2
    ),
    "owners": Profile(
        title="two desks want one account",
        faults=("rivals_per_hour", "pauses_per_hour", "slow_disk", "skew", "kill", "clock_jumps_per_hour"),
        always=("rivals_per_hour", "pauses_per_hour", "slow_disk"),
    ),
    "credentials": Profile(
        title="writs expire, are revoked, cannot be renewed",
        faults=("authority_outages_per_hour", "revocations_per_hour", "kill_switches_per_hour", "kill"),
        calm=0.2,
    ),
    "people": Profile(title="people answer late, twice, differently, or never", faults=("kill", *_MARKET)),
    "outside": Profile(
        title="somebody else trades in the account",
        faults=("manual_trades_per_hour", "kill", "drop"),
        calm=0.2,
    ),
}


def profile(name: str) -> Profile:
    """The profile of a name; raises ConfigError that lists the known names."""
    try:
        return PROFILES[name]
    except KeyError:
        known = ", ".join(PROFILES)
        raise ConfigError(f"unknown profile {name!r}; known: {known}") from None


def draw(seed: int, name: str = "swarm") -> Plan:
    """The plan of a seed under a profile: the same for ever."""
    chosen, rng = profile(name), seeded(seed, "plan")
    faults = _faults(chosen, seeded(seed, "faults"))
    capabilities = _capabilities(rng)
    # Drawn apart, so that it moves no other draw.
    if BREAK in chosen.faults and seeded(seed, "night").random() < _ENDING_STOPS:
        capabilities = msgspec.structs.replace(capabilities, stop_gtc=False)
    cash = Decimal(rng.choice((100_000, 100_000, 3_000)))
    if chosen.dedupe is not None:
        capabilities = msgspec.structs.replace(capabilities, dedupe=chosen.dedupe)
    if chosen.stop_gtc is not None:
        capabilities = msgspec.structs.replace(capabilities, stop_gtc=chosen.stop_gtc)
    has_road = ROAD in chosen.faults and capabilities.dedupe is Dedupe.FOREVER
    down = _maintenance(chosen, seeded(seed, "maintenance"), faults)
    breaks = (45, 90) if BREAK in chosen.always else (0, 0, 45, 90)
    plan = Plan(
        seed=seed,
        profile=name,
        horizon_s=60 * rng.randint(2, 9),
        symbols=("AAPL", "MSFT", "TSLA")[: rng.randint(1, 3)],
        cash=cash if chosen.cash is None else chosen.cash,
        entry_type=rng.choice((OrderType.MARKET, OrderType.MARKET, OrderType.LIMIT)),
        protection=rng.choice(tuple(Protection)),
        capabilities=capabilities if chosen.capabilities is None else chosen.capabilities,
        review=_review(rng, is_asked=name == "people"),
        whims=_whims(rng),
        people=_people(rng),
        faults=faults,
        volatility=rng.uniform(0.001, 0.006),
        ttl_s=rng.choice((30, 120, 300)),
        has_lease=rng.random() < 0.5 or bool(faults.rivals_per_hour),
        snapshot_every=rng.choice((0, 0, 50)),
        closes_at_s=rng.choice(breaks) if BREAK in chosen.faults else 0,
        refuses_in_halts=seeded(seed, "halts").random() < _REFUSING,
        calls_per_minute=chosen.calls_per_minute,
        second_road=has_road and (ROAD in chosen.always or seeded(seed, "roads").random() < _TWO_ROADS),
    )
    return msgspec.structs.replace(plan, **down)


def _maintenance(chosen: Profile, rng: Random, faults: Faults) -> dict[str, int]:
    """A window is told by the clock: a desk whose clock is an hour off would wait for another one."""
    is_drawn = MAINTENANCE in chosen.faults and rng.random() < _MAINTAINED
    if not (is_drawn or MAINTENANCE in chosen.always) or faults.clock_jumps_per_hour:
        return {}
    return {
        "maintenance_at_s": rng.randint(30, 100),
        "maintenance_for_s": rng.choice((20, 60, 120)),
        "announced_s": rng.choice((0, 10, 30)),
    }


def _faults(chosen: Profile, rng: Random) -> Faults:
    drawn = {}
    for name in RATES:
        is_off, level = rng.random() < chosen.calm, rng.uniform(0.1, 1.0) ** 2
        level = 1.0 if chosen.is_worst else level
        if name in chosen.always or (name in chosen.faults and not is_off):
            drawn[name] = level * getattr(_MOST, name)
    return Faults(**drawn)


def _capabilities(rng: Random) -> Capabilities:
    has_oco = rng.random() < 0.6
    return msgspec.structs.replace(
        PAPER,
        oco=has_oco,
        bracket=has_oco and rng.random() < 0.6,
        replace=has_oco or rng.random() < 0.8,
        event_cursor=rng.random() < 0.5,
        reduce_only=rng.random() < 0.7,
        dedupe=rng.choice((Dedupe.FOREVER, Dedupe.FOREVER, Dedupe.OPEN_ONLY, Dedupe.NONE)),
    )


def _review(rng: Random, *, is_asked: bool) -> ReviewPolicy:
    kinds = (PolicyKind.REQUIRE, PolicyKind.FOUR_EYES)
    kind = rng.choice(kinds if is_asked else (PolicyKind.AUTOMATIC,) * 4 + kinds)
    approvers = rng.randint(1, 2)
    return ReviewPolicy(kind=kind, approvers=approvers, expires_after_s=rng.choice((20, 60, 300)))


def _whims(rng: Random) -> Whims:
    stop = Decimal(rng.choice(("0.01", "0.02", "0.05")))
    return Whims(
        enter=rng.uniform(0.1, 0.6),
        leave=rng.uniform(0.0, 0.2),
        short=rng.choice((0.0, 0.5)),
        stop_fraction=stop,
        target_fraction=stop * rng.choice((3, 4)),
        trail_fraction=rng.choice((None, None, stop)),
        max_bars=rng.choice((None, None, 3)),
    )


def _people(rng: Random) -> People:
    return People(
        ignore=rng.uniform(0, 0.3),
        reject=rng.uniform(0, 0.2),
        edit=rng.uniform(0, 0.2),
        double_click=rng.uniform(0, 0.5),
        stale=rng.uniform(0, 0.2),
        delay_s=rng.choice((2.0, 10.0, 40.0)),
    )
