"""The people of a simulated world: who is asked, when they answer, and how badly."""

from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from tradewrit.domain.books import Books
from tradewrit.domain.events.review import Edit, HumanDecided
from tradewrit.domain.market import SECOND
from tradewrit.domain.reviews import Review, ReviewState
from tradewrit.errors import PermissionDenied
from tradewrit.runtime.desk import Desk
from tradewrit.simulation.plan import People as Habits
from tradewrit.simulation.scheduler import Scheduler
from tradewrit.simulation.trace import Trace

if TYPE_CHECKING:
    from tradewrit.simulation.process import Process

NAMES: Final = ("maria", "jonas", "li")


class People:
    """Three people who may answer. Each sees a question on a channel, or finds it when they look."""

    def __init__(self, habits: Habits, scheduler: Scheduler, rng: Random, trace: Trace) -> None:
        self._habits = habits
        self._scheduler = scheduler
        self._rng = rng
        self._trace = trace
        self._clicks = 0

    def asked(self, process: "Process", books: Books, review_id: str, version: int) -> None:
        """The desk shows a question: some of them see it, and get round to it."""
        del books, version
        for name in NAMES:
            if self._rng.random() >= self._habits.ignore:
                delay = int(self._rng.expovariate(1 / self._habits.delay_s) * SECOND)
                self._scheduler.after(delay, self._look, process, name, review_id)

    def look_around(self, process: "Process") -> None:
        """Somebody opens the list of what waits; a question nobody was shown is found this way."""
        control = process.control
        if control is None:
            return
        name = self._rng.choice(NAMES)
        for task in control.reviews():
            self._look(process, name, task.id)

    def _look(self, process: "Process", name: str, review_id: str) -> None:
        desk = process.desk
        task = None if desk is None else desk.books.reviews.get(review_id)
        if task is None or task.state is not ReviewState.PENDING:
            return
        rng, habits = self._rng, self._habits
        drawn = rng.random()
        self._clicks += 1
        nonce = f"{name}:{self._clicks}"
        answer = self._answer(task, name, nonce, drawn)
        if rng.random() < habits.stale:
            # They saw it a while ago, and answer what they saw.
            late = int(rng.uniform(5, 400) * SECOND)
            self._scheduler.after(late, self._click, process, name, answer)
            return
        self._click(process, name, answer)
        if rng.random() < habits.double_click:
            self._scheduler.after(rng.randint(1, 300) * 1_000_000, self._click, process, name, answer)

    def _answer(self, task: Review, name: str, nonce: str, drawn: float) -> HumanDecided:
        habits = self._habits
        decided = HumanDecided(
            at=0,
            review_id=task.id,
            version=task.version,
            shown_hash=task.shown_hash,
            decision="approve",
            actor=name,
            nonce=nonce,
        )
        if drawn < habits.reject:
            return replace(decided, decision="reject", reason="not today")
        if drawn < habits.reject + habits.edit:
            factor = self._rng.choice((1, 2, 50))
            quantity = max(task.shown.quantity // 2, Decimal(1)) * factor
            return replace(decided, decision="edit", edit=Edit(quantity=quantity))
        return decided

    def _click(self, process: "Process", name: str, answer: HumanDecided) -> None:
        self._trace.note(self._scheduler.now, f"{name} says {answer.decision} {answer.nonce}")

        def submit(desk: Desk) -> None:
            del desk
            control = process.control
            if control is None:
                return
            try:
                control.submit(replace(answer, at=process.clock.now()), name)
            except PermissionDenied as denied:
                self._trace.note(self._scheduler.now, str(denied))

        process.deliver(submit)
