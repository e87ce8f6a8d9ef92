import hashlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.rings import AGENT, ISSUED, NOW, OTHER, agent, claims, entropy, keyring
from tradewrit.credentials.claims import Claims, DelegationRecord
from tradewrit.credentials.delegation import (
    MAX_DEPTH,
    DelegationRefusal,
    chain_hash,
    chain_problem,
    delegate,
    sign_record,
)
from tradewrit.credentials.tokens import Refusal, mint, verify
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import is_subset
from tradewrit.errors import TokenRefused

RING = keyring()
KEYS = RING.key_set
LIVE = KEYS.live(NOW)
WIDE = ("read:trades:*", "write:trades:AAPL")


def passed_on(
    delegator: Claims, *scope: str, ttl_s: int = 60, now: int = NOW, to: str = OTHER
) -> Claims | DelegationRefusal:
    return delegate(delegator, agent(to), scope, RING.signing, jti="b" * 32, ttl_s=ttl_s, now=now)


def granted(delegator: Claims, *scope: str, ttl_s: int = 60, now: int = NOW, to: str = OTHER) -> Claims:
    found = passed_on(delegator, *scope, ttl_s=ttl_s, now=now, to=to)
    assert isinstance(found, Claims)
    return found


def replaced(given: Claims, at: int, **changes: object) -> Claims:
    """The claims with one record altered and the hash made to fit: what only the signature can catch."""
    chain = list(given.delegation_chain)
    chain[at] = msgspec.structs.replace(chain[at], **changes)
    return msgspec.structs.replace(given, delegation_chain=tuple(chain), chain_hash=chain_hash(tuple(chain)))


@pytest.mark.parametrize(
    ("wanted", "held", "covered"),
    [
        ("read:data:x", "read:data:x", True),
        ("read:data:x", "read:data:*", True),
        ("read:data:*", "read:data:*", True),
        ("read:data:a:b", "read:data:*", True),
        ("read:data:*", "read:data:x", False),
        ("read:data:x", "write:data:*", False),
        ("read:data:x", "read:logs:*", False),
        ("read:data:X", "read:data:x", False),
        ("read:data:ab", "read:data:a*", False),
    ],
)
def test_what_a_scope_covers_is_what_the_protocol_says(wanted: str, held: str, covered: bool) -> None:
    assert is_subset([wanted], [held]) is covered


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        ("read", "read"),
        ("read:data", "read:data"),
        ("read:data:", "read:data:"),
        (":data:x", ":data:x"),
        ("read:data:", "read:data:*"),
        (":data:x", ":data:*"),
        ("::", "::*"),
        ("*:*:*", "*:*:*"),
    ],
)
def test_a_malformed_scope_covers_nothing_not_even_itself(wanted: str, held: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        is_subset([wanted], [held])
    assert passed_on(claims(scope=WIDE), wanted) is DelegationRefusal.BAD_SCOPE


def test_a_bare_star_covers_nothing() -> None:
    with pytest.raises(ValueError, match="scope"):
        is_subset(["read:data:x"], ["*"])
    assert passed_on(claims(scope=WIDE), "*") is DelegationRefusal.BAD_SCOPE


def test_a_delegate_gets_a_part_of_the_scope_and_the_rest_of_the_claims() -> None:
    given = granted(claims(scope=WIDE, aud=("desk",)), "read:trades:AAPL")
    assert (given.sub, given.scope, given.jti) == (OTHER, ("read:trades:AAPL",), "b" * 32)
    assert (given.task_id, given.orch_id, given.aud) == ("swing", "desk", ("desk",))
    assert (given.iat, given.nbf, given.exp) == (ISSUED, ISSUED, ISSUED + 60)
    assert verify(mint(given, RING.signing), KEYS, now=NOW) == given


def test_a_record_signs_agent_scope_and_time_joined_and_the_hash_is_of_the_compact_json() -> None:
    given = granted(claims(scope=WIDE), "read:trades:AAPL", now=NOW + 123_456_789)
    (record,) = given.delegation_chain
    assert record.agent == AGENT
    assert record.scope == WIDE
    assert record.delegated_at.endswith(".123456789Z")
    text = f"{AGENT}|read:trades:*,write:trades:AAPL|{record.delegated_at}"
    assert RING.signing.public.has_signed(bytes.fromhex(record.signature), text.encode())
    records = [
        {
            "agent": record.agent,
            "scope": list(record.scope),
            "delegated_at": record.delegated_at,
            "signature": record.signature,
        }
    ]
    expected = hashlib.sha256(json.dumps(records, separators=(",", ":")).encode()).hexdigest()
    assert given.chain_hash == expected


@given(life=st.integers(1, 600), used=st.integers(0, 599), ttl_s=st.integers(1, 86_400))
def test_a_delegated_token_never_outlives_its_delegator(life: int, used: int, ttl_s: int) -> None:
    delegator = claims(exp=ISSUED + life)
    given = passed_on(delegator, "read:trades:AAPL", ttl_s=ttl_s, now=NOW + used * SECOND)
    if used >= life:
        assert given is DelegationRefusal.ENDED
    else:
        assert isinstance(given, Claims)
        assert given.exp == min(ISSUED + used + ttl_s, delegator.exp)


@pytest.mark.parametrize(
    ("scope", "refusal"),
    [
        (("write:trades:TSLA",), DelegationRefusal.EXCEEDS_SCOPE),
        (("read:trades:AAPL", "write:trades:*"), DelegationRefusal.EXCEEDS_SCOPE),
        (("read:Trades:AAPL",), DelegationRefusal.EXCEEDS_SCOPE),
        ((), DelegationRefusal.BAD_SCOPE),
        (("read:trades:A,write:trades:B",), DelegationRefusal.BAD_SCOPE),
        (("read:trades:A|B",), DelegationRefusal.BAD_SCOPE),
        (("read:trades:AAPL\n",), DelegationRefusal.BAD_SCOPE),
        (("read:trades: AAPL",), DelegationRefusal.BAD_SCOPE),
        (("read:trades:\u0410APL",), DelegationRefusal.BAD_SCOPE),
    ],
)
def test_a_wider_or_ambiguous_scope_is_refused(scope: tuple[str, ...], refusal: DelegationRefusal) -> None:
    assert passed_on(claims(scope=WIDE), *scope) is refusal


def test_five_hops_are_let_through_and_the_sixth_is_not() -> None:
    held = claims(scope=WIDE)
    for hop in range(1, MAX_DEPTH + 1):
        held = granted(held, *WIDE, now=NOW + hop, to=AGENT[:-1] + str(hop))
        assert len(held.delegation_chain) == hop
        assert verify(mint(held, RING.signing), KEYS, now=NOW + hop) == held
    assert MAX_DEPTH == 5
    assert passed_on(held, *WIDE) is DelegationRefusal.TOO_DEEP


def test_a_life_shorter_than_a_second_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="at least a second"):
        passed_on(claims(), "read:trades:AAPL", ttl_s=0)


