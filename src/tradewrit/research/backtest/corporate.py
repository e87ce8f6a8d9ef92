"""What happens to positions in a run from outside: splits, dividends, delistings, funding.

Each takes effect before a bar of its symbol opens: a split before the first one in the new shares.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from tradewrit.domain.events.corporate import (
    CorporateAction,
    DividendWentEx,
    SharesDelisted,
    SharesSplit,
    SymbolChanged,
)
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.features.bars import Bars
from tradewrit.features.rescaling import split_before
from tradewrit.research.results import Result, RoundTrip

if TYPE_CHECKING:
    from tradewrit.brokers.paper.exchange import PaperExchange
    from tradewrit.runtime.desk import Desk

NEVER: Final = 2**63 - 1


class Ahead:
    """The actions that are still to come, by time. due: when the next one takes effect, UTC ns."""

    def __init__(self, actions: Iterable[CorporateAction | FundingSettled]) -> None:
        self._actions = sorted(actions, key=lambda action: action.at)[::-1]
        self.due = self._next()

    def _next(self) -> int:
        return self._actions[-1].at if self._actions else NEVER

    def happen(self, until: int, desk: "Desk", exchange: "PaperExchange") -> None:
        """All that takes effect up to `until`: in the books first, then at the venue, which says so."""
        while self.due <= until:
            action = self._actions.pop()
            desk.feed(action, "funding" if isinstance(action, FundingSettled) else "corporate")
            match action:
                case SharesSplit():
                    desk.feed_all(exchange.split(action), "broker")
                case DividendWentEx():
                    exchange.pay_dividend(action)
                case SymbolChanged() | SharesDelisted():
                    desk.feed_all(exchange.delist(action), "broker")
                case FundingSettled():
                    exchange.settle_funding(action)
                case _:
                    assert_never(action)
            self.due = self._next()


def bars_in_last_shares(bars: Bars, actions: Iterable[CorporateAction]) -> Bars:
    """Raw bars in the shares of the last one: no split among these actions is a jump any more."""
    for action in actions:
        if isinstance(action, SharesSplit) and action.symbol == bars.symbol:
            bars = split_before(bars, int(bars.ts.searchsorted(action.at)), action.ratio)
    return bars


def in_last_shares(result: Result, actions: Sequence[CorporateAction]) -> Result:
    """The result with every trade restated in the shares of the last bar, for drawing beside such bars."""
    splits = [action for action in actions if isinstance(action, SharesSplit)]
    if not splits:
        return result
    return replace(result, trades=tuple(_restated(trade, splits) for trade in result.trades))


def _restated(trade: RoundTrip, splits: Sequence[SharesSplit]) -> RoundTrip:
    """A trade stands in the shares of its exit."""
    for split in splits:
        if split.symbol != trade.symbol or split.at <= trade.exit_time:
            continue
        ratio = split.ratio
        trade = replace(
            trade,
            quantity=ratio.quantity(trade.quantity),
            entry_price=ratio.price(trade.entry_price),
            exit_price=ratio.price(trade.exit_price),
            stop=None if trade.stop is None else ratio.price(trade.stop),
            target=None if trade.target is None else ratio.price(trade.target),
        )
    return trade
