"""A crew on a Ray cluster (extra `cluster`), for sweeps that one machine is too small for.

The bars go into Ray's object store once and are mapped by every worker of a node. A strategy's own `.py`
file travels as text; what it imports from beside itself does not.
"""

import socket
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

from tradewrit.errors import ConfigError, OurFault, Unreachable
from tradewrit.features.bars import Bars
from tradewrit.research.sweep.crew import Batch, batches, left_over
from tradewrit.research.sweep.keys import package_key
from tradewrit.research.sweep.runner import Runner
from tradewrit.research.sweep.runs import Job, Outcome
from tradewrit.version import VERSION

LOCAL: Final = "local"
"""In place of an address: a cluster of this machine alone, which ends with the sweep."""
_SOONEST_S: Final = 60.0
_ANSWERS_S: Final = 5.0


class Remote:
    """A worker's inside, on whichever node: a Ray actor is made of it.

    source: the strategy's file as text, None for one that ships. Raises what `Runner` raises.
    """

    def __init__(self, bars: Sequence[Bars], strategy: str, source: str | None) -> None:
        if source is not None:
            self._folder = tempfile.TemporaryDirectory(prefix="tradewrit-")
            file = Path(self._folder.name) / Path(strategy).name
            file.write_text(source, encoding="utf-8")
            strategy = str(file)
        self._runner = Runner(bars, strategy)

    def hello(self) -> tuple[str, str]:
        """Version and source of the package on this node."""
        return VERSION, package_key()

    def run(self, batch: Batch) -> Iterator[Outcome]:
        """The outcomes of a batch, each as it ends."""
        for job in batch:
            yield from self._runner.run(job)


class _Seat:
    """An actor, the stream it answers into, and how far it is with its batch."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.stream: Any = None
        self.batch: Batch = ()
        self.done = 0

    def give(self, batch: Batch) -> None:
        self.batch, self.done = batch, 0
        self.stream = self.actor.run.options(num_returns="streaming").remote(batch)


class RayCluster:
    """Implements `Crew`. One worker per processor of the cluster, or as many as `workers` says.

    address: `HOST:PORT` of the head, `auto` for a cluster that runs here, or `local`.
    """

    def __init__(
        self, bars: Sequence[Bars], strategy: str, address: str = "auto", workers: int | None = None
    ) -> None:
        self._bars = bars
        self._strategy = strategy
        self._address = address
        self._wanted = workers
        self._seats: list[_Seat] = []
        self._is_ours = False
        self.told = "a Ray cluster"

    def __enter__(self) -> Self:
        self._ray = ray = _ray()
        if not ray.is_initialized():
            self._is_ours = True
            try:
                _knock(self._address)
                ray.init(
                    address=None if self._address == LOCAL else self._address,
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level="ERROR",
                )
            except (OSError, ValueError, RuntimeError) as error:
                raise Unreachable(
                    f"no Ray cluster at {self._address}: {_first_line(error)}; start one "
                    "(`ray start --head`), or name another with --address"
                ) from error
        try:
            self._gather()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for seat in self._seats:
            self._ray.kill(seat.actor)
        self._seats.clear()
        if self._is_ours:
            self._ray.shutdown()

    def work(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """As `Crew.work`; a node that goes away takes the runs of its workers with it."""
        ray = self._ray
        waiting = deque(batches(jobs, len(self._seats)))
        while waiting or any(seat.batch for seat in self._seats):
            for seat in self._seats:
                if waiting and not seat.batch:
                    seat.give(waiting.popleft())
            busy = [seat for seat in self._seats if seat.batch]
            ready, _ = ray.wait([seat.stream for seat in busy], num_returns=1, fetch_local=False)
            for seat in busy:
                if seat.stream not in ready:
                    continue
                try:
                    outcome = ray.get(next(seat.stream))
                except StopIteration:
                    seat.batch = ()
                except ray.exceptions.RayTaskError:
                    raise  # a bug, of no run's making: it ends the sweep and keeps its traceback
                except ray.exceptions.RayError:
                    lost, rest = self._replace(seat)
                    waiting.extendleft([rest] if rest else [])
                    yield from lost
                else:
                    seat.done += 1
                    yield outcome

    def _gather(self) -> None:
        """One actor per processor, each with the bars, all with this very code."""
        ray = self._ray
        self._held = ray.put(tuple(self._bars))
        self._source = (
            Path(self._strategy).read_text(encoding="utf-8") if self._strategy.endswith(".py") else None
        )
        self._actor = ray.remote(num_cpus=1, max_restarts=0)(Remote)
        count = self._wanted or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._seats = [_Seat(self._made()) for _ in range(count)]
        greetings = [seat.actor.hello.remote() for seat in self._seats]
        try:
            answers = ray.get(greetings, timeout=_SOONEST_S)
        except ray.exceptions.GetTimeoutError as error:
            raise Unreachable(
                f"{count} workers were asked of the Ray cluster and not all came within {_SOONEST_S:.0f} s; "
                "it may be busy: ask for fewer with --workers"
            ) from error
        except ray.exceptions.RayError as error:
            raise OurFault(f"a worker on the Ray cluster cannot start: {_last_line(error)}") from error
        for version, package in answers:
            if package != package_key():
                raise ConfigError(
                    f"a node of the Ray cluster runs tradewrit {version} with other code than this one "
                    f"({VERSION}); install the same everywhere"
                )
        nodes = sum(1 for node in ray.nodes() if node["Alive"])
        self.told = (
            f"{count} workers on {nodes} Ray nodes" if nodes > 1 else f"{count} workers on one Ray node"
        )

    def _made(self) -> Any:
        return self._actor.remote(self._held, self._strategy, self._source)

    def _replace(self, seat: _Seat) -> tuple[list[Outcome], Batch]:
        """Another actor, on whichever node has room, for one that died."""
        found = left_over(seat.batch, seat.done)
        seat.actor, seat.batch, seat.stream = self._made(), (), None
        return found


def _ray() -> ModuleType:
    try:
        import ray
    except ImportError:
        raise ConfigError(
            "sweeping over a cluster needs Ray: pip install 'tradewrit[cluster]', or leave out --cluster"
        ) from None
    return ray


def _knock(address: str) -> None:
    """Raise OSError when nobody listens there; Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdecimal() and "://" not in address:
        socket.create_connection((host, int(port)), timeout=_ANSWERS_S).close()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")


def _last_line(error: Exception) -> str:
    """Of a remote traceback, the line that says what it was."""
    return str(error).strip().rpartition("\n")[2]
