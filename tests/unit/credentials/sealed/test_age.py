"""Our age files against another implementation of age, and against whoever alters them."""

import subprocess
import sys

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.rings import entropy
from tradewrit.credentials.sealed.age import is_passphrased, keys_count, seal, unseal
from tradewrit.credentials.sealed.header import Stanza, header_bytes
from tradewrit.credentials.sealed.keys import AgeKey, Passphrase, SealingKey
from tradewrit.credentials.sealed.payload import CHUNK_BYTES, encrypt_payload
from tradewrit.runtime.clock import system_entropy
from tradewrit.runtime.secret import Secret

QUICK = 4  # of 2**4 of work: what is tested is the form
KEY = AgeKey.draw(entropy())
IDENTITY = pyrage.x25519.Identity.from_str(KEY.text.reveal())
WORDS = "correct horse, bättery stäple"
PASSPHRASE = Passphrase(Secret("passphrase", WORDS), QUICK)
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 200_000]
both = pytest.mark.parametrize("key", [KEY, PASSPHRASE], ids=lambda key: key.words)


def forged(stanza: Stanza, plain: bytes = b"plain") -> bytes:
    """A file whose header says what it should not, under a good MAC."""
    return header_bytes(stanza, bytes(16)) + encrypt_payload(plain, bytes(16), entropy())


# With another implementation


@pytest.mark.parametrize("size", SIZES)
def test_another_age_opens_what_we_seal(size: int) -> None:
    plain = entropy(size)(size)
    assert pyrage.decrypt(seal(plain, KEY, system_entropy), [IDENTITY]) == plain
    assert pyrage.passphrase.decrypt(seal(plain, PASSPHRASE, system_entropy), WORDS) == plain


@pytest.mark.parametrize("size", SIZES)
def test_we_open_what_another_age_seals(size: int) -> None:
    plain = entropy(size)(size)
    assert unseal(pyrage.encrypt(plain, [IDENTITY.to_public()]), KEY) == plain


def test_we_open_what_another_age_seals_with_a_passphrase() -> None:
    raw = pyrage.passphrase.encrypt(b"plain", WORDS)
    assert unseal(raw, PASSPHRASE) == b"plain"
    assert is_passphrased(raw)


def test_keys_are_the_same_in_both() -> None:
    assert str(IDENTITY.to_public()) == KEY.public
    theirs = pyrage.x25519.Identity.generate()
    assert AgeKey.parse(str(theirs)).public == str(theirs.to_public())


def test_one_of_several_keys_opens_the_file() -> None:
    other = pyrage.x25519.Identity.generate()
    raw = pyrage.encrypt(b"plain", [other.to_public(), IDENTITY.to_public()])
    assert unseal(raw, KEY) == b"plain"
    assert keys_count(raw) == 2
    assert keys_count(seal(b"plain", KEY, system_entropy)) == 1


# On its own


@both
@given(st.binary(max_size=300))
def test_what_is_sealed_comes_back_and_is_not_in_the_file(key: SealingKey, plain: bytes) -> None:
    raw = seal(b"\0marked\0" + plain, key, system_entropy)
    assert unseal(raw, key) == b"\0marked\0" + plain
    assert b"\0marked\0" not in raw


@both
def test_the_same_is_never_sealed_the_same_twice(key: SealingKey) -> None:
    raws = [seal(b"plain", key, system_entropy) for _ in range(2)]
    one, other = (raw.split(b"\n") for raw in raws)
    assert all(line != another for line, another in zip(one[1:], other[1:], strict=False))


@both
def test_a_change_of_any_byte_is_noticed(key: SealingKey) -> None:
    raw = seal(b"plain", key, entropy())
    for at in range(len(raw)):
        for flipped in (raw[at] ^ 1, raw[at] ^ 0x20, raw[at] ^ 0x80):
            with pytest.raises(ValueError, match=r"^its? "):
                unseal(raw[:at] + bytes([flipped]) + raw[at + 1 :], key)


@both
def test_a_file_cut_or_lengthened_anywhere_is_noticed(key: SealingKey) -> None:
    raw = seal(b"plain", key, entropy())
    for size in range(len(raw)):
        with pytest.raises(ValueError, match=r"^its? "):
            unseal(raw[:size], key)
    for more in (b"\0", b"\n", raw, bytes(16)):
        with pytest.raises(ValueError, match=r"^its? "):
            unseal(raw + more, key)


def test_chunks_left_out_moved_or_repeated_are_noticed() -> None:
    plain = entropy()(3 * CHUNK_BYTES)
    raw = seal(plain, KEY, entropy())
    size = CHUNK_BYTES + 16
    head, chunks = raw[: -3 * size], [raw[len(raw) - (3 - n) * size :][:size] for n in range(3)]
    assert unseal(head + b"".join(chunks), KEY) == plain
    for order in ([0, 1], [0, 2], [1, 2], [2], [0], [1, 0, 2], [0, 0, 1, 2], [0, 1, 2, 2], [2, 1, 0], []):
        with pytest.raises(ValueError, match="altered or cut off"):
            unseal(head + b"".join(chunks[n] for n in order), KEY)


def test_an_empty_last_chunk_after_others_is_refused() -> None:
    # What a careless writer, or somebody who pads, would leave; every chunk of it is authentic.
    from tradewrit.credentials.sealed import payload

    file_key, nonce = bytes(16), bytes(16)
    cipher = payload._cipher(file_key, nonce)
    first = cipher.encrypt(bytes(12), bytes(CHUNK_BYTES), None)
    empty = cipher.encrypt((1).to_bytes(11) + b"\1", b"", None)
    with pytest.raises(ValueError, match="empty part"):
        payload.decrypt_payload(nonce + first + empty, file_key)


