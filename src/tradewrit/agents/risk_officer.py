"""risk_officer: sizes a proposal or refuses it, naming every limit it breaks; watches the drawdown.

Freezes what cannot be adjusted safely, and says what a person has to do.
Knows no venue and no human. A pure function of the books, the marks and the proposal.
"""

import hashlib
from decimal import Decimal
from typing import Final, assert_never

import msgspec
from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.differences import Differs
from tradewrit.domain.events.account import (
    AdoptPosition,
    HaltTrading,
    PositionAdopted,
    ResumeSymbol,
    ResumeTrading,
    SymbolResumed,
    SymbolSuspended,
    TradingHalted,
    TradingResumed,
    TransitionRefused,
)
from tradewrit.domain.events.corporate import SharesDelisted, SymbolChanged
from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.events.review import Edit, ReviewModified
from tradewrit.domain.events.risk import (
    ApproveTrade,
    AssessPortfolio,
    CalculateSize,
    CheckLimits,
    DrawdownAlerted,
    DrawdownCleared,
    LimitExceeded,
    LimitsChecked,
    PortfolioAssessed,
    RiskApproved,
    SizeCalculated,
)
from tradewrit.domain.events.strategy import EntrySignalled
from tradewrit.domain.ids import derive
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import EXACT, ZERO, Price, canonical, canonical_qty
from tradewrit.domain.orders import Side
from tradewrit.domain.portfolio import drawdown, equity, exposure
from tradewrit.domain.positions import Fill
from tradewrit.domain.proposals import Proposal
from tradewrit.domain.signals import Market
from tradewrit.risk.drawdown import may_have_crossed
from tradewrit.risk.judgement import judge
from tradewrit.risk.limits import Facts, facts
from tradewrit.risk.sizing import size

NAME: Final = "risk_officer"
Hears = (
    EntrySignalled
    | ReviewModified
    | BarsClosed
    | CalculateSize
    | CheckLimits
    | ApproveTrade
    | AssessPortfolio
    | HaltTrading
    | ResumeTrading
    | SymbolChanged
    | SharesDelisted
    | ResumeSymbol
    | AdoptPosition
)


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Judge proposals and edits, and say when the drawdown limit is crossed."""
    match event:
        case BarsClosed():
            return _watch_drawdown(books, market, event.at)
        case EntrySignalled(proposal=proposal):
            return _judge(books, market, proposal, event.at)
        case ReviewModified():
            proposal = edited(event.before.proposal, event.before.quantity, event.edit)
            return _judge(books, market, proposal, event.at, event.review_id)
        case CalculateSize():
            return _size_only(books, market, event)
        case CheckLimits(proposal=proposal) | ApproveTrade(proposal=proposal):
            return _check_only(books, market, proposal, event.at)
        case AssessPortfolio():
            return Decision((_assess(books, market, event.at),))
        case HaltTrading():
            return _halt(books, event)
        case ResumeTrading(actor=actor, reason=reason):
            return _resume(books, event.at, actor, reason)
        case SymbolChanged() | SharesDelisted():
            return _freeze(books, event)
        case AdoptPosition():
            return _adopt(books, market, event)
        case ResumeSymbol():
            return _resume_symbol(books, event)
        case _:
            assert_never(event)


def _judge(books: Books, market: Market, proposal: Proposal, at: int, review_id: str = "") -> Decision:
    now = facts(books, market.mark, at)
    judged = judge(books, proposal, now)
    sized, broken = judged.sized, judged.broken
    sized_hash = sized.hash
    trade, symbol = proposal.trade_id, proposal.symbol
    calculated = SizeCalculated(
        at=at,
        trace=trade,
        trade_id=trade,
        symbol=symbol,
        quantity=sized.quantity,
        notional=books.instrument(symbol).notional(proposal.entry_price, sized.quantity).amount,
        bound_by=judged.size.bound_by,
    )
    if broken:
        refusal = LimitExceeded(
            at=at, trace=trade, trade_id=trade, symbol=symbol, breaches=broken, review_id=review_id
        )
        return Decision((calculated, refusal))
    inputs_hash = _hash(now)
    approval = RiskApproved(
        at=at,
        trace=trade,
        decision=derive("risk", books.journal_id, trade, sized_hash, inputs_hash, length=16),
        sized=sized,
        sized_hash=sized_hash,
        inputs_hash=inputs_hash,
        expires_at=at + books.review.expires_after_s * SECOND,
        review_id=review_id,
    )
    return Decision((calculated, approval))


def edited(proposal: Proposal, quantity: Decimal, edit: Edit) -> Proposal:
    """The proposal with a person's changes; what they left alone stays as it was shown."""
    return replace(
        proposal,
        quantity=quantity if edit.quantity is None else edit.quantity,
        stop_fraction=proposal.stop_fraction if edit.stop_fraction is None else edit.stop_fraction,
        target_fraction=(proposal.target_fraction if edit.target_fraction is None else edit.target_fraction),
    )


