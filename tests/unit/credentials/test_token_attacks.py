"""Tokens that somebody made up, altered or bent: each is refused, for its own reason."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.rings import ISSUED, NOW, b64, body, claims, entropy, header, keyring, signed
from tradewrit.credentials.tokens import MAX_TOKEN_CHARS, Refusal, mint, verify
from tradewrit.errors import TokenRefused

RING = keyring()
KEYS = RING.key_set
TOKEN = mint(claims(), RING.signing)
HEAD, BODY, SIGNATURE = TOKEN.split(".")
LATIN, CYRILLIC, FULLWIDTH, ZERO_WIDTH = "A", "\u0410", "\uff21", "A\u200b"


def reason(token: str) -> str:
    with pytest.raises(TokenRefused) as refused:
        verify(token, KEYS, now=NOW)
    return refused.value.reason


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("Aa0_-.=\n\u0410"))
def test_no_character_of_a_token_can_be_replaced(at: int, by: str) -> None:
    if TOKEN[at] != by:
        assert reason(TOKEN[:at] + by + TOKEN[at + 1 :])


@given(st.integers(0, len(TOKEN) - 1))
def test_a_cut_token_is_refused_wherever_it_is_cut(length: int) -> None:
    assert reason(TOKEN[:length])


@given(st.text(max_size=300) | st.text("eyJhbGciOiJFZERTQSJ9._-=", max_size=300))
def test_garbage_is_refused_and_raises_nothing_else(text: str) -> None:
    assert reason(text)


@pytest.mark.parametrize(
    "token",
    [
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN[:-4] + "\n" + TOKEN[-4:],
        f"{HEAD}=.{BODY}.{SIGNATURE}",
        f"{HEAD}.{BODY}\n.{SIGNATURE}",
        f"{HEAD}.{BODY}.{base64.urlsafe_b64encode(base64.urlsafe_b64decode(SIGNATURE + '==')).decode()}",
        TOKEN[:-1] + ("B" if TOKEN[-1] == "A" else chr(ord(TOKEN[-1]) + 1)),  # spare bits of the last one
    ],
)
def test_another_spelling_of_the_same_bytes_is_refused(token: str) -> None:
    assert reason(token) is Refusal.NOT_CANONICAL


@pytest.mark.parametrize("token", ["", ".", "..", "...", HEAD, f"{HEAD}.{BODY}", f"{TOKEN}.{SIGNATURE}"])
def test_more_or_fewer_than_three_parts_are_refused(token: str) -> None:
    assert reason(token) is Refusal.MALFORMED


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "HS256", "RS256", "ES256", "eddsa", "Ed25519", "", "EdDSA "]
)
@pytest.mark.parametrize("proof", ["", SIGNATURE])
def test_any_other_algorithm_is_refused(alg: str, proof: str) -> None:
    assert reason(f"{b64(header(RING, alg=alg))}.{BODY}.{proof}") is Refusal.WRONG_ALGORITHM


@pytest.mark.parametrize(
    "secret",
    [RING.signing.public.raw, str(RING.signing.public.jwk()["x"]).encode(), RING.signing.kid.encode(), b""],
)
def test_a_token_authenticated_with_the_public_key_as_a_shared_secret_is_refused(secret: bytes) -> None:
    for alg, expected in (("HS256", Refusal.WRONG_ALGORITHM), ("EdDSA", Refusal.BAD_SIGNATURE)):
        text = f"{b64(header(RING, alg=alg))}.{BODY}"
        for hashed in (hashlib.sha256, hashlib.sha512):
            proof = hmac.new(secret, text.encode(), hashed).digest()
            assert reason(f"{text}.{b64(proof)}") is expected


def test_a_token_of_another_key_is_refused_whichever_id_it_names() -> None:
    stranger = keyring(2)
    assert reason(mint(claims(), stranger.signing)) is Refusal.UNKNOWN_KEY
    assert reason(signed(stranger, body(), header(RING))) is Refusal.BAD_SIGNATURE


def test_a_token_that_names_the_other_one_of_two_good_keys_is_refused() -> None:
    both = RING.rotated(entropy(2), NOW, 10**12)
    text = f"{b64(header(both))}.{b64(body())}"
    confused = f"{text}.{b64(RING.signing.sign(text.encode()))}"
    with pytest.raises(TokenRefused) as refused:
        verify(confused, both.key_set, now=NOW)
    assert refused.value.reason is Refusal.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'{"alg":"EdDSA","typ":"JWT"}', Refusal.UNKNOWN_KEY),
        (header(RING, kid=""), Refusal.UNKNOWN_KEY),
        (header(RING, kid="../../etc/passwd"), Refusal.UNKNOWN_KEY),
        (header(RING, kid=RING.signing.kid + " "), Refusal.UNKNOWN_KEY),
        (header(RING, kid=RING.signing.kid.lower()), Refusal.UNKNOWN_KEY),
        (header(RING, kid=7), Refusal.MALFORMED),
        (header(RING, kid=[RING.signing.kid]), Refusal.MALFORMED),
        (header(RING, jwk=keyring(2).signing.public.jwk()), Refusal.MALFORMED),
        (header(RING, jku="https://attacker.example/keys"), Refusal.MALFORMED),
        (header(RING, crit=["exp"]), Refusal.MALFORMED),
        (header(RING, typ="jwt"), Refusal.NOT_CANONICAL),
        (header(RING).replace(b",", b", "), Refusal.NOT_CANONICAL),
        (header(RING).replace(b'{"alg"', b'{"alg":"none","alg"'), Refusal.NOT_CANONICAL),
        (header(RING).replace(b"JWT", b"\\u004aWT"), Refusal.NOT_CANONICAL),
        (b"\xef\xbb\xbf" + header(RING), Refusal.MALFORMED),
        (b"null", Refusal.MALFORMED),
        (b"", Refusal.MALFORMED),
        (b"\xff\xfe", Refusal.MALFORMED),
        (b"[" * 10_000, Refusal.MALFORMED),
        (b'{"x":' * 1_500, Refusal.MALFORMED),
    ],
    ids=range(20),
)
def test_a_header_other_than_ours_is_refused_even_with_a_good_signature(head: bytes, expected: str) -> None:
    assert reason(signed(RING, body(), head)) is expected


@pytest.mark.parametrize("length", [0, 1, 32, 63, 65, 128])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    raw = (base64.urlsafe_b64decode(SIGNATURE + "==") * 2)[:length]
    assert reason(f"{HEAD}.{BODY}.{b64(raw)}") is Refusal.BAD_SIGNATURE


def test_a_huge_token_is_refused_before_it_is_looked_at() -> None:
    assert reason("A" * (MAX_TOKEN_CHARS + 1)) is Refusal.TOO_LARGE
    assert reason("." * 10_000_000) is Refusal.TOO_LARGE
    assert reason("A" * MAX_TOKEN_CHARS) is Refusal.MALFORMED


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"\x00",
        body() + b"x",
        b"[" * 11_000,
        b'{"iss":' * 1_500,
        b'{"x":' + b"[" * 11_000,
        body(delegation_chain=[[[[]]]]),
        body(delegation_chain=[{"agent": "a"}]),
        body(is_admin=True),
        body(sid="x"),
        body(sub=None),
        body(sub=7),
        body(jti=None),
        body(exp=None),
        body(scope=None),
        body(scope="write:trades:*"),
        body(scope=[7]),
        body(task_id=None),
        body().replace(b'"desk"', b'"\\ud800"'),
    ],
    ids=range(23),
)
def test_a_signed_body_that_is_not_a_set_of_claims_is_refused(payload: bytes) -> None:
    assert reason(signed(RING, payload)) is Refusal.BAD_CLAIMS


@pytest.mark.parametrize(
    "payload",
    [
        body().replace(b'"exp":', b'"exp":9999999999,"exp":'),
        body()[:-1] + b',"scope":["write:trades:*"]}',
        body()[:-1] + b',"orch_id":"desk"}',
        body(aud=[]),
        body(delegation_chain=[], chain_hash=""),
        body().replace(b",", b", "),
        body().replace(b"desk", b"\\u0064esk"),
        body() + b"\n",
        b'{"jti":' + b'"' + b"0123456789abcdef" * 2 + b'",' + body(jti=None)[1:],
    ],
    ids=range(9),
)
def test_duplicated_reordered_or_respelt_claims_are_refused(payload: bytes) -> None:
    assert payload != body()
    assert reason(signed(RING, payload)) is Refusal.NOT_CANONICAL


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [f"{ISSUED}", True, [ISSUED], {}, ISSUED + 0.5, 1e400, "", float("nan")])
def test_a_time_that_is_no_whole_number_is_refused(claim: str, value: object) -> None:
    assert reason(signed(RING, body(**{claim: value}))) is Refusal.BAD_CLAIMS


@pytest.mark.parametrize("written", [b"1790000300.0", b"17900003e2", b"1.7900003e9"])
def test_a_whole_number_written_as_a_fraction_is_refused(written: bytes) -> None:
    payload = body().replace(b"1790000300", written)
    assert reason(signed(RING, payload)) in {Refusal.BAD_CLAIMS, Refusal.NOT_CANONICAL}


@pytest.mark.parametrize("claim", ["exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [-1, -ISSUED, 253_402_300_800, 2**62])
def test_a_time_before_1970_or_after_9999_is_refused(claim: str, value: int) -> None:
    assert reason(signed(RING, body(**{claim: value}))) is Refusal.BAD_TIMES


@pytest.mark.parametrize("value", [2**64, 10**30, 10**4_000])
def test_a_time_of_many_digits_is_refused(value: int) -> None:
    assert reason(signed(RING, body(exp=value))) in {Refusal.BAD_TIMES, Refusal.BAD_CLAIMS}


@pytest.mark.parametrize("life", [0, -1, -300])
def test_a_life_that_ends_before_it_starts_is_refused(life: int) -> None:
    assert reason(signed(RING, body(exp=ISSUED + life))) is Refusal.BAD_TIMES


@pytest.mark.parametrize("sub", ["", " ", "\u0430dmin", "admin\n", "a|b", "a,b", "admin\x00"])
def test_an_empty_or_deceptive_subject_is_refused(sub: str) -> None:
    payload = body(sub="@").replace(b'"@"', _json_text(sub))
    assert reason(signed(RING, payload)) is Refusal.BAD_SUBJECT


@pytest.mark.parametrize("jti", ["", "0", "A" * 32, "g" * 32, "0" * 33, "\u0660" * 32])
def test_an_id_that_is_not_ours_is_refused(jti: str) -> None:
    assert reason(signed(RING, body(jti=jti))) is Refusal.BAD_JTI


@pytest.mark.parametrize(
    "scope",
    [
        *("", "write", "write:trades", "write:trades:", ":trades:AAPL", "write::AAPL", "::", "*"),
        *("*:trades:AAPL", "write:*:AAPL", "*:*:*", "write:*:*"),
        *("write:trades:AAPL ", " write:trades:AAPL", "write:trades:AAPL\n", "write:trades:\tAAPL"),
        *(f"write:trades:{CYRILLIC}APL", f"write:trades:{FULLWIDTH}APL", f"write:trades:{ZERO_WIDTH}APL"),
        *(
            "wr\u0456te:trades:AAPL",
            "write\uff1atrades:AAPL:x",
            "write:trades:\u202eLPAA",
            "write:trades:\x7f",
        ),
        *("write:trades:A,write:trades:B", "write:trades:A|B", "write:trades:\x00"),
    ],
)
def test_a_malformed_or_deceptive_scope_is_refused(scope: str) -> None:
    payload = body(scope=["@"]).replace(b'"@"', _json_text(scope))
    assert reason(signed(RING, payload)) is Refusal.BAD_SCOPE


def test_no_scope_at_all_is_refused() -> None:
    assert reason(signed(RING, body(scope=[]))) is Refusal.BAD_SCOPE


def _json_text(text: str) -> bytes:
    """As the authority would spell it, so that nothing but the content can be the reason."""
    import msgspec

    return msgspec.json.encode(text)
