"""Where a process can die: numbered points between what it does, and the exception that is its death."""

from collections.abc import Callable, Collection
from enum import Enum
from random import Random

import msgspec


class Death(Enum):
    """What stops: the process alone, or the machine under it with what no disk has confirmed."""

    KILL = "kill"
    POWER = "power"


class Killed(BaseException):
    """The process is dead from here on. No `except Exception` of the desk can survive it."""

    def __init__(self, point: str, death: Death) -> None:
        super().__init__(f"{death.value} at {point}")
        self.point = point
        self.death = death


class Reached(msgspec.Struct, frozen=True):
    """One point of a run: its number, counted from 1, and its name."""

    number: int
    name: str


class Points:
    """Counts the points a run reaches, and kills it at some.

    fraction: of points at which the process dies by chance. exactly_at: the numbers of the points at which
    it dies for certain. power_fraction: of deaths that take the machine.
    """

    def __init__(
        self,
        rng: Random,
        fraction: float = 0.0,
        *,
        power_fraction: float = 0.0,
        exactly_at: Collection[int] = (),
        death: Death = Death.KILL,
        heard: Callable[[Reached], None] | None = None,
    ) -> None:
        self._rng = rng
        self._fraction = fraction
        self._power_fraction = power_fraction
        self._exactly_at = exactly_at
        self._death = death
        self._heard = heard
        self.count = 0
        self._is_armed = True

    def disarm(self) -> None:
        """From here on nothing dies, and points are not counted."""
        self._is_armed = False

    def reach(self, name: str) -> None:
        """The process has come to this point; raises Killed if it comes no further."""
        if not self._is_armed:
            return
        self.count += 1
        if self._heard is not None:
            self._heard(Reached(self.count, name))
        if self.count in self._exactly_at:
            raise Killed(name, self._death)
        if self._fraction and self._rng.random() < self._fraction:
            is_power = self._rng.random() < self._power_fraction
            raise Killed(name, Death.POWER if is_power else Death.KILL)
