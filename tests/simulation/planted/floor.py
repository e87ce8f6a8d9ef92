"""Planted: what people of the exchange do, and nobody listens."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation.planting import Aim, always, everywhere, planted
from tradewrit.domain import corrections, intents
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import SymbolHaltLifted
from tradewrit.domain.events.positions import FillBooked, FillRestated
from tradewrit.domain.folding import FOLDS
from tradewrit.risk import closing
from tradewrit.simulation.plan import Faults, Whims

CORRECTED = Faults(corrections_per_hour=120)
HALTED = Faults(halts_per_hour=120)
LEAVING = Whims(enter=0.7, leave=0.5)


@planted(
    kind="balance off after a clearly erroneous trade: the bust of an execution was dropped as known",
    aim=Aim(faults=CORRECTED),
    caught_by=("I-2", "I-4", "I-5"),
    seed=0,
)
def correction_ignored(patch: pytest.MonkeyPatch) -> None:
    """A correction of an execution is recorded and nothing else."""
    everywhere(patch, corrections, "correction", always(NOTHING))


@planted(
    kind="stop refused for want of shares: a bust left a short beside the new position",
    aim=Aim(faults=Faults(corrections_per_hour=240), account={"whims": LEAVING}),
    caught_by=("I-2", "I-3", "I-4", "I-5", "I-13"),
    seed=0,
)
def busted_shares_kept_apart(patch: pytest.MonkeyPatch) -> None:
    """What a correction leaves on the other side of an open trade is kept beside it."""

    def nothing(books: Books, event: FillRestated) -> Iterator[FillBooked]:
        del books, event
        yield from ()

    everywhere(patch, corrections, "crossed", nothing)


@planted(
    kind="market order into a halted symbol, filled at the reopening, far away",
    aim=Aim(faults=HALTED, account={"whims": LEAVING}),
    caught_by=("I-6",),
    seed=0,
)
def exits_sent_into_a_halt(patch: pytest.MonkeyPatch) -> None:
    """An exit does not wait for the end of a halt: its way is cleared, and it is sent."""
    request, leave = intents.request, closing.leave

    def requesting(books: Books, *args: Any) -> Decision:
        return request(replace(books, paused={}), *args)

    def leaving(books: Books, *args: Any, **named: Any) -> Iterator[Event]:
        return leave(replace(books, paused={}), *args, **named)

    everywhere(patch, intents, "request", requesting)
    everywhere(patch, closing, "leave", leaving)


@planted(
    kind="position never left: the end of a halt was missed",
    aim=Aim(faults=HALTED, account={"whims": LEAVING}),
    caught_by=("I-13",),
    seed=0,
)
def halt_never_ends(patch: pytest.MonkeyPatch) -> None:
    """The word that a symbol trades again is recorded and nothing else."""
    folds: Any = FOLDS
    patch.setitem(folds, SymbolHaltLifted, lambda books, _: books)
