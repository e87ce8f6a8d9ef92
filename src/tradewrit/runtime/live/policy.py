"""How a live desk is run: every time it waits for, as one value. All durations in ns."""

import msgspec

from tradewrit.domain.maintenance import Maintenance
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.runtime.live.calls import CallPolicy
from tradewrit.runtime.live.supervise import Patience, StartBudget


class LivePolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """tick_ns: between two looks at the lease, the writs, the timers and the lines.

    reconcile_ns: between two comparisons with the venue while an order is open.
    idle_reconcile_ns: the same while none is. retry_compare_ns: while entries wait for its outcome.
    drain_ns: how long a graceful stop waits for what is in flight.
    cancels_entries_on_stop: whether entries at work are taken back then: nobody would protect their fills.
    status_ns: between two lines of the log while nothing happens.
    flatten_round_ns: between two rounds of an emergency liquidation.
    skew_ns: from which difference between the machine's clock and the venue's on no entry leaves.
    entry_ttl_ns: how long an entry from outside may wait for its turn.
    outage_ns: how long a line may be cut before that is an alarm; the venue's maintenance does not count.
    maintenance: when the venue is down by its own word.
    """

    tick_ns: int = SECOND
    reconcile_ns: int = MINUTE
    idle_reconcile_ns: int = 10 * MINUTE
    retry_compare_ns: int = 10 * SECOND
    drain_ns: int = 3 * SECOND
    cancels_entries_on_stop: bool = True
    status_ns: int = MINUTE
    flatten_round_ns: int = 3 * SECOND
    skew_ns: int = 2 * SECOND
    entry_ttl_ns: int = 30 * SECOND
    outage_ns: int = 5 * MINUTE
    maintenance: Maintenance = Maintenance()
    calls: CallPolicy = CallPolicy()
    patience: Patience = Patience()
    starts: StartBudget = StartBudget()
