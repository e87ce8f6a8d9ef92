"""Pre-trade checks: what stands against an order, or a change of one, at the moment it would leave.

Facts in, reasons out. An approval was given on what was known then, and a person asks for what they
last saw; the executor asks here before it sends. Knows no venue and makes no event.
"""

from decimal import Decimal

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.events.orders import ModifyOrder, SubmitOrder
from tradewrit.domain.events.review import ReviewApproved
from tradewrit.domain.ids import review_id
from tradewrit.domain.market import SECOND, MarketPhase
from tradewrit.domain.money import EXACT
from tradewrit.domain.orders import On, Order, OrderState, OrderTerms, can
from tradewrit.domain.proposals import STRATEGY, Proposal
from tradewrit.domain.reviews import ReviewState
from tradewrit.domain.signals import Market
from tradewrit.domain.trades import Trade
from tradewrit.risk.limits import breaches, facts, permission
from tradewrit.risk.sizing import cost


def objections(books: Books, market: Market, event: ReviewApproved) -> tuple[str, ...]:
    """Why an approval may no longer be used: the facts are checked again at the last moment."""
    found = []
    sized = event.sized
    proposal = sized.proposal
    if event.at >= event.expires_at:
        found.append("the approval has expired")
    if event.sized_hash != sized.hash:
        found.append("the terms are not those that were approved")
    price = market.mark(proposal.symbol)
    if price is None:
        found.append("there is no price")
    elif drifted := _drift(books, price, proposal.entry_price):
        found.append(drifted)
    now = facts(books, market.mark, event.at)
    found.extend(f"{b.limit}: {b.message}" for b in breaches(books, sized, now))
    return tuple(found)


def objection_to_submit(
    books: Books, market: Market, event: SubmitOrder, trade: Trade | None, entry: Order | None
) -> str | None:
    """Why the held entry of a trade may not leave when somebody asks for it; None when it may."""
    if trade is None:
        return "there is no such open trade"
    if event.risk_id != trade.risk_id or not trade.risk_id:
        return "the risk decision is not the one this trade passed"
    if entry is None:
        return "no approved entry is waiting for this trade"
    if entry.state is not OrderState.DRAFT:
        return f"the entry is already {entry.state}"
    if event.review_id != _let_through_by(books, trade):
        return "the review is not the one that let this trade through"
    if market.phase(event.at) is not MarketPhase.OPEN:
        return "the market is closed; the order leaves when it opens"
    return books.why_shut(trade.symbol) or None


def _let_through_by(books: Books, trade: Trade) -> str:
    """The review whose approval was used for a trade; of one that nobody was asked about, its only one."""
    used = (one.id for one in books.reviews.values() if one.state is ReviewState.CONSUMED)
    asked = (known for known in used if books.reviews[known].trade_id == trade.id)
    return next(asked, review_id(books.journal_id, trade.id))


def requoted(
    books: Books, market: Market, event: ReviewApproved, reasons: tuple[str, ...]
) -> Proposal | None:
    """The proposal at the price of now, where nothing but the price stands against an approval.

    None where it has been asked about often enough, or the signal is old by now or says otherwise.
    """
    proposal = event.sized.proposal
    price = market.mark(proposal.symbol)
    if price is None or reasons != (_drift(books, price, proposal.entry_price),):
        return None
    asked = sum(task.trade_id == event.trade_id for task in books.reviews.values())
    if asked > books.review.max_requotes or not _is_fresh(books, market, proposal, event.at):
        return None
    return replace(proposal, entry_price=price, volatility=market.volatility(proposal.symbol))


def _is_fresh(books: Books, market: Market, proposal: Proposal, at: int) -> bool:
    """Whether a decision may still be put to people: no older than a question gets, nor taken back since."""
    if at - proposal.decided_at > books.review.expires_after_s * SECOND:
        return False
    signal = market.signal(proposal.symbol)
    if proposal.requester != STRATEGY or signal is None:
        return True
    return signal.enter is not proposal.side.opposite and signal.leave(proposal.direction) is None


def objection_to_resend(books: Books, market: Market, order: Order, at: int) -> str:
    """Why an order that the venue never got may not go out again; "" when it may.

    What reduces risk always may, as long as there is something to protect.
    """
    terms = order.terms
    if not terms.role.is_entry:
        return _objection_to_protect(books, terms)
    trade = books.trades.get(terms.trade_id)
    sized = None if trade is None else trade.sized
    if sized is None:
        return "there is no decision it belongs to"
    if broken := next(permission(books, sized.proposal, at), None):
        return f"{broken.message} ({broken.actual})"
    if market.phase(at) is not MarketPhase.OPEN:
        return "the market is closed"
    if at - order.sent_at >= books.limits.max_price_age_s * SECOND:
        return f"what it was decided on is older than {books.limits.max_price_age_s} s"
    price = market.mark(terms.symbol)
    if price is None:
        return "there is no price"
    return _drift(books, price, sized.proposal.entry_price)


def _objection_to_protect(books: Books, terms: OrderTerms) -> str:
    """What reduces risk may not turn it round: others may have closed some of it meanwhile."""
    position = books.positions.get(terms.symbol)
    if position is None:
        return "nothing is held that it would protect"
    if terms.quantity > position.quantity:
        return f"it would close {terms.quantity}, and {position.quantity} are held"
    return ""


def _drift(books: Books, price: Decimal, decided: Decimal) -> str:
    """That the price has moved too far from the one that was decided on; "" when it has not."""
    drift = EXACT.divide(abs(price - decided) * 10_000, decided)
    if drift <= books.review.max_drift_bps:
        return ""
    shown = drift.quantize(Decimal("0.1"), context=EXACT)
    return f"the price moved {shown} bps, at most {books.review.max_drift_bps} are allowed"


def objection_to_modify(books: Books, event: ModifyOrder, order: Order | None) -> str | None:
    """Why the order may not be changed as somebody asks; None when it may."""
    if order is None:
        return "there is no such open order"
    if not can(order.state, On.ASK_REPLACE):
        return f"the order is {order.state}"
    if event.version != order.version:
        return f"you saw version {event.version}, the order is at version {order.version}: look again"
    if not order.terms.role.is_entry:
        return "protective orders are moved by position_keeper: use position.update_stop"
    quantity = event.quantity if event.quantity is not None else order.terms.quantity
    price = event.limit_price if event.limit_price is not None else order.terms.limit_price
    if quantity <= order.filled:
        return f"{order.filled} have already filled"
    if quantity > order.terms.quantity:
        return "more than was approved: that needs a new proposal"
    instrument = books.instrument(order.terms.symbol)
    if not instrument.is_on_lot(quantity):
        return f"{quantity} is not a multiple of the lot {instrument.lot}"
    if price is not None and cost(books, quantity, price, instrument) > order.reserved:
        return "it would cost more than was approved: that needs a new proposal"
    return None
