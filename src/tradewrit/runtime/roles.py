"""What each role of a desk is given: the narrowest scopes and constraints with which it can do its work.

Knows no authority; whoever issues writs is asked for these.
"""

from collections.abc import Iterable, Mapping
from typing import Final, cast

import msgspec

from tradewrit.domain.constraints import PROTECTIVE, UNRESTRICTED, Constraints, Mode, both
from tradewrit.domain.scopes import Scope
from tradewrit.domain.writs import DESK, EXECUTOR, KEEPER


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a role asks for. is_protective: spared by the kill switch.

    ttl_s: life of its tokens, in seconds; None for that of its issuer's others.
    """

    scopes: tuple[str, ...]
    constraints: Constraints = UNRESTRICTED
    is_protective: bool = False
    ttl_s: int | None = None

    def __post_init__(self) -> None:
        if self.ttl_s is not None and self.ttl_s < 1:
            raise ValueError(f"a writ must live at least a second, not {self.ttl_s}")
        for text in self.scopes:
            Scope.parse(text)


PROTECTIVE_TTL_S: Final = 86_400
"""Life of the protective writ. It is renewed at half of it, so that half a day at least is left when the
authority goes down: longer than a session, in which stops are still moved and positions closed. In wrong
hands it can do no more than close what is open, and a revocation ends it at once like any other."""

ROLE_SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    DESK: ("write:journal:desk",),
    "market_watch": ("read:market:*", "write:journal:market_watch"),
    "bookkeeper": ("write:journal:bookkeeper",),
    "risk_officer": ("write:journal:risk_officer",),
    KEEPER: ("write:trades:*", "read:trades:*", "write:timers:*", "write:journal:position_keeper"),
    "reviewer": ("write:reviews:*", "write:timers:*", "write:journal:reviewer"),
    EXECUTOR: ("write:trades:*", "write:journal:executor"),
    "strategist": ("write:journal:strategist",),
}
"""What each role may do. `desk` is the runtime itself, which puts on record what comes from outside."""


def roles(
    mode: str,
    venue: str,
    *,
    symbols: Iterable[str] | None = None,
    executor: Constraints = UNRESTRICTED,
    protective_ttl_s: int | None = PROTECTIVE_TTL_S,
) -> Mapping[str, Terms]:
    """The terms of every role of a desk that trades in this mode at this venue, and nowhere else.

    symbols: the only ones in which entries are sent; None for any. executor: what entries must keep to.
    protective_ttl_s: life of the protective writ, in seconds; None for that of the others.
    """
    here = Constraints(modes=(cast("Mode", mode),), venues=(venue,))
    given = {name: Terms(scopes=scopes) for name, scopes in ROLE_SCOPES.items()}
    entries = ROLE_SCOPES[EXECUTOR]
    if symbols is not None:
        entries = (*(f"write:trades:{symbol}" for symbol in sorted(set(symbols))), *entries[1:])
    given[EXECUTOR] = Terms(scopes=entries, constraints=both(executor, here))
    given[KEEPER] = Terms(
        scopes=ROLE_SCOPES[KEEPER],
        constraints=both(PROTECTIVE, here),
        is_protective=True,
        ttl_s=protective_ttl_s,
    )
    return given
