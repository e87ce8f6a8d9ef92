"""Every limit a trade is held against, each a line of its own, all of them checked every time.

Knows no agent and no event flow: facts in, breaches out. All comparisons are inclusive.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from tradewrit.domain.books import Books
from tradewrit.domain.events.risk import Breach
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import ZERO, canonical, four_places
from tradewrit.domain.portfolio import Marks, buying_power, drawdown, equity
from tradewrit.domain.portfolio import margin as margin_of
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.domain.sizing import VolatilityTarget
from tradewrit.domain.times import iso
from tradewrit.domain.writs import EXECUTOR
from tradewrit.risk.refusals import why_cooling


class Facts(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The account at the moment of a decision; computed once, used by every limit. at: UTC ns."""

    equity: Decimal
    cash: Decimal
    reserved: Decimal
    margin: Decimal
    buying_power: Decimal
    drawdown: Decimal
    open_positions: int
    at: int = 0


def facts(books: Books, mark: Marks, at: int) -> Facts:
    """What the limits need to know. Pending orders are reserved, not part of equity."""
    worth = equity(books, mark)
    return Facts(
        equity=worth,
        cash=books.cash,
        reserved=books.reserved,
        margin=margin_of(books),
        buying_power=buying_power(books, at),
        drawdown=drawdown(worth, books.high_water),
        open_positions=len(books.positions) + _pending_entries(books),
        at=at,
    )


def breaches(books: Books, sized: Sized, now: Facts) -> tuple[Breach, ...]:
    """Every limit this trade would break, in a fixed order; none means it may go on."""
    instrument = books.instrument(sized.proposal.symbol)
    return (
        *permission(books, sized.proposal, now.at),
        *_size(books, sized, now, instrument),
        *_account(books, sized, now),
        *_protection(books, sized),
    )


def permission(books: Books, proposal: Proposal, at: int) -> Iterator[Breach]:
    """Why nothing at all may be entered here and now, whatever it costs. at: UTC ns."""
    yield from _desk(books)
    yield from _symbol(books, proposal, at)
    yield from _allowed(books, proposal)


def _desk(books: Books) -> Iterator[Breach]:
    if books.halted:
        yield _breach("halted", "not halted", books.halted, "trading is halted; a person must resume it")
    writ = books.writs.get(EXECUTOR)
    if writ is not None and writ.ended and not books.halted:
        yield _breach(
            "writ",
            "a live writ",
            writ.ended,
            f"the executor has no writ to send it under: {writ.ended}",
        )
    if books.maintenance:
        yield _breach(
            "maintenance",
            "a venue at work",
            f"until {iso(books.maintenance)}",
            "the venue is in maintenance, or about to be; entries wait until the account has been compared",
        )


def _symbol(books: Books, proposal: Proposal, at: int) -> Iterator[Breach]:
    if cooling := why_cooling(books, proposal.symbol, at):
        yield _breach("cooldown", "nothing refused lately", "refused", f"no entry for now: {cooling}")
    if proposal.symbol in books.suspended:
        yield _breach(
            "suspended",
            "a symbol that trades",
            books.suspended[proposal.symbol],
            f"{proposal.symbol} is suspended; a person must resume it",
        )
    if proposal.symbol in books.paused:
        yield _breach(
            "symbol_halt",
            "a symbol that trades",
            books.paused[proposal.symbol],
            f"the venue has halted {proposal.symbol}; entries wait for its resumption",
        )
    if proposal.symbol in books.disputed:
        yield _breach(
            "disputed",
            "a position both agree on",
            books.disputed[proposal.symbol],
            f"the venue differs on {proposal.symbol}; a person must look, and adopt what it holds",
        )
    if proposal.symbol in books.questioned:
        yield _breach(
            "questioned",
            "fills that can be right",
            books.questioned[proposal.symbol],
            f"a fill in {proposal.symbol} can hardly be right; a person must look, and resume the symbol",
        )
    theirs = books.external.get(proposal.symbol)
    if theirs is not None and theirs.direction.exit_side is proposal.side:
        yield _breach(
            "external",
            "no position of others on the other side",
            f"{theirs.signed:f}",
            f"others hold {theirs.signed:f} {proposal.symbol}: an entry would close that, and what would "
            "protect it could not be placed",
        )


def _allowed(books: Books, proposal: Proposal) -> Iterator[Breach]:
    limits, instrument = books.limits, books.instrument(proposal.symbol)
    if limits.allowed_symbols is not None and proposal.symbol not in limits.allowed_symbols:
        yield _breach(
            "allowed_symbols", "a listed symbol", proposal.symbol, f"{proposal.symbol} is not on the list"
        )
    if instrument.currency != books.currency:
        yield _breach(
            "currency",
            books.currency,
            instrument.currency,
            f"{proposal.symbol} trades in {instrument.currency}, the account in {books.currency}",
        )
    if proposal.side.sign < 0 and not (limits.allow_short and books.margin and instrument.is_shortable):
        yield _breach("allow_short", "long only", "short", f"{proposal.symbol} may not be sold short here")


