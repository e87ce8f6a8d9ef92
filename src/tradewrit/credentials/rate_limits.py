"""How often a stranger may ask: token buckets in a fixed amount of memory.

A limit has as many slots as it ever will. A key (a peer's address, with the client id it names) always
meets the same slot, by a hash nobody outside can predict. So a flood of keys costs no memory and throws
nobody's bucket out, and nobody can aim at another's slot. Knows no HTTP and no wall clock.
"""

import hashlib
from array import array
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Final

import msgspec

from tradewrit.domain.market import SECOND
from tradewrit.runtime.clock import Clock, Entropy

SLOTS: Final = 1 << 16
"""Half a megabyte for each limit. Two keys share a slot once in so many cases."""

_NETWORK_V6: Final = 64


class Rate(msgspec.Struct, frozen=True):
    """burst: how many at once, from rest. per_minute: how many for good."""

    burst: int
    per_minute: int

    @property
    def every_ns(self) -> int:
        """Nanoseconds after which one more may come."""
        return 60 * SECOND // self.per_minute


APP_AUTH: Final = Rate(burst=10, per_minute=60)
"""Of one app from one address."""

OPERATOR_AUTH: Final = Rate(burst=10, per_minute=60)
"""Of one operator's name from one address: each attempt costs the memory and time of a password hash."""

HASHING: Final = Rate(burst=20, per_minute=300)
"""Of one address, whatever names it tries."""

OPEN: Final = Rate(burst=2_000, per_minute=60_000)
"""Of one address on one route that asks for no credential: challenge, registration, validation."""

HOLDER: Final = Rate(burst=100, per_minute=600)
"""What one agent does with its token: each is a record in the audit trail, on disk."""

REFUSED: Final = Rate(burst=50, per_minute=300)
"""Refusals of one address: each is a record in the audit trail, on disk."""


class RateLimit:
    """One limit, on any number of keys. Any thread may use it."""

    def __init__(self, rate: Rate, clock: Clock, entropy: Entropy, *, slots: int = SLOTS) -> None:
        self._every: Final = rate.every_ns
        self._burst: Final = rate.burst * rate.every_ns
        self._clock: Final = clock
        self._salt: Final = entropy(16)
        # For each slot the monotonic time at which its bucket is full again.
        self._full_at: Final = array("q", [0]) * slots
        self._lock = Lock()

    def wait_ns(self, *key: str, costs: int = 1) -> int:
        """Take from the bucket of `key`; 0, or how long to wait when it does not hold that much.

        Nothing is taken then, so asking on does not lengthen the wait.
        """
        slot = self._slot(key)
        with self._lock:
            now = self._clock.monotonic()
            full_at = max(self._full_at[slot], now) + costs * self._every
            wait = full_at - now - self._burst
            if wait > 0:
                return wait
            self._full_at[slot] = full_at
            return 0

    def _slot(self, key: tuple[str, ...]) -> int:
        # With their lengths, so that no two keys are the same text.
        text = "".join(f"{len(part)}:{part}" for part in key)
        mark = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8, key=self._salt)
        return int.from_bytes(mark.digest()) % len(self._full_at)


def peer_key(address: str) -> str:
    """The part of an address that costs something to change: for IPv6 its network, of which a home has one.

    >>> peer_key("2001:db8:1:2:3:4:5:6")
    '2001:db8:1:2::'
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> _NETWORK_V6 << _NETWORK_V6))
