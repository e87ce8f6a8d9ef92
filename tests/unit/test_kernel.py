"""The kernel routes by type, goes to the end of each consequence first, and its agents keep to themselves."""

import ast
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from tests.desks import BUY, START, World
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import AskPeople, Effect, MarketDataEffect, OrderEffect, PlaceOrders, SetTimer
from tradewrit.domain.events.account import CashMoved
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import BarsClosed, TimerFired
from tradewrit.domain.events.orders import OrderRequested
from tradewrit.domain.events.registry import EVENTS, TRANSIENT
from tradewrit.domain.events.risk import LimitExceeded, RiskApproved
from tradewrit.domain.events.strategy import HoldSignalled
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import Bar
from tradewrit.kernel import AGENTS, Kernel, hears, routes
from tradewrit.market.calendar import calendar_for

NAMES = [agent.NAME for agent in AGENTS]


def note(text: str, at: int = 0) -> HoldSignalled:
    """An event that is journalled and carries a word."""
    return HoldSignalled(at=at, symbol=text, reason=text)


def cash(amount: str) -> CashMoved:
    return CashMoved(at=0, amount=Decimal(amount), reason="test")


def agent(name: str, kinds: Any, decide: Any) -> SimpleNamespace:
    return SimpleNamespace(NAME=name, Hears=kinds, decide=decide)


MARKET: Any = None


# -- routes


def test_the_seven_agents_have_seven_names() -> None:
    assert NAMES == [
        "market_watch",
        "bookkeeper",
        "risk_officer",
        "position_keeper",
        "reviewer",
        "executor",
        "strategist",
    ]


def test_an_event_goes_to_exactly_those_who_declared_it_in_desk_order() -> None:
    table = routes(AGENTS)
    for kind in EVENTS:
        declared = [one.NAME for one in AGENTS if kind in get_args(one.Hears)]
        assert [name for name, _ in table.get(kind, ())] == declared


@pytest.mark.parametrize("agent", AGENTS, ids=NAMES)
def test_an_agent_matches_every_event_it_declares(agent: ModuleType) -> None:
    """mypy proves the match exhaustive; here, that every member of Hears has a case of its own."""
    source = ast.parse(Path(str(agent.__file__)).read_text())
    names = {"decide", "_decide"}
    decides = [node for node in source.body if isinstance(node, ast.FunctionDef) and node.name in names]
    cases = {
        node.cls.id
        for decide in decides
        for node in ast.walk(decide)
        if isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name)
    }
    declared = {kind.__name__ for kind in hears(agent)}
    by_parent = {
        kind.__name__ for kind in hears(agent) if any(base.__name__ in cases for base in kind.__mro__)
    }
    assert cases <= declared
    assert by_parent == declared


# -- who may import what


def imports(module: ModuleType) -> set[str]:
    tree = ast.parse(Path(str(module.__file__)).read_text())
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
    return found


@pytest.mark.parametrize("agent", AGENTS, ids=NAMES)
def test_an_agent_imports_no_other_agent_and_nothing_that_touches_the_world(agent: ModuleType) -> None:
    allowed = {"msgspec", "decimal", "typing", "collections", "hashlib", "math", "tradewrit"}
    rooms = {"domain", "risk", "features", "strategies", "errors"}
    for name in imports(agent):
        top = name.split(".")
        assert top[0] in allowed, f"{agent.NAME} imports {name}"
        if top[0] == "tradewrit":
            assert top[1] in rooms, f"{agent.NAME} imports {name}"
        elif top[0] in sys.stdlib_module_names:
            assert top[0] not in {"os", "time", "random", "asyncio", "logging"}


@pytest.mark.parametrize("agent", AGENTS, ids=NAMES)
def test_an_agent_asks_only_for_the_effects_of_its_role(agent: ModuleType) -> None:
    """One broker writer, one reader of market data, one who asks people; the two that wait set timers."""
    named = {
        name.id
        for name in ast.walk(ast.parse(Path(str(agent.__file__)).read_text()))
        if isinstance(name, ast.Name)
    }
    kinds: dict[str, type[Effect]] = {
        kind.__name__: kind for parent in (OrderEffect, MarketDataEffect) for kind in parent.__subclasses__()
    }
    asked = {kinds[name] for name in named & kinds.keys()}
    assert all(issubclass(kind, OrderEffect) for kind in asked) or agent.NAME == "market_watch"
    assert not any(issubclass(kind, OrderEffect) for kind in asked) or agent.NAME == "executor"
    assert AskPeople.__name__ not in named or agent.NAME == "reviewer"
    assert SetTimer.__name__ not in named or agent.NAME in {"reviewer", "executor"}
    assert issubclass(PlaceOrders, OrderEffect)


# -- the order of things


def test_a_consequence_goes_to_its_end_before_the_next_begins() -> None:
    def split(books: Books, market: object, event: HoldSignalled) -> Decision:
        del books, market
        if len(event.symbol) > 2:
            return NOTHING
        return Decision((note(event.symbol + "1"), note(event.symbol + "2")))

    step = Kernel([agent("splitter", HoldSignalled, split)]).step(Books(), MARKET, note("x"))
    assert step is not None
    said = [record.event.symbol for record in step.records if isinstance(record.event, HoldSignalled)]
    assert said == ["x", "x1", "x11", "x12", "x2", "x21", "x22"]
    causes = [record.cause for record in step.records]
    assert causes == [-1, 0, 1, 1, 0, 4, 4]


