import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.credentials.encoding import decode, encode


@given(st.binary(max_size=70))
def test_every_byte_string_has_one_text_and_reads_back(raw: bytes) -> None:
    text = encode(raw)
    assert text == base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert decode(text) == raw


@given(st.binary(min_size=1, max_size=70), st.data())
def test_no_other_text_names_the_same_bytes(raw: bytes, data: st.DataObject) -> None:
    text = encode(raw)
    at = data.draw(st.integers(0, len(text)))
    added = data.draw(st.sampled_from(["=", "\n", " ", "\r", "\t", "+", "/", "*", "\u0410", "\x00"]))
    with pytest.raises(ValueError, match="base64url"):
        decode(text[:at] + added + text[at:])


@pytest.mark.parametrize("text", ["QR", "QUJDRF", "QQ==", "QUI=", "A", "QUJDR", "QQ\n", " QQ", "-_8=", "+/8"])
def test_padding_spare_bits_blanks_and_impossible_lengths_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        decode(text)


def test_altered_spare_bits_are_refused_though_the_usual_decoder_reads_them() -> None:
    assert base64.urlsafe_b64decode("QR==") == base64.urlsafe_b64decode("QQ==") == decode("QQ")
    with pytest.raises(ValueError, match="canonical"):
        decode("QR")
