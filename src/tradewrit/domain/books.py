"""The books: the state of one account, a fold of its events and of nothing else.

`evolve` is the only way they change. It never refuses, so that a journal can always be loaded:
an event that asks for an impossible move leaves the books as they are (agents record the refusal).
Knows no market: what a position is worth now is `domain.portfolio`.
"""

import hashlib
from decimal import Decimal
from typing import Any

import msgspec

from tradewrit.domain.capabilities import PAPER, Capabilities, Protection
from tradewrit.domain.constraints import DayUse
from tradewrit.domain.cooldowns import Cooldown
from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.executions import Execution
from tradewrit.domain.fees import BpsFee, FeeModel
from tradewrit.domain.instruments import Instrument, plain
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import ZERO
from tradewrit.domain.once import once
from tradewrit.domain.orders import Order, OrderType
from tradewrit.domain.positions import Position, is_paid_in_full
from tradewrit.domain.reviews import Review, ReviewPolicy
from tradewrit.domain.sizing import Largest, Sizing
from tradewrit.domain.times import iso
from tradewrit.domain.trades import Trade
from tradewrit.domain.twins import Known, Twin
from tradewrit.domain.venues import VenueIdentity
from tradewrit.domain.writs import DESK, Halt, Writ


class Stats(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Totals over the account's whole life, so that closed trades need not be carried along.

    reward_risk_sum: sum over trades of pnl / planned loss at the stop.
    """

    trades: int = 0
    wins: int = 0
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    reward_risk_sum: Decimal = ZERO


class Holdings(msgspec.Struct, frozen=True, gc=False):
    """Equity as a sum over prices: base + units x price for every symbol held.

    units: signed, multiplier included. cost: what stands in for units x price before the first
    price. margin: notional of shorts and derivatives, before leverage.
    """

    base: Decimal
    units: tuple[tuple[str, Decimal, Decimal], ...]
    margin: Decimal


class Rough(msgspec.Struct, frozen=True, gc=False):
    """`Holdings` in floats, for screens; with the high-water mark, and the equity at the drawdown limit."""

    base: float
    units: tuple[tuple[str, float], ...]
    high: float
    floor: float


class Lapsed(msgspec.Struct, frozen=True, gc=False):
    """A trade whose entry ended unfilled at the venue, with all that left for it: a late fill brings it back.

    orders: the entry and its legs as the books had them, by client order id.
    """

    trade: Trade
    orders: dict[str, Order]

    @property
    def entry(self) -> Order:
        """The entry."""
        return self.orders[self.trade.entry_id]


class PendingFee(msgspec.Struct, frozen=True, gc=False):
    """A fill in the books whose fee is not. fee: in `currency`."""

    trade_id: str
    symbol: str
    fee: Decimal
    currency: str


class Withheld(msgspec.Struct, frozen=True, gc=False):
    """A fill of a leg that waits for its entry's. answers: how often the venue had none of those to tell."""

    report: ExecutionReport
    answers: int = 0


class Books(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One account.

    identity: the exchange and account that the journal belongs to; None while nobody has said.
    orders: those of open trades, by client order id. trades: the open ones, by id.
    active: symbol -> id of its open trade. refused: symbol -> names of the limits its last refusal
    named, so that the same refusal is not recorded on every bar.
    lapsed: the last few trades whose entry ended unfilled, by its client order id.
    cooldowns: symbol, or "" for all -> since when, and for how long, the venue's refusals keep entries back.
    suspended: symbol -> why nothing new is done in it. paused: symbol -> why the venue has halted it.
    questioned: symbol -> which of its fills can hardly be right; no entries until a person has looked.
    maintenance: when the venue's ends as announced, UTC ns; 0 while there is none.
    pending_fees: by exec id.
    executions: by trade id, the fills of open trades and of the last few that ended. early: by exec id of
    the fill, corrections that came before it.
    withheld: by exec id, fills of legs that were heard before those of the entry.
    unsettled: (usable from, amount) of sales whose cash is not free yet.
    external: what others hold in the account, by symbol: traded by hand, or with other software.
    disputed: symbol -> how the venue differs; nothing new is done in it. suspects: what differed when the
    books were last held against the venue. strangers: ids of working orders that are not ours.
    reconciled_at: when that was, UTC ns; at first the time of the genesis.
    gone: orders of trades that ended, the last few, by client order id. twins: by the venue's own id, orders
    that it took under an id of ours, beside ours.
    filled_at: the venue's time of the latest fill that is booked, UTC ns; 0 before the first.
    halted: why, "" while it is not. unheard: the halt of which the authority may not know.
    writs: by role, the last each was given. sent: by role, the entries of its last day of trading.
    events: how many events were folded.

    What is derived from the fields (`holdings`, `rough`, `reserved`) is worked out once per value, and is no
    part of it: neither encoded nor hashed.
    """

    journal_id: str = ""
    account: str = ""
    currency: str = "USD"
    mode: str = "paper"
    venue: str = "paper"
    identity: VenueIdentity | None = None
    margin: bool = True
    strategy: str = ""
    entry_type: OrderType = OrderType.MARKET
    reverse: bool = False
    protection: Protection = Protection.AFTER_FILL
    sizing: Sizing = Largest()
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
    lapsed: dict[str, Lapsed] = {}
    positions: dict[str, Position] = {}
    reviews: dict[str, Review] = {}
    refused: dict[str, tuple[str, ...]] = {}
    cooldowns: dict[str, Cooldown] = {}
    suspended: dict[str, str] = {}
    paused: dict[str, str] = {}
    questioned: dict[str, str] = {}
    maintenance: int = 0
    pending_fees: dict[str, PendingFee] = {}
    executions: dict[str, tuple[Execution, ...]] = {}
    early: dict[str, ExecutionReport] = {}
    withheld: dict[str, Withheld] = {}
    high_water: Decimal = ZERO
    is_drawdown_blocked: bool = False
    halted: str = ""
    unheard: Halt | None = None
    stats: Stats = Stats()
    external: dict[str, Position] = {}
    disputed: dict[str, str] = {}
    suspects: dict[str, str] = {}
    strangers: tuple[str, ...] = ()
    opened_at: int = 0
    reconciled_at: int = 0
    filled_at: int = 0
    gone: dict[str, Known] = {}
    twins: dict[str, Twin] = {}
    writs: dict[str, Writ] = {}
    sent: dict[str, DayUse] = {}
    events: int = 0

    def why_shut(self, symbol: str) -> str:
        """Why the venue trades nothing in a symbol, whatever the hour; "" where it does."""
        if symbol in self.paused:
            return f"{symbol} is halted by the venue: {self.paused[symbol]}"
        return f"maintenance of the venue until {iso(self.maintenance)}" if self.maintenance else ""

    def instrument(self, symbol: str) -> Instrument:
        """The instrument; one without a definition has tick 0.01, lot 1 and the account's currency."""
        known = self.instruments.get(symbol)
        return known if known is not None else plain(symbol, self.currency)

    def trade_in(self, symbol: str) -> Trade | None:
        """The open trade in a symbol."""
        trade_id = self.active.get(symbol)
        return None if trade_id is None else self.trades.get(trade_id)

    def orders_of(self, trade_id: str) -> list[Order]:
        """All orders of an open trade."""
        return [order for order in self.orders.values() if order.terms.trade_id == trade_id]

    @property
    def lists_brackets(self) -> bool:
        """Whether an entry leaves with its stop and target."""
        return self.protection is Protection.BRACKET and self.capabilities.brackets

    def legs_of(self, entry_id: str) -> list[Order]:
        """The orders that were listed with an entry, to come to life as it fills."""
        return [order for order in self.orders.values() if order.terms.parent == entry_id]

    def lapsed_with(self, order_id: str) -> Lapsed | None:
        """The trade that ended unfilled for which this order left, its entry or a leg."""
        known = self.lapsed.get(order_id)
        return known or next((one for one in self.lapsed.values() if order_id in one.orders), None)

    def is_lapsed_leg(self, order_id: str) -> bool:
        """Whether it left with an entry that ended unfilled, and its trade is not open."""
        if order_id in self.orders or order_id in self.lapsed:
            return False
        return self.lapsed_with(order_id) is not None

    def listed_with(self, order: Order) -> list[Order]:
        """All that left in the same list, in its order: an entry and its legs, or the two of an OCO."""
        head, label = order.terms.parent or order.id, order.terms.oco
        return [
            other
            for other in self.orders_of(order.terms.trade_id)
            if head in {other.id, other.terms.parent} or (label and other.terms.oco == label)
        ]

    def venue_name(self, order: Order) -> str:
        """What the venue calls an order, where it has to be told which; "" where its id is one order's."""
        is_doubled = any(twin.client_order_id == order.id for twin in self.twins.values())
        return order.broker_order_id if is_doubled else ""

    def units(self, symbol: str) -> Decimal:
        """Units held in the account, signed: by our trades and by others."""
        held = (self.positions.get(symbol), self.external.get(symbol))
        return sum((one.signed for one in held if one is not None), ZERO)

    def standing(self, role: str) -> tuple[str, str]:
        """Under which identity and token a role acts now: SPIFFE id and token id, "" for none.

        What no agent says the desk puts on record.
        """
        writ = self.writs.get(role) or self.writs.get(DESK)
        if writ is None:
            return "", ""
        return writ.grant.agent_id, "" if writ.ended else writ.grant.id

    @once
    def holdings(self) -> Holdings:
        """Open positions as a linear form of their prices."""
        base, margin = self.cash, ZERO
        units: list[tuple[str, Decimal, Decimal]] = []
        held = (*self.positions.items(), *self.external.items()) if self.external else self.positions.items()
        for symbol, position in held:
            instrument = self.instrument(symbol)
            cost = position.cost(instrument) * position.direction.sign
            if not is_paid_in_full(position.direction, instrument):
                base -= cost
                margin += abs(cost)
            units.append((symbol, position.signed * instrument.multiplier, cost))
        return Holdings(base, tuple(units), margin)

    @once
    def rough(self) -> Rough:
        """The same in floats."""
        holdings, high = self.holdings, float(self.high_water)
        units = tuple((symbol, float(amount)) for symbol, amount, _ in holdings.units)
        floor = high * (1.0 - float(self.limits.max_drawdown_fraction))
        return Rough(float(holdings.base), units, high, floor)

    @once
    def reserved(self) -> Decimal:
        """Cash set aside by every entry decided and not yet filled."""
        return sum((order.reserve for order in self.orders.values() if order.reserved), ZERO)

    def encoded(self) -> bytes:
        """The canonical encoding: equal books are equal bytes, on every Python version."""
        encoded: bytes = _encode(self)
        return encoded

    @property
    def state_hash(self) -> str:
        """SHA-256 of the canonical encoding."""
        return hashlib.sha256(self.encoded()).hexdigest()


_encode: Any = msgspec.json.Encoder(order="deterministic").encode
decode_books: Any = msgspec.json.Decoder(Books).decode
