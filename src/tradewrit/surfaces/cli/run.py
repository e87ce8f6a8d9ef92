"""`tradewrit run`, its watchdog, and what a person says to a desk: status, halt, resume, flatten."""

import asyncio
import getpass
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from tradewrit.config.environment import process_environment
from tradewrit.config.places import journal_file
from tradewrit.config.tree import Config
from tradewrit.domain.times import iso
from tradewrit.errors import ConfigError, OurFault
from tradewrit.runtime.secret import Secret
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.output import Json, emit_json, emit_text, example
from tradewrit.surfaces.cli.parameters import Params, SetupFrom, parameters_of
from tradewrit.surfaces.cli.selection import Symbols, named

if TYPE_CHECKING:
    from tradewrit.brokers.paper.rules import PaperRules
    from tradewrit.runtime.live.door import Answer, AnyRequest

RulesFrom = Callable[[Config], "PaperRules"]
PAPER: Final = "paper"

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
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; goes on record.")]


def register(app: typer.Typer, setup_from: SetupFrom, rules_from: RulesFrom) -> None:
    """Add `tradewrit run|watchdog|status|halt|resume|flatten`."""
    app.command(
        "watchdog",
        epilog=example("tradewrit watchdog --journal desk.sqlite --broker http://127.0.0.1:8090"),
    )(_watchdog)
    app.command("status", epilog=example("tradewrit status --journal desk.sqlite"))(_status)
    app.command("halt", epilog=example('tradewrit halt --journal desk.sqlite --reason "bad fills"'))(_halt)
    app.command("resume", epilog=example('tradewrit resume --journal desk.sqlite --reason "feed is back"'))(
        _resume
    )
    app.command("flatten", epilog=example("tradewrit flatten --journal desk.sqlite --yes"))(_flatten)

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
        strategy: Annotated[
            str | None,
            typer.Option(
                "--strategy",
                metavar="NAME|FILE.py",
                help="A strategy that ships with the package, or your own file. "
                "Without it, the configuration's.",
            ),
        ] = None,
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
                metavar="SECONDS",
                help="Without a price for so long while the market is open, the feed counts as cut and no "
                "entry leaves: two and a half bars.",
            ),
        ] = 150.0,
        *,
        live: Annotated[bool, typer.Option("--live", help="Trade real money.")] = False,
        as_json: Json = False,
    ) -> None:
        """Run a desk against an exchange, until Ctrl-C or SIGTERM. Paper money.

        A stop lets no entry leave, keeps stops at the venue, waits a moment for what is in flight and gives
        the account free. A second Ctrl-C ends at once; the next start then asks the venue what became of it.
        """
        current = in_force(config)
        _refuse_live(current, is_live=live)
        from tradewrit.runtime.strategies import load_strategy
        from tradewrit.surfaces.cli.living import LiveDesk, Venue, policy_of

        name = current.strategy.name if strategy is None else strategy
        chosen = load_strategy(name, parameters_of(current, name, param or ()))
        setup = msgspec.structs.replace(setup_from(current), mode="paper")
        place = _journal(current, journal)
        with ExitStack() as stack:
            wanted = named(symbols) or tuple(one.symbol for one in current.instruments)
            url = broker
            if broker == PAPER:
                url, wanted = _paper(stack, current, rules_from, data, symbols, speed, place)
            venue = Venue(url=url, second=second, key=_key(key_env), symbols=wanted)
            desk = LiveDesk(current, setup, chosen, place, venue, policy_of(stale_after))
            asyncio.run(desk.run(partial(_say_begun, url, place, as_json=as_json)))
        if not as_json:
            emit_text("Stopped.")


def _refuse_live(config: Config, *, is_live: bool) -> None:
    if is_live or config.mode == "live":
        raise ConfigError(
            "this version has no gateway to a broker with real money: leave out --live and use mode: paper, "
            "with --broker paper or the address of an exchange server"
        )
    if config.exits.before_session_end_minutes is not None:
        raise ConfigError(
            "exits.before_session_end_minutes: a running desk does not keep this yet; leave it out"
        )


def _paper(
    stack: ExitStack,
    config: Config,
    rules_from: RulesFrom,
    data: Path | None,
    symbols: str | None,
    speed: str,
    journal: Path,
) -> tuple[str, tuple[str, ...]]:
    """An exchange in this process; its account outlives it, in a file beside the journal."""
    if data is None:
        raise typer.BadParameter(
            "--broker paper replays bars: name them, or give the address of an exchange server",
            param_hint="--data",
        )
    from tradewrit.surfaces.cli.exchange import serving
    from tradewrit.surfaces.cli.living import exchange_in_a_thread

    journal.parent.mkdir(parents=True, exist_ok=True)
    state = journal.with_name(f"{journal.name}.exchange.jsonl")
    server, listed = serving(config, rules_from(config), data, symbols=symbols, speed=speed, state=state)
    return stack.enter_context(exchange_in_a_thread(server.run, server.stop)), listed


