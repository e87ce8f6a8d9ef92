"""What the executor hears and says: intents, the venue's reports, and what they mean."""

from decimal import Decimal
from enum import StrEnum

from tradewrit.domain.events.base import Answer, Command, Event, Query
from tradewrit.domain.money import ZERO, Price
from tradewrit.domain.orders import OrderState, OrderTerms, Role, Side


class OrderRequested(Event, frozen=True, kw_only=True, gc=False, tag="order.submit.requested"):
    """The intent: recorded before anything is sent.

    approved_by: who let it through. reserved: cash set aside until it fills or dies.
    held: why it stays a draft for now (a closed market); "" when it leaves at once.
    agent_id, token_id: who it goes out under. notional: account currency, at the price it was decided on.
    """

    terms: OrderTerms
    approved_by: tuple[str, ...]
    reserved: Decimal = ZERO
    held: str = ""
    agent_id: str = ""
    token_id: str = ""
    notional: Decimal = ZERO


class OrderReleased(Event, frozen=True, kw_only=True, gc=False, tag="order.submit.released"):
    """A held order leaves now: the market has opened. agent_id, token_id: who it goes out under."""

    client_order_id: str
    agent_id: str = ""
    token_id: str = ""


class Exec(StrEnum):
    """What an execution report says, in FIX's words (tag 150); the last four the desk says itself.

    UNKNOWN: a write was sent, and nobody knows what came of it. ABSENT: the venue was asked about an order
    and knows none of that name. ANSWERED: it was asked, and told all it knows: `cumulative` traded of
    `quantity`, None where that never changed, and in `code` how the order has ended, if it has.
    UNANSWERED: it was asked, and could not be reached.
    CORRECTED (trade correct): a fill was other than reported. BUSTED (trade cancel): it never was one.
    """

    NEW = "new"
    TRADE = "trade"
    CANCELED = "canceled"
    CANCEL_REJECTED = "cancel_rejected"
    REPLACED = "replaced"
    REPLACE_REJECTED = "replace_rejected"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RESTATED = "restated"
    CORRECTED = "corrected"
    BUSTED = "busted"
    UNKNOWN = "unknown"
    ABSENT = "absent"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"


CORRECTIONS = frozenset({Exec.CORRECTED, Exec.BUSTED})
"""What is said of a fill that was reported before."""
ENDS = frozenset({Exec.CANCELED, Exec.EXPIRED})
"""After these an order trades no more, and keeps what it has filled."""


class ExecutionReport(Event, frozen=True, kw_only=True, gc=False, tag="order.report.received"):
    """What the venue says about one order; an outside fact, recorded once under its exec_id.

    last_quantity, last_price, fee: of this fill. cumulative: filled so far, this fill included.
    fee_currency: "" for the account's. fee_rate: account currency per unit of it at the fill; None where
    the venue does not say.
    corrects: exec id of the fill, or of its last correction, that a CORRECTED or BUSTED report is about
    (tag 19); `exec_id` is then the correction's own, and last_quantity, last_price and fee are the whole
    fill's as it now stands.
    reason: the venue's words; code: ours (`domain.rejections`), of an ANSWERED the kind of its end.
    settles_at: when sale cash is usable.
    """

    exec_id: str
    client_order_id: str
    kind: Exec
    symbol: str = ""
    side: Side | None = None
    broker_order_id: str = ""
    last_quantity: Decimal = ZERO
    last_price: Price | None = None
    cumulative: Decimal = ZERO
    fee: Decimal = ZERO
    fee_currency: str = ""
    fee_rate: Decimal | None = None
    settles_at: int = 0
    reason: str = ""
    code: str = ""
    quantity: Decimal | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    corrects: str = ""


class OrderAccepted(Event, frozen=True, kw_only=True, gc=False, tag="order.submit.accepted"):
    """The venue has the order."""

    client_order_id: str
    broker_order_id: str
    symbol: str
    role: Role


class OrderRejected(Event, frozen=True, kw_only=True, gc=False, tag="order.submit.rejected"):
    """The venue refused the order. code is normalised, reason is the venue's own text."""

    client_order_id: str
    trade_id: str
    symbol: str
    role: Role
    code: str
    reason: str


class OrderUnknown(Event, frozen=True, kw_only=True, gc=False, tag="order.submit.unknown"):
    """It was sent and nothing is known about the outcome: the venue has to be asked."""

    client_order_id: str
    reason: str


