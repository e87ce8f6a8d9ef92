"""`tradewrit secrets set|list|remove|keygen|reseal`: the keys of brokers, encrypted at rest.

No command prints a value, and none takes one as an argument.
"""

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import OurFault
from tradewrit.runtime.clock import SystemClock, system_entropy
from tradewrit.surfaces.cli import asking
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example
from tradewrit.surfaces.cli.sealed_key import (
    KeyFile,
    PassphraseFile,
    has_store,
    new_key,
    opened_store,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the secret is called, such as alpaca_key.")]
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_GIVEN_AWAY: Final = (
    "a secret is never given on the command line, where the shell's history and the list of processes "
    "keep it: take that one as known to others, have it replaced, and run `tradewrit secrets set NAME`, "
    "which asks for it or reads it from standard input"
)


def register(app: typer.Typer) -> None:
    """Add `tradewrit secrets set|list|remove|keygen|reseal`."""
    group = typer.Typer(help="Keep broker keys, encrypted at rest.", no_args_is_help=True)
    group.command(
        "set",
        # Taken, to be refused in words of our own: typer's would repeat what was typed.
        context_settings={"allow_extra_args": True},
        epilog=example(
            "tradewrit secrets set alpaca_key",
            "pass show alpaca | tradewrit secrets set alpaca_key --passphrase-file ~/.tradewrit-passphrase",
            "tradewrit secrets set alpaca_key --key-file ~/desk.key --json",
        ),
    )(_set)
    group.command("list", epilog=example("tradewrit secrets list", "tradewrit secrets list --json"))(_list)
    group.command("remove", epilog=example("tradewrit secrets remove alpaca_key"))(_remove)
    group.command(
        "keygen",
        epilog=example(
            "tradewrit secrets keygen ~/desk.key",
            "TRADEWRIT_KEY_FILE=~/desk.key tradewrit secrets set alpaca_key",
        ),
    )(_keygen)
    group.command(
        "reseal",
        epilog=example(
            "tradewrit secrets reseal",
            "tradewrit secrets reseal --key-file ~/old.key --new-key-file ~/new.key",
        ),
    )(_reseal)
    app.add_typer(group, name="secrets")


def _set(
    context: typer.Context,
    name: Name,
    passphrase_file: PassphraseFile = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Keep a secret under a name: asked for without being shown, or read from standard input.

    A secret of that name is replaced. The first one makes the store: sealed with a passphrase, or with
    the key that --key-file names. It is an age file, so that `age` opens it as well.
    """
    if context.args or "=" in name:
        raise typer.BadParameter(_GIVEN_AWAY)
    _refuse_bad(name)
    store = opened_store(passphrase_file, key_file)
    secret = asking.typed_or_piped(name, f"Value of {name} (not shown)")
    now = SystemClock().now() // SECOND * SECOND
    replaced = store.put(secret, now, system_entropy)
    if as_json:
        emit_json({"name": name, "set_at": iso(now), "replaced": replaced})
    else:
        emit_text(f"{name}: {'replaced' if replaced else 'kept'}")


def _list(passphrase_file: PassphraseFile = None, key_file: KeyFile = None, as_json: Json = False) -> None:
    """Show the names of the secrets and when they were set; never a value."""
    names = opened_store(passphrase_file, key_file).names() if has_store() else {}
    if as_json:
        emit_json({"secrets": [{"name": name, "set_at": iso(at)} for name, at in names.items()]})
    elif names:
        emit_table(("secret", "set at (UTC)"), [(name, iso(at)) for name, at in names.items()])
    else:
        emit_text("no secrets; `tradewrit secrets set NAME` keeps one")


def _remove(
    name: Name,
    passphrase_file: PassphraseFile = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Forget a secret. What a copy of the file still holds, a copy of the key still opens."""
    _refuse_bad(name)
    _refuse_without_store()
    opened_store(passphrase_file, key_file).remove(name, system_entropy)
    if as_json:
        emit_json({"name": name, "removed": True})
    else:
        emit_text(f"{name}: removed")


def _keygen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to put it; must not be there yet.")],
    as_json: Json = False,
) -> None:
    """Make a key for the store, as age-keygen does. Whoever has the file opens the store; keep a copy."""
    from tradewrit.credentials.sealed.key_file import write_key_file
    from tradewrit.credentials.sealed.keys import AgeKey

    key = AgeKey.draw(system_entropy)
    write_key_file(file, key, SystemClock().now())
    if as_json:
        emit_json({"key_file": str(file), "public_key": key.public})
    else:
        emit_text(f"{file}: a new key, {key.public}; keep a copy elsewhere, nothing else opens the store")


def _reseal(
    new_passphrase_file: Annotated[
        Path | None,
        typer.Option("--new-passphrase-file", metavar="FILE", help="Read the new passphrase from it."),
    ] = None,
    new_key_file: Annotated[
        Path | None,
        typer.Option("--new-key-file", metavar="FILE", help="Seal with the key in it from now on."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    key_file: KeyFile = None,
    as_json: Json = False,
) -> None:
    """Seal the store with another passphrase or key; without a file, the new passphrase is asked for.

    Old copies of the file still open with what opened them: if that is known to others, replace the
    broker keys as well.
    """
    _refuse_without_store()
    store = opened_store(passphrase_file, key_file)
    key = new_key(new_passphrase_file, new_key_file)
    store.reseal(key, system_entropy)
    if as_json:
        emit_json({"resealed": True, "sealed_with": key.words})
    else:
        emit_text(f"sealed with the new {key.words}; the old one opens it no more")


def _refuse_bad(name: str) -> None:
    if not _NAME.fullmatch(name):
        # Not repeated: it may be the secret itself, in the wrong place.
        raise typer.BadParameter(
            "a name begins with a letter and has at most 64 letters, digits, _ . or -", param_hint="NAME"
        )


def _refuse_without_store() -> None:
    """Before anybody is asked for the passphrase of nothing."""
    if not has_store():
        raise OurFault("there is no sealed store yet; `tradewrit secrets set NAME` makes it")
