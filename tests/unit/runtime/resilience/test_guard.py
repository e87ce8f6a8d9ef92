"""The guard before a broker: what it lets through, what it says of what it does not, and who goes first."""

from decimal import Decimal

import pytest

from tests.desks import BUY, World
from tests.unruly import UNREACHABLE, Unruly
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.constraints import PROTECTIVE
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.scopes import Grant
from tradewrit.errors import OurFault, Throttled, Unauthorized, Unreachable
from tradewrit.runtime.clock import ManualClock
from tradewrit.runtime.ports import Replacement
from tradewrit.runtime.resilience.breaker import Breaker, Failure, Gate
from tradewrit.runtime.resilience.guard import Endpoint, GuardedBroker, for_alpaca, for_schwab
from tradewrit.runtime.resilience.rate_limit import Budget

GRANT = Grant(id="g", agent="executor", scopes=frozenset({"write:trades:*"}), issued_at=0, expires_at=2**62)
MINUTE = 60 * SECOND


def order(number: int, role: Role = Role.ENTRY) -> Approved:
    is_stop = role is Role.STOP
    terms = OrderTerms(
        client_order_id=f"{role}-{number}",
        trade_id=f"t-{number}",
        symbol="AAPL",
        side=Side.SELL if is_stop else Side.BUY,
        quantity=Qty(Decimal(1)),
        type=OrderType.STOP if is_stop else OrderType.LIMIT,
        stop_price=Price(Decimal("1.00")) if is_stop else None,
        limit_price=None if is_stop else Price(Decimal("1.00")),
        role=role,
    )
    return Approved(orders=(terms,), by=("test",), at=0)


class Line:
    """A guarded paper exchange on a line that can be spoilt."""

    def __init__(self, budget: Budget | None = None) -> None:
        self.clock = ManualClock()
        self.venue = Unruly(PaperExchange({"AAPL": Instrument(symbol="AAPL")}, initial_cash=Decimal(100_000)))
        self.heard: list[tuple[Endpoint, Gate]] = []
        self.guard = GuardedBroker(
            self.venue,
            "paper:test",
            self.clock,
            lambda: 0.0,
            budget=budget or Budget(calls=1_000),
            hint="log in again",
            heard=lambda endpoint, breaker: self.heard.append((endpoint, breaker.gate)),
        )
        self.number = 0

    def enter(self) -> None:
        self.number += 1
        self.guard.place(order(self.number), GRANT)

    def fail(self, failure: Exception, times: int = 3) -> None:
        self.venue.lose("place", *[failure] * times)
        for _ in range(times):
            with pytest.raises(type(failure)):
                self.enter()

    def gate(self, endpoint: Endpoint) -> Breaker:
        return self.guard.breakers[endpoint]


def test_three_outages_stop_entries_and_say_that_nothing_was_sent() -> None:
    line = Line()
    line.fail(UNREACHABLE)
    sent = len(line.venue.calls)
    with pytest.raises(Throttled, match="nothing was sent") as refused:
        line.enter()
    assert refused.value.retry_after_s == 60
    assert len(line.venue.calls) == sent
    assert line.heard == [(Endpoint.ENTRIES, Gate.OPEN)]


def test_entries_that_fail_keep_no_stop_and_no_question_from_the_venue() -> None:
    line = Line()
    line.fail(UNREACHABLE)
    line.guard.open_orders()
    line.guard.order("unknown")
    line.guard.place(order(1, Role.STOP), GRANT)
    line.guard.cancel("stop-1", GRANT)


def test_a_desk_may_ask_again_five_seconds_after_however_long_an_outage() -> None:
    line = Line()
    for _ in range(8):
        line.venue.lose("positions", UNREACHABLE)
        with pytest.raises(Unreachable):
            line.guard.positions()
        for _ in range(2):
            line.venue.lose("positions", UNREACHABLE)
            with pytest.raises((Unreachable, Throttled)):
                line.guard.positions()
        line.clock.advance(5 * SECOND)
    line.venue.lost_before.clear()
    assert line.guard.positions() == {}
    assert line.gate(Endpoint.QUERIES).gate is Gate.CLOSED


def test_after_a_minute_one_call_finds_out_that_the_venue_is_back() -> None:
    line = Line()
    line.fail(UNREACHABLE)
    line.clock.advance(MINUTE)
    line.enter()
    line.enter()
    assert line.heard[-2:] == [(Endpoint.ENTRIES, Gate.HALF_OPEN), (Endpoint.ENTRIES, Gate.CLOSED)]


def test_what_the_venue_refuses_on_its_merits_opens_nothing() -> None:
    line = Line()
    line.venue.refuses = {Role.ENTRY}
    for _ in range(10):
        line.enter()
    assert line.gate(Endpoint.ENTRIES).gate is Gate.CLOSED


def test_a_dead_credential_stops_at_once_and_says_what_to_do() -> None:
    line = Line()
    line.fail(Unauthorized("401"), times=1)
    line.clock.advance(10 * MINUTE)
    with pytest.raises(Unauthorized, match="log in again"):
        line.enter()
    line.guard.reset(reason=Failure.OUTAGE)
    with pytest.raises(Unauthorized):
        line.enter()
    line.guard.reset(reason=Failure.TOKEN)
    line.enter()


