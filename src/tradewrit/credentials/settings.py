"""How long things live, and for whom the authority speaks: what its owner may choose."""

from typing import Final

import msgspec

from tradewrit.credentials.identity import DEFAULT_TRUST_DOMAIN

MAX_KILL_GRACE_S: Final = 3_600
"""Whoever ends protection too wants it to end."""


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The terms on which permission is given. Durations are whole seconds.

    issuer: what tokens say in `iss`; "" is what AgentWrit clients expect.
    audience: what they say in `aud`, and what a bearer's token must then say; empty asks nothing.
    default_ttl_s, max_ttl_s: life of an agent's token when none is asked for, and at most.
    total_life_s: how long renewals can keep one permission alive; then the agent registers anew.
    protective_total_life_s: the same of a protective writ, where it is longer.
    app_token_ttl_s: of an app that names none. operator_token_ttl_s: of a person's.
    launch_ttl_s, max_launch_ttl_s: of launch tokens. nonce_ttl_s: of a challenge.
    rotation_overlap_s: how long the old key verifies after a rotation; no shorter than the longest life.
    proof_age_s: how old a proof of possession may be, and how far ahead its clock.
    ends_family_on_reuse: whether presenting an already renewed token kills its successor as well.
    verified_tokens: how many verified tokens are remembered.
    kill_grace_s: how long protective writs live on after a kill that includes them, for the desks to cancel
    their entries; at most an hour.
    prune_after_writes: after so many changes what has expired is forgotten.
    """

    issuer: str = ""
    audience: tuple[str, ...] = ()
    trust_domain: str = DEFAULT_TRUST_DOMAIN
    default_ttl_s: int = 300
    max_ttl_s: int = 86_400
    total_life_s: int = 30 * 86_400
    protective_total_life_s: int = 90 * 86_400
    app_token_ttl_s: int = 1_800
    operator_token_ttl_s: int = 300
    launch_ttl_s: int = 30
    max_launch_ttl_s: int = 86_400
    nonce_ttl_s: int = 30
    rotation_overlap_s: int = 86_400
    proof_age_s: int = 60
    ends_family_on_reuse: bool = False
    verified_tokens: int = 4_096
    kill_grace_s: int = 30
    prune_after_writes: int = 1_000

    def life_s(self, *, is_protective: bool) -> int:
        """How long renewals can keep a permission alive."""
        longer = self.protective_total_life_s if is_protective else 0
        return max(self.total_life_s, longer)

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if type(value) is int and value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if self.kill_grace_s > MAX_KILL_GRACE_S:
            raise ValueError(f"kill_grace_s must be at most {MAX_KILL_GRACE_S}, not {self.kill_grace_s}")
        if self.rotation_overlap_s < max(self.max_ttl_s, self.app_token_ttl_s, self.operator_token_ttl_s):
            raise ValueError(
                f"rotation_overlap_s {self.rotation_overlap_s} is shorter than the longest life of a token: "
                "a rotation would kill tokens that are live"
            )
        if self.default_ttl_s > self.max_ttl_s:
            raise ValueError(f"default_ttl_s {self.default_ttl_s} is longer than max_ttl_s {self.max_ttl_s}")
