"""What is asked of the authority and what it answers, as values. Durations are whole seconds."""

import msgspec

from tradewrit.credentials.claims import Claims
from tradewrit.credentials.records import App, Level
from tradewrit.domain.constraints import UNRESTRICTED, Constraints


class Bearer(msgspec.Struct, frozen=True, kw_only=True):
    """How a request presents its permission.

    authorization: the header, `Bearer <token>`; None when there is none.
    proof: the `DPoP` header (RFC 9449), "" when there is none. method, url: of the request, as sent,
    without query and fragment; what the proof has to name. It prints without its secrets.
    """

    authorization: str | None
    proof: str = ""
    method: str = ""
    url: str = ""

    def __repr__(self) -> str:
        return f"Bearer(method={self.method!r}, url={self.url!r})"


class Local(msgspec.Struct, frozen=True):
    """Somebody at this machine who may read the home folder: the desk, or a person with the commands.

    name: for the audit trail. app_id: the app for which it acts and whose ceiling holds; "" for none.
    """

    name: str
    app_id: str = ""


class LaunchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the holder of a launch token shall be able to register.

    max_ttl_s: of the agent's token; 0 or less: the default. ttl_s: of the launch token; None: the default.
    constraints: met with those of the app.
    needs_proof: the agent's token counts only with proof that its holder has the agent's key.
    is_protective: a writ that may only shrink positions and outlives the kill switch.
    """

    agent_name: str
    allowed_scope: tuple[str, ...]
    max_ttl_s: int = 0
    is_single_use: bool = True
    ttl_s: int | None = None
    constraints: Constraints = UNRESTRICTED
    needs_proof: bool = False
    is_protective: bool = False


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """A launch token. secret: 64 hex characters, shown once. expires_at: UTC ns."""

    secret: str
    expires_at: int
    allowed_scope: tuple[str, ...]
    max_ttl_s: int
    constraints: Constraints = UNRESTRICTED

    def __repr__(self) -> str:
        return f"Launch(expires_at={self.expires_at})"


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """nonce: 64 hex characters; the agent signs the 32 bytes they stand for."""

    nonce: str
    expires_in: int


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent sends to get its identity.

    public_key, signature: standard base64 with padding, of 32 and 64 bytes.
    """

    launch_token: str
    nonce: str
    public_key: str
    signature: str
    orch_id: str
    task_id: str
    requested_scope: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Registration(orch_id={self.orch_id!r}, task_id={self.task_id!r})"


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A token that leaves the house. It prints as its id."""

    token: str
    claims: Claims

    @property
    def expires_in(self) -> int:
        """Seconds from its issue to its end."""
        return self.claims.exp - self.claims.iat

    def __repr__(self) -> str:
        return f"Issued(jti={self.claims.jti!r}, sub={self.claims.sub!r})"


class DelegationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """to: the SPIFFE id of a registered agent. ttl_s: None for the default, cut to the delegator's end."""

    to: str
    scope: tuple[str, ...]
    ttl_s: int | None = None
    constraints: Constraints = UNRESTRICTED


class AppCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """A new app and the secret that is shown once."""

    app: App
    client_secret: str

    def __repr__(self) -> str:
        return f"AppCredentials(app_id={self.app.app_id!r})"


class OperatorCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """A new operator and the secret that is shown once: `op-<name>-<64 hex>`."""

    name: str
    secret: str

    def __repr__(self) -> str:
        return f"OperatorCredentials(name={self.name!r})"


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """What was revoked; the target need not have existed."""

    level: Level
    target: str
