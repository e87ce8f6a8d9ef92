"""What the commands of a live desk have in common: where its journal is, its exchange, its key."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tradewrit.config.environment import process_environment
from tradewrit.config.places import data_folder, journal_file
from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError, Unreachable
from tradewrit.runtime.secret import Secret
from tradewrit.surfaces.cli.sealed_key import kept_secret

if TYPE_CHECKING:
    from tradewrit.runtime.issuer import Issuer
    from tradewrit.runtime.roles import Terms

IssuerFrom = Callable[..., "AbstractContextManager[Issuer]"]
"""As `app.issuer_from`."""

PAPER: Final = "paper"
"""The broker that is an exchange in the desk's own process."""

JournalFile = Annotated[
    Path | None,
    typer.Option(
        "--journal", metavar="FILE", help="The account's journal. Without it, the configuration's place."
    ),
]
Broker = Annotated[
    str,
    typer.Option(
        "--broker",
        metavar="paper|URL",
        help="Address of an exchange server (tradewrit exchange serve), or `paper` for one in this process, "
        "which needs --data.",
    ),
]
KeyEnv = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Environment variable with the key that the exchange server asks for."),
]
UnderAuthority = Annotated[
    bool,
    typer.Option(
        "--authority",
        help="Act under writs of an authority, in the place of writs in memory: the one at "
        "writs.authority.url, else that of this machine.",
    ),
]


@contextmanager
def reaching(option: str) -> Iterator[None]:
    """For what an exchange elsewhere is asked: one that cannot be reached is told with what to look at."""
    try:
        yield
    except Unreachable as lost:
        raise Unreachable(
            f"{lost}. Does the exchange run (`tradewrit exchange serve`), and is that its address ({option})?"
        ) from lost


def journal_of(config: Config, given: Path | None) -> Path:
    """The journal that was named, or the configuration's; raises ConfigError when there is none."""
    found = given or journal_file(config, process_environment())
    if found is None:
        raise ConfigError("a live desk needs a journal on disk: give --journal FILE, or set mode: paper")
    return found


def key_from(name: str | None) -> Secret | None:
    """What an environment variable holds; raises ConfigError when it holds nothing."""
    if name is None:
        return None
    text = process_environment().get(name, "")
    if not (text and text.isascii() and text.isprintable()):
        raise ConfigError(f"--key-env {name}: that variable is not set, or holds no printable ASCII text")
    return Secret("exchange_key", text)


def issuing(
    stack: ExitStack,
    issuer_from: IssuerFrom,
    config: Config,
    passphrase_file: Path | None,
    key_file: Path | None,
) -> "Callable[[Mapping[str, Terms]], Issuer]":
    """Who issues writs for some terms, for as long as the stack is open."""

    def secret_of(name: str) -> Secret:
        return kept_secret(name, passphrase_file, key_file)

    def issuer_of(terms: "Mapping[str, Terms]") -> "Issuer":
        home = data_folder(process_environment())
        return stack.enter_context(issuer_from(config, terms, home, secret_of))

    return issuer_of
