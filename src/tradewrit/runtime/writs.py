"""The writs of one desk: each role's identity and token, renewed in time, checked at every use.

    issuer (in memory, the authority, a remote one) ─▶ Writs ─▶ events for the journal, grants for the gate

Brings together what each role holds (`role_writ`) and the kill switch (`kill_switch`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.writs import WritDenied, WritLost, WritsIssued, WritsRenewed
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import Halt, Writ
from tradewrit.errors import PermissionDenied, TradewritError
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.kill_switch import KILL_GRACE_S, Kill, KillSwitch
from tradewrit.runtime.role_writ import RoleWrit
from tradewrit.runtime.roles import Terms


class Writs:
    """The writs of a desk. `keep` says what became of them; `live` gives one to act under."""

    def __init__(
        self, issuer: Issuer, terms: Mapping[str, Terms], *, kill_grace_s: int = KILL_GRACE_S
    ) -> None:
        """kill_grace_s: how long a kill that includes protection leaves at most to cancel entries."""
        self.kill_grace_s = kill_grace_s
        self._issuer = issuer
        self._switch = KillSwitch(issuer)
        self._held = {role: RoleWrit(role, one, issuer, self._switch) for role, one in terms.items()}
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
                held.bar(writ.ended)

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
            for held in self._held.values():
                events.extend(held.tend(now))
            self._due_at = min(self._switch.due_at(now), *(held.next_at for held in self._held.values()))
            return _together(events, now)
        finally:
            self._flight.release()

    def live(self, role: str, now: int) -> Grant:
        """The writ to act under at `now`, checked with whoever issued it.

        Raises PermissionDenied, which says why there is none, and whatever the issuer raises when it
        cannot tell: then, too, nothing may be done.
        """
        held = self._held.get(role)
        if held is None:
            raise PermissionDenied(f"{role} holds no writ")
        return held.live(now)

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
        for held in self._held.values():
            if held.terms.is_protective and held.grant is not None:
                self._switch.answer(held.grant, cancelled, working, now)
                self._due_at = 0

    def rearm(self, by: str, now: int) -> None:
        """A person puts the kill switch back; what was taken away is issued anew.

        Raises what the issuer raises; the switch then stays thrown.
        """
        self._switch.put_back(by, now)
        self._due_at = 0
        for held in self._held.values():
            held.unbar()

    def release(self, now: int) -> Sequence[Event]:
        """Give everything back, the desk's own writ last: it stops. Harmless to repeat."""
        return [event for held in reversed(self._held.values()) for event in held.release(now)]


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
