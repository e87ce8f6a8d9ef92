"""Every bus keeps the promises of `runtime.bus.port.Bus`."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tradewrit.errors import ConfigError, OurFault
from tradewrit.runtime.bus.memory import InProcessBus
from tradewrit.runtime.bus.port import Bus, Subscription

PATIENCE_S = 10.0


@pytest.fixture(params=[InProcessBus], ids=lambda kind: kind.__name__)
def bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    made: Bus = request.param()
    yield made
    made.close(timeout_s=PATIENCE_S)


def test_a_message_reaches_every_subscription_that_matches_in_order(bus: Bus) -> None:
    orders, submits, fills = (
        bus.subscribe("order.*"),
        bus.subscribe("order.submit.*"),
        bus.subscribe("fill.*"),
    )
    for n, topic in enumerate(("order.submit.accepted", "order.cancel.requested", "market.quote.updated")):
        bus.publish(topic, n)
    assert orders.drain() == [0, 1]
    assert submits.drain() == [0]
    assert fills.drain() == []


def test_a_message_is_handed_out_once(bus: Bus) -> None:
    heard = bus.subscribe("*")
    bus.publish("a.b.c", "once")
    assert heard.drain() == ["once"]
    assert heard.drain() == []


def test_messages_from_before_subscribing_are_not_heard(bus: Bus) -> None:
    bus.publish("a.b.c", "early")
    heard = bus.subscribe("a.*")
    bus.publish("a.b.c", "late")
    assert heard.drain() == ["late"]


def test_a_slow_subscriber_loses_the_oldest_and_only_its_own(bus: Bus) -> None:
    slow, quick = bus.subscribe("*", capacity=3), bus.subscribe("*", capacity=10)
    for n in range(7):
        bus.publish("a.b.c", n)
    assert (slow.drain(), slow.dropped) == ([4, 5, 6], 4)
    assert (quick.drain(), quick.dropped) == (list(range(7)), 0)


def test_a_closed_subscription_hears_nothing_new_and_keeps_what_it_has(bus: Bus) -> None:
    heard = bus.subscribe("*")
    bus.publish("a.b.c", 1)
    heard.close()
    bus.publish("a.b.c", 2)
    bus.subscribe("*")
    bus.publish("a.b.c", 3)
    assert heard.drain() == [1]


def test_a_handler_has_had_everything_when_the_bus_is_closed(bus: Bus) -> None:
    got: list[int] = []
    bus.subscribe("a.*", got.append)
    for n in range(500):
        bus.publish("a.b.c", n)
    bus.close(timeout_s=PATIENCE_S)
    assert got == list(range(500))


def test_the_publisher_does_not_wait_for_a_handler_that_hangs(bus: Bus) -> None:
    release, entered = threading.Event(), threading.Event()

    def hang(_: object) -> None:
        entered.set()
        release.wait(PATIENCE_S)

    hung, other = bus.subscribe("*", hang, capacity=2), bus.subscribe("*")
    bus.publish("a.b.c", 0)
    assert entered.wait(PATIENCE_S)
    for n in range(1, 6):
        bus.publish("a.b.c", n)
    assert hung.dropped == 3
    assert other.drain() == [0, 1, 2, 3, 4, 5]
    release.set()


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt()], ids=repr)
def test_a_handler_that_raises_is_counted_and_hears_the_next_message(bus: Bus, error: BaseException) -> None:
    got: list[int] = []

    def fail_on_even(n: int) -> None:
        got.append(n)
        if n % 2 == 0:
            raise error

    failing, other = bus.subscribe("*", fail_on_even), bus.subscribe("*")
    for n in range(5):
        bus.publish("a.b.c", n)
    bus.close(timeout_s=PATIENCE_S)
    assert got == [0, 1, 2, 3, 4]
    assert failing.failures == 3
    assert failing.last_failure is error
    assert other.drain() == [0, 1, 2, 3, 4]
    assert (other.failures, other.last_failure) == (0, None)


def test_what_a_hanging_handler_never_took_is_counted_when_the_bus_is_closed(bus: Bus) -> None:
    release, entered, left = threading.Event(), threading.Event(), threading.Event()

    def hang(_: object) -> None:
        entered.set()
        release.wait(PATIENCE_S)
        left.set()

    hung = bus.subscribe("*", hang)
    bus.publish("a.b.c", 0)
    assert entered.wait(PATIENCE_S)
    bus.publish("a.b.c", 1)
    bus.publish("a.b.c", 2)
    bus.close(timeout_s=0.01)
    assert hung.dropped == 2
    release.set()
    assert left.wait(PATIENCE_S)


def test_a_handler_may_publish_subscribe_and_close(bus: Bus) -> None:
    done = threading.Event()
    echoes = bus.subscribe("echo.*")

    def echo(message: object) -> None:
        bus.subscribe("later.*")
        bus.publish("echo.of.message", message)
        bus.close(timeout_s=PATIENCE_S)
        done.set()

    bus.subscribe("a.*", echo)
    bus.publish("a.b.c", "hello")
    assert done.wait(PATIENCE_S)
    assert echoes.drain() == ["hello"]


async def first_of(heard: Subscription) -> Any:
    return await anext(aiter(heard))


def test_asyncio_code_iterates_until_the_subscription_is_closed_and_empty(bus: Bus) -> None:
    async def scenario() -> list[int]:
        heard = bus.subscribe("a.*")
        bus.publish("a.b.c", 1)

        async def listen() -> list[int]:
            return [message async for message in heard]

        listening = asyncio.create_task(listen())
        for n in (2, 3):
            await asyncio.sleep(0)
            bus.publish("a.b.c", n)
        heard.close()
        return await asyncio.wait_for(listening, PATIENCE_S)

    assert asyncio.run(scenario()) == [1, 2, 3]


def test_a_waiting_task_is_woken_from_another_thread(bus: Bus) -> None:
    async def scenario() -> list[int]:
        heard = bus.subscribe("a.*")
        waiting = asyncio.create_task(first_of(heard))
        await asyncio.sleep(0)
        publisher = threading.Thread(target=bus.publish, args=("a.b.c", 1))
        publisher.start()
        got = await asyncio.wait_for(waiting, PATIENCE_S)
        publisher.join(PATIENCE_S)
        return [got]

    assert asyncio.run(scenario()) == [1]


def test_a_cancelled_wait_loses_no_message(bus: Bus) -> None:
    async def scenario() -> tuple[Any, Any]:
        heard = bus.subscribe("a.*")
        first, second = asyncio.create_task(first_of(heard)), asyncio.create_task(first_of(heard))
        await asyncio.sleep(0)
        first.cancel()
        bus.publish("a.b.c", 1)
        return await asyncio.wait_for(asyncio.gather(first, second, return_exceptions=True), PATIENCE_S)

    cancelled, got = asyncio.run(scenario())
    assert isinstance(cancelled, asyncio.CancelledError)
    assert got == 1


def test_a_listener_whose_loop_is_gone_does_not_disturb_the_publisher(bus: Bus) -> None:
    heard = bus.subscribe("a.*")
    loop = asyncio.new_event_loop()
    orphan = anext(aiter(heard))
    asked = orphan.__await__()
    asyncio.set_event_loop(None)

    async def ask() -> None:
        next(asked)

    loop.run_until_complete(ask())
    loop.close()
    bus.publish("a.b.c", 1)
    assert heard.drain() == [1]


@pytest.mark.parametrize("topic", ["", ".", "a.", ".a", "a..b", "a.*", "*", "a b", "a.b\n"])
def test_a_malformed_topic_is_refused_whether_or_not_anybody_listens(bus: Bus, topic: str) -> None:
    with pytest.raises(ConfigError, match="not a topic"):
        bus.publish(topic, 1)
    bus.subscribe("*")
    with pytest.raises(ConfigError, match="not a topic"):
        bus.publish(topic, 1)


@pytest.mark.parametrize("pattern", ["", "a.", "a..*", "or*", "order.sub*", "**", "a.**", "a b", "a.\n"])
def test_a_malformed_pattern_is_refused(bus: Bus, pattern: str) -> None:
    with pytest.raises(ConfigError, match="not a topic pattern"):
        bus.subscribe(pattern)


def test_room_for_no_message_is_refused(bus: Bus) -> None:
    with pytest.raises(ConfigError, match="at least one"):
        bus.subscribe("*", capacity=0)


def test_a_coroutine_function_as_handler_is_refused_with_advice(bus: Bus) -> None:
    async def handler(_: object) -> None: ...

    with pytest.raises(ConfigError, match="async for"):
        bus.subscribe("*", handler)


def test_after_closing_nobody_hears_and_nobody_subscribes(bus: Bus) -> None:
    heard = bus.subscribe("*")
    bus.publish("a.b.c", 1)
    bus.close(timeout_s=PATIENCE_S)
    bus.publish("a.b.c", 2)
    bus.close(timeout_s=PATIENCE_S)
    assert heard.drain() == [1]
    with pytest.raises(OurFault, match="closed"):
        bus.subscribe("*")


def test_many_threads_may_publish_at_once(bus: Bus) -> None:
    heard = bus.subscribe("*", capacity=10_000)
    got: list[tuple[int, int]] = []
    bus.subscribe("*", got.append, capacity=10_000)

    def publish(worker: int) -> None:
        for n in range(300):
            bus.publish(f"worker.{worker}.said", (worker, n))

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    bus.close(timeout_s=PATIENCE_S)
    expected = [(worker, n) for worker in range(4) for n in range(300)]
    assert sorted(heard.drain()) == sorted(got) == expected
    for worker in range(4):
        assert [n for who, n in got if who == worker] == list(range(300))
