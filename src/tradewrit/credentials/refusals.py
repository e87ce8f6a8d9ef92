"""Why the authority says no: the protocol's `error_code`, and the sentences the real client shows."""

from enum import StrEnum

from tradewrit.errors import CredentialRefused


class Code(StrEnum):
    """The `error_code` of a refusal.

    The first block is that of the AgentWrit protocol. KILLED: the kill switch is on. CONFLICT: the name
    is taken.
    """

    INVALID_REQUEST = "invalid_request"
    INVALID_TTL = "invalid_ttl"
    UNAUTHORIZED = "unauthorized"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    SCOPE_VIOLATION = "scope_violation"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"

    CONFLICT = "conflict"
    KILLED = "killed"


def refused(code: Code, detail: str) -> CredentialRefused:
    """The exception to raise; `detail` is shown to whoever asked."""
    return CredentialRefused(code.value, detail)


def invalid(detail: str) -> CredentialRefused:
    """The request itself is wrong."""
    return refused(Code.INVALID_REQUEST, detail)


def unverified() -> CredentialRefused:
    """A token that is forged, expired, revoked, or not proven to be one's own: all look the same."""
    return refused(Code.UNAUTHORIZED, "token verification failed")
