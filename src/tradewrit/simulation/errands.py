"""Blocking calls in virtual time: what a live desk does in a thread that waits is done in one here as well.

    begin ─▶ go ─▶ it asks something of the venue and stands still ─▶ go(answer) ─▶ ... ─▶ outcome
               └─▶ it sends somebody along and waits for what that one brings

Only one thread ever moves, and whoever runs the world says which: nothing hangs on the machine's scheduling.
Knows no venue and no time.
"""

from collections import deque
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, Final, TypeVar

import msgspec

from tradewrit.domain.market import SECOND
from tradewrit.runtime.resilience.hedge import Answer
from tradewrit.simulation.venue import Venue

T = TypeVar("T")
Request = Callable[[Venue], T]
"""What is asked of the venue."""
FIRST: Final = 0
OTHER: Final = 1


class Question(msgspec.Struct, frozen=True):
    """What an errand asks, and by which road."""

    request: Request[Any]
    road: int = FIRST


class Wait(msgspec.Struct, frozen=True, eq=False):
    """An errand waits for what others bring, within so many ns at most."""

    post: "Post"
    within_ns: int


class Dropped(BaseException):
    """Whoever waited for the answer is no more."""


class Errand:
    """One blocking call. asked: what it waits for. outcome: what it came to, once it is over.

    sent: errands that it has sent along since it was looked at last. met: roads that it has asked by.
    """

    def __init__(self, crew: "Crew", work: Callable[[], Any]) -> None:
        self._crew = crew
        self._hand: _Hand | None = None
        self.work = work
        self.asked: Question | Wait | None = None
        self.sent: list[Errand] = []
        self.met: set[int] = set()
        self.answer: Any = None
        self.outcome: Any = None
        self.is_over = False

    def go(self, answer: Any = None) -> bool:
        """Let it run until it asks, or is over; returns whether it is over.

        answer: of the venue; an exception is raised there. Raises what the call raised.
        """
        if self._hand is None:
            self._hand = self._crew.hand()
            self._hand.errand = self
        self.answer = answer
        self._crew.moving = self
        self._hand.move()
        if not self.is_over:
            return False
        self._crew.back(self._hand)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return True

    def drop(self) -> None:
        """Nobody waits for it any more."""
        if self._hand is None:
            self.is_over = True
        elif not self.is_over:
            self.go(Dropped())

    def stand(self) -> None:
        """From within: stand still until it moves again."""
        if self._hand is not None:
            self._hand.stand()


class Crew:
    """The threads of one world. moving: the errand whose turn it is."""

    def __init__(self) -> None:
        self.moving: Errand | None = None
        self._hands: list[_Hand] = []
        self._idle: list[_Hand] = []

    def begin(self, work: Callable[[], Any]) -> Errand:
        """A blocking call that has not moved yet."""
        return Errand(self, work)

    def ask(self, request: Request[T], road: int = FIRST) -> T:
        """In the middle of an errand: stand still until the venue's answer is handed over."""
        given: T = self.stand(Question(request, road))
        return given

    def stand(self, asked: Question | Wait) -> Any:
        """In the middle of an errand: stand still until there is an answer, and return or raise it."""
        errand = self._errand()
        errand.asked = asked
        errand.stand()
        answer, errand.answer = errand.answer, None
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def _errand(self) -> Errand:
        if self.moving is None:
            raise RuntimeError("only an errand can ask the venue")
        return self.moving

    # -- carriers of a race by two roads

    def answers(self) -> "Post":
        """See `Carriers`."""
        return Post(self)

    def send(self, go: Callable[[], None]) -> None:
        """See `Carriers`: whoever runs the world lets it move once the sender stands still."""
        self._errand().sent.append(self.begin(go))

    def hand(self) -> "_Hand":
        """A thread with nothing to do."""
        if self._idle:
            return self._idle.pop()
        self._hands.append(_Hand())
        return self._hands[-1]

    def back(self, hand: "_Hand") -> None:
        """A thread has nothing to do any more."""
        self._idle.append(hand)

    def close(self) -> None:
        """Drop what is under way, and end the threads."""
        for hand in self._hands:
            if hand.errand is not None:
                hand.errand.drop()
            hand.end()
        self._hands.clear()
        self._idle.clear()


class Post:
    """Where the errands of one race put down what they bring. See `hedge.Answers`."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._answers: deque[Answer] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether nothing lies there."""
        return not self._answers

    def put(self, answer: Answer) -> None:
        """See `hedge.Answers`."""
        self._answers.append(answer)

    def get(self, within_s: float) -> Answer | None:
        """See `hedge.Answers`; the seconds are those of the world."""
        if self.is_empty:
            self._crew.stand(Wait(self, int(within_s * SECOND)))
        return self._answers.popleft() if self._answers else None


class _Hand:
    """A thread that moves only when it is told to."""

    def __init__(self) -> None:
        self.errand: Errand | None = None
        self._turn, self._done = Lock(), Lock()
        self._turn.acquire()
        self._done.acquire()
        self._thread = Thread(target=self._serve, name="tradewrit-errand", daemon=True)
        self._thread.start()

    def move(self) -> None:
        """Its turn, until it stands still."""
        self._turn.release()
        self._done.acquire()

    def stand(self) -> None:
        """From within: the turn is over; returns with the next one."""
        self._done.release()
        self._turn.acquire()

    def end(self) -> None:
        """No more turns."""
        self._turn.release()
        self._thread.join()

    def _serve(self) -> None:
        self._turn.acquire()
        while (errand := self.errand) is not None:
            try:
                errand.outcome = errand.work()
            except BaseException as failed:  # noqa: BLE001 - handed to the thread that runs the world
                errand.outcome = failed
            errand.is_over, self.errand = True, None
            self.stand()
