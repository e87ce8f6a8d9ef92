"""A desk, assembled from ports: what runs live, in a backtest and in the simulation is this.

Knows no concrete broker, feed or journal; `app`, `research` and `simulation` hand them in.
"""

from collections.abc import Callable, Sequence
from typing import Final

from tradewrit.domain.books import Books
from tradewrit.domain.effects import CancelAtVenue
from tradewrit.domain.events.account import (
    AccountOpened,
    DeskStarted,
    HaltTrading,
    ReconcileAccount,
    TradingHalted,
    TradingResumed,
    VenueIdentified,
)
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.market import BarsClosed, BelievePrices
from tradewrit.domain.market import Bar
from tradewrit.domain.money import exactly
from tradewrit.domain.venues import VenueIdentity, objection_to
from tradewrit.domain.writs import DESK
from tradewrit.errors import OurFault, TradewritError, WrongVenue
from tradewrit.kernel import Asked, Kernel
from tradewrit.runtime.bus.port import Bus
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.journal.port import Journal
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.kill_switch import Kill
from tradewrit.runtime.lease import Tenure
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.market import MarketView
from tradewrit.runtime.messages import Message, message_of
from tradewrit.runtime.outbox import Lane, Outbox, outdated
from tradewrit.runtime.perform import (
    Departure,
    Performer,
    desk_handlers,
    feed_handlers,
    never_left,
    venue_handlers,
)
from tradewrit.runtime.ports import Broker, Feed
from tradewrit.runtime.pump import AUTHORITY, OUTCOME, Listener, Pump
from tradewrit.runtime.replay import load
from tradewrit.runtime.roles import roles
from tradewrit.runtime.schedule import Schedule
from tradewrit.runtime.winding import HEARS, Winding
from tradewrit.runtime.writs import Writs
from tradewrit.version import VERSION

_ABOUT_PRICES: Final = frozenset({SharesSplit, BelievePrices})
"""Journalled, and followed by the market's memory of prices all the same."""
AskPeople = Callable[[Books, str, int], None]
"""Told (books, review id, version) when people have to be asked; a desk may begin with that."""


def stream_of(account: str) -> str:
    """The journal stream of an account."""
    return f"acct:{account}"


