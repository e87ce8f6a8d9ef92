"""Short words for the tests of risk: an account, a proposal, and what risk makes of it."""

from decimal import Decimal

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Order, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.positions import Direction, Lot, Position
from tradewrit.domain.proposals import Proposal, Sized
from tradewrit.risk.limits import breaches, facts
from tradewrit.risk.sizing import complete

OPEN = Limits(
    profile="open",
    max_position_notional=None,
    max_position_fraction=Decimal(1),
    min_cash_fraction=Decimal(0),
    max_drawdown_fraction=Decimal(1),
    min_reward_risk=Decimal(0),
)
"""Limits that nothing in these tests reaches; each test tightens the one it is about."""


def limits(**tighter: object) -> Limits:
    return replace(OPEN, **tighter)


def account(cash: str = "100000", rules: Limits = OPEN, **changes: object) -> Books:
    """A flat account without fees, so that a cost is a notional."""
    books = Books(
        cash=Decimal(cash),
        initial_cash=Decimal(cash),
        high_water=Decimal(cash),
        limits=rules,
        fees=FixedFee(),
    )
    return replace(books, **changes)


def listed(*instruments: Instrument) -> dict[str, Instrument]:
    return {one.symbol: one for one in instruments}


def proposal(price: str = "100.00", side: Side = Side.BUY, symbol: str = "AAPL", **more: object) -> Proposal:
    plain = Proposal(
        trade_id="trade-1",
        symbol=symbol,
        side=side,
        entry_price=Price(Decimal(price)),
        strategy="trend_following",
        decided_at=1,
    )
    return replace(plain, **more)


def sized(books: Books, quantity: str | Decimal | int, price: str = "100.00", **more: object) -> Sized:
    return complete(books, proposal(price, **more), Decimal(quantity))  # type: ignore[arg-type]


def broken(books: Books, asked: Sized, *, at: int = 0, mark: str | None = None) -> tuple[str, ...]:
    """The names of the limits it would break; `mark` is the last price of everything held."""
    price = None if mark is None else Price(Decimal(mark))
    found = breaches(books, asked, facts(books, lambda _: price, at))
    assert all(breach.message and breach.allowed and breach.actual for breach in found)
    return tuple(breach.limit for breach in found)


def holding(
    symbol: str, quantity: str, price: str, direction: Direction = Direction.LONG, trade_id: str = "held"
) -> dict[str, Position]:
    lot = Lot(trade_id=trade_id, quantity=Decimal(quantity), price=Decimal(price), opened_at=0)
    return {symbol: Position(symbol=symbol, direction=direction, lots=(lot,))}


def pending(
    symbol: str, reserved: str, order_id: str = "pending-1", role: Role = Role.ENTRY
) -> dict[str, Order]:
    terms = OrderTerms(
        client_order_id=order_id,
        trade_id=f"trade-{order_id}",
        symbol=symbol,
        side=Side.BUY,
        quantity=Qty(Decimal(10)),
        type=OrderType.MARKET,
        role=role,
    )
    return {order_id: Order(terms=terms, state=OrderState.ACCEPTED, reserved=Decimal(reserved))}
