"""docs/reference/scopes.md: what each agent may do, and which permission each effect needs."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from tradewrit.domain import effects
from tradewrit.domain.books import Books
from tradewrit.domain.constraints import UNRESTRICTED
from tradewrit.domain.effects import AskAccount, AskVenue, CancelAtVenue, Effect, SetTimer
from tradewrit.domain.scopes import Scope, is_subset
from tradewrit.domain.writs import DESK, EXECUTOR
from tradewrit.kernel import AGENTS
from tradewrit.runtime.gate import holder_of
from tradewrit.runtime.local_writs import DEFAULT_TTL_S
from tradewrit.runtime.roles import ROLE_SCOPES, roles
from tradewrit.surfaces.docs.markdown import code, said, table

_ANY: Final = "SYMBOL"
_INTRODUCTION: Final = """\
# Scopes

A scope is `action:resource:identifier`, such as `write:trades:AAPL`. Only the identifier may be `*`, and it
then covers every identifier; upper and lower case matter. What somebody wants is permitted when some scope
they hold covers it; asking for nothing is always permitted.

An agent holds a writ: an identity of its own, its scopes, its [trading constraints](configuration.md#writs),
and the instant at which its token is dead ({ttl} seconds after it was issued, unless configured otherwise; it
is renewed when half of its life is over). The writ is checked where an effect is performed, not by the agent
that asks. An effect that no live writ covers is not performed and leaves `credential.effect.denied` in the
journal; [writs](../explanation/writs.md) says how they are issued, lost and taken away.

## What each agent may do

"""


_NEEDS: Final = """
## What each effect needs

The executor alone writes to a venue. Entries go out under its own writ, and with them, in one list, the stop
and target of a bracket. What only reduces risk (stops, targets and exits that are sent later, the changes of
all of them, every cancel, the questions what became of an order and what the account holds, and every timer)
goes out under the protective writ of the position keeper, which stays when the executor's is lost or the kill
switch is thrown.

"""


def scopes_page() -> str:
    """The whole page, in Markdown."""
    given = (
        (code(name), ", ".join(code(scope) for scope in ROLE_SCOPES[name]), _restriction(name))
        for name in (DESK, *(agent.NAME for agent in AGENTS))
    )
    needs = (
        (code(kind.__name__), said(kind), code(needed(kind)), ", ".join(code(role) for role in holders(kind)))
        for kind in kinds()
    )
    return (
        _INTRODUCTION.format(ttl=DEFAULT_TTL_S)
        + table(("Agent", "Scopes", "Restricted to"), given)
        + _NEEDS
        + table(("Effect", "Meaning", "Scope", "Goes out under"), needs)
    )


def kinds() -> Iterator[type[Effect]]:
    """Every effect that can be performed, in the order of its module; the bases are none."""
    found = [kind for kind in vars(effects).values() if isinstance(kind, type) and issubclass(kind, Effect)]
    return (kind for kind in found if not kind.__subclasses__())


def needed(kind: type[Effect]) -> str:
    """The scope an effect needs when it is about the symbol SYMBOL."""
    return _example(kind).scope


def _example(kind: type[Effect]) -> Effect:
    # Structs are not validated when they are made, so any text will do for what the scope does not name.
    anything: dict[str, Any] = {field.name: _ANY for field in msgspec.structs.fields(kind)}
    return kind(**anything)


def holders(kind: type[Effect]) -> Iterator[str]:
    """The roles under whose writ the effect may go out."""
    wanted = str(Scope.parse(needed(kind)))
    return (role for role, held in ROLE_SCOPES.items() if is_subset([wanted], held) and _sends(role, kind))


def _sends(role: str, kind: type[Effect]) -> bool:
    """Orders go out under either writ, by what they are for; cancels, questions and timers under one."""
    if kind in {CancelAtVenue, AskVenue, AskAccount, SetTimer}:
        return role == holder_of(_example(kind), EXECUTOR, Books())
    return True


def _restriction(role: str) -> str:
    """What the constraints of a role are when nothing is configured."""
    given = roles("paper", "paper")[role]
    if given.constraints == UNRESTRICTED:
        return ""
    shrink = "orders that shrink a position; " if given.constraints.reduce_only else ""
    spared = "; survives the kill switch" if given.is_protective else ""
    return f"{shrink}the desk's mode and venue{spared}"
