"""An account with short words for what a test does with it: fills go in as the bookkeeper books them."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from tradewrit.domain.books import Books
from tradewrit.domain.events.positions import FillBooked
from tradewrit.domain.fees import BpsFee, FeeModel, fee
from tradewrit.domain.folding import evolve
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.money import Price
from tradewrit.domain.orders import Role, Side
from tradewrit.domain.portfolio import Marks, cash_change
from tradewrit.domain.positions import ClosedLot, Fill, book

AAPL = Instrument(symbol="AAPL")
PERP = Instrument(symbol="BTC-PERP", asset_class=AssetClass.PERPETUAL, lot=Decimal("0.001"))
FUTURE = Instrument(symbol="ES", asset_class=AssetClass.FUTURE, tick=Decimal("0.25"), multiplier=Decimal(50))
TEN_BPS = BpsFee(Decimal(10))


def account(cash: str = "10000", *instruments: Instrument, margin: bool = True) -> Books:
    return Books(
        cash=Decimal(cash),
        initial_cash=Decimal(cash),
        high_water=Decimal(cash),
        margin=margin,
        fees=TEN_BPS,
        instruments={one.symbol: one for one in instruments or (AAPL, PERP, FUTURE)},
    )


def a_fill(
    instrument: Instrument,
    side: Side,
    quantity: str | Decimal | int,
    price: str | Decimal,
    *,
    charged: FeeModel | Decimal = TEN_BPS,
    at: int = 1,
    settles_at: int = 0,
    trade: str = "trade-1",
) -> Fill:
    notional = instrument.value(Decimal(price), Decimal(quantity))
    return Fill(
        trade_id=trade,
        symbol=instrument.symbol,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=charged if isinstance(charged, Decimal) else fee(charged, Decimal(quantity), notional),
        at=at,
        settles_at=settles_at,
    )


def closed_by(books: Books, fill: Fill) -> tuple[ClosedLot, ...]:
    return book(books.positions.get(fill.symbol), fill, books.instrument(fill.symbol))[1]


def booked(books: Books, *fills: Fill) -> Books:
    """The books after these fills, each entered as the bookkeeper enters it."""
    for fill in fills:
        closed = closed_by(books, fill)
        event = FillBooked(
            at=fill.at,
            client_order_id="order-1",
            role=Role.ENTRY,
            fill=fill,
            cash_change=cash_change(fill, closed, books.instrument(fill.symbol)),
            closed=closed,
        )
        books = evolve(books, event)
    return books


def round_trips(books: Books, fills: Iterable[Fill]) -> tuple[Books, list[ClosedLot]]:
    """The books after the fills, and every lot they matched."""
    matched: list[ClosedLot] = []
    for fill in fills:
        matched.extend(closed_by(books, fill))
        books = booked(books, fill)
    return books, matched


def marked(prices: Mapping[str, str | Decimal]) -> Marks:
    """Last prices; None for what is not listed."""
    return lambda symbol: Price(Decimal(prices[symbol])) if symbol in prices else None
