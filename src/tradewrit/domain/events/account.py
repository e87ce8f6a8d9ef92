"""What happens to the account as a whole: genesis, cash, the high-water mark, halts."""

from decimal import Decimal

from tradewrit.domain.capabilities import Capabilities, Protection
from tradewrit.domain.differences import Difference
from tradewrit.domain.events.base import Answer, Command, Event, Query
from tradewrit.domain.executions import Execution
from tradewrit.domain.fees import FeeModel
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import OrderTerms, OrderType
from tradewrit.domain.positions import ClosedLot, Fill
from tradewrit.domain.reviews import ReviewPolicy
from tradewrit.domain.sizing import Largest, Sizing
from tradewrit.domain.venues import VenueIdentity


class AccountOpened(Event, frozen=True, kw_only=True, gc=False, tag="account.journal.opened"):
    """Genesis: everything decisions depend on that is not an event itself.

    fees: the model used to estimate costs before a fill; a fill carries what was charged.
    margin: whether shorts are allowed and a sale's cash may be used before it settles.
    reverse: whether a signal for the other side closes a position and opens the opposite one.
    protection: when stop and target are sent; `bracket` only where the venue can, else `after_fill`.
    sizing: how large a trade is wanted; the limits cap it.
    venue: where orders go, by the name that a writ's constraints use.
    """

    journal_id: str
    account: str
    currency: str
    initial_cash: Decimal
    mode: str
    margin: bool
    strategy: str
    entry_type: OrderType
    reverse: bool = False
    protection: Protection = Protection.AFTER_FILL
    sizing: Sizing = Largest()
    limits: Limits
    review: ReviewPolicy
    fees: FeeModel
    capabilities: Capabilities
    instruments: tuple[Instrument, ...]
    version: str = ""
    venue: str = "paper"


class VenueIdentified(Event, frozen=True, kw_only=True, gc=False, tag="account.venue.identified"):
    """Which exchange and account this journal belongs to, as it said itself; no other is traded with."""

    identity: VenueIdentity


class InstrumentListed(Event, frozen=True, kw_only=True, gc=False, tag="account.instrument.listed"):
    """An instrument became known, or its venue filters changed."""

    instrument: Instrument


class LimitsChanged(Event, frozen=True, kw_only=True, gc=False, tag="account.limits.changed"):
    """The limit profile was replaced by a person."""

    limits: Limits
    actor: str


class HighWaterRaised(Event, frozen=True, kw_only=True, gc=False, tag="account.equity.marked"):
    """Equity at the bars' close is above everything before."""

    equity: Decimal


class CashMoved(Event, frozen=True, kw_only=True, gc=False, tag="account.cash.moved"):
    """A deposit (positive) or withdrawal, a dividend, interest: anything that is not a fill."""

    amount: Decimal
    reason: str


class HaltTrading(Command, frozen=True, kw_only=True, gc=False, tag="account.halt"):
    """The kill switch: no new entries, and every writ but the protective one ends. Stops and exits go on.

    including_protection: end the protective writ too: nothing whatever is sent from then on. A person's
    to ask, and only of an account that is halted already.
    """

    actor: str
    reason: str
    including_protection: bool = False


class ResumeTrading(Command, frozen=True, kw_only=True, gc=False, tag="account.resume"):
    """A person, by name, ends the halt; the agents get new writs."""

    actor: str
    reason: str


class TradingHalted(Event, frozen=True, kw_only=True, gc=False, tag="account.trading.halted"):
    """No new entries from here on, under no writ; survives restarts."""

    actor: str
    reason: str
    including_protection: bool = False


class TradingResumed(Event, frozen=True, kw_only=True, gc=False, tag="account.trading.resumed"):
    """Entries may go out again."""

    actor: str
    reason: str


class SymbolSuspended(Event, frozen=True, kw_only=True, gc=False, tag="account.symbol.suspended"):
    """An alert: no new entries in a symbol, and what is held stays as it is until a person has looked.

    quantity: units held, signed. orders: ids of those that may still trade at the venue, which is obeyed.
    todo: what a person has to do.
    """

    symbol: str
    reason: str
    quantity: Decimal
    orders: tuple[str, ...]
    todo: str


class ResumeSymbol(Command, frozen=True, kw_only=True, gc=False, tag="account.resume_symbol"):
    """A person, by name, ends the suspension of a symbol."""

    symbol: str
    actor: str
    reason: str


