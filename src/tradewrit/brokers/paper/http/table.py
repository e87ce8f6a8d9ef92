"""Every endpoint of the exchange server: the server and its page in the docs read this table.

Paths are Alpaca's; what has no place there lies under /v2/market. Plain functions on a venue.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from tradewrit.brokers.paper.corrections import Correction
from tradewrit.brokers.paper.http import wire
from tradewrit.brokers.paper.http.inputs import (
    BarsClosed,
    BarsOpened,
    CancelAsked,
    CorrectionMade,
    HaltOrdered,
    OrdersPlaced,
    Quoted,
    ReplaceAsked,
    ResumeOrdered,
)
from tradewrit.brokers.paper.http.venue import Venue
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.money import Price
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.times import parse_iso
from tradewrit.runtime.serving.table import Row

DENIALS: Final = (
    Rejection.INSUFFICIENT_FUNDS,
    Rejection.INSUFFICIENT_QUANTITY,
    Rejection.NOT_SHORTABLE,
    Rejection.WASH_TRADE,
)
"""Orders that are refused for these are answered with 403, as Alpaca does; the report is in the answer."""
STATUSES: Final[Mapping[str, int]] = {
    "invalid_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    **{str(code): 403 for code in DENIALS},
    "not_found": 404,
    "unknown_order": 404,
    "method_not_allowed": 405,
    "timeout": 408,
    "conflict": 409,
    "other_venue": 409,
    "payload_too_large": 413,
    "rate_limited": 429,
    "internal_error": 500,
    "unavailable": 503,
}
"""The HTTP status of an `error_code`."""


class Refused(Exception):
    """The request is not answered as asked. code: one of STATUSES."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class DeniedOrders(Refused):
    """The account may not place these orders. reports: what is on record of it."""

    def __init__(self, reports: tuple[ExecutionReport, ...]) -> None:
        super().__init__(reports[0].code, reports[0].reason)
        self.reports = reports


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A request that has been read. body: as the endpoint's `takes` says."""

    body: Any = None
    path: Mapping[str, str] = {}
    query: Mapping[str, str] = {}


Does = Callable[[Venue, Call], msgspec.Struct]


class Endpoint(Row, frozen=True, kw_only=True):
    """A row of the table.

    query: its parameters, with their meanings. refuses: error codes of its own. is_manual: moves the market
    by hand, and is there only on a server without data. is_operator: what people of the exchange do,
    which no rehearsed fault befalls.
    """

    does: Does
    gives: type[msgspec.Struct]
    query: Mapping[str, str] = {}
    refuses: tuple[str, ...] = ()
    is_manual: bool = False
    is_operator: bool = False


# -- orders


def place(venue: Venue, call: Call) -> wire.Reports:
    """Take a list of orders, whole or not at all; a refusal is a report. A known id places nothing."""
    body: wire.NewOrders = call.body
    reports = venue.take(OrdersPlaced(orders=body.orders, by=body.by))
    if reports and all(one.kind is Exec.REJECTED and one.code in DENIALS for one in reports):
        raise DeniedOrders(reports)
    return wire.Reports(reports=reports)


def open_orders(venue: Venue, _: Call) -> wire.OpenOrders:
    """The orders that may still trade."""
    return wire.OpenOrders(orders=tuple(venue.open_orders()))


def order_by_id(venue: Venue, call: Call) -> wire.Reports:
    """Every report about an order so far, by its client order id."""
    order_id = call.query.get("client_order_id") or call.path.get("client_order_id", "")
    if not order_id:
        raise Refused("invalid_request", "client_order_id is missing: which order?")
    reports = tuple(venue.order(order_id))
    if not reports:
        raise Refused("unknown_order", "no order was ever placed under this id")
    return wire.Reports(reports=reports)


def cancel(venue: Venue, call: Call) -> wire.Reports:
    """Cancel an order; one that is over or unknown is answered by a report that says so."""
    name = call.query.get("broker_order_id", "")
    asked = CancelAsked(client_order_id=call.path["client_order_id"], broker_order_id=name)
    return wire.Reports(reports=venue.take(asked))


def replace(venue: Venue, call: Call) -> wire.Reports:
    """Give a working order new terms; it stays one order."""
    body: wire.NewTerms = call.body
    asked = ReplaceAsked(
        client_order_id=call.path["client_order_id"],
        replacement=body.replacement(),
        broker_order_id=call.query.get("broker_order_id", ""),
    )
    return wire.Reports(reports=venue.take(asked))


