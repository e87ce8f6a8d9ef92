"""How large a trade may be: the quantity, its cost, and everything frozen with it."""

from decimal import Decimal
from functools import lru_cache
from typing import assert_never

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.fees import FeeModel, fee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import EXACT, ZERO, Qty, canonical, canonical_qty, four_places
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.domain.sizing import (
    EquityFraction,
    FixedNotional,
    FixedQuantity,
    Largest,
    RiskPerTrade,
    VolatilityTarget,
    name_of,
)
from tradewrit.risk.exits import stop_price, target_price


class Size(msgspec.Struct, frozen=True, gc=False):
    """A quantity, and what held it down: the name of a limit or of a sizing rule."""

    quantity: Qty
    bound_by: str


def size(books: Books, proposal: Proposal, equity: Decimal) -> Size:
    """What the account's sizing wants of a proposal, or the limits allow, if that is less; in whole lots.

    bound_by: the limit, or the name of the sizing rule where that wants no more than the limits allow.
    """
    instrument = books.instrument(proposal.symbol)
    allowed = largest(books.limits, equity, proposal.entry_price, instrument)
    wanted = _wanted(books, proposal, equity, instrument)
    if wanted is None or (quantity := instrument.qty(max(wanted, ZERO))) > allowed.quantity:
        return allowed
    return Size(quantity, name_of(books.sizing))


def largest(limits: Limits, equity: Decimal, price: Decimal, instrument: Instrument) -> Size:
    """The largest quantity within the notional cap and the share of equity, floored to the lot.

    >>> largest(Limits(), Decimal(100_000), Decimal("175.50"), Instrument(symbol="AAPL")).quantity
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


def _wanted(books: Books, proposal: Proposal, equity: Decimal, instrument: Instrument) -> Decimal | None:
    """Units that the sizing rule asks for, not yet in lots; None for as many as there may be."""
    sizing, price = books.sizing, proposal.entry_price
    unit = price * instrument.multiplier
    match sizing:
        case Largest():
            return None
        case FixedQuantity(quantity=quantity):
            return quantity
        case FixedNotional(notional=notional):
            return EXACT.divide(notional, unit)
        case EquityFraction(fraction=fraction, buffer_fraction=buffer):
            return affordable(books.fees, fraction * (1 - buffer) * equity, price, instrument)
        case RiskPerTrade(risk_fraction=fraction):
            stop = stop_price(proposal.direction, price, stop_fraction(books.limits, proposal), instrument)
            lost = abs(price - stop) * instrument.multiplier
            return EXACT.divide(fraction * equity, lost) if lost else None
        case VolatilityTarget():
            return EXACT.divide(_calm_share(sizing, proposal.volatility) * equity, unit)
        case _:
            assert_never(sizing)


def _calm_share(sizing: VolatilityTarget, volatility: float | None) -> Decimal:
    """The share of equity that has the wanted volatility; none while that of the price is not known."""
    if volatility is None:
        return ZERO
    if volatility == 0:
        return sizing.max_fraction
    return min(EXACT.divide(sizing.volatility, Decimal(repr(volatility))), sizing.max_fraction)


def affordable(fees: FeeModel, budget: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    """The largest quantity whose notional and fee together cost at most `budget`; 0 when none does.

    >>> affordable(FixedFee(Decimal(1)), Decimal(1000), Decimal(10), Instrument(symbol="AAPL"))
    Decimal('99')
    """
    lot = instrument.lot

    def fee_of(lots: int) -> Decimal:
        return fee(fees, lots * lot, instrument.value(price, lots * lot))

    def lots_for(amount: Decimal) -> int:
        return int(EXACT.divide(max(amount, ZERO), instrument.value(price, lot)))

    # The more is bought the higher the fee, so one bound pays none and the other the highest.
    most = lots_for(budget)
    least = lots_for(budget - fee_of(most))
    while least < most:
        middle = (least + most + 1) // 2
        if instrument.value(price, middle * lot) + fee_of(middle) <= budget:
            least = middle
        else:
            most = middle - 1
    return least * lot


def cost(books: Books, quantity: Decimal, price: Decimal, instrument: Instrument) -> Decimal:
    """Cash an entry sets aside: its notional and the fee it would pay, at the decision's price."""
    notional = instrument.value(price, quantity)
    return canonical(notional + fee(books.fees, quantity, notional))


def complete(books: Books, proposal: Proposal, quantity: Decimal) -> Sized:
    """Freeze a proposal: distances from the profile where it names none, prices, cost, worst loss."""
    limits = books.limits
    instrument = books.instrument(proposal.symbol)
    stop, target = stop_fraction(limits, proposal), target_fraction(limits, proposal)
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


def stop_fraction(limits: Limits, proposal: Proposal) -> Decimal:
    """The stop's distance: the proposal's, else the profile's."""
    return limits.stop_fraction if proposal.stop_fraction is None else proposal.stop_fraction


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
    return four_places(EXACT.divide(target, stop))
