"""`tradewrit credentials inspect`: what a token says and whether it counts, without showing the token."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import OurFault, TokenRefused
from tradewrit.surfaces.cli.credentials_home import home, looked_into
from tradewrit.surfaces.cli.credentials_limits import limits_in_words
from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, example

if TYPE_CHECKING:
    from tradewrit.credentials.claims import Claims
    from tradewrit.credentials.records import Standing

STDIN: Final = "-"
_MOST_READ: Final = 65_536


def register(group: typer.Typer) -> None:
    """Add `inspect`."""
    group.command(
        "inspect",
        # Taken, to be refused in words of our own: typer's would repeat what was typed.
        context_settings={"allow_extra_args": True},
        epilog=example(
            "tradewrit credentials inspect < token.txt",
            'echo "$TOKEN" | tradewrit credentials inspect --json',
        ),
    )(_inspect)


def _inspect(
    context: typer.Context,
    token: Annotated[
        str, typer.Argument(metavar="TOKEN", help="The token; `-` reads it from standard input.")
    ] = STDIN,
    as_json: Json = False,
) -> None:
    """Show what a token says, whether it counts now, and who passed it on.

    Exit code 1 when it does not count: expired, revoked, renewed, or not one of ours.
    """
    if context.args:
        raise typer.BadParameter("one token at a time, in one word", param_hint="TOKEN")
    from tradewrit.runtime.clock import SystemClock

    now = SystemClock().now()
    claims = genuine_claims(given(token), now)
    with looked_into() as store:
        standing = store.standing(claims.jti, now)
    if as_json:
        emit_json(_told(claims, standing))
    else:
        _emit(claims, standing)
    if standing != "live":
        explain(f"the token does not count: it is {standing}")
        raise typer.Exit(FAILED)


def given(token: str) -> str:
    """The token that was named, or the one on standard input."""
    if token != STDIN:
        return token.strip()
    text = sys.stdin.buffer.read(_MOST_READ + 1)
    if not text.strip():
        raise OurFault("there is no token on standard input")
    return text.decode("ascii", "replace").strip()


def genuine_claims(token: str, now: int) -> "Claims":
    """What a token of this home says, live or not; raises OurFault, which says why, for any other."""
    from tradewrit.credentials.key_file import load_keyring
    from tradewrit.credentials.tokens import verify_genuine

    keys = load_keyring(home().signing_key).key_set
    try:
        return verify_genuine(token, keys, now=now)
    except TokenRefused as error:
        # A stranger is not told; whoever reads the signing key could find out anyway.
        raise OurFault(f"this is no token of the authority in {home().folder}: {error.reason}") from None


def _told(claims: "Claims", standing: "Standing") -> dict[str, Any]:
    return {
        "standing": standing,
        "is_live": standing == "live",
        "issued_at": iso(claims.iat * SECOND),
        "expires_at": iso(claims.exp * SECOND),
        "constraints": claims.constraints,
        "claims": claims,
    }


def _emit(claims: "Claims", standing: "Standing") -> None:
    style = "green" if standing == "live" else "bold red"
    rows: list[tuple[str, str | Text]] = [
        ("standing", Text(standing, style)),
        ("holder", claims.sub),
        ("token id", claims.jti),
        ("scopes", " ".join(claims.scope)),
        ("limits", limits_in_words(claims.constraints)),
        ("issued", iso(claims.iat * SECOND)),
        ("expires", iso(claims.exp * SECOND)),
        ("task", f"{claims.orch_id}/{claims.task_id}"),
        ("issuer, audience", f"{claims.iss or 'none'}, {' '.join(claims.aud) or 'none'}"),
        ("proof needed", "no" if claims.cnf is None else f"of key {claims.cnf.jkt}"),
        ("protective", "yes" if claims.protective else "no"),
    ]
    for hop, one in enumerate(claims.delegation_chain, 1):
        rows.append(
            (f"delegated, {hop}", f"by {one.agent}, who held {' '.join(one.scope)}, {one.delegated_at}")
        )
    emit_table((), rows)
