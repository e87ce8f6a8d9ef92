"""The kill switch as one desk has it: thrown here or elsewhere, told to the authority, and put back.

It ends every ordinary writ at once. Where it includes protection, the protective writ lives on to cancel the
entries that work: until none does and the authority has been told so, or until its time is over. Knows no
tokens and no orders.
"""

from collections.abc import Iterator
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.writs import HaltRegistered
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import Grant
from tradewrit.domain.writs import Halt
from tradewrit.errors import TheirFault, TradewritError

KILL_GRACE_S: Final = 30
"""How long the protective writ lives on at most after a kill that includes it, unless somebody says."""

_NEVER: Final = 2**63 - 1
_RETRY: Final = SECOND


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """The kill switch as it was thrown: by whom, why, and whether protection ends too.

    grace_s: how long protection lives on at most, in seconds. protection_ends_at: when that is over (UTC ns),
    once it was thrown; of a kill that includes protection and does not say, protection is over.
    """

    by: str
    reason: str
    including_protection: bool = False
    grace_s: int = KILL_GRACE_S
    protection_ends_at: int | None = None

    def is_protection_over(self, now: int) -> bool:
        """Whether protective writs are dead at `now` (UTC ns) as well."""
        return self.including_protection and (
            self.protection_ends_at is None or now >= self.protection_ends_at
        )

    def forbids(self, now: int, *, is_protective: bool) -> bool:
        """Whether a writ is dead at `now` (UTC ns) because of it."""
        return not is_protective or self.is_protection_over(now)


def thrown(kill: Kill, before: Kill | None, now: int) -> Kill:
    """The switch with one more pull at `now` (UTC ns): that only ever adds, and shortens."""
    if not kill.including_protection:
        return before or kill
    ends_at = now + kill.grace_s * SECOND if kill.protection_ends_at is None else kill.protection_ends_at
    if before is not None and before.including_protection:
        ends_at = min(ends_at, now if before.protection_ends_at is None else before.protection_ends_at)
    return replace(before or kill, including_protection=True, protection_ends_at=ends_at)


class SwitchKeeper(Protocol):
    """Who keeps the switch for all desks: the part of an `Issuer` that is about it. Times are UTC ns."""

    def killed(self) -> Kill | None:
        """The kill switch as it stands; it outlives this process where the issuer does."""
        ...

    def kill(self, kill: Kill, now: int) -> None:
        """Throw it: revoke everything but what is protective; that too, in its time, if it says so."""
        ...

    def answer_kill(
        self, grant: Grant, cancelled: tuple[str, ...], working: tuple[str, ...], now: int
    ) -> None:
        """Tell it, under this protective grant, which entries were cancelled and which still work.

        With none at work the grant is dead.
        """
        ...

    def rearm(self, by: str, now: int) -> None:
        """Put it back, in a person's name."""
        ...


class KillSwitch:
    """One desk's. What it cannot tell the authority now holds here, and is told later."""

    def __init__(self, keeper: SwitchKeeper) -> None:
        self._keeper = keeper
        self._kill: Kill | None = None
        self._unsaid: Kill | None = None
        self._is_registered = False
        self._is_answered = False
        self._said: tuple[tuple[str, ...], tuple[str, ...]] | None = None

    def begin(self, halted: str, unheard: Halt | None, now: int) -> None:
        """Take over from the books: the desk was halted, and whether the authority may not know of it."""
        if not halted:
            return
        self._kill = Kill(by="desk", reason=halted)
        self._is_registered = unheard is None
        if unheard is not None:
            kill = Kill(
                by=unheard.actor, reason=unheard.reason, including_protection=unheard.including_protection
            )
            self._kill, self._unsaid = thrown(kill, None, now), kill

    def throw(self, kill: Kill, now: int) -> bool:
        """Throw it here, and at the authority as soon as it can be told; False when that adds nothing."""
        if self._kill is not None and self._kill.including_protection >= kill.including_protection:
            return False
        self._kill, self._unsaid = thrown(kill, self._kill, now), kill
        self._is_registered = False
        self._say(now)
        return True

    def put_back(self, by: str, now: int) -> None:
        """In a person's name; raises what the authority raises, and then stays thrown."""
        self._keeper.rearm(by, now)
        self._kill = self._unsaid = self._said = None
        self._is_answered = False

    def forbids(self, now: int, *, is_protective: bool) -> bool:
        """Whether a writ is dead at `now` (UTC ns) because of it."""
        if self._kill is None:
            return False
        return self._kill.forbids(now, is_protective=is_protective) or self._is_answered

    def is_winding_down(self, now: int) -> bool:
        """Whether the protective writ lives, at `now` (UTC ns), only to cancel entries."""
        return (
            self._kill is not None
            and self._kill.including_protection
            and not self.forbids(now, is_protective=True)
        )

    def due_at(self, now: int) -> int:
        """When to look again, of its own accord (UTC ns)."""
        if self._unsaid is not None:
            return now + _RETRY
        if self._kill is None or not self.is_winding_down(now):
            return _NEVER
        return self._kill.protection_ends_at or _NEVER

    def notice(self, now: int) -> Iterator[Event]:
        """See what became of it elsewhere; a `HaltTrading` when it was thrown there."""
        self._say(now)
        try:
            found = self._keeper.killed()
        except TheirFault:
            return  # an authority that is out of reach has thrown nothing; the tokens die in their time
        if found is None:
            self._call_off(now)
            return
        known = self._kill
        self._kill = thrown(found, known, now)
        if known is None:
            yield HaltTrading(at=now, actor=found.by, reason=found.reason)
        if not self._is_registered and found.including_protection >= self._kill.including_protection:
            self._is_registered = True
            yield HaltRegistered(at=now, including_protection=found.including_protection)

    def answer(self, grant: Grant, cancelled: tuple[str, ...], working: tuple[str, ...], now: int) -> None:
        """Tell the authority once what became of the entries; with none at work the writ is over."""
        if self._said == (cancelled, working):
            return
        try:
            self._keeper.answer_kill(grant, cancelled, working, now)
        except TradewritError:
            return  # asked again at the next occasion; the writ dies in its time
        self._said = (cancelled, working)
        self._is_answered = not working

    def _call_off(self, now: int) -> None:
        """Put back elsewhere before protection was over: it lives on, and the desk stays halted."""
        kill = self._kill
        if kill is not None and self._unsaid is None and self.is_winding_down(now):
            self._kill = replace(kill, including_protection=False, protection_ends_at=None)
            self._said = None

    def _say(self, now: int) -> None:
        if self._unsaid is None:
            return
        try:
            self._keeper.kill(self._unsaid, now)
        except TradewritError:
            return  # it holds here; the authority is told as soon as it can be
        self._unsaid = None
