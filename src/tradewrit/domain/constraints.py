"""Trading constraints of a writ: what its holder may trade beyond which symbol, as values and as rules.

A scope says "write AAPL"; constraints say "buys only, at most 100 shares an order, until 15:30, on paper".
They only ever narrow: what holds under `both(a, b)` holds under `a` and under `b`. Knows no token, no
venue and no clock.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from tradewrit.domain.market import DAY, SECOND
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Side

Mode = Literal["backtest", "paper", "live"]
Name = TypeVar("Name", bound=str)
Amount = TypeVar("Amount", Decimal, int)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WINDOW: Final = re.compile(
    r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d) ([A-Za-z0-9_+\-/]{1,64})( daily)?"
)
_DAY: Final = 24 * 60
_WORKDAYS: Final = (1, 2, 3, 4, 5)
_DAILY: Final = (1, 2, 3, 4, 5, 6, 7)
_PLAIN: Final = re.compile(r"[!-~]{1,64}")


class Hours(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """A daily window on a wall clock, Monday to Friday unless `days` says otherwise.

    opens, closes: minutes after local midnight, 0 to 1440; `closes` itself is too late. A window that
    closes no later than it opens spans midnight and belongs to the day on which it opens.
    zone: IANA name, e.g. `America/New_York`. days: ISO weekdays, 1 = Monday.
    """

    opens: int
    closes: int
    zone: str = "UTC"
    days: tuple[int, ...] = _WORKDAYS

    def __post_init__(self) -> None:
        if not (0 <= self.opens < _DAY and 0 < self.closes <= _DAY):
            raise ValueError(
                f"hours from minute {self.opens} to {self.closes} do not lie within 0 to {_DAY} of a day"
            )
        if not self.days or any(day not in range(1, 8) for day in self.days):
            raise ValueError(f"days {list(self.days)} are not ISO weekdays: 1 (Monday) to 7 (Sunday)")
        if tuple(sorted(set(self.days))) != self.days:
            raise ValueError(f"days {list(self.days)} must be ascending, each once")
        _zone(self.zone)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `HH:MM-HH:MM ZONE`, with ` daily` for all days of the week; raises ValueError.

        >>> Hours.parse("09:30-15:30 America/New_York").closes
        930
        """
        found = _WINDOW.fullmatch(text)
        if found is None:
            raise ValueError(
                f"hours {text[:80]!r} are not HH:MM-HH:MM ZONE, e.g. 09:30-15:30 America/New_York; "
                "add ` daily` to count Saturdays and Sundays"
            )
        first, second, third, fourth = (int(digits) for digits in found.groups()[:4])
        window = cls(first * 60 + second, third * 60 + fourth, found[5])
        return window if found[6] is None else msgspec.structs.replace(window, days=_DAILY)

    def include(self, at: int) -> bool:
        """Whether `at` (UTC ns) lies in the window."""
        local = (_EPOCH + timedelta(seconds=at // SECOND)).astimezone(_zone(self.zone))
        minute, today = local.hour * 60 + local.minute, local.isoweekday()
        if self.opens < self.closes:
            return self.opens <= minute < self.closes and today in self.days
        yesterday = 7 if today == 1 else today - 1
        return (minute >= self.opens and today in self.days) or (
            minute < self.closes and yesterday in self.days
        )

    def __str__(self) -> str:
        clock = f"{self.opens // 60:02d}:{self.opens % 60:02d}-{self.closes // 60:02d}:{self.closes % 60:02d}"
        days = {_DAILY: " daily", _WORKDAYS: ""}.get(self.days)
        return f"{clock} {self.zone}" + (f" on days {list(self.days)}" if days is None else days)


class Constraints(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What an order under a writ must keep to; None restricts nothing, an empty list permits nothing.

    max_quantity, max_notional: of one order, in units and in the account's currency.
    max_day_*, max_day_orders: of all entries of one agent in a UTC day, whichever token they went under.
    hours: windows, all of which must be open. venues, modes: where, by name.
    reduce_only: nothing that could enlarge a position or open one.
    """

    sides: tuple[Side, ...] | None = None
    max_quantity: Decimal | None = None
    max_notional: Decimal | None = None
    max_day_quantity: Decimal | None = None
    max_day_notional: Decimal | None = None
    max_day_orders: int | None = None
    hours: tuple[Hours, ...] = ()
    venues: tuple[str, ...] | None = None
    modes: tuple[Mode, ...] | None = None
    reduce_only: bool = False

    def __post_init__(self) -> None:
        for name in AMOUNTS:
            amount: Decimal | int | None = getattr(self, name)
            # `not >=` refuses NaN as well; an infinite limit is spelt by leaving it out.
            if amount is not None and (not Decimal(amount).is_finite() or amount < 0):
                raise ValueError(f"{name} must be a number of at least 0, not {amount}")
        for name in ("sides", "venues", "modes"):
            held: tuple[str, ...] | None = getattr(self, name)
            if held is not None and tuple(sorted(set(held))) != held:
                raise ValueError(f"{name} {list(held)} must be sorted, each once")
        if any(not _PLAIN.fullmatch(venue) for venue in self.venues or ()):
            raise ValueError("venues are printable ASCII without blanks, at most 64 characters each")
        if tuple(sorted(set(self.hours))) != self.hours:
            raise ValueError("hours must be sorted, each once")


AMOUNTS: Final = ("max_quantity", "max_notional", "max_day_quantity", "max_day_notional", "max_day_orders")
"""The constraints that are largest numbers: two of them meet in the smaller."""

UNRESTRICTED: Final = Constraints()
PROTECTIVE: Final = Constraints(reduce_only=True)
"""The writ that stays when all others are revoked: it can shrink positions and do nothing else."""


class DayUse(msgspec.Struct, frozen=True, gc=False):
    """What an agent has sent on one UTC day. day: days since 1970. notional: in account currency."""

    day: int = 0
    orders: int = 0
    quantity: Decimal = ZERO
    notional: Decimal = ZERO


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One order as a writ sees it.

    notional: quantity x price x multiplier at the price it was decided on.
    reduces: whether, filled whole, it can only shrink the position that is held now.
    """

    side: Side
    quantity: Decimal
    notional: Decimal
    venue: str
    mode: Mode
    reduces: bool


class Violation(msgspec.Struct, frozen=True, gc=False):
    """One constraint that a request breaks, with both sides of the comparison."""

    constraint: str
    allowed: str
    actual: str

    def __str__(self) -> str:
        return f"{self.constraint}: {self.actual}, allowed {self.allowed}"


def violations(held: Constraints, asked: Request, used: DayUse, at: int) -> tuple[Violation, ...]:
    """Every constraint that `asked` breaks at `at` (UTC ns); empty when it may go out.

    used: what the agent had sent before, on the UTC day of `at`; of another day it counts as nothing.
    """
    if held == UNRESTRICTED:
        return ()
    return tuple(_violations(held, asked, used, at))


def broken_names(broken: Iterable[Violation]) -> tuple[str, ...]:
    """Which constraints these are, each once: several windows of hours are one constraint."""
    return tuple(dict.fromkeys(one.constraint for one in broken))


def day_of(at: int) -> int:
    """The UTC day of `at` (UTC ns), counted from 1970-01-01."""
    return at // DAY


def _violations(held: Constraints, asked: Request, used: DayUse, at: int) -> Iterator[Violation]:
    if held.reduce_only and not asked.reduces:
        yield Violation("reduce_only", "orders that shrink a position", f"{asked.side} {asked.quantity}")
    for name, allowed, actual in (
        ("sides", held.sides, asked.side),
        ("venues", held.venues, asked.venue),
        ("modes", held.modes, asked.mode),
    ):
        if allowed is not None and actual not in allowed:
            yield Violation(name, ", ".join(allowed) or "none", actual)
    if used.day != day_of(at):
        used = DayUse()
    for name, amount in (
        ("max_quantity", asked.quantity),
        ("max_notional", asked.notional),
        ("max_day_quantity", used.quantity + asked.quantity),
        ("max_day_notional", used.notional + asked.notional),
        ("max_day_orders", used.orders + 1),
    ):
        most: Decimal | int | None = getattr(held, name)
        if most is not None and amount > most:
            yield Violation(name, str(most), str(amount))
    for window in held.hours:
        if not window.include(at):
            yield Violation("hours", str(window), "closed")


def both(first: Constraints, second: Constraints) -> Constraints:
    """What both allow: the tightest of each constraint."""
    return Constraints(
        sides=_common(first.sides, second.sides),
        venues=_common(first.venues, second.venues),
        modes=_common(first.modes, second.modes),
        hours=tuple(sorted({*first.hours, *second.hours})),
        reduce_only=first.reduce_only or second.reduce_only,
        **{name: _smaller(getattr(first, name), getattr(second, name)) for name in AMOUNTS},
    )


def is_within(inner: Constraints, outer: Constraints) -> bool:
    """Whether `inner` allows nothing that `outer` forbids."""
    return both(inner, outer) == inner


def _common(first: tuple[Name, ...] | None, second: tuple[Name, ...] | None) -> tuple[Name, ...] | None:
    if first is None or second is None:
        return first if second is None else second
    return tuple(name for name in first if name in second)


def _smaller(first: Amount | None, second: Amount | None) -> Amount | None:
    if first is None or second is None:
        return first if second is None else second
    return min(first, second)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name[:80]!r} is no IANA time zone, such as America/New_York") from None
