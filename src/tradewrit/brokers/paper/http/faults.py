"""Trouble on request, for rehearsals and proofs: answers that get lost, refusals, delays, doubled events.

Nothing of it happens unless it is asked for by name. Drawn from a seed.
"""

from collections.abc import Iterable
from random import Random
from typing import Final

import msgspec

from tradewrit.errors import ConfigError
from tradewrit.runtime.clock import seeded

_LONGEST_DELAY_MS: Final = 600_000


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How often what goes wrong; fractions of all requests, or of all events of a stream.

    drop_request: the connection ends and nothing was done. drop_answer: it was done, and the connection ends
    without an answer. refuse: 503, nothing was done. throttle: 429, nothing was done. delay_ms: at most so
    many milliseconds before an answer. duplicate_event: an event is sent twice. cut_stream: the stream ends
    after an event.
    """

    drop_request: float = 0.0
    drop_answer: float = 0.0
    refuse: float = 0.0
    throttle: float = 0.0
    delay_ms: float = 0.0
    duplicate_event: float = 0.0
    cut_stream: float = 0.0

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "Faults":
        """Read `drop_answer=0.1`, once for each; raises ConfigError for what it does not know."""
        found: dict[str, float] = {}
        for text in texts:
            name, _, value = text.partition("=")
            if name not in cls.__struct_fields__:
                known = ", ".join(cls.__struct_fields__)
                raise ConfigError(f"--fault {text}: there is no fault {name!r}; known: {known}")
            found[name] = _amount(name, value)
        return cls(**found)

    @property
    def is_any(self) -> bool:
        """Whether anything can go wrong."""
        return self != Faults()


class Trouble:
    """Draws what goes wrong: for requests in the order in which they arrive, for events as they are sent."""

    def __init__(self, faults: Faults, seed: int) -> None:
        self.faults = faults
        self._seed = seed
        self._requests: Random = seeded(seed, "faults:requests")
        self._streams: Random = seeded(seed, "faults:streams")

    def before(self) -> str:
        """What happens to a request instead of being done: `drop_request`, `refuse`, `throttle` or ""."""
        return next((name for name in ("drop_request", "refuse", "throttle") if self._hits(name)), "")

    def loses_answer(self) -> bool:
        """Whether the answer to what was done gets lost."""
        return self._hits("drop_answer")

    def delay_s(self) -> float:
        """How long an answer takes, in seconds."""
        most = self.faults.delay_ms
        return self._requests.random() * most / 1_000 if most else 0.0

    def doubles_event(self) -> bool:
        """Whether an event is sent twice."""
        return bool(self.faults.duplicate_event) and self._streams.random() < self.faults.duplicate_event

    def cuts_stream(self) -> bool:
        """Whether the stream ends after an event."""
        return bool(self.faults.cut_stream) and self._streams.random() < self.faults.cut_stream

    def _hits(self, name: str) -> bool:
        share: float = getattr(self.faults, name)
        return bool(share) and self._requests.random() < share


def _amount(name: str, text: str) -> float:
    most = _LONGEST_DELAY_MS if name == "delay_ms" else 1.0
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= most:
        raise ConfigError(f"--fault {name}={text}: a number from 0 to {most:g} is needed")
    return value