def test_of_two_agents_the_first_is_heard_out_with_all_its_consequences() -> None:
    def one(books: Books, market: object, event: CashMoved) -> Decision:
        del books, market
        return Decision((note("one"),)) if event.reason == "test" else NOTHING

    def two(books: Books, market: object, event: CashMoved) -> Decision:
        del books, market
        return Decision((note("two"),)) if event.reason == "test" else NOTHING

    def echo(books: Books, market: object, event: HoldSignalled) -> Decision:
        del books, market
        return Decision((note("echo " + event.symbol),)) if "echo" not in event.symbol else NOTHING

    kernel = Kernel([agent("a", CashMoved, one), agent("b", CashMoved, two), agent("c", HoldSignalled, echo)])
    step = kernel.step(Books(), MARKET, cash("1.00"))
    assert step is not None
    words = [getattr(record.event, "symbol", "") for record in step.records]
    assert words == ["", "one", "echo one", "two", "echo two"]
    assert [record.source for record in step.records] == ["input", "a", "c", "b", "c"]


def test_a_later_event_is_decided_on_books_that_know_the_earlier() -> None:
    seen: list[str] = []

    def watch(books: Books, market: object, event: HoldSignalled) -> Decision:
        del market, event
        seen.append(str(books.cash))
        return Decision((cash("1.00"),)) if len(seen) < 3 else NOTHING

    def again(books: Books, market: object, event: CashMoved) -> Decision:
        del books, market, event
        return Decision((note("again"),))

    Kernel([agent("w", HoldSignalled, watch), agent("a", CashMoved, again)]).step(Books(), MARKET, note("x"))
    assert seen == ["0", "1.00", "2.00"]


def test_the_reservation_of_the_first_candidate_counts_when_the_second_is_judged() -> None:
    # Cash for the reserve rule after one trade, and not after two.
    world = World(cash="6000", limits=Limits(min_cash_fraction=Limits().max_position_fraction * 4))
    for symbol in ("AAPL", "MSFT"):
        world.script[symbol, START] = BUY
    world.show(*(Bar(symbol, START, 175.5, 175.5, 175.5, 175.5, 1e6) for symbol in ("AAPL", "MSFT")))
    assert world.only(RiskApproved).sized.proposal.symbol == "AAPL"
    (refused,) = world.events(LimitExceeded)
    assert refused.symbol == "MSFT"
    assert [breach.limit for breach in refused.breaches] == ["min_cash_fraction"]
    names = world.names()
    assert names.index("OrderRequested") < names.index("LimitExceeded")
    world.audit()


# -- what is not journalled


def test_a_quiet_input_that_needs_no_record_leads_to_nothing_at_all() -> None:
    kernel = Kernel([agent("deaf", CashMoved, lambda *_: NOTHING)])
    assert kernel.step(Books(), MARKET, BarsClosed(at=1)) is None
    assert kernel.step(Books(), MARKET, TimerFired(at=1, timer="t")) is None


@pytest.mark.parametrize("trail", [None, Decimal("0.05")])
def test_a_bar_on_which_the_whole_desk_has_nothing_to_say_leads_to_nothing_at_all(
    trail: Decimal | None,
) -> None:
    world = World()
    world.enter(signal=replace(BUY, trail_fraction=trail))
    assert world.books.positions
    assert Kernel().step(world.books, world.market, BarsClosed(at=world.now)) is None


def test_a_quiet_input_that_changes_the_books_is_recorded() -> None:
    step = Kernel([]).step(Books(), MARKET, cash("5.00"), "human:maria")
    assert step is not None
    assert [(record.source, record.cause) for record in step.records] == [("human:maria", -1)]
    assert step.books.cash == 5


def test_what_follows_from_something_unrecorded_has_no_cause_of_its_own() -> None:
    kernel = Kernel([agent("s", BarsClosed, lambda *_: Decision((note("a"), note("b"))))])
    step = kernel.step(Books(), MARKET, BarsClosed(at=1))
    assert step is not None
    assert [record.cause for record in step.records] == [-1, -1]
    assert step.told == (BarsClosed(at=1),)


def test_an_agent_is_asked_once_about_each_event() -> None:
    asked: list[Event] = []

    def count(books: Books, market: object, event: Event) -> Decision:
        del books, market
        asked.append(event)
        return Decision((note("a"),)) if isinstance(event, BarsClosed) else NOTHING

    Kernel([agent("c", BarsClosed | HoldSignalled, count)]).step(Books(), MARKET, BarsClosed(at=1))
    assert asked == [BarsClosed(at=1), note("a")]


def test_effects_keep_the_order_in_which_they_were_asked_for_and_their_agent() -> None:
    def ask(books: Books, market: object, event: HoldSignalled) -> Decision:
        del books, market
        if event.symbol != "x":
            return Decision(effects=(AskPeople(review_id=event.symbol, version=1),))
        return Decision((note("y"), note("z")), (AskPeople(review_id="x", version=1),))

    step = Kernel([agent("asker", HoldSignalled, ask)]).step(Books(), MARKET, note("x"))
    assert step is not None
    asked = [one.effect.subject for one in step.effects]
    assert asked == ["x", "y", "z"]
    assert {one.agent for one in step.effects} == {"asker"}


def test_the_books_that_go_in_are_left_as_they_were() -> None:
    books = Books()
    before = books.encoded()
    Kernel([]).step(books, MARKET, cash("5.00"))
    assert books.encoded() == before
    assert replace(books) == books


def test_no_market_event_query_or_answer_is_ever_recorded() -> None:
    world = World(calendar=calendar_for("NYSE"))
    world.enter()
    world.quote(180.0)
    world.status()
    assert not {type(event) for event, record in world.heard if record is not None} & TRANSIENT
    assert {type(event) for event, record in world.heard if record is None} <= TRANSIENT
    assert world.events(OrderRequested)
