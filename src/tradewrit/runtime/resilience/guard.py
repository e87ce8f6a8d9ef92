"""A guard before a broker: a rate limit for all calls, and a breaker for each class of endpoint.

A broker itself, so the desk does not know whether one stands there. What the guard does not let through was
not sent, and is said so (Throttled, Unauthorized); what it let through and lost keeps its meaning
(Unreachable: nothing is known). It never repeats a call: whoever asked decides that.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from threading import Lock
from typing import Final, TypeVar

from tradewrit.domain.capabilities import Capabilities
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.scopes import Grant
from tradewrit.errors import Throttled, Unauthorized
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.ports import Broker, Replacement
from tradewrit.runtime.resilience.breaker import Breaker, Failure, Gate, Permit, Policy, Refusal
from tradewrit.runtime.resilience.rate_limit import ALPACA, SCHWAB, Budget, RateLimit

Answer = TypeVar("Answer")


class Endpoint(StrEnum):
    """What is asked of a venue; each fails, and recovers, by itself.

    PROTECTION: what can only reduce risk (stops, targets, exits, every cancel). It may use the whole
    budget. QUERIES: what became of an order, what the account holds. Both probe sooner than entries.
    """

    ENTRIES = "entries"
    PROTECTION = "protection"
    QUERIES = "queries"


_MOST_PROTECTING: Final = 1_000
Heard = Callable[[Endpoint, Breaker], None]
"""Told of a breaker whenever its gate has changed."""


def for_alpaca(broker: Broker, account: str, clock: Clock, chance: Callable[[], float]) -> "GuardedBroker":
    """For one Alpaca account; paper and live are two, so that neither's outage closes the other."""
    hint = "check the API key and secret of this account"
    return GuardedBroker(broker, f"alpaca:{account}", clock, chance, budget=ALPACA, hint=hint)


def for_schwab(broker: Broker, account: str, clock: Clock, chance: Callable[[], float]) -> "GuardedBroker":
    """For one Schwab account, whose tokens a person has to refresh."""
    hint = "its login has expired: log in again (schwab_setup), then reset this breaker"
    return GuardedBroker(broker, f"schwab:{account}", clock, chance, budget=SCHWAB, hint=hint)


