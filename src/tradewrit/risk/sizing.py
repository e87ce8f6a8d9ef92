"""How large a trade may be: the quantity, its cost, and everything frozen with it."""

from decimal import Decimal
from functools import lru_cache

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.fees import fee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import EXACT, ZERO, Qty, canonical, canonical_qty
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.risk.exits import stop_price, target_price


class Size(msgspec.Struct, frozen=True):
    """A quantity, and the rule that held it down."""

    quantity: Qty
    bound_by: str


def size(limits: Limits, equity: Decimal, price: Decimal, instrument: Instrument) -> Size:
    """The largest quantity within the notional cap and the share of equity, floored to the lot.

    >>> size(Limits(), Decimal(100_000), Decimal("175.50"), Instrument(symbol="AAPL")).quantity
    Decimal('5')
    """
    share = max(limits.max_position_fraction * equity, ZERO)
    cap, bound_by = share, "max_position_fraction"
    if limits.max_position_notional is not None and limits.max_position_notional <= share:
        cap, bound_by = limits.max_position_notional, "max_position_notional"
    quantity = instrument.qty(EXACT.divide(cap, price * instrument.multiplier))
    if limits.max_order_quantity is not None and quantity > limits.max_order_quantity:
        return Size(instrument.qty(limits.max_order_quantity), "max_order_quantity")
    return Size(quantity, bound_by)


def cost(books: Books, quantity: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    """Cash an entry sets aside: its notional and the fee it would pay, at the decision's price."""
    notional = instrument.value(price, quantity)
    return canonical(notional + fee(books.fees, quantity, notional))


def complete(books: Books, proposal: Proposal, quantity: Decimal) -> Sized:
    """Freeze a proposal: distances from the profile where it names none, prices, cost, worst loss."""
    limits = books.limits
    instrument = books.instrument(proposal.symbol)
    stop = proposal.stop_fraction if proposal.stop_fraction is not None else limits.stop_fraction
    target = target_fraction(limits, proposal)
    price, direction = proposal.entry_price, proposal.direction
    stop_at = stop_price(direction, price, stop, instrument)
    return Sized(
        proposal=proposal,
        quantity=canonical_qty(quantity),
        stop_fraction=stop,
        target_fraction=target,
        stop_price=stop_at,
        target_price=None if target is None else target_price(direction, price, target, instrument),
        cost=cost(books, quantity, price, instrument),
        reward_risk=reward_risk(stop, target),
        worst_loss=canonical(instrument.value(abs(price - stop_at), quantity)),
    )


def target_fraction(limits: Limits, proposal: Proposal) -> Decimal | None:
    """The target's distance: the proposal's, else the profile's; 0 means none is wanted."""
    if proposal.target_fraction is None:
        return limits.target_fraction
    return proposal.target_fraction or None


@lru_cache(maxsize=256)
def reward_risk(stop: Decimal, target: Decimal | None) -> Decimal:
    """Target distance over stop distance, from the fractions; 0 when there is no target."""
    if target is None or not stop:
        return ZERO
    return canonical(EXACT.divide(target, stop).quantize(Decimal("0.0001"), context=EXACT))
