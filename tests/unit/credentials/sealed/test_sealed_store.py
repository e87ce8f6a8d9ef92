import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pyrage
import pytest

from tests.unit.credentials.rings import NOW, entropy
from tradewrit.credentials.private_file import MAX_BYTES
from tradewrit.credentials.sealed.age import seal
from tradewrit.credentials.sealed.key_file import read_key_file, write_key_file
from tradewrit.credentials.sealed.keys import AgeKey, Passphrase, SealingKey
from tradewrit.credentials.sealed.store import SealedStore, opens_with_passphrase
from tradewrit.errors import KeyMaterialError
from tradewrit.runtime.clock import system_entropy
from tradewrit.runtime.secret import Secret

KEY = AgeKey.draw(entropy())
PASSPHRASE = Passphrase(Secret("passphrase", "correct horse battery staple"), log_work=4)
VALUE = "PK3XJ-canary-77ab"
posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
both = pytest.mark.parametrize("key", [KEY, PASSPHRASE], ids=lambda key: key.words)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "secrets.sealed"


def store(path: Path, key: SealingKey = KEY) -> SealedStore:
    return SealedStore(path, key)


def put(path: Path, name: str = "alpaca_key", value: str = VALUE, now: int = NOW) -> bool:
    return store(path).put(Secret(name, value), now, system_entropy)


@both
def test_a_secret_comes_back_under_its_name(path: Path, key: SealingKey) -> None:
    sealed = store(path, key)
    assert sealed.put(Secret("alpaca_key", VALUE), NOW, system_entropy) is False
    assert sealed.put(Secret("binance_key", "ü\n\x00"), NOW + 1, system_entropy) is False
    assert store(path, key).secret("alpaca_key").reveal() == VALUE
    assert store(path, key).secret("binance_key").reveal() == "ü\n\x00"
    assert repr(store(path, key).secret("alpaca_key")) == "Secret('alpaca_key')"


def test_names_say_when_each_was_set_in_alphabetical_order(path: Path) -> None:
    assert store(path).names() == {}
    put(path, "b", now=NOW)
    put(path, "a", now=NOW + 5)
    assert put(path, "b", "another", now=NOW + 9) is True
    assert list(store(path).names().items()) == [("a", NOW + 5), ("b", NOW + 9)]
    assert store(path).secret("b").reveal() == "another"


def test_a_removed_secret_is_gone_and_the_others_stay(path: Path) -> None:
    put(path, "a")
    put(path, "b")
    store(path).remove("a", system_entropy)
    assert list(store(path).names()) == ["b"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_name_that_is_not_there_is_an_error_that_says_where_to_look(path: Path, is_there: bool) -> None:
    if is_there:
        put(path)
    for attempt in (lambda: store(path).secret("no"), lambda: store(path).remove("no", system_entropy)):
        with pytest.raises(KeyMaterialError, match="no secret 'no'; `tradewrit secrets list`"):
            attempt()


@posix
def test_the_file_is_its_owners_alone_and_shows_neither_names_nor_values(path: Path) -> None:
    before = os.umask(0)
    try:
        put(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    raw = path.read_bytes()
    assert raw.startswith(b"age-encryption.org/v1\n")
    assert VALUE.encode() not in raw
    assert b"alpaca" not in raw


def test_age_opens_the_store_and_finds_plain_json(path: Path) -> None:
    put(path)
    identity = pyrage.x25519.Identity.from_str(KEY.text.reveal())
    assert msgspec.json.decode(pyrage.decrypt(path.read_bytes(), [identity])) == {
        "version": 1,
        "secrets": {"alpaca_key": {"value": VALUE, "set_at": "2026-09-21T14:13:20Z"}},
    }


def test_a_store_that_another_age_sealed_is_read(path: Path) -> None:
    plain = b'{"version":1,"secrets":{"a":{"value":"theirs","set_at":"2026-09-21T14:13:20Z"}}}'
    path.parent.mkdir()
    path.touch(0o600)
    path.write_bytes(pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(KEY.public)]))
    assert store(path).secret("a").reveal() == "theirs"
    put(path, "b")
    assert list(store(path).names()) == ["a", "b"]


# Nothing is lost


def test_of_many_threads_that_set_at_once_none_loses(path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: put(path, f"n{n}"), range(32)))
    assert set(store(path).names()) == {f"n{n}" for n in range(32)}


