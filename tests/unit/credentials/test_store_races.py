"""One winner and no more: many threads and many processes after the same thing, on one file."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Final

import pytest

from tests.unit.credentials.stores import LATER, NOW, event, furnish, issue, launch_token, opened
from tradewrit.credentials.change import Change
from tradewrit.credentials.records import Level, Standing
from tradewrit.credentials.store import CredentialStore

THREADS: Final = 8
PROCESSES: Final = 4
ROUNDS: Final = 40

PRIZES: Final[dict[str, Callable[[Change, str, str], bool]]] = {
    "renew": lambda change, prize, who: change.renew(prize, f"{prize}-{who}", expires_at=LATER),
    "nonce": lambda change, prize, _: change.consume_nonce(prize, expires_at=LATER),
    "launch": lambda change, prize, _: change.consume_launch_token(prize) is not None,
    "release": lambda change, prize, _: change.release(prize),
}


def reach_for(store: CredentialStore, what: str, prize: str, who: str) -> bool:
    with store.change(NOW) as change:
        # Revocations of others go on meanwhile: a write that must not let two contenders through.
        change.revoke(Level.TOKEN, f"somebody-else-{who}")
        won = PRIZES[what](change, prize, who)
        change.record(event(detail=f"{who} {won}"))
    return won


def lay_out(store: CredentialStore) -> list[str]:
    prizes = [f"prize-{number}" for number in range(ROUNDS)]
    with store.change(NOW) as change:
        for prize in prizes:
            assert issue(change, prize, subject="a")
            assert change.add_launch_token(prize, launch_token())
        change.record(event())
    return prizes


@pytest.mark.parametrize("what", PRIZES)
def test_of_many_threads_on_one_store_and_on_two_exactly_one_wins(tmp_path: Path, what: str) -> None:
    store = opened(tmp_path, busy_timeout_s=60)
    furnish(store, "a")
    prizes = lay_out(store)
    other = opened(tmp_path, busy_timeout_s=60)
    start = Barrier(THREADS)

    def contend(number: int) -> list[bool]:
        won = []
        for prize in prizes:
            start.wait()
            won.append(reach_for((store, other)[number % 2], what, prize, str(number)))
        return won

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(contend, range(THREADS)))
    assert [sum(round_) for round_ in zip(*outcomes, strict=True)] == [1] * ROUNDS
    if what == "renew":
        names = [f"{prize}-{number}" for prize in prizes for number in range(THREADS)]
        assert sum(store.standing(name, NOW) == Standing.LIVE for name in names) == ROUNDS
    assert store.verify().is_intact
    for each in (store, other):
        each.close()


CONTENDER: Final = """
import sys
from pathlib import Path
from tests.unit.credentials.stores import opened
from tests.unit.credentials.test_store_races import reach_for
store = opened(Path(sys.argv[1]), busy_timeout_s=60)
print("ready", flush=True)
for line in sys.stdin:
    what, prize = line.split()
    print(int(reach_for(store, what, prize, sys.argv[2])), flush=True)
"""

CLERK: Final = """
import sys
from itertools import count
from pathlib import Path
from tests.unit.credentials.stores import LATER, NOW, event, issue, opened
store = opened(Path(sys.argv[1]))
for number in count():
    with store.change(NOW) as change:
        assert issue(change, f"t-{number}", subject="a")
        assert change.consume_nonce(f"t-{number}", expires_at=LATER)
        change.record(event())
    print(f"t-{number}", flush=True)
"""

HALF_DONE: Final = """
import os, signal, sys
from pathlib import Path
from tests.unit.credentials.stores import LATER, NOW, event, issue, opened
store = opened(Path(sys.argv[1]))
with store.change(NOW) as change:
    assert change.renew("a", "a2", expires_at=LATER)
    change.record(event())
    change.finish()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def process(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


def tell(running: subprocess.Popen[str], line: str) -> None:
    assert running.stdin is not None
    running.stdin.write(f"{line}\n")
    running.stdin.flush()


def hear(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def test_of_many_processes_on_one_file_exactly_one_wins(tmp_path: Path) -> None:
    store = opened(tmp_path)
    furnish(store, "a")
    prizes = lay_out(store)
    with (
        process(CONTENDER, str(tmp_path), "0") as one,
        process(CONTENDER, str(tmp_path), "1") as two,
        process(CONTENDER, str(tmp_path), "2") as three,
    ):
        contenders = (one, two, three)
        assert [hear(running) for running in contenders] == ["ready"] * 3
        for what in ("renew", "nonce", "launch"):
            for prize in prizes:
                for running in contenders:
                    tell(running, f"{what} {prize}")
                answers = [hear(running) for running in contenders]
                assert sorted(answers) == ["0", "0", "1"], (what, prize)
    names = [f"{prize}-{number}" for prize in prizes for number in range(3)]
    assert sum(store.standing(name, NOW) == Standing.LIVE for name in names) == ROUNDS
    assert store.verify().is_intact
    store.close()


def test_a_check_waits_for_no_writer_and_sees_what_it_wrote_as_soon_as_it_counts(tmp_path: Path) -> None:
    store = opened(tmp_path)
    furnish(store, "a")
    mark = store.generation()

    def check() -> tuple[Standing, bool, int]:
        return store.standing("a", NOW), store.generation() == mark, store.tip().seq

    with ThreadPoolExecutor(1) as order:
        with store.change(NOW) as change:
            assert change.release("a")
            change.record(event())
            assert order.submit(check).result(timeout=30) == (Standing.LIVE, True, 1)
        assert order.submit(check).result(timeout=30) == (Standing.REVOKED, False, 2)
    store.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
def test_what_a_killed_process_had_confirmed_is_there(tmp_path: Path) -> None:
    store = opened(tmp_path)
    furnish(store, "a")
    store.close()
    with process(CLERK, str(tmp_path)) as clerk:
        confirmed = [hear(clerk) for _ in range(20)]
        clerk.kill()
        assert clerk.stdout is not None
        # What was written before the end of a line was confirmed; a torn last line was not.
        confirmed += [line.strip() for line in clerk.stdout if line.endswith("\n")]
    store = opened(tmp_path)
    assert len(confirmed) >= 20
    assert [jti for jti in confirmed if store.standing(jti, NOW) != Standing.LIVE] == []
    with store.change(NOW) as change:
        assert not any(change.consume_nonce(jti, expires_at=LATER) for jti in confirmed)
    store.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
def test_what_a_killed_process_had_not_confirmed_never_was(tmp_path: Path) -> None:
    store = opened(tmp_path)
    furnish(store, "a")
    store.close()
    with process(HALF_DONE, str(tmp_path)) as killed:
        assert killed.wait(60) == -signal.SIGKILL
    store = opened(tmp_path)
    assert store.standing("a", NOW) == Standing.LIVE
    assert store.token("a2") is None
    assert store.event_count() == 1
    store.close()


def test_threads_that_start_together_make_one_store(tmp_path: Path) -> None:
    def start(number: int) -> str:
        store = CredentialStore.open(tmp_path / "credentials.db", authority=f"{number:032x}", created_at=NOW)
        with store.change(NOW) as change:
            change.record(event())
        store.close()
        return store.authority

    with ThreadPoolExecutor(PROCESSES) as pool:
        assert len(set(pool.map(start, range(PROCESSES)))) == 1
    store = opened(tmp_path)
    assert store.event_count() == PROCESSES
    assert [file.name for file in tmp_path.iterdir() if file.suffix == ".part"] == []
    store.close()
