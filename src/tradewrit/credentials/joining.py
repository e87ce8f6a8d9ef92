"""The start of a desk at an authority elsewhere: whoever cannot begin is told why, and what to do.

What goes wrong later is the desk's business (`runtime.writs`); here nothing runs yet.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from tradewrit.credentials.client_desk import ClientIssuer
from tradewrit.credentials.refusals import Code
from tradewrit.credentials.remote import RemoteClient
from tradewrit.errors import ConfigError, CredentialRefused, OurFault, TradewritError, Unreachable
from tradewrit.runtime.roles import Terms

_TOO_MUCH: Final = frozenset({Code.FORBIDDEN, Code.SCOPE_VIOLATION, Code.INSUFFICIENT_SCOPE})


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """Where the authority is, and as which app one goes there."""

    url: str
    client_id: str


def sign_in(client: RemoteClient, door: Door, *, is_plain_enough: bool) -> bool:
    """Log in; whether the authority speaks the plain protocol only.

    is_plain_enough: whether that will do. Raises ConfigError for a wrong secret and for an authority that
    offers too little, OurFault while its kill switch is on, and Unreachable when none answers.
    """
    try:
        client.sign_in()
        is_plain = client.keys() is None
    except (CredentialRefused, Unreachable) as error:
        raise _explained(error, door) from error
    if is_plain and not is_plain_enough:
        raise ConfigError(
            f"{door.url} speaks the plain protocol only: it has no key set, keeps no trading constraints and "
            "has no protective writs; if the desk alone shall keep them, set writs.authority.plain_protocol: "
            "true"
        )
    return is_plain


def register(issuer: ClientIssuer, door: Door, terms: Mapping[str, Terms]) -> None:
    """Register every role; raises as `sign_in`, and ConfigError when the app may not have so much."""
    try:
        issuer.prepare(terms)
    except CredentialRefused as refused:
        if refused.code in _TOO_MUCH:
            raise ConfigError(_too_narrow(refused, door, terms)) from refused
        raise _explained(refused, door) from refused
    except Unreachable as error:
        raise _explained(error, door) from error


def _explained(error: CredentialRefused | Unreachable, door: Door) -> TradewritError:
    if isinstance(error, Unreachable):
        return Unreachable(
            f"no authority answers: {error}; is it running (tradewrit credentials serve), and is the address "
            "right?"
        )
    if error.code == Code.KILLED:
        return OurFault(
            f"{door.url} issues nothing: its kill switch is on; a person puts it back there: "
            "tradewrit credentials rearm"
        )
    if error.code == Code.UNAUTHORIZED:
        return ConfigError(
            f"{door.url} does not let {door.client_id} in: {error.detail}; compare the client id with "
            "`tradewrit credentials app list` there, and set the secret again: tradewrit secrets set NAME"
        )
    return ConfigError(f"{door.url} refuses: {error.code}: {error.detail}")


def _too_narrow(refused: CredentialRefused, door: Door, terms: Mapping[str, Terms]) -> str:
    scopes = sorted({scope for one in terms.values() for scope in one.scopes})
    return (
        f"{door.url} gives {door.client_id} too little: {refused.detail}; this desk needs "
        f"{', '.join(scopes)}, and the right to launch protective writs: such an app is made there with "
        "`tradewrit credentials app add NAME --desk`"
    )