# -- the account


def positions(venue: Venue, _: Call) -> wire.Positions:
    """What is held."""
    held = venue.positions()
    return wire.Positions(
        positions=tuple(wire.Position(symbol=symbol, quantity=held[symbol]) for symbol in sorted(held))
    )


def account(venue: Venue, _: Call) -> wire.Account:
    """Cash, equity and buying power."""
    exchange = venue.exchange
    return wire.Account(
        account=venue.settings.account,
        currency=venue.settings.currency,
        cash=exchange.cash,
        equity=venue.equity(),
        buying_power=exchange.buying_power,
        held=exchange.held,
        fees=exchange.fees,
    )


def activities(venue: Venue, call: Call) -> wire.Reports:
    """Fills, oldest first, a page at a time."""
    after = call.query.get("after", "0")
    reports, following = venue.executions(
        _time(after), _number(call, "page_token", 0), _number(call, "page_size", wire.MAX_PAGE, wire.MAX_PAGE)
    )
    return wire.Reports(reports=reports, next=following)


def clock(venue: Venue, _: Call) -> wire.VenueTime:
    """What time it is at the venue, and how far its events have come."""
    return wire.VenueTime(venue=venue.id, at=venue.now, last=venue.record.last, is_over=venue.is_over)


# -- prices


def bars(venue: Venue, call: Call) -> wire.History:
    """The last completed bars of a symbol."""
    symbol = _listed(venue, call)
    return wire.History(bars=venue.bars(symbol, _number(call, "limit", wire.MAX_PAGE, wire.MAX_PAGE)))


def quote(venue: Venue, call: Call) -> wire.LastQuote:
    """The last quote of a symbol."""
    symbol = _listed(venue, call)
    last = venue.quote(symbol)
    if last is None:
        raise Refused("not_found", f"{symbol} has not been quoted")
    return wire.LastQuote(quote=last)


def show_bars(venue: Venue, call: Call) -> wire.Shown:
    """Show the bars of one time to the exchange, then on the stream."""
    body: wire.NewBars = call.body
    opened_at = body.bars[0].ts
    closed_at = body.closed_at or opened_at + venue.settings.interval_ns
    if closed_at < opened_at:
        raise Refused("invalid_request", "closed_at: a bar cannot close before it opens")
    reports: tuple[Any, ...] = ()
    if body.part != "rest":
        reports += venue.take(BarsOpened(bars=body.bars))
    if body.part != "open":
        reports += venue.take(BarsClosed(bars=body.bars, closed_at=closed_at))
    return wire.Shown(reports=reports, last=venue.record.last)


def show_quote(venue: Venue, call: Call) -> wire.Shown:
    """Show a quote to the exchange, then on the stream."""
    body: wire.NewQuote = call.body
    return wire.Shown(reports=venue.take(Quoted(quote=body.quote)), last=venue.record.last)


# -- what people of the exchange do


def halts(venue: Venue, _: Call) -> wire.Halts:
    """The symbols that are halted."""
    found = venue.exchange.halts()
    return wire.Halts(halts=tuple(wire.Halt(symbol=one, reason=found[one]) for one in sorted(found)))


def halt(venue: Venue, call: Call) -> wire.Halts:
    """Halt a symbol: its orders rest and nothing matches. Again, it gets another reason."""
    body: wire.NewHalt = call.body
    venue.take(HaltOrdered(symbol=body.symbol, reason=body.reason))
    return halts(venue, call)


def resume(venue: Venue, call: Call) -> wire.Halts:
    """Let a halted symbol trade again, with its next price."""
    venue.take(ResumeOrdered(symbol=call.path["symbol"]))
    return halts(venue, call)


def correct(venue: Venue, call: Call) -> wire.Reports:
    """Correct an execution, or bust it."""
    body: wire.NewCorrection = call.body
    wanted = Correction(
        exec_id=body.exec_id,
        quantity=body.quantity,
        price=None if body.price is None else Price(body.price),
        reason=body.reason,
    )
    return wire.Reports(reports=venue.take(CorrectionMade(correction=wanted)))


def _listed(venue: Venue, call: Call) -> str:
    symbol = call.query.get("symbol", "")
    if not venue.is_listed(symbol):
        raise Refused("not_found", f"{symbol[:40]!r} is not traded here")
    return symbol


