"""What an agent answers: events that happened by its deciding, and effects it asks for."""

from typing import Final

import msgspec

from tradewrit.domain.effects import Effect
from tradewrit.domain.events.base import Event


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Events first, effects after: nothing leaves before the events that explain it are on disk."""

    events: tuple[Event, ...] = ()
    effects: tuple[Effect, ...] = ()

    def __add__(self, other: "Decision") -> "Decision":
        # Nothing and nothing is NOTHING itself, by which the kernel knows the quiet bar.
        if not (other.events or other.effects):
            return self
        if not (self.events or self.effects):
            return other
        return Decision(self.events + other.events, self.effects + other.effects)


NOTHING: Final = Decision()
