"""What holds whatever is ordered and whatever the market does."""

from collections.abc import Callable, Sequence
from decimal import Decimal as D
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.brokers.venue import SYMBOL, Venue, bar, terms
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.fees import BpsFee, FixedFee, PerShareFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar
from tradewrit.domain.orders import OrderTerms, OrderType, Side, TimeInForce
from tradewrit.domain.portfolio import cash_change
from tradewrit.domain.positions import Fill, Position, book

STOCK = Instrument(symbol=SYMBOL)
TYPES = list(OrderType)
ENDS = frozenset({Exec.CANCELED, Exec.EXPIRED, Exec.REJECTED})
Step = tuple[str, Any]

rules = st.builds(
    PaperRules,
    fees=st.sampled_from([BpsFee(), PerShareFee(), FixedFee(D("0.35"))]),
    slippage_bps=st.sampled_from([D(0), D(5)]),
    limit_fills=st.sampled_from(["touch", "through"]),
    participation_fraction=st.sampled_from([None, D("0.1"), D(1)]),
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
        "quantity": draw(st.integers(min_value=1, max_value=40)),
        "type": kind,
        "limit": draw(prices) if kind in {OrderType.LIMIT, OrderType.STOP_LIMIT} else None,
        "stop": draw(prices) if kind in {OrderType.STOP, OrderType.STOP_LIMIT} else None,
        "trail": draw(st.sampled_from(["0.01", "0.05"])) if kind is OrderType.TRAILING_STOP else None,
        "tif": draw(st.sampled_from(tifs)),
        "reduce_only": draw(st.booleans()),
        "oco": draw(st.sampled_from([None, None, "g1", "g2"])),
    }


bracket = st.tuples(st.sampled_from(Side), st.integers(min_value=1, max_value=40), prices, prices, st.booleans())
steps = st.lists(
    st.one_of(
        st.tuples(st.just("bar"), bars()),
        st.tuples(st.just("order"), orders()),
        st.tuples(st.just("bracket"), bracket),
        st.tuples(st.just("cancel"), st.integers(min_value=0, max_value=30)),
        st.tuples(
            st.just("replace"),
            st.tuples(st.integers(min_value=0, max_value=30), st.integers(min_value=1, max_value=60)),
        ),
        st.tuples(st.just("session"), st.none()),
    ),
    max_size=40,
)
parts = st.lists(st.integers(min_value=0, max_value=3), min_size=40, max_size=40)


class Flow:
    """Plays steps against a venue; orders arrive between the parts of bars as `parts` says."""

    def __init__(self, rules: PaperRules, flow: Sequence[Step], parts: Sequence[int]) -> None:
        self.venue = Venue(rules, instruments={SYMBOL: STOCK})
        self.placed: dict[str, OrderTerms] = {}
        self.checks: Callable[[], None] = lambda: None
        self._flow = flow
        self._parts = parts
        self._ts = 0

    def play(self) -> list[ExecutionReport]:
        waiting: list[Step] = []
        for step in self._flow:
            if step[0] != "bar":
                waiting.append(step)
                continue
            self._ts += 60
            opens, high, low, closes, volume = step[1]
            self._bar(bar(self._ts, opens, high, low, closes, volume), waiting)
            waiting = []
        for step in waiting:
            self._do(step)
        return self.venue.reports

    def _bar(self, seen: Bar, waiting: list[Step]) -> None:
        due: list[list[Step]] = [[], [], [], []]
        for n, step in enumerate(waiting):
            due[self._parts[n % len(self._parts)]].append(step)
        venue = self.venue
        for n, part in enumerate((None, venue.open, venue.trade, venue.close)):
            if part is not None:
                part(seen)
                self.checks()
            for step in due[n]:
                self._do(step)
                self.checks()

    def _do(self, step: Step) -> None:
        kind, what = step
        ids = list(self.placed)
        match kind:
            case "order":
                self._place(terms(f"o{len(ids)}", **what))
            case "bracket":
                self._bracket(*what)
            case "cancel":
                self.venue.cancel(f"o{what}")
            case "replace":
                self.venue.replace(f"o{what[0]}", what[1])
            case _:
                self.venue.reports.extend(self.venue.exchange.session_closed(self._ts + 1))

    def _bracket(self, side: Side, quantity: int, one: str, other: str, is_limit: bool) -> None:
        n = len(self.placed)
        low, high = sorted((one, other), key=D)
        stop_at, target_at = (low, high) if side is Side.BUY else (high, low)
        entry = (
            terms(f"o{n}", side, quantity, OrderType.LIMIT, limit=one)
            if is_limit
            else terms(f"o{n}", side, quantity)
        )
        group = {"parent": f"o{n}", "oco": f"exit-{n}"}
        self._place(
            entry,
            terms(f"o{n + 1}", side.opposite, quantity, OrderType.STOP, stop=stop_at, **group),  # type: ignore[arg-type]
            terms(f"o{n + 2}", side.opposite, quantity, OrderType.LIMIT, limit=target_at, **group),  # type: ignore[arg-type]
        )

    def _place(self, *listed: OrderTerms) -> None:
        for one in listed:
            self.placed[one.client_order_id] = one
        self.venue.place(*listed, at=self._ts)


