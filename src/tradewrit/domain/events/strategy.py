"""What the strategist hears and says: scans, candidates, signals, and the log of what came of them."""

from decimal import Decimal

from tradewrit.domain.events.base import Answer, Event, Query
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Side
from tradewrit.domain.proposals import Proposal


class ScanStarted(Event, frozen=True, kw_only=True, gc=False, tag="strategy.scan.started"):
    """The strategist looked over these symbols and found something; quiet scans leave no record."""

    scan: str
    symbols: tuple[str, ...]


class CandidateFound(Event, frozen=True, kw_only=True, gc=False, tag="strategy.candidate.found"):
    """A symbol meets the entry conditions. inputs: the feature values that say so."""

    scan: str
    trade_id: str
    symbol: str
    side: Side
    strategy: str
    price: Price
    inputs: dict[str, float]


class EvaluationStarted(Event, frozen=True, kw_only=True, gc=False, tag="strategy.evaluate.started"):
    """The candidate's entry, stop and target are being worked out."""

    trade_id: str
    symbol: str


class EntrySignalled(Event, frozen=True, kw_only=True, gc=False, tag="strategy.entry.signal"):
    """A complete proposal, with the prices it implies at the signal."""

    proposal: Proposal
    stop_price: Price
    target_price: Price | None
    reward_risk: Decimal


class HoldSignalled(Event, frozen=True, kw_only=True, gc=False, tag="strategy.hold.signal"):
    """Nothing to do, and why; recorded only when the reason changes."""

    symbol: str
    reason: str


class ExitSignalled(Event, frozen=True, kw_only=True, gc=False, tag="strategy.exit.signal"):
    """The strategy wants out. reason: target, stop, time, signal, or the author's own word."""

    trade_id: str
    symbol: str
    reason: str
    price: Price


class TradeLogged(Event, frozen=True, kw_only=True, gc=False, tag="strategy.trade.logged"):
    """One trade is over and counted. Totals are over the account's whole life.

    reward_risk: mean of pnl over planned loss at the stop, over all trades.
    """

    trade_id: str
    symbol: str
    pnl: Decimal
    reason: str
    trades: int
    wins: int
    win_fraction: Decimal
    reward_risk: Decimal


class ScanCandidates(Query, frozen=True, kw_only=True, gc=False, tag="strategy.scan_candidates"):
    """Asks which of these symbols meet the entry conditions on their last bar; () means all."""

    symbols: tuple[str, ...] = ()


class CandidatesListed(Answer, frozen=True, kw_only=True, gc=False, tag="strategy.candidates.listed"):
    """The symbols that meet the entry conditions, in rank order."""

    symbols: tuple[str, ...]


class EvaluateSetup(Query, frozen=True, kw_only=True, gc=False, tag="strategy.evaluate_setup"):
    """Asks what the strategy makes of one symbol now."""

    symbol: str


class SetupEvaluated(Answer, frozen=True, kw_only=True, gc=False, tag="strategy.setup.evaluated"):
    """What the strategy makes of a symbol: its feature values and whether it would enter."""

    symbol: str
    side: Side | None
    inputs: dict[str, float]
    reason: str


class ManagePosition(Query, frozen=True, kw_only=True, gc=False, tag="strategy.manage_position"):
    """Asks what the strategy would do with an open trade now."""

    trade_id: str


class ShouldExit(Query, frozen=True, kw_only=True, gc=False, tag="strategy.should_exit"):
    """Asks whether an open trade should be left now."""

    trade_id: str


class ExitJudged(Answer, frozen=True, kw_only=True, gc=False, tag="strategy.exit.judged"):
    """Whether to leave (reason set) or hold (reason None), and the stop that should be in place."""

    trade_id: str
    reason: str | None
    stop_price: Price | None
