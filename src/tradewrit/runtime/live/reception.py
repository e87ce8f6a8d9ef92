"""What people at the door ask of a desk, and what they are told.

    request ─▶ who asks ─▶ a command, fed like any other input ─▶ what it led to, in words

Whether anything is done is the agents' business; the same request twice is answered twice.
"""

import asyncio
import traceback
from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from tradewrit.domain.events.account import HaltTrading, ResumeTrading, TradingResumed
from tradewrit.domain.events.market import BelievePrices
from tradewrit.domain.events.risk import CooldownEnded
from tradewrit.domain.ids import derive
from tradewrit.errors import OurFault
from tradewrit.runtime.live.commands import Asked, command, outcome
from tradewrit.runtime.live.lanes import Priority, priority_of
from tradewrit.runtime.live.liquidation import Liquidation
from tradewrit.runtime.live.people import Prove, refuse_without_login
from tradewrit.runtime.live.requests import (
    Answer,
    AnyRequest,
    AskAdopt,
    AskAnswer,
    AskBelieve,
    AskCancel,
    AskClose,
    AskFlatten,
    AskHalt,
    AskMoveStop,
    AskOrders,
    AskResume,
    AskReviews,
    AskStatus,
    AskStop,
)
from tradewrit.runtime.live.reviews import as_event, known
from tradewrit.runtime.live.reviews import outcome as outcome_of_answer
from tradewrit.runtime.ports import Broker

if TYPE_CHECKING:
    from tradewrit.runtime.live.keeper import Keeper
    from tradewrit.runtime.live.shell import Shell


_NAME_LENGTH: Final = 8