def _number(call: Call, name: str, default: int, most: int = 2**53) -> int:
    text = call.query.get(name, "")
    if not text:
        return default
    least = min(default, 1)
    if not (text.isascii() and text.isdigit() and len(text) < 17 and least <= int(text) <= most):
        raise Refused("invalid_request", f"{name}: a whole number from {least} to {most} is needed")
    return int(text)


def _time(text: str) -> int:
    """UTC ns, as such or as ISO-8601."""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text)
    try:
        return parse_iso(text)
    except ValueError as error:
        raise Refused("invalid_request", f"after: {str(error)[:200]}") from None


_BY_ID: Final = "/v2/orders/{client_order_id:path}"
_WHICH: Final = {"broker_order_id": "the exchange's own id of it, if it has to be that one"}

ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint(
        method="POST",
        path="/v2/orders",
        does=place,
        takes=wire.NewOrders,
        gives=wire.Reports,
        refuses=tuple(map(str, DENIALS)),
    ),
    Endpoint(method="GET", path="/v2/orders", does=open_orders, gives=wire.OpenOrders),
    Endpoint(
        method="GET",
        path="/v2/orders:by_client_order_id",
        does=order_by_id,
        gives=wire.Reports,
        query={"client_order_id": "of the order"},
        refuses=("unknown_order",),
    ),
    Endpoint(method="GET", path=_BY_ID, does=order_by_id, gives=wire.Reports, refuses=("unknown_order",)),
    Endpoint(
        method="PATCH", path=_BY_ID, does=replace, takes=wire.NewTerms, gives=wire.Reports, query=_WHICH
    ),
    Endpoint(method="DELETE", path=_BY_ID, does=cancel, gives=wire.Reports, query=_WHICH),
    Endpoint(method="GET", path="/v2/positions", does=positions, gives=wire.Positions),
    Endpoint(method="GET", path="/v2/account", does=account, gives=wire.Account),
    Endpoint(
        method="GET",
        path="/v2/account/activities",
        does=activities,
        gives=wire.Reports,
        query={
            "after": "fills at or after this time: UTC ns or ISO-8601",
            "page_size": f"at most so many, 1 to {wire.MAX_PAGE}",
            "page_token": "the `next` of the page before",
        },
    ),
    Endpoint(method="GET", path="/v2/clock", does=clock, gives=wire.VenueTime),
    Endpoint(
        method="GET",
        path="/v2/market/bars",
        does=bars,
        gives=wire.History,
        query={"symbol": "which", "limit": f"at most so many, 1 to {wire.MAX_PAGE}"},
        refuses=("not_found",),
    ),
    Endpoint(
        method="GET",
        path="/v2/market/quote",
        does=quote,
        gives=wire.LastQuote,
        query={"symbol": "which"},
        refuses=("not_found",),
    ),
    Endpoint(
        method="POST",
        path="/v2/market/bars",
        does=show_bars,
        takes=wire.NewBars,
        gives=wire.Shown,
        refuses=("conflict",),
        is_manual=True,
    ),
    Endpoint(
        method="POST",
        path="/v2/market/quote",
        does=show_quote,
        takes=wire.NewQuote,
        gives=wire.Shown,
        refuses=("conflict",),
        is_manual=True,
    ),
    Endpoint(method="GET", path="/v2/market/halts", does=halts, gives=wire.Halts),
    Endpoint(
        method="POST",
        path="/v2/market/halts",
        does=halt,
        takes=wire.NewHalt,
        gives=wire.Halts,
        refuses=("conflict",),
        is_operator=True,
    ),
    Endpoint(
        method="DELETE",
        path="/v2/market/halts/{symbol:path}",
        does=resume,
        gives=wire.Halts,
        refuses=("conflict",),
        is_operator=True,
    ),
    Endpoint(
        method="POST",
        path="/v2/market/corrections",
        does=correct,
        takes=wire.NewCorrection,
        gives=wire.Reports,
        refuses=("conflict",),
        is_operator=True,
    ),
)

EVENTS: Final = "/v2/events"
EVENTS_QUERY: Final[Mapping[str, str]] = {
    "after": "the number of the last event that was taken in; 0 for all of them",
    "venue": "the identity that the number is from; another one is refused (`other_venue`)",
    "ticks": "a symbol whose trade prints are wanted; repeated for several, `*` for every one",
}
