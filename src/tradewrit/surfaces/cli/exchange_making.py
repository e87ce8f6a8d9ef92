"""A paper exchange put together from what a command was told, for this process or one of its own."""

import logging
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import typer

from tradewrit.config.tree import Config
from tradewrit.domain.instruments import Instrument, plain
from tradewrit.domain.times import iso
from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli.selection import selected
from tradewrit.surfaces.cli.serving import need_server

if TYPE_CHECKING:
    from tradewrit.brokers.paper.http.inputs import VenueSettings
    from tradewrit.brokers.paper.http.replay import Moment, Replay
    from tradewrit.brokers.paper.http.server import ExchangeServer
    from tradewrit.brokers.paper.http.venue import Venue
    from tradewrit.brokers.paper.rules import PaperRules
    from tradewrit.brokers.paper.sessions import Calendars
    from tradewrit.features.bars import Bars
    from tradewrit.research.backtest.tape import Tape

log: Final = logging.getLogger(__name__)

_ID_BYTES: Final = 8


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
    need_server()
    from tradewrit.brokers.paper.http.server import ExchangeServer, ServerSettings

    bars = bars_of(data, symbols, None, None)
    tape = tape_of(bars)
    if tape is None:
        raise ConfigError(f"{data}: no bars to replay")
    settings, calendars = settings_of(config, rules, tape.symbols, bars, tape.interval, None)
    venue, _ = venue_of(settings, calendars, state)
    replay = replay_of(tape, speed_of(speed), is_waiting=True)
    return ExchangeServer(venue, ServerSettings(), replay), tape.symbols


def bars_of(data: Path | None, symbols: str | None, since: str | None, until: str | None) -> "list[Bars]":
    """What is to be replayed; none for a market that is moved by hand."""
    if data is None:
        return []
    from tradewrit.market.store import read_bars

    return read_bars(data, selected(symbols, since, until))


def tape_of(bars: "list[Bars]") -> "Tape | None":
    """The bars as one tape; None where there are none."""
    if not bars:
        return None
    from tradewrit.research.backtest.tape import Tape

    return Tape(bars)


def settings_of(
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


def venue_of(
    settings: "VenueSettings", calendars: "Calendars | None", state: Path | None
) -> "tuple[Venue, str]":
    """The exchange, gone on from a `state` that is there, and where it keeps its account; "" for nowhere."""
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


def replay_of(tape: "Tape", speed: float | None, *, is_waiting: bool) -> "Replay":
    """What moves its market. speed: market seconds in a second, None for as fast as it goes."""
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


def speed_of(text: str) -> float | None:
    """`60x` as 60, `max` as None; raises BadParameter for anything else."""
    if text == "max":
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= 1e9:
        raise typer.BadParameter(f"{text!r} is no speed; write it like 60x, or max", param_hint="--speed")
    return speed
