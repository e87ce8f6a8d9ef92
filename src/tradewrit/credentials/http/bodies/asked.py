"""What clients send: the JSON of the protocol, field by field, and how it is read.

Fields that a body does not know are ignored. Durations are whole seconds.
"""

from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta

from tradewrit.credentials.refusals import invalid
from tradewrit.credentials.settings import MAX_KILL_GRACE_S
from tradewrit.credentials.status import MAX_ASKED
from tradewrit.credentials.winding_down import LONGEST_ID, MOST_ORDERS
from tradewrit.domain.constraints import UNRESTRICTED, Constraints

MAX_SECONDS: Final = 2**53
Seconds = Annotated[int, Meta(ge=-MAX_SECONDS, le=MAX_SECONDS)]
OrderIds = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=LONGEST_ID)], ...], Meta(max_length=MOST_ORDERS)
]
Body = TypeVar("Body", bound=msgspec.Struct)
_MISSING: Final = "Object missing required field `"


class In(msgspec.Struct, frozen=True):
    """What a client sends."""


class ToValidate(In, frozen=True):
    """A token to look at."""

    token: str


class ToAskStatus(In, frozen=True):
    """More tokens of the same app to tell of, beside the bearer's own."""

    tokens: Annotated[tuple[str, ...], Meta(max_length=MAX_ASKED)] = ()


class ToRegister(In, frozen=True):
    """An agent's part of the registration ceremony.

    public_key, signature: standard base64 with padding. nonce: the challenge, 64 hex characters.
    """

    launch_token: str
    nonce: str
    public_key: str
    signature: str
    orch_id: str
    task_id: str
    requested_scope: tuple[str, ...]


class ToDelegate(In, frozen=True):
    """Whom to pass a part of one's permission to, and which part. ttl: 60 when it is left out."""

    delegate_to: str
    scope: tuple[str, ...]
    ttl: Seconds | None = None
    constraints: Constraints = UNRESTRICTED


class ToLaunch(In, frozen=True):
    """What the holder of a launch token may register.

    max_ttl: life of the agent's token, 300 when 0 or less. ttl: life of the launch token, 30 when it is
    left out. needs_proof: the agent must prove with every request that it holds its key. protective: a
    writ that may only shrink positions and outlives the kill switch.
    """

    agent_name: str
    allowed_scope: tuple[str, ...]
    max_ttl: Seconds = 300
    single_use: bool = True
    ttl: Seconds | None = None
    constraints: Constraints = UNRESTRICTED
    needs_proof: bool = False
    protective: bool = False


class OperatorLogin(In, frozen=True):
    """An operator's secret, `op-<name>-<64 hex>`. proves_only: for a token that can do nothing else."""

    secret: str
    proves_only: bool = False


class AppLogin(In, frozen=True):
    """An app's credentials."""

    client_id: str
    client_secret: str


class NewApp(In, frozen=True):
    """An app and its ceiling. protector: whether it may launch protective writs."""

    name: str
    scopes: tuple[str, ...]
    token_ttl: Seconds | None = None
    constraints: Constraints = UNRESTRICTED
    protector: bool = False


class AppChange(In, frozen=True):
    """What of an app to change; what is left out stays."""

    scopes: tuple[str, ...] | None = None
    token_ttl: Seconds | None = None
    constraints: Constraints | None = None


class NewOperator(In, frozen=True):
    """A person who may administer over HTTP."""

    name: str


class ToRevoke(In, frozen=True):
    """What to kill: token, agent, task, chain, app or all. including_protection: protective writs too."""

    level: str
    target: str
    including_protection: bool = False


class ToKill(In, frozen=True):
    """Why the kill switch is pulled. including_protection: end the protective writs too.

    grace_s: how many seconds they live on at most, for the desks to cancel their entries.
    """

    reason: str = ""
    including_protection: bool = False
    grace_s: Annotated[int, Meta(ge=0, le=MAX_KILL_GRACE_S)] | None = None


class ToAnswer(In, frozen=True):
    """What a desk says of its entries under a kill that includes protection: client order ids.

    cancelled: those it has cancelled since. working: those that may still trade; with none its writ ends.
    """

    cancelled: OrderIds = ()
    working: OrderIds = ()


class Broken(In, frozen=True):
    """One constraint that an order broke, with both sides of the comparison."""

    constraint: Annotated[str, Meta(max_length=64)]
    allowed: Annotated[str, Meta(max_length=512)]
    actual: Annotated[str, Meta(max_length=512)]


class Refused(In, frozen=True):
    """An order that the constraints of the bearer's writ refused. resource: the scope it asked for."""

    resource: Annotated[str, Meta(max_length=512)]
    violations: Annotated[tuple[Broken, ...], Meta(min_length=1, max_length=32)]


def read(kind: type[Body], raw: bytes, *, hint: str = "") -> Body:
    """The body in `raw`; refused with invalid_request, naming the field, when it is none.

    An empty body stands for `{}`. hint: what to add when a field is missing.
    """
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except msgspec.ValidationError as why:
        raise invalid(_explained(str(why), hint)) from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise invalid("malformed JSON body") from None


def _explained(why: str, hint: str) -> str:
    if why.startswith(_MISSING):
        name = why[len(_MISSING) :].partition("`")[0]
        return f"{name} is required{hint and f': {hint}'}"
    return f"wrong body: {why[:300]}"
