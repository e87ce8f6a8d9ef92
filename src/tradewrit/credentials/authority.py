"""The authority: who may act, for how long, and proof of all it did. Everything goes through here.

The HTTP server, the commands and the desk are callers of this one class; what it says holds for all of
them at once, and for every other process on the same home folder. Each subject has its own file; this
one only brings them together. Knows no HTTP and no commands.

Every refusal is a `CredentialRefused` with the protocol's `error_code`, and stands in the audit trail. A
store that cannot be written or trusted raises JournalError, and nothing has been handed out.
"""

from collections.abc import Sequence
from typing import Self

from tradewrit.credentials.audit import AuditRecord, SignedHead
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.home import Home
from tradewrit.credentials.keyring import KeySet
from tradewrit.credentials.records import Agent, App, KillState, Operator
from tradewrit.credentials.requests import (
    AppCredentials,
    Bearer,
    Challenge,
    DelegationRequest,
    Issued,
    Launch,
    LaunchRequest,
    Local,
    OperatorCredentials,
    Registration,
    Revocation,
)
from tradewrit.credentials.settings import Terms
from tradewrit.credentials.store import AuditQuery, Pruned
from tradewrit.domain.constraints import UNRESTRICTED, Constraints, Violation
from tradewrit.runtime.clock import Clock, Entropy, system_entropy
from tradewrit.runtime.journal.port import Verification
from tradewrit.runtime.journal.records import Head