class OrderInDoubt(Event, frozen=True, kw_only=True, gc=False, tag="order.doubt.raised"):
    """The books and the venue may differ on this order, and the venue is being asked.

    times: how often that did not settle it. An order in doubt is neither dead nor free to be sent again.
    """

    client_order_id: str
    times: int
    reason: str


class OrderDoubtSettled(Event, frozen=True, kw_only=True, gc=False, tag="order.doubt.settled"):
    """The venue was asked, and works the order as the books have it."""

    client_order_id: str


class OrderResent(Event, frozen=True, kw_only=True, gc=False, tag="order.submit.resent"):
    """The venue never got it: the same order goes out again, under the same id. The intent for that.

    agent_id, token_id: who it goes out under this time.
    """

    client_order_id: str
    reason: str
    agent_id: str = ""
    token_id: str = ""


class OrderPartiallyFilled(Event, frozen=True, kw_only=True, gc=False, tag="order.fill.partial"):
    """Some of the order traded. fee: in account currency; 0 while it is pending (`order.fee.pending`).

    agent_id, token_id: who the order was sent under.
    """

    client_order_id: str
    trade_id: str
    symbol: str
    side: Side
    role: Role
    exec_id: str
    quantity: Decimal
    price: Price
    cumulative: Decimal
    fee: Decimal
    settles_at: int = 0
    is_late: bool = False
    agent_id: str = ""
    token_id: str = ""


class OrderFilled(OrderPartiallyFilled, frozen=True, kw_only=True, gc=False, tag="order.fill.completed"):
    """The last of the order traded; `quantity` is this fill, `cumulative` the whole."""


class FillCorrected(Event, frozen=True, kw_only=True, gc=False, tag="order.fill.corrected"):
    """The venue corrected a fill, or busted it (quantity 0). The fill itself stays on record as it came.

    exec_id: the correction's; corrects: the fill's. quantity, price, fee: as it now stands, fee in account
    currency. was_quantity, was_price: as it stood in the books.
    """

    client_order_id: str
    trade_id: str
    symbol: str
    side: Side
    role: Role
    exec_id: str
    corrects: str
    quantity: Decimal
    price: Price
    fee: Decimal
    was_quantity: Decimal
    was_price: Decimal
    reason: str = ""


class FillQuestioned(Event, frozen=True, kw_only=True, gc=False, tag="order.fill.questioned"):
    """An alert: a fill is booked as the venue told it, and its price or its fee can hardly be right.

    No new entries in the symbol, and those at work are taken back, until a person has looked and resumes it.
    Stops, targets and exits go on. todo: what a person has to do.
    """

    client_order_id: str
    exec_id: str
    symbol: str
    reason: str
    todo: str


class FeePending(Event, frozen=True, kw_only=True, gc=False, tag="order.fee.pending"):
    """An alert: a fill is in the books without its fee, for nobody knows what that is in account currency.

    The fee is booked when a commission report with a rate comes for `exec_id`; it is never guessed.
    """

    exec_id: str
    trade_id: str
    symbol: str
    fee: Decimal
    fee_currency: str


class CommissionReport(Event, frozen=True, kw_only=True, gc=False, tag="order.commission.reported"):
    """What a fill cost, said after it; an outside fact. Settles a fee that is pending, and nothing else.

    fee_rate: account currency per unit of `fee_currency`; a person may say it too. None where it is the
    account's own currency.
    """

    exec_id: str
    fee: Decimal
    fee_currency: str
    fee_rate: Decimal | None = None


class FeeBooked(Event, frozen=True, kw_only=True, gc=False, tag="order.fee.booked"):
    """A fee that was pending entered the books. fee: in account currency; charged: in `fee_currency`."""

    exec_id: str
    trade_id: str
    symbol: str
    fee: Decimal
    charged: Decimal
    fee_currency: str
    fee_rate: Decimal


class CancelOrder(Command, frozen=True, kw_only=True, gc=False, tag="order.cancel"):
    """Asks for an order to be cancelled; asking twice, or for a dead order, changes nothing."""

    client_order_id: str
    actor: str = "desk"
    reason: str = ""


class CancelRequested(Event, frozen=True, kw_only=True, gc=False, tag="order.cancel.requested"):
    """The intent to cancel. agent_id, token_id: who it goes out under."""

    client_order_id: str
    reason: str
    agent_id: str = ""
    token_id: str = ""


