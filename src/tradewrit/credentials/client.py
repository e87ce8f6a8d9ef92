"""What an app asks of a credential authority, wherever that is: in this process or behind HTTP.

    register ─▶ renew ─▶ renew ─▶ ... ─▶ release;  delegate, validate and report in between

One contract, two shapes: `LocalClient` here, `remote.RemoteClient` over the AgentWrit protocol.
"""

import base64
from collections.abc import Sequence
from typing import Protocol

import msgspec

from tradewrit.credentials.authority import Authority
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.proof import make_proof
from tradewrit.credentials.requests import (
    Bearer,
    DelegationRequest,
    Issued,
    LaunchRequest,
    Registration,
)
from tradewrit.credentials.status import Status
from tradewrit.domain.constraints import UNRESTRICTED, Constraints, Violation
from tradewrit.runtime.clock import Clock, Entropy, SystemClock, system_entropy

_HERE = "tradewrit:local"
"""What proofs of possession name as the address, where there is none."""


class AgentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The agent an app wants to start.

    name: for the audit trail. max_ttl_s: life of its tokens, in seconds. needs_proof: its tokens count
    only with proof of its key. is_protective: a writ that outlives the kill switch.
    """

    name: str
    orch_id: str
    task_id: str
    scope: tuple[str, ...]
    max_ttl_s: int = 300
    constraints: Constraints = UNRESTRICTED
    needs_proof: bool = False
    is_protective: bool = False


class CredentialClient(Protocol):
    """An app's way to its authority. Any thread may use it; every call may block.

    Raises, always: CredentialRefused when the authority says no, Throttled when it asks for patience,
    Unreachable when nothing is known of the outcome, JournalError when the authority in this process
    cannot keep its records. key: of the agent, where its token needs proof of possession.
    """

    def register(self, asked: AgentRequest, key: SigningKey) -> Issued:
        """Launch and register an agent under its key; `claims.sub` is its SPIFFE id."""
        ...

    def renew(self, token: str, key: SigningKey | None = None) -> Issued:
        """A new token in this one's place, which is dead from now on."""
        ...

    def release(self, token: str, key: SigningKey | None = None) -> None:
        """Give a token up. Harmless to repeat."""
        ...

    def delegate(self, token: str, request: DelegationRequest, key: SigningKey | None = None) -> Issued:
        """A token for another agent, with a part of what this one permits."""
        ...

    def validate(self, token: str) -> Claims | None:
        """The claims of a live token, None for any other."""
        ...

    def status(self, token: str, others: Sequence[str] = (), key: SigningKey | None = None) -> Status | None:
        """How this token stands, live or dead, and the others, and the kill switch.

        None where the authority tells nobody: it speaks the plain protocol only.
        """
        ...

    def report(
        self,
        token: str,
        violations: Sequence[Violation],
        *,
        resource: str,
        key: SigningKey | None = None,
    ) -> None:
        """Tell that the constraints of a writ refused an order for `resource`."""
        ...

    def answer_kill(
        self,
        token: str,
        cancelled: Sequence[str],
        working: Sequence[str],
        key: SigningKey | None = None,
    ) -> None:
        """Tell, under a protective token, which entries were cancelled because of a kill, and which work."""
        ...

    def close(self) -> None:
        """Let go of connections; the authority itself stays open."""
        ...


class LocalClient:
    """An app's way to the authority in this process."""

    def __init__(
        self,
        authority: Authority,
        client_id: str,
        client_secret: str,
        *,
        clock: Clock | None = None,
        entropy: Entropy = system_entropy,
    ) -> None:
        self._authority = authority
        self._login = (client_id, client_secret)
        self._clock = clock or SystemClock()
        self._entropy = entropy

    def register(self, asked: AgentRequest, key: SigningKey) -> Issued:
        """See CredentialClient."""
        app = self._authority.app_token(*self._login)
        launch = self._authority.launch(app.claims, launch_request(asked))
        nonce = self._authority.challenge().nonce
        return self._authority.register(registration(asked, key, launch.secret, nonce))

    def renew(self, token: str, key: SigningKey | None = None) -> Issued:
        """See CredentialClient."""
        return self._authority.renew(self._bearer(token, key))

    def release(self, token: str, key: SigningKey | None = None) -> None:
        """See CredentialClient."""
        self._authority.release(self._bearer(token, key))

    def delegate(self, token: str, request: DelegationRequest, key: SigningKey | None = None) -> Issued:
        """See CredentialClient."""
        return self._authority.delegate(self._bearer(token, key), request)

    def validate(self, token: str) -> Claims | None:
        """See CredentialClient."""
        return self._authority.validate(token)

    def status(self, token: str, others: Sequence[str] = (), key: SigningKey | None = None) -> Status | None:
        """See CredentialClient."""
        return self._authority.status(self._bearer(token, key), others)

    def report(
        self,
        token: str,
        violations: Sequence[Violation],
        *,
        resource: str,
        key: SigningKey | None = None,
    ) -> None:
        """See CredentialClient."""
        claims = self._authority.authenticate(self._bearer(token, key))
        self._authority.note_refusal(claims, violations, resource=resource, by=claims.sub)

    def answer_kill(
        self,
        token: str,
        cancelled: Sequence[str],
        working: Sequence[str],
        key: SigningKey | None = None,
    ) -> None:
        """See CredentialClient."""
        self._authority.answer_kill(self._bearer(token, key), cancelled=cancelled, working=working)

    def close(self) -> None:
        """See CredentialClient."""

    def _bearer(self, token: str, key: SigningKey | None) -> Bearer:
        proof = ""
        if key is not None:
            now = self._clock.now()
            proof = make_proof(key, token, method="POST", url=_HERE, now=now, entropy=self._entropy)
        return Bearer(authorization=f"Bearer {token}", proof=proof, method="POST", url=_HERE)


def launch_request(asked: AgentRequest) -> LaunchRequest:
    """What has to be launched, so that the agent can be registered."""
    return LaunchRequest(
        agent_name=asked.name,
        allowed_scope=asked.scope,
        max_ttl_s=asked.max_ttl_s,
        constraints=asked.constraints,
        needs_proof=asked.needs_proof,
        is_protective=asked.is_protective,
    )


def registration(asked: AgentRequest, key: SigningKey, launch_token: str, nonce: str) -> Registration:
    """The agent's part of the ceremony; it signs the 32 bytes that the nonce stands for.

    Raises ValueError when the nonce is not hex.
    """
    return Registration(
        launch_token=launch_token,
        nonce=nonce,
        public_key=base64.b64encode(key.public.raw).decode(),
        signature=base64.b64encode(key.sign(bytes.fromhex(nonce))).decode(),
        orch_id=asked.orch_id,
        task_id=asked.task_id,
        requested_scope=asked.scope,
    )
