"""strategist: turns what the strategy says of a bar into candidates, proposals and exits.

Knows no limits but the one its proposals must meet by contract (reward over risk); sizing and
refusing is the risk officer's.
"""

from typing import Final, assert_never

from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import BarsClosed
from tradewrit.domain.events.orders import CancelOrder
from tradewrit.domain.events.positions import PositionClosed, StopSet
from tradewrit.domain.events.strategy import (
    CandidateFound,
    CandidatesListed,
    EntrySignalled,
    EvaluateSetup,
    EvaluationStarted,
    ExitJudged,
    ExitSignalled,
    HoldSignalled,
    ManagePosition,
    ScanCandidates,
    ScanStarted,
    SetupEvaluated,
    ShouldExit,
    TradeLogged,
)
from tradewrit.domain.ids import scan_id, trade_id
from tradewrit.domain.money import EXACT, ZERO, four_places
from tradewrit.domain.orders import Side
from tradewrit.domain.proposals import Proposal
from tradewrit.domain.signals import (
    ENTER,
    LEAVE,
    OPPOSITE,
    REVERSE,
    SESSION_END,
    Market,
    Signal,
    Verdict,
)
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.risk.exits import stop_price, target_price
from tradewrit.risk.judgement import judge
from tradewrit.risk.limits import facts, is_worth_it
from tradewrit.risk.sizing import reward_risk, stop_fraction, target_fraction
from tradewrit.risk.watch import due, trailed

NAME: Final = "strategist"
_SESSION_ENDS: Final = int(Verdict.SESSION_ENDS)
Hears = BarsClosed | StopSet | PositionClosed | ScanCandidates | EvaluateSetup | ManagePosition | ShouldExit


def decide(books: Books, market: Market, event: Hears) -> Decision:
    """Scan closed bars, log finished trades, and answer questions about setups and open trades."""
    match event:
        case BarsClosed():
            return _scan(books, market, event)
        case StopSet(trade_id=trade, symbol=symbol):
            reason = "protected; waiting for target, stop or exit"
            return Decision((HoldSignalled(at=event.at, trace=trade, symbol=symbol, reason=reason),))
        case PositionClosed():
            return Decision((_log(books, event), *_reverse(books, market, event)))
        case ScanCandidates(symbols=symbols):
            wanted = symbols or tuple(market.symbols())
            found = tuple(s for s in wanted if (seen := market.signal(s)) is not None and seen.enter)
            return Decision((CandidatesListed(at=event.at, symbols=found),))
        case EvaluateSetup(symbol=symbol):
            return Decision((_evaluate(market, symbol, event.at),))
        case ManagePosition(trade_id=trade) | ShouldExit(trade_id=trade):
            return Decision((_judge(books, market, trade, event.at),))
        case _:
            assert_never(event)


def _scan(books: Books, market: Market, event: BarsClosed) -> Decision:
    speaking = market.speaking()
    if not speaking:
        return NOTHING
    events: list[Event] = []
    candidates: list[str] = []
    for symbol, verdict in speaking:
        trade = books.trade_in(symbol)
        if trade is not None:
            is_reversal = books.reverse and verdict & ENTER == OPPOSITE[trade.direction]
            if (is_reversal or verdict & LEAVE[trade.direction]) and trade.state is TradeState.HOLDING:
                events.append(_leave(books, market, trade, event.at))
            elif verdict & _SESSION_ENDS and trade.state is TradeState.ORDER_PLACED:
                events.append(_take_back(trade, event.at))
        elif verdict & ENTER:
            found = _propose(books, market, symbol, event.at)
            if len(found) > 1:
                candidates.append(symbol)
            events.extend(found)
    if candidates:
        scan = scan_id(books.strategy, event.at)
        events.insert(0, ScanStarted(at=event.at, scan=scan, symbols=tuple(candidates)))
    return Decision(tuple(events)) if events else NOTHING


def _propose(books: Books, market: Market, symbol: str, at: int) -> tuple[Event, ...]:
    signal = market.signal(symbol)
    proposal = None if signal is None else proposal_from(books, market, signal, at)
    if proposal is None or _is_refused_as_before(books, market, proposal):
        return ()
    price, direction = proposal.entry_price, proposal.direction
    instrument = books.instrument(symbol)
    stop, target = stop_fraction(books.limits, proposal), target_fraction(books.limits, proposal)
    ratio = reward_risk(stop, target)
    if target is not None and not is_worth_it(books.limits, stop, target):
        reason = f"reward/risk {ratio} is not above {books.limits.min_reward_risk}"
        if books.refused.get(symbol) == (reason,):
            return ()
        return (HoldSignalled(at=at, symbol=symbol, reason=reason),)
    trade = proposal.trade_id
    return (
        CandidateFound(
            at=at,
            trace=trade,
            scan=scan_id(books.strategy, at),
            trade_id=trade,
            symbol=symbol,
            side=proposal.side,
            strategy=books.strategy,
            price=price,
            inputs=proposal.inputs,
        ),
        EvaluationStarted(at=at, trace=trade, trade_id=trade, symbol=symbol),
        EntrySignalled(
            at=at,
            trace=trade,
            proposal=proposal,
            stop_price=stop_price(direction, price, stop, instrument),
            target_price=None if target is None else target_price(direction, price, target, instrument),
            reward_risk=ratio,
        ),
    )


