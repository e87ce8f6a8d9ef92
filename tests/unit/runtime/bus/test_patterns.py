import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.runtime.bus.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "heard", "unheard"),
    [
        ("order.submit.accepted", ["order.submit.accepted"], ["order.submit", "order.submit.accepted.x"]),
        ("order.*", ["order.x", "order.submit.accepted"], ["order", "orders.x", "an.order.x"]),
        ("order.*.accepted", ["order.submit.accepted"], ["order.accepted", "order.a.b.accepted"]),
        ("*.submit.*", ["order.submit.x", "order.submit.x.y"], ["submit.x", "a.b.submit.x", "order.submit"]),
        ("*.*", ["a.b", "a.b.c"], ["a"]),
        ("*", ["a", "a.b", "a.b.c"], []),
        ("a+.b", ["a+.b"], ["aa.b"]),
    ],
)
def test_a_pattern_hears_these_and_not_those(pattern: str, heard: list[str], unheard: list[str]) -> None:
    matches = compile_pattern(pattern)
    assert [topic for topic in heard if not matches(topic)] == []
    assert [topic for topic in unheard if matches(topic)] == []


parts = st.lists(st.sampled_from(["a", "b", "order"]), min_size=1, max_size=4)
wild = st.lists(st.sampled_from(["a", "b", "order", "*"]), min_size=1, max_size=4)


def by_definition(pattern: list[str], topic: list[str]) -> bool:
    """The table of `bus.patterns`, read aloud."""
    if not pattern or not topic:
        return not pattern and not topic
    if pattern == ["*"]:
        return True
    return pattern[0] in ("*", topic[0]) and by_definition(pattern[1:], topic[1:])


@given(wild, parts)
def test_matching_is_what_the_table_says(pattern: list[str], topic: list[str]) -> None:
    assert compile_pattern(".".join(pattern))(".".join(topic)) == by_definition(pattern, topic)
