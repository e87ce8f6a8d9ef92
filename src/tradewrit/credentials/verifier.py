"""Is this token good right now? Asked before every effect, so it has to be cheap and may never be wrong.

A signature is checked once; the token's end, its key's end and whether anything was revoked are checked
each time. What was verified is remembered under the SHA-256 of the token's exact text.
"""

import hashlib
from collections import OrderedDict
from threading import Lock
from typing import Final

import msgspec

from tradewrit.credentials.claims import Claims
from tradewrit.credentials.keyring import Keyring
from tradewrit.credentials.keys_in_use import KeysInUse
from tradewrit.credentials.records import Standing
from tradewrit.credentials.steady_clock import SteadyClock
from tradewrit.credentials.store import CredentialStore
from tradewrit.credentials.tokens import Refusal, key_end, verify_genuine
from tradewrit.domain.market import SECOND
from tradewrit.errors import TokenRefused

_NEVER: Final = -1
"""No generation of a store."""
_PROBLEMS: Final = {
    Standing.LIVE: None,
    Standing.UNKNOWN: Refusal.UNKNOWN,
    Standing.EXPIRED: Refusal.EXPIRED,
    Standing.REVOKED: Refusal.REVOKED,
    Standing.RENEWED: Refusal.RENEWED,
}


class _Verified(msgspec.Struct, frozen=True, gc=False):
    """A genuine token. keyring: it was verified with; generation: of the store, when it was last live.

    ends_at: UTC ns, its end or that of its key. good_until: no later; a key ends then that may have signed
    a hop of its chain, or protective writs do, so that all has to be looked at anew.
    """

    claims: Claims
    keyring: Keyring
    ends_at: int
    good_until: int
    generation: int = _NEVER


class Verifier:
    """Verifies tokens of one authority. Any thread may use it."""

    def __init__(
        self, store: CredentialStore, keys: KeysInUse, clock: SteadyClock, *, issuer: str, size: int
    ) -> None:
        self._store: Final = store
        self._keys: Final = keys
        self._clock: Final = clock
        self._issuer: Final = issuer
        self._size: Final = size
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()
        self._lock = Lock()
        self._learned_at = _NEVER

    def live(self, token: str) -> Claims:
        """The claims of a token that counts now; raises TokenRefused, whose `reason` says why not.

        Raises JournalError or KeyMaterialError when nobody can tell: then the token counts for nothing.
        """
        digest = _digest(token)
        found = self._verified.get(digest)
        if (
            found is not None
            and found.generation == self._store.generation()
            and self._clock.now() < found.good_until
        ):
            return found.claims
        return self._look_again(token, digest, found)

    def genuine(self, token: str) -> tuple[Claims, Standing]:
        """The claims of a token of ours, which may be dead, and how it stands; raises TokenRefused."""
        claims, _ = self._read(token)
        return claims, self._store.standing(claims.jti, self._clock.now())

    def _look_again(self, token: str, digest: bytes, found: _Verified | None) -> Claims:
        """Everything anew but what cannot have changed: the signature, if the keys are the same."""
        # What is remembered under a mark was read after the mark: the keys, and how the token stands.
        mark = self._learned_at
        found = self._under_the_keys_of_now(token, found)
        now = self._clock.now()
        generation, standing = self._store.look(found.claims.jti, now)
        if generation != mark:
            self._learn(generation)
            found = self._under_the_keys_of_now(token, found)
            now = self._clock.now()
            _, standing = self._store.look(found.claims.jti, now)
        problem = self._problem(found, now, standing)
        if problem is not None:
            with self._lock:
                self._verified.pop(digest, None)
            raise TokenRefused(problem)
        good_until = self._good_until(found)
        self._remember(digest, msgspec.structs.replace(found, generation=generation, good_until=good_until))
        return found.claims

    def _under_the_keys_of_now(self, token: str, found: _Verified | None) -> _Verified:
        if found is None or found.keyring is not self._keys.current() or self._is_doubtful(found):
            return self._first_look(token)
        return found

    def _good_until(self, found: _Verified) -> int:
        """No longer than the kill switch lets protective writs live: their end comes by itself."""
        end = self._store.protection_end() if found.claims.protective else None
        return found.good_until if end is None else min(found.good_until, end)

    def _first_look(self, token: str) -> _Verified:
        claims, keyring = self._read(token)
        key_ends = key_end(token, keyring.key_set)
        ends_at = claims.exp * SECOND if key_ends is None else min(claims.exp * SECOND, key_ends)
        good_until = ends_at
        if claims.delegation_chain:
            good_until = min([ends_at, *keyring.key_set.ends(self._clock.now())])
        return _Verified(claims, keyring, ends_at, good_until)

    def _is_doubtful(self, found: _Verified) -> bool:
        return found.good_until <= self._clock.now() < found.ends_at

    def _read(self, token: str) -> tuple[Claims, Keyring]:
        keyring = self._keys.current()
        now = self._clock.now()
        return verify_genuine(token, keyring.key_set, now=now, issuer=self._issuer), keyring

    def _learn(self, generation: int) -> None:
        """What time it is other processes may know better: their events say when they were."""
        self._clock.learn(self._store.tip().recorded_at)
        self._learned_at = generation

    def _problem(self, found: _Verified, now: int, standing: Standing) -> Refusal | None:
        if now < found.claims.nbf * SECOND:
            return Refusal.NOT_YET_VALID
        if now >= found.ends_at:
            return Refusal.EXPIRED
        return _PROBLEMS[standing]

    def _remember(self, digest: bytes, found: _Verified) -> None:
        with self._lock:
            self._verified[digest] = found
            self._verified.move_to_end(digest)
            if len(self._verified) > self._size:
                self._verified.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
