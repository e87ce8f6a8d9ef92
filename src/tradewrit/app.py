"""The console entry point, and the place where concrete classes meet."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from tradewrit.config.tree import Config
from tradewrit.config.writs import AuthorityConfig
from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli import (
    backtest,
    check,
    credentials,
    data,
    demo,
    desk,
    desk_positions,
    exchange,
    journal,
    review,
    run,
    sealed,
    simulate,
    sweep,
    watchdog,
)
from tradewrit.surfaces.cli.main import assemble

if TYPE_CHECKING:
    from tradewrit.brokers.paper.rules import PaperRules
    from tradewrit.credentials.client_desk import ClientIssuer
    from tradewrit.credentials.remote import RemoteClient
    from tradewrit.research.backtest.setup import Setup
    from tradewrit.runtime.issuer import Issuer
    from tradewrit.runtime.roles import Terms
    from tradewrit.runtime.secret import Secret
    from tradewrit.runtime.writs import Writs

_PATIENCE_S: Final = 3.0
"""A desk waits no longer for its authority: what protects a position waits with it, once."""


def main() -> None:
    """Run the `tradewrit` command line; never returns.

    Exit code 0 for success, 2 for wrong use, 1 for a failure that standard error explains, 130 when
    interrupted.
    """
    from tradewrit.surfaces.cli.output import tolerate_any_text

    tolerate_any_text()
    command_line()(prog_name="tradewrit")


def command_line() -> typer.Typer:
    """Every command there is."""
    demos = partial(demo.register, issuer_from=issuer_from)
    runs = partial(backtest.register, setup_from=setup_from)
    running = partial(setup_from, may_ask=True)
    checks = partial(check.register, setup_from=setup_from)
    sweeps = partial(sweep.register, setup_from=setup_from)
    return assemble(
        {
            "Research": (demos, runs, checks, sweeps, data.register),
            "A desk that runs": (
                partial(run.register, setup_from=running, rules_from=rules_from, issuer_from=issuer_from),
                desk.register,
                desk_positions.register,
                review.register,
                partial(watchdog.register, issuer_from=issuer_from),
                partial(exchange.register, rules_from=rules_from),
            ),
            "Who may act": (credentials.register, sealed.register),
            "Proof": (journal.register, simulate.register),
        }
    )


SecretOf = Callable[[str], "Secret"]
"""The secret that the sealed store keeps under a name; it may ask a person for the passphrase."""


@contextmanager
def writs_from(config: Config, venue: str, home: Path, secret_of: SecretOf) -> Iterator["Writs"]:
    """What the agents of a configured desk act under: each an identity of its own.

    venue: where its orders go, by name. With `risk.allowed_symbols` entries are scoped to those.
    home, secret_of: see `issuer_from`.
    """
    from tradewrit.runtime.roles import roles
    from tradewrit.runtime.writs import Writs

    terms = roles(
        config.mode,
        venue,
        symbols=config.risk.allowed_symbols,
        executor=config.writs.executor.constraints,
        protective_ttl_s=config.writs.protective_ttl_s,
    )
    with issuer_from(config, terms, home, secret_of) as issuer:
        yield Writs(issuer, terms, kill_grace_s=config.writs.kill_grace_s)


@contextmanager
def issuer_from(
    config: Config, terms: Mapping[str, "Terms"], home: Path, secret_of: SecretOf, *, pace: int = 1
) -> Iterator["Issuer"]:
    """Who issues a desk's writs: the authority at `writs.authority.url`, else the one of the home folder.

    secret_of: of the app, asked for only if the authority is elsewhere. pace: see `ClientIssuer`.
    Raises what says why the desk cannot begin there: ConfigError, Unreachable, OurFault.
    """
    if config.writs.authority.url is None:
        from tradewrit.credentials.authority import Authority
        from tradewrit.credentials.desk import AuthorityIssuer
        from tradewrit.credentials.home import open_home
        from tradewrit.credentials.settings import Terms as AuthorityTerms

        said = AuthorityTerms(issuer=config.writs.issuer or "", trust_domain=config.writs.trust_domain)
        with Authority.open(open_home(home), terms=said) as authority:
            yield AuthorityIssuer(authority, config.account.name, terms, ttl_s=config.writs.ttl_s)
        return
    with closing(_client(config.writs.authority, secret_of)) as client:
        yield _joined(client, config, terms, pace)


def _client(there: AuthorityConfig, secret_of: SecretOf) -> "RemoteClient":
    """Raises ConfigError when it is not said as which app."""
    from tradewrit.credentials.remote import RemoteClient

    if there.client_id is None:
        raise ConfigError(
            f"writs.authority.client_id: is not set, so {there.url} cannot be told who asks; "
            "`tradewrit credentials app add` there prints it"
        )
    return RemoteClient(
        there.url or "",
        there.client_id,
        secret_of(there.sealed_as).reveal(),
        timeout_s=_PATIENCE_S,
        authorities=None if there.certificates is None else Path(there.certificates).expanduser(),
        is_plain_allowed=there.allow_plain_http,
    )


def _joined(
    client: "RemoteClient", config: Config, terms: Mapping[str, "Terms"], pace: int
) -> "ClientIssuer":
    from tradewrit.credentials.client_desk import ClientIssuer
    from tradewrit.credentials.joining import Door, register, sign_in

    there = config.writs.authority
    door = Door(url=there.url or "", client_id=there.client_id or "")
    is_plain = sign_in(client, door, is_plain_enough=there.plain_protocol)
    issuer = ClientIssuer(
        client,
        config.account.name,
        ttl_s=config.writs.ttl_s,
        needs_proof=there.needs_proof,
        is_plain=is_plain,
        poll_s=there.poll_s,
        pace=pace,
    )
    register(issuer, door, terms)
    return issuer


def setup_from(config: Config, *, may_ask: bool = False) -> "Setup":
    """What a run goes by: the account, limits, review policy and venue of a configuration.

    may_ask: whether people can answer. Raises ConfigError for what no backtest can do: wait for a person.
    """
    from tradewrit.domain.orders import OrderType
    from tradewrit.domain.reviews import PolicyKind
    from tradewrit.research.backtest.setup import Setup

    if config.review.kind is not PolicyKind.AUTOMATIC and not may_ask:
        raise ConfigError(
            f"review.kind: {config.review.kind} asks people, and in a backtest nobody answers: no entry "
            "would ever leave; set review.kind: automatic for this run"
        )
    return Setup(
        account=config.account.name,
        currency=config.account.currency,
        mode="backtest",
        initial_cash=config.account.initial_cash,
        entry_type=OrderType(config.entry),
        reverse=config.reverse,
        protection=config.protection,
        before_session_end_minutes=config.exits.before_session_end_minutes,
        sizing=config.sizing,
        limits=config.risk,
        review=config.review,
        rules=rules_from(config),
        instruments={one.symbol: one for one in config.instruments},
        calendar=config.data.calendar or "",
        entries=config.writs.executor.constraints,
        seed=config.seed,
    )


def rules_from(config: Config) -> "PaperRules":
    """What the paper exchange of a configuration does."""
    from tradewrit.brokers.paper.rules import PaperRules

    return PaperRules(
        fees=config.paper.fees,
        market_fills=config.paper.market_fills,
        slippage_bps=config.paper.slippage_bps,
        limit_fills=config.paper.limit_fills,
        participation_fraction=config.paper.participation_fraction,
        settlement_days=config.paper.settlement_days,
        sessions=config.paper.sessions,
        margin=config.account.type == "margin",
        max_leverage=config.risk.max_leverage,
        reject_fraction=config.paper.reject_fraction,
        halts=config.paper.halts,
    )
