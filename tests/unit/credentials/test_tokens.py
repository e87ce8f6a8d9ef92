import json
from typing import Any

import joserfc.jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OKPKey

from tests.unit.credentials.rings import AGENT, ISSUED, NOW, body, claims, entropy, header, keyring, signed
from tradewrit.credentials.claims import Claims, draw_token_id, renewed
from tradewrit.credentials.encoding import decode
from tradewrit.credentials.keyring import KeySet
from tradewrit.credentials.tokens import Refusal, mint, verify, verify_genuine
from tradewrit.domain.market import SECOND
from tradewrit.errors import TokenRefused, Unauthorized

RING = keyring()
KEYS = RING.key_set

PART = st.text("abcXYZ019._-/", min_size=1, max_size=12)
SCOPES = st.builds("{}:{}:{}".format, PART, PART, PART | st.just("*") | st.just("BTC/USDT:USDT"))
CLAIMS = st.builds(
    claims,
    iss=st.sampled_from(["", "tradewrit", 'an "issuer" \u00fc']),
    sub=st.sampled_from([AGENT, "admin", "app:app-desk-0a1b2c"]),
    aud=st.lists(st.text(max_size=5), max_size=2).map(tuple),
    exp=st.integers(ISSUED + 1, ISSUED + 86_400),
    jti=st.binary(min_size=16, max_size=16).map(bytes.hex),
    scope=st.lists(SCOPES, min_size=1, max_size=5).map(tuple),
    task_id=st.text(max_size=8),
    orch_id=st.text(max_size=8),
)


def reason(token: str, *, now: int = NOW, issuer: str = "") -> str:
    with pytest.raises(TokenRefused) as refused:
        verify(token, KEYS, now=now, issuer=issuer)
    return refused.value.reason


@given(CLAIMS)
def test_what_is_minted_verifies_to_the_same_claims_with_the_published_keys_alone(said: Claims) -> None:
    token = mint(said, RING.signing)
    assert verify(token, KeySet.read_jwks(KEYS.jwks(NOW)), now=NOW) == said


def test_header_and_claims_have_the_bytes_of_the_protocol() -> None:
    head, payload, signature = mint(claims(), RING.signing).split(".")
    assert head.startswith("eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIs")
    assert decode(head) == f'{{"alg":"EdDSA","typ":"JWT","kid":"{RING.signing.kid}"}}'.encode()
    assert decode(payload) == (
        b'{"iss":"","sub":"spiffe://agentwrit.local/agent/desk/swing/00112233aabbccdd","exp":1790000300,'
        b'"nbf":1790000000,"iat":1790000000,"jti":"0123456789abcdef0123456789abcdef",'
        b'"scope":["read:trades:AAPL","write:trades:AAPL"],"task_id":"swing","orch_id":"desk"}'
    )
    assert len(decode(signature)) == 64


def test_task_and_orchestration_are_there_when_empty_and_the_audience_only_when_set() -> None:
    said = json.loads(decode(mint(claims(task_id="", orch_id=""), RING.signing).split(".")[1]))
    assert (said["task_id"], said["orch_id"], said["iss"]) == ("", "", "")
    assert not {"aud", "sid", "delegation_chain", "chain_hash"} & said.keys()
    said = json.loads(decode(mint(claims(aud=("desk",)), RING.signing).split(".")[1]))
    assert list(said)[:3] == ["iss", "sub", "aud"]
    assert said["aud"] == ["desk"]


# RFC 9864 prefers the name Ed25519; the protocol fixes this one.
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_another_library_verifies_our_tokens_and_we_verify_its() -> None:
    jwk: dict[str, Any] = dict(RING.signing.public.jwk())
    theirs = joserfc.jwt.decode(mint(claims(), RING.signing), OKPKey.import_key(jwk), algorithms=["EdDSA"])
    assert theirs.claims == json.loads(body())
    assert next(iter(theirs.header.items())) == ("alg", "EdDSA")
    assert verify(signed(RING, body()), KEYS, now=NOW) == claims()


def test_a_token_is_dead_from_the_very_second_of_its_end_and_not_before() -> None:
    token = mint(claims(), RING.signing)
    end = claims().exp * SECOND
    assert verify(token, KEYS, now=end - 1) == claims()
    assert reason(token, now=end) is Refusal.EXPIRED
    assert reason(token, now=end + SECOND) is Refusal.EXPIRED


