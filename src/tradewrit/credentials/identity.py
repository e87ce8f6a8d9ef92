"""Who an agent is: its SPIFFE id, `spiffe://<trust domain>/agent/<orchestration>/<task>/<instance>`.

Every segment is plain ASCII, so no two ids look alike and none needs escaping.
"""

import re
from typing import Final, Self

import msgspec

from tradewrit.runtime.clock import Entropy

DEFAULT_TRUST_DOMAIN: Final = "agentwrit.local"
MAX_LENGTH: Final = 2_048
"""Bytes of a whole id (SPIFFE-ID, section 2.3)."""

_TRUST_DOMAIN: Final = re.compile(r"[a-z0-9._-]{1,255}")
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._-]+")
_INSTANCE: Final = re.compile(r"[0-9a-f]{16}")
_DOTS: Final = frozenset({".", ".."})


class AgentId(msgspec.Struct, frozen=True):
    """One registered agent. instance: 16 lower-case hex characters, drawn at registration."""

    trust_domain: str
    orch_id: str
    task_id: str
    instance: str

    @classmethod
    def make(
        cls, orch_id: str, task_id: str, entropy: Entropy, trust_domain: str = DEFAULT_TRUST_DOMAIN
    ) -> Self:
        """A new agent of a task; raises ValueError as `parse` does, before anything is drawn."""
        _check(trust_domain, orch_id, task_id, "0" * 16)
        return cls(trust_domain, orch_id, task_id, entropy(8).hex())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an id; raises ValueError that names the part which is wrong.

        >>> AgentId.parse("spiffe://agentwrit.local/agent/desk/swing/00112233aabbccdd").task_id
        'swing'
        """
        parts = text.split("/")
        if len(parts) != 7 or parts[:2] != ["spiffe:", ""] or parts[3] != "agent":
            raise ValueError(
                f"{text[:200]!r} is not an agent's id: "
                "spiffe://<trust domain>/agent/<orchestration>/<task>/<instance>"
            )
        trust_domain, orch_id, task_id, instance = parts[2], parts[4], parts[5], parts[6]
        _check(trust_domain, orch_id, task_id, instance)
        return cls(trust_domain, orch_id, task_id, instance)

    @classmethod
    def is_one(cls, text: str) -> bool:
        """Whether `text` is an agent's id, and not the subject of an app or an operator."""
        try:
            cls.parse(text)
        except ValueError:
            return False
        return True

    def __str__(self) -> str:
        return f"spiffe://{self.trust_domain}/agent/{self.orch_id}/{self.task_id}/{self.instance}"


def checked_trust_domain(text: str) -> str:
    """The trust domain, if it can be one; raises ValueError."""
    if not _TRUST_DOMAIN.fullmatch(text):
        raise ValueError(
            f"trust domain {text[:80]!r}: only lower-case letters, digits, . _ - are allowed, up to 255"
        )
    return text


def _check(trust_domain: str, orch_id: str, task_id: str, instance: str) -> None:
    checked_trust_domain(trust_domain)
    for name, segment in (("orch_id", orch_id), ("task_id", task_id)):
        if not _SEGMENT.fullmatch(segment) or segment in _DOTS:
            raise ValueError(
                f"{name} {segment[:80]!r}: only letters, digits, . _ - are allowed, and not . or .. alone"
            )
    if not _INSTANCE.fullmatch(instance):
        raise ValueError(f"instance {instance[:80]!r} is not 16 lower-case hex characters")
    length = len(str(AgentId(trust_domain, orch_id, task_id, instance)))
    if length > MAX_LENGTH:
        raise ValueError(f"the agent's id has {length} characters; at most {MAX_LENGTH} are allowed")
