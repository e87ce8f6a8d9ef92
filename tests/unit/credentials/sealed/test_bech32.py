import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.credentials.sealed.bech32 import decode, encode

# From the specification of age.
KEY = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
PUBLIC = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"


@given(st.binary(max_size=200))
def test_every_byte_string_comes_back(raw: bytes) -> None:
    text = encode("age", raw)
    assert decode("age", text) == decode("age", text.upper()) == raw


def test_the_example_of_the_specification_reads_as_it_should() -> None:
    assert decode("age-secret-key-", KEY) == b"B" * 32
    assert encode("age-secret-key-", b"B" * 32).upper() == KEY
    assert encode("age", decode("age", PUBLIC)) == PUBLIC


@given(st.data())
def test_any_one_letter_mistyped_is_noticed(data: st.DataObject) -> None:
    at = data.draw(st.integers(len("AGE-SECRET-KEY-1"), len(KEY) - 1))
    letter = data.draw(
        st.sampled_from("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LBIO1").filter(lambda one: one != KEY[at])
    )
    with pytest.raises(ValueError, match=r"checksum|letters|begin"):
        decode("age-secret-key-", KEY[:at] + letter + KEY[at + 1 :])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "begin"),
        ("age1", "cut off"),
        (PUBLIC, "does not begin with age-secret-key-1"),
        (KEY.replace("KEY-1", "KEY-PQ-1"), "begin"),
        (KEY[:-1], "checksum"),
        (KEY[:20], "cut off|checksum"),
        (KEY[:-1] + KEY[-1].lower(), "mixes"),
        (KEY.replace("Y", "Б"), "letters|begin"),
    ],
)
def test_what_is_no_key_is_refused_without_repeating_it(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refused:
        decode("age" if text == "age1" else "age-secret-key-", text)
    assert len(text) <= 20 or text[20:] not in str(refused.value)


def test_spare_bits_are_refused() -> None:
    # One letter more, of zeros, under a checksum of its own: the same bytes in a second spelling.
    from tradewrit.credentials.sealed import bech32

    values = [*bech32._regrouped(b"\x01", 8, 5), 0]
    checksum = bech32._polymod([*bech32._expanded("age"), *values, *bytes(6)]) ^ 1
    values += [checksum >> 5 * (5 - place) & 31 for place in range(6)]
    with pytest.raises(ValueError, match="bits to spare"):
        decode("age", "age1" + "".join(bech32._LETTERS[value] for value in values))