class Desk:
    """One account at work.

    Opening a journal that already holds the account folds it; an empty one begins with `opening`.
    tenure: the lease on its stream, where other processes can reach the journal; `stop` gives it up.
    identity: whose orders these will be, as the venue has said; None where there is nobody to ask.
    outbox: where what is to be done outside waits for `depart`; without one the desk stands still until the
        venue has answered, as a backtest must.

    Raises WrongVenue, before anything is written or sent, for a journal of another exchange or account.
    """

    def __init__(
        self,
        opening: AccountOpened,
        *,
        journal: Journal,
        market: MarketView,
        broker: Broker,
        clock: Clock,
        feed: Feed | None = None,
        bus: Bus | None = None,
        kernel: Kernel | None = None,
        writs: Writs | None = None,
        ask_people: AskPeople | None = None,
        listeners: Sequence[Listener] = (),
        snapshot_every: int = 0,
        tenure: Tenure | None = None,
        outbox: Outbox | None = None,
        identity: VenueIdentity | None = None,
    ) -> None:
        self.market = market
        self.journal = journal
        self.clock = clock
        self.stream = stream_of(opening.account)
        self.schedule = Schedule()
        self.writs = writs or Writs(
            LocalIssuer(opening.journal_id, opening.account), roles(opening.mode, opening.venue)
        )
        if opening.journal_id != journal.id:
            raise OurFault(f"the account opens journal {opening.journal_id}, this is {journal.id}")
        if tenure is not None and tenure.stream != self.stream:
            raise OurFault(f"the lease is that of {tenure.stream}, and this desk writes {self.stream}")
        self._tenure = tenure
        handlers = {
            **venue_handlers(broker),
            **(feed_handlers(feed) if feed is not None else {}),
            **desk_handlers(lambda *which: (ask_people or _nobody)(self.books, *which), self.schedule.set),
        }
        told: list[Listener] = [self._hear, *listeners]
        if bus is not None:
            told.append(_publisher(bus, opening.account))
        self.pump = Pump(
            kernel or Kernel(),
            market,
            journal,
            self.stream,
            Performer(handlers, self.writs),
            self.writs,
            clock,
            load(journal, self.stream).books,
            listeners=told,
            snapshot_every=snapshot_every,
            tenure=tenure,
            outbox=outbox,
        )
        if identity is not None and (objection := objection_to(self.books.identity, identity)):
            raise WrongVenue(objection)
        self._outbox = outbox
        self._winding = Winding(self.pump, self.writs, clock)
        self.writs.begin(self.books.writs, self.books.halted, self.books.unheard, clock.now())
        is_new = self.books.events == 0
        if is_new:
            self.feed(opening, "desk")
        if (
            identity is not None and self.books.identity is None
        ):  # also of a journal from before this was kept
            self.feed(VenueIdentified(at=clock.now(), identity=identity), "desk")
        self.keep()
        if not is_new:  # recovery is an input like any other: the agents know what had no answer
            self.feed(DeskStarted(at=clock.now(), version=VERSION), "desk")

    @property
    def books(self) -> Books:
        """The account as of the last committed input."""
        return self.pump.books

    def feed(self, event: Event, source: str = "input") -> list[Event]:
        """One input (a venue's report, a command, a quote); returns every event it led to."""
        with exactly():
            return self.pump.feed(event, source)

    def feed_all(self, events: Sequence[Event], source: str = "input") -> list[Event]:
        """Inputs that came in one breath (all a venue says of a bar), before what they lead to outside."""
        with exactly():
            return self.pump.feed_all(events, source)

    def close_bars(self, bars: Sequence[Bar], at: int) -> None:
        """Bars of one time have closed: the market shows them, then everybody hears of it."""
        if events := self.absorb(bars, at):
            self.feed_all(events, "market")

    def absorb(self, bars: Sequence[Bar], at: int, *, is_history: bool = False) -> tuple[Event, ...]:
        """Let the market show bars of one time; returns what is to be fed then.

        is_history: they are from before, and nobody trades on them.
        Raises StrategyError where the strategy failed; the bars are in, and `shown` says what is to be fed.
        """
        return self.shown(self.market.absorb(bars), at, is_history=is_history)

    def shown(self, count: int, at: int, *, is_history: bool = False) -> tuple[Event, ...]:
        """What is to be fed once the market has taken in so many bars of one time."""
        objections = self.market.objections(at)
        return (*objections, BarsClosed(at=at, count=count)) if count and not is_history else objections

    def depart(self, least: Lane = Lane.DATA) -> Departure | None:
        """The next thing to be done outside, admitted under its writ; None when nothing may leave now.

        least: the least urgent lane that may leave, where few can be served at a time.
        Whoever does it says what came of it to `arrive`. What no writ allows, and what was taken back while
        it waited, is answered here and does not leave.
        """
        outbox = self._outbox
        while outbox is not None and (asked := outbox.next(least)) is not None:
            try:
                unsent = self._unsent(asked, outbox)
                if unsent is None:
                    admitted = self.pump.admit(asked)
                    if isinstance(admitted, Departure):
                        return admitted
                    unsent = (admitted,)
                self.feed_all(unsent, OUTCOME)
            except TradewritError:  # nobody can say now whether it may; it waits where it stood
                outbox.back(asked, self.books)
                raise
            outbox.done(asked)
        return None

    def _unsent(self, asked: Asked, outbox: Outbox) -> Sequence[Event] | None:
        """What is to be said of something that need not leave any more; None when it must."""
        effect, books, now = asked.effect, self.books, self.clock.now()
        if (
            isinstance(effect, CancelAtVenue)
            and not effect.is_stray  # another than ours: what waits to be sent is not taken back for it
            and (placed := outbox.take_back(effect.client_order_id))
        ):
            unsent = never_left(placed.effect, books, now)
            if unsent:
                return unsent
        return never_left(effect, books, now) if outdated(effect, books) else None

    def arrive(self, departure: Departure, outcome: Sequence[Event]) -> list[Event]:
        """What came of it; returns all it led to."""
        if self._outbox is not None:
            self._outbox.done(departure.asked)
        return self.feed_all(outcome, OUTCOME)

    def reconcile(self, cause: str) -> list[Event]:
        """Hold the books against the venue; to be called after every cut, every minute and at the close."""
        return self.feed(ReconcileAccount(at=self.clock.now(), cause=cause), "schedule")

    def keep(self) -> list[Event]:
        """Bring the writs up to date: renewals, and what others took away; returns all it led to.

        Under a kill that includes protection, the entries that still work as well.
        """
        with exactly():
            said = self.pump.keep()
            return [*said, *self._winding.go_on()]

    def stop(self) -> None:
        """Give every writ back, then the lease; what works at the venue stays there. Harmless to repeat.

        Where the lease is lost, that the writs were given back is known to whoever issued them alone.
        """
        released = self.writs.release(self.clock.now())
        tenure = self._tenure
        try:
            for event in released if tenure is None or not tenure.is_lost else ():
                self.feed(event, AUTHORITY)
        finally:
            if tenure is not None:
                tenure.give_up()

    def tick(self) -> int:
        """Look after the lease and the writs, and fire the timers that are due; returns how many timers were.

        To be called about once a second: this is also how a kill switch thrown elsewhere is noticed. Then it
        does what no input should have to wait for: a snapshot, the upkeep of the journal.
        """
        self.keep()
        fired = self.schedule.fire(self.clock.now())
        for place, timer in enumerate(fired):
            try:
                self.feed(timer, "schedule")
            except BaseException:  # it was not taken, so it is still due, as are those after it
                for again in fired[place:]:
                    self.schedule.set(again.timer, again.subject, again.at)
                raise
        self.pump.rest()
        return len(fired)

    def _hear(self, event: Event, record: Record | None) -> None:
        if record is None or type(event) in _ABOUT_PRICES:
            self.market.hear(event)
        if type(event) in HEARS:
            self._heed(event)

    def _heed(self, event: Event) -> None:
        """What halts and their end mean to the writs."""
        self._winding.hear(event)
        if type(event) is TradingHalted:
            # Before any effect of the step: from here on entries have no writ to leave under.
            kill = Kill(
                by=event.actor,
                reason=event.reason,
                including_protection=event.including_protection,
                grace_s=self.writs.kill_grace_s,
            )
            self.writs.kill(kill, self.clock.now())
        elif type(event) is TradingResumed:
            self._rearm(event.actor)

    def _rearm(self, actor: str) -> None:
        now = self.clock.now()
        try:
            self.writs.rearm(actor, now)
        except TradewritError as why:
            reason = f"the kill switch could not be put back: {why}"
            self.pump.feed(HaltTrading(at=now, actor=DESK, reason=reason), DESK)


def _nobody(books: Books, review_id: str, version: int) -> None:
    """Nobody is called: whoever answers reviews looks them up through control."""
    del books, review_id, version


def _publisher(bus: Bus, account: str) -> Listener:
    def publish(event: Event, record: Record | None) -> None:
        message: Message = message_of(event, record, account)
        bus.publish(message.event, message)

    return publish