def _watch_drawdown(books: Books, market: Market, at: int) -> Decision:
    limit = books.limits.max_drawdown_fraction
    if not books.is_drawdown_blocked and not may_have_crossed(books, market):
        return NOTHING
    worth = equity(books, market.mark)
    fallen = drawdown(worth, books.high_water)
    is_over = fallen >= limit
    if is_over == books.is_drawdown_blocked:
        return NOTHING
    if is_over:
        shown = canonical(fallen.quantize(Decimal("0.0001"), context=EXACT))
        alert = DrawdownAlerted(at=at, equity=worth, high_water=books.high_water, drawdown=shown)
        return Decision((alert,))
    return Decision((DrawdownCleared(at=at, equity=worth, high_water=books.high_water),))


def _halt(books: Books, event: HaltTrading) -> Decision:
    """Anybody may stop the desk; that nothing at all is protected any more, only a person, and then."""
    if event.including_protection and not (books.halted and event.actor.startswith("human:")):
        return Decision(
            (
                TransitionRefused(
                    at=event.at,
                    machine="account",
                    subject=books.account,
                    state=books.halted or "running",
                    wanted="end_protection",
                    cause=f"{event.actor}: protection ends only on a halted account, and only by a person",
                ),
            )
        )
    halted = TradingHalted(
        at=event.at,
        actor=event.actor,
        reason=event.reason,
        including_protection=event.including_protection,
    )
    return Decision((halted,))


def _resume(books: Books, at: int, actor: str, reason: str) -> Decision:
    """A halt ends only by name; software that halted the desk cannot start it again."""
    if not books.halted or not actor.startswith("human:"):
        refused = TransitionRefused(
            at=at,
            machine="account",
            subject=books.account,
            state=books.halted or "running",
            wanted="resume",
            cause=f"{actor}: only a halted account can be resumed, and only by a person",
        )
        return Decision((refused,))
    return Decision((TradingResumed(at=at, actor=actor, reason=reason),))


def _freeze(books: Books, event: SymbolChanged | SharesDelisted) -> Decision:
    """What trades under another name, or not at all, is left as it is; an alert says who has to do what."""
    symbol = event.symbol
    if symbol in books.suspended:
        return NOTHING
    position = books.positions.get(symbol)
    is_paid_out = isinstance(event, SharesDelisted) and event.price is not None
    quantity = ZERO if position is None or is_paid_out else position.signed
    suspended = SymbolSuspended(
        at=event.at,
        trace=books.active.get(symbol, ""),
        symbol=symbol,
        reason=_why_frozen(event),
        quantity=quantity,
        orders=tuple(
            order.id for order in books.orders.values() if order.terms.symbol == symbol and order.is_live
        ),
        todo=_todo(event, quantity),
    )
    return Decision((suspended,))


def _why_frozen(event: SymbolChanged | SharesDelisted) -> str:
    if isinstance(event, SymbolChanged):
        return f"{event.symbol} trades as {event.successor or 'something else'} now"
    return f"{event.symbol} is delisted" + (f": {event.reason}" if event.reason else "")


