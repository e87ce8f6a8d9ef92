import base64
import hashlib
import re

from hypothesis import given
from hypothesis import strategies as st

from tradewrit.domain.ids import client_order_id, derive, scan_id, trade_id
from tradewrit.domain.orders import Role

PARTS = st.lists(st.text(max_size=8), min_size=1, max_size=4)


@given(PARTS, PARTS)
def test_only_the_same_cause_gives_the_same_id(one: list[str], other: list[str]) -> None:
    assert (derive(*one) == derive(*other)) == (one == other)


@given(PARTS)
def test_an_id_is_the_base_32_of_a_sha_256(parts: list[str]) -> None:
    digest = hashlib.sha256("|".join(f"{len(part)}:{part}" for part in parts).encode()).digest()
    assert derive(*parts, length=32) == base64.b32encode(digest).decode().lower()[:32]


def test_moving_a_letter_between_two_parts_gives_another_id() -> None:
    assert derive("ab", "c") != derive("a", "bc")
    assert derive("1:a", "b") != derive("1", "a|1:b")


@given(PARTS, st.integers(8, 32))
def test_an_id_is_short_lower_case_and_fit_for_every_venue(parts: list[str], length: int) -> None:
    assert re.fullmatch(r"[a-z2-7]+", derive(*parts, length=length))
    assert len(derive(*parts, length=length)) == length


def test_a_client_order_id_names_journal_account_trade_role_and_attempt() -> None:
    base = ("journal-1", "account-1", "trade-1", Role.STOP, 1)
    others = [
        ("journal-2", "account-1", "trade-1", Role.STOP, 1),
        ("journal-1", "account-2", "trade-1", Role.STOP, 1),
        ("journal-1", "account-1", "trade-2", Role.STOP, 1),
        ("journal-1", "account-1", "trade-1", Role.TARGET, 1),
        ("journal-1", "account-1", "trade-1", Role.STOP, 2),
    ]
    ids = {client_order_id(*parts) for parts in [base, *others]}
    assert len(ids) == 6
    assert client_order_id(*base) in ids
    assert {len(one) for one in ids} == {26}


def test_ids_stay_the_same_from_one_release_to_the_next() -> None:
    assert client_order_id("journal-1", "account-1", "trade-1", Role.ENTRY, 0) == "ysmimtinkgkwlsnibqnvwubr4b"
    assert trade_id("journal-1", "trend_following", "AAPL", 1_704_186_000_000_000_000) == "larkbjydcahosphe"
    assert scan_id("trend_following", 1_704_186_000_000_000_000) == "exifoeoomvs3c7ma"


def test_deciding_twice_on_one_bar_names_the_same_trade() -> None:
    assert trade_id("j", "s", "AAPL", 1) == trade_id("j", "s", "AAPL", 1)
    assert trade_id("j", "s", "AAPL", 1) != trade_id("j", "s", "AAPL", 2)
    assert trade_id("j", "s", "AAPL", 1, 5) != trade_id("j", "s", "AAPL", 1, 6)
