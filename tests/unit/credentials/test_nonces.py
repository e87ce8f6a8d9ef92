import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.credentials.nonces import make_nonce, nonce_end

KEY = b"k" * 32
END = 1_700_000_030_000_000_000
NONCE = make_nonce(KEY, bytes(8), END)


@given(st.binary(min_size=8, max_size=8), st.integers(0, 2**63 - 1))
def test_a_nonce_is_64_hex_characters_and_tells_its_end_to_its_maker(chance: bytes, end: int) -> None:
    nonce = make_nonce(KEY, chance, end)
    assert len(bytes.fromhex(nonce)) == 32
    assert nonce_end(KEY, nonce) == end


def test_nonces_of_different_chance_differ() -> None:
    assert make_nonce(KEY, b"1" * 8, END) != make_nonce(KEY, b"2" * 8, END)


@pytest.mark.parametrize("place", range(64))
def test_a_nonce_with_any_character_changed_is_not_ours(place: int) -> None:
    other = "0" if NONCE[place] != "0" else "1"
    assert nonce_end(KEY, NONCE[:place] + other + NONCE[place + 1 :]) is None


@pytest.mark.parametrize(
    "forged", ["", "0" * 64, NONCE.upper(), NONCE[:-2], NONCE + "00", NONCE + "\n", " " + NONCE[1:], "٣" * 64]
)
def test_what_is_no_nonce_of_ours_has_no_end(forged: str) -> None:
    assert nonce_end(KEY, forged) is None


def test_a_nonce_of_another_authority_is_not_ours() -> None:
    assert nonce_end(b"x" * 32, NONCE) is None


def test_a_nonce_without_enough_chance_is_not_made() -> None:
    with pytest.raises(ValueError, match="8 bytes of chance, not 4"):
        make_nonce(KEY, bytes(4), END)
