import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.scopes import Grant, Scope, is_subset

PART = st.text("abA", min_size=1, max_size=3)
SCOPES = st.builds(lambda a, r, i: f"{a}:{r}:{i}", PART, PART, PART | st.just("*"))


def grant(*scopes: str, until: int = 100) -> Grant:
    return Grant(id="writ-1", agent="executor", scopes=frozenset(scopes), issued_at=0, expires_at=until)


def test_a_scope_reads_and_writes_itself() -> None:
    scope = Scope.parse("write:trades:AAPL")
    assert (scope.action, scope.resource, scope.identifier) == ("write", "trades", "AAPL")
    assert str(scope) == "write:trades:AAPL"


def test_an_identifier_may_hold_colons() -> None:
    assert Scope.parse("write:trades:BTC/USDT:USDT").identifier == "BTC/USDT:USDT"


@pytest.mark.parametrize(
    "text", ["", "write", "write:trades", "write:trades:", ":trades:AAPL", "write::AAPL", "::"]
)
def test_a_missing_or_empty_part_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not action:resource:identifier"):
        Scope.parse(text)


@pytest.mark.parametrize("text", ["*:trades:AAPL", "write:*:AAPL", "*:*:*"])
def test_only_the_identifier_may_be_a_wildcard(text: str) -> None:
    with pytest.raises(ValueError, match="only the identifier may be a wildcard"):
        Scope.parse(text)


@pytest.mark.parametrize(
    ("held", "wanted", "covered"),
    [
        ("write:trades:AAPL", "write:trades:AAPL", True),
        ("write:trades:*", "write:trades:AAPL", True),
        ("write:trades:*", "write:trades:*", True),
        ("write:trades:AAPL", "write:trades:*", False),
        ("write:trades:AAPL", "write:trades:TSLA", False),
        ("write:trades:AAPL", "write:trades:aapl", False),
        ("write:trades:AAPL", "read:trades:AAPL", False),
        ("write:trades:*", "write:reviews:1", False),
        ("write:trades:AA*", "write:trades:AAPL", False),
    ],
)
def test_a_scope_covers_itself_and_a_wildcard_every_identifier(
    held: str, wanted: str, *, covered: bool
) -> None:
    assert Scope.parse(held).covers(Scope.parse(wanted)) is covered
    assert is_subset([wanted], [held]) is covered
    assert grant(held).covers(wanted, 0) is covered


@given(st.lists(SCOPES, max_size=4), st.lists(SCOPES, max_size=4), st.lists(SCOPES, max_size=4))
def test_subsets_are_reflexive_transitive_and_grow_with_what_is_held(
    one: list[str], two: list[str], three: list[str]
) -> None:
    assert is_subset(one, one)
    assert is_subset(one, one + two)
    assert is_subset([], two)
    if is_subset(one, two) and is_subset(two, three):
        assert is_subset(one, three)


@given(st.lists(SCOPES, max_size=4), SCOPES)
def test_a_grant_covers_exactly_what_the_subset_rule_says(held: list[str], wanted: str) -> None:
    assert grant(*held).covers(wanted, 0) == is_subset([wanted], held)


@pytest.mark.parametrize(("now", "is_live"), [(0, True), (99, True), (100, False), (101, False)])
def test_a_grant_is_dead_at_the_instant_it_expires(now: int, *, is_live: bool) -> None:
    assert grant("write:trades:*", until=100).covers("write:trades:AAPL", now) is is_live


def test_one_malformed_scope_spoils_the_question() -> None:
    with pytest.raises(ValueError, match="not action:resource:identifier"):
        is_subset(["write:trades"], ["write:trades:*"])
    with pytest.raises(ValueError, match="not action:resource:identifier"):
        is_subset(["write:trades:AAPL"], ["trades"])
