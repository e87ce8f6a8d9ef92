"""`tradewrit exchange serve`: the paper exchange for desks in other processes."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from tradewrit.config.environment import process_environment
from tradewrit.config.tree import Config
from tradewrit.domain.instruments import Instrument, plain
from tradewrit.domain.market import Interval
from tradewrit.domain.times import iso
from tradewrit.errors import ConfigError
from tradewrit.runtime.secret import Secret
from tradewrit.surfaces.cli import exchange_floor
from tradewrit.surfaces.cli.aside import standard_error
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.output import Json, emit_text, example
from tradewrit.surfaces.cli.selection import Since, Symbols, Until, named, selected

if TYPE_CHECKING:
    from tradewrit.brokers.paper.http.inputs import VenueSettings
    from tradewrit.brokers.paper.http.replay import Moment, Replay
    from tradewrit.brokers.paper.http.server import ExchangeServer, ServerSettings
    from tradewrit.brokers.paper.http.venue import Venue
    from tradewrit.brokers.paper.rules import PaperRules
    from tradewrit.brokers.paper.sessions import Calendars
    from tradewrit.features.bars import Bars
    from tradewrit.research.backtest.tape import Tape

log: Final = logging.getLogger(__name__)

RulesFrom = Callable[[Config], "PaperRules"]

DEFAULT_PORT: Final = 8090
_ID_BYTES: Final = 8


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
        _need_server()
        current = in_force(config)
        bars = _bars(data, symbols, since, until)
        tape, length = _tape(bars), _length(interval)
        listed = tape.symbols if tape is not None else named(symbols)
        if listed is None:
            raise typer.BadParameter(
                "--manual needs to know what is traded: --symbols AAPL", param_hint="--symbols"
            )
        settings, calendars = _settings(
            current, rules_from(current), listed, bars, tape.interval if tape else length, _cash(cash)
        )
        server_settings = _server_settings(port, key_env, fault or [], fault_seed)
        replay = None if tape is None else _replay(tape, _speed(speed), is_waiting=wait)
        with _logging():
            venue, place = _venue(settings, calendars, state)
            _run(venue, server_settings, replay, place, as_json=as_json)

    exchange_floor.register(group)
    app.add_typer(group, name="exchange")


def serving(
    config: Config,
    rules: "PaperRules",
    data: Path,
    *,
    symbols: str | None,
    speed: str,
    state: Path,
) -> "tuple[ExchangeServer, tuple[str, ...]]":
    """An exchange for a desk in the same process, on a free port, and what is traded there.

    It begins when the desk listens, and goes on from `state` when started again.
    """
    from tradewrit.brokers.paper.http.server import ExchangeServer, ServerSettings

    _need_server()
    bars = _bars(data, symbols, None, None)
    tape = _tape(bars)
    if tape is None:
        raise ConfigError(f"{data}: no bars to replay")
    settings, calendars = _settings(config, rules, tape.symbols, bars, tape.interval, None)
    venue, _ = _venue(settings, calendars, state)
    replay = _replay(tape, _speed(speed), is_waiting=True)
    return ExchangeServer(venue, ServerSettings(), replay), tape.symbols


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


def _need_server() -> None:
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError:
        raise ConfigError("serving needs FastAPI and uvicorn: pip install 'tradewrit[server]'") from None


def _bars(data: Path | None, symbols: str | None, since: str | None, until: str | None) -> "list[Bars]":
    if data is None:
        return []
    from tradewrit.market.store import read_bars

    return read_bars(data, selected(symbols, since, until))


def _tape(bars: "list[Bars]") -> "Tape | None":
    if not bars:
        return None
    from tradewrit.research.backtest.tape import Tape

    return Tape(bars)


def _settings(
    config: Config,
    rules: "PaperRules",
    symbols: tuple[str, ...],
    bars: "list[Bars]",
    interval_ns: int,
    cash: Decimal | None,
) -> "tuple[VenueSettings, Calendars | None]":
    """The exchange of a configuration, with the calendar that it names or that the times fit."""
    from tradewrit.brokers.paper.http.inputs import VenueSettings
    from tradewrit.research.backtest.calendars import with_fitting_calendars
    from tradewrit.research.backtest.schedule import VenueCalendars
    from tradewrit.research.backtest.setup import Setup

    known = {one.symbol: one for one in config.instruments}
    setup = Setup(calendar=config.data.calendar or "", rules=rules)
    setup = with_fitting_calendars(bars, setup)
    if rules.sessions and not (setup.calendar or setup.calendars):
        raise ConfigError("paper.sessions needs to know when the market is open: set data.calendar")
    calendars = sorted({setup.calendar_of(symbol) for symbol in symbols} - {""})
    settings = VenueSettings(
        instruments=tuple(_instrument(known, symbol, config.account.currency) for symbol in symbols),
        account=config.account.name,
        currency=config.account.currency,
        cash=config.account.initial_cash if cash is None else cash,
        rules=rules,
        interval_ns=interval_ns,
        seed=config.seed,
        calendar=",".join(calendars),
    )
    return settings, VenueCalendars(setup) if calendars else None


def _instrument(known: dict[str, Instrument], symbol: str, currency: str) -> Instrument:
    return known.get(symbol) or plain(symbol, currency)


def _server_settings(port: int, key_env: str | None, faults: list[str], seed: int) -> "ServerSettings":
    from tradewrit.brokers.paper.http.faults import Faults
    from tradewrit.brokers.paper.http.server import ServerSettings

    return ServerSettings(port=port, key=_key(key_env), faults=Faults.parse(faults), fault_seed=seed)


def _key(name: str | None) -> Secret | None:
    if name is None:
        return None
    text = process_environment().get(name, "")
    if not (text and text.isascii() and text.isprintable()):
        raise ConfigError(f"--key-env {name}: that variable is not set, or holds no printable ASCII text")
    return Secret("exchange_key", text)


def _venue(
    settings: "VenueSettings", calendars: "Calendars | None", state: Path | None
) -> "tuple[Venue, str]":
    from tradewrit.brokers.paper.http.inputs import InputFile
    from tradewrit.brokers.paper.http.venue import Venue
    from tradewrit.runtime.clock import system_entropy

    fresh = system_entropy(_ID_BYTES).hex()
    if state is None:
        return Venue(settings, fresh, calendar=calendars), ""
    file, before = InputFile.open(state, settings, fresh)
    venue = Venue(settings, file.venue, file=file, before=before, calendar=calendars)
    if venue.record.last:
        log.info(
            "%s: back at %s, event %d, with %d working orders",
            state,
            iso(venue.now),
            venue.record.last,
            len(venue.open_orders()),
        )
    return venue, str(state)


def _replay(tape: "Tape", speed: float | None, *, is_waiting: bool) -> "Replay":
    from tradewrit.brokers.paper.http.replay import Replay

    return Replay(_moments(tape), total=len(tape.times()), speed=speed, waits=is_waiting)


def _moments(tape: "Tape") -> "Iterator[Moment]":
    from tradewrit.brokers.paper.http.replay import Moment

    for opened_at, closed_at, rows in tape.slices():
        bars, quotes = [], []
        for rank, i, *_ in rows:
            one = tape.bars[rank]
            bars.append(one.row(i))
            quote = one.quote(i)
            if quote is not None:
                quotes.append(msgspec.structs.replace(quote, ts=closed_at))
        yield Moment(opened_at, closed_at, bars, quotes)


def _length(text: str) -> int:
    try:
        return Interval.of(text).ns
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--interval") from None


def _cash(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not (amount.is_finite() and 0 < amount < Decimal("1E+15")):
        raise typer.BadParameter(f"{text!r} is no amount of money, such as 100000", param_hint="--cash")
    return amount


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= 1e9:
        raise typer.BadParameter(f"{text!r} is no speed; write it like 60x, or max", param_hint="--speed")
    return speed


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
