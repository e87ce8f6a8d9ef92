"""Whatever is sent, the server answers in words, keeps its state, and never with a 5xx."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.brokers.http.exchanges import KEY, Running, approved, running, terms
from tradewrit.brokers.paper.http.table import ENDPOINTS, STATUSES
from tradewrit.brokers.paper.http.wire import KEY_HEADER, MAX_BODY_BYTES

SHOWN = {KEY_HEADER: KEY.reveal()}
GOOD = {
    "client_order_id": "a",
    "trade_id": "t",
    "symbol": "AAPL",
    "side": "buy",
    "quantity": "5",
    "type": "market",
    "role": "entry",
}
BAR = {"symbol": "AAPL", "ts": 60, "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0}
WRONG: dict[str, Any] = {
    "side": ["hold", 1, None],
    "quantity": [
        "NaN",
        "Infinity",
        "-Infinity",
        "sNaN",
        "1E+999999999",
        "1e-400",
        "abc",
        "",
        None,
        [],
        "1" + "0" * 5000,
    ],
    "limit_price": ["NaN", "1E+400", {}, True],
    "stop_price": ["-Infinity"],
    "trail_fraction": ["NaN"],
    "symbol": ["", "A" * 200, "A\x00B", None, 5],
    "client_order_id": ["", "x" * 129, "a\nb", None],
    "trade_id": ["\x1b[31m", 3],
    "type": ["iceberg"],
    "time_in_force": ["forever"],
    "reduce_only": ["yes"],
}


@pytest.fixture(scope="module")
def exchange() -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def http(exchange: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=exchange.url, trust_env=False, headers=SHOWN) as client:
        yield client


def code(answer: httpx.Response) -> str:
    problem: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["status"] == answer.status_code == STATUSES[problem["error_code"]]
    assert problem["detail"]
    said: str = problem["error_code"]
    return said


@pytest.mark.parametrize(
    ("field", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_wrong_order_is_refused_and_the_field_is_named(
    exchange: Running, http: httpx.Client, field: str, value: Any
) -> None:
    before = exchange.venue.record.last
    answer = http.post("/v2/orders", json={"orders": [GOOD | {field: value}]})
    assert code(answer) == "invalid_request"
    assert field in answer.json()["detail"]
    assert exchange.venue.record.last == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"orders": []}',
        b'{"orders": {}}',
        b'{"orders": [' + b"[" * 100_000,
        b'{"orders":' * 50_000,
        b"\xff\xfe",
        b'{"orders": [{"client_order_id": "\\ud800"}]}',
        json.dumps({"orders": [GOOD], "dry_run": True}).encode(),
        json.dumps({"orders": [GOOD | {"client_order_id": str(n)} for n in range(33)]}).encode(),
    ],
)
def test_a_body_that_is_none_is_refused(exchange: Running, http: httpx.Client, body: bytes) -> None:
    assert code(http.post("/v2/orders", content=body)) == "invalid_request"
    assert not exchange.client.open_orders()


def test_a_body_that_is_too_large_is_refused_however_it_comes(http: httpx.Client) -> None:
    huge = b" " * (MAX_BODY_BYTES + 1)
    assert code(http.post("/v2/orders", content=huge)) == "payload_too_large"
    assert code(http.post("/v2/orders", content=iter([huge[: len(huge) // 2]] * 3))) == "payload_too_large"


@pytest.mark.parametrize(
    "changes",
    [
        {"open": 0.0},
        {"high": -1.0},
        {"close": 1e300},
        {"low": 1e-300},
        {"volume": -1.0},
        {"high": 0.5},
        {"low": 2.0},
        {"ts": -1},
        {"ts": 2**70},
        {"symbol": ""},
        {"open": "nan"},
    ],
)
def test_a_bar_that_no_market_prints_is_refused(http: httpx.Client, changes: dict[str, Any]) -> None:
    assert code(http.post("/v2/market/bars", json={"bars": [BAR | changes]})) == "invalid_request"


def test_bars_must_be_of_one_time_and_of_what_is_traded(http: httpx.Client) -> None:
    for bars in ([BAR, BAR], [BAR, BAR | {"symbol": "MSFT", "ts": 120}]):
        assert code(http.post("/v2/market/bars", json={"bars": bars})) == "invalid_request"
    assert code(http.post("/v2/market/bars", json={"bars": [BAR | {"symbol": "TSLA"}]})) == "conflict"
    wrong = {"bars": [BAR | {"ts": 9_000}], "closed_at": 5}
    assert code(http.post("/v2/market/bars", json=wrong)) == "invalid_request"


@pytest.mark.parametrize(
    "quote", [{"bid": 0.0}, {"ask": -1.0}, {"bid_size": -1.0}, {"ask": 1e99}, {"ts": -1}]
)
def test_a_quote_that_is_none_is_refused(http: httpx.Client, quote: dict[str, Any]) -> None:
    whole = {"symbol": "AAPL", "ts": 10**15, "bid": 1.0, "ask": 1.1}
    assert code(http.post("/v2/market/quote", json={"quote": whole | quote})) == "invalid_request"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_orderlike = st.fixed_dictionaries(
    {},
    optional={name: _json | st.just(value) for name, value in GOOD.items()}
    | {"limit_price": _json, "oco": _json},
)


@given(
    endpoint=st.sampled_from(ENDPOINTS),
    body=_json | st.fixed_dictionaries({"orders": st.lists(_orderlike, max_size=3)}),
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    query=st.dictionaries(
        st.sampled_from(["after", "page_size", "page_token", "symbol", "limit", "client_order_id"]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.integers().map(str),
        max_size=3,
    ),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_that_is_sent_makes_the_server_fail(
    http: httpx.Client, endpoint: Any, body: Any, name: str, query: dict[str, str]
) -> None:
    from urllib.parse import quote

    path = endpoint.path.replace("{client_order_id:path}", quote(name, safe=""))
    answer = http.request(endpoint.method, path, params=query, content=json.dumps(body).encode())
    assert answer.status_code < 500, answer.text
    if answer.status_code != 200:
        code(answer)


@pytest.mark.parametrize("key", [None, "", "wrong", KEY.reveal() + "x", "ä" * 5])
def test_without_the_key_nothing_is_told_and_nothing_done(exchange: Running, key: str | None) -> None:
    headers = {} if key is None else {KEY_HEADER.encode(): key.encode()}
    with httpx.Client(base_url=exchange.url, trust_env=False) as client:
        for endpoint in ENDPOINTS:
            path = endpoint.path.replace("{client_order_id:path}", "a")
            assert code(client.request(endpoint.method, path, headers=headers)) == "unauthorized"
        assert code(client.get("/v2/events", headers=headers)) == "unauthorized"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://127.0.0.1"}, {"Host": "evil.example"}, {"Host": "127.0.0.1.evil.example:80"}],
)
def test_a_web_page_cannot_trade_here(http: httpx.Client, headers: dict[str, str]) -> None:
    assert code(http.get("/v2/account", headers=headers)) == "forbidden"


def test_a_name_in_a_path_cannot_write_lines_into_the_log(http: httpx.Client) -> None:
    for name in ("a%0aINFO%20trade%20b", "x" * 129, "%1b[2J"):
        assert code(http.delete(f"/v2/orders/{name}")) in {"invalid_request", "not_found"}


def test_a_path_that_is_not_here_and_a_method_that_is_not(http: httpx.Client) -> None:
    assert code(http.get("/v2/nothing")) == "not_found"
    answer = http.delete("/v2/account")
    assert code(answer) == "method_not_allowed"
    assert "GET" in answer.headers["Allow"]
    assert code(http.post("/v2/events")) == "method_not_allowed"


def test_what_is_no_http_costs_one_connection_and_no_more(exchange: Running) -> None:
    host, _, port = exchange.url.removeprefix("http://").rpartition(":")
    for junk in (b"\x16\x03\x01\x00\xa5", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100_000):
        with socket.create_connection((host, int(port))) as raw:
            raw.settimeout(10)
            try:
                raw.sendall(junk)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65_536):
                    pass
            except OSError:
                pass
    assert exchange.client.clock().venue == "v1"


def test_prices_by_hand_are_not_taken_where_data_are_replayed() -> None:
    from tradewrit.brokers.paper.http.replay import Replay

    with running(replay=Replay([], total=0)) as exchange:
        http = httpx.Client(base_url=exchange.url, trust_env=False, headers=SHOWN)
        answer = http.post("/v2/market/bars", json={"bars": [BAR]})
        assert code(answer) == "method_not_allowed"
        assert "POST" not in answer.headers["Allow"]
        assert exchange.client.place(approved(terms("a")), None)  # type: ignore[arg-type]
        http.close()
