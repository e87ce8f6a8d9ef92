"""What becomes of the writs of the desk's agents: issued, renewed, refused, lost. Said by the runtime.

The books fold them, so a replay knows who acted under what.
"""

from tradewrit.domain.constraints import Violation
from tradewrit.domain.events.base import Event
from tradewrit.domain.scopes import Grant


class WritsIssued(Event, frozen=True, kw_only=True, gc=False, tag="credential.writs.issued"):
    """Each of these agents was registered under an identity of its own, and holds its token from now on."""

    grants: tuple[Grant, ...]


class WritsRenewed(Event, frozen=True, kw_only=True, gc=False, tag="credential.writs.renewed"):
    """The same identities hold new tokens; the tokens these replace, by id and in their order, are dead."""

    grants: tuple[Grant, ...]
    replaces: tuple[str, ...]


class WritEnded(Event, frozen=True, kw_only=True, gc=False):
    """An agent's token counts no more. token_id: which; reason: why."""

    agent: str
    agent_id: str
    token_id: str
    reason: str


class WritReleased(WritEnded, frozen=True, kw_only=True, gc=False, tag="credential.writ.released"):
    """The desk gave the token back when it stopped."""


class WritLost(WritEnded, frozen=True, kw_only=True, gc=False, tag="credential.writ.lost"):
    """An alert: the token died before a new one could be had. The desk goes on trying.

    todo: what a person can do.
    """

    todo: str


class WritRevoked(WritEnded, frozen=True, kw_only=True, gc=False, tag="credential.writ.revoked"):
    """An alert: the token was taken away. Only a person gives the agent another.

    todo: what that person has to do.
    """

    todo: str


class WritRenewalFailed(Event, frozen=True, kw_only=True, gc=False, tag="credential.renewal.failed"):
    """An alert: the token could not be renewed; it lives until `expires_at` (UTC ns) and is tried again."""

    agent: str
    agent_id: str
    token_id: str
    reason: str
    expires_at: int
    todo: str


class HaltRegistered(Event, frozen=True, kw_only=True, gc=False, tag="credential.halt.registered"):
    """The authority knows that the desk is halted. Until this is said it is told again, after a restart too.

    including_protection: and that the protective writ ends as well.
    """

    including_protection: bool = False


class WritDenied(Event, frozen=True, kw_only=True, gc=False, tag="credential.effect.denied"):
    """An effect was not performed: the writ it would have gone out under does not allow it.

    agent: whose writ that is. violations: every trading constraint that it would have broken.
    """

    agent: str
    scope: str
    effect: str
    subject: str
    reason: str
    agent_id: str = ""
    token_id: str = ""
    violations: tuple[Violation, ...] = ()
