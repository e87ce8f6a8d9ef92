"""Effects are performed under a live grant or not at all; a broker's failures come back as reports."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from msgspec.structs import replace

from tests.feeds import TableFeed
from tests.unruly import THROTTLED, UNAUTHORIZED, UNREACHABLE, Unruly
from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.books import Books
from tradewrit.domain.effects import (
    AskAccount,
    AskPeople,
    AskVenue,
    CancelAtVenue,
    Effect,
    FetchBars,
    FetchMarketStatus,
    FetchQuote,
    OpenStream,
    PlaceOrders,
    ReplaceAtVenue,
    SetTimer,
)
from tradewrit.domain.events.account import AccountReported, AccountUnavailable
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import (
    BarsReceived,
    MarketDataUnavailable,
    MarketStatusReported,
    QuoteReceived,
)
from tradewrit.domain.events.orders import Exec, ExecutionReport, OrderCancelled, OrderRequested
from tradewrit.domain.events.writs import WritDenied
from tradewrit.domain.folding import evolve
from tradewrit.domain.instruments import plain
from tradewrit.domain.market import Bar, Interval, Quote
from tradewrit.domain.money import ZERO, Price, Qty
from tradewrit.domain.orders import Approved, OrderTerms, OrderType, Role, Side
from tradewrit.domain.rejections import Rejection
from tradewrit.kernel import Asked
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.perform import (
    Departure,
    Performer,
    desk_handlers,
    feed_handlers,
    never_left,
    venue_handlers,
)
from tradewrit.runtime.roles import roles
from tradewrit.runtime.writs import Writs

AT = 1_000


def terms(name: str = "a", symbol: str = "AAPL") -> OrderTerms:
    return OrderTerms(
        client_order_id=name,
        trade_id="t",
        symbol=symbol,
        side=Side.BUY,
        quantity=Qty(Decimal(5)),
        type=OrderType.LIMIT,
        role=Role.ENTRY,
        limit_price=Price(Decimal("90.00")),
    )


def place(*names: str) -> PlaceOrders:
    orders = tuple(terms(name) for name in names)
    return PlaceOrders(trace="t", symbol="AAPL", approved=Approved(orders=orders, by=("risk:x",), at=AT))


def recorded(*orders: OrderTerms) -> Books:
    """Books with these intents on record."""
    books = Books()
    for one in orders:
        books = evolve(books, OrderRequested(at=AT, trace="t", terms=one, approved_by=("risk:x",)))
    return books


def held() -> Writs:
    writs = Writs(LocalIssuer("desk"), roles("paper", "paper"))
    writs.keep(AT)
    return writs


class Bench:
    """A performer over a line that can be spoilt."""

    def __init__(self, line: type[Unruly] = Unruly) -> None:
        self.line = line(PaperExchange(lambda s: plain(s, "USD"), initial_cash=Decimal(10_000)))
        self.asked: list[tuple[str, int]] = []
        self.timers: list[tuple[str, str, int]] = []
        self.feed = TableFeed({"AAPL": Quote("AAPL", 1, 10.0, 10.1)}, [Bar("AAPL", 1, 1, 1, 1, 1, 1)])
        self.books = recorded(terms("a"), terms("b"))
        self.performer = Performer(
            {
                **venue_handlers(self.line),
                **feed_handlers(self.feed),
                **desk_handlers(
                    lambda review, version: self.asked.append((review, version)),
                    lambda *timer: self.timers.append(timer),
                ),
            },
            held(),
        )

    def do(self, effect: Effect, agent: str = "executor", now: int = AT) -> Sequence[Event]:
        return self.performer.perform(effect, agent, self.books, now)

    def kinds(self, effect: Effect) -> list[tuple[str, Exec, str]]:
        reports = self.do(effect)
        assert all(isinstance(report, ExecutionReport) for report in reports)
        return [(r.client_order_id, r.kind, r.code) for r in reports if isinstance(r, ExecutionReport)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


CANCEL = CancelAtVenue(trace="t", symbol="AAPL", client_order_id="a")
REPLACE = ReplaceAtVenue(trace="t", symbol="AAPL", client_order_id="a", limit_price=Price(Decimal("91.00")))
ASK = AskVenue(trace="t", symbol="AAPL", client_order_id="a")
ACCOUNT = AskAccount(since=0, cause="minute")
EVERY = {
    "executor": (place("a"), CANCEL, REPLACE, ASK, ACCOUNT),
    "market_watch": (
        FetchQuote(symbol="AAPL"),
        FetchBars(symbol="AAPL", interval=Interval.DAY, count=1),
        OpenStream(symbol="AAPL"),
        FetchMarketStatus(),
    ),
    "reviewer": (AskPeople(review_id="r", version=1), SetTimer(timer="t", about="r", due_at=5)),
}
# Both have something to be reminded of, and neither depends on its own writ for that.
SHARED: dict[type[Effect], set[str]] = {SetTimer: {"executor", "reviewer"}}
PAIRS = [
    (agent, effect, SHARED.get(type(effect), {owner}))
    for owner, effects in EVERY.items()
    for effect in effects
    for agent in (*EVERY, "strategist", "nobody")
]


@pytest.mark.parametrize(
    ("agent", "effect", "owners"), PAIRS, ids=lambda value: getattr(value, "__class__", value).__name__
)
def test_only_the_role_that_owns_an_effect_may_have_it_performed(
    bench: Bench, agent: str, effect: Effect, owners: set[str]
) -> None:
    said = bench.do(effect, agent)
    denied = [event for event in said if isinstance(event, WritDenied)]
    assert bool(denied) is (agent not in owners)
    if denied:
        assert (denied[0].agent, denied[0].scope, denied[0].subject) == (agent, effect.scope, effect.subject)
        assert (denied[0].effect, denied[0].trace) == (type(effect).__name__, effect.trace)
        assert not bench.line.calls
        assert not bench.feed.streams
        assert not bench.asked
        assert not bench.timers


def test_every_kind_of_effect_is_known_here() -> None:
    def leaves(kind: type[Effect]) -> set[type[Effect]]:
        below = kind.__subclasses__()
        return {kind} if not below else {leaf for one in below for leaf in leaves(one)}

    assert {type(effect) for effects in EVERY.values() for effect in effects} == leaves(Effect)


def test_an_effect_nobody_here_can_do_is_denied_and_not_ignored() -> None:
    performer = Performer({}, held())
    (denied,) = performer.perform(place("a"), "executor", recorded(terms("a")), AT)
    assert isinstance(denied, WritDenied)
    assert "nobody" in denied.reason


# -- the venue


def test_an_answer_is_passed_back_as_it_came_but_never_from_before_it_was_asked_for(bench: Bench) -> None:
    assert bench.kinds(place("a")) == [("a", Exec.NEW, "")]
    (cancelled,) = bench.do(CANCEL, now=AT + 500)
    assert isinstance(cancelled, ExecutionReport)
    # The venue has seen no later time than the order's; the desk has.
    assert (cancelled.kind, cancelled.at) == (Exec.CANCELED, AT + 500)


def test_a_fill_keeps_the_time_at_which_it_traded(bench: Bench) -> None:
    bench.do(place("a"))
    fill = bench.line.exchange.open(Bar("AAPL", AT + 1, 80, 80, 80, 80, 1e6))[0]
    found = [event for event in bench.do(ASK, now=AT + 900) if isinstance(event, ExecutionReport)]
    assert [event.kind for event in found] == [Exec.NEW, Exec.TRADE, Exec.ANSWERED]
    assert found[1] == fill


def test_a_lost_order_is_unknown_for_every_order_of_its_list(bench: Bench) -> None:
    bench.line.lose("place", UNREACHABLE)
    assert bench.kinds(place("a", "b")) == [("a", Exec.UNKNOWN, ""), ("b", Exec.UNKNOWN, "")]


@pytest.mark.parametrize("failure", [THROTTLED, UNAUTHORIZED], ids=lambda failure: type(failure).__name__)
def test_an_order_that_was_surely_not_sent_is_rejected(bench: Bench, failure: Exception) -> None:
    bench.line.lose("place", failure)
    assert bench.kinds(place("a", "b")) == [
        ("a", Exec.REJECTED, Rejection.NOT_TAKEN),
        ("b", Exec.REJECTED, Rejection.NOT_TAKEN),
    ]
    assert not bench.line.exchange.open_orders()


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize(("effect", "call"), [(CANCEL, "cancel"), (REPLACE, "replace")])
def test_a_change_that_was_lost_is_neither_refused_nor_done(
    bench: Bench, effect: Effect, call: str, is_done: bool
) -> None:
    bench.do(place("a"))
    bench.line.lose(call, UNREACHABLE, is_done=is_done)
    (lost,) = bench.do(effect)
    assert isinstance(lost, ExecutionReport)
    assert (lost.client_order_id, lost.kind, lost.reason) == ("a", Exec.UNKNOWN, str(UNREACHABLE))


@pytest.mark.parametrize("failure", [THROTTLED, UNAUTHORIZED], ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize(
    ("effect", "call", "refused"),
    [(CANCEL, "cancel", Exec.CANCEL_REJECTED), (REPLACE, "replace", Exec.REPLACE_REJECTED)],
    ids=["cancel", "replace"],
)
def test_a_change_that_surely_never_left_is_refused(
    bench: Bench, effect: Effect, call: str, refused: Exec, failure: Exception
) -> None:
    bench.do(place("a"))
    bench.line.lose(call, failure)
    assert bench.kinds(effect) == [("a", refused, Rejection.NOT_TAKEN)]


def test_a_cancel_that_was_done_before_the_line_broke_comes_to_light_when_the_venue_is_asked(
    bench: Bench,
) -> None:
    bench.do(place("a"))
    bench.line.lose("cancel", UNREACHABLE, is_done=True)
    assert [kind for _, kind, _ in bench.kinds(CANCEL)] == [Exec.UNKNOWN]
    assert [kind for _, kind, _ in bench.kinds(ASK)] == [Exec.NEW, Exec.CANCELED, Exec.ANSWERED]


def test_an_answer_says_how_an_order_has_ended_though_its_end_was_told_before(bench: Bench) -> None:
    bench.do(place("a"))
    assert answer(bench).code == ""
    bench.do(CANCEL)
    assert (answer(bench).code, answer(bench).reason) == (Exec.CANCELED, "canceled on request")


def answer(bench: Bench) -> ExecutionReport:
    said = bench.do(ASK)[-1]
    assert isinstance(said, ExecutionReport)
    assert said.kind is Exec.ANSWERED
    return said


class TakesAgain(Unruly):
    """A venue that remembers the ids of working orders only, and has taken this one a second time."""

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        first = [*super().order(client_order_id)]
        return [*first, replace(first[0], exec_id="again")]


def test_an_order_that_was_taken_a_second_time_after_its_end_has_not_ended() -> None:
    bench = Bench(TakesAgain)
    bench.do(place("a"))
    bench.do(CANCEL)
    assert answer(bench).code == ""


def test_an_order_the_venue_never_heard_of_is_absent_which_is_not_yet_an_end(bench: Bench) -> None:
    assert bench.kinds(ASK) == [("a", Exec.ABSENT, "")]


class Forgetful(Unruly):
    """A venue that can name the orders that are open, and none that is over."""

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        is_open = any(terms.client_order_id == client_order_id for terms in self.open_orders())
        return super().order(client_order_id) if is_open else ()


def test_a_venue_that_forgot_an_order_still_tells_what_it_traded_and_that_it_is_not_there() -> None:
    bench = Bench(Forgetful)
    bench.do(place("a"))
    bench.do(place("b"))
    fills = bench.line.exchange.open(Bar("AAPL", AT + 1, 80, 80, 80, 80, 1e6))
    assert {fill.client_order_id for fill in fills} == {"a", "b"}
    own = next(fill for fill in fills if fill.client_order_id == "a")
    told, absent = bench.do(ASK, now=AT + 900)
    assert told == own
    assert isinstance(absent, ExecutionReport)
    assert absent.kind is Exec.ABSENT
    # What it traded before the order left is another's.
    later = AskVenue(trace="t", symbol="AAPL", client_order_id="a", since=AT + 2)
    assert [kind for _, kind, _ in bench.kinds(later)] == [Exec.ABSENT]


@pytest.mark.parametrize(
    "failure", [UNREACHABLE, THROTTLED, UNAUTHORIZED], ids=lambda one: type(one).__name__
)
@pytest.mark.parametrize("call", ["order", "executions"])
def test_a_venue_that_cannot_be_asked_leaves_the_question_open(
    bench: Bench, call: str, failure: Exception
) -> None:
    bench.line.lose(call, failure)
    assert bench.kinds(ASK) == [("a", Exec.UNANSWERED, "")]


def test_the_account_is_told_whole_with_its_executions_first(bench: Bench) -> None:
    bench.do(place("a"))
    fill = bench.line.exchange.open(Bar("AAPL", AT + 1, 80, 80, 80, 80, 1e6))[0]
    bench.do(place("b"))
    bench.line.exchange.quote(Quote("AAPL", AT + 2, 95.0, 96.0))
    bench.line.exchange.halt("MSFT", "news")
    traded, account = bench.do(ACCOUNT, now=AT + 900)
    assert traded == fill
    assert account == AccountReported(
        at=AT + 900,
        cause="minute",
        orders=tuple(bench.line.exchange.open_orders()),
        positions={"AAPL": Decimal(5)},
        halts={"MSFT": "news"},
    )


@pytest.mark.parametrize("call", ["executions", "open_orders", "positions", "halts"])
@pytest.mark.parametrize(
    "failure", [UNREACHABLE, THROTTLED, UNAUTHORIZED], ids=lambda one: type(one).__name__
)
def test_half_an_account_is_no_account(bench: Bench, call: str, failure: Exception) -> None:
    bench.do(place("a"))
    bench.line.exchange.open(Bar("AAPL", AT + 1, 80, 80, 80, 80, 1e6))
    bench.line.lose(call, failure)
    assert bench.do(ACCOUNT, now=AT + 900) == (
        AccountUnavailable(at=AT + 900, cause="minute", reason=str(failure)),
    )


# -- what waits before it leaves


def test_what_is_admitted_is_done_later_under_the_grant_that_was_checked(bench: Bench) -> None:
    departure = bench.performer.admit(Asked(place("a"), "executor"), bench.books, AT)
    assert isinstance(departure, Departure)
    assert departure.grant.agent == "executor"
    assert not bench.line.calls
    (accepted,) = departure.work(AT + 5)
    assert isinstance(accepted, ExecutionReport)
    assert (accepted.kind, accepted.at) == (Exec.NEW, AT + 5)


def test_what_is_not_admitted_says_so_at_once(bench: Bench) -> None:
    denied = bench.performer.admit(Asked(place("a"), "strategist"), bench.books, AT)
    assert isinstance(denied, WritDenied)
    assert denied.agent == "strategist"


def test_an_order_that_stays_here_was_never_sent_and_everything_else_needs_no_word(bench: Bench) -> None:
    books = evolve(
        bench.books,
        OrderCancelled(
            at=AT, client_order_id="b", trade_id="t", symbol="AAPL", role=Role.ENTRY, filled=ZERO, reason=""
        ),
    )
    (kept,) = never_left(place("a", "b"), books, AT + 1)
    assert isinstance(kept, ExecutionReport)
    assert (kept.client_order_id, kept.kind, kept.code) == ("a", Exec.REJECTED, Rejection.NOT_SENT)
    assert [never_left(effect, books, AT) for effect in (CANCEL, REPLACE, ASK, ACCOUNT)] == [()] * 4


def test_no_two_reports_of_the_desks_own_share_an_id_even_in_one_instant(bench: Bench) -> None:
    bench.line.lose("place", UNREACHABLE, UNREACHABLE)
    reports = [*bench.do(place("a")), *bench.do(place("a"))]
    assert len({report.exec_id for report in reports if isinstance(report, ExecutionReport)}) == 2
    assert {report.trace for report in reports} == {"t"}


# -- the rest


def test_market_data_is_fetched_from_the_feed(bench: Bench) -> None:
    def answer(effect: Effect) -> Event:
        (said,) = bench.do(effect, "market_watch")
        return said

    assert isinstance(answer(FetchQuote(symbol="AAPL")), QuoteReceived)
    assert isinstance(answer(FetchQuote(symbol="MSFT")), MarketDataUnavailable)
    received = answer(FetchBars(symbol="AAPL", interval=Interval.DAY, count=9))
    assert isinstance(received, BarsReceived)
    assert len(received.bars) == 1
    assert isinstance(answer(FetchMarketStatus()), MarketStatusReported)


def test_people_are_asked_and_timers_set(bench: Bench) -> None:
    assert bench.do(AskPeople(review_id="r", version=2), "reviewer") == ()
    assert bench.do(SetTimer(timer="review", about="r", due_at=7), "reviewer") == ()
    assert bench.asked == [("r", 2)]
    assert bench.timers == [("review", "r", 7)]


def test_an_effect_that_names_no_scope_is_a_bug_that_says_so() -> None:
    with pytest.raises(TypeError, match="names no scope"):
        _ = Effect().scope
    with pytest.raises(TypeError, match="names no subject"):
        _ = Effect().subject
