"""docs/reference/scopes.md: what each agent may do, and which permission each effect needs."""

from collections.abc import Iterator
from typing import Final

import msgspec

from tradewrit.domain import effects
from tradewrit.domain.effects import Effect
from tradewrit.domain.scopes import Scope, is_subset
from tradewrit.kernel import AGENTS
from tradewrit.runtime.grants import DEFAULT_TTL_S, ROLE_SCOPES
from tradewrit.surfaces.docs.markdown import code, said, table

_ANY: Final = "SYMBOL"
_INTRODUCTION: Final = """\
# Scopes

A scope is `action:resource:identifier`, such as `write:trades:AAPL`. Only the identifier may be `*`, and it
then covers every identifier; upper and lower case matter. What somebody wants is permitted when some scope
they hold covers it; asking for nothing is always permitted.

An agent holds a grant: its scopes, and the instant at which it is dead ({ttl} seconds after it was issued,
unless configured otherwise; it is renewed when half of its life is over). The grant is checked where an
effect is performed, not by the agent that asks. An effect without a live grant that covers it is not
performed and leaves `credential.effect.denied` in the journal.

## What each agent may do

"""


def scopes_page() -> str:
    """The whole page, in Markdown."""
    roles = (
        (code(agent.NAME), ", ".join(code(scope) for scope in ROLE_SCOPES.get(agent.NAME, ())) or "nothing")
        for agent in AGENTS
    )
    needs = (
        (code(kind.__name__), said(kind), code(needed(kind)), ", ".join(code(role) for role in holders(kind)))
        for kind in kinds()
    )
    return (
        _INTRODUCTION.format(ttl=DEFAULT_TTL_S)
        + table(("Agent", "Scopes"), roles)
        + "\n## What each effect needs\n\n"
        + table(("Effect", "Meaning", "Scope", "Held by"), needs)
    )


def kinds() -> Iterator[type[Effect]]:
    """Every effect that can be performed, in the order of its module; the bases are none."""
    found = [kind for kind in vars(effects).values() if isinstance(kind, type) and issubclass(kind, Effect)]
    return (kind for kind in found if not kind.__subclasses__())


def needed(kind: type[Effect]) -> str:
    """The scope an effect needs when it is about the symbol SYMBOL."""
    # Structs are not validated when they are made, so any text will do for what the scope does not name.
    return kind(**{field.name: _ANY for field in msgspec.structs.fields(kind)}).scope


def holders(kind: type[Effect]) -> Iterator[str]:
    """The roles whose writ covers the effect."""
    wanted = str(Scope.parse(needed(kind)))
    return (role for role, held in ROLE_SCOPES.items() if is_subset([wanted], held))
