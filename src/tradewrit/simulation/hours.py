"""The hours of a simulated market, open all day but for one break, and the maintenance of its venue."""

from datetime import UTC, date, datetime, timedelta

import msgspec

from tradewrit.domain.maintenance import Maintenance, Period, Window
from tradewrit.domain.market import DAY, SECOND, MarketPhase, MarketStatus
from tradewrit.simulation.plan import Plan


class Hours(msgspec.Struct, frozen=True):
    """When the market is closed, UTC ns; never when both are equal. For the venue and for the desk."""

    closes: int
    opens: int

    @classmethod
    def of(cls, plan: Plan, began: int) -> "Hours":
        """Those of a plan whose run began at `began` (UTC ns)."""
        closes = began + plan.closes_at_s * SECOND
        return cls(closes, closes + (plan.closed_for_s * SECOND if plan.closes_at_s else 0))

    def status(self, at: int) -> MarketStatus:
        """The phase, with the next open and close."""
        phase = MarketPhase.CLOSED if self.closes <= at < self.opens else MarketPhase.OPEN
        next_open = self.opens if at < self.opens else self.opens + DAY
        next_close = self.closes if at < self.closes else self.closes + DAY
        return MarketStatus(phase, at, next_open, next_close)

    def trading_day_after(self, day: date, n: int) -> date:
        """Every day is one."""
        return day + timedelta(days=n)


def downtime(plan: Plan, began: int) -> Period | None:
    """When the venue of a plan whose run began at `began` (UTC ns) is down; None for never."""
    begins = began + plan.maintenance_at_s * SECOND
    return Period(begins, begins + plan.maintenance_for_s * SECOND) if plan.maintenance_at_s else None


def announced(plan: Plan, began: int) -> Maintenance:
    """What the desk of a plan has been told of that."""
    down = downtime(plan, began)
    if down is None or not plan.announced_s:
        return Maintenance()
    first, last = (datetime.fromtimestamp(at // SECOND, UTC) for at in (down.begins, down.ends))
    window = Window(first.date(), first.time(), last.date(), last.time(), "UTC")
    return Maintenance((window,), plan.announced_s * SECOND)