class SymbolResumed(Event, frozen=True, kw_only=True, gc=False, tag="account.symbol.resumed"):
    """The symbol may be traded again, and what is held of it is protected anew."""

    symbol: str
    actor: str
    reason: str


class TransitionRefused(Event, frozen=True, kw_only=True, gc=False, tag="kernel.transition.refused"):
    """Something asked for a move that a state machine does not have; the state is untouched."""

    machine: str
    subject: str
    state: str
    wanted: str
    cause: str


class DeskStarted(Event, frozen=True, kw_only=True, gc=False, tag="account.desk.started"):
    """A process took over an account that was at work before: what had no answer by then is asked about."""

    version: str = ""


class ReconcileAccount(Query, frozen=True, kw_only=True, gc=False, tag="account.reconcile"):
    """Asks for the books to be held against the venue. cause: `start`, `reconnect`, `minute`, `close` ..."""

    cause: str


class AccountReported(Answer, frozen=True, kw_only=True, gc=False, tag="account.report.received"):
    """The account as the venue sees it. Executions came before it, as reports of their own.

    orders: what may still trade, each at the quantity that is left to it. positions: units, signed.
    halts: symbols in which nothing trades for now, and why; None where the venue does not say.
    """

    cause: str
    orders: tuple[OrderTerms, ...]
    positions: dict[str, Decimal]
    halts: dict[str, str] | None = None


class AccountUnavailable(Answer, frozen=True, kw_only=True, gc=False, tag="account.report.failed"):
    """The venue could not be asked for the account."""

    cause: str
    reason: str


class AccountReconciled(Event, frozen=True, kw_only=True, gc=False, tag="account.books.reconciled"):
    """The books were held against the venue. Acted on is what differs in the same way twice in a row.

    orders, positions: how many the venue named. strangers: working orders that are not ours, or that the
    books have as over, by id.
    """

    cause: str
    orders: int
    positions: int
    differences: tuple[Difference, ...] = ()
    strangers: tuple[str, ...] = ()


class PositionDisputed(Event, frozen=True, kw_only=True, gc=False, tag="account.position.disputed"):
    """An alert: the venue holds something else than the books, and no fill explains it.

    No new entries in the symbol until both agree, or a person adopts what the venue has.
    ours, theirs: units, signed. todo: what a person has to do.
    """

    symbol: str
    ours: Decimal
    theirs: Decimal
    todo: str


class PositionAgreed(Event, frozen=True, kw_only=True, gc=False, tag="account.position.agreed"):
    """Books and venue agree on a symbol again."""

    symbol: str


class AdoptPosition(Command, frozen=True, kw_only=True, gc=False, tag="account.adopt_position"):
    """A person, by name, says that the venue is right about a symbol that is disputed.

    price: at which the units that differ are taken to have been traded; without it the last one known.
    """

    symbol: str
    actor: str
    reason: str
    price: Decimal | None = None


class PositionAdopted(Event, frozen=True, kw_only=True, gc=False, tag="account.position.adopted"):
    """The books follow the venue, as if somebody else had traded the difference at a price a person named.

    fill: the difference. Cash moves as with any trade; what really happened to it a person books apart.
    """

    symbol: str
    actor: str
    reason: str
    fill: Fill


class ExternalOrderSeen(Event, frozen=True, kw_only=True, gc=False, tag="account.order.external"):
    """An alert: an order works at the venue that is not ours, or should be over. A person settles it."""

    terms: OrderTerms


class OrderFound(Event, frozen=True, kw_only=True, gc=False, tag="account.order.found"):
    """An alert: an order of ours that is over in the books works at the venue, and is being cancelled."""

    client_order_id: str
    symbol: str
    state: str


class ExternalTraded(Event, frozen=True, kw_only=True, gc=False, tag="account.fill.external"):
    """An alert: somebody else traded in the account, by hand or with other software. fill: what."""

    exec_id: str
    client_order_id: str
    fill: Fill


class ExternalBooked(Event, frozen=True, kw_only=True, gc=False, tag="account.fill.adopted"):
    """It is in the books, apart from what the desk's trades hold, and counts in every limit.

    execution: the fill of an order of ours of which nothing counts as its trade's, in case it is corrected.
    """

    fill: Fill
    cash_change: Decimal
    closed: tuple[ClosedLot, ...] = ()
    execution: Execution | None = None
