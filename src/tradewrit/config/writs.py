"""The `writs` section: what agents are given, and by which authority."""

from decimal import Decimal
from typing import Final, Literal

import msgspec

from tradewrit.credentials.identity import DEFAULT_TRUST_DOMAIN, checked_trust_domain
from tradewrit.credentials.remote_http import checked_url
from tradewrit.domain.constraints import AMOUNTS, Constraints, Hours
from tradewrit.domain.orders import Side
from tradewrit.errors import ConfigError

_LONGEST_TOKEN_S: Final = 86_400
_LONGEST_GRACE_S: Final = 3_600
_LONGEST_POLL_S: Final = 60


class EntriesConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the executor's writ restricts entries to; null restricts nothing. Stops and exits are free.

    hours: `HH:MM-HH:MM ZONE`, all of which must be open.
    """

    sides: tuple[Literal["buy", "sell"], ...] | None = None
    max_quantity: Decimal | None = None
    max_notional: Decimal | None = None
    max_day_quantity: Decimal | None = None
    max_day_notional: Decimal | None = None
    max_day_orders: int | None = None
    hours: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in self.hours:
            try:
                Hours.parse(text)
            except ValueError as wrong:
                raise ValueError(f"hours: {str(wrong).removeprefix('hours ')}") from None
        _ = self.constraints

    @property
    def constraints(self) -> Constraints:
        """The same as a writ has it."""
        return Constraints(
            sides=None if self.sides is None else tuple(sorted({Side(side) for side in self.sides})),
            hours=tuple(sorted({Hours.parse(text) for text in self.hours})),
            **{name: getattr(self, name) for name in AMOUNTS},
        )


class AuthorityConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An authority elsewhere, and as which app the desk goes there; without a url, the one of this machine.

    sealed_as: what the client secret is called in the sealed store. plain_protocol: it need not offer more
    than the AgentWrit protocol. certificates: PEM file; None: the system's.
    """

    url: str | None = None
    client_id: str | None = None
    sealed_as: str = "authority"
    poll_s: int = 1
    needs_proof: bool = False
    plain_protocol: bool = False
    allow_plain_http: bool = False
    certificates: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.poll_s <= _LONGEST_POLL_S:
            raise ValueError(f"poll_s must be at least 1 and at most {_LONGEST_POLL_S}, not {self.poll_s}")
        if self.needs_proof and self.plain_protocol:
            raise ValueError("needs_proof goes beyond the plain protocol: set one of them to false")
        if self.url is not None:
            try:
                checked_url(self.url, is_plain_allowed=self.allow_plain_http)
            except ConfigError as wrong:
                raise ValueError(f"url {wrong}") from None


class WritsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long an agent's token lasts, who issues it, and what entries are restricted to.

    issuer, trust_domain: of the authority of this machine: what its tokens say.
    """

    ttl_s: int = 300
    protective_ttl_s: int = 86_400
    kill_grace_s: int = 30
    issuer: str | None = None
    trust_domain: str = DEFAULT_TRUST_DOMAIN
    authority: AuthorityConfig = AuthorityConfig()
    executor: EntriesConfig = EntriesConfig()

    def __post_init__(self) -> None:
        for name, least, most in (
            ("ttl_s", 1, _LONGEST_TOKEN_S),
            ("protective_ttl_s", 1, _LONGEST_TOKEN_S),
            ("kill_grace_s", 0, _LONGEST_GRACE_S),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name} must be at least {least} and at most {most}, not {value}")
        if self.protective_ttl_s < self.ttl_s:
            raise ValueError(
                f"protective_ttl_s must be no shorter than ttl_s ({self.ttl_s}), not "
                f"{self.protective_ttl_s}: what protects a position must outlive what opens one"
            )
        try:
            checked_trust_domain(self.trust_domain)
        except ValueError as wrong:
            raise ValueError(str(wrong).replace("trust domain", "trust_domain", 1)) from None