def _size(books: Books, sized: Sized, now: Facts, instrument: Instrument) -> Iterator[Breach]:
    limits, price = books.limits, sized.proposal.entry_price
    value = instrument.value(price, sized.quantity)
    if is_volatility_missing(books, sized.proposal):
        yield _breach(
            "volatility", "known", "unknown", "sized by volatility, and there are too few bars to know it"
        )
        return
    if sized.quantity <= 0:
        yield _breach("lot", instrument.lot, sized.quantity, "not even one lot fits the limits")
        return
    if not instrument.is_on_lot(sized.quantity):
        yield _breach("lot", instrument.lot, sized.quantity, "the quantity is not a multiple of the lot")
    if limits.max_order_quantity is not None and sized.quantity > limits.max_order_quantity:
        yield _breach(
            "max_order_quantity", limits.max_order_quantity, sized.quantity, "more units than allowed"
        )
    if value < instrument.minimum_notional:
        yield _breach(
            "minimum_notional", instrument.minimum_notional, value, "the venue takes no order this small"
        )
    if limits.max_position_notional is not None and value > limits.max_position_notional:
        yield _breach(
            "max_position_notional", limits.max_position_notional, value, "the position would be too large"
        )
    if value > limits.max_position_fraction * now.equity:
        yield _breach(
            "max_position_fraction",
            canonical(limits.max_position_fraction * now.equity),
            value,
            f"more than {limits.max_position_fraction} of equity in one position",
        )


def _account(books: Books, sized: Sized, now: Facts) -> Iterator[Breach]:
    limits = books.limits
    left = now.cash - now.reserved - now.margin - sized.cost
    floor = limits.min_cash_fraction * now.equity
    if sized.quantity > 0 and left < floor:
        yield _breach(
            "min_cash_fraction",
            canonical(floor),
            canonical(left),
            f"cash after the trade, pending orders counted, below {limits.min_cash_fraction} of equity",
        )
    if sized.quantity > 0 and sized.cost > now.buying_power:
        yield _breach(
            "buying_power", canonical(now.buying_power), sized.cost, "it costs more than may be spent"
        )
    if now.drawdown >= limits.max_drawdown_fraction:
        yield _breach(
            "max_drawdown_fraction",
            limits.max_drawdown_fraction,
            four_places(now.drawdown),
            "equity is too far below its high-water mark; entries are blocked, exits are not",
        )
    if limits.max_open_positions is not None and now.open_positions >= limits.max_open_positions:
        yield _breach(
            "max_open_positions", limits.max_open_positions, now.open_positions, "too many open positions"
        )


def _protection(books: Books, sized: Sized) -> Iterator[Breach]:
    limits = books.limits
    if not ZERO < sized.stop_fraction <= limits.stop_fraction:
        yield _breach(
            "stop_fraction",
            limits.stop_fraction,
            sized.stop_fraction,
            "a stop is mandatory and may not lie further away than the profile allows",
        )
    if sized.target_fraction is not None and not is_worth_it(
        limits, sized.stop_fraction, sized.target_fraction
    ):
        yield _breach(
            "min_reward_risk",
            limits.min_reward_risk,
            sized.reward_risk,
            "reward over risk must be greater than this",
        )
    is_short = sized.proposal.side.sign < 0
    if is_short and sized.target_fraction is not None and sized.target_fraction >= 1:
        yield _breach("target_fraction", "below 1", sized.target_fraction, "a short cannot gain 100 %")


def is_volatility_missing(books: Books, proposal: Proposal) -> bool:
    """Whether nobody can say how large the trade is to be."""
    is_wanted = isinstance(books.sizing, VolatilityTarget) and proposal.quantity is None
    return is_wanted and proposal.volatility is None


def is_worth_it(limits: Limits, stop: Decimal, target: Decimal) -> bool:
    """Whether the target's distance over the stop's is greater than the profile asks; exact, no quotient."""
    return stop > 0 and target > limits.min_reward_risk * stop


def _pending_entries(books: Books) -> int:
    return sum(
        1
        for order in books.orders.values()
        if order.terms.role.is_entry and order.is_live and order.terms.symbol not in books.positions
    )


def _breach(limit: str, allowed: object, actual: object, message: str) -> Breach:
    return Breach(limit=limit, allowed=str(allowed), actual=str(actual), message=message)
