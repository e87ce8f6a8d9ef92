"""One seed is one run: the same trace, whatever process, hash seed or listener; and nothing else gets in."""

import os
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tradewrit.simulation.explorer import run
from tradewrit.simulation.plan import active, without
from tradewrit.simulation.profiles import PROFILES, draw
from tradewrit.simulation.world import World

SEEDS = (7, 21)


def test_the_same_seed_twice_is_the_same_run() -> None:
    for seed in SEEDS:
        first, second = run(seed), run(seed)
        assert first == second
        assert first.events > 20


def test_another_hash_seed_changes_nothing() -> None:
    program = (
        "from tradewrit.simulation.explorer import run\n"
        f"print([(run(seed).digest, run(seed).state_hash) for seed in {SEEDS}])"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("0", "1", "4242")
    }
    assert len(told) == 1


def test_different_seeds_are_different_runs() -> None:
    assert len({run(seed).digest for seed in range(5)}) == 5


def test_switching_a_fault_off_leaves_every_other_draw_where_it_was() -> None:
    plan = draw(7)
    for name in active(plan):
        calmer = without(plan, name)
        assert set(active(plan)) - set(active(calmer)) == {name}
        assert calmer.whims == plan.whims
    # The market goes its way whatever becomes of the desk.
    world, calmer_world = World(plan), World(without(plan, "kill", "drop", "skew", "rivals_per_hour"))
    world.run()
    calmer_world.run()
    assert world.history == calmer_world.history != []


def _refuse(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Refused to this thread alone: a server that another test keeps in this process goes on."""
    here = threading.get_ident()

    def refuse(*given: Any, **named: Any) -> Any:
        if threading.get_ident() != here:
            return real(*given, **named)
        raise AssertionError(f"a simulated desk reached for {name}")

    return refuse


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_simulated_desk_reaches_no_clock_no_chance_and_no_network(
    profile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, names in (
        (time, ("time", "time_ns", "monotonic", "monotonic_ns", "sleep")),
        (random, ("random", "randint", "choice", "uniform", "getrandbits", "shuffle")),
        (uuid, ("uuid1", "uuid4")),
        (os, ("urandom",)),
        (socket, ("socket", "create_connection", "gethostname")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, _refuse(f"{module.__name__}.{name}", getattr(module, name)))
    outcome = run(3, profile)
    assert not [one for one in outcome.violations if one.invariant == "I-0"]
    assert outcome.events
