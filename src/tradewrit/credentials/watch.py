"""What became of a desk's tokens at an authority elsewhere, and of its kill switch: asked now and then.

Our own authority answers one question about all of them, with who and why. Another is asked of each token
whether it is live; a kill switch there shows only in that none is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import msgspec

from tradewrit.credentials.client import CredentialClient
from tradewrit.credentials.endings import TokenStatus
from tradewrit.credentials.keys import SigningKey
from tradewrit.credentials.records import KillState, Standing
from tradewrit.credentials.status import Status
from tradewrit.domain.market import SECOND
from tradewrit.errors import CredentialRefused, TheirFault, Unreachable
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.kill_switch import Kill
from tradewrit.runtime.roles import Terms

T = TypeVar("T")

UNTOLD: Final = "the authority"
"""Who threw a kill switch, where that is not said."""
_ALL_DEAD: Final = "every token of this desk was taken away at once, and it does not say why"
_MOST_DOUBLINGS: Final = 4
"""An authority that stays silent is asked less and less often, to sixteen times the interval."""


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A token of a role, and the key of the agent that holds it. It prints as its role.

    ends_at: monotonic ns.
    """

    role: str
    token: str
    agent_key: SigningKey
    terms: Terms
    needs_proof: bool
    ends_at: int

    @property
    def key(self) -> SigningKey | None:
        """What proves possession, where that is asked for."""
        return self.agent_key if self.needs_proof else None

    def __repr__(self) -> str:
        return f"Held({self.role})"


class Watch:
    """Looks after the tokens in `held`, which its owner changes. One caller at a time.

    news: counts up whenever something was heard that calls for action. killed: the authority's switch.
    is_told_why: whether the authority tells how tokens ended.
    """

    def __init__(
        self,
        client: CredentialClient,
        held: Mapping[str, Held],
        clock: Clock,
        *,
        every_ns: int,
        pace: int = 1,
    ) -> None:
        self._client: Final = client
        self._held: Final = held
        self._clock: Final = clock
        self._every_ns: Final = every_ns
        self._pace: Final = pace
        self._state: KillState | None = None
        self._told: tuple[int, int] | None = None
        self._due_at = clock.monotonic() + every_ns
        self._silent_until = 0
        self._silences = 0
        self._dead: set[str] = set()
        self._forgotten: set[str] = set()
        self.news = 0
        self.killed: Kill | None = None
        self.is_told_why = False

    @property
    def is_silent(self) -> bool:
        """Whether the authority did not answer just now: who asks again would only wait."""
        return self._clock.monotonic() < self._silent_until

    def tell(self, now: int) -> None:
        """The time by the desk's clock (UTC ns), which need not be anybody else's."""
        self._told = (now, self._clock.monotonic())

    def ask(self, call: Callable[[], T]) -> T:
        """What the authority answers; raises what `call` does, and Unreachable at once while it is silent."""
        if self.is_silent:
            raise Unreachable("the authority did not answer just now; it is asked again in a moment")
        try:
            answer = call()
        except Unreachable:
            pause = self._every_ns << min(self._silences, _MOST_DOUBLINGS)
            self._silences += 1
            self._silent_until = self._clock.monotonic() + pause
            raise
        except TheirFault:
            self._silences = 0
            raise
        self._silences = 0
        return answer

    def look_if_due(self) -> None:
        """Ask, once per interval; an authority that does not answer has said nothing."""
        if not self._held or self._clock.monotonic() < max(self._due_at, self._silent_until):
            return
        with suppress(TheirFault):
            self.look_again()
        self._due_at = self._clock.monotonic() + self._every_ns

    def look_again(self) -> None:
        """Ask now; raises TheirFault when there is no answer.

        Without a token the authority still knows nothing can be asked: the switch then counts as put back,
        until something is refused because of it.
        """
        held = [(name, one) for name, one in self._held.items() if name not in self._forgotten]
        held.sort(key=lambda pair: not pair[1].terms.is_protective)  # what outlives the others asks first
        for place, (name, one) in enumerate(held):
            others = [*held[:place], *held[place + 1 :]]
            try:
                told = self._status(one, [other for _, other in others])
            except CredentialRefused:
                self._forgotten.add(name)
                self._note_dead([name])
                continue
            if told is None:
                self._look_plainly(held)
            else:
                self.is_told_why = True
                self._learn(told, [name, *(other for other, _ in others)])
            return
        self.killed = self._state = None

    def standing(self, held: Held) -> TokenStatus | None:
        """How one token stands; None where it is forgotten there, or nobody is told.

        Raises TheirFault when there is no answer.
        """
        try:
            told = self._status(held, ())
        except CredentialRefused:
            self.is_told_why = True
            return None
        if told is None:
            return None
        self.is_told_why = True
        self._switch(told)
        return told.tokens[0]

    def _status(self, held: Held, others: Sequence[Held]) -> Status | None:
        texts = [other.token for other in others]
        return self.ask(lambda: self._client.status(held.token, texts, held.key))

    def hear(self, kill: Kill) -> None:
        """The switch is on, as a refusal said."""
        self.killed = kill
        self.news += 1

    def _learn(self, told: Status, names: Sequence[str]) -> None:
        self._switch(told)
        self._note_dead(
            name for name, one in zip(names, told.tokens, strict=True) if one.standing is not Standing.LIVE
        )

    def _switch(self, told: Status) -> None:
        """What is said of the switch; the same said again is no news."""
        if told.killed == self._state and (told.killed is None) == (self.killed is None):
            return
        self._state = state = told.killed
        self.news += 1
        self.killed = None
        if state is not None:
            end = (
                None if state.protection_ends_at is None else self._here(state.protection_ends_at - told.now)
            )
            self.killed = Kill(
                by=state.by, reason=state.reason, including_protection=state.is_total, protection_ends_at=end
            )

    def _here(self, from_now: int) -> int:
        """A time that is so far off (ns) at the authority, by the desk's clock: theirs may differ."""
        at, seen_at = self._told or (self._clock.now(), self._clock.monotonic())
        return at + self._clock.monotonic() - seen_at + from_now * self._pace

    def _look_plainly(self, held: Sequence[tuple[str, Held]]) -> None:
        now = self._clock.monotonic()
        dead = {name for name, one in held if self._is_dead(one)}
        early = {name for name, one in held if name in dead and now < one.ends_at - SECOND}
        if len(early) == len(held) > 1 and not early <= self._dead:
            self.killed = Kill(by=UNTOLD, reason=_ALL_DEAD, including_protection=True)
        self._note_dead(dead)

    def _is_dead(self, one: Held) -> bool:
        return self.ask(lambda: self._client.validate(one.token)) is None

    def _note_dead(self, names: Iterable[str]) -> None:
        """Each once."""
        found = set(names) - self._dead
        self._dead = (self._dead | found) & self._held.keys()
        self._forgotten &= self._held.keys()
        self.news += bool(found)
