"""The authority: who may act, for how long, and proof of all it did. Everything goes through here.

The HTTP server, the commands and the desk are callers of this one class; what it says holds for all of
them at once, and for every other process on the same home folder. Each subject has its own file; this
one only brings them together. Knows no HTTP and no commands.

Every refusal is a `CredentialRefused` with the protocol's `error_code`, and stands in the audit trail. A
store that cannot be written or trusted raises JournalError, and nothing has been handed out.
"""

from collections.abc import Sequence
from typing import Self

from tradewrit.credentials import (
    apps,
    launching,
    live_tokens,
    notes,
    operators,
    registration,
    revoking,
    rotation,
    status,
    winding_down,
)
from tradewrit.credentials.audit import STREAM, AuditRecord, SignedHead, signed_head
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.claims import Claims
from tradewrit.credentials.context import Context
from tradewrit.credentials.gate import Gate
from tradewrit.credentials.home import Home, open_nonce_key
from tradewrit.credentials.keyring import KeySet
from tradewrit.credentials.keys_in_use import KeysInUse
from tradewrit.credentials.proof import Proofs
from tradewrit.credentials.records import Agent, App, DeskAnswer, KillState, Operator
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
from tradewrit.credentials.status import Status
from tradewrit.credentials.steady_clock import SteadyClock
from tradewrit.credentials.store import CredentialStore, Pruned
from tradewrit.credentials.verifier import Verifier
from tradewrit.domain.constraints import UNRESTRICTED, Constraints, Violation
from tradewrit.errors import JournalError, KeyMaterialError, TokenRefused
from tradewrit.runtime.clock import Clock, Entropy, SystemClock, system_entropy
from tradewrit.runtime.journal.port import Verification
from tradewrit.runtime.journal.records import Head
from tradewrit.runtime.journal.sqlite_file import Settings


