"""What every event has in common. Events are past tense; commands, which ask, are imperative.

The canonical name is the struct's tag: three dotted parts for a fact (`order.submit.accepted`),
two for a command (`order.submit`).
"""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", gc=False):
    """Something that happened.

    at: UTC ns, set by whoever observed it. trace: the trade it belongs to, "" for none.
    """

    at: int
    trace: str = ""


class MarketEvent(Event, frozen=True, kw_only=True, gc=False):
    """Something about the market. Never journalled: what a decision used of it is."""


class Command(Event, frozen=True, kw_only=True, gc=False):
    """Somebody asks for something. Answered by events; journalled when it can change the books."""


class Query(Command, frozen=True, kw_only=True, gc=False):
    """A command that only asks; neither it nor its answer is journalled."""


class Answer(Event, frozen=True, kw_only=True, gc=False):
    """The answer to a query; never journalled."""
