"""Blocking calls in virtual time: what a live desk does in a thread that waits is done in one here as well.

    begin ─▶ go ─▶ it asks something of the venue and stands still ─▶ go(answer) ─▶ ... ─▶ outcome

Only one thread ever moves, and whoever runs the world says which: nothing hangs on the machine's scheduling.
Knows no venue and no time.
"""

from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, TypeVar

from tradewrit.simulation.venue import Venue

T = TypeVar("T")
Request = Callable[[Venue], T]
"""What is asked of the venue."""


class Dropped(BaseException):
    """Whoever waited for the answer is no more."""


class Errand:
    """One blocking call. asked: what it waits for. outcome: what it came to, once it is over."""

    def __init__(self, crew: "Crew", work: Callable[[], Any]) -> None:
        self._crew = crew
        self.hand = crew.hand()
        self.hand.errand = self
        self.work = work
        self.asked: Request[Any] | None = None
        self.answer: Any = None
        self.outcome: Any = None
        self.is_over = False

    def go(self, answer: Any = None) -> bool:
        """Let it run until it asks, or is over; returns whether it is over.

        answer: of the venue; an exception is raised there. Raises what the call raised.
        """
        self.answer = answer
        self._crew.moving = self
        self.hand.move()
        if not self.is_over:
            return False
        self._crew.back(self.hand)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return True

    def drop(self) -> None:
        """Nobody waits for it any more."""
        if not self.is_over:
            self.go(Dropped())


class Crew:
    """The threads of one world. moving: the errand whose turn it is."""

    def __init__(self) -> None:
        self.moving: Errand | None = None
        self._hands: list[_Hand] = []
        self._idle: list[_Hand] = []

    def begin(self, work: Callable[[], Any]) -> Errand:
        """A blocking call that has not moved yet."""
        return Errand(self, work)

    def ask(self, request: Request[T]) -> T:
        """In the middle of an errand: stand still until the venue's answer is handed over."""
        errand = self.moving
        if errand is None:
            raise RuntimeError("only an errand can ask the venue")
        errand.asked = request
        errand.hand.stand()
        answer, errand.answer = errand.answer, None
        if isinstance(answer, BaseException):
            raise answer
        given: T = answer
        return given

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
