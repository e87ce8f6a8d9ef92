"""What opens the sealed store: every `tradewrit secrets` command asks here, none keeps it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tradewrit.config.environment import process_environment
from tradewrit.config.places import data_folder
from tradewrit.errors import KeyMaterialError, OurFault
from tradewrit.runtime.secret import Secret
from tradewrit.surfaces.cli import asking
from tradewrit.surfaces.cli.errors import explain

if TYPE_CHECKING:
    from tradewrit.credentials.sealed.keys import Passphrase, SealingKey
    from tradewrit.credentials.sealed.store import SealedStore

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        metavar="FILE",
        envvar="TRADEWRIT_PASSPHRASE_FILE",
        help="Read the passphrase from a file only you can read; without it, it is asked for.",
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        envvar="TRADEWRIT_KEY_FILE",
        help="Open the store with a key instead: one from `tradewrit secrets keygen` or age-keygen.",
    ),
]
_PASSPHRASE: Final = "passphrase"  # noqa: S105 - what it is called
_SHORT: Final = 12


def sealing_key(sealed: Path, passphrase_file: Path | None, key_file: Path | None) -> "SealingKey":
    """What opens the store at `sealed`, or will open it when there is none yet.

    Raises KeyMaterialError when a file with it cannot be used or the store is sealed the other way, and
    OurFault when nobody is there to ask.
    """
    from tradewrit.credentials.sealed.key_file import read_key_file
    from tradewrit.credentials.sealed.store import opens_with_passphrase

    is_passphrased = opens_with_passphrase(sealed)
    if is_passphrased is None:
        return new_key(passphrase_file, key_file)
    if is_passphrased:
        if passphrase_file is None and key_file is not None:
            raise KeyMaterialError(f"{sealed}: it is sealed with a passphrase; a key file does not open it")
        return _passphrase(passphrase_file, is_new=False)
    if key_file is None:
        raise KeyMaterialError(
            f"{sealed}: it is sealed with a key: name its file with --key-file or TRADEWRIT_KEY_FILE"
        )
    return read_key_file(key_file)


def opened_store(passphrase_file: Path | None, key_file: Path | None) -> "SealedStore":
    """The sealed store of the data folder, there or not, with what opens it; raises as `sealing_key`."""
    from tradewrit.credentials.home import open_home
    from tradewrit.credentials.sealed.store import SealedStore

    sealed = open_home(data_folder(process_environment())).sealed
    return SealedStore(sealed, sealing_key(sealed, passphrase_file, key_file))


def has_store() -> bool:
    """Whether there is one; makes nothing."""
    from tradewrit.credentials.home import open_home

    folder = data_folder(process_environment())
    return folder.exists() and open_home(folder).sealed.exists()


def kept_secret(name: str, passphrase_file: Path | None, key_file: Path | None) -> Secret:
    """What the sealed store keeps under a name; raises OurFault or KeyMaterialError, with what to do."""
    if not has_store():
        raise OurFault(
            f"there is no sealed store yet, so no secret {name!r}; `tradewrit secrets set {name}` makes it"
        )
    return opened_store(passphrase_file, key_file).secret(name)


def new_key(passphrase_file: Path | None, key_file: Path | None) -> "SealingKey":
    """What will open a store from now on: from one of the files, or a passphrase that is asked for twice.

    Raises KeyMaterialError when a file with it cannot be used, and OurFault when both are named or nobody
    is there to ask.
    """
    from tradewrit.credentials.sealed.key_file import read_key_file

    if key_file is None:
        return _passphrase(passphrase_file, is_new=True)
    if passphrase_file is not None:
        raise OurFault("the store is sealed with a passphrase or with a key, and files with both are named")
    return read_key_file(key_file)


def _passphrase(file: Path | None, *, is_new: bool) -> "Passphrase":
    from tradewrit.credentials.sealed.keys import Passphrase

    if file is not None:
        secret = asking.from_file(_PASSPHRASE, file)
    else:
        secret = _asked(is_new=is_new)
    if is_new and len(secret.reveal()) < _SHORT:
        explain(f"a passphrase of fewer than {_SHORT} characters can be guessed", is_warning=True)
    return Passphrase(secret)


def _asked(*, is_new: bool) -> Secret:
    try:
        if is_new:
            return asking.typed_twice(_PASSPHRASE, "New passphrase for the sealed store")
        return asking.typed(_PASSPHRASE, "Passphrase of the sealed store")
    except OurFault as why:
        raise OurFault(f"{why}; name a file that holds it with --passphrase-file") from None
