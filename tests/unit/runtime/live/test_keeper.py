"""The keeper of a desk and its door: crash loops, lives that follow one another, people at another terminal."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from tests.desks import JOURNAL_ID, START, SYMBOL
from tests.live import Live, play
from tests.scenario.test_live_shell import FULL, Disk
from tests.virtual_loop import in_virtual_time
from tradewrit.domain.events.account import TradingHalted, TradingResumed
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import SECOND
from tradewrit.domain.orders import Role
from tradewrit.domain.rejections import Rejection
from tradewrit.errors import JournalUnwritable, LeaseHeld, OurFault, TradewritError
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.live import door
from tradewrit.runtime.live.door import Door, NoAnswer, door_of, knock, user
from tradewrit.runtime.live.keeper import Keeper
from tradewrit.runtime.live.people import Prove, nobody_proves
from tradewrit.runtime.live.requests import (
    Answer,
    AnyRequest,
    AskFlatten,
    AskHalt,
    AskResume,
    AskStatus,
    AskStop,
)
from tradewrit.runtime.live.shell import Shell
from tradewrit.runtime.live.starts import Starts
from tradewrit.runtime.live.status import Mode
from tradewrit.runtime.live.supervise import StartBudget


def keeper(live: Live, starts: Starts, prove: Prove = nobody_proves) -> Keeper:
    def open_shell() -> Shell:
        live.start(runs=False)
        return live.shell

    return Keeper(open_shell, live.broker, starts, live.clock, live.said.append, prove=prove)


def kept(tmp_path: Path, story: "object", prove: Prove = nobody_proves, **more: object) -> Live:
    """A desk with a keeper: the story is told (live, keeper), and then it is stopped."""
    clock = ManualClock(START)
    live = Live(clock, **more)  # type: ignore[arg-type]
    starts = Starts(tmp_path / "starts", StartBudget(most=3))

    async def whole() -> None:
        one = keeper(live, starts, prove)
        running = asyncio.ensure_future(one.run())
        await live.settle()
        await story(live, one)  # type: ignore[operator]
        one.stop("over")
        await running

    in_virtual_time(clock, whole)
    return live


async def asked(one: Keeper, request: AnyRequest, who: str = "maria") -> str:
    """What somebody at the door is answered."""
    try:
        answer = await one.reception.receive(request, who)
    except TradewritError as refused:
        return str(refused)
    return answer.error or answer.said


def test_after_too_many_crashes_the_desk_protects_and_does_not_enter_until_a_person_resumes(
    tmp_path: Path,
) -> None:
    for n in range(3):
        Starts(tmp_path / "starts", StartBudget(most=3)).begin(START - n * SECOND)

    async def story(live: Live, one: Keeper) -> None:
        assert live.shell.status().mode is Mode.HALTED
        (halt,) = live.events(TradingHalted)
        assert halt.reason == "crash loop: 3 starts in 10 min ended in a crash"
        assert any("SAFE MODE" in line and "tradewrit resume" in line for line in live.said)
        live.says()
        await live.bar(175.50)
        assert live.broker.sent == []
        assert await asked(one, AskResume(reason="disk replaced")) == ("resumed: entries may leave again")
        (resumed,) = live.events(TradingResumed)
        assert resumed.actor == "human:maria"
        await live.enter()
        assert live.held > 0

    kept(tmp_path, story)
    assert Starts(tmp_path / "starts", StartBudget(most=3)).begin(START) == "", "it counts anew"


def test_a_desk_that_ends_properly_uses_up_no_start(tmp_path: Path) -> None:
    async def story(live: Live, _: Keeper) -> None:
        assert live.shell.status().mode is Mode.RUNNING

    for _ in range(6):
        kept(tmp_path, story)


@pytest.mark.parametrize("seconds", [3, 60])
def test_a_halt_while_the_journal_cannot_be_written_is_not_forgotten(tmp_path: Path, seconds: int) -> None:
    disk = Disk(JOURNAL_ID)

    async def story(live: Live, one: Keeper) -> None:
        await live.enter()
        disk.fault = FULL
        await live.settle(seconds)
        told = await asked(one, AskHalt(reason="bad fills"))
        assert told.startswith("nothing leaves: ")
        assert "Halted as soon as that can be put on record" in told
        disk.fault = None
        await live.settle(30)
        assert (live.life > 1) == (seconds > 30), "the lease was lost, or it was not"
        status = live.shell.status()
        assert (status.mode, status.because) == (Mode.HALTED, "bad fills")

    kept(tmp_path, story, journal=disk)


def test_who_asked_when_the_disk_filled_up_is_told_that_this_life_is_over(tmp_path: Path) -> None:
    disk = Disk(JOURNAL_ID)

    async def story(live: Live, one: Keeper) -> None:
        await live.enter()
        await live.settle(0.5)  # between two looks at the clock, so that this is what finds the disk full
        disk.fault = FULL
        asking = asyncio.ensure_future(asked(one, AskHalt(reason="bad fills")))
        await live.settle(60)
        disk.fault = None
        await live.settle(30)
        assert asking.done(), "nobody waits for an answer that cannot come"
        assert await asking == "account.halt : the desk has stopped"

    kept(tmp_path, story, journal=disk)


def test_when_the_journal_can_be_written_again_another_life_begins(tmp_path: Path) -> None:
    disk = Disk(JOURNAL_ID)

    async def story(live: Live, _: Keeper) -> None:
        await live.enter()
        disk.fault = FULL
        await live.settle(60)
        assert live.shell.status().mode is Mode.SAFE
        disk.fault = None
        await live.settle(30)
        assert live.life > 1
        assert live.shell.status().mode is Mode.RUNNING
        live.quote(140.0)
        await live.settle(2)
        assert live.held == 0

    live = kept(tmp_path, story, journal=disk)
    live.audit()


def test_a_dead_desk_s_lease_is_waited_for_and_a_living_one_s_is_not(tmp_path: Path) -> None:
    async def story(live: Live) -> None:
        other = Live(live.clock, journal=live.journal)
        other.exchange, other.broker = live.exchange, live.broker
        with pytest.raises(LeaseHeld, match="life-1"):
            await keeper(other, Starts(tmp_path / "starts", StartBudget())).run()
        await live.crash()
        running = asyncio.ensure_future(keeper(live, Starts(tmp_path / "s", StartBudget())).run())
        await live.settle(30)
        assert live.life == 2
        live.shell.stop("over")
        await running

    play(story)


def test_a_journal_that_cannot_be_opened_at_the_start_is_said_at_once(tmp_path: Path) -> None:
    def refuses() -> Shell:
        raise JournalUnwritable("read-only")

    async def start() -> None:
        live = Live(ManualClock(START))
        with pytest.raises(JournalUnwritable):
            await Keeper(refuses, live.broker, Starts(tmp_path / "s", StartBudget()), live.clock, print).run()

    in_virtual_time(ManualClock(START), start)


# -- people


def test_a_person_halts_resumes_flattens_and_asks_how_it_stands(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.enter()
        assert f"holds +5 {SYMBOL}" in await asked(one, AskStatus())
        assert "halted" in await asked(one, AskHalt(reason="drill"))
        assert "already" in await asked(one, AskHalt(reason="drill"))
        assert "resumed" in await asked(one, AskResume(reason="drill over"))
        assert "not halted" in await asked(one, AskResume(reason="again"))
        flat = asyncio.ensure_future(asked(one, AskFlatten(reason="drill")))
        await asyncio.sleep(0)
        assert "under way already" in await asked(one, AskFlatten(reason="twice"))
        for _ in range(30):
            await live.settle(1)
            live.quote(175.0)
        assert (await flat).startswith("the account is flat")
        assert await asked(one, AskStop(reason="evening")) == "stopping"

    live = kept(tmp_path, story)
    assert live.held == 0
    live.audit()


def test_a_desk_that_stops_gives_a_liquidation_up_and_says_so(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        await live.enter()
        flat = asyncio.ensure_future(asked(one, AskFlatten(reason="drill")))
        await live.settle(1)
        one.stop("SIGTERM")
        assert "given up" in await flat

    kept(tmp_path, story)


# -- the door itself, on a real socket


def failed(request: AnyRequest, who: str, bug: Exception) -> str:
    return f"{type(request).__name__} of {who}: {bug!r}"


def at_the_door(folder: Path, *requests: bytes | AnyRequest) -> list[Answer | str]:
    path = folder / "d"
    answers: list[Answer | str] = []

    async def reception(request: AnyRequest, who: str) -> Answer:
        if isinstance(request, AskHalt):
            raise OurFault("not today")
        if isinstance(request, AskStop):
            raise KeyError("a bug")
        return Answer(said=f"{type(request).__name__} by {who}")

    def knocks() -> None:
        for request in requests:
            try:
                sent = request if not isinstance(request, bytes) else msgspec.Raw(request)
                answers.append(knock(path, sent, timeout_s=5.0))  # type: ignore[arg-type]
            except OurFault as refused:
                answers.append(str(refused))

    async def serve() -> None:
        own = Door(path, reception, failed)
        await own.open()
        assert path.stat().st_mode & 0o777 == 0o600
        await asyncio.to_thread(knocks)
        await own.close()
        assert not path.exists()

    asyncio.run(serve())
    return answers


def test_one_request_one_answer_and_a_refusal_is_an_answer_too(tmp_path: Path) -> None:
    status, halt = at_the_door(tmp_path, AskStatus(), AskHalt(reason="drill"))
    assert status == Answer(said=f"AskStatus by {user(os.getuid())}")
    assert halt == Answer(error="not today")


def test_a_bug_in_the_reception_is_told_and_the_door_stays_open(tmp_path: Path) -> None:
    bug, status = at_the_door(tmp_path, AskStop(reason="drill"), AskStatus())
    assert bug == Answer(error=f"AskStop of {user(os.getuid())}: KeyError('a bug')")
    assert isinstance(status, Answer)
    assert not status.error


def test_a_request_that_the_desk_fails_on_is_in_its_log_under_a_name_and_in_its_status(
    tmp_path: Path,
) -> None:
    """Someone at another terminal is answered from a real socket; whoever reads the log finds it."""

    def broken(login: str) -> str:
        raise LookupError(f"no operator for {login}")

    answers: list[Answer] = []

    async def story(live: Live, one: Keeper) -> None:
        for _ in range(2):
            failing = AskHalt(reason="drill", login="s3cret-token")
            try:
                await one.reception.receive(failing, "maria")
            except LookupError as bug:
                answers.append(Answer(error=one.reception.failed(failing, "maria", bug)))
        answers.append(await one.reception.receive(AskStatus(), "maria"))
        await live.settle(1)

    live = kept(tmp_path, story, prove=broken)
    first, second, status = answers
    name = first.error.rpartition("FAILED ")[2]
    assert first.error == (
        "the desk failed on this request: LookupError: no operator for (login). Its log has more: "
        f"FAILED {name}"
    )
    assert first.error != second.error, "each has a name of its own"
    (line,) = [line for line in live.said if line.startswith(f"FAILED {name}: ")]
    assert line.startswith(f"FAILED {name}: 'halt' of maria: LookupError: no operator for (login)\n")
    assert "Traceback (most recent call last)" in line
    assert "in broken" in line
    assert "s3cret" not in "".join(live.said)
    assert status.status is not None
    assert status.status.failed == 2
    assert "REQUESTS FAILED: 2 so far; look for FAILED in the log" in status.said


def test_nobody_can_say_who_they_are(tmp_path: Path) -> None:
    for claim in ("actor", "who", "human"):
        (answer,) = at_the_door(tmp_path, f'{{"ask": "status", "{claim}": "boss"}}'.encode())
        assert isinstance(answer, Answer)
        assert answer.error.startswith("not understood: "), answer


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="only root can be somebody else")
def test_somebody_else_at_the_door_is_named_by_the_system() -> None:
    program = (
        "import os, socket, sys; os.setuid(65534); line = socket.socket(socket.AF_UNIX); "
        'line.connect(sys.argv[1]); line.sendall(b\'{"ask": "status"}\\n\'); print(line.recv(1000).decode())'
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "d"
        done: list[subprocess.CompletedProcess[str]] = []

        def knocks() -> None:
            command = [sys.executable, "-I", "-c", program, str(path)]
            done.append(subprocess.run(command, capture_output=True, text=True, check=False))
            path.chmod(0o666)  # as an owner may who wants others in
            done.append(subprocess.run(command, capture_output=True, text=True, check=False))

        async def reception(request: AnyRequest, who: str) -> Answer:
            del request
            return Answer(said=who)

        async def serve() -> None:
            own = Door(path, reception, failed)
            await own.open()
            await asyncio.to_thread(knocks)
            await own.close()

        asyncio.run(serve())
    refused, named = done
    assert "PermissionError" in refused.stderr, "the file is its owner's"
    assert msgspec.json.decode(named.stdout, type=Answer).said == user(65534)


def test_a_folder_that_others_can_write_to_is_no_place_for_a_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    monkeypatch.setattr(door, "_in_shared_place", lambda: shared)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    place = door_of(tmp_path / ("x" * 120) / "desk.sqlite")
    assert place.parent == shared
    with pytest.raises(NoAnswer):
        knock(place, AskStatus(), timeout_s=1.0)
    shared.mkdir(mode=0o777)
    shared.chmod(0o777)
    for reach in (lambda: knock(place, AskStatus(), timeout_s=1.0), lambda: asyncio.run(opened(place))):
        with pytest.raises(OurFault, match="is open to others, so what listens there may be no desk"):
            reach()


async def opened(place: Path) -> None:
    async def reception(request: AnyRequest, who: str) -> Answer:
        del request
        return Answer(said=who)

    await Door(place, reception, failed).open()


def test_what_a_crashed_desk_left_is_taken_away_and_what_is_no_door_is_not(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "d"))
    assert at_the_door(tmp_path, AskStatus()) == [Answer(said=f"AskStatus by {user(os.getuid())}")]
    (tmp_path / "d").write_text("mine")
    with pytest.raises(OurFault, match="is no door of a desk"):
        at_the_door(tmp_path)
    assert (tmp_path / "d").read_text() == "mine"


def test_where_nobody_is_at_home_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="no desk answers at"):
        knock(tmp_path / "d", AskStatus(), timeout_s=1.0)


def test_a_journal_deep_in_the_file_system_has_a_door_with_a_short_path() -> None:
    short = door_of(Path("/srv/desk.sqlite"))
    assert short == Path("/srv/desk.sqlite.door")
    deep = Path("/srv") / ("x" * 120) / "desk.sqlite"
    assert len(os.fsencode(door_of(deep))) <= 100
    assert door_of(deep) == door_of(deep) != door_of(deep.with_name("other.sqlite"))


def test_status_says_where_the_venue_refused_too_often_and_resume_ends_it(tmp_path: Path) -> None:
    async def story(live: Live, one: Keeper) -> None:
        live.broker.refuses, live.broker.refusal = {Role.ENTRY}, Rejection.NOT_SHORTABLE
        live.says()
        await live.bar(175.50)
        assert (
            "NO ENTRY: the venue refused an entry (not_shortable): none in AAPL until a person resumes"
            in (await asked(one, AskStatus()))
        )
        assert "resumed" in await asked(one, AskResume(reason="the broker lends it now"))
        assert "NO ENTRY" not in await asked(one, AskStatus())
        live.broker.refuses = set()
        await live.enter()
        assert live.held > 0

    kept(tmp_path, story, limits=Limits(max_refusals=1))
