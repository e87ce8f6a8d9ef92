"""Slow clients are cut off; those that are merely busy are not."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.unit.credentials.http.servers import UNLIMITED, Served, bearing, operator, problem_of, thread
from tests.unit.credentials.http.wire import connected, head, one_answer, until_closed
from tradewrit.credentials.http.settings import Patience, ServerSettings
from tradewrit.runtime.clock import Stopwatch

SHORT_S = 0.3
LONG_S = 30.0


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that waits for 0.3 s."""
    patience = Patience(head_s=SHORT_S, body_s=SHORT_S, answer_s=SHORT_S, idle_s=SHORT_S, stop_s=1)
    settings = ServerSettings(port=0, patience=patience, rates=UNLIMITED)
    with thread(tmp_path_factory.mktemp("hasty") / "home", settings) as served:
        yield served


def counted(served: Served, phase: str) -> int:
    assert served.server is not None
    return served.server.service.metrics.cut_off[phase]


def dripped(wire: socket.socket, text: bytes) -> float:
    """Send byte by byte, ten of them within the patience of the server, until it hangs up: seconds."""
    watch, never = Stopwatch(), Event()
    try:
        for byte in text:
            wire.sendall(bytes([byte]))
            never.wait(SHORT_S / 10)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return watch.wall()


def test_headers_that_drip_in_are_cut_off_although_every_byte_is_in_time(hasty: Served) -> None:
    before = counted(hasty, "head")
    with connected(hasty) as wire:
        took = dripped(wire, head("GET", "/v1/health", *["X-Filler: " + "x" * 80] * 5))
        assert until_closed(wire).raw == b""
    assert took < LONG_S / 3
    assert counted(hasty, "head") == before + 1


def test_a_connection_that_never_says_anything_is_closed(hasty: Served) -> None:
    with connected(hasty) as wire:
        assert until_closed(wire).raw == b""


def test_a_second_request_that_drips_in_is_cut_off_too(hasty: Served) -> None:
    before = counted(hasty, "head")
    with connected(hasty) as wire:
        wire.sendall(head("GET", "/v1/health"))
        assert one_answer(wire).status == 200
        dripped(wire, head("GET", "/v1/health", *["X-Filler: " + "x" * 80] * 5))
        assert until_closed(wire).raw == b""
    assert counted(hasty, "head") == before + 1


def test_half_a_head_behind_a_whole_request_starts_its_time(hasty: Served) -> None:
    before = counted(hasty, "head")
    with connected(hasty) as wire:
        wire.sendall(head("GET", "/v1/health") + b"GET /v1/hea")
        assert one_answer(wire).status == 200
        assert until_closed(wire).raw == b""
    assert counted(hasty, "head") == before + 1


@pytest.mark.parametrize("framing", ["Content-Length: 500", "Transfer-Encoding: chunked"])
def test_a_body_that_drips_in_is_told_so_and_cut_off(hasty: Served, framing: str) -> None:
    before = counted(hasty, "body")
    chunk = b'3\r\n{"t\r\n' if "chunked" in framing else b'{"token": "'
    with connected(hasty) as wire:
        wire.sendall(head("POST", "/v1/token/validate", framing))
        dripped(wire, chunk * 20)
        reply = until_closed(wire)
    # A reset may swallow the answer; what the server did is in its figures.
    assert reply.status in {0, 408}
    assert counted(hasty, "body") == before + 1


def test_a_body_that_stops_is_answered_408(hasty: Served) -> None:
    with connected(hasty) as wire:
        wire.sendall(head("POST", "/v1/token/validate", "Content-Length: 500") + b'{"token"')
        reply = until_closed(wire)
    assert reply.status == 408
    document = json.loads(reply.body)
    assert (document["error_code"], document["status"]) == ("timeout", 408)
    assert f"X-Request-Id: {document['request_id']}\r\n".encode() in reply.raw


def test_a_body_nobody_reads_is_not_waited_for_either(hasty: Served) -> None:
    before = counted(hasty, "body")
    with connected(hasty) as wire:
        wire.sendall(head("POST", "/v1/token/renew", "Content-Length: 500") + b"x")
        assert one_answer(wire).status == 401
        assert until_closed(wire).raw == b""
    assert counted(hasty, "body") == before + 1


def test_a_connection_nobody_uses_any_more_is_closed(hasty: Served) -> None:
    with connected(hasty) as wire:
        wire.sendall(head("GET", "/v1/health"))
        assert one_answer(wire).status == 200
        watch = Stopwatch()
        assert until_closed(wire).raw == b""
        assert SHORT_S / 2 < watch.wall() < LONG_S / 3


