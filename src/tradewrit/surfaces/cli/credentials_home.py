"""What every `tradewrit credentials` command works on: the authority, or only a look at its store."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from tradewrit.config.environment import process_environment
from tradewrit.config.places import data_folder
from tradewrit.config.tree import Config
from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import ConfigError, JournalCorrupt, JournalError, OurFault

if TYPE_CHECKING:
    from tradewrit.credentials.authority import Authority
    from tradewrit.credentials.home import Home
    from tradewrit.credentials.records import App
    from tradewrit.credentials.settings import Terms
    from tradewrit.credentials.store import CredentialStore

Issuer = Annotated[
    str | None,
    typer.Option("--issuer", help="What tokens say in `iss`, if not what `writs.issuer` is set to."),
]
TrustDomain = Annotated[
    str | None,
    typer.Option(
        "--trust-domain", help="First part of every agent's SPIFFE id, if not `writs.trust_domain`."
    ),
]


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


def terms_from(config: Config, issuer: str | None, trust_domain: str | None) -> "Terms":
    """What the tokens of this machine's authority say: as the options name it, else the configuration.

    Raises ConfigError for a trust domain that is none.
    """
    from tradewrit.credentials.identity import checked_trust_domain
    from tradewrit.credentials.settings import Terms

    writs = config.writs
    try:
        domain = writs.trust_domain if trust_domain is None else checked_trust_domain(trust_domain)
    except ValueError as error:
        raise ConfigError(f"--trust-domain: {error}") from None
    return Terms(issuer=(writs.issuer or "") if issuer is None else issuer, trust_domain=domain)


def known_authority() -> "Authority":
    """The authority of the home folder where there is one already; to be closed.

    For whatever ends something: a kill switch pulled in the wrong folder must not look as if it had worked.
    Raises JournalError when there is none, ConfigError as `open_home` does.
    """
    from tradewrit.credentials.home import open_home

    if home().folder.exists():
        open_home(home().folder)
    _refuse_without_store()
    return authority()


def authority_to_kill() -> "tuple[Authority, str]":
    """As `known_authority`, also where its audit trail cannot be trusted; and why not, "" where it can be."""
    from tradewrit.credentials.authority import Authority

    try:
        return known_authority(), ""
    except JournalCorrupt as why:
        return Authority.open(home(), is_verified=False), str(why)


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

    _refuse_without_store()
    with closing(
        CredentialStore.open(home().store, settings=Settings(read_only=True), is_verified=False)
    ) as store:
        yield store


def _refuse_without_store() -> None:
    if not has_store():
        raise JournalError(
            f"{home().store}: there is no credential store yet; `tradewrit credentials app add` founds one, "
            "unless TRADEWRIT_HOME should name another folder"
        )


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
