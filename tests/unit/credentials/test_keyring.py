import json
from typing import Any

import pytest
from joserfc.jwk import KeySet as TheirKeySet

from tests.unit.credentials.rings import NOW, entropy, keyring
from tradewrit.credentials.encoding import decode
from tradewrit.credentials.keyring import Keyring, KeySet
from tradewrit.credentials.keys import SigningKey, VerificationKey, thumbprint
from tradewrit.domain.market import SECOND
from tradewrit.errors import KeyMaterialError

# RFC 8037, appendices A.1 to A.4.
PRIVATE = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
PUBLIC = decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
SIGNED = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
HOUR = 3_600 * SECOND


def document(ring: Keyring, **changes: object) -> dict[str, Any]:
    """A key set with one key, of which some members are replaced or (by None) taken out."""
    jwk = ring.signing.public.jwk() | changes
    return {"keys": [{name: value for name, value in jwk.items() if value is not None}]}


def read(found: object) -> KeySet:
    return KeySet.read_jwks(json.dumps(found))


def test_keys_thumbprint_and_signature_are_those_of_the_standard() -> None:
    key = SigningKey.draw(lambda _: PRIVATE)
    assert key.public.raw == PUBLIC
    assert thumbprint(PUBLIC) == key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    assert key.sign(SIGNED) == decode(SIGNATURE)
    assert VerificationKey(PUBLIC).has_signed(decode(SIGNATURE), SIGNED)
    assert not VerificationKey(PUBLIC).has_signed(decode(SIGNATURE), SIGNED + b"x")


def test_a_signing_key_prints_as_its_id_only() -> None:
    key = SigningKey.draw(lambda _: PRIVATE)
    for text in (repr(key), str(key), repr(Keyring(key))):
        assert key.kid in text
        assert PRIVATE.hex() not in text
        assert str(PRIVATE) not in text


def test_after_a_rotation_the_old_key_verifies_until_its_overlap_ends_and_not_at_that_instant() -> None:
    old = keyring()
    new = old.rotated(entropy(2), NOW, HOUR)
    assert new.signing.kid != old.signing.kid
    assert new.key_set.find(old.signing.kid, NOW + HOUR - 1) == old.signing.public
    assert new.key_set.find(old.signing.kid, NOW + HOUR) is None
    assert new.key_set.find(new.signing.kid, NOW + 10 * HOUR) == new.signing.public
    assert new.key_set.find("", NOW) is None


def test_a_rotation_drops_the_keys_that_have_ended_and_keeps_the_others() -> None:
    first = keyring()
    second = first.rotated(entropy(2), NOW, 3 * HOUR)
    third = second.rotated(entropy(3), NOW + HOUR, HOUR)
    assert [held.key.kid for held in third.retired] == [second.signing.kid, first.signing.kid]
    fourth = third.rotated(entropy(4), NOW + 2 * HOUR, HOUR)
    assert [held.key.kid for held in fourth.retired] == [third.signing.kid, first.signing.kid]


def test_an_overlap_cannot_be_negative() -> None:
    with pytest.raises(ValueError, match="overlap of -1"):
        keyring().rotated(entropy(2), NOW, -1)


def test_the_published_key_set_reads_back_and_leaves_ended_keys_out() -> None:
    ring = keyring().rotated(entropy(2), NOW, HOUR).rotated(entropy(3), NOW, 2 * HOUR)
    assert KeySet.read_jwks(ring.key_set.jwks(NOW)) == ring.key_set
    later = KeySet.read_jwks(ring.key_set.jwks(NOW + HOUR))
    assert len(later.keys) == 2
    assert later.live(NOW + HOUR) == ring.key_set.live(NOW + HOUR)


def test_the_published_key_set_holds_nothing_private_and_another_library_reads_it() -> None:
    ring = keyring().rotated(entropy(2), NOW, HOUR)
    published = json.loads(ring.key_set.jwks(NOW))
    assert all("d" not in jwk for jwk in published["keys"])
    theirs = TheirKeySet.import_key_set(published)
    assert [key.thumbprint() for key in theirs.keys] == [held.key.kid for held in ring.key_set.keys]


def test_keys_of_other_kinds_and_members_we_do_not_know_are_passed_over() -> None:
    ours = document(keyring(), x5t="whatever")["keys"][0]
    found = {"keys": [{"kty": "RSA", "n": "AQAB"}, ours, {"kty": "OKP", "crv": "X25519"}], "more": 1}
    assert read(found) == keyring().key_set


def test_a_key_without_an_id_gets_its_thumbprint() -> None:
    assert read(document(keyring(), kid=None)) == keyring().key_set


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("", "not a JWK Set"),
        ("[]", "not a JWK Set"),
        ("{}", "not a JWK Set"),
        ('{"keys":{}}', "not a JWK Set"),
        ('{"keys":' + "[" * 60_000, "not a JWK Set"),
        (b'{"keys":["\xff"]}', "not a JWK Set"),
        ('{"keys":[]}', "no Ed25519 signing key"),
        (" " * 70_000, "at most 65536"),
    ],
)
def test_what_is_no_key_set_is_refused(raw: str | bytes, says: str) -> None:
    with pytest.raises(KeyMaterialError, match=says):
        KeySet.read_jwks(raw)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kid": keyring(2).signing.kid}, "not its thumbprint"),
        ({"kid": 7}, "not its thumbprint"),
        ({"x": "AAAA"}, "32 bytes"),
        ({"x": 7}, "32 bytes"),
        ({"x": None}, "32 bytes"),
        ({"x": keyring().signing.public.jwk()["x"], "exp": 1.5}, "whole number"),
        ({"exp": True}, "whole number"),
        ({"exp": -1}, "whole number"),
        ({"use": "enc"}, "no Ed25519"),
        ({"alg": "HS256"}, "no Ed25519"),
    ],
)
def test_a_key_that_is_not_what_it_says_is_refused(changes: dict[str, object], says: str) -> None:
    with pytest.raises(KeyMaterialError, match=says):
        read(document(keyring(), **changes))


def test_a_key_named_twice_is_refused() -> None:
    one = document(keyring())["keys"]
    with pytest.raises(KeyMaterialError, match="twice"):
        read({"keys": one + one})
