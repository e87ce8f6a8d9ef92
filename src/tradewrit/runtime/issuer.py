"""Where writs come from: in memory, the authority of this machine, or one elsewhere."""

from typing import Protocol

from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.kill_switch import SwitchKeeper
from tradewrit.runtime.roles import Terms


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
