"""What the options of a live desk and its watchdog come to: where it trades, its lease, its patience."""

import msgspec

from tradewrit.domain.market import SECOND
from tradewrit.runtime.lease import LeasePolicy
from tradewrit.runtime.live.policy import LivePolicy
from tradewrit.runtime.secret import Secret


class Venue(msgspec.Struct, frozen=True, kw_only=True):
    """Where a live desk trades.

    symbols: whose history is wanted at the start, and whose trade prints are heard; none for no history and
    the prints of all. second: another way to the same exchange and account; "" for none.
    """

    url: str
    second: str = ""
    key: Secret | None = None
    symbols: tuple[str, ...] = ()


def lease_of(seconds: float) -> LeasePolicy:
    """A lease of so long, renewed four times in it."""
    whole = round(seconds * SECOND)
    return LeasePolicy(duration_ns=whole, renew_every_ns=whole // 4, margin_ns=whole // 4, skew_ns=whole // 2)


def policy_of(stale_after_s: float, lease_s: float, skew_s: float) -> LivePolicy:
    """The policy of a run whose prices may be silent for so long, under a lease of so long.

    skew_s: by how much the machine's clock and the venue's may differ.
    """
    before = LivePolicy()
    patience = msgspec.structs.replace(before.patience, data_ns=round(stale_after_s * SECOND))
    tick_ns = min(before.tick_ns, round(lease_s * SECOND) // 8)
    return msgspec.structs.replace(before, patience=patience, tick_ns=tick_ns, skew_ns=round(skew_s * SECOND))
