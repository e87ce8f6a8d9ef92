"""What every `tradewrit credentials` command works on: the authority, or only a look at its store."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from tradewrit.config.environment import process_environment
from tradewrit.config.places import data_folder
from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import JournalError, OurFault

if TYPE_CHECKING:
    from tradewrit.credentials.authority import Authority
    from tradewrit.credentials.home import Home
    from tradewrit.credentials.records import App
    from tradewrit.credentials.settings import Terms
    from tradewrit.credentials.store import CredentialStore


def home() -> "Home":
    """Where the files lie, whether they are there or not."""
    from tradewrit.credentials.home import Home

    return Home(data_folder(process_environment()))


def authority(terms: "Terms | None" = None) -> "Authority":
    """The authority of the home folder, founded there when there is none; to be closed.

    terms: only what issues a token needs to know them.
    """
    from tradewrit.credentials.authority import Authority
    from tradewrit.credentials.home import open_home

    return Authority.open(open_home(home().folder), terms=terms)


def has_store() -> bool:
    """Whether there is a credential store; raises JournalError when that cannot be seen."""
    path = home().store
    try:
        return path.exists()
    except OSError as why:
        raise JournalError(f"{path}: cannot be looked at: {why.strerror}") from why


@contextmanager
def looked_into() -> "Iterator[CredentialStore]":
    """The store, to read: founds nothing, changes nothing, and opens one whose audit trail is damaged.

    Raises JournalError when there is none.
    """
    from tradewrit.credentials.store import CredentialStore
    from tradewrit.runtime.journal.sqlite_file import Settings

    path = home().store
    if not has_store():
        raise JournalError(
            f"{path}: there is no credential store yet; `tradewrit credentials app add` founds one, unless "
            "TRADEWRIT_HOME should name another folder"
        )
    with closing(CredentialStore.open(path, settings=Settings(read_only=True), is_verified=False)) as store:
        yield store


def whoami() -> str:
    """Who gives the command, for the audit trail: `local:` and the name of the user of this machine."""
    try:
        import pwd

        return f"local:{pwd.getpwuid(os.getuid()).pw_name}"
    except (ImportError, KeyError):  # not POSIX, or a user without a name, as in a container
        return f"local:{os.getuid() if hasattr(os, 'getuid') else 'user'}"


def app_named(authority: "Authority", wanted: str) -> "App":
    """The app of that id, or the active one of that name; raises OurFault when there is none."""
    for app in authority.apps():
        if app.app_id == wanted or (app.name == wanted and app.deregistered_at is None):
            return app
    raise OurFault(f"there is no app {wanted!r}; `tradewrit credentials app list` shows what there is")


def second(at: int) -> str:
    """A time (UTC ns) for people, to the second."""
    return iso(at // SECOND * SECOND)
