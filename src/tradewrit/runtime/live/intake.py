"""What a live desk takes in, one thing at a time: outcomes of calls, its own words, and what waits in lanes.

Where the journal cannot be written, what was to be fed is held and tried again; what an agent fails on is put
on record as not taken, and halts trading. Nothing is lost either way. Used from the loop's thread.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import BarRefused
from tradewrit.domain.events.running import EntriesAllowed, EntriesWithheld, InputDropped
from tradewrit.domain.writs import DESK
from tradewrit.errors import JournalBroken, JournalError, JournalUnwritable, OurFault, StrategyError
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.live.calls import Outcome
from tradewrit.runtime.live.complaints import Complaints
from tradewrit.runtime.live.lanes import Input, Lanes
from tradewrit.runtime.perform import Departure
from tradewrit.runtime.pump import OUTCOME

_LOOK: Final = "see the log, then: tradewrit resume"
Heard = Callable[[Sequence[Event]], None]


class Intake:
    """The one way into a live desk.

    heard: told what an outcome of a call led to. unwritable: why the journal takes nothing, "" while it does.
    dropped: inputs that were not taken so far. complaints: about market data.
    """

    def __init__(
        self, desk: Desk, lanes: Lanes, clock: Clock, log: Callable[[str], None], heard: Heard
    ) -> None:
        self._desk = desk
        self._lanes = lanes
        self._clock = clock
        self._log = log
        self._heard = heard
        self._landed: deque[tuple[Departure, Outcome]] = deque()
        self._own: deque[Callable[[], list[Event]]] = deque()
        self._held: Input | None = None
        self.unwritable = ""
        self.dropped = self._bars_refused = 0
        self.complaints = Complaints(clock, log)

    @property
    def refused(self) -> int:
        """Bars and quotes that the market did not believe so far."""
        return self._bars_refused + self.complaints.refused

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits but what may wait in the lanes."""
        return not self._landed and not self._own and self._held is None

    def land(self, departure: Departure, outcome: Outcome) -> None:
        """A call has come to its end."""
        self._landed.append((departure, outcome))

    def late(self, departure: Departure, outcome: Outcome) -> None:
        """It comes after its deadline, and what it says is a fact all the same."""
        self._log(f"late answer about {departure.asked.effect.subject}: {len(outcome)} reports")
        self._own.append(lambda: self._desk.feed_all(outcome, OUTCOME))

    def say(self, event: Event) -> None:
        """Put what the desk's surroundings have noticed on record, as soon as that is possible."""
        self._own.append(lambda: self._desk.feed(event, DESK))

    def reconcile(self, cause: str) -> None:
        """Ask the venue how it sees the account."""
        self._own.append(lambda: self._desk.reconcile(cause))

    def take(self) -> bool:
        """Feed the most urgent thing; returns whether there was one."""
        if self.unwritable:
            return False
        if self._landed:
            departure, outcome = self._landed[0]
            said = self._feeding(None, lambda: self._desk.arrive(departure, outcome))
            if not self.unwritable:
                self._landed.popleft()
            self._heard(said or ())
            return True
        if self._held is not None:
            held, self._held = self._held, None
            self._feed(held)
            return True
        if self._own:
            self._feeding(None, self._own[0])
            if not self.unwritable:
                self._own.popleft()
            return True
        item = self._lanes.take(self._clock.monotonic())
        self._record_drops()
        if item is None:
            return False
        self._feed(item)
        return True

    def _feed(self, item: Input) -> None:
        if item.bars:
            try:
                events = self._desk.absorb(item.bars, item.at, is_history=item.is_history)
            except StrategyError as failure:
                self._miss_vote(failure, is_history=item.is_history)
                events = self._desk.shown(len(item.bars), item.at, is_history=item.is_history)
            except Exception as bug:  # noqa: BLE001 - it may be given anything
                self.poison(item, bug)
                return
            if not events:
                return
            self._bars_refused += sum(isinstance(event, BarRefused) for event in events)
            # What the market has taken in is not new to it a second time, should the journal be full.
            item = replace(item, bars=(), events=events)
        said = self._feeding(item, lambda: self._desk.feed_all(item.events, item.source))
        self.complaints.hear(said or ())
        if said is not None and item.reply is not None:
            item.reply(tuple(said))

    def _feeding(self, item: Input | None, feed: Callable[[], list[Event]]) -> list[Event] | None:
        """Feed something; None when it could not be: it is held then, or given up with a record."""
        try:
            return feed()
        except JournalBroken:
            raise
        except JournalUnwritable as full:
            self._held = item if item is not None else self._held
            self.lose_journal(full)
        except JournalError:
            raise
        except OurFault as refused:
            if item is None or item.reply is None:
                self.poison(item, refused)
            else:
                item.reply(refused)
        except Exception as bug:  # noqa: BLE001 - whatever an agent or a strategy raises stops trading, not us
            self.poison(item, bug)
        return None

    def poison(self, item: Input | None, bug: Exception) -> None:
        """An agent failed on it. It is on record as not taken, and no entry follows until a person looked."""
        what = "an outcome of the desk's own" if item is None else f"{item.what} {item.about}".strip()
        reason = f"{what} could not be taken: {type(bug).__name__}: {bug}"
        self._log(f"HALTED: {reason}; {_LOOK}")
        if item is not None:
            self._lanes.drop(item, f"{type(bug).__name__}: {bug}")
            self._record_drops()
        if not self._desk.books.halted:
            self.say(HaltTrading(at=self._clock.now(), actor=DESK, reason=reason))

    def _miss_vote(self, failure: StrategyError, *, is_history: bool) -> None:
        """The strategy failed: its say on the bar is missing, and no entry follows until a person looked."""
        if is_history:  # nothing is traded on it
            self._log(f"the strategy failed on a bar from before: {failure}")
            return
        self._log(f"HALTED: {failure}; {_LOOK}")
        if not self._desk.books.halted:
            self.say(HaltTrading(at=self._clock.now(), actor=DESK, reason=str(failure)))

    def _record_drops(self) -> None:
        now = self._clock.now()
        for drop in self._lanes.dropped():
            self.dropped += drop.count
            self._log(f"dropped {drop.count} x {drop.what} {drop.about} from {drop.source}: {drop.reason}")
            self.say(
                InputDropped(
                    at=now,
                    what=drop.what,
                    about=drop.about,
                    source=drop.source,
                    reason=drop.reason,
                    count=drop.count,
                )
            )

    def give_up(self, reason: str) -> None:
        """The desk's life is over: who waits for what is held is told, and it is forgotten."""
        if self._held is not None:
            self._lanes.drop(self._held, reason)
            self._held = None

    def lose_journal(self, full: JournalUnwritable) -> None:
        """It could not be written: nothing is taken until `try_journal` has succeeded."""
        if not self.unwritable:
            self._log(f"SAFE: {full}. Nothing is taken and nothing leaves; stops stay at the venue")
        self.unwritable = str(full)

    def try_journal(self) -> None:
        """Put a record down; raises JournalUnwritable while that cannot be done."""
        was = self.unwritable
        at = self._clock.now()
        self._desk.feed(EntriesWithheld(at=at, reason=f"the journal could not be written: {was}"), DESK)
        self.unwritable = ""
        self._log("the journal can be written again")
        self.say(EntriesAllowed(at=at, was=was))
