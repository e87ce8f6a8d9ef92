"""What an agent answers: events that happened by its deciding, and effects it asks for."""

from typing import Final

import msgspec

from tradewrit.domain.effects import Effect
from tradewrit.domain.events.base import Event


class Decision(msgspec.Struct, frozen=True):
    """Events first, effects after: nothing leaves before the events that explain it are on disk."""

    events: tuple[Event, ...] = ()
    effects: tuple[Effect, ...] = ()

    def __add__(self, other: "Decision") -> "Decision":
        return Decision(self.events + other.events, self.effects + other.effects)


NOTHING: Final = Decision()
