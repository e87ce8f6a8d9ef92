"""Loopback servers that answer as Alpaca, Yahoo and Binance do, from bars of our own.

The shapes are those of real answers; the numbers are synthetic. A venue answers after the accidents it
was told to have: a status with headers and a body, a body that is cut short, a redirect.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from zoneinfo import ZoneInfo

import msgspec

from tradewrit.domain.market import DAY, HOUR, MINUTE, SECOND
from tradewrit.domain.times import iso, parse_iso
from tradewrit.features.bars import Bars

NEW_YORK = ZoneInfo("America/New_York")


class Accident(msgspec.Struct, frozen=True):
    """What happens instead of an answer. cut: the body promises more than it sends."""

    status: int = 500
    headers: dict[str, str] = {}
    body: str = ""
    cut: bool = False


class Venue:
    """What the servers share: bars by symbol, accidents to come, and the requests that came."""

    def __init__(self, bars: Mapping[str, Bars]) -> None:
        self.bars = dict(bars)
        self.accidents: list[Accident] = []
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.url = ""

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        raise NotImplementedError

    def rows(
        self, symbol: str, start: int, end: int
    ) -> Iterator[tuple[int, float, float, float, float, float]]:
        """Rows that open from start to end, both included, UTC ns."""
        for bar in self.bars[symbol].rows():
            if start <= bar.ts <= end:
                yield bar.ts, bar.open, bar.high, bar.low, bar.close, bar.volume


class AlpacaVenue(Venue):
    """Pages of `limit` bars over all symbols, tied by tokens."""

    def __init__(self, bars: Mapping[str, Bars], page: int = 7) -> None:
        super().__init__(bars)
        self.page = page

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path not in {"/v2/stocks/bars", "/v1beta3/crypto/us/bars"}:
            return 404, {"message": "endpoint not found"}
        if query["timeframe"] not in {"1Min", "5Min", "1Hour", "1Day"}:
            return 400, {"message": "invalid timeframe"}
        start, end = parse_iso(query["start"]), parse_iso(query["end"])
        found = [
            (symbol, row)
            for symbol in query["symbols"].split(",")
            if symbol in self.bars
            for row in self.rows(symbol, start, end)
        ]
        first = int(query.get("page_token", "0").removeprefix("page-"))
        last = first + min(self.page, int(query["limit"]))
        bars: dict[str, list[dict[str, Any]]] = {}
        for symbol, (ts, o, h, l, c, v) in found[first:last]:  # noqa: E741
            row = {"t": iso(ts), "o": o, "h": h, "l": l, "c": c, "v": v, "n": 12, "vw": o}
            bars.setdefault(symbol, []).append(row)
        token = f"page-{last}" if last < len(found) else None
        return 200, {"bars": bars, "next_page_token": token}


class YahooVenue(Venue):
    """One chart per symbol: columns, nulls, and a daily stamp that is the first trade of the day."""

    adjustment = 0.5

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        symbol = unquote(path.rpartition("/")[2])
        if symbol not in self.bars:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, {"chart": {"result": None, "error": error}}
        start, end = (int(query[name]) * SECOND for name in ("period1", "period2"))
        is_daily = query["interval"] == "1d"
        opening = 9 * HOUR + 30 * MINUTE if is_daily else 0
        rows = list(self.rows(symbol, start - opening, end - opening - 1))
        columns = list(zip(*rows, strict=True)) or [()] * 6
        volumes = [int(volume) for volume in columns[5]]
        result: dict[str, Any] = {
            "meta": {"currency": "USD", "symbol": symbol, "exchangeTimezoneName": "America/New_York", "gmtoffset": -18000},
            "indicators": {
                "quote": [dict(zip(("open", "high", "low", "close"), map(list, columns[1:5]), strict=True)) | {"volume": volumes}],
                "adjclose": [{"adjclose": [close * self.adjustment for close in columns[4]]}],
            },
        }  # fmt: skip
        if rows:
            result["timestamp"] = [(ts + opening) // SECOND for ts in columns[0]]
            self._hole(result)
        return 200, {"chart": {"result": [result], "error": None}}

    def _hole(self, result: dict[str, Any]) -> None:
        """Yahoo sends rows of nulls for days without trade."""
        result["timestamp"].append(result["timestamp"][-1] + 30)
        for column in (
            *result["indicators"]["quote"][0].values(),
            result["indicators"]["adjclose"][0]["adjclose"],
        ):
            column.append(None)


class BinanceVenue(Venue):
    """A thousand rows at most, numbers as texts."""

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path != "/api/v3/klines":
            return 404, {"code": 404, "msg": "no such path"}
        symbols = {symbol.replace("/", ""): symbol for symbol in self.bars}
        if query["symbol"] not in symbols:
            return 400, {"code": -1121, "msg": "Invalid symbol."}
        start, end = (int(query[name]) * 1_000_000 for name in ("startTime", "endTime"))
        rows = list(self.rows(symbols[query["symbol"]], start, end))[: int(query["limit"])]
        return 200, [
            [ts // 1_000_000, *map(str, values), ts // 1_000_000 + 59_999, "1.5", 9, "0.7", "0.2", "0"]
            for ts, *values in rows
        ]


def new_york_days(bars: Bars) -> Bars:
    """The same bars, a day apart, at the midnights of New York."""
    first = datetime(2024, 1, 2, tzinfo=NEW_YORK)
    days = [int(first.replace(day=2 + i).timestamp()) * SECOND for i in range(len(bars))]
    ts = bars.ts.copy()
    ts[:] = days
    return Bars(bars.symbol, ts, bars.open, bars.high, bars.low, bars.close, bars.volume)


@contextmanager
def served(venue: Venue) -> Iterator[Venue]:
    """The venue on a free port of this machine, while the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: found[0] for name, found in parse_qs(parts.query).items()}
            venue.asked.append(
                (parts.path, query, {name.lower(): value for name, value in self.headers.items()})
            )
            if venue.accidents:
                self._accident(venue.accidents.pop(0))
                return
            status, answer = venue.answer(parts.path, query)
            self._send(status, {}, json.dumps(answer).encode())

        def _accident(self, accident: Accident) -> None:
            headers = {name: value.replace("{url}", venue.url) for name, value in accident.headers.items()}
            self._send(accident.status, headers, accident.body.encode(), missing=100 if accident.cut else 0)

        def _send(self, status: int, headers: dict[str, str], body: bytes, missing: int = 0) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + missing))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    venue.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield venue
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


__all__ = ["DAY", "Accident", "AlpacaVenue", "BinanceVenue", "Venue", "YahooVenue", "new_york_days", "served"]
