"""Who gives a command at a desk where several people have to agree: an operator, who logs in for each."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError, JournalError, OurFault
from tradewrit.surfaces.cli import asking
from tradewrit.surfaces.cli.errors import explain

if TYPE_CHECKING:
    from tradewrit.credentials.operator_login import OperatorLogins
    from tradewrit.runtime.live.people import Prove

As = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="NAME",
        help="Log in as this operator of the authority, whose secret is asked for. Needed where several "
        "people have to agree.",
    ),
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        envvar="TRADEWRIT_OPERATOR_SECRET_FILE",
        help="Read the operator's secret from a file only you can read; without it, it is asked for.",
    ),
]
_WHAT: Final = "operator's secret"
_PATIENCE_S: Final = 5.0


def prover(stack: ExitStack, config: Config) -> "Prove":
    """Who a person is that logs in at a desk, for as long as the stack is open.

    A desk that cannot be told looks after what it holds all the same, and says so.
    """
    from tradewrit.runtime.live.people import nobody_proves

    try:
        return stack.enter_context(logins(config)).prove
    except ConfigError as why:
        explain(f"nobody can log in at this desk: {why}", is_warning=True)
        return nobody_proves


@contextmanager
def logins(config: Config) -> Iterator["OperatorLogins"]:
    """Where operators log in: the authority at `writs.authority.url`, else that of this machine."""
    from tradewrit.credentials.operator_login import LocalLogins, RemoteLogins
    from tradewrit.credentials.remote_http import Http
    from tradewrit.surfaces.cli.credentials_home import known_authority

    there = config.writs.authority
    if there.url is None:
        yield LocalLogins(known_authority)
        return
    certificates = None if there.certificates is None else Path(there.certificates).expanduser()
    with closing(Http(there.url, _PATIENCE_S, certificates)) as http:
        yield RemoteLogins(http)


def login(config: Config, name: str, secret_file: Path | None) -> str:
    """A login that counts once, or "" for somebody whom the system names anyway.

    Raises OurFault for a secret that is another's, and what the authority raises for one that is wrong.
    """
    if not name:
        return ""
    if secret_file is None:
        try:
            secret = asking.typed(_WHAT, f"Secret of {name}")
        except OurFault as why:
            raise OurFault(f"{why}; name a file that holds it with --secret-file") from None
    else:
        secret = asking.from_file(_WHAT, secret_file)
    if not secret.reveal().startswith(f"op-{name}-"):
        raise OurFault(f"that is not the secret of {name}: one begins with op-{name}-, as it was handed over")
    with logins(config) as found:
        return found.login(secret)


def people_missing(config: Config) -> str:
    """What to say where fewer operators are known here than have to agree; "" where that is no matter.

    How many an authority elsewhere knows it does not tell.
    """
    from tradewrit.surfaces.cli.credentials_home import has_store, looked_into

    needed = config.review.most_people
    if needed < 2 or config.writs.authority.url is not None:
        return ""
    known = 0
    try:
        if has_store():
            with looked_into() as store:
                known = sum(one.removed_at is None for one in store.operators())
    except JournalError as why:  # no reason not to look after what is held
        return f"{needed} people have to agree before an entry leaves, and nobody can say who they are: {why}"
    if known >= needed:
        return ""
    return (
        f"{needed} people have to agree before an entry leaves, and the authority of this machine knows "
        f"{known}: `tradewrit credentials operator add NAME` adds one; until then no question can be answered"
    )
