"""Who asks at the door: the user that the system names, or an operator that the authority answers for.

    request.login ─▶ Prove (the authority; a login counts once) ─▶ human:maria
    no login      ─▶ the user at the other end of the socket    ─▶ human:desk

Where several people have to agree, one user with the door's file could be all of them: there what lets
something out, or lets it go on, needs a login. What only takes risk away never does.
"""

from collections.abc import Callable
from typing import Final

from tradewrit.domain.reviews import ReviewPolicy
from tradewrit.errors import PermissionDenied
from tradewrit.runtime.live.requests import AnyRequest, AskAdopt, AskAnswer, AskBelieve, AskResume

Prove = Callable[[str], str]
"""Who holds this login, by name; counts once. May block. Raises TradewritError for one that is no good."""

_LETS_GO_ON: Final = (AskAnswer, AskResume, AskAdopt, AskBelieve)


def needs_login(policy: ReviewPolicy, request: AnyRequest) -> bool:
    """Whether a request counts only under a proven name."""
    if policy.most_people < 2 or not isinstance(request, _LETS_GO_ON):
        return False
    return not (isinstance(request, AskAnswer) and request.decision == "reject")


def refuse_without_login(policy: ReviewPolicy, request: AnyRequest) -> None:
    """Raises PermissionDenied for a request that has to come under a proven name, and does not."""
    if not request.login and needs_login(policy, request):
        raise PermissionDenied(
            f"{policy.most_people} people have to agree at this desk, so it must know who you are: log in "
            "with --as NAME (an operator: `tradewrit credentials operator add NAME`)"
        )


def nobody_proves(login: str) -> str:
    """For a desk without an authority that could answer for people."""
    del login
    raise PermissionDenied("this desk has no authority that could say who you are")