def _say_begun(url: str, journal: Path, *, as_json: bool) -> None:
    """One line, at once: whoever started us may be waiting for it."""
    if as_json:
        emit_text(msgspec.json.encode({"broker": url, "journal": str(journal)}).decode())
    else:
        emit_text(f"Running against {url}, journal {journal}; Ctrl-C stops it.")


def _watchdog(
    broker: Broker,
    journal: JournalFile = None,
    config: ConfigFile = None,
    key_env: KeyEnv = None,
    *,
    once: Annotated[bool, typer.Option("--once", help="Look once and leave.")] = False,
    as_json: Json = False,
) -> None:
    """Watch over a desk: place the stop it would place, if it is silent and a position is without one.

    A process of its own with a protective writ of its own: it cannot enter, and under the desk's order ids it
    cannot double a stop.
    """
    from tradewrit.runtime.clock import SystemClock
    from tradewrit.surfaces.cli.living import Venue, watch

    if broker == PAPER:
        raise typer.BadParameter("a watchdog needs the address of an exchange server", param_hint="--broker")
    current = in_force(config)
    clock = SystemClock()

    def say(text: str) -> None:
        sys.stderr.write(f"{iso(clock.now())} watchdog: {text}\n")
        sys.stderr.flush()

    venue, place = Venue(url=broker, key=_key(key_env)), _journal(current, journal)
    if as_json:
        emit_text(msgspec.json.encode({"broker": broker, "journal": str(place)}).decode())
    else:
        emit_text(f"Watching {place} against {broker}; Ctrl-C stops it.")
    watch(place, current.account.name, venue, once=once, say=say)


def _status(journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """Ask a running desk how it stands."""
    from tradewrit.runtime.live.door import AskStatus

    answer = _ask(journal, config, AskStatus(), timeout_s=5.0)
    if as_json:
        emit_json(answer.status)
    else:
        emit_text(answer.said)


def _halt(
    reason: Reason, journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """Throw the kill switch of a running desk: no entries until a person resumes; stops and exits go on."""
    from tradewrit.runtime.live.door import AskHalt

    _told(_ask(journal, config, AskHalt(actor=_me(), reason=reason), timeout_s=10.0), as_json=as_json)


def _resume(
    reason: Reason, journal: JournalFile = None, config: ConfigFile = None, as_json: Json = False
) -> None:
    """Put the kill switch back, after a halt or a crash loop: entries may leave again."""
    from tradewrit.runtime.live.door import AskResume

    _told(_ask(journal, config, AskResume(actor=_me(), reason=reason), timeout_s=10.0), as_json=as_json)


def _flatten(
    reason: Reason = "asked for",
    journal: JournalFile = None,
    config: ConfigFile = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    as_json: Json = False,
) -> None:
    """Halt a running desk and close every position at market, until the venue says the account is flat."""
    from tradewrit.runtime.live.door import AskFlatten, AskStatus

    status = _ask(journal, config, AskStatus(), timeout_s=5.0).status
    held = {} if status is None else status.held
    shown = ", ".join(f"{units:+f} {symbol}" for symbol, units in held.items()) or "what the venue holds"
    if not yes and not typer.confirm(f"Halt trading and close {shown} at market?", err=True):
        raise OurFault("nothing was done")
    _told(_ask(journal, config, AskFlatten(actor=_me(), reason=reason), timeout_s=None), as_json=as_json)


def _ask(
    journal: Path | None, config: Path | None, request: "AnyRequest", *, timeout_s: float | None
) -> "Answer":
    from tradewrit.runtime.live.door import door_of, knock

    answer = knock(door_of(_journal(in_force(config), journal)), request, timeout_s=timeout_s)
    if answer.error:
        raise OurFault(answer.error)
    return answer


def _told(answer: "Answer", *, as_json: bool) -> None:
    if as_json:
        emit_json({"said": answer.said})
    else:
        emit_text(answer.said)


def _journal(config: Config, given: Path | None) -> Path:
    found = given or journal_file(config, process_environment())
    if found is None:
        raise ConfigError("a live desk needs a journal on disk: give --journal FILE, or set mode: paper")
    return found


def _key(name: str | None) -> Secret | None:
    if name is None:
        return None
    text = process_environment().get(name, "")
    if not (text and text.isascii() and text.isprintable()):
        raise ConfigError(f"--key-env {name}: that variable is not set, or holds no printable ASCII text")
    return Secret("exchange_key", text)


def _me() -> str:
    """Who is at the terminal, as the system knows them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