def _todo(event: SymbolChanged | SharesDelisted, quantity: Decimal) -> str:
    if not quantity:
        return f"nothing is held: take {event.symbol} out of what is traded, or resume it by name"
    if isinstance(event, SharesDelisted):
        return (
            f"ask the broker what becomes of {abs(quantity)} {event.symbol}; once its cash per unit is known,"
            " record the delisting again with it"
        )
    return (
        f"close {abs(quantity)} {event.successor or event.symbol} at the venue by hand, orders under the old "
        f"name first, and record {event.symbol} as delisted at the price that brought; or resume it, if the "
        "venue still takes the old name"
    )


def _resume_symbol(books: Books, event: ResumeSymbol) -> Decision:
    held = books.suspended.get(event.symbol) or books.questioned.get(event.symbol)
    if held and event.actor.startswith("human:"):
        resumed = SymbolResumed(at=event.at, symbol=event.symbol, actor=event.actor, reason=event.reason)
        return Decision((resumed,))
    refused = TransitionRefused(
        at=event.at,
        machine="symbol",
        subject=event.symbol,
        state=held or "trading",
        wanted="resume",
        cause=f"{event.actor}: only a symbol that is suspended, or of which a fill is questioned, can be "
        "resumed, and only by a person",
    )
    return Decision((refused,))


def _adopt(books: Books, market: Market, event: AdoptPosition) -> Decision:
    """A person says that the venue is right: what it holds beyond ours is held by somebody else."""
    symbol, is_person = event.symbol, event.actor.startswith("human:")
    ours, _, theirs = books.suspects.get(f"{Differs.POSITION}:{symbol}", "").partition("|")
    is_current = bool(ours) and Decimal(ours) == books.units(symbol)
    price = event.price if event.price is not None else market.mark(symbol)
    if not (is_person and symbol in books.disputed and is_current and price):
        refused = TransitionRefused(
            at=event.at,
            machine="position",
            subject=symbol,
            state=books.disputed.get(symbol, "agreed"),
            wanted="adopt",
            cause=f"{event.actor}: only what is disputed can be adopted, as it was when the venue was asked "
            "last, only by a person, and at a price",
        )
        return Decision((refused,))
    missing = Decimal(theirs) - books.units(symbol)
    fill = Fill(
        trade_id="",
        symbol=symbol,
        side=Side.BUY if missing > 0 else Side.SELL,
        quantity=canonical_qty(abs(missing)),
        price=Price(price),
        fee=ZERO,
        at=event.at,
    )
    adopted = PositionAdopted(at=event.at, symbol=symbol, actor=event.actor, reason=event.reason, fill=fill)
    return Decision((adopted,))


def _size_only(books: Books, market: Market, event: CalculateSize) -> Decision:
    now = facts(books, market.mark, event.at)
    asked = Proposal(
        trade_id="",
        symbol=event.symbol,
        side=event.side,
        entry_price=Price(event.price),
        strategy=books.strategy,
        decided_at=event.at,
        volatility=market.volatility(event.symbol),
    )
    fitting = size(books, asked, now.equity)
    answer = LimitsChecked(at=event.at, symbol=event.symbol, quantity=fitting.quantity, breaches=())
    return Decision((answer,))


def _check_only(books: Books, market: Market, proposal: Proposal, at: int) -> Decision:
    judged = judge(books, proposal, facts(books, market.mark, at))
    answer = LimitsChecked(
        at=at,
        symbol=proposal.symbol,
        quantity=judged.sized.quantity,
        breaches=judged.broken,
    )
    return Decision((answer,))


def _assess(books: Books, market: Market, at: int) -> PortfolioAssessed:
    now = facts(books, market.mark, at)

    def share(amount: Decimal) -> Decimal:
        if now.equity <= 0:
            return ZERO
        return canonical(EXACT.divide(amount, now.equity).quantize(Decimal("0.0001"), context=EXACT))

    return PortfolioAssessed(
        at=at,
        equity=now.equity,
        cash=now.cash,
        reserved=canonical(now.reserved),
        exposure_fraction=share(exposure(books, market.mark)),
        cash_fraction=share(now.cash - now.reserved - now.margin),
        drawdown_fraction=canonical(now.drawdown.quantize(Decimal("0.0001"), context=EXACT)),
        high_water=books.high_water,
        open_positions=len(books.positions),
    )


def _hash(now: Facts) -> str:
    return hashlib.sha256(msgspec.json.encode(now, order="deterministic")).hexdigest()
