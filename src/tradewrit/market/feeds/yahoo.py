"""Past bars from Yahoo's chart endpoint: no credentials, no promise.

Prices come adjusted for splits, whatever is asked; `adjusted` adds dividends, by the ratio of the
adjusted close to the close. Source of the shape: the endpoint's own answers (`GET
/v8/finance/chart/{symbol}`); there is no published reference.
"""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from tradewrit.domain.market import DAY, HOUR, MINUTE, SECOND
from tradewrit.errors import DataError, TheirFault
from tradewrit.market.feeds.http import JsonApi, Patience, Wait
from tradewrit.market.feeds.port import BarRequest, Fetched, Received, Tell, bar_time, fetched
from tradewrit.market.intervals import interval_text
from tradewrit.runtime.clock import Clock

BASE_URL: Final = "https://query1.finance.yahoo.com"
_SPACING_S: Final = 0.5
_A_DAY_S: Final = 86_400
# Length of a bar: Yahoo's name of it, and the longest stretch of one request.
_LENGTHS: Final = {
    MINUTE: ("1m", 7 * DAY),
    2 * MINUTE: ("2m", 59 * DAY),
    5 * MINUTE: ("5m", 59 * DAY),
    15 * MINUTE: ("15m", 59 * DAY),
    30 * MINUTE: ("30m", 59 * DAY),
    HOUR: ("1h", 729 * DAY),
    DAY: ("1d", 100 * 366 * DAY),
    7 * DAY: ("1wk", 100 * 366 * DAY),
}

Numbers = list[float | None]


class _Quote(msgspec.Struct, frozen=True):
    open: Numbers = []
    high: Numbers = []
    low: Numbers = []
    close: Numbers = []
    volume: Numbers = []


class _Adjusted(msgspec.Struct, frozen=True):
    adjclose: Numbers = []


class _Indicators(msgspec.Struct, frozen=True):
    quote: list[_Quote] = []
    adjclose: list[_Adjusted] = []


class _Meta(msgspec.Struct, frozen=True, rename="camel"):
    exchange_timezone_name: str = "UTC"


class _Chart(msgspec.Struct, frozen=True):
    meta: _Meta
    indicators: _Indicators
    timestamp: list[int] = []


class _Error(msgspec.Struct, frozen=True):
    code: str = ""
    description: str = ""


class _Charts(msgspec.Struct, frozen=True):
    result: list[_Chart] | None = None
    error: _Error | None = None


class _Answer(msgspec.Struct, frozen=True):
    chart: _Charts


class Yahoo:
    """Implements `BarSource`."""

    def __init__(self, clock: Clock, *, base_url: str | None = None, wait: Wait | None = None) -> None:
        self._clock = clock
        self._api = JsonApi(
            self.name, base_url or BASE_URL, clock=clock, patience=Patience(spacing_s=_SPACING_S), wait=wait
        )

    @property
    def name(self) -> str:
        """How the command line calls it."""
        return "yahoo"

    def fetch(self, request: BarRequest, tell: Tell) -> Fetched:
        """The bars, asked for symbol by symbol, in stretches that the endpoint answers."""
        if request.interval not in _LENGTHS:
            known = ", ".join(interval_text(length) for length in _LENGTHS)
            raise DataError(f"yahoo: has no bars of {interval_text(request.interval)}; ask for {known}")
        word, stretch = _LENGTHS[request.interval]
        now = self._clock.now()
        received = {symbol: Received(symbol) for symbol in request.symbols}
        empty = 0
        for symbol in request.symbols:
            for start in range(request.since, request.until, stretch):
                chart = self._chart(symbol, word, start, min(start + stretch, request.until))
                empty += _take(chart, received[symbol], request)
                tell(sum(map(len, received.values())))
        adjusted = "splits and dividends" if request.adjusted else "splits alone, as Yahoo always does"
        notes = [f"prices are adjusted for {adjusted}"]
        if empty:
            notes.append(f"{empty} rows without a price left out")
        return fetched(received, request, now, self._api.requests, notes)

    def _chart(self, symbol: str, word: str, since: int, until: int) -> _Chart:
        answer = self._api.get(
            f"/v8/finance/chart/{quote(symbol, safe='')}",
            {
                # A day's stamp is its first trade, hours after the midnight that our bars carry.
                "period1": since // SECOND,
                "period2": -(-until // SECOND) + (_A_DAY_S if word in {"1d", "1wk"} else 0),
                "interval": word,
                "includeAdjustedClose": "true",
                "includePrePost": "false",
            },
            _Answer,
        ).chart
        if answer.error is not None:
            raise DataError(f"yahoo: {symbol}: {answer.error.description or answer.error.code}")
        if not answer.result:
            raise TheirFault(f"yahoo: {symbol}: an answer without a chart")
        return answer.result[0]


def _take(chart: _Chart, into: Received, request: BarRequest) -> int:
    """Put the rows of a chart among those received; how many had no price."""
    if not chart.timestamp:
        return 0
    quote_, adjusted = _columns(chart)
    zone = _zone(chart.meta.exchange_timezone_name)
    empty = 0
    for i, seconds in enumerate(chart.timestamp):
        prices = [column[i] for column in (quote_.open, quote_.high, quote_.low, quote_.close)]
        volume = quote_.volume[i]
        if any(price is None for price in prices):
            empty += 1
            continue
        open_, high, low, close = (float(price or 0.0) for price in prices)
        factor = 1.0
        if request.adjusted:
            after = adjusted[i]
            if after is None or not close:
                empty += 1
                continue
            factor = after / close
        at = bar_time("yahoo", seconds * SECOND)
        ts = _midnight(at, zone) if request.interval >= DAY else at
        into.add(ts, (open_ * factor, high * factor, low * factor, close * factor, float(volume or 0.0)))
    return empty


def _columns(chart: _Chart) -> tuple[_Quote, Numbers]:
    """The quotes and the adjusted closes, as long as the times; TheirFault when they are not."""
    rows = len(chart.timestamp)
    found = chart.indicators.quote[0] if chart.indicators.quote else _Quote()
    adjusted = chart.indicators.adjclose[0].adjclose if chart.indicators.adjclose else list(found.close)
    columns = (found.open, found.high, found.low, found.close, found.volume, adjusted)
    if any(len(column) != rows for column in columns):
        raise TheirFault(f"yahoo: {rows} times, but columns of other lengths")
    return found, adjusted


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise TheirFault(f"yahoo: unknown time zone {name!r}") from None


def _midnight(at: int, zone: ZoneInfo) -> int:
    """The venue's midnight before a moment, both UTC ns."""
    local = datetime.fromtimestamp(at // SECOND, UTC).astimezone(zone)
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * SECOND
