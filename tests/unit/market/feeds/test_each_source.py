"""What each source does in its own way: pages, adjustment, credentials, symbols."""

from collections.abc import Mapping

import msgspec
import numpy as np
import pytest

from tests.unit.market.feeds.venues import (
    Accident,
    AlpacaVenue,
    BinanceVenue,
    YahooVenue,
    new_york_days,
    served,
)
from tradewrit.domain.market import DAY, HOUR, MINUTE
from tradewrit.errors import ConfigError, DataError, TheirFault, Unauthorized
from tradewrit.features.bars import Bars
from tradewrit.market.feeds.alpaca import KEY, SECRET, Alpaca
from tradewrit.market.feeds.binance import Binance
from tradewrit.market.feeds.http import JsonApi, checked_url
from tradewrit.market.feeds.port import BarRequest
from tradewrit.market.feeds.yahoo import Yahoo
from tradewrit.market.synth import synthetic_bars
from tradewrit.runtime.clock import ManualClock

KEYS = {KEY: "public-part", SECRET: "the-secret-part"}
LATE = ManualClock(2_000_000_000 * 10**9)


def bars_of(*symbols: str, count: int = 20) -> dict[str, Bars]:
    return {one.symbol: one for one in synthetic_bars(symbols, count, seed=5)}


def request_for(bars: Mapping[str, Bars], interval: int = MINUTE, *, adjusted: bool = False) -> BarRequest:
    ts = next(iter(bars.values())).ts
    return BarRequest(
        symbols=tuple(bars),
        interval=interval,
        since=int(ts[0]),
        until=int(ts[-1]) + interval,
        adjusted=adjusted,
    )


def nobody(_bars: int) -> None:
    """Told how many bars came."""


def no_wait(_seconds: float) -> None:
    """Time passes elsewhere."""


def test_alpaca_follows_its_pages_and_sends_its_keys_as_headers_alone() -> None:
    bars = bars_of("AAPL", "MSFT")
    with served(AlpacaVenue(bars)) as venue:
        source = Alpaca(KEYS, LATE, base_url=venue.url, feed="iex", wait=no_wait)
        found = source.fetch(request_for(bars), nobody)
    assert [len(one) for one in found.bars] == [20, 20]
    assert [query.get("page_token") for _, query, _ in venue.asked] == [
        None,
        *(f"page-{n}" for n in range(7, 40, 7)),
    ]
    for _, query, headers in venue.asked:
        assert (query["symbols"], query["timeframe"], query["adjustment"], query["feed"]) == (
            "AAPL,MSFT", "1Min", "raw", "iex",
        )  # fmt: skip
        assert headers["apca-api-key-id"] == "public-part"
        assert headers["apca-api-secret-key"] == "the-secret-part"
        assert "secret" not in str(query)


def test_alpaca_asks_for_pairs_at_its_crypto_desk_and_for_adjusted_prices_by_name() -> None:
    bars = bars_of("AAPL", "BTC/USD")
    with served(AlpacaVenue(bars)) as venue:
        source = Alpaca(KEYS, LATE, base_url=venue.url, wait=no_wait)
        found = source.fetch(request_for(bars, adjusted=True), nobody)
    assert [one.symbol for one in found.bars] == ["AAPL", "BTC/USD"]
    asked = {path: query.get("adjustment") for path, query, _ in venue.asked}
    assert asked == {"/v2/stocks/bars": "all", "/v1beta3/crypto/us/bars": None}
    assert "prices are adjusted for splits and dividends" in found.notes


@pytest.mark.parametrize("environment", [{}, {KEY: "x"}, {KEY: "x", SECRET: ""}])
def test_alpaca_names_the_variables_that_are_not_set(environment: dict[str, str]) -> None:
    with pytest.raises(Unauthorized, match=f"{SECRET} not set"):
        Alpaca(environment, LATE)


def test_alpaca_does_not_walk_in_circles() -> None:
    class Circling(AlpacaVenue):
        def answer(self, path: str, query: dict[str, str]) -> tuple[int, dict[str, object]]:
            del path, query
            return 200, {"bars": {}, "next_page_token": "again"}

    bars = bars_of("AAPL")
    with served(Circling(bars)) as venue, pytest.raises(TheirFault, match="came twice"):
        Alpaca(KEYS, LATE, base_url=venue.url, wait=no_wait).fetch(request_for(bars), nobody)
    assert len(venue.asked) == 2


