"""The books: the state of one account, a fold of its events and of nothing else.

`evolve` is the only way they change. It never refuses, so that a journal can always be loaded:
an event that asks for an impossible move leaves the books as they are (agents record the refusal).
Knows no market: what a position is worth now is `domain.portfolio`.
"""

import hashlib
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from tradewrit.domain.capabilities import PAPER, Capabilities
from tradewrit.domain.fees import BpsFee, FeeModel
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import ZERO
from tradewrit.domain.orders import Order, OrderType
from tradewrit.domain.positions import Position
from tradewrit.domain.reviews import Review, ReviewPolicy
from tradewrit.domain.trades import Trade


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """Totals over the account's whole life, so that closed trades need not be carried along.

    reward_risk_sum: sum over trades of pnl / planned loss at the stop.
    """

    trades: int = 0
    wins: int = 0
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    reward_risk_sum: Decimal = ZERO


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """One account.

    orders: those of open trades, by client order id. trades: the open ones, by id.
    active: symbol -> id of its open trade. refused: symbol -> names of the limits its last refusal
    named, so that the same refusal is not recorded on every bar.
    unsettled: (usable from, amount) of sales whose cash is not free yet.
    events: how many events were folded.
    """

    journal_id: str = ""
    account: str = ""
    currency: str = "USD"
    mode: str = "paper"
    margin: bool = True
    strategy: str = ""
    entry_type: OrderType = OrderType.MARKET
    limits: Limits = Limits()
    review: ReviewPolicy = ReviewPolicy()
    fees: FeeModel = BpsFee()
    capabilities: Capabilities = PAPER
    instruments: dict[str, Instrument] = {}
    initial_cash: Decimal = ZERO
    cash: Decimal = ZERO
    unsettled: tuple[tuple[int, Decimal], ...] = ()
    orders: dict[str, Order] = {}
    trades: dict[str, Trade] = {}
    active: dict[str, str] = {}
    positions: dict[str, Position] = {}
    reviews: dict[str, Review] = {}
    refused: dict[str, tuple[str, ...]] = {}
    high_water: Decimal = ZERO
    is_drawdown_blocked: bool = False
    halted: str = ""
    stats: Stats = Stats()
    events: int = 0

    def instrument(self, symbol: str) -> Instrument:
        """The instrument; one without a definition has tick 0.01, lot 1 and the account's currency."""
        known = self.instruments.get(symbol)
        return known if known is not None else _plain(symbol, self.currency)

    def trade_in(self, symbol: str) -> Trade | None:
        """The open trade in a symbol."""
        trade_id = self.active.get(symbol)
        return None if trade_id is None else self.trades.get(trade_id)

    def orders_of(self, trade_id: str) -> list[Order]:
        """All orders of an open trade."""
        return [order for order in self.orders.values() if order.terms.trade_id == trade_id]

    def encoded(self) -> bytes:
        """The canonical encoding: equal books are equal bytes, on every Python version."""
        return _encode(self)

    @property
    def state_hash(self) -> str:
        """SHA-256 of the canonical encoding."""
        return hashlib.sha256(self.encoded()).hexdigest()


_encode: Any = msgspec.json.Encoder(order="deterministic").encode
decode_books: Any = msgspec.json.Decoder(Books).decode


@lru_cache(maxsize=4096)
def _plain(symbol: str, currency: str) -> Instrument:
    return Instrument(symbol=symbol, currency=currency)
