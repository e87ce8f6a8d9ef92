"""A crew of processes on this machine, each with the bars mapped into its memory.

They are started fresh (spawned), not forked: see `columns`. A script that calls a sweep needs the usual
`if __name__ == "__main__":` around it, as for everything that starts Python processes.
"""

import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from multiprocessing import connection, get_context
from pathlib import Path
from typing import Any, Final, Self

from tradewrit.errors import ConfigError, OurFault, TradewritError
from tradewrit.features.bars import Bars
from tradewrit.research.sweep.columns import Columns, write_columns
from tradewrit.research.sweep.crew import Batch, batches, left_over
from tradewrit.research.sweep.runner import Runner
from tradewrit.research.sweep.runs import Job, Outcome

_READY: Final = "ready"
_DONE: Final = "done"
_END_S: Final = 2.0
_CONTEXT: Final = get_context("spawn")


class _Worker:
    """A process, this end of its pipe, and how far it is with its batch."""

    def __init__(self, columns: Columns, strategy: str) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=serve, args=(theirs, columns, strategy), daemon=True)
        with _deaf_to_interrupts():
            self.process.start()
        theirs.close()
        self.batch: Batch = ()
        self.done = 0
        self.is_ready = False

    def give(self, batch: Batch) -> None:
        self.batch, self.done = batch, 0
        self.pipe.send(batch)

    def end(self) -> None:
        self.process.terminate()
        self.process.join(_END_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()


class Processes:
    """Implements `Crew`.

    scratch: a folder for the bars, in a file that is removed at the end; after a kill the next crew in the
    folder writes it anew. One crew at a time: another's bars under the same name would be taken for these.
    """

    def __init__(self, bars: Sequence[Bars], strategy: str, scratch: Path, workers: int) -> None:
        self._bars = bars
        self._strategy = strategy
        self._path = scratch / ".columns"
        self._wanted = workers
        self._workers: list[_Worker] = []
        self._claim = ExitStack()
        self.told = f"{workers} processes"

    def __enter__(self) -> Self:
        """Start them; raises ConfigError where the bars cannot be put, or another crew is at work."""
        self._claim.enter_context(_claimed(self._path.parent))
        try:
            self._columns = write_columns(self._bars, self._path)
            self._workers = [_Worker(self._columns, self._strategy) for _ in range(self._wanted)]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        self._path.unlink(missing_ok=True)
        self._claim.close()

    def work(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        """As `Crew.work`; raises TradewritError when a worker cannot even start."""
        waiting = deque(batches(jobs, self._wanted))
        while waiting or any(worker.batch for worker in self._workers):
            for worker in self._workers:
                if waiting and worker.is_ready and not worker.batch:
                    worker.give(waiting.popleft())
            pipes: list[Any] = [worker.pipe for worker in self._workers]
            ready = connection.wait(pipes)
            for place, worker in enumerate(self._workers):
                if worker.pipe not in ready:
                    continue
                try:
                    outcome = _heard(worker)
                except (EOFError, OSError):
                    lost, rest = self._replace(place)
                    waiting.extendleft([rest] if rest else [])
                    yield from lost
                    continue
                if outcome is not None:
                    yield outcome

    def _replace(self, place: int) -> tuple[list[Outcome], Batch]:
        """Another worker for one that died; raises OurFault for one that died before it did anything."""
        dead = self._workers[place]
        dead.end()
        if not dead.batch:
            raise OurFault(
                f"a worker process died (exit code {dead.process.exitcode}) before it had anything to do; "
                "try --workers 1, which needs no other process"
            )
        self._workers[place] = _Worker(self._columns, self._strategy)
        return left_over(dead.batch, dead.done)


def _heard(worker: _Worker) -> Outcome | None:
    """What a worker says; None for words that are no outcome. Raises what it could not go on for."""
    said = worker.pipe.recv()
    match said:
        case Outcome():
            worker.done += 1
            return said
        case Exception():
            raise said
        case str() if said == _READY:
            worker.is_ready = True
        case _:
            worker.batch = ()
    return None


def serve(pipe: Any, columns: Columns, strategy: str) -> None:
    """A worker's life: batches in, outcomes out, until the other end of the pipe is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _serve(pipe, Runner(columns.read(), strategy))
    except (EOFError, BrokenPipeError):
        return  # whoever asked is gone, and so is the interest in an answer
    except TradewritError as error:
        pipe.send(error)
    except Exception as bug:  # noqa: BLE001 - whatever it is, the parent is to hear of it
        # Not the strategy's fault, so no run's: it ends the sweep, and says where it happened.
        bug.add_note(f"in a worker process:\n{traceback.format_exc()}")
        pipe.send(bug)


def _serve(pipe: Any, runner: Runner) -> None:
    pipe.send(_READY)
    while True:
        for job in pipe.recv():
            for outcome in runner.run(job):
                pipe.send(outcome)
        pipe.send(_DONE)


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Keep other crews out of a folder for as long as this process lives, and no longer."""
    try:
        import fcntl
    except ImportError:  # a system without it: sweeps must not be run side by side in a folder there
        yield
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # writing into it will say why
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConfigError(
            f"{folder}: another sweep is at work there; wait until it is done, or name another folder with "
            "--out"
        ) from None
    except OSError:
        pass  # a file system that knows no locks
    try:
        yield
    finally:
        os.close(handle)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Ctrl-C reaches every process of a terminal: workers are born deaf to it, and ended by who heard it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
