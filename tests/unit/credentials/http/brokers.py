"""Another broker: it speaks the plain protocol only, with the habits of the one that exists.

It answers from a table, in the shapes that were seen on the wire: no key set, plain text where there is
no route, 401 for the release of a dead token, no task in the claims where there is none.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec

from tradewrit.credentials.encoding import encode

Reply = tuple[int, Any]


class Broker(msgspec.Struct):
    """What it was asked, and what it answers. replies: by path, instead of what it would say."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str], Any]] = []
    live: set[str] = set()
    replies: dict[str, Reply] = {}
    headers: dict[str, str] = {}

    def token(self, name: str) -> str:
        """A token that is live, as only the broker itself could verify it."""
        head = encode(b'{"alg":"EdDSA","typ":"JWT","kid":"theirs"}')
        text = f"{head}.{encode(json.dumps(self.claims(name)).encode())}.{encode(b'0' * 64)}"
        self.live.add(text)
        return text

    def claims(self, name: str) -> dict[str, Any]:
        return {
            "iss": "theirs",
            "sub": f"spiffe://agentwrit.local/agent/desk/swing/{name}",
            "exp": 4_000_000_300,
            "nbf": 4_000_000_000,
            "iat": 4_000_000_000,
            "jti": "0" * 32,
            "scope": ["read:trades:AAPL"],
        }

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: Any) -> Reply:
        if path in self.replies:
            return self.replies[path]
        bearer = headers.get("Authorization", "").removeprefix("Bearer ")
        match method, path:
            case "POST", "/v1/app/auth":
                return 200, {"access_token": "app", "expires_in": 1800, "token_type": "Bearer", "scopes": []}
            case "POST", "/v1/app/launch-tokens":
                return 201, {"launch_token": "f" * 64, "expires_at": "2030-01-01T00:00:00Z", "policy": {}}
            case "GET", "/v1/challenge":
                return 200, {"nonce": "0" * 64, "expires_in": 30}
            case "POST", "/v1/register":
                return 200, {"agent_id": "x", "access_token": self.token("0" * 16), "expires_in": 300}
            case "POST", "/v1/token/validate":
                if body["token"] in self.live:
                    return 200, {"valid": True, "claims": self.claims("0" * 16)}
                return 200, {"valid": False, "error": "token is invalid or expired"}
            case "POST", "/v1/token/renew" | "/v1/token/release" | "/v1/delegate" if bearer not in self.live:
                return 401, problem(401, "unauthorized", "token verification failed")
            case "POST", "/v1/token/renew":
                self.live.discard(bearer)
                return 200, {"access_token": self.token("1" * 16), "expires_in": 300}
            case "POST", "/v1/token/release":
                self.live.discard(bearer)
                return 204, None
            case "POST", "/v1/delegate":
                return 200, {"access_token": self.token("2" * 16), "expires_in": 60, "delegation_chain": []}
            case _:
                return 404, "404 page not found"


def problem(status: int, code: str, detail: str) -> dict[str, Any]:
    return {
        "type": f"urn:agentwrit:error:{code}",
        "title": "Refused",
        "status": status,
        "detail": detail,
        "instance": "/",
        "error_code": code,
    }


@contextmanager
def broker(kind: type[Broker] = Broker) -> Iterator[Broker]:
    """It, on a loopback port."""
    state = kind(asked=[], live=set(), replies={}, headers={})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: without that each answer waits for the client's ACK

        def respond(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(size)
            body = json.loads(raw) if raw else None
            state.asked.append((self.command, self.path, dict(self.headers), body))
            status, content = state.answer(self.command, self.path, dict(self.headers), body)
            sent = (
                b""
                if content is None
                else content.encode()
                if isinstance(content, str)
                else json.dumps(content).encode()
            )
            self.send_response(status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = respond  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        running = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        running.start()
        try:
            yield state
        finally:
            server.shutdown()
            running.join()
