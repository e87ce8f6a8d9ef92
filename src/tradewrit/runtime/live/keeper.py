"""Keeps a desk alive in one process: its starts are counted, its lives follow one another.

A life ends when it was asked to, or when the journal could not be written for longer than the lease lasts; in
the second case the next begins as soon as there is room. Everything else that ends a life ends the process:
whatever started it starts it again, and here the starts are counted.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event
from tradewrit.domain.writs import DESK
from tradewrit.errors import JournalBroken, JournalUnwritable, LeaseHeld, WrongVenue
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.live.people import Prove, nobody_proves
from tradewrit.runtime.live.reception import Reception
from tradewrit.runtime.live.shell import Ended, Log, Shell
from tradewrit.runtime.live.starts import Starts
from tradewrit.runtime.ports import Broker

_LEAVE: Final = "look into the log; then: tradewrit resume"


class Keeper:
    """One desk for as long as its process lives.

    open_shell: begins a life: opens the journal, takes the lease, makes desk and shell.
    broker: the desk's, which any thread may use. clock: the machine's.
    log: takes lines for people.
    pause_s: between two tries for a journal that cannot be had; not above the length of a lease.
    prove: who a person at the door is that logs in.
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
        prove: Prove = nobody_proves,
    ) -> None:
        self._open_shell = open_shell
        self._starts = starts
        self._clock = clock
        self.log = log
        self._pause_s = pause_s
        self._stopping = asyncio.Event()
        self._why = ""
        self._owed: HaltTrading | None = None
        self.shell: Shell | None = None
        self.reception = Reception(self, broker, prove)

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

    def now(self) -> int:
        """The machine's time, UTC ns."""
        return self._clock.now()

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stopping.is_set()

    def stop(self, reason: str) -> None:
        """End gracefully. From the loop's thread."""
        self._why = self._why or reason
        self._stopping.set()
        self.reception.close()
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
            self.log(f"WAITING: {why}")
        return why

    def _guard(self, shell: Shell, crashes: str) -> None:
        """Too many crashes: what is held is looked after, and nothing is added to it."""
        if not crashes:
            return
        self.log(f"SAFE MODE: {crashes}. No entries; positions are watched and protected. {_LEAVE}")
        if not shell.desk.books.halted:
            reason = f"crash loop: {crashes}"
            shell.say(HaltTrading(at=shell.clock.now(), actor=DESK, reason=reason))

    def halt(self, reason: str) -> None:
        """Something is wrong: no entries until a person has looked. From the loop's thread."""
        shell = self.shell
        if shell is not None:
            self.log(f"HALTED: {reason}. {_LEAVE}")
            shell.say(HaltTrading(at=shell.clock.now(), actor=DESK, reason=reason))

    def say(self, event: Event) -> None:
        """Put what the desk's surroundings have noticed on record. From the loop's thread."""
        if self.shell is not None:
            self.shell.say(event)

    def owe(self, halt: HaltTrading | None) -> None:
        """A halt that cannot be put on record now: the next life begins with it. None: it is over."""
        self._owed = halt

    def forgive(self) -> None:
        """A person has looked into the crashes that were counted."""
        self._starts.forgive()
