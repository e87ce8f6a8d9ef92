"""Any sequence of prices, wishes and broker trouble: what must always hold holds, and all is well in the end."""

from collections.abc import Iterable
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.desks import BUY, LEAVE, SELL, WITHOUT_OCO, World, oversold
from tests.unruly import THROTTLED, UNAUTHORIZED, UNREACHABLE, Unruly
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.capabilities import PAPER
from tradewrit.domain.events.orders import CancelOrder, ExecutionReport, GetOrderStatus
from tradewrit.domain.events.positions import CloseTrade, SetStop, StopMoved, UpdateStop
from tradewrit.domain.money import Price
from tradewrit.domain.orders import OrderState, OrderType, Role
from tradewrit.domain.trades import TradeState

TRAILING = replace(BUY, trail_fraction=Decimal("0.03"), target_fraction=Decimal(0))
SIGNALS = [BUY, SELL, LEAVE, TRAILING, replace(BUY, max_bars=2)]
FAILURES = st.tuples(
    st.sampled_from(["place", "cancel", "replace", "order"]),
    st.sampled_from([UNREACHABLE, UNREACHABLE, THROTTLED, UNAUTHORIZED]),
    st.booleans(),
)
HAPPENINGS = st.one_of(
    st.tuples(st.just("bar"), st.integers(-8, 8), st.integers(0, 8), st.sampled_from([0, 20, 60, 10**6])),
    st.tuples(st.just("bar"), st.integers(-8, 8), st.integers(0, 8), st.sampled_from([0, 20, 60, 10**6])),
    st.tuples(st.just("quote"), st.integers(-8, 8)),
    st.tuples(st.just("signal"), st.sampled_from(SIGNALS)),
    st.tuples(st.just("signal"), st.sampled_from(SIGNALS)),
    st.tuples(st.just("lose"), FAILURES),
    st.tuples(st.just("slow"), st.booleans()),
    st.tuples(st.just("refuse"), st.sets(st.sampled_from(list(Role)))),
    st.tuples(st.just("close"), st.none()),
    st.tuples(st.just("set stop"), st.none()),
    st.tuples(st.just("move stop"), st.integers(-6, 6)),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("venue cancels"), st.integers(0, 5)),
    st.tuples(st.just("let go"), st.randoms(use_true_random=False)),
    st.tuples(st.just("repeat"), st.integers(0, 30)),
)


