"""`tradewrit run`: a desk kept alive against an exchange."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from tradewrit.config.tree import Config, VenueConfig
from tradewrit.domain.market import SECOND
from tradewrit.errors import ConfigError, OurFault, StrategyError, WrongVenue
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.errors import explain
from tradewrit.surfaces.cli.live_options import (
    PAPER,
    Broker,
    IssuerFrom,
    JournalFile,
    KeyEnv,
    UnderAuthority,
    issuing,
    journal_of,
    key_from,
    reaching,
)
from tradewrit.surfaces.cli.login import people_missing, prover
from tradewrit.surfaces.cli.output import Json, emit_text, example
from tradewrit.surfaces.cli.parameters import Params, SetupFrom, StrategyOption, parameters_of
from tradewrit.surfaces.cli.sealed_key import KeyFile, PassphraseFile
from tradewrit.surfaces.cli.selection import Symbols, named

if TYPE_CHECKING:
    from tradewrit.brokers.paper.rules import PaperRules
    from tradewrit.research.backtest.setup import Setup
    from tradewrit.runtime.live.policy import LivePolicy
    from tradewrit.strategies.base import Strategy
    from tradewrit.surfaces.cli.exchange_inside import Inside

RulesFrom = Callable[[Config], "PaperRules"]


def register(app: typer.Typer, setup_from: SetupFrom, rules_from: RulesFrom, issuer_from: IssuerFrom) -> None:
    """Add `tradewrit run`."""

    @app.command(
        "run",
        epilog=example(
            "tradewrit run --strategy trend_following --broker http://127.0.0.1:8090 --symbols AAPL",
            "tradewrit run --strategy mine.py --broker paper --data minutes.parquet --speed 60x",
            "tradewrit run --config desk.yaml --broker http://127.0.0.1:8090 --journal desk.sqlite",
        ),
    )
    def _run(
        broker: Broker = PAPER,
        strategy: StrategyOption = None,
        config: ConfigFile = None,
        journal: JournalFile = None,
        param: Params = None,
        symbols: Symbols = None,
        data: Annotated[
            Path | None, typer.Option("--data", metavar="PATH", help="Bars that `--broker paper` replays.")
        ] = None,
        speed: Annotated[
            str, typer.Option(metavar="Nx|max", help="Market seconds in a second of `--broker paper`.")
        ] = "1x",
        key_env: KeyEnv = None,
        second: Annotated[
            str,
            typer.Option(
                "--second",
                metavar="URL",
                help="Another address of the same exchange: stops and exits go there too, under the same "
                "order id, when the first is slow.",
            ),
        ] = "",
        stale_after: Annotated[
            float,
            typer.Option(
                min=1.0,
                max=604_800.0,
                metavar="SECONDS",
                help="Without a price for so long while the market is open, the feed counts as cut and no "
                "entry leaves: two and a half bars.",
            ),
        ] = 150.0,
        clock_skew: Annotated[
            float,
            typer.Option(
                min=0.1,
                metavar="SECONDS",
                help="While this machine's clock and the venue's are further apart, no entry leaves. Not for "
                "a market of the past.",
            ),
        ] = 2.0,
        lease: Annotated[
            float,
            typer.Option(
                min=0.4,
                max=3_600.0,
                metavar="SECONDS",
                help="How long this desk holds the account without renewing; after a crash the next one "
                "waits for one and a half of it.",
            ),
        ] = 10.0,
        *,
        authority: UnderAuthority = False,
        passphrase_file: PassphraseFile = None,
        key_file: KeyFile = None,
        live: Annotated[bool, typer.Option("--live", help="Trade real money.")] = False,
        as_json: Json = False,
    ) -> None:
        """Run a desk against an exchange, until Ctrl-C or SIGTERM. Paper money.

        A stop lets no entry leave, keeps stops at the venue, waits a moment for what is in flight and gives
        the account free. A second Ctrl-C ends at once; the next start then asks the venue what became of it.
        """
        current = in_force(config)
        _refuse(current, is_live=live)
        if missing := people_missing(current):
            explain(missing, is_warning=True)
        from tradewrit.runtime.strategies import load_strategy
        from tradewrit.surfaces.cli.live_terms import Venue, lease_of, policy_of
        from tradewrit.surfaces.cli.living import LiveDesk

        name = current.strategy.name if strategy is None else strategy
        chosen = load_strategy(name, parameters_of(current, name, param or ()))
        setup = msgspec.structs.replace(setup_from(current), mode="paper")
        place = journal_of(current, journal)
        _make_room(place)
        with ExitStack() as stack:
            wanted = named(symbols) or tuple(one.symbol for one in current.instruments)
            url, inside = broker, None
            if broker == PAPER:
                inside, wanted = _paper(stack, current, rules_from, data, symbols, speed, place)
                url = inside.url
            _refuse_hours(chosen, setup, wanted)
            venue = Venue(url=url, second=second, key=key_from(key_env), symbols=wanted)
            issuer_of = None
            if authority:
                issuer_of = issuing(stack, issuer_from, current, passphrase_file, key_file)
            with reaching("--broker") if inside is None else nullcontext():
                desk = LiveDesk(
                    current,
                    setup,
                    chosen,
                    place,
                    venue,
                    at_venue(policy_of(stale_after, lease, clock_skew), current.venue),
                    lease=lease_of(lease),
                    issuer_of=issuer_of,
                    prove=prover(stack, current),
                    inside=inside,
                )
            try:
                asyncio.run(desk.run(partial(_say_begun, url, place, as_json=as_json)))
            except WrongVenue as why:
                if broker != PAPER:
                    raise
                raise WrongVenue(
                    f"{why}. `--broker paper` keeps its account in {_account_of(place)}"
                ) from None
            if inside is not None:
                inside.check()
        if not as_json:
            with suppress(BrokenPipeError):
                emit_text("Stopped.")


def at_venue(policy: "LivePolicy", venue: VenueConfig) -> "LivePolicy":
    """The policy of a run at a venue that says when it is down."""
    outage_ns = venue.outage_alarm_s * SECOND
    return msgspec.structs.replace(policy, maintenance=venue.windows(), outage_ns=outage_ns)


def _refuse(config: Config, *, is_live: bool) -> None:
    """Raise ConfigError for what a running desk cannot do."""
    if is_live or config.mode == "live":
        raise ConfigError(
            "this version has no gateway to a broker with real money: leave out --live and use mode: paper, "
            "with --broker paper or the address of an exchange server"
        )
    if config.exits.before_session_end_minutes is not None:
        raise ConfigError(
            "exits.before_session_end_minutes: a running desk does not keep this yet; leave it out"
        )


def _make_room(journal: Path) -> None:
    """Make the folder of a journal. Before anything is made in it, what is no journal is refused.

    Raises ConfigError for a folder that cannot be, and JournalError.
    """
    from tradewrit.runtime.journal.sqlite import SqliteJournal

    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
    except OSError as why:
        raise ConfigError(
            f"{journal.parent}: cannot be made: {why.strerror}; name a journal elsewhere (--journal)"
        ) from None
    if journal.is_dir() or (journal.exists() and journal.stat().st_size):
        SqliteJournal.open(journal, read_only=True).close()


def _refuse_hours(strategy: "Strategy", setup: "Setup", symbols: Sequence[str]) -> None:
    """Raise ConfigError for a strategy whose formulas ask for the time of the session."""
    from tradewrit.strategies.evaluation import asks_for_hours

    asks = False
    with suppress(StrategyError):  # what it fails on halts its entries, and keeps nobody from what is held
        asks = asks_for_hours(strategy, setup.instrument(next(iter(symbols), "")))
    if asks:
        raise ConfigError(
            f"{strategy.name()} asks for the time of the session (minutes_to_close and its like), which a "
            "running desk does not tell yet; in a backtest it can be had"
        )


def _paper(
    stack: ExitStack,
    config: Config,
    rules_from: RulesFrom,
    data: Path | None,
    symbols: str | None,
    speed: str,
    journal: Path,
) -> "tuple[Inside, tuple[str, ...]]":
    """An exchange in this process; its account outlives it, in a file beside the journal."""
    if data is None:
        raise typer.BadParameter(
            "--broker paper replays bars: name them, or give the address of an exchange server",
            param_hint="--data",
        )
    from tradewrit.surfaces.cli.exchange_inside import exchange_inside
    from tradewrit.surfaces.cli.exchange_making import serving

    rules, state = rules_from(config), _account_of(journal)
    server, listed = serving(config, rules, data, symbols=symbols, speed=speed, state=state)
    return stack.enter_context(exchange_inside(server.run, server.stop, state)), listed


def _account_of(journal: Path) -> Path:
    """Where the exchange in this process keeps its account."""
    return journal.with_name(f"{journal.name}.exchange.jsonl")


def _say_begun(url: str, journal: Path, *, as_json: bool) -> None:
    """One line, at once: whoever started us may be waiting for it. A desk goes on that nobody reads."""
    line = f"Running against {url}, journal {journal}; Ctrl-C stops it."
    if as_json:
        line = msgspec.json.encode({"broker": url, "journal": str(journal)}).decode()
    with suppress(BrokenPipeError, OurFault):
        emit_text(line)
