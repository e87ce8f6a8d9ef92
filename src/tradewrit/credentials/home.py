"""The home folder: where the authority and the commands find each other's files.

The caller says where it is (`config.places.data_folder` of the environment). Knows names and who may
reach them, and nothing of what is in the files.
"""

import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from tradewrit.credentials.private_file import held, read_private, write_private
from tradewrit.errors import ConfigError, KeyMaterialError
from tradewrit.runtime.clock import Entropy

NONCE_KEY_BYTES: Final = 32
_WRITABLE_BY_OTHERS: Final = 0o022
_NONCE_KEY: Final = "the nonce key"
_ELSEWHERE: Final = "set TRADEWRIT_HOME to a folder of your own"


class Home(msgspec.Struct, frozen=True):
    """The files of one authority, in one folder."""

    folder: Path

    @property
    def signing_key(self) -> Path:
        """The keyring (`key_file`)."""
        return self.folder / "signing.pem"

    @property
    def store(self) -> Path:
        """The credential store (`store`)."""
        return self.folder / "credentials.db"

    @property
    def nonce_key(self) -> Path:
        """What marks our challenges (`open_nonce_key`)."""
        return self.folder / "nonce.key"

    @property
    def sealed(self) -> Path:
        """The broker keys, encrypted."""
        return self.folder / "secrets.sealed"


def open_home(folder: Path) -> Home:
    """The home in `folder`, made (mode 0700) when it is not there.

    Others may not write to it, for they could put keys of their own in the place of ours; to look into
    it shows them names only, for every file in it is closed to them. Raises ConfigError when it cannot
    be made, is no folder, cannot be written to, or when others may write to it.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = stat.S_IMODE(folder.stat().st_mode)
    except FileExistsError:
        raise ConfigError(f"{folder}: is not a folder: {_ELSEWHERE}") from None
    except OSError as error:
        raise ConfigError(f"{folder}: cannot make the home folder: {error.strerror}; {_ELSEWHERE}") from error
    if os.name == "posix" and mode & _WRITABLE_BY_OTHERS:
        raise ConfigError(
            f"{folder}: other users may write to the home folder (mode {mode:04o}); "
            f"if nobody has put anything there: chmod 700 {folder}"
        )
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise ConfigError(f"{folder}: cannot write to the home folder: make it writable, or {_ELSEWHERE}")
    return Home(folder)


def open_nonce_key(home: Home, entropy: Entropy) -> bytes:
    """The 32 bytes that mark our challenges, drawn at the first start.

    Of several processes that start at once, one draws them and all get them. Raises KeyMaterialError
    when the file cannot be read or written, is damaged, or is open to other users.
    """
    path = home.nonce_key
    with held(path, _NONCE_KEY):
        if not path.exists():
            write_private(path, _NONCE_KEY, entropy(NONCE_KEY_BYTES))
        key = read_private(path, _NONCE_KEY, advice="delete it for a new one if they might have read it")
    if len(key) != NONCE_KEY_BYTES:
        raise KeyMaterialError(
            f"{path}: the nonce key is damaged ({len(key)} bytes, not {NONCE_KEY_BYTES}): delete the file; "
            "a new one is made, and only challenges that are open now are lost"
        )
    return key
