"""Past bars from Binance and exchanges that answer as it does: `GET /api/v3/klines`.

No credentials. Symbols are written BTC/USDT, or as the exchange does, BTCUSDT. Source of the shape:
Binance's spot API reference, kline data.
"""

from typing import Any, Final

from tradewrit.domain.market import DAY, HOUR, MINUTE, SECOND
from tradewrit.errors import DataError, TheirFault
from tradewrit.market.feeds.http import JsonApi, Patience, Wait
from tradewrit.market.feeds.port import BarRequest, Fetched, Received, Tell, bar_time, fetched
from tradewrit.market.intervals import interval_text
from tradewrit.runtime.clock import Clock

BASE_URL: Final = "https://api.binance.com"
_PAGE: Final = 1000
_SPACING_S: Final = 0.1
_MILLI: Final = SECOND // 1000
_LENGTHS: Final = {
    SECOND: "1s",
    **{count * MINUTE: f"{count}m" for count in (1, 3, 5, 15, 30)},
    **{count * HOUR: f"{count}h" for count in (1, 2, 4, 6, 8, 12)},
    DAY: "1d",
    3 * DAY: "3d",
    7 * DAY: "1w",
}


class Binance:
    """Implements `BarSource`."""

    def __init__(self, clock: Clock, *, base_url: str | None = None, wait: Wait | None = None) -> None:
        self._clock = clock
        self._api = JsonApi(
            self.name, base_url or BASE_URL, clock=clock, patience=Patience(spacing_s=_SPACING_S), wait=wait
        )

    @property
    def name(self) -> str:
        """How the command line calls it."""
        return "binance"

    def fetch(self, request: BarRequest, tell: Tell) -> Fetched:
        """The bars, a thousand at a time, symbol by symbol."""
        if request.adjusted:
            raise DataError("binance: coins have no splits and dividends; leave --adjusted out")
        word = _LENGTHS.get(request.interval)
        if word is None:
            known = ", ".join(_LENGTHS.values())
            raise DataError(f"binance: has no bars of {interval_text(request.interval)}; ask for {known}")
        now = self._clock.now()
        received = {symbol: Received(symbol) for symbol in request.symbols}
        for symbol in request.symbols:
            self._pages(symbol, word, request, received, tell)
        return fetched(received, request, now, self._api.requests, [])

    def _pages(
        self, symbol: str, word: str, request: BarRequest, received: dict[str, Received], tell: Tell
    ) -> None:
        start, end = request.since // _MILLI, -(-request.until // _MILLI) - 1
        while start <= end:
            rows = self._api.get(
                "/api/v3/klines",
                {
                    "symbol": symbol.replace("/", "").upper(),
                    "interval": word,
                    "startTime": start,
                    "endTime": end,
                    "limit": _PAGE,
                },
                list[list[Any]],
            )
            for row in rows:
                received[symbol].add(*_row(row))
            tell(sum(map(len, received.values())))
            if len(rows) < _PAGE:
                return
            last = int(rows[-1][0])
            if last < start:
                raise TheirFault("binance: answered with bars from before what was asked for")
            start = last + 1


def _row(row: list[Any]) -> tuple[int, tuple[float, float, float, float, float]]:
    """[open time in ms, open, high, low, close, volume, ...], the numbers as texts."""
    try:
        open_, high, low, close, volume = (float(cell) for cell in row[1:6])
        return bar_time("binance", int(row[0]) * _MILLI), (open_, high, low, close, volume)
    except (ValueError, TypeError, IndexError) as error:
        raise TheirFault(f"binance: a row that is no bar: {str(row)[:80]} ({error})") from None