@pytest.mark.parametrize(
    ("at", "changes"),
    [
        (0, {"agent": OTHER}),
        (0, {"scope": ("read:trades:*", "write:trades:*")}),
        (0, {"delegated_at": "2026-09-21T13:33:19Z"}),
        (0, {"signature": "00" * 64}),
        (0, {"signature": ""}),
        (0, {"signature": "no hex"}),
        (1, {"agent": AGENT}),
        (1, {"delegated_at": "tomorrow"}),
    ],
)
def test_an_altered_record_is_noticed_though_the_hash_fits(at: int, changes: dict[str, object]) -> None:
    given = granted(granted(claims(scope=WIDE), *WIDE), "read:trades:AAPL")
    altered = replaced(given, at, **changes)
    assert chain_problem(given, LIVE) == ""
    assert chain_problem(altered, LIVE).startswith(f"hop {at + 1}: ")
    with pytest.raises(TokenRefused) as refused:
        verify(mint(altered, RING.signing), KEYS, now=NOW)
    assert refused.value.reason is Refusal.BAD_CHAIN


def test_a_signature_in_capitals_is_another_spelling_and_refused() -> None:
    given = granted(claims(scope=WIDE), "read:trades:AAPL")
    shouted = replaced(given, 0, signature=given.delegation_chain[0].signature.upper())
    assert "spelling" in chain_problem(shouted, LIVE)


def test_a_chain_that_widens_is_noticed_though_every_record_is_signed() -> None:
    narrow = sign_record(AGENT, ("read:trades:AAPL",), NOW, RING.signing)
    wide = sign_record(OTHER, WIDE, NOW, RING.signing)
    for chain, scope in (((narrow, wide), WIDE), ((narrow,), WIDE)):
        held = claims(scope=scope, delegation_chain=chain, chain_hash=chain_hash(chain))
        assert chain_problem(held, LIVE) == "hop 1: it passed on more than it held"


def test_hops_out_of_order_in_time_missing_or_without_a_hash_are_noticed() -> None:
    late = sign_record(AGENT, WIDE, NOW + 1, RING.signing)
    early = sign_record(OTHER, WIDE, NOW, RING.signing)

    def held(chain: tuple[DelegationRecord, ...], digest: str) -> Claims:
        return claims(scope=WIDE, delegation_chain=chain, chain_hash=digest)

    assert "earlier" in chain_problem(held((late, early), chain_hash((late, early))), LIVE)
    assert "hash" in chain_problem(held((early, late), chain_hash((late,))), LIVE)
    assert "hash" in chain_problem(held((early, late), ""), LIVE)
    assert "hash without a chain" in chain_problem(held((), chain_hash((late,))), LIVE)
    assert chain_problem(held((early,) * 6, chain_hash((early,) * 6)), LIVE) == "6 hops"


def test_a_chain_signed_before_a_rotation_stays_good_for_the_overlap() -> None:
    given = granted(claims(scope=WIDE), "read:trades:AAPL")
    new = RING.rotated(entropy(2), NOW, 100 * SECOND)
    token = mint(given, new.signing)
    assert verify(token, new.key_set, now=NOW + 59 * SECOND) == given
    assert (
        chain_problem(given, new.key_set.live(NOW + 100 * SECOND)) == "hop 1: the authority did not sign it"
    )
