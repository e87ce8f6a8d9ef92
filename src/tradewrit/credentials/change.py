"""One change of the credential store: what may be done inside a transaction, each with its audit event."""

import msgspec

from tradewrit.credentials.audited import AuditedTransaction
from tradewrit.credentials.identity import AgentId
from tradewrit.credentials.lookups import (
    find_agent,
    find_desks,
    find_launch_token,
    tokens_of_app,
)
from tradewrit.credentials.records import (
    NO_APP,
    Agent,
    App,
    DeskAnswer,
    KillState,
    LaunchToken,
    Level,
    Link,
    Operator,
    Standing,
    Token,
    digest,
    values,
)
from tradewrit.credentials.standing import (
    EVERYTHING,
    PROTECTED,
    UNPROTECTED,
    add_revocation,
    family_of,
    find_token,
    standing,
)
from tradewrit.domain.constraints import UNRESTRICTED, Constraints, is_within
from tradewrit.domain.scopes import is_subset
from tradewrit.errors import OurFault


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


class Change(AuditedTransaction):
    """The writes of one transaction, made by `CredentialStore.change`; useless after its block.

    What is asked here decides on what is stored at this moment: nobody else writes until the block
    ends. Operations that only one caller can win say whether this one did.
    """

    def add_app(self, app: App) -> bool:
        """Register an app; False when an active one has its name, or any one its ids."""
        return self._add("apps", values(app))

    def update_app(
        self,
        app_id: str,
        *,
        scopes: tuple[str, ...] | None = None,
        token_ttl_s: int | None = None,
        constraints: Constraints | None = None,
    ) -> bool:
        """Change what is given; False when there is no such active app.

        What its agents hold already is not touched; see `beyond_ceiling`.
        """
        written = [None if part is None else _json(part) for part in (scopes, constraints)]
        return self._wins(
            "UPDATE apps SET scopes = coalesce(?, scopes), constraints = coalesce(?, constraints), "
            "token_ttl_s = coalesce(?, token_ttl_s), updated_at = ? "
            "WHERE app_id = ? AND deregistered_at IS NULL",
            (*written, token_ttl_s, self._now, app_id),
        )

    def beyond_ceiling(self, app: App) -> list[Token]:
        """The live tokens of an app's agents that go beyond what the app may have."""
        return [
            token
            for token in tokens_of_app(self._connection, app.app_id, self._now)
            if AgentId.is_one(token.subject)
            and not (is_subset(token.scope, app.scopes) and is_within(token.constraints, app.constraints))
            and standing(self._connection, token.jti, self._now) == Standing.LIVE
        ]

    def standing(self, jti: str) -> Standing:
        """Whether a genuine token counts now, and if not, why."""
        return standing(self._connection, jti, self._now)

    def launch_token(self, secret: str) -> LaunchToken | None:
        """The launch token with this secret if it can be used now, or None."""
        return find_launch_token(self._connection, secret, self._now)

    def deregister_app(self, app_id: str) -> bool:
        """Remove an app for good, and with it its tokens and launch tokens; False when it was not active."""
        return self._wins(
            "UPDATE apps SET deregistered_at = ?1, updated_at = ?1 "
            "WHERE app_id = ?2 AND deregistered_at IS NULL",
            (self._now, app_id),
        )

    def add_operator(self, operator: Operator) -> bool:
        """Register an operator; False when an active one has its name."""
        return self._add("operators", values(operator))

    def remove_operator(self, name: str) -> bool:
        """Remove an operator; False when there was no active one. Its tokens are revoked as its subject."""
        return self._wins(
            "UPDATE operators SET removed_at = ? WHERE name = ? AND removed_at IS NULL", (self._now, name)
        )

    def set_kill_state(self, state: KillState | None) -> None:
        """Turn the kill switch on, or off with None, and forget what desks answered. Revokes nothing."""
        self._connection.execute("DELETE FROM kill_state")
        if state is not None:
            self._add("kill_state", values(state, one=1))
        else:
            self._connection.execute("DELETE FROM desk_answers")

    def ask_desks(self) -> None:
        """Enter every desk that could act now, to be heard from; one that was asked before stays so."""
        for app_id, orch_id in find_desks(self._connection, self._now):
            self._add("desk_answers", values(DeskAnswer(app_id=app_id, orch_id=orch_id, asked_at=self._now)))

    def set_answer(self, answer: DeskAnswer) -> bool:
        """Enter what a desk says; False when it was not asked."""
        row = values(answer)
        return self._wins(
            "UPDATE desk_answers SET answered_at = :answered_at, cancelled = :cancelled, working = :working "
            "WHERE app_id = :app_id AND orch_id = :orch_id",
            {name: row[name] for name in ("answered_at", "cancelled", "working", "app_id", "orch_id")},
        )

    def end_protection(self) -> None:
        """Kill every protective token and launch token that was issued up to now."""
        add_revocation(self._connection, Level.ALL, PROTECTED, self._now, self._tip.seq)

    def add_launch_token(self, secret: str, token: LaunchToken) -> bool:
        """Keep a launch token under the digest of its secret; False when its app is not active."""
        if not self._is_active(token.app_id):
            return False
        return self._add("launch_tokens", values(token, digest=digest(secret), issued_after=self._tip.seq))

    def consume_launch_token(self, secret: str) -> LaunchToken | None:
        """Use a launch token: the token for the one who wins, None for all who come too late."""
        found = find_launch_token(self._connection, secret, self._now)
        if found is None or not self._wins(
            "UPDATE launch_tokens SET consumed_at = ? "
            "WHERE digest = ? AND (consumed_at IS NULL OR NOT is_single_use)",
            (self._now, digest(secret)),
        ):
            return None
        return found

    def consume_nonce(self, nonce: str, *, expires_at: int) -> bool:
        """Use a nonce that the caller knows to be genuine: True once, and never after `expires_at`.

        Only used nonces are stored, so that asking for them costs no memory.
        """
        return self._now < expires_at and self._add(
            "spent_nonces", {"nonce": nonce, "expires_at": expires_at}
        )

    def add_agent(self, agent: Agent) -> bool:
        """Register an agent; False when its id is taken or its app is not active."""
        return self._is_active(agent.app_id) and self._add("agents", values(agent))

    def issue(
        self,
        jti: str,
        *,
        subject: str,
        expires_at: int,
        family_ends_at: int,
        app_id: str = NO_APP,
        task_id: str = "",
        parent: str | None = None,
        is_protective: bool = False,
        scope: tuple[str, ...] = (),
        constraints: Constraints = UNRESTRICTED,
    ) -> bool:
        """Enter a token before it leaves the house; False when it must not.

        parent: the delegator's token; the new one takes its task and ends with it at the latest.
        family_ends_at: the total-life cap. Times are UTC ns.
        False: the jti is taken, the subject revoked, the app not active, the parent not live, or the
        delegate not registered. Raises OurFault for a token that outlives its cap or its delegator.
        """
        agent = find_agent(self._connection, subject)
        if not self._is_active(app_id) or (agent is not None and agent.revoked_at is not None):
            return False
        lineage: tuple[Link, ...] = ()
        if parent is not None:
            above = find_token(self._connection, parent)
            if (
                above is None
                or agent is None
                or standing(self._connection, above.jti, self._now) != Standing.LIVE
            ):
                return False
            lineage = (*above.lineage, Link(above.family, above.subject, above.app_id))
            family_ends_at = min(family_ends_at, above.expires_at)
            task_id = above.task_id
        self._refuse_outliving(jti, expires_at, family_ends_at)
        return self._enter(
            Token(
                jti=jti,
                family=jti,
                subject=subject,
                app_id=app_id,
                task_id=task_id,
                is_protective=is_protective,
                lineage=lineage,
                family_started_at=self._now,
                family_ends_at=family_ends_at,
                issued_at=self._now,
                expires_at=expires_at,
                successor=None,
                issued_after=self._tip.seq,
                scope=scope,
                constraints=constraints,
            )
        )

    def renew(self, old: str, new: str, *, expires_at: int) -> bool:
        """Put a token in the place of one that is live: True for exactly one caller per token.

        Raises OurFault when the new one would outlive the family's cap.
        """
        token = find_token(self._connection, old)
        if token is None or standing(self._connection, token.jti, self._now) != Standing.LIVE:
            return False
        self._refuse_outliving(new, expires_at, token.family_ends_at)
        successor = msgspec.structs.replace(
            token, jti=new, issued_at=self._now, expires_at=expires_at, issued_after=self._tip.seq
        )
        return self._enter(successor) and self._wins(
            "UPDATE tokens SET successor = ? WHERE jti = ? AND successor IS NULL", (new, old)
        )

    def release(self, jti: str) -> bool:
        """Give up a live token, and with it what was delegated from it; False when it was dead already.

        A renewed predecessor has no say over its successor.
        """
        token = find_token(self._connection, jti)
        if token is None or standing(self._connection, token.jti, self._now) != Standing.LIVE:
            return False
        self.revoke(Level.TOKEN, jti)
        return True

    def revoke(self, level: Level, target: str = "", *, including_protection: bool = False) -> str:
        """Kill what was issued up to now; see `Level`. The target need not exist.

        Gives what was revoked in the end: for TOKEN its family, for its event to name.

        target: a jti, agent id, task, or app; of no meaning for ALL.
        including_protection: for ALL, protective tokens as well.
        Raises OurFault without a target: what has no task or app is the authority's own.
        """
        if level == Level.ALL:
            target = EVERYTHING if including_protection else UNPROTECTED
        if not target:
            raise OurFault(f"a revocation of level {level.value!r} needs a target; use 'all' for everything")
        if level == Level.TOKEN:
            target = family_of(self._connection, target)
        if level == Level.AGENT:
            self._connection.execute(
                "UPDATE agents SET revoked_at = ? WHERE agent_id = ? AND revoked_at IS NULL",
                (self._now, target),
            )
        add_revocation(self._connection, level, target, self._now, self._tip.seq)
        return target

    def _enter(self, token: Token) -> bool:
        is_new = self._add("tokens", values(token))
        if is_new:
            self._connection.execute(
                "UPDATE agents SET alive_until = max(alive_until, ?) WHERE agent_id = ?",
                (token.expires_at, token.subject),
            )
        return is_new

    def _refuse_outliving(self, jti: str, expires_at: int, end: int) -> None:
        if not self._now < expires_at <= end:
            raise OurFault(
                f"token {jti} would live from {self._now} until {expires_at}, and may not live beyond {end} "
                "(UTC ns): the cap on its total life, or the end of its delegator"
            )

    def _is_active(self, app_id: str) -> bool:
        if app_id == NO_APP:
            return True
        active = "SELECT 1 FROM apps WHERE app_id = ? AND deregistered_at IS NULL"
        return self._connection.execute(active, (app_id,)).fetchone() is not None
