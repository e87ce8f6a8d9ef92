"""Past bars from Alpaca: stocks, and crypto pairs such as BTC/USD.

Source of the shapes: Alpaca's market data reference, `GET /v2/stocks/bars` and
`GET /v1beta3/crypto/us/bars`; pages follow `next_page_token`.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from tradewrit.domain.market import DAY, HOUR, MINUTE
from tradewrit.domain.times import iso, parse_iso
from tradewrit.errors import DataError, TheirFault, Unauthorized
from tradewrit.market.feeds.http import JsonApi, Patience, Wait
from tradewrit.market.feeds.port import BarRequest, Fetched, Received, Tell, fetched
from tradewrit.market.intervals import interval_text
from tradewrit.runtime.clock import Clock

BASE_URL: Final = "https://data.alpaca.markets"
KEY: Final = "APCA_API_KEY_ID"
SECRET: Final = "APCA_API_SECRET_KEY"  # noqa: S105 - the name of a variable
_PAGE: Final = 10_000
_SPACING_S: Final = 0.3  # 200 requests a minute


class _Bar(msgspec.Struct, frozen=True):
    t: str
    o: float
    h: float
    l: float  # noqa: E741 - the vendor's name
    c: float
    v: float


class _Page(msgspec.Struct, frozen=True):
    bars: dict[str, list[_Bar]] | None
    next_page_token: str | None = None


class Alpaca:
    """Implements `BarSource`. feed: which of Alpaca's (iex, sip); its own choice by default."""

    def __init__(
        self,
        environment: Mapping[str, str],
        clock: Clock,
        *,
        base_url: str | None = None,
        feed: str | None = None,
        wait: Wait | None = None,
    ) -> None:
        key, secret = environment.get(KEY, ""), environment.get(SECRET, "")
        missing = [name for name, value in ((KEY, key), (SECRET, secret)) if not value]
        if missing:
            raise Unauthorized(
                f"alpaca: {' and '.join(missing)} not set; put the key pair into the environment"
            )
        self._clock = clock
        self._feed = feed
        self._api = JsonApi(
            self.name,
            base_url or BASE_URL,
            clock=clock,
            secret_headers={"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret},
            patience=Patience(spacing_s=_SPACING_S),
            wait=wait,
        )

    @property
    def name(self) -> str:
        """How the command line calls it."""
        return "alpaca"

    def fetch(self, request: BarRequest, tell: Tell) -> Fetched:
        """The bars, asked for in as many pages as it takes."""
        timeframe = _timeframe(request.interval)
        now = self._clock.now()
        received = {symbol: Received(symbol) for symbol in request.symbols}
        pairs = tuple(symbol for symbol in request.symbols if "/" in symbol)
        stocks = tuple(symbol for symbol in request.symbols if "/" not in symbol)
        notes = []
        if stocks:
            adjustment = "all" if request.adjusted else "raw"
            options = {"adjustment": adjustment, "feed": self._feed}
            self._pages("/v2/stocks/bars", stocks, request, timeframe, options, received, tell)
            notes.append(f"prices are {'adjusted for splits and dividends' if request.adjusted else 'raw'}")
        if pairs:
            self._pages("/v1beta3/crypto/us/bars", pairs, request, timeframe, {}, received, tell)
        return fetched(received, request, now, self._api.requests, notes)

    def _pages(
        self,
        path: str,
        symbols: tuple[str, ...],
        request: BarRequest,
        timeframe: str,
        options: Mapping[str, str | None],
        received: dict[str, Received],
        tell: Tell,
    ) -> None:
        token: str | None = None
        seen: set[str] = set()
        while True:
            page = self._api.get(
                path,
                {
                    "symbols": ",".join(symbols),
                    "timeframe": timeframe,
                    "start": iso(request.since),
                    "end": iso(request.until - 1),  # the vendor's end is included
                    "limit": _PAGE,
                    "sort": "asc",
                    "page_token": token,
                    **options,
                },
                _Page,
            )
            for symbol, bars in (page.bars or {}).items():
                if symbol not in received:
                    raise TheirFault(f"alpaca: answered with {symbol}, which was not asked for")
                for bar in bars:
                    received[symbol].add(_time(bar.t), (bar.o, bar.h, bar.l, bar.c, bar.v))
            tell(sum(map(len, received.values())))
            token = page.next_page_token
            if not token:
                return
            if token in seen:
                raise TheirFault("alpaca: the same page token came twice; nothing was kept, try again")
            seen.add(token)


def _time(text: str) -> int:
    try:
        return parse_iso(text)
    except ValueError as error:
        raise TheirFault(f"alpaca: {error}") from None


def _timeframe(interval: int) -> str:
    """Alpaca's name of a length: 1 to 59 minutes, 1 to 23 hours, a day, a week."""
    for unit, word, most in ((7 * DAY, "Week", 1), (DAY, "Day", 1), (HOUR, "Hour", 23), (MINUTE, "Min", 59)):
        count, rest = divmod(interval, unit)
        if not rest and 1 <= count <= most:
            return f"{count}{word}"
    raise DataError(
        f"alpaca: has no bars of {interval_text(interval)}; ask for 1m to 59m, 1h to 23h, 1d or 1w"
    )
