"""Keeps a desk alive in one process: its starts are counted, its lives follow one another, people are heard.

A life ends when it was asked to, or when the journal could not be written for longer than the lease lasts; in
the second case the next begins as soon as there is room. Everything else that ends a life ends the process:
whatever started it starts it again, and here the starts are counted.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tradewrit.domain.events.account import HaltTrading, ResumeTrading, TradingResumed
from tradewrit.domain.writs import DESK
from tradewrit.errors import JournalBroken, JournalUnwritable, LeaseHeld, OurFault, WrongVenue
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.live.door import (
    Answer,
    AnyRequest,
    AskAnswer,
    AskFlatten,
    AskHalt,
    AskResume,
    AskReviews,
    AskStatus,
    AskStop,
)
from tradewrit.runtime.live.lanes import Priority
from tradewrit.runtime.live.liquidation import Liquidation
from tradewrit.runtime.live.reviews import as_event, known, outcome
from tradewrit.runtime.live.shell import Ended, Log, Shell
from tradewrit.runtime.live.starts import Starts
from tradewrit.runtime.ports import Broker

_LEAVE: Final = "look into the log; then: tradewrit resume"


class Keeper:
    """One desk for as long as its process lives.

    open_shell: begins a life: opens the journal, takes the lease, makes desk and shell.
    broker: the desk's, which any thread may use. clock: the machine's.
    pause_s: between two tries for a journal that cannot be had; not above the length of a lease.
    """

    def __init__(
        self,
        open_shell: Callable[[], Shell],
        broker: Broker,
        starts: Starts,
        clock: Clock,
        log: Log,
        *,
        pause_s: float = 2.0,
    ) -> None:
        self._open_shell = open_shell
        self._broker = broker
        self._starts = starts
        self._clock = clock
        self._log = log
        self._pause_s = pause_s
        self._stopping = asyncio.Event()
        self._why = ""
        self._flattening: asyncio.Task[Answer] | None = None
        self._owed: HaltTrading | None = None
        self.shell: Shell | None = None

    async def run(self, begun: Callable[[], object] = lambda: None) -> None:
        """Live until `stop`. begun: called when the first life has begun. Raises what ends a life for good.

        Raises LeaseHeld when another desk on the account is alive; that of a dead one is waited for. Raises
        WrongVenue when another exchange answers than the journal belongs to.
        """
        crashes = self._starts.begin(self._clock.now())
        is_first = True
        while not self._stopping.is_set():
            shell = await self._open(is_first=is_first)
            if shell is None:
                break
            self.shell = shell
            if is_first:
                begun()
                self._guard(shell, crashes)
            is_first = False
            if self._owed is not None:
                shell.say(self._owed)
            if self._stopping.is_set():
                shell.stop(self._why)
            if await shell.run() is Ended.STOPPED:
                break
        self._starts.end()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stopping.is_set()

    def stop(self, reason: str) -> None:
        """End gracefully. From the loop's thread."""
        self._why = self._why or reason
        self._stopping.set()
        if self._flattening is not None:
            self._flattening.cancel()
        if self.shell is not None:
            self.shell.stop(reason)

    async def _open(self, *, is_first: bool) -> Shell | None:
        """The next life, once the journal can be had; None when somebody asked to stop before."""
        said = ""
        while not self._stopping.is_set():
            try:
                return self._open_shell()
            except JournalBroken:
                raise
            except LeaseHeld as held:
                if said and is_first and str(held) != said:  # it has just been renewed: its holder lives
                    self._starts.end()
                    raise
                said = self._wait_for(said, str(held))
            except WrongVenue:  # nothing was begun, so nothing has crashed
                self._starts.end()
                raise
            except JournalUnwritable as full:
                if is_first:
                    raise
                said = self._wait_for(said, str(full))
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s):
                    await self._stopping.wait()
        return None

    def _wait_for(self, said: str, why: str) -> str:
        if why != said:
            self._log(f"WAITING: {why}")
        return why

    def _guard(self, shell: Shell, crashes: str) -> None:
        """Too many crashes: what is held is looked after, and nothing is added to it."""
        if not crashes:
            return
        self._log(f"SAFE MODE: {crashes}. No entries; positions are watched and protected. {_LEAVE}")
        if not shell.desk.books.halted:
            reason = f"crash loop: {crashes}"
            shell.say(HaltTrading(at=shell.clock.now(), actor=DESK, reason=reason))

    def halt(self, reason: str) -> None:
        """Something is wrong: no entries until a person has looked. From the loop's thread."""
        shell = self.shell
        if shell is not None:
            self._log(f"HALTED: {reason}. {_LEAVE}")
            shell.say(HaltTrading(at=shell.clock.now(), actor=DESK, reason=reason))

    # -- people

    async def receive(self, request: AnyRequest) -> Answer:
        """What somebody at the door asks for."""
        shell = self.shell
        if shell is None:
            raise OurFault("the desk has not begun yet; ask again")
        match request:
            case AskStatus():
                status = shell.status()
                return Answer(said=status.line(), status=status)
            case AskStop(reason=reason):
                self.stop(f"{_named(request)}: {reason}")
                return Answer(said="stopping")
            case AskHalt(reason=reason):
                return await self._halt(shell, _named(request), reason)
            case AskResume(reason=reason):
                return await self._resume(shell, _named(request), reason)
            case AskFlatten(reason=reason):
                return await self._flatten(shell, _named(request), reason)
            case AskReviews():
                status = shell.status()
                return Answer(said=status.line(), status=status, reviews=known(shell.desk.books))
            case AskAnswer():
                return await self._decide(shell, request)

    async def _halt(self, shell: Shell, actor: str, reason: str) -> Answer:
        before = shell.desk.books.halted
        if unwritable := shell.intake.unwritable:
            # It cannot be put on record now, and must not be forgotten: not by the next life either.
            self._owed = HaltTrading(at=shell.clock.now(), actor=actor, reason=reason)
            shell.say(self._owed)
            return Answer(said=f"nothing leaves: {unwritable}. Halted as soon as that can be put on record")
        await shell.ask(HaltTrading(at=shell.clock.now(), actor=actor, reason=reason), source=actor)
        known = f"was halted already: {before}" if before else "halted"
        return Answer(said=f"{known}; no entries, stops and exits go on")

    async def _resume(self, shell: Shell, actor: str, reason: str) -> Answer:
        said = await shell.ask(ResumeTrading(at=shell.clock.now(), actor=actor, reason=reason), source=actor)
        if not any(isinstance(event, TradingResumed) for event in said):
            return Answer(error="nothing to resume: trading is not halted")
        self._starts.forgive()
        self._owed = None
        return Answer(said="resumed: entries may leave again")

    async def _decide(self, shell: Shell, request: AskAnswer) -> Answer:
        actor = _named(request)
        decided = as_event(request, actor, shell.clock.now())
        return outcome(await shell.ask(decided, source=actor, priority=Priority.PEOPLE))

    async def _flatten(self, shell: Shell, actor: str, reason: str) -> Answer:
        if self._flattening is not None and not self._flattening.done():
            return Answer(error="a liquidation is under way already: see the log")
        self._flattening = asyncio.ensure_future(self._liquidate(shell, actor, reason))
        try:
            # Whoever asked may hang up: the liquidation goes on all the same.
            return await asyncio.shield(self._flattening)
        except asyncio.CancelledError:
            return Answer(
                error="the desk is stopping: the liquidation was given up; stops are where they were"
            )

    async def _liquidate(self, shell: Shell, actor: str, reason: str) -> Answer:
        ended = await Liquidation(shell, self._broker, actor, reason).run()
        left = ", ".join(f"{units:+f} {symbol}" for symbol, units in ended.held.items())
        said = f"{ended.reason}, after {ended.rounds} rounds"
        return Answer(error=f"{said}; left: {left}") if left else Answer(said=said)


def _named(request: AnyRequest) -> str:
    return f"human:{request.actor or 'unknown'}"
