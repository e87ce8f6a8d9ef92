"""The writs of one desk: each role's identity and token, renewed in time, checked at every use.

    issuer (in memory, the authority, a remote one) ─▶ Writs ─▶ events for the journal, grants for the gate

Decides when to renew, when to register anew and when not to, and what a person has to be told. Knows no
keys and no token texts: those are the issuer's.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Final, Protocol

import msgspec

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.writs import (
    WritDenied,
    WritLost,
    WritReleased,
    WritRenewalFailed,
    WritRevoked,
    WritsIssued,
    WritsRenewed,
)
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import Halt, Writ
from tradewrit.errors import PermissionDenied, TradewritError
from tradewrit.runtime.kill_switch import KILL_GRACE_S, Kill, KillSwitch, SwitchKeeper
from tradewrit.runtime.roles import Terms

_NEVER: Final = 2**63 - 1
_RETRY: Final = SECOND
_RESUME: Final = "resume trading, in your own name, when the cause is dealt with: that issues new writs"
_CHECK_AUTHORITY: Final = (
    "see that the authority answers (tradewrit credentials audit show); the stop stays at the venue, "
    "entries wait, and the desk goes on trying"
)


class Issuer(SwitchKeeper, Protocol):
    """Where writs come from. Times are UTC ns.

    What it cannot do now it raises as TheirFault or JournalError (tried again); what it will not do, as
    PermissionDenied.
    """

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        """Register the role under a new identity, with a token of its own."""
        ...

    def renew(self, grant: Grant, now: int) -> Grant | None:
        """Put a new token of the same identity in this one's place; the old one is dead.

        None when it can only be registered anew: it expired, or its total life is over. PermissionDenied
        when it was taken away.
        """
        ...

    def verify(self, grant: Grant, now: int) -> None:
        """Raise PermissionDenied unless the token counts at this very moment."""
        ...

    def release(self, grant: Grant, now: int) -> None:
        """Give it back; harmless to repeat, and on a dead token."""
        ...

    def version(self) -> int:
        """Another number whenever something may have been taken away since; cheap."""
        ...

    def note_refusal(self, denied: WritDenied) -> None:
        """Remember that an effect was refused under a writ of this issuer."""
        ...


class _Held(msgspec.Struct):
    """What is known of one role. retry_at: when to ask again.

    is_lost: a person was told that there is none. A clock set back does not bring it to life again.
    withheld: why the desk itself lets nobody act under it for now.
    """

    grant: Grant | None = None
    renew_at: int = 0
    retry_at: int = 0
    ended: str = ""
    is_barred: bool = False
    is_lost: bool = False
    withheld: str = ""


class Writs:
    """The writs of a desk. `keep` says what became of them; `live` gives one to act under."""

    def __init__(
        self, issuer: Issuer, terms: Mapping[str, Terms], *, kill_grace_s: int = KILL_GRACE_S
    ) -> None:
        """kill_grace_s: how long a kill that includes protection leaves at most to cancel entries."""
        self.kill_grace_s = kill_grace_s
        self._issuer = issuer
        self._terms = dict(terms)
        self._held = {role: _Held() for role in terms}
        self._switch = KillSwitch(issuer)
        self._due_at = self._kept_at = 0
        self._version = -1
        self._flight = Lock()

    def begin(
        self, known: Mapping[str, Writ], halted: str, unheard: Halt | None = None, now: int = 0
    ) -> None:
        """Take over from the books: who lost their writ for good, and whether the desk was halted.

        unheard: the halt that the authority may not know of; it is told.
        """
        self._switch.begin(halted, unheard, now)
        for role, writ in known.items():
            held = self._held.get(role)
            if held is not None and writ.is_revoked:
                held.ended, held.is_barred = writ.ended, True

    def is_due(self, now: int) -> bool:
        """Whether `keep` has something to do; after a clock was set back, it looks."""
        return not self._kept_at <= now < self._due_at or self._issuer.version() != self._version

    def keep(self, now: int) -> Sequence[Event]:
        """Issue what is missing, renew what is half over, notice what was taken away.

        Returns what is to be journalled, and a `HaltTrading` when the kill switch was thrown elsewhere. One
        caller at a time does the work; a second one meanwhile gets nothing.
        """
        if not self._flight.acquire(blocking=False):
            return ()
        try:
            self._version, self._kept_at = self._issuer.version(), now
            events = list(self._switch.notice(now))
            for role in self._terms:
                events.extend(self._tend(role, now))
            nexts = (self._next(held) for held in self._held.values())
            self._due_at = min(self._switch.due_at(now), *nexts)
            return _together(events, now)
        finally:
            self._flight.release()

    def _next(self, held: _Held) -> int:
        if held.is_barred:
            return _NEVER
        return max(held.renew_at, held.retry_at)

    def live(self, role: str, now: int) -> Grant:
        """The writ to act under at `now`, checked with whoever issued it.

        Raises PermissionDenied, which says why there is none, and whatever the issuer raises when it
        cannot tell: then, too, nothing may be done.
        """
        held = self._held.get(role)
        if held is None:
            raise PermissionDenied(f"{role} holds no writ")
        if self._is_killed(role, now):
            raise PermissionDenied(f"{role}: its writ was revoked by the kill switch")
        if held.withheld:
            raise PermissionDenied(f"{role}: its writ is withheld for now: {held.withheld}")
        if held.grant is None or (held.is_lost and now < held.grant.expires_at):
            raise PermissionDenied(f"{role}: {held.ended or 'it holds no writ yet'}")
        if now >= held.grant.expires_at:
            raise PermissionDenied(f"{role}: its writ has expired")
        self._issuer.verify(held.grant, now)
        return held.grant

    def withhold(self, role: str, reason: str) -> None:
        """Let nobody act under a role's writ until this is called with ""; it is kept and renewed meanwhile.

        For what the desk knows by itself: that it stops, or that its prices are stale. Outlives nothing.
        """
        self._held[role].withheld = reason

    def note_refusal(self, denied: WritDenied) -> None:
        """Tell the issuer, for its audit. That it cannot hear it now changes nothing: the journal has it."""
        with suppress(TradewritError):
            self._issuer.note_refusal(denied)

    def kill(self, kill: Kill, now: int) -> None:
        """Throw the kill switch: from now on here, and at the issuer as soon as it can be told."""
        if self._switch.throw(kill, now):
            self._due_at = 0

    def is_winding_down(self, now: int) -> bool:
        """Whether the protective writ lives, at `now` (UTC ns), only to cancel entries."""
        return self._switch.is_winding_down(now)

    def answer_kill(self, cancelled: tuple[str, ...], working: tuple[str, ...], now: int) -> None:
        """Tell the issuer which entries were cancelled and which work; with none, protection is over."""
        for role, held in self._held.items():
            if self._terms[role].is_protective and held.grant is not None:
                self._switch.answer(held.grant, cancelled, working, now)
                self._due_at = 0

    def rearm(self, by: str, now: int) -> None:
        """A person puts the kill switch back; what was taken away is issued anew.

        Raises what the issuer raises; the switch then stays thrown.
        """
        self._switch.put_back(by, now)
        self._due_at = 0
        for held in self._held.values():
            held.is_barred = False

    def release(self, now: int) -> Sequence[Event]:
        """Give everything back, the desk's own writ last: it stops. Harmless to repeat."""
        return [event for role in reversed(self._terms) for event in self._release(role, now)]

    # -- one role

    def _tend(self, role: str, now: int) -> Iterator[Event]:
        held = self._held[role]
        if self._is_killed(role, now):
            if not held.is_barred:
                yield from self._revoked(role, "revoked by the kill switch", now)
            return
        if self._switch.is_winding_down(now):
            yield from self._wind_down(role, held, now)
            return
        if held.is_barred or now < held.retry_at <= now + _RETRY:
            return
        if held.grant is None:
            yield from self._issue(role, now)
            return
        try:
            self._issuer.verify(held.grant, now)
            if now >= held.renew_at:
                yield from self._renew(role, held.grant, now)
        except PermissionDenied:
            yield from self._dead(role, held.grant, now)
        except TradewritError as failed:
            yield from self._failed(role, str(failed), now)

    def _wind_down(self, role: str, held: _Held, now: int) -> Iterator[Event]:
        """Protection is about to end: it is neither renewed nor issued, only seen to be there."""
        if held.grant is None:
            return
        with suppress(TradewritError):
            try:
                self._issuer.verify(held.grant, now)
            except PermissionDenied as denied:
                yield from self._revoked(role, str(denied), now)

    def _is_killed(self, role: str, now: int) -> bool:
        return self._switch.forbids(now, is_protective=self._terms[role].is_protective)

    def _issue(self, role: str, now: int) -> Iterator[Event]:
        held = self._held[role]
        try:
            grant = self._issuer.issue(role, self._terms[role], now)
        except TradewritError as failed:
            yield from self._failed(role, str(failed), now)
            return
        self._hold(held, grant)
        yield WritsIssued(at=now, grants=(grant,))

    def _renew(self, role: str, grant: Grant, now: int) -> Iterator[Event]:
        renewed = self._issuer.renew(grant, now)
        if renewed is None:  # its total life is over
            self._give_back(grant, now)
        elif _life(renewed) < _life(grant):
            yield from self._outlive(role, grant, renewed, now)
            return
        yield from self._follow(role, grant, renewed, now)

    def _outlive(self, role: str, grant: Grant, last: Grant, now: int) -> Iterator[Event]:
        """Its total life ends before another whole one: register anew while there is time for it to fail."""
        try:
            fresh = self._issuer.issue(role, self._terms[role], now)
        except TradewritError:
            yield from self._follow(role, grant, last, now)
            return
        self._give_back(last, now)
        self._hold(self._held[role], fresh)
        yield WritsIssued(at=now, grants=(fresh,))

    def _follow(self, role: str, grant: Grant, renewed: Grant | None, now: int) -> Iterator[Event]:
        """The next token in the place of this one, or else a new identity."""
        held = self._held[role]
        if renewed is None:
            held.grant = None
            yield from self._issue(role, now)
            return
        self._hold(held, renewed)
        yield WritsRenewed(at=now, grants=(renewed,), replaces=(grant.id,))

    def _dead(self, role: str, grant: Grant, now: int) -> Iterator[Event]:
        """It counts no more. Whether it was taken away is the issuer's to say, and not our clock's.

        Where the two clocks differ, it has expired there when it lives on here.
        """
        try:
            renewed = self._issuer.renew(grant, now)
        except PermissionDenied as denied:
            yield from self._revoked(role, str(denied), now)
            return
        except TradewritError as failed:
            yield from self._failed(role, str(failed), now)
            return
        if renewed is None and not self._held[role].is_lost:
            yield self._lost(role, grant, "it expired before it was renewed", now)
        yield from self._follow(role, grant, renewed, now)

    def _failed(self, role: str, reason: str, now: int) -> Iterator[Event]:
        """Nothing is known of the issuer: the token that is held lives on, and is tried again."""
        held = self._held[role]
        grant, held.retry_at = held.grant, now + _RETRY
        if grant is None or now >= grant.expires_at:
            held.ended = f"no writ could be had: {reason}"
            if not held.is_lost:
                held.is_lost, held.renew_at = True, 0
                yield self._lost(role, grant, reason, now)
            return
        if held.renew_at and not held.is_lost and now >= held.renew_at:
            held.renew_at = 0  # told once for each token; it is asked again whenever there is occasion
            yield WritRenewalFailed(
                at=now,
                agent=role,
                agent_id=grant.agent_id,
                token_id=grant.id,
                reason=reason,
                expires_at=grant.expires_at,
                todo=_CHECK_AUTHORITY,
            )

    def _lost(self, role: str, grant: Grant | None, reason: str, now: int) -> WritLost:
        return WritLost(
            at=now,
            agent=role,
            agent_id="" if grant is None else grant.agent_id,
            token_id="" if grant is None else grant.id,
            reason=reason,
            todo=_CHECK_AUTHORITY,
        )

    def _revoked(self, role: str, reason: str, now: int) -> Iterator[Event]:
        held = self._held[role]
        grant, held.grant = held.grant, None
        held.is_barred, held.ended = True, reason
        held.renew_at = held.retry_at = 0
        if grant is not None:
            yield WritRevoked(
                at=now,
                agent=role,
                agent_id=grant.agent_id,
                token_id=grant.id,
                reason=reason,
                todo=_RESUME,
            )

    def _release(self, role: str, now: int) -> Iterator[Event]:
        held = self._held[role]
        grant, held.grant = held.grant, None
        if grant is None:
            return
        held.is_barred, held.ended = True, "released: the desk has stopped"
        self._give_back(grant, now)
        yield WritReleased(
            at=now, agent=role, agent_id=grant.agent_id, token_id=grant.id, reason="the desk has stopped"
        )

    def _give_back(self, grant: Grant, now: int) -> None:
        with suppress(TradewritError):  # then it dies by itself when its time is over
            self._issuer.release(grant, now)

    def _hold(self, held: _Held, grant: Grant) -> None:
        held.grant, held.ended, held.retry_at, held.is_lost = grant, "", 0, False
        held.renew_at = grant.issued_at + (grant.expires_at - grant.issued_at) // 2


def _life(grant: Grant) -> int:
    return grant.expires_at - grant.issued_at


def _together(events: Sequence[Event], now: int) -> Sequence[Event]:
    """What was renewed and what was issued at one time, each in one event, after all that was lost.

    A halt comes after these: what it takes back leaves under the new tokens, and must be on record so.
    """
    renewed = [event for event in events if isinstance(event, WritsRenewed)]
    issued = [event for event in events if isinstance(event, WritsIssued)]
    said: list[Event] = [event for event in events if isinstance(event, WritLost)]
    if renewed:
        grants = tuple(grant for event in renewed for grant in event.grants)
        replaced = tuple(name for event in renewed for name in event.replaces)
        said.append(WritsRenewed(at=now, grants=grants, replaces=replaced))
    if issued:
        said.append(WritsIssued(at=now, grants=tuple(grant for event in issued for grant in event.grants)))
    said.extend(event for event in events if not isinstance(event, WritLost | WritsIssued | WritsRenewed))
    return said
