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
from tradewrit.domain.cooldowns import EVERYWHERE
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.account import (
    AdoptPosition,
    HaltTrading,
    ResumeSymbol,
    ResumeTrading,
    TradingHalted,
    TradingResumed,
    TransitionRefused,
)
from tradewrit.domain.events.corporate import SharesDelisted, SymbolChanged
from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.events.orders import OrderRejected
from tradewrit.domain.events.review import Edit, EntryRequoted, ReviewModified
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
from tradewrit.domain.money import EXACT, ZERO, Price, canonical, four_places
from tradewrit.domain.portfolio import drawdown, equity, exposure
from tradewrit.domain.proposals import Proposal
from tradewrit.domain.signals import Market
from tradewrit.risk.drawdown import may_have_crossed
from tradewrit.risk.freezing import adopt, freeze, resume
from tradewrit.risk.judgement import judge
from tradewrit.risk.limits import Facts, facts
from tradewrit.risk.refusals import cooldown, warmed
from tradewrit.risk.sizing import size

NAME: Final = "risk_officer"
Hears = (
    EntrySignalled
    | ReviewModified
    | EntryRequoted
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
    | OrderRejected
)


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Judge proposals and edits, and say when the drawdown limit is crossed."""
    match event:
        case BarsClosed():
            return _watch_drawdown(books, market, event.at)
        case EntrySignalled(proposal=proposal):
            return _judge(books, market, proposal, event.at)
        case EntryRequoted(proposal=proposal):
            return _judge(books, market, proposal, event.at, replaces=event.replaces)
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
            return freeze(books, event)
        case AdoptPosition():
            return adopt(books, market, event)
        case OrderRejected():
            return _refused(books, event)
        case ResumeSymbol():
            return resume(books, event)
        case _:
            assert_never(event)


def _judge(
    books: Books, market: Market, proposal: Proposal, at: int, review_id: str = "", replaces: str = ""
) -> Decision:
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
        replaces=replaces,
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
        shown = four_places(fallen)
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


def _refused(books: Books, event: OrderRejected) -> Decision:
    """The venue will have none of it: the same is not asked again and again."""
    if not event.role.is_entry:
        return NOTHING
    began = cooldown(books, event.symbol, event.code, event.reason, event.at)
    return NOTHING if began is None else Decision((began,))


def _resume(books: Books, at: int, actor: str, reason: str) -> Decision:
    """A halt ends only by name; software that halted the desk cannot start it again.

    Cool-downs end as well: that of the account with the halt, all of them where nothing else is to be.
    """
    is_person = actor.startswith("human:")
    scopes = (EVERYWHERE,) if books.halted else tuple(books.cooldowns)
    ended = tuple(one for scope in scopes for one in warmed(books, scope, at, actor, reason))
    if is_person and books.halted:
        return Decision((TradingResumed(at=at, actor=actor, reason=reason), *ended))
    if is_person and ended:
        return Decision(ended)
    refused = TransitionRefused(
        at=at,
        machine="account",
        subject=books.account,
        state=books.halted or "running",
        wanted="resume",
        cause=f"{actor}: only a halted account can be resumed, and only by a person",
    )
    return Decision((refused,))


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
        return four_places(EXACT.divide(amount, now.equity))

    return PortfolioAssessed(
        at=at,
        equity=now.equity,
        cash=now.cash,
        reserved=canonical(now.reserved),
        exposure_fraction=share(exposure(books, market.mark)),
        cash_fraction=share(now.cash - now.reserved - now.margin),
        drawdown_fraction=four_places(now.drawdown),
        high_water=books.high_water,
        open_positions=len(books.positions),
    )


def _hash(now: Facts) -> str:
    account = replace(now, at=0)  # of the figures alone: the time is the event's
    return hashlib.sha256(_encode(account)).hexdigest()


_encode: Final = msgspec.json.Encoder(order="deterministic").encode
