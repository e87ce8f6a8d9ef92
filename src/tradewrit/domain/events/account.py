"""What happens to the account as a whole: genesis, cash, the high-water mark, halts, writs."""

from decimal import Decimal

from tradewrit.domain.capabilities import Capabilities
from tradewrit.domain.events.base import Command, Event
from tradewrit.domain.fees import FeeModel
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import OrderType
from tradewrit.domain.reviews import ReviewPolicy


class AccountOpened(Event, frozen=True, kw_only=True, gc=False, tag="account.journal.opened"):
    """Genesis: everything decisions depend on that is not an event itself.

    fees: the model used to estimate costs before a fill; a fill carries what was charged.
    margin: whether shorts are allowed and a sale's cash may be used before it settles.
    """

    journal_id: str
    account: str
    currency: str
    initial_cash: Decimal
    mode: str
    margin: bool
    strategy: str
    entry_type: OrderType
    limits: Limits
    review: ReviewPolicy
    fees: FeeModel
    capabilities: Capabilities
    instruments: tuple[Instrument, ...]
    version: str = ""


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
    """The kill switch: no new entries. Stops and exits go on."""

    actor: str
    reason: str


class ResumeTrading(Command, frozen=True, kw_only=True, gc=False, tag="account.resume"):
    """A person, by name, ends the halt."""

    actor: str
    reason: str


class TradingHalted(Event, frozen=True, kw_only=True, gc=False, tag="account.trading.halted"):
    """No new entries from here on; survives restarts."""

    actor: str
    reason: str


class TradingResumed(Event, frozen=True, kw_only=True, gc=False, tag="account.trading.resumed"):
    """Entries may go out again."""

    actor: str
    reason: str


class WritDenied(Event, frozen=True, kw_only=True, gc=False, tag="credential.effect.denied"):
    """An effect was not performed: no live grant of this agent covers the scope it needs."""

    agent: str
    scope: str
    effect: str
    subject: str
    reason: str


class TransitionRefused(Event, frozen=True, kw_only=True, gc=False, tag="kernel.transition.refused"):
    """Something asked for a move that a state machine does not have; the state is untouched."""

    machine: str
    subject: str
    state: str
    wanted: str
    cause: str
