"""Runs an emergency liquidation on a live desk, round after round, until the account is flat.

The one place beside the performer from which orders leave: each is on record first, goes out under the
keeper's protective writ, can only reduce, and is the last thing there is.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.positions import CloseTrade
from tradewrit.domain.events.running import Closing, FlattenEnded, FlattenRound
from tradewrit.domain.market import SECOND, MarketPhase
from tradewrit.domain.orders import OrderTerms
from tradewrit.domain.writs import KEEPER
from tradewrit.errors import TheirFault, TradewritError
from tradewrit.runtime.live.flatten import approved, in_the_way, plan, run_name
from tradewrit.runtime.live.lanes import Priority
from tradewrit.runtime.ports import Broker

if TYPE_CHECKING:
    from tradewrit.runtime.live.shell import Shell

T = TypeVar("T")


class Liquidation:
    """One emergency liquidation. broker: that of the desk, which any thread may use."""

    def __init__(self, shell: "Shell", broker: Broker, actor: str, reason: str) -> None:
        self._shell = shell
        self._broker = broker
        self._actor = actor
        self._reason = reason
        self._run = run_name(shell.desk.journal.id, shell.clock.now())

    async def run(self) -> FlattenEnded:
        """Until the account is flat or its market is closed; returns the end, which is on record."""
        shell = self._shell
        if not shell.desk.books.halted:
            halt = HaltTrading(at=shell.clock.now(), actor=self._actor, reason=f"flatten: {self._reason}")
            await shell.ask(halt, source=self._actor)
        number = 0
        while True:
            try:
                held, working = await shell.blocking(self._look)
            except TheirFault as lost:
                shell.log(f"flatten: the venue cannot be asked: {lost}; asked again")
            else:
                why = self._why_over(held)
                if why:
                    return await self._end(number, held, why)
                number += 1
                await self._round(number, held, working)
            await asyncio.sleep(shell.policy.flatten_round_ns / SECOND)

    def _look(self) -> tuple[Mapping[str, Decimal], Sequence[OrderTerms]]:
        return dict(self._broker.positions()), tuple(self._broker.open_orders())

    def _why_over(self, held: Mapping[str, Decimal]) -> str:
        if not any(held.values()):
            return "the account is flat"
        market = self._shell.desk.market
        if market.phase(self._shell.clock.now()) is not MarketPhase.OPEN:
            return "the market is closed: what is left keeps its stops; run it again when it opens"
        return ""

    async def _round(self, number: int, held: Mapping[str, Decimal], working: Sequence[OrderTerms]) -> None:
        shell = self._shell
        planned = plan(self._run, number, shell.clock.now(), shell.desk.books, held, working)
        left = ", ".join(f"{units:+f} {symbol}" for symbol, units in planned.held.items())
        shell.log(f"flatten round {number}: {left}")
        await shell.ask(planned)
        for trade in planned.trades:
            close = CloseTrade(at=shell.clock.now(), trade_id=trade, reason="flatten", actor=self._actor)
            await shell.ask(close, source=self._actor, priority=Priority.EXITS)
        for closing in planned.closings:
            await self._close(planned, closing, working)

    async def _close(self, planned: FlattenRound, closing: Closing, working: Sequence[OrderTerms]) -> None:
        shell, broker = self._shell, self._broker
        shell.desk.keep()  # raises LeaseLost where this desk may not send any more
        now = shell.clock.now()
        grant = shell.desk.writs.live(KEEPER, now)
        order = approved(closing, planned.run, now)
        for order_id in in_the_way(closing, working):
            await self._heard(partial(broker.cancel, order_id, grant))
        await self._heard(partial(broker.place, order, grant))

    async def _heard(self, call: Callable[[], Sequence[Event]]) -> None:
        """What the venue answers is a fact; what it does not answer, the next round sees."""
        try:
            reports = await self._shell.blocking(call)
        except TradewritError as failed:
            self._shell.log(f"flatten: {failed}; the next round asks what is held")
            return
        for report in reports:
            await self._shell.ask(report, source="venue")

    async def _end(self, rounds: int, held: Mapping[str, Decimal], why: str) -> FlattenEnded:
        left = {symbol: units for symbol, units in held.items() if units}
        ended = FlattenEnded(at=self._shell.clock.now(), run=self._run, rounds=rounds, held=left, reason=why)
        self._shell.log(f"flatten: over after {rounds} round{'s' * (rounds != 1)}: {why}")
        await self._shell.ask(ended)
        return ended
