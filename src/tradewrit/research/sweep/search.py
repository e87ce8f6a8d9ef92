"""Which points are tried: all of a grid, some drawn at random, or what a learning search asks for.

A point is a place on every axis of the space. The same seed asks for the same points, whoever does the work
and in whatever order it ends.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import product
from types import ModuleType
from typing import Any, Final, Protocol

from tradewrit.errors import ConfigError
from tradewrit.research.sweep.space import Space
from tradewrit.runtime.clock import seeded

Places = tuple[int, ...]
"""A place on each axis."""
TOGETHER: Final = 8
"""Points a learning search asks for at a time. Fixed: what it learns must not hang on how many work."""


class Method(StrEnum):
    """How points are chosen."""

    GRID = "grid"
    RANDOM = "random"
    TPE = "tpe"


class Search(Protocol):
    """Says what to try next, and hears what came of it."""

    def ask(self) -> list[Places]:
        """Points to try together; empty when the search is over. A point may come again."""
        ...

    def tell(self, scores: Sequence[float | None]) -> None:
        """What the points just asked for came to, in their order; None for one that does not count."""
        ...


class Listed:
    """Points that are known from the start."""

    def __init__(self, points: Sequence[Places]) -> None:
        self._points = list(points)

    def ask(self) -> list[Places]:
        """All of them, once."""
        points, self._points = self._points, []
        return points

    def tell(self, scores: Sequence[float | None]) -> None:
        """Nothing is learnt."""


class Learning:
    """Tree-structured Parzen estimator, by optuna (extra `sweep`).

    Bergstra, J. et al. (2011): Algorithms for Hyper-Parameter Optimization. NIPS 24.
    Axes of numbers are searched as numbers, others as choices.
    """

    def __init__(self, space: Space, trials: int, seed: int, name: str) -> None:
        optuna = _optuna()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna: Any = optuna
        sampler = optuna.samplers.TPESampler(seed=seeded(seed, f"sweep {name}").getrandbits(32))
        self._study: Any = optuna.create_study(direction="maximize", sampler=sampler)
        self._left = trials
        self._axes: dict[str, Any] = {
            axis.name: optuna.distributions.IntDistribution(0, len(axis.values) - 1)
            if axis.is_ordered
            else optuna.distributions.CategoricalDistribution(range(len(axis.values)))
            for axis in space.axes
        }
        self._asked: list[Any] = []

    def ask(self) -> list[Places]:
        """The next few; they do not know of each other."""
        count = min(TOGETHER, self._left)
        self._left -= count
        self._asked = [self._study.ask(self._axes) for _ in range(count)]
        return [tuple(trial.params[name] for name in self._axes) for trial in self._asked]

    def tell(self, scores: Sequence[float | None]) -> None:
        """Learn. What does not count is taken for worse than anything that does."""
        pruned = self._optuna.trial.TrialState.PRUNED
        for trial, score in zip(self._asked, scores, strict=True):
            if score is None:
                self._study.tell(trial, state=pruned)
            else:
                self._study.tell(trial, score)


def grid(space: Space) -> list[Places]:
    """Every point, the last axis fastest; raises ConfigError for an axis that is a range."""
    for axis in space.axes:
        if axis.is_range:
            low, high = axis.values[0], axis.values[-1]
            raise ConfigError(
                f"{axis.name} is a range, and a grid needs steps: write {axis.name}={low}:{high}:STEP, or "
                "draw from it with --search random or --search tpe"
            )
    return list(product(*(range(len(axis.values)) for axis in space.axes)))


def drawn(space: Space, trials: int, seed: int) -> list[Places]:
    """Points drawn at random, no point twice; all of a space that is no larger than `trials`."""
    chance = seeded(seed, "sweep")
    if space.size <= trials:
        return list(product(*(range(len(axis.values)) for axis in space.axes)))
    found: dict[Places, None] = {}
    while len(found) < trials:
        found[tuple(chance.randrange(len(axis.values)) for axis in space.axes)] = None
    return list(found)


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError:
        raise ConfigError(
            "--search tpe needs optuna: pip install 'tradewrit[sweep]', or take --search random"
        ) from None
    return optuna
