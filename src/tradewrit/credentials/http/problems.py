"""How the server says no: problem documents (RFC 9457), and the status of every error code."""

from collections.abc import Mapping
from typing import Final

import msgspec

from tradewrit.credentials.refusals import Code

PROBLEM: Final = "application/problem+json"
REQUEST_ID_BYTES: Final = 8

TITLES: Final[Mapping[int, str]] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Request Entity Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

STATUSES: Final[Mapping[str, int]] = {
    Code.INVALID_REQUEST: 400,
    Code.INVALID_TTL: 400,
    Code.UNAUTHORIZED: 401,
    Code.INSUFFICIENT_SCOPE: 403,
    Code.SCOPE_VIOLATION: 403,
    Code.FORBIDDEN: 403,
    Code.KILLED: 403,
    Code.NOT_FOUND: 404,
    Code.CONFLICT: 409,
    "method_not_allowed": 405,
    "timeout": 408,
    "payload_too_large": 413,
    "rate_limited": 429,
    "internal_error": 500,
    "unavailable": 503,
}
"""The HTTP status of an `error_code`; the second block comes from the transport, not from the authority."""

SAFETY_HEADERS: Final[tuple[tuple[str, str], ...]] = (
    ("Cache-Control", "no-store"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)
"""On every answer."""
TRANSPORT_SECURITY: Final = ("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
"""On every answer over TLS."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not answered as asked. `error_code` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error_code: str
    request_id: str


def problem(status: int, code: str, detail: str, *, instance: str, request_id: str) -> Problem:
    """The document for an error. instance: the path of the request."""
    return Problem(
        type=f"urn:agentwrit:error:{code}",
        title=TITLES[status],
        status=status,
        detail=detail,
        instance=instance,
        error_code=code,
        request_id=request_id,
    )


def canned(status: int, code: str, detail: str, request_id: str) -> bytes:
    """A whole HTTP answer for what never became a request; the connection ends with it."""
    body = msgspec.json.encode(problem(status, code, detail, instance="", request_id=request_id))
    head = [
        f"HTTP/1.1 {status} {TITLES[status]}",
        f"Content-Type: {PROBLEM}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        f"X-Request-Id: {request_id}",
        *(f"{name}: {value}" for name, value in SAFETY_HEADERS),
    ]
    return ("\r\n".join(head) + "\r\n\r\n").encode("ascii") + body
