"""One writer per account: how a lease on its stream is taken, kept, and found to be lost.

    Candidacy ── take ─▶ Tenure ── keep (renew when due), assure (before anything leaves), give_up

The store compares and sets, and refuses what is appended under an old epoch; here is who may try, and when.
Two clocks judge, each where it can be believed. Whether another's lease is over: the wall clock that all
who share the store share, plus a margin for how far it may be off; or, should it have been set back, that
the lease was seen to stand still for its whole length on one's own monotonic clock. How much of one's own
is left: the monotonic clock alone. And since a wall clock may jump, the store is asked as well, each time
something is about to leave. Knows no desk and no venue.
"""

import os
import socket

import msgspec

from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import ConfigError, JournalConflict, LeaseHeld, LeaseLost
from tradewrit.runtime.clock import Clock, Entropy
from tradewrit.runtime.journal.leases import NEW_EPOCH, Lease
from tradewrit.runtime.journal.port import Journal

_RESTART = (
    "stop this desk and start it anew: it then takes the lease and asks the venue what became of its orders"
)


class LeasePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long a lease lasts; all in ns.

    duration_ns: from one renewal. renew_every_ns: when the next one is due.
    margin_ns: nothing is sent with less than this left on the monotonic clock.
    skew_ns: how much later than its end another process takes it over: how far apart their clocks may be.
    """

    duration_ns: int = 10 * SECOND
    renew_every_ns: int = 3 * SECOND
    margin_ns: int = 3 * SECOND
    skew_ns: int = 5 * SECOND

    def __post_init__(self) -> None:
        """Raise ConfigError when a renewal could come too late to be of use."""
        if min(self.renew_every_ns, self.margin_ns) <= 0 or self.skew_ns < 0:
            raise ConfigError("a lease needs a renewal and a margin above zero, and a skew not below")
        if self.renew_every_ns + self.margin_ns >= self.duration_ns:
            raise ConfigError(
                f"a lease of {_seconds(self.duration_ns)}, renewed every {_seconds(self.renew_every_ns)}, "
                f"has no {_seconds(self.margin_ns)} left by then; make it longer, or renew it more often"
            )


DEFAULT = LeasePolicy()
"""10 s, renewed every 3 s, nothing sent with less than 3 s left, taken over 5 s after its end."""


def owner_name(entropy: Entropy) -> str:
    """What a process calls itself in a lease: `host:pid:` and eight drawn hex digits."""
    return f"{socket.gethostname()}:{os.getpid()}:{entropy(4).hex()}"


class Candidacy:
    """Somebody who wants a stream. May try as often as it likes; remembers how long what it saw stood still.

    owner: names this run of this process. A crashed one's successor is another owner, and waits like any.
    """

    def __init__(
        self, journal: Journal, stream: str, owner: str, clock: Clock, policy: LeasePolicy = DEFAULT
    ) -> None:
        if not owner:
            raise ConfigError("a lease needs the name of its owner")
        self._journal = journal
        self._stream = stream
        self._owner = owner
        self._clock = clock
        self._policy = policy
        self._seen: Lease | None = None
        self._seen_since = 0

    def take(self) -> "Tenure":
        """Take the lease if it is free, given up or over.

        Raises LeaseHeld, which names the holder, since when and until when; nothing has changed then.
        """
        found = self._journal.lease(self._stream)
        began, now = self._clock.monotonic(), self._clock.now()
        if found is not None and not self._is_over(found, now, began):
            raise self._refused(found)
        wanted = Lease(
            stream=self._stream,
            owner=self._owner,
            epoch=NEW_EPOCH,
            since=now,
            expires_at=now + self._policy.duration_ns,
            duration_ns=self._policy.duration_ns,
        )
        try:
            stored = self._journal.set_lease(wanted, expected=found)
        except JournalConflict as faster:
            held = self._journal.lease(self._stream)
            raise (LeaseHeld(str(faster)) if held is None else self._refused(held)) from faster
        return Tenure(self._journal, stored, self._clock, self._policy, began)

    def _is_over(self, found: Lease, now: int, monotonic: int) -> bool:
        if found != self._seen:
            self._seen, self._seen_since = found, monotonic
        if found.is_given_up or now >= found.expires_at + self._policy.skew_ns:
            return True
        return monotonic - self._seen_since >= found.duration_ns + self._policy.skew_ns

    def _refused(self, held: Lease) -> LeaseHeld:
        return LeaseHeld(
            f"{self._stream} is run by {held.owner} since {iso(held.since)}, until {iso(held.expires_at)} "
            "unless that renews its lease: two desks on one account would send everything twice. Stop the "
            f"other one, or, if it has crashed, start this one after "
            f"{iso(held.expires_at + self._policy.skew_ns)}"
        )


class Tenure:
    """A lease that was taken: kept by renewing it, and lost once for all. Used from the journal's thread.

    Once its time has run out on the monotonic clock it is lost even if nobody took over: whoever was
    asleep for so long decides anew, from what the venue says now.
    """

    def __init__(self, journal: Journal, lease: Lease, clock: Clock, policy: LeasePolicy, began: int) -> None:
        self._journal = journal
        self._lease = lease
        self._clock = clock
        self._policy = policy
        self._began = began  # monotonic, read before the store was asked: what is left is never overrated
        self._lost = ""

    @property
    def stream(self) -> str:
        """What it is a lease of."""
        return self._lease.stream

    @property
    def epoch(self) -> int:
        """What everything that is appended under it carries."""
        return self._lease.epoch

    @property
    def is_lost(self) -> bool:
        """Whether it was found to be over, or was given up."""
        return bool(self._lost)

    def left_ns(self) -> int:
        """How much of it is left on the monotonic clock; 0 when none is."""
        if self._lost:
            return 0
        return max(0, self._began + self._policy.duration_ns - self._clock.monotonic())

    def keep(self) -> None:
        """Renew it when that is due; to be called about once a second, and before each input.

        Raises LeaseLost when it is over: nothing may be written or sent any more, ever. When the store
        cannot be written that error comes through, and the next call tries again.
        """
        left = self._left()
        if left > self._policy.duration_ns - self._policy.renew_every_ns:
            return
        began, now = self._clock.monotonic(), self._clock.now()
        longer = msgspec.structs.replace(
            self._lease,
            expires_at=now + self._policy.duration_ns,
            duration_ns=self._policy.duration_ns,
        )
        try:
            self._lease = self._journal.set_lease(longer, expected=self._lease)
        except JournalConflict as taken:
            raise self._lose(self._successor()) from taken
        self._began = began

    def assure(self) -> None:
        """Return only if something may leave now: renewed where due, margin left, still ours in the store.

        Raises LeaseLost otherwise, or what the store raises when it cannot be asked: nothing may leave then.
        """
        self.keep()
        if self._journal.lease(self.stream) != self._lease:
            raise self._lose(self._successor())
        if self._left() < self._policy.margin_ns:
            raise self._lose(
                f"less than {_seconds(self._policy.margin_ns)} of it were left, too few to send anything"
            )

    def give_up(self) -> None:
        """Let go, so that the next start need not wait. Harmless to repeat, and when it is lost already."""
        lease, self._lost = self._lease, self._lost or "it was given up: the desk has stopped"
        if self._journal.lease(lease.stream) != lease:
            return
        freed = msgspec.structs.replace(lease, owner="", expires_at=self._clock.now())
        try:
            self._journal.set_lease(freed, expected=lease)
        except JournalConflict:
            return  # somebody took it between the two: then it is not ours to free

    def _left(self) -> int:
        if self._lost:
            raise LeaseLost(self._lost)
        left = self.left_ns()
        if not left:
            length = self._policy.duration_ns
            raise self._lose(
                f"it was not renewed for {_seconds(length)}: this process was paused or kept too busy"
            )
        return left

    def _successor(self) -> str:
        found = self._journal.lease(self.stream)
        return "it is gone from the journal" if found is None else f"it went to {found}"

    def _lose(self, why: str) -> LeaseLost:
        self._lost = (
            f"{self.stream}: the lease of {self._lease.owner} is lost: {why}. "
            f"Nothing more is written or sent; {_RESTART}"
        )
        return LeaseLost(self._lost)


def _seconds(ns: int) -> str:
    return f"{ns / SECOND:g} s"
