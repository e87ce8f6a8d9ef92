"""What a live desk does by the clock: compares with the venue, follows the session, watches its lines.

Called by the shell once a second; says what it noticed through the shell.
"""

from typing import TYPE_CHECKING, Final

from tradewrit.domain.events.market import MaintenanceBegan, MarketStatusReported
from tradewrit.domain.events.running import StreamCut, StreamLost, StreamRestored
from tradewrit.domain.market import SECOND, MarketPhase, MarketStatus
from tradewrit.domain.times import iso
from tradewrit.runtime.live.lanes import Input, Priority
from tradewrit.runtime.live.lines import Line
from tradewrit.runtime.market import Sessions

if TYPE_CHECKING:
    from tradewrit.runtime.live.shell import Shell


_CLOCK: Final = "clock"
_SESSION: Final = frozenset({MarketPhase.OPEN, MarketPhase.BREAK})
_MAINTENANCE: Final = "maintenance"


class Outage:
    """One cut of a line. seen_at: monotonic ns, when it was looked at last. lasted: ns, so far."""

    def __init__(self, now: int) -> None:
        self.seen_at = now
        self.lasted = 0
        self.is_told = False


class Rounds:
    """The rounds of one shell."""

    def __init__(self, shell: "Shell", sessions: Sessions | None) -> None:
        self._shell = shell
        self._sessions = sessions
        self._seen: MarketStatus | None = None
        self._is_skewed = False
        self._compared_at = 0
        self._said_at = 0
        self._said = ""
        self._outages: dict[str, Outage] = {}
        self._announced = 0

    def begin(self) -> None:
        """At the start."""
        self._compare("start", is_awaited=True)
        self._follow_session()
        self._follow_maintenance()

    def tick(self) -> None:
        """Once a second."""
        shell = self._shell
        now, is_open = shell.clock.monotonic(), self._is_open()
        for line in shell.lines:
            line.look(now, is_open=is_open)
            self._count_outage(line, now)
            if line.is_stale:
                shell.entries.withhold(f"prices {line.name}", f"the prices of {line.name} are stale")
            else:
                shell.entries.allow(f"prices {line.name}")
        self._follow_session()
        self._follow_maintenance()
        self._compare_clocks()
        policy = shell.policy
        is_working = any(order.is_live and order.is_sent for order in shell.desk.books.orders.values())
        # What has traded may be corrected, and the word of that may get lost.
        may_change = is_open and bool(shell.desk.books.executions)
        due = policy.reconcile_ns if is_working or may_change else policy.idle_reconcile_ns
        is_deaf = is_working and not self._is_maintained() and not all(line.is_up for line in shell.lines)
        if shell.is_comparing or is_deaf:  # fills are heard by asking alone
            due = policy.retry_compare_ns
        if now - self._compared_at >= due:
            self._compare("minute")
        self._log(now)

    def told(self, line: Line, reason: str) -> None:
        """A line was cut, or is back."""
        shell, at = self._shell, self._shell.clock.now()
        cause = f"line {line.name}"
        if reason:
            is_expected = self._is_maintained()
            why = ", in the venue's maintenance" if is_expected else ""
            shell.log(f"{line.name} is cut{why}: {reason}")
            todo = "it is called again until it answers"
            shell.entries.withhold(cause, f"{line.name} is cut: {reason}", todo)
            shell.say(StreamCut(at=at, stream=line.name, reason=reason, is_expected=is_expected))
            self._outages[line.name] = Outage(shell.clock.monotonic())
            return
        self._outages.pop(line.name, None)
        shell.log(f"{line.name} is heard (attempt {line.attempts})")
        shell.say(StreamRestored(at=at, stream=line.name, attempts=line.attempts))
        self._compare("reconnect", is_awaited=True)
        shell.entries.allow(cause)

    def _count_outage(self, line: Line, now: int) -> None:
        """An alarm, once, when a line has been cut for too long; what its venue announced does not count."""
        outage = self._outages.get(line.name)
        if outage is None:
            return
        if not self._is_maintained():
            outage.lasted += now - outage.seen_at
        outage.seen_at = now
        if outage.is_told or outage.lasted < self._shell.policy.outage_ns:
            return
        outage.is_told = True
        seconds = outage.lasted // SECOND
        todo = "look at the venue's status page and the network; stops work at the venue, entries wait"
        self._shell.log(f"ALARM: {line.name} has been cut for {seconds} s: {todo}")
        lost = StreamLost(at=self._shell.clock.now(), stream=line.name, seconds=seconds, todo=todo)
        self._shell.say(lost)

    def _is_maintained(self) -> bool:
        return self._shell.policy.maintenance.at(self._shell.clock.now()) is not None

    def _follow_maintenance(self) -> None:
        """Tell the desk when the venue's maintenance is about to begin; a comparison says that it is over."""
        shell, now = self._shell, self._shell.clock.now()
        known, period = shell.desk.books.maintenance, shell.policy.maintenance.at(now)
        if known:
            shell.entries.withhold(_MAINTENANCE, f"maintenance of the venue until {iso(known)}")
        else:
            shell.entries.allow(_MAINTENANCE)
        if period is None or period.ends in {known, self._announced}:
            return
        self._announced = period.ends
        event = MaintenanceBegan(at=now, begins=period.begins, ends=period.ends)
        shell.put(Input(priority=Priority.FACTS, events=(event,), source="market"))

    def _compare_clocks(self) -> None:
        """No entry while the clocks are apart; they have to come well within the limit before one leaves."""
        shell, limit = self._shell, self._shell.policy.skew_ns / SECOND
        skew = shell.skew_s()
        if skew is None or abs(skew) <= limit / 2:
            self._is_skewed = False
            shell.entries.allow(_CLOCK)
        elif abs(skew) > limit and not self._is_skewed:
            self._is_skewed = True
            reason = f"this machine's clock is {skew:+.1f} s against the venue's, {limit:g} s are allowed"
            reason += "; or its prices come late" if skew > 0 else ""
            shell.log(f"CLOCK: {reason}")
            shell.entries.withhold(
                _CLOCK, reason, "have the machine's clock set by NTP (timedatectl, chronyc)"
            )

    def _compare(self, cause: str, *, is_awaited: bool = False) -> None:
        self._compared_at = self._shell.clock.monotonic()
        self._shell.compare(cause, is_awaited=is_awaited)

    def _is_open(self) -> bool:
        phase = self._shell.desk.market.phase(self._shell.clock.now())
        return phase is MarketPhase.OPEN

    def _follow_session(self) -> None:
        """Tell the desk when the phase changes, and compare with the venue when the market has closed.

        A machine that slept, or a replay that leaps, may have missed a whole break or night: what opened and
        closed meanwhile is told as well.
        """
        if self._sessions is None:
            return
        now = self._shell.clock.now()
        before, status = self._seen, self._sessions.status(now)
        self._seen = status
        if (
            before is not None
            and status.phase is before.phase
            and now < min(before.next_open, before.next_close)
        ):
            return
        event = MarketStatusReported(at=now, status=status)
        self._shell.put(Input(priority=Priority.FACTS, events=(event,), source="market"))
        if before is not None and before.phase in _SESSION and now >= before.next_close:
            self._compare("close")

    def _log(self, now: int) -> None:
        """A line whenever the mode changes, and one now and then."""
        status = self._shell.status()
        waits = (status.disputed, status.suspended, status.questioned, status.paused, status.strangers)
        said = f"{status.mode} {status.because} {status.naked} {status.unknown} {waits}"
        if said != self._said or now - self._said_at >= self._shell.policy.status_ns:
            self._said, self._said_at = said, now
            self._shell.log(status.line())
