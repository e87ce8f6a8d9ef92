import hmac
import re
import timeit
from functools import partial
from statistics import median

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.rings import entropy
from tradewrit.credentials.client_secrets import (
    draw_client_secret,
    hash_client_secret,
    verify_client_secret,
)
from tradewrit.credentials.passwords import COST, hash_password, verify_password
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import cpu_ns, system_entropy

PASSWORD = "correct horse battery staple"
PHC = r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}"


def made_at(memory: int, passes: int, lanes: int) -> str:
    hasher = Argon2id(salt=bytes(16), length=32, iterations=passes, lanes=lanes, memory_cost=memory)
    return hasher.derive_phc_encoded(PASSWORD.encode())


def costs_ns(*attempts: tuple[str, str | None]) -> list[float]:
    """Median CPU time of each, measured in turns: a machine that is busy for a while is so for all."""
    timers = [timeit.Timer(partial(verify_password, *attempt), timer=cpu_ns) for attempt in attempts]
    rounds = [[timer.timeit(number=1) for timer in timers] for _ in range(9)]
    return [median(times) for times in zip(*rounds, strict=True)]


def test_a_password_is_good_for_its_own_hash_and_no_other() -> None:
    hashed = hash_password(PASSWORD, entropy())
    assert verify_password(PASSWORD, hashed)
    assert not verify_password(PASSWORD + " ", hashed)
    assert not verify_password("", hashed)


def test_the_hash_is_a_phc_string_at_what_owasp_asks_for() -> None:
    assert re.fullmatch(PHC, hash_password(PASSWORD, entropy()))


def test_the_same_password_never_gives_the_same_hash() -> None:
    assert hash_password(PASSWORD, system_entropy) != hash_password(PASSWORD, system_entropy)


def test_a_hash_from_elsewhere_is_read_at_its_own_cost() -> None:
    # What the reference implementation gives for "password" and the salt "somesalt".
    hashed = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
    assert verify_password("password", hashed)
    assert not verify_password("passwort", hashed)


@pytest.mark.parametrize("password", ["", "é", "e\u0301", "\ud800", "\x00", "x" * 100_000])
def test_any_text_can_be_a_password(password: str) -> None:
    hashed = hash_password(password, entropy())
    assert verify_password(password, hashed)
    assert not verify_password(password + "x", hashed)


def test_an_accent_is_the_same_however_the_keyboard_composes_it() -> None:
    assert verify_password("cafe\u0301", hash_password("caf\u00e9", entropy()))


def test_nobody_has_a_password() -> None:
    assert not verify_password(PASSWORD, None)
    assert not verify_password("", None)


def test_an_unknown_user_takes_as_long_as_a_wrong_password() -> None:
    hashed = hash_password(PASSWORD, entropy())
    known, unknown, right = costs_ns(("wrong", hashed), ("wrong", None), (PASSWORD, hashed))
    assert known == pytest.approx(unknown, rel=0.5)
    assert known == pytest.approx(right, rel=0.5)


@pytest.mark.parametrize("cost", [(19_456, 1, 1), (8_192, 2, 1), (65_536, 2, 1), (19_456, 2, 2)])
def test_a_hash_at_another_cost_still_verifies(cost: tuple[int, int, int]) -> None:
    assert verify_password(PASSWORD, made_at(*cost))


GOOD = made_at(COST.memory_kib, COST.passes, COST.lanes)


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        PASSWORD,
        GOOD[:-30],
        GOOD + "\n",
        GOOD.replace("argon2id", "argon2i"),
        GOOD.replace("v=19", "v=16"),
        GOOD.replace("m=19456", "m=0"),
        GOOD.replace("m=19456", "m=99999999"),
        GOOD.replace("t=2", "t=2000000"),
        GOOD.replace("p=1", "p=1000"),
        GOOD.replace("$v", "$$v"),
    ],
)
def test_a_hash_that_was_edited_is_refused_before_any_work(damaged: str) -> None:
    with pytest.raises(KeyMaterialError, match="set the password anew"):
        verify_password("x", damaged)


# What we draw ourselves


def test_a_client_secret_is_256_bits_and_good_for_its_own_hash() -> None:
    secret = draw_client_secret(system_entropy)
    assert len(bytes.fromhex(secret)) == 32
    assert secret != draw_client_secret(system_entropy)
    assert secret not in hash_client_secret(secret)
    assert verify_client_secret(secret, hash_client_secret(secret))


@given(st.text(max_size=80))
def test_no_other_text_passes_for_a_client_secret(text: str) -> None:
    secret = draw_client_secret(entropy())
    assert verify_client_secret(text, hash_client_secret(secret)) == (text == secret)
    assert not verify_client_secret(text, None)


def test_an_unknown_client_is_compared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    verify_client_secret("x", None)
    verify_client_secret("x", hash_client_secret("y"))
    assert compared[0] == compared[1] == (71, 71)


@pytest.mark.parametrize("damaged", ["", "sha256$", "sha256$" + "0" * 63, "sha256$" + "A" * 64, GOOD])
def test_an_edited_client_hash_is_refused(damaged: str) -> None:
    with pytest.raises(KeyMaterialError, match="add it anew"):
        verify_client_secret("x", damaged)