class Reception:
    """Answers at the door of one desk. broker: the desk's, which any thread may use. prove: see `people`.

    failures: requests that the desk failed on so far.
    """

    def __init__(self, keeper: "Keeper", broker: Broker, prove: Prove) -> None:
        self._keeper = keeper
        self._broker = broker
        self._prove = prove
        self._flattening: asyncio.Task[Answer] | None = None
        self.failures = 0

    async def receive(self, request: AnyRequest, who: str) -> Answer:
        """Do what is asked. who: as the system knows them. Raises TradewritError for what cannot be done."""
        shell = self._keeper.shell
        if shell is None:
            raise OurFault("the desk has not begun yet; ask again")
        actor = await self._named(shell, request, who)
        match request:
            case AskStatus():
                return self._status(shell)
            case AskOrders():
                live = (order for order in shell.desk.books.orders.values() if order.is_live)
                return replace(self._status(shell), orders=tuple(live))
            case AskReviews():
                return replace(self._status(shell), reviews=known(shell.desk.books))
            case AskStop(reason=reason):
                self._keeper.stop(f"{actor}: {reason}")
                return Answer(said="stopping")
            case AskFlatten(reason=reason):
                return await self._flatten(shell, actor, reason)
            case AskHalt(symbol="", reason=reason):
                return await self._halt(shell, actor, reason)
            case AskResume(symbol="", reason=reason):
                return await self._resume(shell, actor, reason)
            case AskAnswer():
                decided = as_event(request, actor, shell.clock.now())
                return outcome_of_answer(await shell.ask(decided, source=actor, priority=Priority.PEOPLE))
            case AskBelieve(symbol=symbol, reason=reason):
                return await self._believe(shell, actor, symbol, reason)
            case AskHalt() | AskResume() | AskClose() | AskMoveStop() | AskCancel() | AskAdopt():
                return await self._command(shell, request, actor)
            case _:
                assert_never(request)

    def close(self) -> None:
        """The desk is stopping: whoever waits for a liquidation is told so."""
        if self._flattening is not None:
            self._flattening.cancel()

    def failed(self, request: AnyRequest, who: str, bug: Exception) -> str:
        """A bug: it goes into the desk's log, with its trace, under a name that who asked is told."""
        self.failures += 1
        what = request.__struct_config__.tag
        name = derive("door", self.failures, what, self._keeper.now(), bug, length=_NAME_LENGTH)
        said = f"{type(bug).__name__}: {bug}"
        trace = "".join(traceback.format_exception(bug)).rstrip()
        self._keeper.log(_without(request.login, f"FAILED {name}: {what!r} of {who}: {said}\n{trace}"))
        return _without(
            request.login, f"the desk failed on this request: {said}. Its log has more: FAILED {name}"
        )

    def _status(self, shell: "Shell") -> Answer:
        status = replace(shell.status(), failed=self.failures)
        return Answer(said=status.line(), status=status)

    async def _named(self, shell: "Shell", request: AnyRequest, who: str) -> str:
        """Under which name it goes on record: a proven one, never one that somebody claims."""
        refuse_without_login(shell.desk.books.review, request)
        if request.login:
            who = await shell.blocking(lambda: self._prove(request.login))
        return f"human:{who}"

    async def _command(self, shell: "Shell", request: Asked, actor: str) -> Answer:
        asked = command(request, actor, shell.desk.books, shell.clock.now())
        priority = min(map(priority_of, asked))
        answer = outcome(request, await shell.ask(*asked, source=actor, priority=priority))
        known = shell.desk.market.symbols()
        if isinstance(request, AskHalt) and answer.said and request.symbol not in known:
            # It counts: a symbol may be halted before it is traded. But a slip of the pen protects nobody.
            listed = ", ".join(known) or "none"
            return replace(answer, said=f"{answer.said}. NO PRICE OF IT WAS EVER HEARD; known are: {listed}")
        return answer

    async def _believe(self, shell: "Shell", actor: str, symbol: str, reason: str) -> Answer:
        known = shell.desk.market.symbols()
        if symbol not in known:
            raise OurFault(f"no bar of {symbol} was ever believed; known are: {', '.join(known) or 'none'}")
        at = shell.clock.now()
        await shell.ask(BelievePrices(at=at, symbol=symbol, actor=actor, reason=reason), source=actor)
        return Answer(said=f"the next bar of {symbol} is let in, however far away it is")

    async def _halt(self, shell: "Shell", actor: str, reason: str) -> Answer:
        before = shell.desk.books.halted
        halt = HaltTrading(at=shell.clock.now(), actor=actor, reason=reason)
        if unwritable := shell.intake.unwritable:
            self._keeper.owe(halt)  # it must not be forgotten: not by the next life either
            shell.say(halt)
            return Answer(said=f"nothing leaves: {unwritable}. Halted as soon as that can be put on record")
        await shell.ask(halt, source=actor)
        known = f"was halted already: {before}" if before else "halted"
        return Answer(said=f"{known}; no entries, stops and exits go on")

    async def _resume(self, shell: "Shell", actor: str, reason: str) -> Answer:
        said = await shell.ask(ResumeTrading(at=shell.clock.now(), actor=actor, reason=reason), source=actor)
        if not any(isinstance(event, TradingResumed | CooldownEnded) for event in said):
            return Answer(error="nothing to resume: trading is not halted")
        self._keeper.forgive()
        self._keeper.owe(None)
        return Answer(said="resumed: entries may leave again")

    async def _flatten(self, shell: "Shell", actor: str, reason: str) -> Answer:
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

    async def _liquidate(self, shell: "Shell", actor: str, reason: str) -> Answer:
        ended = await Liquidation(shell, self._broker, actor, reason).run()
        left = ", ".join(f"{units:+f} {symbol}" for symbol, units in ended.held.items())
        said = f"{ended.reason}, after {ended.rounds} round{'s' * (ended.rounds != 1)}"
        return Answer(error=f"{said}; left: {left}") if left else Answer(said=said)


def _without(login: str, text: str) -> str:
    """The text without a login, which is a secret and may stand in an error."""
    return text.replace(login, "(login)") if login else text