def test_a_token_is_live_from_the_very_second_of_its_start() -> None:
    token = mint(claims(nbf=ISSUED + 10), RING.signing)
    assert reason(token, now=NOW + 10 * SECOND - 1) is Refusal.NOT_YET_VALID
    assert verify(token, KEYS, now=NOW + 10 * SECOND).nbf == ISSUED + 10


def test_an_expired_token_is_still_genuine_and_a_forged_one_never() -> None:
    token = mint(claims(), RING.signing)
    late = NOW + 10**6 * SECOND
    assert verify_genuine(token, KEYS, now=late) == claims()
    with pytest.raises(TokenRefused):
        verify_genuine(mint(claims(), keyring(2).signing), KEYS, now=late)


def test_the_issuer_is_asked_for_only_when_one_is_configured() -> None:
    token = mint(claims(iss="desk-1"), RING.signing)
    assert verify(token, KEYS, now=NOW).iss == "desk-1"
    assert verify(token, KEYS, now=NOW, issuer="desk-1").iss == "desk-1"
    assert reason(token, issuer="desk-2") is Refusal.WRONG_ISSUER
    assert reason(mint(claims(), RING.signing), issuer="desk-2") is Refusal.WRONG_ISSUER


def test_a_token_signed_before_a_rotation_verifies_until_the_overlap_ends() -> None:
    token = mint(claims(exp=ISSUED + 10_000), RING.signing)
    keys = RING.rotated(entropy(2), NOW, 60 * SECOND).key_set
    assert verify(token, keys, now=NOW + 60 * SECOND - 1).exp == ISSUED + 10_000
    with pytest.raises(TokenRefused) as refused:
        verify(token, keys, now=NOW + 60 * SECOND)
    assert refused.value.reason is Refusal.UNKNOWN_KEY


def test_every_refusal_reads_the_same_to_whoever_presented_the_token() -> None:
    tokens = [
        mint(claims(), keyring(2).signing),
        mint(claims(nbf=ISSUED - 9, exp=ISSUED - 1), RING.signing),
        mint(claims(nbf=ISSUED + 9), RING.signing),
        signed(RING, b"[]"),
        "",
    ]
    texts, reasons = set(), set()
    for token in tokens:
        with pytest.raises(Unauthorized) as refused:
            verify(token, KEYS, now=NOW)
        assert isinstance(refused.value, TokenRefused)
        texts.add((str(refused.value), refused.value.args))
        reasons.add(refused.value.reason)
    assert texts == {("token verification failed", ("token verification failed",))}
    assert len(reasons) == len(tokens)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sub": ""}, "bad subject"),
        ({"sub": "spiffe://d|agent"}, "bad subject"),
        ({"jti": ""}, "bad jti"),
        ({"jti": "A" * 32}, "bad jti"),
        ({"scope": ()}, "bad scope"),
        ({"exp": ISSUED}, "bad times"),
        ({"iat": -1}, "bad times"),
        ({"scope": tuple(f"read:trades:{at:04}" for at in range(1_000))}, "fewer scopes"),
    ],
)
def test_claims_that_could_never_verify_make_no_token(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        mint(claims(**changes), RING.signing)


def test_a_drawn_token_id_makes_a_token() -> None:
    drawn = draw_token_id(entropy())
    assert verify(mint(claims(jti=drawn), RING.signing), KEYS, now=NOW).jti == drawn


def test_the_header_of_these_tests_is_the_one_that_is_minted() -> None:
    assert decode(mint(claims(), RING.signing).split(".")[0]) == header(RING)


@given(used=st.integers(0, 400), left=st.integers(-5, 1_000))
def test_a_renewed_token_says_the_same_for_as_long_but_never_beyond_the_cap(used: int, left: int) -> None:
    now = NOW + used * SECOND + 999
    cap = ISSUED + used + left
    successor = renewed(claims(aud=("desk",)), jti="c" * 32, now=now, not_after=cap)
    if left <= 0:
        assert successor is None
        return
    issued = ISSUED + used
    assert successor == claims(
        aud=("desk",), jti="c" * 32, iat=issued, nbf=issued, exp=min(issued + 300, cap)
    )
    assert verify(mint(successor, RING.signing), KEYS, now=now) == successor