def proposal_from(books: Books, market: Market, signal: Signal, at: int) -> Proposal | None:
    """The proposal a signal amounts to at the last price; None without a price or a side."""
    price = market.mark(signal.symbol)
    if price is None or signal.enter is None:
        return None
    bar = market.bar(signal.symbol)
    decided_on = 0 if bar is None else bar.ts
    return Proposal(
        trade_id=trade_id(books.journal_id, books.strategy, signal.symbol, at, decided_on),
        symbol=signal.symbol,
        side=signal.enter,
        entry_type=books.entry_type,
        entry_price=price,
        stop_fraction=signal.stop_fraction,
        target_fraction=signal.target_fraction,
        trail_fraction=signal.trail_fraction,
        max_bars=signal.max_bars,
        confidence=signal.confidence,
        reasons=signal.reasons,
        strategy=books.strategy,
        inputs=signal.inputs,
        volatility=market.volatility(signal.symbol),
        decided_at=at,
    )


def _is_refused_as_before(books: Books, market: Market, proposal: Proposal) -> bool:
    """Whether risk would refuse it for the very limits it named last time: then nothing is new."""
    before = books.refused.get(proposal.symbol)
    if before is None:
        return False
    judged = judge(books, proposal, facts(books, market.mark, proposal.decided_at))
    return tuple(breach.limit for breach in judged.broken) == before


def _reverse(books: Books, market: Market, event: PositionClosed) -> tuple[Event, ...]:
    """The other half of a reversal: what was left for the other side may now be entered there.

    Only if the last bar still wants it, which may be another by now; a refusal leaves the account flat.
    """
    trade, signal = books.trades.get(event.trade_id), market.signal(event.symbol)
    if event.reason != REVERSE or not books.reverse or trade is None or signal is None:
        return ()
    if signal.enter is not trade.direction.exit_side:
        return ()
    found = _propose(books, market, event.symbol, event.at)
    if len(found) < 2:
        return found
    scan = scan_id(books.strategy, event.at)
    return (ScanStarted(at=event.at, scan=scan, symbols=(event.symbol,)), *found)


def _why_leave(books: Books, trade: Trade, signal: Signal) -> str | None:
    if books.reverse and signal.enter is trade.direction.exit_side:
        return REVERSE
    return signal.leave(trade.direction)


def _leave(books: Books, market: Market, trade: Trade, at: int) -> ExitSignalled:
    price, signal = market.mark(trade.symbol), market.signal(trade.symbol)
    if price is None or signal is None:
        raise AssertionError(f"{trade.symbol}: a bar closed without a price")
    reason = _why_leave(books, trade, signal) or "signal"
    return ExitSignalled(
        at=at, trace=trade.id, trade_id=trade.id, symbol=trade.symbol, reason=reason, price=price
    )


def _take_back(trade: Trade, at: int) -> CancelOrder:
    """An entry that still waits would open what is to be left by now."""
    return CancelOrder(at=at, trace=trade.id, client_order_id=trade.entry_id, actor=NAME, reason=SESSION_END)


def _evaluate(market: Market, symbol: str, at: int) -> SetupEvaluated:
    signal = market.signal(symbol)
    if signal is None:
        return SetupEvaluated(at=at, symbol=symbol, side=None, inputs={}, reason="no bar yet")
    side: Side | None = signal.enter
    reason = "the entry conditions hold" if side else "the entry conditions do not hold"
    return SetupEvaluated(at=at, symbol=symbol, side=side, inputs=signal.inputs, reason=reason)


def _judge(books: Books, market: Market, trade_id_: str, at: int) -> ExitJudged:
    trade = books.trades.get(trade_id_)
    if trade is None:
        return ExitJudged(at=at, trace=trade_id_, trade_id=trade_id_, reason=None, stop_price=None)
    price = market.mark(trade.symbol)
    reason = None
    if price is not None and trade.opened_at:
        reason = due(market, trade, price)
    signal = market.signal(trade.symbol)
    if reason is None and signal is not None and trade.opened_at:
        reason = _why_leave(books, trade, signal)
    stop = trailed(books, market, trade) or trade.stop_price
    return ExitJudged(at=at, trace=trade.id, trade_id=trade.id, reason=reason, stop_price=stop)


def _log(books: Books, event: PositionClosed) -> TradeLogged:
    stats, trade = books.stats, books.trades.get(event.trade_id)
    trades, wins = stats.trades + 1, stats.wins + (event.pnl > 0)
    planned = trade.sized.worst_loss if trade is not None and trade.sized is not None else ZERO
    ratio = EXACT.divide(event.pnl, planned) if planned else ZERO
    mean = EXACT.divide(stats.reward_risk_sum + ratio, trades)
    return TradeLogged(
        at=event.at,
        trace=event.trace,
        trade_id=event.trade_id,
        symbol=event.symbol,
        pnl=event.pnl,
        reason=event.reason,
        trades=trades,
        wins=wins,
        win_fraction=four_places(EXACT.divide(wins, trades)),
        reward_risk=four_places(mean),
    )