def test_the_wrong_key_and_the_wrong_passphrase_say_what_to_do() -> None:
    other = Passphrase(Secret("passphrase", WORDS + "!"), QUICK)
    with pytest.raises(ValueError, match="does not open with this passphrase: take the one"):
        unseal(seal(b"plain", PASSPHRASE, system_entropy), other)
    with pytest.raises(ValueError, match="does not open with this key: take the one"):
        unseal(seal(b"plain", KEY, system_entropy), AgeKey.draw(entropy(2)))


def test_a_key_for_a_passphrase_and_the_other_way_round_is_told_so() -> None:
    with pytest.raises(ValueError, match="sealed with a passphrase, not with a key"):
        unseal(seal(b"plain", PASSPHRASE, system_entropy), KEY)
    with pytest.raises(ValueError, match="sealed with a key, not with a passphrase"):
        unseal(seal(b"plain", KEY, system_entropy), PASSPHRASE)


SALT = "A" * 22
SHARE = "A" * 43


@pytest.mark.parametrize(
    ("stanza", "key"),
    [
        (Stanza(("scrypt", SALT), bytes(32)), PASSPHRASE),
        (Stanza(("scrypt", SALT, "4", "4"), bytes(32)), PASSPHRASE),
        (Stanza(("scrypt", SALT, "04"), bytes(32)), PASSPHRASE),
        (Stanza(("scrypt", SALT, "0"), bytes(32)), PASSPHRASE),
        (Stanza(("scrypt", SALT, "23"), bytes(32)), PASSPHRASE),
        (Stanza(("scrypt", SALT, "-4"), bytes(32)), PASSPHRASE),
        (Stanza(("scrypt", SALT[:-2], "4"), bytes(32)), PASSPHRASE),
        (Stanza(("scrypt", SALT[:-1] + "B", "4"), bytes(32)), PASSPHRASE),
        (Stanza(("scrypt", SALT, "4"), bytes(31)), PASSPHRASE),
        (Stanza(("scrypt", SALT, "4"), bytes(48)), PASSPHRASE),
        (Stanza(("X25519",), bytes(32)), KEY),
        (Stanza(("X25519", SHARE, "more"), bytes(32)), KEY),
        (Stanza(("X25519", SHARE), bytes(32)), KEY),  # a share with which every secret is the same
        (Stanza(("X25519", SHARE + "A"), bytes(32)), KEY),
        (Stanza(("X25519", SHARE[:-1] + "B"), bytes(32)), KEY),
        (Stanza(("X25519", SHARE[:-1] + "="), bytes(32)), KEY),
        (Stanza(("X25519", KEY.public), bytes(32)), KEY),
        (Stanza(("X25519", SHARE), bytes(48)), KEY),
    ],
)
def test_a_malformed_stanza_is_refused_before_anything_is_tried(stanza: Stanza, key: SealingKey) -> None:
    with pytest.raises(ValueError, match=r"stanza is malformed|base64|asks for 2\*\*"):
        unseal(forged(stanza), key)


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory")
def test_a_passphrase_that_takes_more_memory_than_there_is_is_refused() -> None:
    program = (
        "import resource, sys\n"
        "from tradewrit.credentials.sealed.age import unseal\n"
        "from tradewrit.credentials.sealed.keys import Passphrase\n"
        "from tradewrit.runtime.secret import Secret\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
        "try: unseal(sys.stdin.buffer.read(), Passphrase(Secret('passphrase', 'x')))\n"
        "except ValueError as why: print(why)\n"
    )
    raw = forged(Stanza(("scrypt", SALT, "22"), bytes(32)))
    done = subprocess.run([sys.executable, "-c", program], input=raw, capture_output=True, check=True)
    assert done.stdout == b"its passphrase takes 4096 MiB of memory to try\n"


def test_a_passphrase_beside_another_way_in_is_refused() -> None:
    raw = seal(b"plain", PASSPHRASE, entropy())
    version, rest = raw.split(b"\n", 1)
    with pytest.raises(ValueError, match="passphrase stanza is malformed"):
        unseal(version + b"\n-> X25519 " + SHARE.encode() + b"\n\n" + rest, PASSPHRASE)


def test_a_stanza_of_an_unknown_kind_is_passed_over_but_not_left_unprotected() -> None:
    raw = seal(b"plain", KEY, entropy())
    version, rest = raw.split(b"\n", 1)
    with pytest.raises(ValueError, match="header was altered"):
        unseal(version + b"\n-> something new\n\n" + rest, KEY)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"age-encryption.org/v1\n",
        b"age-encryption.org/v2\n-> X25519 A\n\n--- " + b"A" * 43 + b"\n",
        b"-----BEGIN AGE ENCRYPTED FILE-----\n",
        seal(b"plain", KEY, entropy()).replace(b"\n", b"\r\n"),
        seal(b"plain", KEY, entropy()).replace(b"-> ", b"->  "),
        b"\xff" * 300,
        b"{}",
    ],
)
def test_what_is_no_age_file_is_refused(raw: bytes) -> None:
    with pytest.raises(ValueError, match="not that of an age file"):
        unseal(raw, KEY)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_do_more_than_be_refused(raw: bytes) -> None:
    for text in (raw, b"age-encryption.org/v1\n" + raw):
        with pytest.raises(ValueError, match=r"^its? "):
            unseal(text, KEY)
