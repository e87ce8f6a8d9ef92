"""Validation over kept-alive HTTP beside the least a FastAPI route can do on the same machine, in one run.

    python -m benchmarks.credentials_http [--rounds 9] [--requests 500] [--json]

Both servers are processes of their own on loopback, under the same uvicorn and h11. The client writes bytes
that were made beforehand and reads as few as it can, so that what is measured is the servers. Rounds
alternate; the median of their ratios counts. Target: at least half of the empty route's answers per second.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

TARGET = 0.5
WARM_UP = 200
COMMAND = "from tradewrit.app import main; main()"
EMPTY = """
import asyncio, socket, uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
async def empty():
    return {}
# Named as TCP, or asyncio leaves Nagle's algorithm on and every answer waits 40 ms for an acknowledgement.
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen()
listener.setblocking(False)
print(listener.getsockname()[1], flush=True)
config = uvicorn.Config(app, http="h11", ws="none", access_log=False, log_config=None, server_header=False)
asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
"""


@contextmanager
def server(*words: str, home: Path) -> Iterator[str]:
    """A server in a process of its own; what it printed first."""
    env = {**os.environ, "TRADEWRIT_HOME": str(home)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=env) as process:  # noqa: S603 - ours
        try:
            yield process.stdout.readline() if process.stdout else ""
        finally:
            process.terminate()


def issue_token(home: Path) -> str:
    """A live token of a home folder."""
    from tradewrit.credentials.authority import Authority
    from tradewrit.credentials.client import AgentRequest, LocalClient
    from tradewrit.credentials.home import open_home
    from tradewrit.credentials.keys import SigningKey
    from tradewrit.runtime.clock import system_entropy

    scope = ("read:trades:AAPL", "write:trades:AAPL")
    with Authority.open(open_home(home)) as authority:
        app = authority.add_app("bench", ["read:trades:*", "write:trades:*"], by="bench")
        client = LocalClient(authority, app.app.client_id, app.client_secret)
        asked = AgentRequest(name="bench", orch_id="bench", task_id="bench", scope=scope, max_ttl_s=3600)
        return client.register(asked, SigningKey.draw(system_entropy)).token


class Asking:
    """One kept-alive connection and one request, again and again."""

    def __init__(self, port: int, request: bytes, expected: bytes) -> None:
        self._wire = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        answer = self._ask(None)
        if expected not in answer:
            raise AssertionError(f"not the answer that is to be measured: {answer[:200]!r}")
        self._size = len(answer)

    def _ask(self, size: int | None) -> bytes:
        self._wire.sendall(self._request)
        received = b""
        while len(received) < size if size else b"}" not in received[-3:]:
            received += self._wire.recv(65_536)
        return received

    def per_second(self, requests: int) -> float:
        """Answers per second, one after the other."""
        began = time.perf_counter()
        for _ in range(requests):
            self._ask(self._size)
        return requests / (time.perf_counter() - began)


def post(path: str, body: bytes) -> bytes:
    """A request with a body, as bytes."""
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def measured(rounds: int, requests: int) -> dict[str, Any]:
    """Answers per second of both, and their ratio, by rounds that alternate."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        token = issue_token(home)
        empty = stack.enter_context(server(sys.executable, "-c", EMPTY, home=home))
        words = (sys.executable, "-c", COMMAND, "credentials", "serve", "--port", "0")
        ours = stack.enter_context(server(*words, home=home))
        asking = {
            "empty": Asking(int(empty), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"{}"),
            "validate": Asking(
                int(ours.split("http://127.0.0.1:")[1].split()[0]),
                post("/v1/token/validate", json.dumps({"token": token}).encode()),
                b'"valid":true',
            ),
        }
        for one in asking.values():
            one.per_second(WARM_UP)
        figures: dict[str, list[float]] = {name: [] for name in asking}
        for _ in range(rounds):
            for name, one in asking.items():
                figures[name].append(one.per_second(requests))
    ratios = [ours / bare for ours, bare in zip(figures["validate"], figures["empty"], strict=True)]
    return {
        "empty_per_second": statistics.median(figures["empty"]),
        "validate_per_second": statistics.median(figures["validate"]),
        "ratio": statistics.median(ratios),
        "target": TARGET,
    }


def main() -> None:
    """Print the figures; exit 1 when the target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measured(given.rounds, given.requests)
    if given.json:
        print(json.dumps(found))
    else:
        print(f"empty FastAPI route  {found['empty_per_second']:8.0f} answers per second")
        print(f"validate             {found['validate_per_second']:8.0f} answers per second")
        print(f"ratio                {found['ratio']:8.2f} (target: at least {TARGET})")
    sys.exit(found["ratio"] < TARGET)


if __name__ == "__main__":
    main()
