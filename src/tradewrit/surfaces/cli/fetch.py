"""`tradewrit data fetch`: past bars from a vendor or an exchange, into a bar file or a lake."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tradewrit.config.environment import process_environment
from tradewrit.surfaces.cli.lake import KnownSince, Replace, Target, store, told
from tradewrit.surfaces.cli.output import Json, emit_json, emit_text, example, stderr_console
from tradewrit.surfaces.cli.selection import moment, named

if TYPE_CHECKING:
    from tradewrit.market.feeds.port import BarSource
    from tradewrit.runtime.clock import Clock


class Source(StrEnum):
    """Where bars come from."""

    ALPACA = "alpaca"
    YAHOO = "yahoo"
    BINANCE = "binance"


def add_to(group: typer.Typer) -> None:
    """Add `fetch` to the `data` commands."""
    group.command(
        "fetch",
        epilog=example(
            "tradewrit data fetch yahoo spy.parquet --symbols SPY --from 2015-01-01",
            "tradewrit data fetch alpaca lake --symbols AAPL,MSFT --interval 1m --from 2024-06-03",
            "tradewrit data fetch binance btc.csv --symbols BTC/USDT --interval 1h --from 2024-01-01",
        ),
    )(_fetch)


def _fetch(
    source: Annotated[Source, typer.Argument(metavar="alpaca|yahoo|binance", help="Who is asked.")],
    target: Target,
    symbols: Annotated[str, typer.Option("--symbols", metavar="A,B", help="Which symbols.")],
    since: Annotated[str, typer.Option("--from", metavar="TIME", help="Bars from this time on, UTC.")],
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Bars before this time, UTC; else until now.")
    ] = None,
    interval: Annotated[
        str, typer.Option("--interval", metavar="LENGTH", help="Length of a bar: 1m, 1h, 1d.")
    ] = "1d",
    adjusted: Annotated[
        bool,
        typer.Option(
            "--adjusted/--raw", help="Adjusted for splits and dividends, or as the source prints them."
        ),
    ] = False,
    feed: Annotated[
        str | None, typer.Option("--feed", metavar="NAME", help="Which of Alpaca's feeds: iex, sip.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Another host that answers alike.")
    ] = None,
    replace: Replace = False,
    known_at: KnownSince = None,
    as_json: Json = False,
) -> None:
    """Fetch past bars, every one finished, and put them into a file or a lake.

    Alpaca's key pair is read from APCA_API_KEY_ID and APCA_API_SECRET_KEY. Yahoo and Binance need none.
    A bar that is still forming is left out.
    """
    from tradewrit.errors import DataError
    from tradewrit.market.feeds.port import BarRequest
    from tradewrit.market.intervals import interval_from
    from tradewrit.runtime.clock import SystemClock

    clock = SystemClock()
    request = BarRequest(
        symbols=named(symbols) or (),
        interval=interval_from(interval),
        since=moment(since, "--from") or 0,
        until=min(moment(until, "--to") or clock.now(), clock.now()),
        adjusted=adjusted,
    )
    if request.since >= request.until:
        raise typer.BadParameter(
            "ends before it begins; --from must be before --to and now", param_hint="--to"
        )
    asked = _source(source, clock, base_url, feed)
    with _received(is_quiet=as_json) as tell:
        found = asked.fetch(request, tell)
    if not found.bars:
        raise DataError(f"{source.value}: no bars of {request.told()}; nothing was written")
    stored = store(
        target,
        found.bars,
        source=f"{source.value}{', adjusted' if adjusted else ''}",
        known_at=known_at,
        interval=request.interval,
        replace=replace,
    )
    if as_json:
        emit_json(
            {
                "source": source.value,
                "interval": interval,
                "adjusted": adjusted,
                "requests": found.requests,
                "notes": list(found.notes),
                **stored.to_dict(),
            }
        )
        return
    emit_text(told(stored))
    for note in found.notes:
        emit_text(f"- {note}")


def _source(source: Source, clock: "Clock", base_url: str | None, feed: str | None) -> "BarSource":
    if feed is not None and source is not Source.ALPACA:
        raise typer.BadParameter(f"{source.value} has no feeds to choose from", param_hint="--feed")
    match source:
        case Source.ALPACA:
            from tradewrit.market.feeds.alpaca import Alpaca

            return Alpaca(process_environment(), clock, base_url=base_url, feed=feed)
        case Source.YAHOO:
            from tradewrit.market.feeds.yahoo import Yahoo

            return Yahoo(clock, base_url=base_url)
        case Source.BINANCE:
            from tradewrit.market.feeds.binance import Binance

            return Binance(clock, base_url=base_url)


@contextmanager
def _received(*, is_quiet: bool) -> Iterator[Callable[[int], None]]:
    """How many bars have come in so far, on a terminal; nobody knows how many there will be."""
    console = stderr_console()
    if is_quiet or not console.is_terminal:
        yield lambda _bars: None
        return
    with console.status("asking") as status:
        yield lambda bars: status.update(f"{bars:,} bars")