class OrderCancelled(Event, frozen=True, kw_only=True, gc=False, tag="order.cancel.confirmed"):
    """The venue confirmed; what had filled by then stays filled."""

    client_order_id: str
    trade_id: str
    symbol: str
    role: Role
    filled: Decimal
    reason: str


class CancelRefused(Event, frozen=True, kw_only=True, gc=False, tag="order.cancel.refused"):
    """The order could not be cancelled (too late, unknown, already dead).

    is_answer: whether this settles a request that is pending. What the desk refused before asking
    anybody leaves alone whatever else is under way for the order.
    """

    client_order_id: str
    reason: str
    is_answer: bool = False


class ModifyOrder(Command, frozen=True, kw_only=True, gc=False, tag="order.modify"):
    """Asks for new terms; None leaves a term as it is. version: of the order that was looked at."""

    client_order_id: str
    version: int
    quantity: Decimal | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    actor: str = "desk"


class ModifyRequested(Event, frozen=True, kw_only=True, gc=False, tag="order.modify.requested"):
    """The intent to replace terms. agent_id, token_id: who it goes out under."""

    client_order_id: str
    quantity: Decimal | None = None
    limit_price: Price | None = None
    stop_price: Price | None = None
    agent_id: str = ""
    token_id: str = ""


class OrderModified(Event, frozen=True, kw_only=True, gc=False, tag="order.modify.confirmed"):
    """The venue works the new terms; it is still the same logical order."""

    client_order_id: str
    trade_id: str
    role: Role
    version: int
    quantity: Decimal
    limit_price: Price | None
    stop_price: Price | None
    broker_order_id: str


class ModifyRefused(Event, frozen=True, kw_only=True, gc=False, tag="order.modify.refused"):
    """The old terms stand. is_answer: whether this settles a request that is pending.

    is_unsent: whether the request never reached the venue.
    """

    client_order_id: str
    reason: str
    is_answer: bool = False
    is_unsent: bool = False


class OrderRestated(Event, frozen=True, kw_only=True, gc=False, tag="order.terms.restated"):
    """The venue changed a working order by itself, after a split; it is still the same logical order.

    quantity: the whole, `filled` included; both in the shares of now.
    """

    client_order_id: str
    trade_id: str
    symbol: str
    role: Role
    quantity: Decimal
    filled: Decimal
    limit_price: Price | None
    stop_price: Price | None


class OrderExpired(Event, frozen=True, kw_only=True, gc=False, tag="order.lifetime.expired"):
    """Its time in force is over; what had filled by then stays filled."""

    client_order_id: str
    trade_id: str
    symbol: str
    role: Role
    filled: Decimal


class OrderRefused(Event, frozen=True, kw_only=True, gc=False, tag="order.submit.refused"):
    """Never sent: the desk itself said no (no approval, no writ, halted)."""

    trade_id: str
    symbol: str
    client_order_id: str
    reason: str


class ReportQuarantined(Event, frozen=True, kw_only=True, gc=False, tag="order.report.quarantined"):
    """A report that fits nothing we know or no legal move; kept whole, to be reconciled, never dropped."""

    report: ExecutionReport
    state: str
    reason: str


class FillWithheld(Event, frozen=True, kw_only=True, gc=False, tag="order.fill.withheld"):
    """A stop or target traded more than its entry is known to have brought; the venue is asked for that.

    The fill is booked after the entry's; as it stands, where the venue keeps saying that there are none.
    answers: how often it has said so.
    """

    client_order_id: str
    report: ExecutionReport
    answers: int = 0


class FillReleased(Event, frozen=True, kw_only=True, gc=False, tag="order.fill.released"):
    """A fill that was withheld is booked now."""

    client_order_id: str
    exec_id: str


class SubmitOrder(Command, frozen=True, kw_only=True, gc=False, tag="order.submit"):
    """Asks for an approved trade's entry to be sent. Refused unless risk, review and writ all agree."""

    trade_id: str
    risk_id: str
    review_id: str


class GetOrderStatus(Query, frozen=True, kw_only=True, gc=False, tag="order.get_status"):
    """Asks for an order's state; fresh=True also asks the venue."""

    client_order_id: str
    fresh: bool = False


class OrderStatusReported(Answer, frozen=True, kw_only=True, gc=False, tag="order.status.reported"):
    """What the books know of an order, as of `at`; state None when they do not know it."""

    client_order_id: str
    state: OrderState | None
    filled: Decimal = ZERO
    average_price: Decimal | None = None
