"""Whoever issues the writs in a simulated world: outlives every process, and is sometimes out of reach."""

from tradewrit.domain.scopes import Grant
from tradewrit.errors import PermissionDenied, Unreachable
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.roles import Terms


class Authority(LocalIssuer):
    """The issuer in memory, behind a line that may be down. is_out: whether it is."""

    def __init__(self, name: str, account: str, *, ttl_s: int) -> None:
        super().__init__(name, account, ttl_s=ttl_s)
        self.is_out = False

    def issue(self, role: str, terms: Terms, now: int) -> Grant:
        """As `LocalIssuer.issue`; raises Unreachable while it is out."""
        self._reach()
        return super().issue(role, terms, now)

    def renew(self, grant: Grant, now: int) -> Grant | None:
        """As `LocalIssuer.renew`; raises Unreachable while it is out."""
        self._reach()
        return super().renew(grant, now)

    def verify(self, grant: Grant, now: int) -> None:
        """As `LocalIssuer.verify`; raises Unreachable while it is out."""
        self._reach()
        super().verify(grant, now)

    def _reach(self) -> None:
        if self.is_out:
            raise Unreachable("the credential authority does not answer")

    def why_dead(self, grant: Grant, now: int) -> str | None:
        """Why a token counts no more as this issuer knows it, its time aside; None while it counts."""
        was_out, self.is_out = self.is_out, False
        try:
            self._refuse_revoked(grant, now)
        except PermissionDenied as why:
            return str(why)
        finally:
            self.is_out = was_out
        held = self._live.get(grant.agent_id)
        if held is None or (held.id, held.expires_at) != (grant.id, grant.expires_at):
            return f"{grant.agent}: its writ was never issued like this, or is over"
        return None
