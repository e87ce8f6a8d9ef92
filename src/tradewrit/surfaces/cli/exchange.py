"""`tradewrit exchange serve`: the paper exchange for desks in other processes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from tradewrit.config.tree import Config
from tradewrit.domain.market import Interval
from tradewrit.surfaces.cli import exchange_floor
from tradewrit.surfaces.cli.amounts import amount
from tradewrit.surfaces.cli.aside import standard_error
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.exchange_making import (
    bars_of,
    replay_of,
    settings_of,
    speed_of,
    tape_of,
    venue_of,
)
from tradewrit.surfaces.cli.live_options import key_from
from tradewrit.surfaces.cli.output import Json, emit_text, example
from tradewrit.surfaces.cli.selection import Since, Symbols, Until, named
from tradewrit.surfaces.cli.serving import need_server

if TYPE_CHECKING:
    from tradewrit.brokers.paper.http.replay import Replay
    from tradewrit.brokers.paper.http.server import ServerSettings
    from tradewrit.brokers.paper.http.venue import Venue
    from tradewrit.brokers.paper.rules import PaperRules

log: Final = logging.getLogger(__name__)

RulesFrom = Callable[[Config], "PaperRules"]

DEFAULT_PORT: Final = 8090
_MOST_CASH: Final = Decimal(10**15)


def register(app: typer.Typer, rules_from: RulesFrom) -> None:
    """Add `tradewrit exchange serve`; `rules_from` tells what a configuration's exchange does."""
    group = typer.Typer(help="A paper exchange for desks in other processes.", no_args_is_help=True)

    @group.command(
        "serve",
        epilog=example(
            "tradewrit exchange serve --data minutes.parquet --speed 60x",
            "tradewrit exchange serve --data minutes.parquet --state exchange.jsonl --key-env EXCHANGE_KEY",
            "tradewrit exchange serve --manual --symbols AAPL,MSFT --port 0 --json",
            "tradewrit exchange serve --data minutes.parquet --fault drop_answer=0.1 --fault delay_ms=200",
        ),
    )
    def _serve(
        data: Annotated[
            Path | None,
            typer.Option(
                "--data", metavar="PATH", help="Bars to replay: a file, or a directory of such files."
            ),
        ] = None,
        port: Annotated[
            int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 takes a free one.")
        ] = DEFAULT_PORT,
        speed: Annotated[
            str, typer.Option(metavar="Nx|max", help="Market seconds in a second; `max` waits for nobody.")
        ] = "1x",
        cash: Annotated[
            str | None, typer.Option(metavar="AMOUNT", help="What the account begins with.")
        ] = None,
        key_env: Annotated[
            str | None,
            typer.Option(
                metavar="NAME", help="Environment variable with the key that clients must show; none: no key."
            ),
        ] = None,
        state: Annotated[
            Path | None,
            typer.Option(
                metavar="FILE", help="Keep orders and account here, and go on from it when started again."
            ),
        ] = None,
        symbols: Symbols = None,
        since: Since = None,
        until: Until = None,
        interval: Annotated[
            str, typer.Option(metavar="1m|5m|1h|1d", help="Length of bars that are shown by hand.")
        ] = "1m",
        fault: Annotated[
            list[str] | None,
            typer.Option(
                metavar="NAME=SHARE",
                help="Rehearse trouble: drop_request, drop_answer, refuse, throttle, duplicate_event, "
                "cut_stream (0 to 1), delay_ms; may be repeated.",
            ),
        ] = None,
        fault_seed: Annotated[int, typer.Option(help="What the faults are drawn from.")] = 0,
        config: ConfigFile = None,
        *,
        manual: Annotated[
            bool, typer.Option("--manual", help="No data: prices come by POST, for tests. Needs --symbols.")
        ] = False,
        wait: Annotated[
            bool, typer.Option("--wait", help="Begin when the first client listens, not at once.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Serve a paper exchange to this machine over HTTP, until Ctrl-C or SIGTERM.

        Orders, account and market live in this process: a desk that dies finds all of it again.
        """
        if manual == (data is not None):
            raise typer.BadParameter("name the bars to replay, or --manual", param_hint="--data")
        need_server()
        current = in_force(config)
        bars = bars_of(data, symbols, since, until)
        tape, length = tape_of(bars), _length(interval)
        listed = tape.symbols if tape is not None else named(symbols)
        if listed is None:
            raise typer.BadParameter(
                "--manual needs to know what is traded: --symbols AAPL", param_hint="--symbols"
            )
        settings, calendars = settings_of(
            current, rules_from(current), listed, bars, tape.interval if tape else length, _cash(cash)
        )
        server_settings = _server_settings(port, key_env, fault or [], fault_seed)
        replay = None if tape is None else replay_of(tape, speed_of(speed), is_waiting=wait)
        with _logging():
            venue, place = venue_of(settings, calendars, state)
            _run(venue, server_settings, replay, place, as_json=as_json)

    exchange_floor.register(group)
    app.add_typer(group, name="exchange")


def _run(
    venue: "Venue", settings: "ServerSettings", replay: "Replay | None", place: str, *, as_json: bool
) -> None:
    from tradewrit.brokers.paper.http.server import ExchangeServer

    if settings.faults.is_any:
        log.warning("faults are on: %s", settings.faults)

    def say(url: str) -> None:
        """One line, at once: whoever started us may be waiting for it."""
        if as_json:
            port = int(url.rpartition(":")[2])
            told = {"url": url, "port": port, "venue": venue.id, "state": place or None}
            emit_text(msgspec.json.encode(told).decode())
        else:
            kept = f"; state in {place}" if place else "; nothing is kept when it ends"
            guard = (
                ""
                if settings.key
                else "; any program on this machine may trade here: --key-env asks for a key"
            )
            emit_text(f"Listening on {url} (exchange {venue.id}{kept}{guard}); Ctrl-C stops it.")

    ExchangeServer(venue, settings, replay).run(say)
    if not as_json:
        emit_text("Stopped.")


def _server_settings(port: int, key_env: str | None, faults: list[str], seed: int) -> "ServerSettings":
    from tradewrit.brokers.paper.http.faults import Faults
    from tradewrit.brokers.paper.http.server import ServerSettings

    return ServerSettings(port=port, key=key_from(key_env), faults=Faults.parse(faults), fault_seed=seed)


def _length(text: str) -> int:
    try:
        return Interval.of(text).ns
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--interval") from None


def _cash(text: str | None) -> Decimal | None:
    if text is None:
        return None
    return amount("--cash", text, below=_MOST_CASH)


@contextmanager
def _logging() -> Iterator[None]:
    """What happens, with the time of this machine, on standard error."""
    aside = standard_error()
    aside.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(aside)
    root.setLevel(logging.INFO)
    for name in ("httpx", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(aside)
        aside.close()
