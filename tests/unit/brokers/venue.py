"""A paper exchange with short words for what a test does with it."""

from collections.abc import Sequence
from decimal import Decimal

from tradewrit.brokers.paper.exchange import Instruments, PaperExchange
from tradewrit.brokers.paper.rules import DEFAULT_RULES, PaperRules
from tradewrit.brokers.paper.sessions import VenueCalendar
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar, Interval
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side, TimeInForce
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.ports import Replacement

GRANT = Grant(
    id="writ-1", agent="executor", scopes=frozenset({"write:trades:*"}), issued_at=0, expires_at=2**62
)
SYMBOL = "AAPL"
FREE = PaperRules(fees=FixedFee())
Told = list[tuple[str, Exec, Decimal, Price | None]]


def price(text: str | None) -> Price | None:
    return None if text is None else Price(Decimal(text))


def terms(
    order_id: str,
    side: Side,
    quantity: str | int = 5,
    type: OrderType = OrderType.MARKET,  # noqa: A002 - the field's name
    *,
    limit: str | None = None,
    stop: str | None = None,
    trail: str | None = None,
    tif: TimeInForce = TimeInForce.GTC,
    reduce_only: bool = False,
    oco: str | None = None,
    parent: str | None = None,
    symbol: str = SYMBOL,
) -> OrderTerms:
    is_exit = reduce_only or parent is not None
    return OrderTerms(
        client_order_id=order_id,
        trade_id=f"trade-of-{order_id}",
        symbol=symbol,
        side=side,
        quantity=Qty(Decimal(quantity)),
        type=type,
        role=Role.EXIT if is_exit else Role.ENTRY,
        time_in_force=tif,
        limit_price=price(limit),
        stop_price=price(stop),
        trail_fraction=None if trail is None else Decimal(trail),
        reduce_only=reduce_only,
        oco=oco,
        parent=parent,
    )


def market(order_id: str, side: Side, quantity: str | int = 5, **more: object) -> OrderTerms:
    return terms(order_id, side, quantity, OrderType.MARKET, **more)  # type: ignore[arg-type]


def limit(order_id: str, side: Side, at: str, quantity: str | int = 5, **more: object) -> OrderTerms:
    return terms(order_id, side, quantity, OrderType.LIMIT, limit=at, **more)  # type: ignore[arg-type]


def stop(order_id: str, side: Side, at: str, quantity: str | int = 5, **more: object) -> OrderTerms:
    return terms(order_id, side, quantity, OrderType.STOP, stop=at, **more)  # type: ignore[arg-type]


def protection(side: Side, stop_at: str, target_at: str, quantity: str | int = 5) -> tuple[OrderTerms, ...]:
    """A stop and a target that close a position, as one OCO list."""
    return (
        stop("stop", side, stop_at, quantity, reduce_only=True, oco="exit"),
        limit("target", side, target_at, quantity, reduce_only=True, oco="exit"),
    )


def bar(
    ts: int,
    open: float,  # noqa: A002 - the column's name
    high: float,
    low: float,
    close: float,
    volume: float = 1_000_000.0,
    symbol: str = SYMBOL,
) -> Bar:
    return Bar(symbol, ts, open, high, low, close, volume)


def flat(ts: int, at: float, volume: float = 1_000_000.0) -> Bar:
    """A bar that prints one price only."""
    return bar(ts, at, at, at, at, volume)


def told(reports: Sequence[ExecutionReport]) -> Told:
    """What matters of reports: who, what, how many, at what price."""
    return [(r.client_order_id, r.kind, r.last_quantity, r.last_price) for r in reports]


def traded(order_id: str, quantity: str | int, at: str) -> tuple[str, Exec, Decimal, Price | None]:
    return (order_id, Exec.TRADE, Decimal(quantity), Price(Decimal(at)))


def restated(order_id: str) -> tuple[str, Exec, Decimal, Price | None]:
    """New terms that nobody asked for."""
    return (order_id, Exec.RESTATED, Decimal(0), None)


def ended(order_id: str, kind: Exec = Exec.CANCELED) -> tuple[str, Exec, Decimal, Price | None]:
    return (order_id, kind, Decimal(0), None)


def plain(symbol: str) -> Instrument:
    return Instrument(symbol=symbol)


class Venue:
    """A paper exchange driven bar by bar; `reports` keeps everything it ever said."""

    def __init__(
        self,
        rules: PaperRules = DEFAULT_RULES,
        *,
        cash: str = "100000",
        last: float | None = 100.0,
        instruments: Instruments = plain,
        calendar: VenueCalendar | None = None,
        interval: Interval | None = None,
        seed: int = 0,
    ) -> None:
        self.last = last
        self.exchange = PaperExchange(
            instruments,
            initial_cash=Decimal(cash),
            rules=rules,
            seed=seed,
            calendar=calendar,
            interval=interval,
            marks=lambda _: self.last,
        )
        self.reports: list[ExecutionReport] = []

    def _keep(self, reports: Sequence[ExecutionReport]) -> Sequence[ExecutionReport]:
        self.reports.extend(reports)
        return reports

    def place(self, *orders: OrderTerms, at: int = 0) -> Sequence[ExecutionReport]:
        return self._keep(self.exchange.place(Approved(orders=orders, by=("risk:test",), at=at), GRANT))

    def cancel(self, order_id: str) -> Sequence[ExecutionReport]:
        return self._keep(self.exchange.cancel(order_id, GRANT))

    def replace(
        self,
        order_id: str,
        quantity: str | int | None = None,
        limit: str | None = None,
        stop: str | None = None,
    ) -> Sequence[ExecutionReport]:
        change = Replacement(
            quantity=None if quantity is None else Qty(Decimal(quantity)),
            limit_price=price(limit),
            stop_price=price(stop),
        )
        return self._keep(self.exchange.replace(order_id, change, GRANT))

    def open(self, bar: Bar) -> Told:
        return told(self._keep(self.exchange.open(bar)))

    def trade(self, bar: Bar) -> Told:
        return told(self._keep(self.exchange.trade(bar)))

    def close(self, bar: Bar) -> Told:
        reports = self._keep(self.exchange.close(bar))
        self.last = bar.close
        return told(reports)

    def show(self, *bars: Bar) -> Told:
        """Whole bars, one after the other."""
        return [fact for bar in bars for part in (self.open, self.trade, self.close) for fact in part(bar)]

    def hold(self, side: Side = Side.BUY, quantity: str | int = 5, at: float = 100.0, ts: int = 1) -> None:
        """Come to hold a position by a market order, filled at the open of a bar that prints one price."""
        self.place(market(f"entry-{ts}", side, quantity))
        self.show(flat(ts, at))

    def ids(self) -> list[str]:
        """Orders that may still trade."""
        return [order.client_order_id for order in self.exchange.open_orders()]

    def latest(self, order_id: str) -> ExecutionReport:
        """The last report about an order."""
        return self.exchange.order(order_id)[-1]

    @property
    def held(self) -> Decimal:
        return self.exchange.positions().get(SYMBOL, Decimal(0))
