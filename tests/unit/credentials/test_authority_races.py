"""Many threads and several processes after the same token, launch token and nonce: one gets it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Barrier
from typing import Final

import msgspec
import pytest

from tests.unit.credentials.authorities import (
    BY,
    NOW,
    add_app,
    is_live,
    key,
    launch,
    opened,
    passed_on,
    register,
    registration,
)
from tradewrit.credentials.authority import Authority
from tradewrit.credentials.requests import Issued, Registration
from tradewrit.errors import CredentialRefused
from tradewrit.runtime.clock import ManualClock

THREADS: Final = 12
ROUNDS: Final = 100
PROCESSES: Final = 4
PROCESS_ROUNDS: Final = 25


def won(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except CredentialRefused:
        return False
    return True


def race(prizes: list[str], reach: Callable[[int, str], bool]) -> list[int]:
    """How many got each prize, when all threads reach for one after the other together."""
    start = Barrier(THREADS)

    def contend(number: int) -> list[bool]:
        got = []
        try:
            for prize in prizes:
                start.wait()
                got.append(reach(number, prize))
        except BaseException:
            start.abort()  # or the others wait for ever
            raise
        return got

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(contend, range(THREADS)))
    return [sum(round_) for round_ in zip(*outcomes, strict=True)]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Authority, Authority]]:
    """Two on one home, as two processes would be."""
    clock = ManualClock(at=NOW)
    with (
        opened(tmp_path, clock=clock, busy_timeout_s=60) as first,
        opened(tmp_path, clock=clock, busy_timeout_s=60) as second,
    ):
        yield first, second


def revoke_others(authority: Authority, number: int) -> None:
    """The writes of others that go on meanwhile."""
    authority.revoke("token", f"{number:032x}", by=BY)


def test_of_twelve_renewals_of_one_token_one_wins(pair: tuple[Authority, Authority]) -> None:
    app = add_app(pair[0])
    tokens = [register(pair[0], app) for _ in range(ROUNDS)]
    successors: list[Issued] = []

    def reach(number: int, token: str) -> bool:
        authority = pair[number % 2]
        revoke_others(authority, number)
        return won(lambda: successors.append(authority.renew(token)))

    assert race([each.token for each in tokens], reach) == [1] * ROUNDS
    assert len(successors) == ROUNDS
    assert all(is_live(pair[0], each) for each in successors)
    assert not any(is_live(pair[1], each) for each in tokens)
    assert pair[0].verify_audit().is_intact


def test_of_twelve_registrations_with_one_launch_token_one_wins(pair: tuple[Authority, Authority]) -> None:
    app = add_app(pair[0])
    prizes = {(launched := launch(pair[0], app)).secret: launched for _ in range(ROUNDS)}

    def reach(number: int, secret: str) -> bool:
        authority = pair[number % 2]
        revoke_others(authority, number)
        whole = registration(prizes[secret], authority.challenge(), key())
        return won(lambda: authority.register(whole))

    assert race(list(prizes), reach) == [1] * ROUNDS


def test_of_twelve_registrations_with_one_nonce_one_wins(pair: tuple[Authority, Authority]) -> None:
    app = add_app(pair[0])
    launched = launch(pair[0], app, is_single_use=False)
    nonces = {(challenge := pair[0].challenge()).nonce: challenge for _ in range(ROUNDS)}

    def reach(number: int, nonce: str) -> bool:
        authority = pair[number % 2]
        revoke_others(authority, number)
        return won(lambda: authority.register(registration(launched, nonces[nonce], key())))

    assert race(list(nonces), reach) == [1] * ROUNDS


def test_a_token_that_is_renewed_released_and_delegated_at_once_leaves_nothing_alive_that_should_be_dead(
    pair: tuple[Authority, Authority],
) -> None:
    app = add_app(pair[0])
    to = register(pair[0], app).claims.sub
    tokens = [register(pair[0], app) for _ in range(ROUNDS // 2)]
    made: list[Issued] = []

    def reach(number: int, token: str) -> bool:
        authority = pair[number % 2]
        acts: list[Callable[[], object]] = [
            lambda: made.append(authority.renew(token)),
            lambda: made.append(passed_on(authority, token, to)),
            lambda: authority.revoke("task", "swing", by=BY),
        ]
        return won(acts[number % 3])

    race([each.token for each in tokens], reach)
    assert not any(is_live(each, token) for each in pair for token in (*tokens, *made))


CONTENDER: Final = """
import sys
from pathlib import Path
from tests.unit.credentials.authorities import NOW, opened
from tests.unit.credentials.test_authority_races import contend
from tradewrit.runtime.clock import ManualClock
with opened(Path(sys.argv[1]), clock=ManualClock(at=NOW), busy_timeout_s=60) as authority:
    print("ready", flush=True)
    for line in sys.stdin:
        print(int(contend(authority, int(sys.argv[2]), line)), flush=True)
"""


def contend(authority: Authority, number: int, line: str) -> bool:
    """One reach of a process: what, and the prize as JSON."""
    what, _, prize = line.strip().partition(" ")
    revoke_others(authority, number)
    if what == "renew":
        return won(lambda: authority.renew(prize))
    return won(lambda: authority.register(msgspec.json.decode(prize, type=Registration)))


@contextmanager
def process(folder: Path, number: int) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-c", CONTENDER, str(folder), str(number)],
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


def hear(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def tell(running: subprocess.Popen[str], line: str) -> None:
    assert running.stdin is not None
    running.stdin.write(f"{line}\n")
    running.stdin.flush()


def test_of_several_processes_one_wins_each_token_launch_token_and_nonce(tmp_path: Path) -> None:
    with opened(tmp_path, busy_timeout_s=60) as authority, ExitStack() as stack:
        app = add_app(authority)
        often = launch(authority, app, is_single_use=False)
        prizes = []
        for _ in range(PROCESS_ROUNDS):
            prizes.append(f"renew {register(authority, app).token}")
            for launched in (launch(authority, app), often):
                whole = registration(launched, authority.challenge(), key())
                prizes.append(f"register {msgspec.json.encode(whole).decode()}")
        running = [stack.enter_context(process(tmp_path, number)) for number in range(PROCESSES)]
        assert [hear(each) for each in running] == ["ready"] * PROCESSES
        for prize in prizes:
            for each in running:
                tell(each, prize)
        outcomes = [[int(hear(each)) for _ in prizes] for each in running]
        assert [sum(round_) for round_ in zip(*outcomes, strict=True)] == [1] * len(prizes)
        assert authority.verify_audit().is_intact
