import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.credentials.rings import entropy
from tradewrit.credentials.home import NONCE_KEY_BYTES, Home, open_home, open_nonce_key
from tradewrit.errors import ConfigError, KeyMaterialError
from tradewrit.runtime.clock import system_entropy

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
as_user = pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")


@posix
def test_the_first_use_makes_a_home_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = open_home(tmp_path / "share" / "tradewrit")
        open_nonce_key(home, system_entropy)
    finally:
        os.umask(before)
    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in home.folder.iterdir()} == {
        "nonce.key": 0o600,
        ".nonce.key.lock": 0o600,
    }


def test_every_file_has_one_place_in_the_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    places = [home.signing_key, home.store, home.nonce_key, home.sealed]
    assert [place.relative_to(tmp_path).as_posix() for place in places] == [
        "signing.pem",
        "credentials.db",
        "nonce.key",
        "secrets.sealed",
    ]


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_home_that_is_a_file_is_refused_with_what_to_do(tmp_path: Path, below: str) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(ConfigError, match=r"home.*: .*set TRADEWRIT_HOME"):
        open_home(tmp_path / "home" / below)


@posix
@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o777])
def test_a_home_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(mode)
    with pytest.raises(ConfigError, match=rf"mode {mode:04o}.*chmod 700 "):
        open_home(tmp_path / "home")


@posix
def test_a_home_that_others_may_look_into_is_good_enough(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)
    assert open_home(tmp_path / "home").folder == tmp_path / "home"


@as_user
@pytest.mark.parametrize("mode", [0o500, 0o300, 0o600])
def test_a_home_one_cannot_use_is_refused(tmp_path: Path, mode: int) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(mode)
    with pytest.raises(ConfigError, match="make it writable, or set TRADEWRIT_HOME"):
        open_home(tmp_path / "home")


@as_user
def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(ConfigError, match="cannot make the home folder: Permission denied"):
        open_home(tmp_path / "closed" / "home")


def test_the_nonce_key_is_drawn_once(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    key = open_nonce_key(home, entropy(1))
    assert len(key) == NONCE_KEY_BYTES
    assert open_nonce_key(home, entropy(2)) == key == home.nonce_key.read_bytes()


def test_of_many_first_starts_at_once_all_get_one_nonce_key(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: open_nonce_key(home, system_entropy), range(32)))
    assert len(keys) == 1


def test_of_many_processes_that_start_at_once_all_get_one_nonce_key(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from tradewrit.credentials.home import open_home, open_nonce_key\n"
        "from tradewrit.runtime.clock import system_entropy\n"
        "sys.stdin.readline()\n"
        "print(open_nonce_key(open_home(Path(sys.argv[1])), system_entropy).hex())\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "home")]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    keys = {process.communicate("go\n", timeout=60)[0] for process in started}
    assert len(keys) == 1
    assert keys == {open_nonce_key(Home(tmp_path / "home"), system_entropy).hex() + "\n"}


@posix
def test_a_nonce_key_others_can_read_is_refused(tmp_path: Path) -> None:
    home = open_home(tmp_path / "home")
    open_nonce_key(home, entropy())
    home.nonce_key.chmod(0o644)
    with pytest.raises(KeyMaterialError, match=r"mode 0644.*chmod 600"):
        open_nonce_key(home, entropy())


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_damaged_nonce_key_is_refused_and_says_what_to_do(tmp_path: Path, size: int) -> None:
    home = open_home(tmp_path / "home")
    home.nonce_key.touch(0o600)
    home.nonce_key.write_bytes(bytes(size))
    with pytest.raises(KeyMaterialError, match="delete the file"):
        open_nonce_key(home, entropy())
    assert home.nonce_key.read_bytes() == bytes(size)
