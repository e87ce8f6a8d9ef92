"""What the commands of a live desk have in common: where its journal is, its exchange, its key."""

from pathlib import Path
from typing import Annotated, Final

import typer

from tradewrit.config.environment import process_environment
from tradewrit.config.places import journal_file
from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError
from tradewrit.runtime.secret import Secret

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
        help="Act under writs of this machine's authority (tradewrit credentials), in the place of writs in "
        "memory.",
    ),
]


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
