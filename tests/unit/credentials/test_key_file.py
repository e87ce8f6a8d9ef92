import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.unit.credentials.rings import NOW, entropy
from tradewrit.credentials.key_file import load_keyring, open_keyring, rotate_keyring
from tradewrit.domain.market import SECOND
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import system_entropy

HOUR = 3_600 * SECOND
posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "signing-key.pem"


@posix
def test_the_first_start_makes_a_key_that_only_its_owner_can_read(path: Path) -> None:
    before = os.umask(0)
    try:
        made = open_keyring(path, system_entropy)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert open_keyring(path, system_entropy).key_set == made.key_set == load_keyring(path).key_set


def test_the_file_is_a_private_key_that_other_tools_read(path: Path) -> None:
    ring = open_keyring(path, entropy())
    rotated = rotate_keyring(path, entropy(2), now=NOW, overlap_ns=HOUR)
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----\n")
    private = load_pem_private_key(path.read_bytes(), password=None)
    assert private.public_key().public_bytes_raw() == rotated.signing.public.raw  # type: ignore[union-attr]
    assert ring.signing.kid != rotated.signing.kid


def test_a_rotation_is_kept_and_the_old_private_key_is_gone(path: Path) -> None:
    old = open_keyring(path, entropy())
    old_text = path.read_text().splitlines()[1]
    rotated = rotate_keyring(path, entropy(2), now=NOW, overlap_ns=HOUR)
    again = rotate_keyring(path, entropy(3), now=NOW + 1, overlap_ns=HOUR)
    assert load_keyring(path).key_set == again.key_set
    assert [held.key.kid for held in again.retired] == [rotated.signing.kid, old.signing.kid]
    assert [held.until for held in again.retired] == [NOW + 1 + HOUR, NOW + HOUR]
    assert old_text not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_of_many_first_starts_at_once_all_get_one_key(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: open_keyring(path, system_entropy), range(16)))
    assert len({ring.signing.kid for ring in rings}) == 1


def test_of_many_rotations_at_once_none_is_lost(path: Path) -> None:
    open_keyring(path, system_entropy)
    with ThreadPoolExecutor(8) as pool:
        turns = [
            pool.submit(rotate_keyring, path, system_entropy, now=NOW, overlap_ns=HOUR) for _ in range(16)
        ]
    made = {turn.result().signing.kid for turn in turns}
    held = load_keyring(path)
    assert len(made) == len(held.retired) == 16
    assert made < {key.key.kid for key in held.key_set.keys}


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_reach_is_refused_with_what_to_do(path: Path, mode: int) -> None:
    open_keyring(path, entropy())
    path.chmod(mode)
    with pytest.raises(KeyMaterialError, match=rf"mode {mode:04o}.*chmod 600"):
        open_keyring(path, entropy())
    with pytest.raises(KeyMaterialError, match="other users"):
        rotate_keyring(path, entropy(), now=NOW, overlap_ns=HOUR)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:0],
        lambda raw: raw[:-1],
        lambda raw: raw[:-40],
        lambda raw: raw + b"\n",
        lambda raw: raw + raw,
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw.replace(b"MC4CAQ", b"MC4CAg"),
        lambda raw: raw.replace(b"2026-", b"2026/"),
        lambda raw: raw.replace(b"2026-", b"2026-99-"),
        lambda raw: raw.replace(b"PUBLIC", b"PRIVATE"),
        lambda raw: raw.replace(b"MCowBQYDK2Vw", b"MCowBQYDK2Vu"),
        lambda raw: b"\xff" * len(raw),
    ],
)
def test_a_damaged_file_is_refused_and_never_replaced(path: Path, damage: object) -> None:
    assert callable(damage)
    open_keyring(path, entropy())
    rotate_keyring(path, entropy(2), now=NOW, overlap_ns=HOUR)
    damaged = damage(path.read_bytes())
    assert damaged != path.read_bytes()
    path.write_bytes(damaged)
    for attempt in (load_keyring, lambda at: open_keyring(at, entropy(3))):
        with pytest.raises(KeyMaterialError, match="damaged"):
            attempt(path)
    with pytest.raises(KeyMaterialError, match="damaged"):
        rotate_keyring(path, entropy(3), now=NOW, overlap_ns=HOUR)
    assert path.read_bytes() == damaged


def test_a_key_of_another_kind_is_refused(path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    open_keyring(path, entropy())
    path.write_bytes(
        X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    with pytest.raises(KeyMaterialError, match="not an Ed25519 key"):
        load_keyring(path)


def test_a_missing_file_or_a_folder_in_its_place_is_named(path: Path) -> None:
    with pytest.raises(KeyMaterialError, match=r"signing-key.pem: the signing key cannot be read"):
        load_keyring(path)
    path.mkdir(parents=True)
    with pytest.raises(KeyMaterialError, match="cannot be read"):
        open_keyring(path, entropy())


def test_a_file_where_the_folder_should_be_is_an_error_of_ours(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(KeyMaterialError, match="cannot be locked"):
        open_keyring(path, entropy())


def test_a_rotation_that_cannot_be_written_leaves_the_old_key(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = open_keyring(path, entropy()).signing.kid

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyMaterialError, match="cannot be written: No space left"):
        rotate_keyring(path, entropy(2), now=NOW, overlap_ns=HOUR)
    assert load_keyring(path).signing.kid == kept