def test_of_many_processes_that_set_at_once_none_loses(path: Path, tmp_path: Path) -> None:
    write_key_file(tmp_path / "desk.key", KEY, NOW)
    script = (
        "import sys; from pathlib import Path\n"
        "from tradewrit.credentials.sealed.key_file import read_key_file\n"
        "from tradewrit.credentials.sealed.store import SealedStore\n"
        "from tradewrit.runtime.clock import system_entropy\n"
        "from tradewrit.runtime.secret import Secret\n"
        "store = SealedStore(Path(sys.argv[1]), read_key_file(Path(sys.argv[2])))\n"
        "sys.stdin.readline()\n"
        "for n in range(10): store.put(Secret(f'{sys.argv[3]}{n}', 'x'), n, system_entropy)\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, path, tmp_path / "desk.key", name],
            stdin=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for process in started:
        process.communicate("go\n", timeout=60)
        assert process.returncode == 0
    assert set(store(path).names()) == {f"{name}{n}" for name in "abc" for n in range(10)}


def test_a_full_disk_leaves_the_store_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyMaterialError, match="cannot be written: No space left"):
        put(path, "other")
    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == [".secrets.sealed.lock", path.name]


def test_a_secret_that_would_make_the_store_unreadable_is_refused(path: Path) -> None:
    put(path)
    with pytest.raises(KeyMaterialError, match="nothing was changed") as refused:
        put(path, "large", "x" * MAX_BYTES)
    assert "xxx" not in str(refused.value)
    assert list(store(path).names()) == ["alpaca_key"]


def test_a_store_for_several_keys_is_read_but_not_narrowed_to_one(path: Path) -> None:
    other = pyrage.x25519.Identity.generate().to_public()
    put(path)
    plain = pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.from_str(KEY.text.reveal())])
    raw = pyrage.encrypt(plain, [other, pyrage.x25519.Recipient.from_str(KEY.public)])
    path.write_bytes(raw)
    assert store(path).secret("alpaca_key").reveal() == VALUE
    with pytest.raises(KeyMaterialError, match="sealed for several keys"):
        put(path, "other")
    with pytest.raises(KeyMaterialError, match="sealed for several keys"):
        store(path).remove("alpaca_key", system_entropy)
    assert path.read_bytes() == raw


@both
def test_a_store_sealed_anew_opens_with_the_new_key_only(path: Path, key: SealingKey) -> None:
    old = AgeKey.draw(entropy(7))
    put_with_old = store(path, old)
    put_with_old.put(Secret("alpaca_key", VALUE), NOW, system_entropy)
    put_with_old.reseal(key, system_entropy)
    assert store(path, key).secret("alpaca_key").reveal() == VALUE
    assert put_with_old.names() == {"alpaca_key": NOW}, "the same object goes on with the new one"
    with pytest.raises(KeyMaterialError, match="cannot be opened"):
        store(path, old).names()


def test_only_a_store_that_opens_is_sealed_anew(path: Path) -> None:
    with pytest.raises(KeyMaterialError, match="no sealed store"):
        store(path).reseal(PASSPHRASE, system_entropy)
    assert not path.exists()
    put(path)
    raw = path.read_bytes()
    with pytest.raises(KeyMaterialError, match="cannot be opened"):
        store(path, AgeKey.draw(entropy(2))).reseal(PASSPHRASE, system_entropy)
    assert path.read_bytes() == raw


def test_a_store_for_several_keys_is_narrowed_when_that_is_said(path: Path) -> None:
    put(path)
    plain = pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.from_str(KEY.text.reveal())])
    other = pyrage.x25519.Identity.generate().to_public()
    path.write_bytes(pyrage.encrypt(plain, [other, pyrage.x25519.Recipient.from_str(KEY.public)]))
    store(path).reseal(KEY, system_entropy)
    assert put(path, "other") is False


# Whoever else touched it


@posix
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o606])
def test_a_store_others_can_reach_is_refused(path: Path, mode: int) -> None:
    put(path)
    path.chmod(mode)
    for attempt in (store(path).names, lambda: put(path), lambda: opens_with_passphrase(path)):
        with pytest.raises(KeyMaterialError, match=rf"mode {mode:04o}.*chmod 600"):
            attempt()


