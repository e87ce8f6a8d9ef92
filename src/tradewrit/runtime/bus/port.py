"""What every bus offers. One contract suite (`tests/contract`) tests all that claim it.

A bus is a transport, not the record: it may lose messages, the journal does not.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, TypeAlias

Message: TypeAlias = Any
"""Whatever was published; the bus never looks inside. By convention frozen, as it is shared."""
Handler: TypeAlias = Callable[[Message], object]
"""Called with one message at a time; what it returns is not used."""

CAPACITY = 1024
"""Messages that may wait for a subscriber unless it asks for another number."""


class Subscription(Protocol):
    """One subscriber's queue: bounded, in the order of publishing, each message at most once.

    When it is full the oldest message makes room and is counted in `dropped`. Messages go to the
    handler if there is one; else to whoever drains or iterates first.
    """

    @property
    def pattern(self) -> str:
        """Which topics it hears; see `bus.patterns`."""
        ...

    @property
    def dropped(self) -> int:
        """How many messages were lost because the subscriber was too slow."""
        ...

    @property
    def failures(self) -> int:
        """How many messages the handler failed on (it raised); each counts as delivered."""
        ...

    @property
    def last_failure(self) -> BaseException | None:
        """What the handler raised last."""
        ...

    def drain(self) -> list[Message]:
        """Everything that waits, oldest first; does not wait itself."""
        ...

    def __aiter__(self) -> AsyncIterator[Message]:
        """Messages as they come; ends when the subscription is closed and empty."""
        ...

    def close(self) -> None:
        """Hear nothing new; what waits can still be had."""
        ...


class Bus(Protocol):
    """Publish and subscribe by topic. Nobody who publishes ever waits for, or fails by, a subscriber."""

    def publish(self, topic: str, message: Message) -> None:
        """Offer a message to every subscription whose pattern matches, in the order of subscribing.

        Raises ConfigError for a malformed topic. After `close` nobody hears it.
        """
        ...

    def subscribe(
        self, pattern: str, handler: Handler | None = None, *, capacity: int = CAPACITY
    ) -> Subscription:
        """Hear topics that match from now on, with a handler or by draining or iterating.

        handler: a plain function, called from a thread of its own; its exceptions are counted and
        harm nobody else. Code under asyncio iterates instead.
        Raises ConfigError for a malformed pattern, a capacity below one or a coroutine function;
        OurFault when the bus is closed.
        """
        ...

    def close(self, timeout_s: float = 5.0) -> None:
        """Accept nothing more and let handlers finish what waits for them.

        timeout_s: patience with each handler; what it has not taken by then is dropped and counted.
        """
        ...
