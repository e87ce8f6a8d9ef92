"""Constraints in a token: one spelling, kept by renewal, only ever narrowed by delegation."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.rings import ISSUED, NOW, agent, claims, keyring
from tradewrit.credentials.claims import Claims, Confirmation, renewed, trading_claim
from tradewrit.credentials.delegation import delegate
from tradewrit.credentials.tokens import mint, verify
from tradewrit.domain.constraints import UNRESTRICTED, Constraints, Hours, is_within
from tradewrit.domain.orders import Side

RING = keyring()
JTI = "f" * 32

amounts = (
    st.none()
    | st.decimals(0, 10**9, places=8)
    | st.sampled_from([Decimal("1E+3"), Decimal("0E-5"), Decimal("-0")])
)
some = st.builds(
    Constraints,
    sides=st.sampled_from([None, (), (Side.BUY,), (Side.BUY, Side.SELL)]),
    max_quantity=amounts,
    max_notional=amounts,
    max_day_orders=st.none() | st.integers(0, 100),
    hours=st.sampled_from([(), (Hours(570, 930, "America/New_York"),)]),
    venues=st.sampled_from([None, (), ("alpaca", "paper")]),
    modes=st.sampled_from([None, ("paper",)]),
    reduce_only=st.booleans(),
)


def passed_on(held: Claims, constraints: Constraints, *, to_proven: bool = False) -> Claims:
    made = delegate(
        held,
        agent(is_proof_needed=to_proven),
        ("read:trades:AAPL",),
        RING.signing,
        jti=JTI,
        ttl_s=60,
        now=NOW,
        constraints=constraints,
    )
    assert isinstance(made, Claims)
    return made


@given(some)
def test_a_token_says_what_was_allowed_and_reads_back_the_same(constraints: Constraints) -> None:
    said = claims(trading=trading_claim(constraints))
    assert said.constraints == constraints
    assert verify(mint(said, RING.signing), RING.key_set, now=NOW) == said


@given(some)
def test_a_spelling_is_final(constraints: Constraints) -> None:
    spelt = trading_claim(constraints)
    assert spelt is None or str(trading_claim(spelt)) == str(spelt)
    assert (spelt is None) == (constraints == UNRESTRICTED)


@given(some, some, some)
def test_each_hop_allows_no_more_than_the_one_before(
    first: Constraints, second: Constraints, third: Constraints
) -> None:
    held = claims(trading=trading_claim(first))
    hop = passed_on(held, second)
    last = passed_on(hop, third)
    assert is_within(hop.constraints, held.constraints)
    assert is_within(last.constraints, hop.constraints)
    assert is_within(last.constraints, second)
    assert verify(mint(last, RING.signing), RING.key_set, now=NOW) == last


@given(some)
def test_a_renewal_keeps_constraints_key_and_protection(constraints: Constraints) -> None:
    kid = RING.signing.kid
    said = claims(
        trading=trading_claim(constraints), cnf=Confirmation(kid), protective=constraints.reduce_only
    )
    successor = renewed(said, jti=JTI, now=NOW, not_after=ISSUED + 10**6)
    assert successor is not None
    assert (successor.trading, successor.cnf, successor.protective) == (
        said.trading,
        said.cnf,
        said.protective,
    )


def test_what_is_not_used_is_not_in_the_token() -> None:
    body = mint(claims(), RING.signing)
    said = mint(claims(trading=Constraints(max_quantity=Decimal(1))), RING.signing)
    assert len(said) > len(body)
    assert verify(body, RING.key_set, now=NOW).constraints == UNRESTRICTED


def test_protection_and_the_need_of_proof_are_passed_on() -> None:
    held = claims(trading=Constraints(reduce_only=True), protective=True, cnf=Confirmation(RING.signing.kid))
    hop = passed_on(held, UNRESTRICTED)
    assert (hop.protective, hop.constraints.reduce_only) == (True, True)
    assert hop.cnf == Confirmation(agent().kid)


def test_proof_is_needed_where_either_of_the_two_needs_it() -> None:
    free, bound = claims(), claims(cnf=Confirmation(RING.signing.kid))
    assert passed_on(free, UNRESTRICTED).cnf is None
    for held, to_proven in ((free, True), (bound, False), (bound, True)):
        assert passed_on(held, UNRESTRICTED, to_proven=to_proven).cnf == Confirmation(agent().kid)


@pytest.mark.parametrize("amount", ["1E+21", "1E-21", "1E+999999", "1E-999999", "1" * 41, "0." + "1" * 41])
def test_a_number_that_nobody_could_read_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="max_quantity has more than 20 digits"):
        trading_claim(Constraints(max_quantity=Decimal(amount)))


def test_spelling_rounds_nothing_away() -> None:
    exact = Decimal("12345678901234567890.12345678901234567")
    spelt = trading_claim(Constraints(max_quantity=exact))
    assert spelt is not None
    assert str(spelt.max_quantity) == str(exact)
