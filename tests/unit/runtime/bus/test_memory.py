from tradewrit.runtime.bus.memory import InProcessBus


def test_topics_without_end_do_not_fill_memory() -> None:
    bus = InProcessBus()
    heard = bus.subscribe("order.*", capacity=20_000)
    for n in range(10_000):
        bus.publish(f"order.{n}", n)
    assert heard.drain() == list(range(10_000))
    assert len(bus._routes) <= 4_096


def test_closed_subscriptions_are_forgotten() -> None:
    bus = InProcessBus()
    for _ in range(50):
        bus.subscribe("*").close()
    bus.subscribe("*")
    assert len(bus._subscribed) == 1
