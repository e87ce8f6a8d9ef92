"""Operators log in where another program has to know who they are: at the authority, never there.

    the person: secret ─▶ login ─▶ a token ─▶ the other program ─▶ prove ─▶ the name, once

The other program never sees the secret; the token can do nothing, and once it has counted it is dead. One
contract, two shapes: the authority of this machine, and one behind HTTP.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from threading import Lock
from typing import Final, Protocol

import msgspec

from tradewrit.credentials.authority import Authority
from tradewrit.credentials.names import is_operator_subject, operator_subject
from tradewrit.credentials.operators import PROOF_SCOPES
from tradewrit.credentials.remote_answers import Token, Validity
from tradewrit.credentials.remote_http import Http
from tradewrit.errors import PermissionDenied
from tradewrit.runtime.secret import Secret


class OperatorLogins(Protocol):
    """May block. Raises CredentialRefused, Unreachable, Throttled, JournalError, PermissionDenied."""

    def login(self, secret: Secret) -> str:
        """A token for whoever has this secret; good for one `prove`, and for minutes only."""
        ...

    def prove(self, token: str) -> str:
        """The name of the operator whose token it is. It is dead from then on."""
        ...


class LocalLogins:
    """At the authority of this machine. opened: gives it, to be used and closed."""

    def __init__(self, opened: Callable[[], AbstractContextManager[Authority]]) -> None:
        self._opened = opened

    def login(self, secret: Secret) -> str:
        """See OperatorLogins."""
        with self._opened() as authority:
            return authority.operator_token(secret.reveal(), proves_only=True).token

    def prove(self, token: str) -> str:
        """See OperatorLogins."""
        with self._opened() as authority:
            return authority.spend_operator_token(token)


class _Claimed(msgspec.Struct, frozen=True):
    sub: str = ""
    jti: str = ""
    scope: tuple[str, ...] = ()


class RemoteLogins:
    """At an authority elsewhere. Any thread may use it."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._spent: Final = set[str]()
        self._lock: Final = Lock()

    def login(self, secret: Secret) -> str:
        """See OperatorLogins."""
        body = {"secret": secret.reveal(), "proves_only": True}
        return self._http.ask("POST", "/v1/admin/auth", Token, body=body).access_token

    def prove(self, token: str) -> str:
        """See OperatorLogins. Asked, noted and given back: of two at once only one is told the name."""
        answer = self._http.ask("POST", "/v1/token/validate", Validity, body={"token": token})
        claims = msgspec.convert(answer.claims, _Claimed) if answer.valid else _Claimed()
        with self._lock:
            is_proof = is_operator_subject(claims.sub) and claims.scope == PROOF_SCOPES
            if not is_proof or claims.jti in self._spent:
                raise PermissionDenied(
                    "this login does not count: it is no operator's, is over or was used before"
                )
            self._spent.add(claims.jti)
        self._http.ask("POST", "/v1/token/release", None, headers={"Authorization": f"Bearer {token}"})
        return claims.sub.removeprefix(operator_subject(""))
