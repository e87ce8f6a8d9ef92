"""The bus inside one process: no server, no copies, messages are handed over as they are."""

import inspect
import threading
from collections.abc import Callable
from typing import Final

from tradewrit.errors import ConfigError, OurFault
from tradewrit.runtime.bus.listener import Listener
from tradewrit.runtime.bus.patterns import checked_topic, compile_pattern
from tradewrit.runtime.bus.port import CAPACITY, Handler, Message
from tradewrit.runtime.bus.queue import Queue

_KNOWN_TOPICS: Final = 4096


class InProcessBus:
    """The `Bus` of one process; may be used from several threads and event loops.

    Who hears a topic is worked out once and remembered, so publishing to nobody is one look-up.
    """

    def __init__(self) -> None:
        self._subscribed: list[tuple[Callable[[str], bool], Queue]] = []
        self._routes: dict[str, tuple[Queue, ...]] = {}
        self._changing = threading.Lock()
        self._is_closed = False

    def publish(self, topic: str, message: Message) -> None:
        """Offer a message to every subscription whose pattern matches; see `Bus.publish`."""
        route = self._routes.get(topic)
        if route is None:
            route = self._find_route(topic)
        for queue in route:
            queue.offer(message)

    def _find_route(self, topic: str) -> tuple[Queue, ...]:
        checked_topic(topic)
        with self._changing:
            route = tuple(queue for matches, queue in self._subscribed if matches(topic))
            # Topics are event names and few; should somebody put ids into them, memory stays bounded.
            if len(self._routes) >= _KNOWN_TOPICS:
                self._routes = {}
            self._routes[topic] = route
        return route

    def subscribe(self, pattern: str, handler: Handler | None = None, *, capacity: int = CAPACITY) -> Queue:
        """Hear topics that match from now on; see `Bus.subscribe`."""
        matches = compile_pattern(pattern)
        if capacity < 1:
            raise ConfigError(
                f"{pattern}: a subscription needs room for at least one message, not {capacity}"
            )
        if inspect.iscoroutinefunction(handler):
            raise ConfigError(
                f"{pattern}: a handler is a plain function; under asyncio, `async for` over the subscription"
            )
        with self._changing:
            if self._is_closed:
                raise OurFault(f"{pattern}: the bus is closed, nobody can subscribe any more")
            queue = Queue(pattern, capacity) if handler is None else Listener(pattern, capacity, handler)
            self._subscribed = [entry for entry in self._subscribed if not entry[1].is_closed]
            self._subscribed.append((matches, queue))
            self._routes = {}
        return queue

    def close(self, timeout_s: float = 5.0) -> None:
        """Accept nothing more and let handlers finish; see `Bus.close`."""
        with self._changing:
            self._is_closed = True
            queues = [queue for _, queue in self._subscribed]
            self._subscribed, self._routes = [], {}
        for queue in queues:
            queue.close()
        for queue in queues:
            queue.finish(timeout_s)
