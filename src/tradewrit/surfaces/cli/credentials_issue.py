"""`tradewrit credentials issue`: a token for a script, or a launch token for an agent with its own key."""

import base64
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.credentials_home import (
    Issuer,
    TrustDomain,
    app_named,
    authority,
    terms_from,
    whoami,
)
from tradewrit.surfaces.cli.credentials_limits import Limits, constraints_from, limits_in_words
from tradewrit.surfaces.cli.output import Json, emit_json, emit_text, example, note

if TYPE_CHECKING:
    from tradewrit.credentials.authority import Authority
    from tradewrit.credentials.requests import Issued, Launch


def register(group: typer.Typer) -> None:
    """Add `issue`."""
    group.command(
        "issue",
        epilog=example(
            "tradewrit credentials issue --app desk --scope write:trades:AAPL --limit max_quantity=100",
            "TOKEN=$(tradewrit credentials issue --scope read:trades:AAPL --ttl 600)",
            "tradewrit credentials issue --app desk --scope write:trades:AAPL --launch --needs-proof",
        ),
    )(_issue)


def _issue(
    scopes: Annotated[
        list[str],
        typer.Option(
            "--scope", metavar="SCOPE", help="What it permits, such as read:trades:AAPL; may be repeated."
        ),
    ],
    app: Annotated[
        str | None,
        typer.Option(
            "--app", metavar="APP", help="For this app (name or id), within its ceiling; without it, none."
        ),
    ] = None,
    orch: Annotated[
        str, typer.Option("--orch", metavar="ID", help="First part of the agent's id: who runs it.")
    ] = "shell",
    task: Annotated[
        str, typer.Option("--task", metavar="ID", help="Second part: what it is doing.")
    ] = "script",
    ttl: Annotated[
        int | None,
        typer.Option("--ttl", metavar="SECONDS", min=1, help="Life of the token; 300 unless named."),
    ] = None,
    limits: Limits = None,
    is_launch: Annotated[
        bool,
        typer.Option(
            "--launch", help="A launch token, with which an agent registers a key of its own, once."
        ),
    ] = False,
    good_for: Annotated[
        int | None,
        typer.Option(
            "--good-for",
            metavar="SECONDS",
            min=1,
            help="With --launch: until when it can be used; 30 unless named.",
        ),
    ] = None,
    needs_proof: Annotated[
        bool,
        typer.Option(
            "--needs-proof", help="With --launch: the token counts only with proof of the agent's key."
        ),
    ] = False,
    is_protective: Annotated[
        bool,
        typer.Option("--protective", help="A writ that only shrinks positions and outlives the kill switch."),
    ] = False,
    issuer: Issuer = None,
    trust_domain: TrustDomain = None,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Register an agent and print its token, or with --launch the right to register one.

    Standard output carries the token and nothing else; it is shown once, and no file keeps it.
    """
    if not is_launch and (needs_proof or good_for is not None):
        raise typer.BadParameter(
            "goes with --launch", param_hint="--needs-proof" if needs_proof else "--good-for"
        )
    from tradewrit.credentials.requests import LaunchRequest, Local

    request = LaunchRequest(
        agent_name=f"{orch}/{task}",
        allowed_scope=tuple(scopes),
        max_ttl_s=ttl or 0,
        ttl_s=good_for,
        constraints=constraints_from(limits),
        needs_proof=needs_proof,
        is_protective=is_protective,
    )
    with authority(terms_from(in_force(config), issuer, trust_domain)) as opened:
        holder = Local(whoami(), "" if app is None else app_named(opened, app).app_id)
        launch = opened.launch(holder, request)
        issued = None if is_launch else _registered(opened, launch, orch, task)
    if issued is None:
        _emit_launch(launch, as_json=as_json)
    else:
        _emit_issued(issued, as_json=as_json)


def _registered(authority: "Authority", launch: "Launch", orch: str, task: str) -> "Issued":
    """The ceremony of the protocol, with a key that is drawn for it and then forgotten."""
    from tradewrit.credentials.keys import SigningKey
    from tradewrit.credentials.requests import Registration
    from tradewrit.runtime.clock import system_entropy

    key = SigningKey.draw(system_entropy)
    nonce = authority.challenge().nonce
    return authority.register(
        Registration(
            launch_token=launch.secret,
            nonce=nonce,
            public_key=base64.b64encode(key.public.raw).decode(),
            signature=base64.b64encode(key.sign(bytes.fromhex(nonce))).decode(),
            orch_id=orch,
            task_id=task,
            requested_scope=launch.allowed_scope,
        )
    )


def _emit_issued(issued: "Issued", *, as_json: bool) -> None:
    claims = issued.claims
    expires_at = iso(claims.exp * SECOND)
    if as_json:
        told: dict[str, Any] = {
            "agent_id": claims.sub,
            "access_token": issued.token,
            "expires_in": issued.expires_in,
            "expires_at": expires_at,
            "token_id": claims.jti,
            "scope": claims.scope,
            "constraints": claims.constraints,
        }
        emit_json(told)
        return
    emit_text(issued.token)
    note(
        f"{claims.sub}\ntoken {claims.jti}, until {expires_at}, limits: {limits_in_words(claims.constraints)}"
    )


def _emit_launch(launch: "Launch", *, as_json: bool) -> None:
    expires_at = iso(launch.expires_at)
    if as_json:
        policy = {"allowed_scope": launch.allowed_scope, "max_ttl": launch.max_ttl_s}
        emit_json({"launch_token": launch.secret, "expires_at": expires_at, "policy": policy})
        return
    emit_text(launch.secret)
    note(f"good once, until {expires_at}, limits: {limits_in_words(launch.constraints)}")
