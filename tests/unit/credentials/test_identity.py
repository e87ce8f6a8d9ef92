import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.rings import entropy
from tradewrit.credentials.identity import AgentId

SEGMENT = st.from_regex(r"[A-Za-z0-9._-]{1,20}", fullmatch=True).filter(lambda text: text not in {".", ".."})


@given(SEGMENT, SEGMENT, st.integers(0, 2**32))
def test_an_id_reads_back_as_it_was_made(orch_id: str, task_id: str, seed: int) -> None:
    made = AgentId.make(orch_id, task_id, entropy(seed))
    assert AgentId.parse(str(made)) == made


def test_an_id_names_domain_orchestration_task_and_instance() -> None:
    made = AgentId.make("desk-1", "swing_v2.0", lambda size: b"\xab" * size, "desk.example")
    assert str(made) == "spiffe://desk.example/agent/desk-1/swing_v2.0/abababababababab"


@pytest.mark.parametrize(
    "segment",
    ["", ".", "..", "a/b", "a b", "a\n", "a%2fb", "a:b", "a|b", "a,b", "\u0430bc", "a\x00", "é", "٣"],
)
def test_other_characters_in_orchestration_and_task_are_refused_by_name(segment: str) -> None:
    with pytest.raises(ValueError, match=r"^orch_id .* allowed"):
        AgentId.make(segment, "swing", entropy())
    with pytest.raises(ValueError, match=r"^task_id .* allowed"):
        AgentId.make("desk", segment, entropy())


def test_nothing_is_drawn_for_an_id_that_cannot_be() -> None:
    def none_left(size: int) -> bytes:
        raise AssertionError(f"{size} bytes were drawn")

    with pytest.raises(ValueError, match="orch_id"):
        AgentId.make("a b", "swing", none_left)


@pytest.mark.parametrize(
    "domain", ["", "Desk.example", "desk example", "desk/..", "d" * 256, "desk\n", "d\u0435sk"]
)
def test_a_trust_domain_outside_the_standard_is_refused(domain: str) -> None:
    with pytest.raises(ValueError, match="trust domain"):
        AgentId.make("desk", "swing", entropy(), domain)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "admin",
        "spiffe://d/agent/o/t",
        "spiffe://d/agent/o/t/00112233aabbccdd/x",
        "spiffe://d/agent/o/t/00112233aabbccdd/",
        "spiffe://d/agent/o/t/00112233AABBCCDD",
        "spiffe://d/agent/o/t/00112233aabbccdd\n",
        "spiffe://d/agent/o/t/00112233aabbccd",
        "spiffe://d/agents/o/t/00112233aabbccdd",
        "SPIFFE://d/agent/o/t/00112233aabbccdd",
        "spiffe:/x/d/agent/o/t/00112233aabbccdd",
        "spiffe://d:80/agent/o/t/00112233aabbccdd",
    ],
)
def test_what_is_not_an_agents_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"agent's id|instance|trust domain"):
        AgentId.parse(text)


def test_an_id_longer_than_the_standard_allows_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 2048"):
        AgentId.make("o" * 1_000, "t" * 1_000, entropy())