@pytest.mark.parametrize(
    ("interval", "name"),
    [
        (MINUTE, "1Min"),
        (15 * MINUTE, "15Min"),
        (HOUR, "1Hour"),
        (4 * HOUR, "4Hour"),
        (DAY, "1Day"),
        (7 * DAY, "1Week"),
    ],
)
def test_alpaca_calls_lengths_by_its_own_names(interval: int, name: str) -> None:
    bars = bars_of("AAPL")
    with served(AlpacaVenue(bars)) as venue:
        venue.accidents.append(Accident(status=200, body='{"bars": null, "next_page_token": null}'))
        Alpaca(KEYS, LATE, base_url=venue.url, wait=no_wait).fetch(request_for(bars, interval), nobody)
    assert venue.asked[0][1]["timeframe"] == name


def test_yahoos_days_carry_the_venues_midnight_and_its_rows_of_nothing_are_left_out() -> None:
    bars = {"SPY": new_york_days(bars_of("SPY", count=10)["SPY"])}
    with served(YahooVenue(bars)) as venue:
        found = Yahoo(LATE, base_url=venue.url, wait=no_wait).fetch(request_for(bars, DAY), nobody)
    assert found.bars[0].ts.tolist() == bars["SPY"].ts.tolist()
    assert found.bars[0].close.tolist() == bars["SPY"].close.tolist()
    assert "1 rows without a price left out" in found.notes
    assert any("splits alone" in note for note in found.notes)


def test_yahoos_adjusted_prices_move_together_and_volumes_stay() -> None:
    bars = {"SPY": new_york_days(bars_of("SPY", count=10)["SPY"])}
    with served(YahooVenue(bars)) as venue:
        source = Yahoo(LATE, base_url=venue.url, wait=no_wait)
        (found,) = source.fetch(request_for(bars, DAY, adjusted=True), nobody).bars
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(getattr(found, name), getattr(bars["SPY"], name) * 0.5, rtol=1e-15)
    assert found.volume.tolist() == bars["SPY"].volume.tolist()


def test_yahoo_is_asked_for_minutes_a_week_at_a_time() -> None:
    bars = bars_of("SPY")
    long = msgspec.structs.replace(request_for(bars), until=int(bars["SPY"].ts[0]) + 20 * DAY)
    with served(YahooVenue(bars)) as venue:
        found = Yahoo(LATE, base_url=venue.url, wait=no_wait).fetch(long, nobody)
    spans = [int(query["period2"]) - int(query["period1"]) for _, query, _ in venue.asked]
    assert spans == [7 * 86_400, 7 * 86_400, 6 * 86_400]
    assert len(found.bars[0]) == 20


def test_a_symbol_that_yahoo_or_binance_does_not_know_is_named() -> None:
    with served(YahooVenue({})) as venue, pytest.raises(DataError, match="No data found"):
        Yahoo(LATE, base_url=venue.url, wait=no_wait).fetch(request_for(bars_of("NIX")), nobody)
    with served(BinanceVenue({})) as venue, pytest.raises(DataError, match="Invalid symbol"):
        Binance(LATE, base_url=venue.url, wait=no_wait).fetch(request_for(bars_of("NIX")), nobody)


def test_binance_pages_by_time_and_spells_its_symbols_without_a_slash() -> None:
    bars = bars_of("BTC/USDT", count=2345)
    with served(BinanceVenue(bars)) as venue:
        found = Binance(LATE, base_url=venue.url, wait=no_wait).fetch(request_for(bars), nobody)
    assert [query["symbol"] for _, query, _ in venue.asked] == ["BTCUSDT"] * 3
    assert found.bars[0].ts.tolist() == bars["BTC/USDT"].ts.tolist()
    assert found.bars[0].symbol == "BTC/USDT"


def test_binance_has_nothing_to_adjust() -> None:
    with pytest.raises(DataError, match="no splits and dividends"):
        Binance(LATE).fetch(request_for(bars_of("BTC/USDT"), adjusted=True), nobody)


@pytest.mark.parametrize("url", ["ftp://host", "host", "file:///etc/passwd", "https://", "https://host?x=1"])
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base URL"):
        checked_url(url, is_secret=False)


def test_credentials_leave_this_machine_over_https_alone() -> None:
    with pytest.raises(ConfigError, match="https only"):
        Alpaca(KEYS, LATE, base_url="http://data.example.com")
    with pytest.raises(ConfigError, match="do not belong"):
        checked_url("https://me:password@example.com", is_secret=False)
    assert checked_url("http://localhost:8080/", is_secret=True) == "http://localhost:8080"
    assert checked_url("http://data.example.com", is_secret=False) == "http://data.example.com"


def test_nothing_that_is_shown_of_a_source_holds_its_credentials() -> None:
    source = Alpaca(KEYS, LATE)
    api = JsonApi("a", "https://example.com", clock=LATE, secret_headers={"KEY": "the-secret-part"})
    assert "secret-part" not in repr(source) + str(source) + repr(api) + str(api)