class Authority:
    """One credential authority, in this process. Any thread may use it; calls block for a disk write.

    `by` is always who asked, for the audit trail: an operator's `admin:<name>`, or a name from this machine.
    """

    @classmethod
    def open(
        cls,
        home: Home,
        *,
        clock: Clock | None = None,
        entropy: Entropy = system_entropy,
        terms: Terms | None = None,
    ) -> Self:
        """Open the authority of a home folder, or found it there.

        The audit chain is walked first. Raises JournalError, KeyMaterialError and ConfigError when a
        file is missing, exposed, damaged or was edited: then nothing is issued.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Let go of the files."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def id(self) -> str:
        """Drawn once, 32 hex characters."""
        raise NotImplementedError

    @property
    def terms(self) -> Terms:
        """The terms it was opened with."""
        raise NotImplementedError

    # Apps

    def add_app(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        by: str,
        token_ttl_s: int | None = None,
        constraints: Constraints = UNRESTRICTED,
        is_protector: bool = False,
    ) -> AppCredentials:
        """Register an app: its ceiling of scopes and constraints, and a secret that is shown once.

        name: lower-case letters, digits and single hyphens. token_ttl_s: 60 to 86,400; None: the default.
        is_protector: whether it may launch protective writs.
        Refused: invalid_request (name, scopes), invalid_ttl, conflict (an active app has the name).
        """
        raise NotImplementedError

    def update_app(
        self,
        app_id: str,
        *,
        by: str,
        scopes: Sequence[str] | None = None,
        token_ttl_s: int | None = None,
        constraints: Constraints | None = None,
    ) -> App:
        """Change what is given. Live tokens that go beyond a narrowed ceiling are revoked with it.

        Refused: not_found, invalid_request, invalid_ttl.
        """
        raise NotImplementedError

    def remove_app(self, app_id: str, *, by: str) -> App:
        """Deregister an app for good: its tokens, launch tokens and all delegated from them die at once.

        Refused: not_found.
        """
        raise NotImplementedError

    def apps(self) -> list[App]:
        """All apps, the oldest first; those removed have `deregistered_at`."""
        raise NotImplementedError

    def app(self, app_id: str) -> App:
        """One app, active or removed. Refused: not_found."""
        raise NotImplementedError

    def app_token(self, client_id: str, client_secret: str) -> Issued:
        """Authenticate an app. Unknown and wrong take the same time and get the same answer.

        Refused: unauthorized, invalid_request (an empty field), killed (unless it may launch
        protective writs).
        """
        raise NotImplementedError

    # Operators

    def add_operator(self, name: str, *, by: str) -> OperatorCredentials:
        """A person who may administer over HTTP, and the secret that is shown once.

        Refused: invalid_request (name), conflict.
        """
        raise NotImplementedError

    def remove_operator(self, name: str, *, by: str) -> None:
        """Remove an operator; its tokens die at once. Refused: not_found."""
        raise NotImplementedError

    def operators(self) -> list[Operator]:
        """All operators, the oldest first; those removed have `removed_at`."""
        raise NotImplementedError

    def operator_token(self, secret: str) -> Issued:
        """Authenticate a person, also while the kill switch is on. The token's subject is `admin:<name>`.

        Wrong name and wrong secret take the same time. Refused: unauthorized, invalid_request (empty).
        """
        raise NotImplementedError

    # Agents: launch, challenge, registration

    def launch(self, holder: Claims | Local, request: LaunchRequest) -> Launch:
        """A launch token, within the ceiling of the holder's app.

        holder: claims as `authenticate` gave them, of an app or an operator; or somebody local.
        Refused: invalid_request, scope_violation (beyond the ceiling; the ceiling is not told),
        forbidden (a protective writ from an app that may not), unauthorized (the holder died meanwhile),
        killed.
        """
        raise NotImplementedError

    def challenge(self) -> Challenge:
        """A nonce to sign. Costs no memory."""
        raise NotImplementedError

    def register(self, registration: Registration) -> Issued:
        """Give an agent its identity (`claims.sub`) and its first token. One winner per launch token.

        Checked in this order: fields, launch token, scope, nonce (consumed), key, signature, launch
        token (consumed). orch_id and task_id are checked with the fields, before anything is consumed.
        Refused: invalid_request, unauthorized, scope_violation, killed.
        """
        raise NotImplementedError

    def agent(self, agent_id: str) -> Agent | None:
        """A registered agent, or None."""
        raise NotImplementedError

    # Tokens in use

    def authenticate(self, bearer: Bearer, scope: str = "") -> Claims:
        """Who presents this token; `scope` is what it must cover, "" for any live token.

        With a proof of possession it is checked; a token with `cnf` is refused without one.
        Refused: unauthorized, insufficient_scope.
        """
        raise NotImplementedError

    def verify(self, token: str) -> Claims:
        """The claims of a live token, for use inside: cheap for one that was verified before.

        Possession is not asked about. Raises TokenRefused, whose `reason` is for the audit trail only.
        """
        raise NotImplementedError

    def validate(self, token: str) -> Claims | None:
        """The claims of a live token, or None. Presenting it proves nothing, and is not recorded."""
        raise NotImplementedError

    def renew(self, token: str, bearer: Bearer | None = None) -> Issued:
        """Replace a live token by one that lives as long anew. Exactly one caller per token wins.

        bearer: as the token came over HTTP, with its proof of possession; without it a token with `cnf`
        is refused. Refused: unauthorized, killed.
        """
        raise NotImplementedError

    def release(self, token: str, bearer: Bearer | None = None) -> None:
        """Give a token up. One that is genuine and already dead is as good as released.

        Refused: unauthorized, for what was never a token of ours (or not proven, see `renew`).
        """
        raise NotImplementedError

    def delegate(self, token: str, request: DelegationRequest, bearer: Bearer | None = None) -> Issued:
        """A token for another agent, with no more than this one has and no longer than it lives.

        Refused: unauthorized, invalid_request, scope_violation (more than the delegator has; too deep),
        not_found (nobody of that id is registered), forbidden (the delegate was revoked), killed.
        """
        raise NotImplementedError

    # Revocation and the kill switch

    def revoke(self, level: str, target: str, *, by: str, including_protection: bool = False) -> Revocation:
        """Kill what was issued so far; see `Level`. At once, on every route and in every process.

        Refused: invalid_request (unknown level, no target).
        """
        raise NotImplementedError

    def kill(self, *, by: str, reason: str = "", including_protection: bool = False) -> KillState:
        """The kill switch: every writ but the protective ones dies, and none is issued until `rearm`.

        including_protection: the protective ones too. Outlives a restart; killing again can only add.
        """
        raise NotImplementedError

    def rearm(self, *, by: str) -> None:
        """Let permissions be issued again; those that died stay dead. Only for a person.

        Refused: invalid_request when the switch is not on.
        """
        raise NotImplementedError

    def kill_state(self) -> KillState | None:
        """Who pulled the kill switch, when and why; None while it is not on."""
        raise NotImplementedError

    # Keys

    def key_set(self) -> KeySet:
        """What verifies tokens now, also offline; follows rotations by other processes."""
        raise NotImplementedError

    def jwks(self) -> bytes:
        """The same as a JWK Set (RFC 7517)."""
        raise NotImplementedError

    def rotate(self, *, by: str, overlap_s: int | None = None) -> KeySet:
        """Sign with a new key from now on; the old one verifies for `overlap_s`.

        None: long enough for every token to live to its end. 0 when the key may have been stolen: all
        it signed is dead at once.
        """
        raise NotImplementedError

    # The audit trail

    def events(self, query: AuditQuery) -> tuple[list[AuditRecord], int]:
        """The events asked for, and how many there are in all."""
        raise NotImplementedError

    def event_count(self) -> int:
        """How many events there are, without counting them."""
        raise NotImplementedError

    def signed_head(self) -> SignedHead:
        """Where the audit chain ends, signed: keep it elsewhere."""
        raise NotImplementedError

    def verify_audit(self, against: Head | None = None) -> Verification:
        """Walk the whole chain; `against` is a head that was kept elsewhere."""
        raise NotImplementedError

    def note_refusal(
        self, claims: Claims, violations: Sequence[Violation], *, resource: str, by: str = ""
    ) -> None:
        """Record that a writ's constraints refused an order. resource: what was asked for, e.g. its scope."""
        raise NotImplementedError

    def note_rate_limited(self, client_id: str, peer: str) -> None:
        """Record that the rate limit of an app's authentication refused a peer."""
        raise NotImplementedError

    # Housekeeping

    def prune(self) -> Pruned:
        """Forget what has expired; done every so many writes as well."""
        raise NotImplementedError

    def is_healthy(self) -> bool:
        """Whether the store can be read now."""
        raise NotImplementedError