def test_a_venue_that_asks_for_patience_gets_it() -> None:
    line = Line()
    line.fail(Throttled("429", 120.0))
    line.clock.advance(119 * SECOND)
    with pytest.raises(Throttled) as refused:
        line.enter()
    assert refused.value.retry_after_s == 1
    line.clock.advance(SECOND)
    line.enter()


def test_a_burst_of_refusals_halves_what_entries_may_ask_and_a_stop_goes_out_all_the_same() -> None:
    line = Line(Budget(calls=20, reserved_fraction=0.2))
    line.fail(Throttled("429", 1.0))
    assert line.gate(Endpoint.ENTRIES).gate is Gate.OPEN
    line.guard.place(order(100, Role.STOP), GRANT)
    line.clock.advance(MINUTE)
    for _ in range(16):
        line.enter()
    line = Line(Budget(calls=20, reserved_fraction=0.2))
    line.fail(Throttled("429", 1.0), times=1)
    for _ in range(7):
        line.enter()
    with pytest.raises(Throttled, match="rate limit"):
        line.enter()
    line.guard.place(order(100, Role.STOP), GRANT)


@pytest.mark.parametrize("jump_s", [3600, -3600])
def test_setting_the_machine_s_time_opens_and_closes_nothing(jump_s: int) -> None:
    line = Line()
    line.fail(UNREACHABLE)
    line.clock.set(line.clock.now() + jump_s * SECOND, is_jump=True)
    with pytest.raises(Throttled) as refused:
        line.enter()
    assert refused.value.retry_after_s == 60
    line.clock.advance(MINUTE)
    line.enter()


def test_a_stop_finds_room_when_entries_have_used_up_theirs() -> None:
    line = Line(Budget(calls=10, reserved_fraction=0.3))
    for _ in range(7):
        line.enter()
    with pytest.raises(Throttled, match="rate limit"):
        line.enter()
    for number in range(3):
        line.guard.place(order(100 + number, Role.STOP), GRANT)
    line.clock.advance(MINUTE)
    line.enter()


def test_what_became_of_a_stop_may_be_asked_with_the_calls_kept_for_protection() -> None:
    line = Line(Budget(calls=10))
    line.guard.place(order(1, Role.STOP), GRANT)
    while True:
        try:
            line.enter()
        except Throttled:
            break
    with pytest.raises(Throttled):
        line.guard.order("entry-1")
    assert line.guard.order("stop-1")
    line.guard.cancel("entry-2", GRANT)
    assert line.guard.order("entry-2"), "so may what became of a cancel"


def test_a_refused_call_uses_up_nothing_of_the_limit() -> None:
    line = Line(Budget(calls=10, reserved_fraction=0.0))
    line.fail(UNREACHABLE)
    for _ in range(50):
        with pytest.raises(Throttled, match="breaker"):
            line.enter()
    for _ in range(7):
        line.guard.open_orders()
    with pytest.raises(Throttled, match="rate limit"):
        line.guard.open_orders()


def test_a_change_under_a_reduce_only_writ_is_protection() -> None:
    line = Line()
    line.fail(UNREACHABLE)
    line.guard.place(order(1, Role.STOP), GRANT)
    protective = Grant(
        id="p",
        agent="position_keeper",
        scopes=GRANT.scopes,
        issued_at=0,
        expires_at=2**62,
        constraints=PROTECTIVE,
    )
    line.guard.replace("stop-1", Replacement(stop_price=Price(Decimal("0.90"))), protective)
    with pytest.raises(Throttled):
        line.guard.replace("stop-1", Replacement(stop_price=Price(Decimal("0.80"))), GRANT)


def test_an_error_of_our_own_counts_and_passes_through() -> None:
    line = Line()
    line.fail(OurFault("a bug"))
    assert line.gate(Endpoint.ENTRIES).statistics.failures == 3


def test_paper_and_live_are_two_breakers() -> None:
    venue, clock = Line().venue, ManualClock()
    paper, live = (for_alpaca(venue, name, clock, lambda: 0.0) for name in ("paper", "live"))
    venue.lose("place", *[UNREACHABLE] * 3)
    for number in range(3):
        with pytest.raises(Unreachable):
            paper.place(order(number), GRANT)
    with pytest.raises(Throttled, match="alpaca:paper"):
        paper.place(order(8), GRANT)
    live.place(order(9), GRANT)


def test_an_expired_login_at_schwab_names_the_command_that_helps() -> None:
    venue = Line().venue
    guard = for_schwab(venue, "live", ManualClock(), lambda: 0.0)
    venue.lose("place", Unauthorized("401"))
    with pytest.raises(Unauthorized):
        guard.place(order(1), GRANT)
    with pytest.raises(Unauthorized, match="schwab_setup"):
        guard.place(order(2), GRANT)


def test_a_desk_behind_a_guard_trades_as_one_without() -> None:
    def traded(world: World) -> object:
        world.says(BUY)
        world.bar(175.50)
        world.bar(175.50)
        world.bar(201.82)
        return world.closed

    clock = ManualClock()
    guarded = World(
        broker=lambda venue: GuardedBroker(venue, "paper", clock, lambda: 0.0, budget=Budget(calls=100))
    )
    assert traded(guarded) == traded(World())