class Authority:
    """One credential authority, in this process. Any thread may use it; calls block for a disk write.

    `by` is always who asked, for the audit trail: an operator's `admin:<name>`, or a name from this machine.
    """

    def __init__(self, context: Context, proofs: Proofs) -> None:
        self._context = context
        terms = context.terms
        self._verifier = Verifier(
            context.store, context.keys, context.clock, issuer=terms.issuer, size=terms.verified_tokens
        )
        self._gate = Gate(context, self._verifier, proofs)

    @classmethod
    def open(
        cls,
        home: Home,
        *,
        clock: Clock | None = None,
        entropy: Entropy = system_entropy,
        terms: Terms | None = None,
        file: Settings | None = None,
        is_verified: bool = True,
    ) -> Self:
        """Open the authority of a home folder, or found it there.

        file: how the store's file is used. is_verified: the audit chain is walked first; False only to take
        permissions away, which nobody's edits may prevent. Raises JournalError, KeyMaterialError and
        ConfigError when a file is missing, exposed, damaged or was edited: then nothing is issued.
        """
        clock = SystemClock() if clock is None else clock
        terms = Terms() if terms is None else terms
        store = CredentialStore.open(
            home.store,
            authority=entropy(16).hex(),
            created_at=clock.now(),
            settings=file,
            is_verified=is_verified,
        )
        try:
            steady = SteadyClock(clock, not_before=store.tip().recorded_at)
            keys = KeysInUse.open(home.signing_key, entropy)
            context = Context(store, keys, open_nonce_key(home, entropy), steady, entropy, terms)
            return cls(context, Proofs(clock, age_s=terms.proof_age_s))
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Let go of the files."""
        self._context.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def id(self) -> str:
        """Drawn once, 32 hex characters."""
        return self._context.store.authority

    @property
    def terms(self) -> Terms:
        """The terms it was opened with."""
        return self._context.terms

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
        return apps.add(
            self._context,
            name,
            scopes,
            by=by,
            token_ttl_s=token_ttl_s,
            constraints=constraints,
            is_protector=is_protector,
        )

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
        return apps.update(
            self._context, app_id, by=by, scopes=scopes, token_ttl_s=token_ttl_s, constraints=constraints
        )

    def remove_app(self, app_id: str, *, by: str) -> App:
        """Deregister an app for good: its tokens, launch tokens and all delegated from them die at once.

        Refused: not_found.
        """
        return apps.remove(self._context, app_id, by=by)

    def apps(self) -> list[App]:
        """All apps, the oldest first; those removed have `deregistered_at`."""
        return self._context.store.apps()

    def app(self, app_id: str) -> App:
        """One app, active or removed. Refused: not_found."""
        return apps.find(self._context, app_id)

    def app_token(self, client_id: str, client_secret: str) -> Issued:
        """Authenticate an app. Unknown and wrong take the same time and get the same answer.

        Refused: unauthorized, invalid_request (an empty field), killed (unless it may launch
        protective writs).
        """
        return apps.token(self._context, client_id, client_secret)

    # Operators

    def add_operator(self, name: str, *, by: str) -> OperatorCredentials:
        """A person who may administer over HTTP, and the secret that is shown once.

        Refused: invalid_request (name), conflict.
        """
        return operators.add(self._context, name, by=by)

    def remove_operator(self, name: str, *, by: str) -> None:
        """Remove an operator; its tokens die at once. Refused: not_found."""
        operators.remove(self._context, name, by=by)

    def operators(self) -> list[Operator]:
        """All operators, the oldest first; those removed have `removed_at`."""
        return self._context.store.operators()

    def operator_token(self, secret: str, *, proves_only: bool = False) -> Issued:
        """Authenticate a person, also while the kill switch is on. The token's subject is `admin:<name>`.

        proves_only: it is to be shown to somebody who must not be able to administer with it.
        Wrong name and wrong secret take the same time. Refused: unauthorized, invalid_request (empty).
        """
        return operators.token(self._context, secret, proves_only=proves_only)

    def spend_operator_token(self, token: str) -> str:
        """Whose token it is: the operator's name. It counts once, and is dead from then on.

        Refused: unauthorized (dead, or spent), forbidden (not a person's, or one to administer with).
        """
        return operators.spend(self._context, self._gate, token)

    # Agents: launch, challenge, registration

    def launch(self, holder: Claims | Local, request: LaunchRequest) -> Launch:
        """A launch token, within the ceiling of the holder's app.

        holder: claims as `authenticate` gave them, of an app or an operator; or somebody local.
        Refused: invalid_request, forbidden (beyond the ceiling, which is not told; or a protective writ
        from an app that may not), insufficient_scope (no app and no operator), not_found (no such app),
        unauthorized (the holder died meanwhile), killed.
        """
        return launching.launch(self._context, holder, request)

    def challenge(self) -> Challenge:
        """A nonce to sign. Costs no memory."""
        return registration.challenge(self._context)

    def register(self, asked: Registration) -> Issued:
        """Give an agent its identity (`claims.sub`) and its first token. One winner per launch token.

        Checked in this order: fields, launch token, scope, nonce (consumed), key, signature, launch
        token (consumed). orch_id and task_id are checked with the fields, before anything is consumed.
        Refused: invalid_request, unauthorized, scope_violation, killed.
        """
        return registration.register(self._context, asked)

    def agent(self, agent_id: str) -> Agent | None:
        """A registered agent, or None."""
        return self._context.store.agent(agent_id)

    # Tokens in use

    def authenticate(self, bearer: Bearer, scope: str = "") -> Claims:
        """Who presents this token; `scope` is what it must cover, "" for any live token.

        With a proof of possession it is checked; a token with `cnf` is refused without one.
        Refused: unauthorized, insufficient_scope.
        """
        return self._gate.authenticate(bearer, scope)

    def verify(self, token: str) -> Claims:
        """The claims of a live token, for use inside: cheap for one that was verified before.

        Possession is not asked about. Raises TokenRefused, whose `reason` is for the audit trail only.
        """
        return self._verifier.live(token)

    def validate(self, token: str) -> Claims | None:
        """The claims of a live token, or None. Presenting it proves nothing, and is not recorded."""
        try:
            return self._verifier.live(token)
        except TokenRefused:
            return None

    def status(self, presented: Bearer | str, others: Sequence[str] = ()) -> Status:
        """How the presented token stands, live or dead, and who ended it; and the kill switch.

        others: texts of more tokens, at most 32; told of are those of the same app. Nothing is recorded but
        a refusal. Refused: unauthorized (never a token of ours, not proven, or forgotten),
        invalid_request (too many).
        """
        return status.status(self._context, self._gate, presented, others)

    def renew(self, presented: Bearer | str) -> Issued:
        """Replace a live token by one that lives as long anew. Exactly one caller per token wins.

        presented: the token, or how it came over HTTP: a token with `cnf` needs its proof of possession.
        Do not `authenticate` first: a proof counts once. Refused: unauthorized, killed.
        """
        return live_tokens.renew(self._context, self._gate, presented)

    def release(self, presented: Bearer | str) -> None:
        """Give a token up. One that is genuine and already dead is as good as released.

        Refused: unauthorized, for what was never a token of ours (or not proven, see `renew`).
        """
        live_tokens.release(self._context, self._gate, presented)

    def delegate(self, presented: Bearer | str, request: DelegationRequest) -> Issued:
        """A token for another agent, with no more than this one has and no longer than it lives.

        Refused: unauthorized, invalid_request, scope_violation (more than the delegator has; too deep),
        not_found (nobody of that id is registered), forbidden (the delegate was revoked), killed.
        """
        return live_tokens.pass_on(self._context, self._gate, presented, request)

    # Revocation and the kill switch

    def revoke(self, level: str, target: str, *, by: str, including_protection: bool = False) -> Revocation:
        """Kill what was issued so far; see `Level`. At once, on every route and in every process.

        Refused: invalid_request (unknown level, no target).
        """
        return revoking.revoke(self._context, level, target, by=by, including_protection=including_protection)

    def kill(
        self,
        *,
        by: str,
        reason: str = "",
        including_protection: bool = False,
        grace_s: int | None = None,
    ) -> KillState:
        """The kill switch: every writ but the protective ones dies, and none is issued until `rearm`.

        including_protection: the protective ones too, when every desk that holds one has said that it has
        cancelled its entries (`answer_kill`), and after `grace_s` at the latest; until then they live, and
        nothing is issued, renewed or launched at all. Without such a desk, at once.
        grace_s: 0 to 3,600; None: as the terms say. Outlives a restart; killing again can only add, and
        shorten. Refused: invalid_request (grace_s).
        """
        return revoking.kill(
            self._context,
            by=by,
            reason=reason,
            including_protection=including_protection,
            grace_s=grace_s,
        )

    def answer_kill(
        self, presented: Bearer | str, *, cancelled: Sequence[str], working: Sequence[str]
    ) -> KillState:
        """What a desk says of its entries under a kill that includes protection; its writ ends if none works.

        presented: the desk's protective token, as for `renew`. cancelled, working: client order ids; may be
        said again as long as some work. Refused: unauthorized, forbidden (not protective, or not asked),
        invalid_request (protection has not been ended, or an id is none).
        """
        return winding_down.answer(self._context, self._gate, presented, cancelled, working)

    def desk_answers(self) -> list[DeskAnswer]:
        """Which desks were asked to cancel their entries, and what each has said; empty but then."""
        return self._context.store.answers()

    def rearm(self, *, by: str) -> None:
        """Let permissions be issued again; those that died stay dead. Only for a person.

        Protective writs whose time was not over yet live on.

        Refused: invalid_request when the switch is not on.
        """
        revoking.rearm(self._context, by=by)

    def kill_state(self) -> KillState | None:
        """Who pulled the kill switch, when and why; None while it is not on."""
        return self._context.store.kill_state()

    def generation(self) -> int:
        """A mark that changes whenever anything did, here or in another process; cheap."""
        return self._context.store.generation()

    # Keys

    def key_set(self) -> KeySet:
        """What verifies tokens now, also offline; follows rotations by other processes."""
        return self._context.keys.current().key_set

    def jwks(self) -> bytes:
        """The same as a JWK Set (RFC 7517)."""
        return self.key_set().jwks(self._context.clock.now())

    def rotate(self, *, by: str, overlap_s: int | None = None) -> KeySet:
        """Sign with a new key from now on; the old one verifies for `overlap_s`.

        None: long enough for every token to live to its end. 0 when the key may have been stolen: all
        it signed is dead at once.
        """
        return rotation.rotate(self._context, by=by, overlap_s=overlap_s)

    def end_overlap(self, *, by: str) -> KeySet:
        """End the overlap of earlier rotations now: all that the retired keys signed is dead at once.

        Refused: invalid_request when no retired key verifies any more.
        """
        return rotation.end_overlap(self._context, by=by)

    # The audit trail

    def events(self, query: AuditQuery) -> tuple[list[AuditRecord], int]:
        """The events asked for, and how many there are in all."""
        return self._context.store.events(query)

    def event_count(self) -> int:
        """How many events there are, without counting them."""
        return self._context.store.event_count()

    def signed_head(self) -> SignedHead:
        """Where the audit chain ends, signed: keep it elsewhere.

        Raises JournalCorrupt when the last event is not what it was.
        """
        key = self._context.keys.current().signing
        tip = self._context.store.tip()
        head = Head(self.id, STREAM, tip.seq, tip.hash)
        return signed_head(head, key.kid, key.sign)

    def verify_audit(self, against: Head | None = None) -> Verification:
        """Walk the whole chain; `against` is a head that was kept elsewhere."""
        return self._context.store.verify(against=against)

    def note_refusal(
        self, claims: Claims, violations: Sequence[Violation], *, resource: str, by: str = ""
    ) -> None:
        """Record that a writ's constraints refused an order. resource: what was asked for, e.g. its scope."""
        notes.refused_by_constraints(self._context, claims, violations, resource=resource, by=by)

    def note_rate_limited(self, client_id: str, peer: str) -> None:
        """Record that the rate limit of an app's authentication refused a peer."""
        notes.rate_limited(self._context, client_id, peer)

    # Housekeeping

    def prune(self) -> Pruned:
        """Forget what has expired; done every so many writes as well."""
        return self._context.store.prune(self._context.clock.now())

    def is_healthy(self) -> bool:
        """Whether the store can be read now."""
        try:
            self._context.store.tip()
            self._context.keys.current()
        except (JournalError, KeyMaterialError):
            return False
        return True
