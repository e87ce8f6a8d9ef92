"""Keys and tokens for the tests of this folder: the same ones on every run."""

import base64
import json
from random import Random
from typing import Any

from tradewrit.credentials.claims import Claims
from tradewrit.credentials.keyring import Keyring
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.records import Agent
from tradewrit.domain.market import SECOND
from tradewrit.runtime.clock import Entropy

ISSUED = 1_790_000_000
NOW = ISSUED * SECOND
AGENT = "spiffe://agentwrit.local/agent/desk/swing/00112233aabbccdd"
OTHER = "spiffe://agentwrit.local/agent/desk/swing/ffeeddccbbaa9988"


def entropy(seed: int = 1) -> Entropy:
    return Random(seed).randbytes


def keyring(seed: int = 1) -> Keyring:
    return Keyring(SigningKey.draw(entropy(seed)))


def claims(**changes: Any) -> Claims:
    fields: dict[str, Any] = {
        "iss": "",
        "sub": AGENT,
        "exp": ISSUED + 300,
        "nbf": ISSUED,
        "iat": ISSUED,
        "jti": "0123456789abcdef" * 2,
        "scope": ("read:trades:AAPL", "write:trades:AAPL"),
        "task_id": "swing",
        "orch_id": "desk",
    }
    return Claims(**(fields | changes))


def agent(agent_id: str = OTHER, *, seed: int = 2, is_proof_needed: bool = False) -> Agent:
    """A registered one, with a key of its own."""
    return Agent(
        agent_id=agent_id,
        app_id="app-desk",
        public_key=keyring(seed).signing.public.raw,
        orch_id="desk",
        task_id="swing",
        registered_at=NOW,
        alive_until=NOW,
        is_proof_needed=is_proof_needed,
    )


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def header(ring: Keyring, **changes: object) -> bytes:
    fields = {"alg": "EdDSA", "typ": "JWT", "kid": ring.signing.kid} | changes
    return json.dumps(fields, separators=(",", ":")).encode()


def signed(ring: Keyring, body: bytes, head: bytes | None = None) -> str:
    """Any bytes as the body of a token with a good signature: what a careless authority might sign."""
    text = f"{b64(header(ring) if head is None else head)}.{b64(body)}"
    return f"{text}.{b64(ring.signing.sign(text.encode()))}"


def body(**changes: object) -> bytes:
    """The bytes of a good token's claims, with some replaced or (by None) taken out."""
    fields: dict[str, object] = {
        "iss": "",
        "sub": AGENT,
        "exp": ISSUED + 300,
        "nbf": ISSUED,
        "iat": ISSUED,
        "jti": "0123456789abcdef" * 2,
        "scope": ["read:trades:AAPL", "write:trades:AAPL"],
        "task_id": "swing",
        "orch_id": "desk",
    }
    kept = {name: value for name, value in (fields | changes).items() if value is not None}
    return json.dumps(kept, separators=(",", ":"), ensure_ascii=False).encode()
