"""A log that strangers cannot fill."""

import logging
import socket
from pathlib import Path

import pytest

from tests.unit.credentials.http.servers import thread
from tradewrit.credentials.http.sampling import LINES_A_MINUTE, Sampled
from tradewrit.domain.market import SECOND
from tradewrit.runtime.clock import ManualClock


def line(text: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("server", logging.WARNING, "server.py", 1, text, arguments, None)


def test_of_each_kind_the_first_lines_of_a_minute_are_written_and_then_how_many_were_not() -> None:
    clock = ManualClock(SECOND)
    sampled = Sampled(clock)
    written = sum(sampled.filter(line("%s failed", path)) for path in range(100))
    assert written == LINES_A_MINUTE
    assert sampled.filter(line("something else"))
    clock.advance(60 * SECOND)
    next_one = line("%s failed", "/v1/health")
    assert sampled.filter(next_one)
    assert next_one.getMessage() == "/v1/health failed (90 more like this were not logged)"


def test_what_was_seldom_is_written_as_it_is() -> None:
    clock = ManualClock(SECOND)
    sampled = Sampled(clock)
    for _ in range(5):
        record = line("now and then")
        assert sampled.filter(record)
        assert record.getMessage() == "now and then"
        clock.advance(61 * SECOND)


def test_a_flood_of_kinds_costs_no_memory() -> None:
    sampled = Sampled(ManualClock(SECOND))
    for number in range(10_000):
        sampled.filter(line(f"kind {number}"))
    assert len(sampled._counts) == 256


def test_whoever_sends_what_is_not_http_costs_a_few_lines(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("uvicorn", "uvicorn.error"):  # another server of this process may have kept them to itself
        monkeypatch.setattr(logging.getLogger(name), "propagate", True)
        monkeypatch.setattr(logging.getLogger(name), "disabled", False)
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
    with thread(tmp_path / "home") as served, caplog.at_level(logging.WARNING, "uvicorn.error"):
        for _ in range(3 * LINES_A_MINUTE):
            with socket.create_connection(("127.0.0.1", served.port)) as stranger:
                stranger.sendall(b"this is not HTTP\r\n\r\n")
                assert stranger.recv(64).startswith(b"HTTP/1.1 400")
        told = [record for record in caplog.records if "Invalid HTTP" in record.getMessage()]
    assert len(told) == LINES_A_MINUTE
