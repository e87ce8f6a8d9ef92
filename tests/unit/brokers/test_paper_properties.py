"""What holds whatever is ordered and whatever the market does."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.brokers.venue import SYMBOL, Venue, bar, terms
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.fees import BpsFee, FixedFee, PerShareFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.orders import OrderTerms, OrderType, Side, TimeInForce
from tradewrit.domain.portfolio import cash_change
from tradewrit.domain.positions import Fill, Position, book

STOCK = Instrument(symbol=SYMBOL)
TYPES = list(OrderType)
ENDS = frozenset({Exec.CANCELED, Exec.EXPIRED, Exec.REJECTED})
Action = tuple[int, str, Any]  # after which part of the bar (0: before it), what, and its particulars
Slice = tuple[tuple[float, float, float, float, float], list[Action]]

rules = st.builds(
    PaperRules,
    fees=st.sampled_from([BpsFee(), PerShareFee(), FixedFee(Decimal("0.35"))]),
    slippage_bps=st.sampled_from([Decimal(0), Decimal(5)]),
    limit_fills=st.sampled_from(["touch", "through"]),
    participation_fraction=st.sampled_from([None, Decimal("0.1"), Decimal(1)]),
    margin=st.booleans(),
)
cents = st.integers(min_value=9_000, max_value=11_000).map(lambda value: value / 100)
prices = st.integers(min_value=9_000, max_value=11_000).map(lambda value: f"{value / 100:.2f}")


@st.composite
def bars(draw: st.DrawFn) -> tuple[float, float, float, float, float]:
    """Open, high, low, close and volume."""
    prints = sorted(draw(st.lists(cents, min_size=4, max_size=4)))
    opens_low = draw(st.booleans())
    first, last = (prints[1], prints[2]) if opens_low else (prints[2], prints[1])
    return first, prints[3], prints[0], last, float(draw(st.sampled_from([0, 40, 300, 10_000])))


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(TYPES))
    at_once = kind in {OrderType.MARKET, OrderType.LIMIT}
    tifs = list(TimeInForce) if at_once else [TimeInForce.DAY, TimeInForce.GTC]
    return {
        "side": draw(st.sampled_from(Side)),
        "quantity": draw(quantities),
        "type": kind,
        "limit": draw(prices) if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT} else None,
        "stop": draw(prices) if kind in {OrderType.STOP, OrderType.STOP_LIMIT} else None,
        "trail": draw(st.sampled_from(["0.01", "0.05"])) if kind is OrderType.TRAILING_STOP else None,
        "tif": draw(st.sampled_from(tifs)),
    }


quantities = st.integers(min_value=1, max_value=40)
numbers = st.integers(min_value=0, max_value=50)
actions = st.one_of(
    st.tuples(st.just("order"), st.tuples(orders(), st.sampled_from([None, None, "g1", "g2"]))),
    st.tuples(st.just("reduce"), st.tuples(orders(), st.sampled_from([None, "g1", "g2"]))),
    st.tuples(st.just("bracket"), st.tuples(orders(), prices, prices)),
    st.tuples(st.just("protect"), st.tuples(quantities, prices, prices)),
    st.tuples(st.just("cancel"), numbers),
    st.tuples(st.just("replace"), st.tuples(numbers, quantities, st.none() | prices)),
    st.tuples(st.just("session"), st.none()),
)
slices = st.lists(
    st.tuples(
        bars(),
        st.lists(
            st.tuples(st.integers(min_value=0, max_value=3), actions).map(lambda one: (one[0], *one[1])),
            max_size=4,
        ),
    ),
    min_size=4,
    max_size=12,
)


class Flow:
    """Plays a flow of orders against a venue, before, within and after the bars it is shown."""

    def __init__(self, rules: PaperRules, flow: Sequence[Slice]) -> None:
        self.venue = Venue(rules, instruments={SYMBOL: STOCK})
        self.placed: dict[str, OrderTerms] = {}
        self._flow = flow
        self.surprises: list[ExecutionReport] = []
        self._ts = 0
        self._groups = 0

    def play(self) -> list[ExecutionReport]:
        venue = self.venue
        for n, (columns, due) in enumerate(self._flow):
            opens, high, low, closes, volume = columns
            seen = bar(60 * (n + 1), opens, high, low, closes, volume)
            book = venue.exchange.working.get(SYMBOL)
            nothing_due = not any(when < 3 for when, _, _ in due)
            is_quiet = nothing_due and (book is None or book.is_untouched_by(low, high, seen.ts))
            said = len(venue.reports)
            for number, part in enumerate((None, venue.open, venue.trade, venue.close)):
                if part is not None:
                    self._ts = seen.ts
                    part(seen)
                    if is_quiet:
                        self.surprises += venue.reports[said:]
                for when, kind, what in due:
                    if when == number:
                        self._do(kind, what)
        return venue.reports

    def _do(self, kind: str, what: Any) -> None:
        match kind:
            case "order":
                self._place({"oco": what[1], **what[0]})
            case "reduce":
                # Mostly the side that reduces, so that not every one is refused.
                side = Side.SELL if self.venue.held > 0 else Side.BUY
                self._place({"oco": what[1], **what[0], "side": side, "reduce_only": True})
            case "bracket":
                self._bracket(*what)
            case "protect":
                self._protect(*what)
            case "cancel":
                self.venue.cancel(self._some(what))
            case "replace":
                self.venue.replace(self._some(what[0]), what[1], limit=what[2])
            case _:
                self.venue.reports.extend(self.venue.exchange.session_closed(self._ts + 1))

    def _some(self, number: int) -> str:
        """A working order if there is one, else one that is over or never was."""
        ids = self.venue.ids() or list(self.placed) or ["never"]
        return ids[number % len(ids)]

    def _bracket(self, entry: dict[str, Any], one: str, other: str) -> None:
        self._place(entry, *self._exits(entry["side"].opposite, entry["quantity"], one, other, is_child=True))

    def _protect(self, quantity: int, one: str, other: str) -> None:
        held = self.venue.held
        side = Side.SELL if held > 0 else Side.BUY
        self._place(*self._exits(side, min(quantity, abs(int(held))) or 1, one, other, is_child=False))

    def _exits(
        self, side: Side, quantity: int, one: str, other: str, *, is_child: bool
    ) -> list[dict[str, Any]]:
        self._groups += 1
        low, high = sorted((one, other), key=Decimal)
        stop_at, target_at = (low, high) if side is Side.SELL else (high, low)
        shared = {"side": side, "quantity": quantity, "oco": f"exit-{self._groups}"}
        if is_child:
            shared["parent"] = f"o{len(self.placed)}"
        else:
            shared["reduce_only"] = True
        return [
            {**shared, "type": OrderType.STOP, "stop": stop_at},
            {**shared, "type": OrderType.LIMIT, "limit": target_at},
        ]

    def _place(self, *listed: dict[str, Any]) -> None:
        orders = [terms(f"o{len(self.placed) + n}", **one) for n, one in enumerate(listed)]
        self.placed |= {one.client_order_id: one for one in orders}
        self.venue.place(*orders, at=self._ts)


def fills_of(reports: Sequence[ExecutionReport]) -> list[ExecutionReport]:
    return [report for report in reports if report.kind is Exec.TRADE]


@given(rules=rules, flow=slices)
def test_fills_add_up_and_dead_orders_stay_silent(rules: PaperRules, flow: list[Slice]) -> None:
    play = Flow(rules, flow)
    reports = play.play()
    quantity = {order_id: Decimal(order.quantity) for order_id, order in play.placed.items()}
    filled = dict.fromkeys(play.placed, Decimal(0))
    dead: set[str] = set()
    for report in reports:
        order_id = report.client_order_id
        if report.kind in {Exec.CANCEL_REJECTED, Exec.REPLACE_REJECTED}:
            continue
        assert order_id not in dead
        if report.kind in {Exec.REPLACED, Exec.RESTATED}:
            assert report.quantity is not None
            quantity[order_id] = report.quantity
        if report.kind is Exec.TRADE:
            assert report.last_quantity > 0
            filled[order_id] += report.last_quantity
        if report.kind is not Exec.REJECTED:
            assert report.cumulative == filled[order_id]
        assert filled[order_id] <= quantity[order_id]
        if report.kind in ENDS or (filled[order_id] and filled[order_id] == quantity[order_id]):
            dead.add(order_id)
    open_ids = set(play.venue.ids())
    assert open_ids == {order_id for order_id in play.placed if order_id not in dead}
    assert len({report.exec_id for report in reports}) == len(reports)


@given(rules=rules, flow=slices)
def test_what_only_reduces_never_turns_a_position_round(rules: PaperRules, flow: list[Slice]) -> None:
    play = Flow(rules, flow)
    held = Decimal(0)
    for report in fills_of(play.play()):
        assert report.side is not None
        order = play.placed[report.client_order_id]
        after = held + report.last_quantity * report.side.sign
        if order.reduce_only or order.parent is not None:
            assert held * after >= 0
            assert abs(after) < abs(held)
        if not rules.margin:
            assert after >= 0
        held = after
    assert held == play.venue.held


@given(rules=rules, flow=slices)
def test_cash_is_what_the_fills_say_to_the_last_digit(rules: PaperRules, flow: list[Slice]) -> None:
    play = Flow(rules, flow)
    paid = Decimal(100_000)
    cash = Decimal(100_000)
    position: Position | None = None
    for report in fills_of(play.play()):
        assert report.side is not None
        assert report.last_price is not None
        paid -= report.last_price * report.last_quantity * report.side.sign + report.fee
        fill = Fill(
            trade_id="t",
            symbol=SYMBOL,
            side=report.side,
            quantity=report.last_quantity,
            price=report.last_price,
            fee=report.fee,
            at=report.at,
        )
        position, closed = book(position, fill, STOCK)
        cash += cash_change(fill, closed, STOCK)
    exchange = play.venue.exchange
    mark = Decimal("101.37")
    assert exchange.equity(lambda _: mark) == paid + play.venue.held * mark
    assert exchange.cash == cash  # the desk's way, by matched lots, arrives at the same


@given(rules=rules, flow=slices)
def test_the_same_flow_gives_the_same_reports(rules: PaperRules, flow: list[Slice]) -> None:
    assert Flow(rules, flow).play() == Flow(rules, flow).play()


@given(rules=rules, flow=slices)
def test_nothing_is_held_for_orders_that_are_over(rules: PaperRules, flow: list[Slice]) -> None:
    play = Flow(rules, flow)
    play.play()
    for order_id in play.venue.ids():
        play.venue.cancel(order_id)
    assert play.venue.ids() == []
    if not play.venue.held:
        assert play.venue.exchange.buying_power == play.venue.exchange.cash


@given(rules=rules, flow=slices)
def test_all_fills_of_a_bar_stay_within_its_share(rules: PaperRules, flow: list[Slice]) -> None:
    play = Flow(rules, flow)
    taken: dict[int, Decimal] = {}
    for report in fills_of(play.play()):
        taken[report.at] = taken.get(report.at, Decimal(0)) + report.last_quantity
    if rules.participation_fraction is not None:
        for at, quantity in taken.items():
            assert quantity <= Decimal(flow[at // 60 - 1][0][4]) * rules.participation_fraction


@given(rules=rules, flow=slices)
def test_a_bar_that_the_screen_calls_harmless_leads_to_nothing(rules: PaperRules, flow: list[Slice]) -> None:
    play = Flow(rules, flow)
    play.play()
    assert not play.surprises
