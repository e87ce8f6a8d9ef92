"""Which requests count against which limit, and who is told to wait.

    open routes            of one address
    logins                 of one address and one name, so that nobody locks a name out from elsewhere
    what a holder does     of one agent: each renewal, release and delegation is a record in the audit trail
    what would be refused  of one address: each refusal is one as well

An address that has used up its refusals is still answered wherever it shows a live token.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from tradewrit.credentials.rate_limits import (
    APP_AUTH,
    HASHING,
    HOLDER,
    OPEN,
    OPERATOR_AUTH,
    REFUSED,
    Rate,
    RateLimit,
    peer_key,
)
from tradewrit.errors import Throttled
from tradewrit.runtime.clock import Clock, Entropy

_key: Final = lru_cache(maxsize=4_096)(peer_key)


class Limit(StrEnum):
    """What an endpoint counts against beyond refusals."""

    NONE = ""
    OPEN = "open"
    APP = "app"
    OPERATOR = "operator"
    REPORT = "report"
    HOLDER = "holder"


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How often. open: of one address on one open route; a live token may be validated without end.

    app: of one client id from one address. operator: of one name from one address. hashing: of one address,
    whatever names it tries. report, holder: of one agent. refused: of one address.
    """

    open: Rate = OPEN
    app: Rate = APP_AUTH
    operator: Rate = OPERATOR_AUTH
    hashing: Rate = HASHING
    report: Rate = REFUSED
    holder: Rate = HOLDER
    refused: Rate = REFUSED


class Limits:
    """The buckets of one server, in a fixed amount of memory. Any thread may use it."""

    def __init__(self, clock: Clock, entropy: Entropy, rates: Rates | None = None) -> None:
        rates = rates or Rates()

        def bucket(rate: Rate) -> RateLimit:
            return RateLimit(rate, clock, entropy)

        self._open: Final = bucket(rates.open)
        self._refused: Final = bucket(rates.refused)
        self._hashing: Final = bucket(rates.hashing)
        self._named: Final = {
            Limit.APP: bucket(rates.app),
            Limit.OPERATOR: bucket(rates.operator),
            Limit.REPORT: bucket(rates.report),
            Limit.HOLDER: bucket(rates.holder),
        }

    def arrive(self, limit: Limit, route: str, peer: str) -> None:
        """A request of an address, before anything of it is looked at; raises Throttled."""
        if limit is Limit.OPEN:
            _wait(self._open.wait_ns(_key(peer), route))
        elif limit is Limit.OPERATOR:
            _wait(self._hashing.wait_ns(_key(peer)))

    def excuse(self, route: str, peer: str) -> None:
        """Let a request on an open route count for nothing: it showed a live token, no stranger sent it."""
        self._open.wait_ns(_key(peer), route, costs=-1)

    def name(self, limit: Limit, peer: str, name: str) -> None:
        """A request in somebody's name; raises Throttled. peer: "" where the name alone counts."""
        if limit in self._named:
            _wait(self._named[limit].wait_ns(_key(peer), name))

    def may_be_refused(self, peer: str, is_sure: Callable[[], bool]) -> None:
        """A request that might be refused; raises Throttled when its address was refused too often.

        is_sure: whether it shows something that proves it is not a stranger's; asked only then.
        """
        key = _key(peer)
        wait = self._refused.wait_ns(key)
        if wait > 0 and not is_sure():
            _wait(wait)
        if wait == 0:
            self._refused.wait_ns(key, costs=-1)

    def was_refused(self, peer: str) -> bool:
        """Count a refusal; whether there was room for it."""
        return self._refused.wait_ns(_key(peer)) == 0


def _wait(ns: int) -> None:
    if ns > 0:
        raise Throttled("too many requests; wait before the next one", ns / 1e9)
