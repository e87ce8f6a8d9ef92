"""The kernel: routes an event to the agents that declared it, and folds what they decide.

Open this file first. One input goes through here:

    input ─▶ evolve the books ─▶ every agent that hears it decides ─▶ their events, each in turn,
             with all its consequences before the next ─▶ ... until nobody has anything to say

What comes out is the new books, the records to journal in one transaction, and the effects that may
be performed once that transaction is on disk. Pure: no clock, no I/O, no state of its own.
"""

import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, get_args

import msgspec

from tradewrit.agents import (
    bookkeeper,
    executor,
    market_watch,
    position_keeper,
    reviewer,
    risk_officer,
    strategist,
)
from tradewrit.domain.books import Books
from tradewrit.domain.decisions import NOTHING, Decision
from tradewrit.domain.effects import Effect
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.registry import TRANSIENT
from tradewrit.domain.folding import evolve
from tradewrit.domain.signals import Market

Decide = Callable[[Books, Market, Any], Decision]
Said = tuple[str, Decision]


class Agent(Protocol):
    """A desk role: a module (or object) with a name, the events it hears, and a pure `decide`."""

    NAME: Final[str]  # type: ignore[misc]
    Hears: Any
    decide: Decide


AGENTS: Final[tuple[Any, ...]] = (
    market_watch,
    # Marks and limits are brought up to date before anybody proposes on the same bars.
    bookkeeper,
    risk_officer,
    position_keeper,
    reviewer,
    executor,
    strategist,
)


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event to be journalled. cause: index within the step of the record behind it, -1 for none."""

    event: Event
    source: str
    cause: int


class Asked(msgspec.Struct, frozen=True, gc=False):
    """An effect, and the agent that asks for it: whose grant must cover it."""

    effect: Effect
    agent: str


class Step(msgspec.Struct, frozen=True, gc=False):
    """What one input led to. told: events that are not journalled (quotes, answers), for those who listen."""

    books: Books
    records: tuple[Recorded, ...] = ()
    effects: tuple[Asked, ...] = ()
    told: tuple[Event, ...] = ()


class Kernel:
    """Agents and their routes; the same object serves any number of accounts."""

    def __init__(self, agents: Sequence[Any] = AGENTS) -> None:
        self.agents = tuple(agents)
        self.routes = routes(self.agents)

    def step(self, books: Books, market: Market, event: Event, source: str = "input") -> Step | None:
        """Take one input to its end; None when nobody had anything to say and it needs no record."""
        if type(event) not in TRANSIENT:
            return self._run(books, market, event, source, None)
        # The path of a bar that leads to nothing: ask everybody once, and be done.
        said = self._ask(books, market, event)
        return self._run(books, market, event, source, said) if said else None

    def _ask(self, books: Books, market: Market, event: Event) -> Sequence[Said]:
        deciders = self.routes.get(type(event))
        if deciders is None:
            return ()
        said: list[Said] = []
        for name, decide in deciders:
            decision = decide(books, market, event)
            if decision is not NOTHING:
                said.append((name, decision))
        return said

    def _run(
        self, books: Books, market: Market, event: Event, source: str, said: Sequence[Said] | None
    ) -> Step:
        """Event after event with all its consequences; `said` if the first has been asked about."""
        records: list[Recorded] = []
        effects: list[Asked] = []
        told: list[Event] = []
        waiting: list[tuple[Event, str, int]] = [(event, source, -1)]
        while waiting:
            current, said_by, cause = waiting.pop()
            if type(current) in TRANSIENT:
                told.append(current)
            else:
                books = evolve(books, current)
                records.append(Recorded(current, said_by, cause))
                cause = len(records) - 1
            if said is None:
                said = self._ask(books, market, current)
            if said:
                # A stack: the first consequence, with everything it leads to, comes before the second.
                for name, decision in reversed(said):
                    for after in reversed(decision.events):
                        waiting.append((after, name, cause))  # noqa: PERF401 - mostly one: no list is worth it
                for name, decision in said:
                    for effect in decision.effects:
                        effects.append(Asked(effect, name))  # noqa: PERF401 - as above
            said = None
        return Step(books, tuple(records), tuple(effects), tuple(told))


def routes(agents: Sequence[Any]) -> Mapping[type[Event], tuple[tuple[str, Decide], ...]]:
    """Who hears what, in desk order, from the union each agent declares as `Hears`."""
    table: dict[type[Event], list[tuple[str, Decide]]] = {}
    for agent in agents:
        for kind in get_args(agent.Hears) or (agent.Hears,):
            table.setdefault(kind, []).append((agent.NAME, agent.decide))
    return {kind: tuple(heard) for kind, heard in table.items()}


def hears(agent: Any) -> tuple[type[Event], ...]:
    """The events an agent declares, for documentation and tests."""
    return typing.cast("tuple[type[Event], ...]", get_args(agent.Hears) or (agent.Hears,))
