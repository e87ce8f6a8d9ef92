"""The console entry point, and the place where concrete classes meet."""

from functools import partial
from typing import TYPE_CHECKING

import typer

from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli import (
    backtest,
    check,
    credentials,
    data,
    demo,
    desk,
    exchange,
    journal,
    run,
    sealed,
    sweep,
    watchdog,
)
from tradewrit.surfaces.cli.main import assemble

if TYPE_CHECKING:
    from tradewrit.brokers.paper.rules import PaperRules
    from tradewrit.credentials.authority import Authority
    from tradewrit.research.backtest.setup import Setup
    from tradewrit.runtime.writs import Writs


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
    runs = partial(backtest.register, setup_from=setup_from)
    checks = partial(check.register, setup_from=setup_from)
    sweeps = partial(sweep.register, setup_from=setup_from)
    return assemble(
        (
            demo.register,
            runs,
            checks,
            sweeps,
            data.register,
            journal.register,
            partial(exchange.register, rules_from=rules_from),
            partial(run.register, setup_from=setup_from, rules_from=rules_from, writs_from=writs_from),
            watchdog.register,
            desk.register,
            credentials.register,
            sealed.register,
        )
    )


def writs_from(config: Config, authority: "Authority", venue: str) -> "Writs":
    """What the agents of a configured desk act under: each an identity of its own at this authority.

    venue: where its orders go, by name. With `risk.allowed_symbols` entries are scoped to those.
    """
    from tradewrit.credentials.desk import AuthorityIssuer
    from tradewrit.runtime.roles import roles
    from tradewrit.runtime.writs import Writs

    terms = roles(
        config.mode, venue, symbols=config.risk.allowed_symbols, executor=config.writs.executor.constraints
    )
    return Writs(AuthorityIssuer(authority, config.account.name, terms, ttl_s=config.writs.ttl_s), terms)


def setup_from(config: Config) -> "Setup":
    """What a backtest runs under: the account, limits, review policy and venue of a configuration.

    Raises ConfigError for what no backtest can do: wait for a person.
    """
    from tradewrit.domain.orders import OrderType
    from tradewrit.domain.reviews import PolicyKind
    from tradewrit.research.backtest.setup import Setup

    if config.review.kind is not PolicyKind.AUTOMATIC:
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
    )
