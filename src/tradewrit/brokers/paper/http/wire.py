"""What the exchange server and its clients say to each other: JSON bodies, and the messages of the stream.

Amounts are decimals as text, prices of the market are numbers, times are UTC nanoseconds. A body with a field
that it does not know is refused: a misspelt one must not pass for a default. Knows no socket, no exchange.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from tradewrit.domain.events.orders import ExecutionReport
from tradewrit.domain.market import Bar, Quote, Tick
from tradewrit.domain.orders import OrderTerms
from tradewrit.runtime.ports import Replacement

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
STREAM: Final = "text/event-stream"
KEY_HEADER: Final = "APCA-API-SECRET-KEY"
"""Carries the key of the server, as Alpaca's clients do."""
EXCHANGE_HEADER: Final = "Tradewrit-Exchange"
"""The identity of the exchange that a request is meant for; any other refuses it."""

MAX_BODY_BYTES: Final = 1_048_576
MAX_EVENT_BYTES: Final = 16_777_216
MAX_PAGE: Final = 1_000
_DIGITS_BEFORE: Final = 15
_DIGITS_BEHIND: Final = 12
_LEAST_PRICE: Final = 1e-9
_MOST: Final = 1e12
"""Bounds within which every product of the exchange's arithmetic is exact, and far beyond any market."""

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class In(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends."""


class Out(msgspec.Struct, frozen=True, kw_only=True):
    """What it is answered."""


class NewOrders(In, frozen=True, kw_only=True):
    """One list of orders: a single one, an entry with its bracket, or the legs of an OCO.

    by: who let them through.
    """

    orders: Annotated[tuple[OrderTerms, ...], Meta(min_length=1, max_length=32)]
    by: Annotated[tuple[str, ...], Meta(max_length=32)] = ()


class NewTerms(In, frozen=True, kw_only=True):
    """New terms of a working order; what is left out stays. quantity: the new total, fills included."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None

    def replacement(self) -> Replacement:
        """The same, as the port has it."""
        return Replacement(
            quantity=self.quantity,  # type: ignore[arg-type]  # the exchange judges steps of size and price
            limit_price=self.limit_price,  # type: ignore[arg-type]
            stop_price=self.stop_price,  # type: ignore[arg-type]
        )


class NewBars(In, frozen=True, kw_only=True):
    """Bars of one time, for a market that is moved by hand.

    part: `open` shows only their first trades, `rest` what follows them, `all` both.
    closed_at: UTC ns; 0 for the end of the bar by the server's interval.
    """

    bars: Annotated[tuple[Bar, ...], Meta(min_length=1, max_length=10_000)]
    part: Annotated[str, Meta(pattern="^(all|open|rest)$")] = "all"
    closed_at: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class NewQuote(In, frozen=True, kw_only=True):
    """A quote, for a market that is moved by hand."""

    quote: Quote


class NewHalt(In, frozen=True, kw_only=True):
    """A halt of a symbol. reason: for whoever is told."""

    symbol: Name
    reason: Annotated[str, Meta(max_length=256)] = "halted by the exchange"


class NewCorrection(In, frozen=True, kw_only=True):
    """What an execution was in truth.

    exec_id: its own, or that of its last correction. quantity: at most what it was for; 0 for a bust.
    quantity, price: what is left out stays.
    """

    exec_id: Name
    quantity: Decimal | None = None
    price: Decimal | None = None
    reason: Annotated[str, Meta(max_length=256)] = ""


class Reports(Out, frozen=True, kw_only=True):
    """Execution reports, oldest first. next: where to go on, as `page_token`; 0 at the end."""

    reports: tuple[ExecutionReport, ...]
    next: int = 0


class OpenOrders(Out, frozen=True, kw_only=True):
    """Orders that may still trade, in order of arrival."""

    orders: tuple[OrderTerms, ...]


class Position(Out, frozen=True, kw_only=True):
    """Units of one symbol. quantity: negative when short."""

    symbol: str
    quantity: Decimal


class Positions(Out, frozen=True, kw_only=True):
    """What is held; flat symbols are absent."""

    positions: tuple[Position, ...]


class Halt(Out, frozen=True, kw_only=True):
    """A symbol in which nothing trades for now."""

    symbol: str
    reason: str


class Halts(Out, frozen=True, kw_only=True):
    """What is halted; everything else trades in its session."""

    halts: tuple[Halt, ...]


class Account(Out, frozen=True, kw_only=True):
    """The venue's account, in its one currency.

    equity: cash and positions at their last prices. held: set aside for working entries.
    """

    account: str
    currency: str
    cash: Decimal
    equity: Decimal
    buying_power: Decimal
    held: Decimal
    fees: Decimal


class VenueTime(Out, frozen=True, kw_only=True):
    """Where the venue is. at: its time, UTC ns, the latest that its market has shown.

    venue: identity of this exchange; another one numbers its events anew. last: number of its latest event.
    is_over: no more prices will come.
    """

    venue: str
    at: int
    last: int
    is_over: bool


class History(Out, frozen=True, kw_only=True):
    """The last completed bars of a symbol, oldest first."""

    bars: tuple[Bar, ...]


class LastQuote(Out, frozen=True, kw_only=True):
    """The last quote of a symbol."""

    quote: Quote


class Shown(Out, frozen=True, kw_only=True):
    """What a price led to. last: number of the latest event."""

    reports: tuple[ExecutionReport, ...]
    last: int


class Problem(Out, frozen=True, kw_only=True):
    """Why a request was not answered as asked. error_code is for programs, detail for people."""

    type: str = ""
    title: str = ""
    status: int = 0
    detail: str = ""
    error_code: str = ""


class Denied(Problem, frozen=True, kw_only=True):
    """Orders that the account may not place, as it stands. reports: as they are on record, one an order."""

    reports: tuple[ExecutionReport, ...] = ()


# -- the stream


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """One event of the stream."""


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """The stream is there. Events up to `last` are from before; those that follow are new.

    venue: identity of the exchange. at: its time, UTC ns.
    """

    venue: str
    last: int
    at: int


class Reported(Message, frozen=True, kw_only=True, tag="reports"):
    """What one order, change or price led to: execution reports, in order."""

    reports: tuple[ExecutionReport, ...]


class BarsShown(Message, frozen=True, kw_only=True, tag="bars"):
    """All bars of one time have closed; what they led to was reported before. closed_at: UTC ns."""

    closed_at: int
    bars: tuple[Bar, ...]


class QuoteShown(Message, frozen=True, kw_only=True, tag="quote"):
    """A quote; what it led to was reported before."""

    quote: Quote


class TicksShown(Message, frozen=True, kw_only=True, tag="ticks"):
    """Trade prints, oldest first, for who asked for them. Not part of the record, and sent once."""

    ticks: tuple[Tick, ...]


class Halted(Message, frozen=True, kw_only=True, tag="halted"):
    """Nothing trades in a symbol from here on. at: UTC ns of the venue."""

    symbol: str
    reason: str
    at: int


class Resumed(Message, frozen=True, kw_only=True, tag="resumed"):
    """A halted symbol trades again, with its next price. at: UTC ns of the venue."""

    symbol: str
    at: int


class Missed(Message, frozen=True, kw_only=True, tag="missed"):
    """Prices up to the event `upto` are no longer kept; reports always are, and follow."""

    upto: int


class MarketOver(Message, frozen=True, kw_only=True, tag="over"):
    """The data are at their end: no more prices will come. Orders are still taken."""


class Beat(Message, frozen=True, kw_only=True, tag="beat"):
    """Nothing happened; the line is alive. at: time of the venue, UTC ns."""

    at: int


AnyMessage = (
    Hello | Reported | BarsShown | QuoteShown | TicksShown | Halted | Resumed | Missed | MarketOver | Beat
)

encode: Final = msgspec.json.Encoder().encode
decode_message: Final = msgspec.json.Decoder(AnyMessage).decode


def frame(data: bytes, number: int = 0) -> bytes:
    """One server-sent event. number: 0 for one that is not part of the numbered record."""
    head = b"id: %d\n" % number if number else b""
    return head + b"data: " + data + b"\n\n"


# -- what no exchange should have to look at


def defects_of(body: msgspec.Struct) -> str:
    """What is wrong with the numbers and names of a body that was decoded; "" when nothing is."""
    match body:
        case NewOrders():
            found = [_of_terms(f"orders[{place}]", terms) for place, terms in enumerate(body.orders)]
        case NewTerms():
            return _of_amounts("", body, ("quantity", "limit_price", "stop_price"))
        case NewHalt():
            return defect_of_name("symbol", body.symbol)
        case NewCorrection():
            found = [defect_of_name("exec_id", body.exec_id), _of_amounts("", body, ("quantity", "price"))]
        case NewBars():
            found = [_of_bar(f"bars[{place}]", bar) for place, bar in enumerate(body.bars)]
            found.append(_of_list(body))
        case NewQuote():
            return _of_quote(body.quote)
        case _:
            return ""
    return next(filter(None, found), "")


def _of_list(body: NewBars) -> str:
    if len({bar.symbol for bar in body.bars}) < len(body.bars):
        return "bars: a symbol comes twice"
    if len({bar.ts for bar in body.bars}) > 1:
        return "bars: they open at different times; send one time after another"
    return ""


def _of_terms(place: str, terms: OrderTerms) -> str:
    for name in ("client_order_id", "symbol", "trade_id"):
        if defect := defect_of_name(f"{place}.{name}", getattr(terms, name), least=int(name != "trade_id")):
            return defect
    return _of_amounts(f"{place}.", terms, ("quantity", "limit_price", "stop_price", "trail_fraction"))


def defect_of_name(place: str, name: str, *, least: int = 1) -> str:
    """What is wrong with a name at a place; "" when nothing is."""
    is_fit = least <= len(name) <= 128 and name.isprintable()
    return "" if is_fit else f"{place}: {least} to 128 printable characters, not {name[:40]!r}"


def _of_amounts(place: str, body: msgspec.Struct, names: Sequence[str]) -> str:
    for name in names:
        amount: Decimal | None = getattr(body, name)
        if amount is not None and not _is_sane(amount):
            return f"{place}{name}: {str(amount)[:40]} is no amount that could be traded"
    return ""


def _is_sane(amount: Decimal) -> bool:
    if not amount.is_finite():
        return False
    return amount.adjusted() < _DIGITS_BEFORE and int(amount.as_tuple().exponent) >= -_DIGITS_BEHIND


def _of_bar(place: str, bar: Bar) -> str:
    if defect := defect_of_name(f"{place}.symbol", bar.symbol) or _of_time(f"{place}.ts", bar.ts):
        return defect
    for name in ("open", "high", "low", "close"):
        price: float = getattr(bar, name)
        if not _LEAST_PRICE <= price <= _MOST:
            return f"{place}.{name}: {price} is no price"
    if not 0.0 <= bar.volume <= _MOST:
        return f"{place}.volume: {bar.volume} is no volume"
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        return f"{place}: open and close must lie between low and high"
    return ""


def _of_quote(quote: Quote) -> str:
    if defect := defect_of_name("quote.symbol", quote.symbol) or _of_time("quote.ts", quote.ts):
        return defect
    for name in ("bid", "ask"):
        price: float = getattr(quote, name)
        if not _LEAST_PRICE <= price <= _MOST:
            return f"quote.{name}: {price} is no price"
    if not (0.0 <= quote.bid_size <= _MOST and 0.0 <= quote.ask_size <= _MOST):
        return "quote: sizes are at least 0"
    return ""


def _of_time(place: str, at: int) -> str:
    return "" if 0 <= at < 2**63 else f"{place}: {at} is no time in UTC nanoseconds"
