"""What all parts of the authority work with, and how each of them decides: in one change of the store.

A decision and its audit event are one transaction, and so is a refusal: what it says and what it used up
(a nonce) is on disk before anybody hears of it.
"""

from collections.abc import Callable
from threading import BoundedSemaphore, Lock
from typing import Final, TypeVar

from tradewrit.credentials.audit import AuditEvent, EventType, Outcome
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.keys_in_use import KeysInUse
from tradewrit.credentials.refusals import Code, refused
from tradewrit.credentials.settings import Terms
from tradewrit.credentials.steady_clock import SteadyClock
from tradewrit.credentials.store import CredentialStore
from tradewrit.credentials.tokens import mint
from tradewrit.errors import CredentialRefused
from tradewrit.runtime.clock import Entropy

T = TypeVar("T")

HASHES_AT_ONCE: Final = 4
"""Password hashes worked on together, 19 MiB each; more who ask wait for their turn."""


class Context:
    """Any thread may use it. nonce_key: 32 secret bytes, see `nonces`."""

    def __init__(
        self,
        store: CredentialStore,
        keys: KeysInUse,
        nonce_key: bytes,
        clock: SteadyClock,
        entropy: Entropy,
        terms: Terms,
    ) -> None:
        self.store: Final = store
        self.keys: Final = keys
        self.nonce_key: Final = nonce_key
        self.clock: Final = clock
        self.entropy: Final = entropy
        self.terms: Final = terms
        self.hashing: Final = BoundedSemaphore(HASHES_AT_ONCE)
        self._writes = 0
        self._lock = Lock()

    def decide(self, act: Callable[[Change, int], T | CredentialRefused]) -> T:
        """Let `act(change, now)` decide inside one transaction; raises the refusal it returns.

        What `act` returns is on disk, with its event; what it raises has undone everything.
        """
        self._prune_in_time()
        now = self.clock.now()
        with self.store.change(now) as change:
            outcome = act(change, now)
        self.clock.learn(change.recorded_at)
        if isinstance(outcome, CredentialRefused):
            raise outcome
        return outcome

    def record(self, act: Callable[[Change, int], CredentialRefused]) -> CredentialRefused:
        """As `decide`, for what can only end in a refusal: gives it back to be raised."""
        now = self.clock.now()
        with self.store.change(now) as change:
            return act(change, now)

    def mint(self, claims: Claims) -> str:
        """Sign a token; only inside a change that enters it."""
        return mint(claims, self.keys.current().signing)

    def _prune_in_time(self) -> None:
        """Before a decision, so that nothing is handed out when it fails."""
        with self._lock:
            self._writes += 1
            is_due = self._writes % self.terms.prune_after_writes == 0
        if is_due:
            self.store.prune(self.clock.now())


def denied(
    change: Change,
    now: int,
    what: EventType,
    code: Code,
    detail: str,
    *,
    why: str = "",
    **fields: str | int,
) -> CredentialRefused:
    """A refusal and its event. why: for the audit trail, where it says more than `detail` may."""
    change.record(refusal_event(now, what, why or detail, **fields))
    return refused(code, detail)


def refusal_event(now: int, what: EventType, why: str, **fields: str | int) -> AuditEvent:
    """The event of a refusal."""
    return AuditEvent(type=what, at=now, outcome=Outcome.DENIED, detail=why, **fields)  # type: ignore[arg-type]