def fills_of(reports: Sequence[ExecutionReport]) -> list[ExecutionReport]:
    return [report for report in reports if report.kind is Exec.TRADE]


@given(rules=rules, flow=steps, parts=parts)
def test_fills_add_up_and_dead_orders_stay_silent(
    rules: PaperRules, flow: list[Step], parts: list[int]
) -> None:
    play = Flow(rules, flow, parts)
    reports = play.play()
    quantity = {order_id: D(order.quantity) for order_id, order in play.placed.items()}
    filled = dict.fromkeys(play.placed, D(0))
    dead: set[str] = set()
    for report in reports:
        order_id = report.client_order_id
        if report.kind in {Exec.CANCEL_REJECTED, Exec.REPLACE_REJECTED}:
            continue
        assert order_id not in dead
        if report.kind is Exec.REPLACED:
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


@given(rules=rules, flow=steps, parts=parts)
def test_what_only_reduces_never_turns_a_position_round(
    rules: PaperRules, flow: list[Step], parts: list[int]
) -> None:
    play = Flow(rules, flow, parts)
    held = D(0)
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


@given(rules=rules, flow=steps, parts=parts)
def test_cash_is_what_the_fills_say_to_the_last_digit(
    rules: PaperRules, flow: list[Step], parts: list[int]
) -> None:
    play = Flow(rules, flow, parts)
    paid = D(100_000)
    cash = D(100_000)
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
    mark = D("101.37")
    assert exchange.equity(lambda _: mark) == paid + play.venue.held * mark
    assert exchange.cash == cash  # the desk's way, by matched lots, arrives at the same


@given(rules=rules, flow=steps, parts=parts)
def test_the_same_flow_gives_the_same_reports(rules: PaperRules, flow: list[Step], parts: list[int]) -> None:
    assert Flow(rules, flow, parts).play() == Flow(rules, flow, parts).play()


@given(rules=rules, flow=steps, parts=parts)
@settings(max_examples=60)
def test_nothing_is_held_for_orders_that_are_over(
    rules: PaperRules, flow: list[Step], parts: list[int]
) -> None:
    play = Flow(rules, flow, parts)
    play.play()
    for order_id in play.venue.ids():
        play.venue.cancel(order_id)
    assert play.venue.ids() == []
    if not play.venue.held:
        assert play.venue.exchange.buying_power == play.venue.exchange.cash


@given(rules=rules, flow=steps, parts=parts)
def test_all_fills_of_a_bar_stay_within_its_share(
    rules: PaperRules, flow: list[Step], parts: list[int]
) -> None:
    play = Flow(rules, flow, parts)
    taken: dict[int, D] = {}
    for report in fills_of(play.play()):
        taken[report.at] = taken.get(report.at, D(0)) + report.last_quantity
    shown = [step[1] for step in flow if step[0] == "bar"]
    if rules.participation_fraction is not None:
        for at, quantity in taken.items():
            assert quantity <= D(shown[at // 60 - 1][4]) * rules.participation_fraction
