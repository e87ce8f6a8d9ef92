"""Bugs that are put into a desk on purpose, to see whether the simulation finds them.

A bug is a function that patches the real classes for the length of a run; nothing in `src` knows of it. It
comes with the world in which it shows (an `Aim`) and the invariants that may name it. A crash of the harness,
or an invariant that is not among them, is no find.
"""

import inspect
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from tradewrit.domain.capabilities import Protection
from tradewrit.runtime.clock import seeded
from tradewrit.simulation.explorer import run_compared
from tradewrit.simulation.plan import Faults, Plan, Whims
from tradewrit.simulation.world import Outcome, World

Plant = Callable[[pytest.MonkeyPatch], None]
BUSY: Final = Whims(enter=0.7, leave=0.2)
BUDGET: Final = 30
"""Seeds within which a bug has to be found."""


class Aim(msgspec.Struct, frozen=True, kw_only=True):
    """A fault profile aimed at one bug: what goes wrong, and how often. account: other fields of the plan.

    is_compared: whether each run is held against others of the same plan.
    """

    faults: Faults = Faults()
    account: dict[str, Any] = {}
    is_compared: bool = False

    def plan(self, seed: int) -> Plan:
        """The world of a seed: three symbols, a strategy that trades a lot, and these faults.

        Not drawn as the shipped profiles are, so that a new fault there moves no seed that is recorded here.
        """
        rng = seeded(seed, "aim")
        plan = Plan(
            seed=seed,
            profile="planted",
            horizon_s=rng.choice((180, 300, 420)),
            symbols=("AAPL", "MSFT", "TSLA"),
            protection=rng.choice(tuple(Protection)),
            whims=BUSY,
            volatility=rng.uniform(0.001, 0.005),
        )
        return replace(plan, faults=self.faults, **self.account)

    def run(self, seed: int) -> Outcome:
        """One seed, with whatever desk there is."""
        plan = self.plan(seed)
        return run_compared(plan) if self.is_compared else World(plan).run()


class Bug(msgspec.Struct, frozen=True, kw_only=True):
    """One planted bug.

    kind: of public bug report that it stands for. caught_by: the invariants that may name it. seed: one that
    does, to be tried first.
    """

    name: str
    what: str
    kind: str
    aim: Aim
    caught_by: tuple[str, ...]
    seed: int
    plant: Plant

    def run(self, seed: int) -> Outcome:
        """One seed of its world, with the bug in the desk."""
        with pytest.MonkeyPatch.context() as patch:
            self.plant(patch)
            return self.aim.run(seed)

    def run_without(self, seed: int) -> Outcome:
        """The same world, with the desk as it is."""
        return self.aim.run(seed)

    def hunt(self, seeds: Iterable[int]) -> Outcome | None:
        """The first run of these seeds that violates anything; None when none does."""
        return next((outcome for seed in seeds if (outcome := self.run(seed)).violations), None)


BUGS: Final[dict[str, Bug]] = {}
"""Every planted bug, by name, once `tests.simulation.planted` is imported."""


def planted(*, kind: str, aim: Aim, caught_by: tuple[str, ...], seed: int) -> Callable[[Plant], Plant]:
    """Enter a function as a bug: its name is the bug's, its docstring says what it is."""

    def enter(plant: Plant) -> Plant:
        name = plant.__name__
        what = " ".join((inspect.getdoc(plant) or "").split())
        BUGS[name] = Bug(
            name=name, what=what, kind=kind, aim=aim, caught_by=caught_by, seed=seed, plant=plant
        )
        return plant

    return enter


def everywhere(patch: pytest.MonkeyPatch, home: ModuleType, name: str, instead: object) -> None:
    """Put something in the place of a function, wherever it was imported to."""
    old = getattr(home, name)
    for module in list(sys.modules.values()):
        if module.__name__.startswith("tradewrit") and getattr(module, name, None) is old:
            patch.setattr(module, name, instead)


def always(value: Any) -> Callable[..., Any]:
    """Says the same whatever it is asked."""

    def say(*_: object, **__: object) -> Any:
        return value

    return say


def planted_in(package: ModuleType) -> list[Bug]:
    """The bugs of the modules of a package, in the order in which they stand there."""
    return [bug for bug in BUGS.values() if bug.plant.__module__.startswith(f"{package.__name__}.")]