class Hostile(World):
    """A world in which things happen to the desk."""

    def __init__(self, entry: OrderType, *, has_oco: bool, is_partial: bool, is_held: bool) -> None:
        fraction = Decimal("0.1") if is_partial else None
        super().__init__(
            broker=Unruly,
            entry=entry,
            capabilities=PAPER if has_oco else WITHOUT_OCO,
            rules=PaperRules(participation_fraction=fraction),
        )
        assert isinstance(self.broker, Unruly)
        self.line = self.broker
        self.price = 100.0
        self.bar(self.price)
        if is_held:
            self.says(TRAILING if is_partial else BUY)
            self.bar(self.price)
            self.bar(self.price, volume=60)

    def report(self, reports: Iterable[ExecutionReport]) -> None:
        """A slow line holds back the venue's stream as well, to be mixed up with its answers."""
        if self.line.is_slow:
            self.line.kept.extend(reports)
        else:
            super().report(reports)

    def happen(self, what: str, how: object) -> None:
        match what, how:
            case "bar", (int(move), int(width), int(volume)):
                self.price = max(20.0, self.price + move)
                self.bar(
                    self.price, self.price + width, max(10.0, self.price - width), self.price, volume=volume
                )
            case "quote", int(move):
                self.price = max(20.0, self.price + move)
                self.quote(self.price)
            case "signal", signal:
                self.says(signal)  # type: ignore[arg-type]
            case "lose", (str(call), Exception() as failure, bool(is_done)):
                # Throttled and Unauthorized promise that nothing was done.
                self.line.lose(call, failure, is_done=is_done and failure is UNREACHABLE)
            case "slow", bool(is_slow):
                self.line.is_slow = is_slow
            case "refuse", set(roles):
                self.line.refuses = roles
            case "let go", chance:
                mixed = self.line.let_go(lambda kept: chance.sample(kept, len(kept)))  # type: ignore[attr-defined]
                super().report(mixed)
            case "repeat", int(back):
                seen = [e for e, _ in self.heard if type(e).__name__ == "ExecutionReport"]
                for event in seen[-back:]:
                    self.feed(event, "broker")
            case "cancel", int(k):
                orders = list(self.books.orders)
                if orders:
                    self.feed(CancelOrder(at=self.now, client_order_id=orders[k % len(orders)]))
            case "venue cancels", int(k):
                open_ = self.exchange.open_orders()
                if open_:
                    grant = self.desk.writs.live("executor", self.now)
                    self.report(self.exchange.cancel(open_[k % len(open_)].client_order_id, grant))
            case _:
                self.wish(what, how)

    def wish(self, what: str, how: object) -> None:
        """What people ask for."""
        for trade in list(self.books.trades.values()):
            if what == "close":
                self.feed(CloseTrade(at=self.now, trade_id=trade.id, actor="human:maria"))
            elif what == "set stop":
                self.feed(SetStop(at=self.now, trade_id=trade.id))
            elif isinstance(how, int):
                wanted = Price(Decimal(max(1, int(self.price) + how)))
                self.feed(UpdateStop(at=self.now, trade_id=trade.id, stop_price=wanted))

    def heal(self) -> None:
        """The line is good again: what is unknown is asked about, and some bars go by."""
        self.line.lost_before.clear()
        self.line.lost_after.clear()
        self.line.refuses = set()
        self.line.is_slow = False
        self.report(self.line.let_go())
        for _ in range(3):
            for order in list(self.books.orders.values()):
                if order.is_live:
                    self.feed(GetOrderStatus(at=self.now, client_order_id=order.id, fresh=True))
            self.bar(self.price)

    def is_at_rest(self) -> None:
        """Every share is covered by a live stop, or on its way out; the venue and the books agree."""
        for trade in self.books.trades.values():
            orders = [order for order in self.books.orders_of(trade.id) if order.is_live]
            assert not [o for o in orders if o.state is OrderState.UNKNOWN]
            if trade.symbol not in self.books.positions:
                assert trade.state is TradeState.ORDER_PLACED, trade.state
                continue
            closing = [o for o in orders if o.terms.role in {Role.STOP, Role.EXIT}]
            covered = sum((o.remaining for o in closing), Decimal(0))
            assert covered == self.books.positions[trade.symbol].quantity, trade.state
        live = {terms.client_order_id for terms in self.exchange.open_orders()}
        assert live == {order.id for order in self.books.orders.values() if order.is_live}
        self.audit()


@given(
    st.sampled_from([OrderType.MARKET, OrderType.LIMIT]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.lists(HAPPENINGS, max_size=40),
)
def test_nothing_is_oversold_bought_twice_or_left_without_a_stop(
    entry: OrderType, has_oco: bool, is_partial: bool, is_held: bool, happenings: list[tuple[object, ...]]
) -> None:
    world = Hostile(entry, has_oco=has_oco, is_partial=is_partial, is_held=is_held)
    for what, *how in happenings:
        world.happen(str(what), tuple(how) if len(how) > 1 else how[0])
        assert not oversold(world.exchange)
        ids = [terms.client_order_id for terms in world.line.sent]
        assert len(set(ids)) == len(ids)
        calls = len(world.line.calls)
        assert calls < 60 * (1 + len(happenings))
    world.heal()
    world.is_at_rest()
    for name in {event.trade_id for event in world.events(StopMoved)}:
        stops = [event.stop_price for event in world.events(StopMoved) if event.trade_id == name]
        assert stops in (sorted(stops), sorted(stops, reverse=True))