def test_an_altered_store_is_refused_and_never_replaced(path: Path) -> None:
    put(path)
    raw = path.read_bytes()
    for altered in (b"", raw[:-1], raw + b"x", raw[:60] + b"x" + raw[61:], raw[:-3] + b"xyz", raw[:10]):
        path.write_bytes(altered)
        for attempt in (store(path).names, lambda: put(path), lambda: store(path).remove("a", entropy())):
            with pytest.raises(
                KeyMaterialError, match=r"secrets\.sealed: the sealed store cannot be opened: it"
            ):
                attempt()
        assert path.read_bytes() == altered


def test_the_wrong_key_changes_nothing(path: Path) -> None:
    put(path)
    raw = path.read_bytes()
    for key in (AgeKey.draw(entropy(2)), PASSPHRASE):
        with pytest.raises(KeyMaterialError, match="cannot be opened: it"):
            store(path, key).put(Secret("other", "x"), NOW, system_entropy)
    assert path.read_bytes() == raw


@pytest.mark.parametrize(
    ("plain", "problem"),
    [
        (b"", "not written by tradewrit"),
        (b"[]", "not written by tradewrit"),
        (b'{"version":"1"}', "not written by tradewrit"),
        (b'{"version":1}', "not written by tradewrit"),
        (b'{"version":1,"secrets":{"a":"canary"}}', "not written by tradewrit"),
        (b'{"version":1,"secrets":{},"more":1}', "not written by tradewrit"),
        (b'{"version":1,"secrets":{"a":{"value":"canary","set_at":"canary"}}}', "not written by tradewrit"),
        (b'{"version":1,"secrets":{"a":{"value":"\xff","set_at":""}}}', "not written by tradewrit"),
        (b'{"version":2,"secrets":[]}', "version 2, and this tradewrit knows 1: upgrade"),
    ],
)
def test_contents_that_are_none_of_ours_are_refused_without_being_shown(
    path: Path, plain: bytes, problem: str
) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_bytes(seal(plain, KEY, entropy()))
    for attempt in (store(path).names, lambda: put(path)):
        with pytest.raises(KeyMaterialError, match=problem) as refused:
            attempt()
        assert "canary" not in str(refused.value)


def test_what_opens_it_can_be_asked_without_opening_it(path: Path) -> None:
    assert opens_with_passphrase(path) is None
    put(path)
    assert opens_with_passphrase(path) is False
    path.unlink()
    store(path, PASSPHRASE).put(Secret("a", "x"), NOW, system_entropy)
    assert opens_with_passphrase(path) is True


# The key file


@posix
def test_a_key_file_is_what_age_keygen_writes_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "desk.key"
    before = os.umask(0)
    try:
        write_key_file(path, KEY, NOW)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().splitlines() == [
        "# created: 2026-09-21T14:13:20Z",
        f"# public key: {KEY.public}",
        KEY.text.reveal(),
    ]
    assert read_key_file(path).public == KEY.public


def test_a_key_is_never_written_over_another_file(tmp_path: Path) -> None:
    path = tmp_path / "desk.key"
    path.write_text("another key")
    with pytest.raises(KeyMaterialError, match="is there already"):
        write_key_file(path, KEY, NOW)
    assert path.read_text() == "another key"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds 0 keys"),
        ("# nothing\n\n", "holds 0 keys"),
        (f"{KEY.text.reveal()}\n" * 2, "holds 2 keys"),
        (KEY.text.reveal()[:-1], "checksum"),
        (KEY.public, "does not begin with age-secret-key-1"),
        ("AGE-SECRET-KEY-PQ-1QQQQQQQQQQ", "does not begin with age-secret-key-1"),
        ("\udcff", "does not begin"),
    ],
)
def test_a_file_that_holds_no_key_is_refused_without_being_shown(
    tmp_path: Path, text: str, problem: str
) -> None:
    path = tmp_path / "desk.key"
    path.touch(0o600)
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(KeyMaterialError, match=problem) as refused:
        read_key_file(path)
    assert KEY.text.reveal()[20:60] not in str(refused.value)


@posix
def test_a_key_file_others_can_read_is_refused(tmp_path: Path) -> None:
    write_key_file(tmp_path / "desk.key", KEY, NOW)
    (tmp_path / "desk.key").chmod(0o640)
    with pytest.raises(KeyMaterialError, match=r"the key file \(mode 0640\): make a new one"):
        read_key_file(tmp_path / "desk.key")
    with pytest.raises(KeyMaterialError, match="cannot be read: No such file"):
        read_key_file(tmp_path / "no.key")
