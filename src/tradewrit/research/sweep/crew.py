"""Who does the work of a sweep: this process alone, several processes, or a cluster.

A crew takes jobs and gives outcomes as they come, in no particular order. It is handed jobs sorted so that
neighbours share features, and keeps neighbours with one worker.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, Protocol, Self

import msgspec

from tradewrit.research.sweep.runner import Runner
from tradewrit.research.sweep.runs import Job, Outcome

PROTECTION: Final = frozenset({"stop_fraction", "target_fraction", "trail_fraction", "max_bars"})
"""Parameters that no formula knows: points that differ in these alone share all their columns."""
_BATCHES_PER_WORKER: Final = 4

Batch = tuple[Job, ...]
"""Jobs for one worker, one after the other."""


class Crew(Protocol):
    """Workers. Use it as a context manager: leaving it ends them, whatever they are doing."""

    @property
    def told(self) -> str:
        """Who they are, for people."""
        ...

    def __enter__(self) -> Self:
        """Start them; raises TradewritError when they cannot."""
        ...

    def __exit__(self, *_: object) -> None:
        """End them."""
        ...

    def work(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """Every leg of every job, as each ends. A worker that dies takes one run with it, no more."""
        ...


class Alone:
    """This process."""

    told = "this process"

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def work(self, jobs: Iterable[Job]) -> Iterator[Outcome]:
        """One job after the other."""
        for job in jobs:
            yield from self._runner.run(job)


def batches(jobs: Sequence[Job], workers: int) -> list[Batch]:
    """Jobs in bundles whose features are the same, small enough that nobody waits long for the last one."""
    most = max(1, -(-len(jobs) // (workers * _BATCHES_PER_WORKER)))
    found = []
    for _, alike in groupby(jobs, feature_key):
        bundle = list(alike)
        found += [tuple(bundle[i : i + most]) for i in range(0, len(bundle), most)]
    return found


def feature_key(job: Job) -> tuple[tuple[str, str], ...]:
    """Equal for jobs whose formulas are the same."""
    return tuple(
        sorted((name, str(value)) for name, value in job.parameters.items() if name not in PROTECTION)
    )


def left_over(batch: Batch, done: int) -> tuple[list[Outcome], Batch]:
    """Of a batch whose worker died after `done` outcomes: the run it died in, and what is still to do."""
    open_ = [(job, leg) for job in batch for leg in job.legs][done:]
    rest: dict[int, Job] = {}
    for job, leg in open_[1:]:
        kept = rest[job.trial].legs if job.trial in rest else ()
        rest[job.trial] = msgspec.structs.replace(job, legs=(*kept, leg))
    return [Outcome(job.trial, leg, None) for job, leg in open_[:1]], tuple(rest.values())


def usable_cpus() -> int:
    """Processors this process may use, which in a container are fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return max(1, len(affinity(0)) if affinity else os.cpu_count() or 1)
