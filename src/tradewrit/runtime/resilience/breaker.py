"""The circuit breaker: stops calls to an endpoint that keeps failing, and finds out when it is back.

A value: every answer comes with the breaker that follows. One per broker, credential and class of
endpoint, so that a broken quote service does not keep an order from going out. Times are those of a
monotonic clock; chance is handed in. Knows no broker, no network and no clock.

    CLOSED ──failures reach the threshold──▶ OPEN ──its time is over──▶ HALF_OPEN ──probe succeeds──▶ CLOSED
                                              ▲                             │
                                              └────────probe fails──────────┘
"""

from enum import StrEnum
from typing import Literal

import msgspec
from msgspec.structs import replace

from tradewrit.domain.market import SECOND


class Gate(StrEnum):
    """Whether calls go out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Failure(StrEnum):
    """Why a call failed. What the venue refused on its merits (buying power, a bad price) is no failure.

    OUTAGE: no answer, a time-out, a 5xx. RATE: asked too often (429). TOKEN: the credential is not
    accepted (401, or a 403 that is not about the order).
    """

    OUTAGE = "outage"
    RATE = "rate"
    TOKEN = "token"  # noqa: S105 - a name, not a secret


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a breaker opens and for how long. Durations in ns.

    threshold: consecutive failures that open it. cooldown_ns: the first time it stays open.
    backoff: whether each further opening without a success between doubles that, up to `longest_ns`.
    jitter_fraction: by how much at most a time is drawn longer, 0..1, so that many desks do not come
    back in one instant. probe_ns: how long a probe may take before another one may go.
    protective_ns: how soon a call that reduces risk or doubt may probe, whatever the cooldown; but as late as
        a venue asks for that is asked too often.
    """

    threshold: int = 3
    cooldown_ns: int = 60 * SECOND
    longest_ns: int = 900 * SECOND
    backoff: Literal["doubling", "fixed"] = "doubling"
    jitter_fraction: float = 0.0
    probe_ns: int = 30 * SECOND
    protective_ns: int = 5 * SECOND

    def __post_init__(self) -> None:
        if self.threshold < 1:
            raise ValueError(f"threshold {self.threshold}: a breaker opens after at least one failure")
        if not 0 < self.cooldown_ns <= self.longest_ns:
            raise ValueError(
                f"cooldown {self.cooldown_ns} ns must be above 0 and at most {self.longest_ns} ns"
            )
        if not 0 <= self.jitter_fraction <= 1:
            raise ValueError(f"jitter_fraction {self.jitter_fraction} must lie within 0 to 1")
        if self.probe_ns < 1 or self.protective_ns < 0:
            raise ValueError("probe_ns must be above 0 and protective_ns not below it")


class Statistics(msgspec.Struct, frozen=True, gc=False):
    """Counted since the breaker was made. rejected: calls that were not let through."""

    calls: int = 0
    failures: int = 0
    opened: int = 0
    rejected: int = 0


class Permit(msgspec.Struct, frozen=True, gc=False):
    """One call that was let through; hand it back with what became of it.

    round: how often the breaker had changed its gate by then. A call that began before the last change says
    nothing about the endpoint as it is now.
    """

    round: int
    is_probe: bool = False


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A call that was not let through.

    until: when to ask again (monotonic ns); None when time will not help.
    """

    reason: Failure
    until: int | None


class Breaker(msgspec.Struct, frozen=True, kw_only=True):
    """One endpoint class of one broker under one credential.

    failures: in a row. reason: of the last opening. until: when a probe may go (monotonic ns); while
    HALF_OPEN, when the present one is given up. openings: in a row, without a success between.
    quiet_until: how long the venue has asked for patience (monotonic ns).
    """

    policy: Policy = Policy()
    gate: Gate = Gate.CLOSED
    failures: int = 0
    reason: Failure = Failure.OUTAGE
    opened_at: int = 0
    until: int = 0
    openings: int = 0
    quiet_until: int = 0
    round: int = 0
    statistics: Statistics = Statistics()

    def ask(self, now: int, *, is_protective: bool = False) -> "tuple[Breaker, Permit | Refusal]":
        """May a call go out at `now` (monotonic ns)? At most one probe is under way.

        is_protective: it can only reduce risk (a cancel, a stop, an exit) or doubt, and waits less.
        """
        if self.gate is Gate.CLOSED:
            return _counting(self, calls=1), Permit(self.round)
        if not self._may_probe(now, is_protective=is_protective):
            when = None if self.reason is Failure.TOKEN else self.until
            return _counting(self, rejected=1), Refusal(self.reason, when)
        probing = _turned(self, Gate.HALF_OPEN, until=now + self.policy.probe_ns)
        return _counting(probing, calls=1), Permit(probing.round, is_probe=True)

    def succeed(self, permit: Permit) -> "Breaker":
        """The call was answered, if only by a refusal of the order itself."""
        if permit.round != self.round:
            return self
        if permit.is_probe:
            return replace(_turned(self, Gate.CLOSED, until=0), failures=0, openings=0)
        return replace(self, failures=0)

    def fail(
        self, permit: Permit, failure: Failure, now: int, *, retry_after_ns: int = 0, chance: float = 0.0
    ) -> "Breaker":
        """The call failed at `now` (monotonic ns).

        retry_after_ns: what the venue asked for; it is kept to when it is longer than our own time.
        chance: drawn from 0 to 1, for the jitter.
        """
        counted = _counting(self, failures=1)
        if permit.round != self.round:
            return counted
        failures = self.failures + 1
        is_enough = permit.is_probe or failure is Failure.TOKEN or failures >= self.policy.threshold
        if not is_enough:
            return replace(counted, failures=failures)
        opened = replace(
            _turned(counted, Gate.OPEN, until=now + self._cooldown(retry_after_ns, chance)),
            failures=failures,
            reason=failure,
            opened_at=now,
            openings=self.openings + 1,
            quiet_until=now + retry_after_ns,
        )
        return _counting(opened, opened=1)

    def reset(self) -> "Breaker":
        """Somebody knows better: a person, or a fresh credential after the old one was refused."""
        return replace(_turned(self, Gate.CLOSED, until=0), failures=0, openings=0)

    def _may_probe(self, now: int, *, is_protective: bool) -> bool:
        if self.reason is Failure.TOKEN:
            return False  # a dead credential does not come back to life; see `reset`
        if now >= self.until:
            return True
        is_early = is_protective and self.gate is Gate.OPEN
        return is_early and now >= max(self.opened_at + self.policy.protective_ns, self.quiet_until)

    def _cooldown(self, retry_after_ns: int, chance: float) -> int:
        policy = self.policy
        # The exponent is bounded, or an outage of a week would make a number nobody can hold.
        doublings = min(self.openings, 40) if policy.backoff == "doubling" else 0
        cooldown = min(policy.cooldown_ns << doublings, policy.longest_ns)
        jitter = int(cooldown * policy.jitter_fraction * chance)
        return max(cooldown + jitter, retry_after_ns)


def _turned(breaker: Breaker, gate: Gate, *, until: int) -> Breaker:
    return replace(breaker, gate=gate, until=until, round=breaker.round + 1)


def _counting(
    breaker: Breaker, *, calls: int = 0, failures: int = 0, opened: int = 0, rejected: int = 0
) -> Breaker:
    before = breaker.statistics
    counted = Statistics(
        before.calls + calls,
        before.failures + failures,
        before.opened + opened,
        before.rejected + rejected,
    )
    return replace(breaker, statistics=counted)
