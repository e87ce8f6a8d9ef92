"""The writ of one role: issued, renewed in time, lost, taken away and given back.

Decides when to renew, when to register anew and when not to, and what a person has to be told. Knows no
keys and no token texts: those are the issuer's.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.writs import (
    WritLost,
    WritReleased,
    WritRenewalFailed,
    WritRevoked,
    WritsIssued,
    WritsRenewed,
)
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Grant
from tradewrit.errors import PermissionDenied, TradewritError
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.kill_switch import KillSwitch
from tradewrit.runtime.roles import Terms

_NEVER: Final = 2**63 - 1
_RETRY: Final = SECOND
_RESUME: Final = "resume trading, in your own name, when the cause is dealt with: that issues new writs"
_CHECK_AUTHORITY: Final = (
    "see that the authority answers (tradewrit credentials audit show); the stop stays at the venue, "
    "entries wait, and the desk goes on trying"
)


class RoleWrit:
    """grant: what is held, None while nothing is.

    withheld: why the desk itself lets nobody act under it for now.
    """

    def __init__(self, role: str, terms: Terms, issuer: Issuer, switch: KillSwitch) -> None:
        self.terms: Final = terms
        self._role: Final = role
        self._issuer: Final = issuer
        self._switch: Final = switch
        self.grant: Grant | None = None
        self.withheld = ""
        self._ended = ""
        self._is_barred = False
        # A person was told that there is none: a clock that is set back does not bring it to life again.
        self._is_lost = False
        self._renew_at = 0
        self._retry_at = 0

    @property
    def next_at(self) -> int:
        """When it wants to be tended again (UTC ns)."""
        return _NEVER if self._is_barred else max(self._renew_at, self._retry_at)

    def bar(self, ended: str) -> None:
        """It was taken away, and is not issued anew before `unbar`."""
        self._ended, self._is_barred = ended, True

    def unbar(self) -> None:
        """A person lets it be issued again."""
        self._is_barred = False

    def live(self, now: int) -> Grant:
        """See `Writs.live`."""
        role = self._role
        if self._is_killed(now):
            raise PermissionDenied(f"{role}: its writ was revoked by the kill switch")
        if self.withheld:
            raise PermissionDenied(f"{role}: its writ is withheld for now: {self.withheld}")
        if self.grant is None or (self._is_lost and now < self.grant.expires_at):
            raise PermissionDenied(f"{role}: {self._ended or 'it holds no writ yet'}")
        if now >= self.grant.expires_at:
            raise PermissionDenied(f"{role}: its writ has expired")
        self._issuer.verify(self.grant, now)
        return self.grant

    def tend(self, now: int) -> Iterator[Event]:
        """Issue it if it is missing, renew it if it is half over, notice if it was taken away."""
        if self._is_killed(now):
            if not self._is_barred:
                yield from self._revoked("revoked by the kill switch", now)
            return
        if self._switch.is_winding_down(now):
            yield from self._wind_down(now)
            return
        if self._is_barred or now < self._retry_at <= now + _RETRY:
            return
        if self.grant is None:
            yield from self._issue(now)
            return
        try:
            self._issuer.verify(self.grant, now)
            if now >= self._renew_at:
                yield from self._renew(self.grant, now)
        except PermissionDenied:
            yield from self._dead(self.grant, now)
        except TradewritError as failed:
            yield from self._failed(str(failed), now)

    def release(self, now: int) -> Iterator[Event]:
        """Give it back: the desk stops. Harmless to repeat."""
        grant, self.grant = self.grant, None
        if grant is None:
            return
        self.bar("released: the desk has stopped")
        self._give_back(grant, now)
        yield WritReleased(
            at=now,
            agent=self._role,
            agent_id=grant.agent_id,
            token_id=grant.id,
            reason="the desk has stopped",
        )

    def _wind_down(self, now: int) -> Iterator[Event]:
        """Protection is about to end: it is neither renewed nor issued, only seen to be there."""
        if self.grant is None:
            return
        with suppress(TradewritError):
            try:
                self._issuer.verify(self.grant, now)
            except PermissionDenied as denied:
                yield from self._revoked(str(denied), now)

    def _is_killed(self, now: int) -> bool:
        return self._switch.forbids(now, is_protective=self.terms.is_protective)

    def _issue(self, now: int) -> Iterator[Event]:
        try:
            grant = self._issuer.issue(self._role, self.terms, now)
        except TradewritError as failed:
            yield from self._failed(str(failed), now)
            return
        self._hold(grant)
        yield WritsIssued(at=now, grants=(grant,))

    def _renew(self, grant: Grant, now: int) -> Iterator[Event]:
        renewed = self._issuer.renew(grant, now)
        if renewed is None:  # its total life is over
            self._give_back(grant, now)
        elif _life(renewed) < _life(grant):
            yield from self._outlive(grant, renewed, now)
            return
        yield from self._follow(grant, renewed, now)

    def _outlive(self, grant: Grant, last: Grant, now: int) -> Iterator[Event]:
        """Its total life ends before another whole one: register anew while there is time for it to fail."""
        try:
            fresh = self._issuer.issue(self._role, self.terms, now)
        except TradewritError:
            yield from self._follow(grant, last, now)
            return
        self._give_back(last, now)
        self._hold(fresh)
        yield WritsIssued(at=now, grants=(fresh,))

    def _follow(self, grant: Grant, renewed: Grant | None, now: int) -> Iterator[Event]:
        """The next token in the place of this one, or else a new identity."""
        if renewed is None:
            self.grant = None
            yield from self._issue(now)
            return
        self._hold(renewed)
        yield WritsRenewed(at=now, grants=(renewed,), replaces=(grant.id,))

    def _dead(self, grant: Grant, now: int) -> Iterator[Event]:
        """It counts no more. Whether it was taken away is the issuer's to say, and not our clock's.

        Where the two clocks differ, it has expired there when it lives on here.
        """
        try:
            renewed = self._issuer.renew(grant, now)
        except PermissionDenied as denied:
            yield from self._revoked(str(denied), now)
            return
        except TradewritError as failed:
            yield from self._failed(str(failed), now)
            return
        if renewed is None and not self._is_lost:
            yield self._lost(grant, "it expired before it was renewed", now)
        yield from self._follow(grant, renewed, now)

    def _failed(self, reason: str, now: int) -> Iterator[Event]:
        """Nothing is known of the issuer: the token that is held lives on, and is tried again."""
        grant, self._retry_at = self.grant, now + _RETRY
        if grant is None or now >= grant.expires_at:
            self._ended = f"no writ could be had: {reason}"
            if not self._is_lost:
                self._is_lost, self._renew_at = True, 0
                yield self._lost(grant, reason, now)
            return
        if self._renew_at and not self._is_lost and now >= self._renew_at:
            self._renew_at = 0  # told once for each token; it is asked again whenever there is occasion
            yield WritRenewalFailed(
                at=now,
                agent=self._role,
                agent_id=grant.agent_id,
                token_id=grant.id,
                reason=reason,
                expires_at=grant.expires_at,
                todo=_CHECK_AUTHORITY,
            )

    def _lost(self, grant: Grant | None, reason: str, now: int) -> WritLost:
        return WritLost(
            at=now,
            agent=self._role,
            agent_id="" if grant is None else grant.agent_id,
            token_id="" if grant is None else grant.id,
            reason=reason,
            todo=_CHECK_AUTHORITY,
        )

    def _revoked(self, reason: str, now: int) -> Iterator[Event]:
        grant, self.grant = self.grant, None
        self.bar(reason)
        self._renew_at = self._retry_at = 0
        if grant is not None:
            yield WritRevoked(
                at=now,
                agent=self._role,
                agent_id=grant.agent_id,
                token_id=grant.id,
                reason=reason,
                todo=_RESUME,
            )

    def _give_back(self, grant: Grant, now: int) -> None:
        with suppress(TradewritError):  # then it dies by itself when its time is over
            self._issuer.release(grant, now)

    def _hold(self, grant: Grant) -> None:
        self.grant, self._ended, self._retry_at, self._is_lost = grant, "", 0, False
        self._renew_at = grant.issued_at + (grant.expires_at - grant.issued_at) // 2


def _life(grant: Grant) -> int:
    return grant.expires_at - grant.issued_at