def test_an_answer_nobody_takes_is_dropped(hasty: Served) -> None:
    assert hasty.authority is not None
    for number in range(300):
        hasty.authority.revoke("task", f"{number}" + "x" * 200, by="test")
    before = counted(hasty, "answer")
    with hasty.http() as http:
        header = operator(http, hasty)["Authorization"]
    with socket.socket() as wire:
        # As little room as there can be, so that the answers pile up at the server.
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        wire.settimeout(LONG_S)
        wire.connect(("127.0.0.1", hasty.port))
        wire.setblocking(False)
        request = head("GET", "/v1/audit/events?limit=1000", f"Authorization: {header}")
        watch, never = Stopwatch(), Event()
        while counted(hasty, "answer") == before and watch.wall() < LONG_S:
            try:
                wire.sendall(request)
            except BlockingIOError:
                never.wait(0.01)
            except (BrokenPipeError, ConnectionResetError):
                break
    assert counted(hasty, "answer") == before + 1


def test_a_client_that_is_merely_busy_is_served_for_as_long_as_it_likes(hasty: Served) -> None:
    watch, never = Stopwatch(), Event()
    with connected(hasty) as wire:
        while watch.wall() < 3 * SHORT_S:
            wire.sendall(head("GET", "/v1/health"))
            assert one_answer(wire).status == 200
            never.wait(SHORT_S / 5)


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with room for sixteen connections."""
    settings = ServerSettings(port=0, max_connections=16, rates=UNLIMITED)
    with thread(tmp_path_factory.mktemp("small") / "home", settings) as served:
        yield served


def test_an_idle_connection_makes_place_for_one_that_has_something_to_say(small: Served) -> None:
    idle = [socket.create_connection(("127.0.0.1", small.port), timeout=20) for _ in range(16)]
    try:
        for wire in idle:
            wire.sendall(head("GET", "/v1/health"))
            assert one_answer(wire).status == 200
        with small.http() as http:
            assert http.get("/v1/health").status_code == 200
        assert idle[0].recv(1) in {b"", None}
    except ConnectionResetError:
        pass
    finally:
        for wire in idle:
            wire.close()


def test_with_every_connection_in_use_another_one_is_told_to_come_back(small: Served) -> None:
    busy = [socket.create_connection(("127.0.0.1", small.port), timeout=20) for _ in range(16)]
    try:
        for wire in busy:
            wire.sendall(head("POST", "/v1/token/validate", "Content-Length: 20", "Expect: 100-continue"))
            assert wire.recv(100).startswith(b"HTTP/1.1 100 ")
        with connected(small) as wire:
            reply = until_closed(wire)
        assert reply.status == 503
        assert json.loads(reply.body)["error_code"] == "unavailable"
        for wire in busy:
            wire.sendall(b'{"token":"xxxxxxxx"}')
            assert one_answer(wire).status == 200
    finally:
        for wire in busy:
            wire.close()


def test_with_too_many_requests_under_way_another_one_is_told_to_come_back(tmp_path: Path) -> None:
    settings = ServerSettings(port=0, max_waiting=1, rates=UNLIMITED)
    with thread(tmp_path / "home", settings) as served, connected(served) as wire, served.http() as http:
        wire.sendall(head("POST", "/v1/token/validate", "Content-Length: 13", "Expect: 100-continue"))
        assert wire.recv(100).startswith(b"HTTP/1.1 100 ")
        answer = http.get("/v1/health")
        assert (answer.status_code, problem_of(answer)["error_code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        wire.sendall(b'{"token":"x"}')
        assert one_answer(wire).status == 200
        assert http.get("/v1/health").status_code == 200


def test_what_is_under_way_when_the_server_stops_is_finished(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    settings = ServerSettings(port=0, rates=UNLIMITED)
    with thread(tmp_path_factory.mktemp("stopping") / "home", settings) as served:
        with connected(served) as wire:
            wire.sendall(head("POST", "/v1/token/validate", "Content-Length: 13") + b'{"token"')
            assert served.server is not None
            metrics = served.server.service.metrics
            with served.http() as http:
                assert http.get("/v1/health").status_code == 200
            served.server.stop()
            never = Event()
            never.wait(0.3)
            wire.sendall(b':"x"}')
            assert one_answer(wire).status == 200
            assert until_closed(wire).raw == b""
        assert metrics.requests["POST", "/v1/token/validate", 200] == 1


def test_a_live_token_passes_in_any_case_of_haste(hasty: Served) -> None:
    with hasty.http() as http:
        header = operator(http, hasty)
        assert http.get("/v1/kill", headers=header).json() == {"killed": False}
        assert http.get("/v1/kill", headers=bearing("x")).status_code == 401
