"""The ceremony that gives an agent its identity: a launch token, a challenge, and a signature over it.

Cheap refusals come first and cost nothing; a nonce is used up by the first attempt that reaches it, a
launch token only by success.
"""

import base64
from typing import Final

import msgspec

from tradewrit.credentials.agreement import key_told
from tradewrit.credentials.audit import AuditEvent, EventType
from tradewrit.credentials.change import Change
from tradewrit.credentials.claims import Claims, Confirmation, scope_problem, trading_claim
from tradewrit.credentials.context import Context, denied
from tradewrit.credentials.identity import AgentId
from tradewrit.credentials.issuing import KILLED, entered, is_killed, new_claims
from tradewrit.credentials.keys import VerificationKey
from tradewrit.credentials.nonces import CHANCE_BYTES, make_nonce, nonce_end
from tradewrit.credentials.records import Agent, LaunchToken
from tradewrit.credentials.refusals import Code, invalid
from tradewrit.credentials.requests import Challenge, Issued, Registration
from tradewrit.domain.constraints import UNRESTRICTED, both
from tradewrit.domain.market import SECOND
from tradewrit.domain.scopes import is_subset
from tradewrit.errors import CredentialRefused, OurFault

_DENIED: Final = EventType.REGISTRATION_POLICY_VIOLATION
_REQUIRED: Final = (
    "launch_token",
    "nonce",
    "public_key",
    "signature",
    "orch_id",
    "task_id",
    "requested_scope",
)


def challenge(context: Context) -> Challenge:
    """See `Authority.challenge`."""
    end = context.clock.now() + context.terms.nonce_ttl_s * SECOND
    nonce = make_nonce(context.nonce_key, context.entropy(CHANCE_BYTES), end)
    return Challenge(nonce=nonce, expires_in=context.terms.nonce_ttl_s)


def register(context: Context, asked: Registration) -> Issued:
    """See `Authority.register`."""
    agent_id = _checked_identity(context, asked)
    # Outside the transaction, which others wait for: it needs nothing from the store.
    key = _key(asked.public_key)
    is_signed = key is not None and _is_signed(key, asked)

    def act(change: Change, now: int) -> Issued | CredentialRefused:
        launch = change.launch_token(asked.launch_token)
        if launch is None:
            return _no(change, now, asked, Code.UNAUTHORIZED, "launch token is unknown, expired or used")
        if is_killed(change, is_protective=launch.is_protective):
            return _no(change, now, asked, Code.KILLED, KILLED)
        if not _is_within(change, launch, asked.requested_scope):
            return _no(change, now, asked, Code.SCOPE_VIOLATION, "requested scope exceeds allowed scope")
        end = nonce_end(context.nonce_key, asked.nonce)
        if end is None or now >= end:
            return _no(change, now, asked, Code.UNAUTHORIZED, "nonce is unknown or expired")
        if not change.consume_nonce(asked.nonce, expires_at=end):
            return _no(change, now, asked, Code.UNAUTHORIZED, "nonce was already used")
        if key is None:
            return _no(change, now, asked, Code.UNAUTHORIZED, "public key is not 32 bytes in base64")
        if not is_signed:
            return _no(change, now, asked, Code.UNAUTHORIZED, "signature over the nonce does not verify")
        return _enrol(context, change, now, agent_id, key, asked)

    return context.decide(act)


def _checked_identity(context: Context, asked: Registration) -> AgentId:
    for name in _REQUIRED:
        if not getattr(asked, name):
            raise invalid(f"{name} is required")
    try:
        return AgentId.make(asked.orch_id, asked.task_id, context.entropy, context.terms.trust_domain)
    except ValueError as error:
        raise invalid(str(error)) from None


def _is_within(change: Change, launch: LaunchToken, wanted: tuple[str, ...]) -> bool:
    """Within what was allowed at the launch, and within what the app may have today."""
    if scope_problem(wanted) or not is_subset(wanted, launch.allowed_scope):
        return False
    app = change.app(launch.app_id)
    return app is None or is_subset(wanted, app.scopes)


def _enrol(
    context: Context, change: Change, now: int, agent_id: AgentId, key: VerificationKey, asked: Registration
) -> Issued:
    launch = change.consume_launch_token(asked.launch_token)
    if launch is None:
        raise OurFault("a launch token was used up inside the transaction that had just seen it")
    agent = Agent(
        agent_id=str(agent_id),
        app_id=launch.app_id,
        public_key=key.raw,
        orch_id=asked.orch_id,
        task_id=asked.task_id,
        registered_at=now,
        alive_until=now,
        is_proof_needed=launch.is_proof_needed,
    )
    claims = _claims(context, change, now, agent, launch, asked.requested_scope)
    issued = entered(context, change, claims, app_id=launch.app_id) if change.add_agent(agent) else None
    if issued is None:
        raise OurFault(f"agent {agent_id} could not be entered although its launch token was good")
    for what in (EventType.AGENT_REGISTERED, EventType.TOKEN_ISSUED):
        change.record(
            AuditEvent(
                type=what,
                at=now,
                agent_id=claims.sub,
                task_id=claims.task_id,
                orch_id=claims.orch_id,
                app_id=launch.app_id,
                token_id=claims.jti,
                resource=",".join(claims.scope),
                detail=f"named {launch.agent_name}, {key_told(agent)}",
            )
        )
    return issued


def _claims(
    context: Context,
    change: Change,
    now: int,
    agent: Agent,
    launch: LaunchToken,
    scope: tuple[str, ...],
) -> Claims:
    app = change.app(launch.app_id)
    ceiling = UNRESTRICTED if app is None else app.constraints
    return msgspec.structs.replace(
        new_claims(
            context,
            now,
            sub=agent.agent_id,
            ttl_s=launch.max_ttl_s,
            scope=scope,
            is_protective=launch.is_protective,
        ),
        task_id=agent.task_id,
        orch_id=agent.orch_id,
        trading=trading_claim(both(ceiling, launch.constraints)),
        cnf=Confirmation(agent.kid) if agent.is_proof_needed else None,
    )


def _no(change: Change, now: int, asked: Registration, code: Code, detail: str) -> CredentialRefused:
    return denied(change, now, _DENIED, code, detail, task_id=asked.task_id, orch_id=asked.orch_id)


def _key(text: str) -> VerificationKey | None:
    try:
        return VerificationKey(_base64(text))
    except ValueError:
        return None


def _is_signed(key: VerificationKey, asked: Registration) -> bool:
    """Over the 32 bytes of the nonce, not over its hex text."""
    try:
        return key.has_signed(_base64(asked.signature), bytes.fromhex(asked.nonce))
    except ValueError:
        return False


def _base64(text: str) -> bytes:
    """Standard base64 with padding, in its one spelling; raises ValueError for any other."""
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw) != text.encode("ascii"):
        raise ValueError("not canonical base64")
    return raw