class GuardedBroker:
    """Passes on to `broker` what its limit and breakers allow. Any thread may use it.

    name: of venue and account, for messages. clock: its monotonic time counts. chance: draws from 0 to 1.
    hint: what a person does about a credential that is not accepted.
    """

    def __init__(
        self,
        broker: Broker,
        name: str,
        clock: Clock,
        chance: Callable[[], float],
        *,
        budget: Budget,
        policy: Policy | None = None,
        hint: str = "",
        heard: Heard | None = None,
    ) -> None:
        self._broker: Final = broker
        self._name: Final = name
        self._clock: Final = clock
        self._chance: Final = chance
        self._hint: Final = f": {hint}" if hint else ""
        self._heard: Final = heard
        self._limit = RateLimit(budget=budget)
        self._breakers = dict.fromkeys(Endpoint, Breaker(policy=policy or Policy()))
        self._protecting: OrderedDict[str, None] = OrderedDict()
        self._lock: Final = Lock()

    @property
    def breakers(self) -> Mapping[Endpoint, Breaker]:
        """How each class of endpoint stands, with its statistics."""
        return dict(self._breakers)

    def reset(self, *, reason: Failure | None = None) -> None:
        """Close the breakers that opened for this reason, or all: a person's word, or a fresh credential."""
        with self._lock:
            for endpoint, breaker in self._breakers.items():
                if breaker.gate is not Gate.CLOSED and reason in {None, breaker.reason}:
                    self._keep(endpoint, breaker.reset())

    def spend(self, *, is_protective: bool) -> bool:
        """Whether the limit has a call left for what is under way and goes by another road too; takes it."""
        with self._lock:
            self._limit, wait = self._limit.take(self._clock.monotonic(), is_protective=is_protective)
        return not wait

    # -- the Broker port

    @property
    def capabilities(self) -> Capabilities:
        """Those of the venue."""
        return self._broker.capabilities

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:
        """Protection, if every order of the list only reduces risk."""
        is_protective = all(terms.role.is_protective for terms in approved.orders)
        for terms in approved.orders:
            if terms.role.is_protective:
                self._protects(terms.client_order_id)
        endpoint = Endpoint.PROTECTION if is_protective else Endpoint.ENTRIES
        return self._call(endpoint, lambda: self._broker.place(approved, grant))

    def cancel(
        self, client_order_id: str, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """Always protection."""
        self._protects(client_order_id)
        return self._call(
            Endpoint.PROTECTION, lambda: self._broker.cancel(client_order_id, grant, broker_order_id)
        )

    def replace(
        self, client_order_id: str, replacement: Replacement, grant: Grant, broker_order_id: str = ""
    ) -> Sequence[ExecutionReport]:
        """Protection where the grant can do nothing else."""
        endpoint = Endpoint.PROTECTION if grant.constraints.reduce_only else Endpoint.ENTRIES
        return self._call(
            endpoint, lambda: self._broker.replace(client_order_id, replacement, grant, broker_order_id)
        )

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        """A query; what became of a stop may be asked with the calls that are kept for protection."""
        is_protective = client_order_id in self._protecting
        return self._call(
            Endpoint.QUERIES, lambda: self._broker.order(client_order_id), is_protective=is_protective
        )

    def open_orders(self) -> Sequence[OrderTerms]:
        """A query."""
        return self._call(Endpoint.QUERIES, self._broker.open_orders)

    def executions(self, since: int) -> Sequence[ExecutionReport]:
        """A query."""
        return self._call(Endpoint.QUERIES, lambda: self._broker.executions(since))

    def positions(self) -> Mapping[str, Decimal]:
        """A query."""
        return self._call(Endpoint.QUERIES, self._broker.positions)

    def halts(self) -> Mapping[str, str] | None:
        """A query."""
        return self._call(Endpoint.QUERIES, self._broker.halts)

    # -- one call

    def _protects(self, client_order_id: str) -> None:
        self._protecting[client_order_id] = None
        while len(self._protecting) > _MOST_PROTECTING:
            self._protecting.popitem(last=False)

    def _call(self, endpoint: Endpoint, work: Callable[[], Answer], *, is_protective: bool = False) -> Answer:
        permit = self._let_through(endpoint, is_protective=is_protective or endpoint is Endpoint.PROTECTION)
        try:
            answer = work()
        except BaseException as failed:
            self._failed(endpoint, permit, failed)
            raise
        with self._lock:
            self._keep(endpoint, self._breakers[endpoint].succeed(permit))
        return answer

    def _let_through(self, endpoint: Endpoint, *, is_protective: bool) -> Permit:
        with self._lock:
            now = self._clock.monotonic()
            limit, wait = self._limit.take(now, is_protective=is_protective)
            if wait:
                raise Throttled(
                    f"{self._name}: its rate limit leaves no call for {endpoint} now, nothing was sent",
                    wait / SECOND,
                )
            # A desk that may not ask for a quarter of an hour is blind as long after the venue is back.
            is_urgent = endpoint is not Endpoint.ENTRIES
            breaker, answer = self._breakers[endpoint].ask(now, is_protective=is_urgent)
            self._keep(endpoint, breaker)
            if isinstance(answer, Refusal):
                raise self._refused(endpoint, answer, now)
            self._limit = limit
            return answer

    def _refused(self, endpoint: Endpoint, refusal: Refusal, now: int) -> Throttled | Unauthorized:
        what = f"{self._name}: the breaker of {endpoint} is open ({refusal.reason}), nothing was sent"
        if refusal.until is None:
            return Unauthorized(what + self._hint)
        return Throttled(what, max(0, refusal.until - now) / SECOND)

    def _failed(self, endpoint: Endpoint, permit: Permit, failed: BaseException) -> None:
        failure, retry_after_ns = Failure.OUTAGE, 0
        if isinstance(failed, Throttled):
            failure, retry_after_ns = Failure.RATE, int(failed.retry_after_s * SECOND)
        elif isinstance(failed, Unauthorized):
            failure = Failure.TOKEN
        with self._lock:
            now = self._clock.monotonic()
            if failure is Failure.RATE:
                self._limit = self._limit.squeeze(now, retry_after_ns)
            breaker = self._breakers[endpoint]
            self._keep(
                endpoint,
                breaker.fail(permit, failure, now, retry_after_ns=retry_after_ns, chance=self._chance()),
            )

    def _keep(self, endpoint: Endpoint, breaker: Breaker) -> None:
        before = self._breakers[endpoint]
        self._breakers[endpoint] = breaker
        if self._heard is not None and before.gate is not breaker.gate:
            self._heard(endpoint, breaker)
