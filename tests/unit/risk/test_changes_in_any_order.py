"""A change of an order, its fills and its end, heard in any order, or not: the books come to what the venue has.

A venue of one order says what it does under ids that never repeat. What the stream tells of that is shuffled, and
some of it is lost; the desk may have given the change up long before it arrives. Then the venue is asked, as
`runtime.perform` asks it, and says all it knows.
"""

from decimal import Decimal
from itertools import count
from typing import Any, Final

from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.risk.test_doubts import LATE, SENT, At, an_order, books
from tradewrit.domain.books import Books
from tradewrit.domain.capabilities import PAPER
from tradewrit.domain.conclusions import doubted
from tradewrit.domain.decisions import Decision
from tradewrit.domain.effects import AskVenue
from tradewrit.domain.events.orders import (
    Exec,
    ExecutionReport,
    ModifyRefused,
    ModifyRequested,
    OrderCancelled,
    OrderFilled,
    ReportQuarantined,
)
from tradewrit.domain.folding import evolve
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO, Price
from tradewrit.domain.orders import OrderState, Role
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.reports import interpret
from tradewrit.risk import doubts
from tradewrit.runtime.perform import venue_handlers

PRICE: Final = Price(Decimal(100))


class Venue:
    """One order of 5. said: all it ever reported, oldest first."""

    capabilities: Final = PAPER

    def __init__(self) -> None:
        self.whole, self.filled, self.is_over = Decimal(5), ZERO, False
        self.said: list[ExecutionReport] = []
        self._ids = count(1)
        self.says(Exec.NEW)

    def says(self, kind: Exec, **facts: Any) -> None:
        self.said.append(
            ExecutionReport(
                at=SENT,
                exec_id=f"venue:{next(self._ids)}",
                client_order_id="o",
                kind=kind,
                cumulative=self.filled,
                **facts,
            )
        )

    def fills(self, quantity: int) -> None:
        traded = min(Decimal(quantity), self.whole - self.filled)
        if self.is_over:
            return
        self.filled += traded
        self.is_over = self.filled == self.whole
        self.says(Exec.TRADE, last_quantity=traded, last_price=PRICE)

    def changes(self, quantity: int) -> None:
        if self.is_over or quantity <= self.filled:
            self.says(Exec.REPLACE_REJECTED, code=Rejection.TOO_LATE if self.is_over else Rejection.MALFORMED)
            return
        self.whole = Decimal(quantity)
        self.says(Exec.REPLACED, quantity=self.whole)

    def ends(self) -> None:
        if not self.is_over:
            self.is_over = True
            self.says(Exec.CANCELED)

    # -- what is asked of it

    def order(self, client_order_id: str) -> list[ExecutionReport]:
        assert client_order_id == "o"
        return list(self.said)


class Desk:
    """The books, and what they have heard; a report that was heard once is not heard again."""

    def __init__(self) -> None:
        self.books: Books = books(an_order(OrderState.ACCEPTED, Role.STOP, broker_order_id="v"))
        self.heard: set[str] = set()
        self.ends = self.asks = 0

    @property
    def order(self) -> Any:
        return self.books.orders["o"]

    def does(self, decision: Decision) -> None:
        for event in decision.events:
            assert not isinstance(event, ReportQuarantined) or event.report.kind is not Exec.TRADE, event
            self.books = evolve(self.books, event)
            self.ends += isinstance(event, OrderFilled | OrderCancelled)
        self.asks += sum(isinstance(effect, AskVenue) for effect in decision.effects)

    def asks_for(self, quantity: int) -> None:
        asked = ModifyRequested(at=SENT, client_order_id="o", quantity=Decimal(quantity))
        self.does(Decision((asked,)))

    def hears(self, report: ExecutionReport) -> None:
        if report.exec_id in self.heard:
            return
        self.heard.add(report.exec_id)
        if doubts.concerns(self.books, report):
            self.does(doubts.judge(self.books, At(), report))  # type: ignore[arg-type]
        else:
            self.does(interpret(self.books, report))

    def gives_up(self) -> None:
        """Nobody answered for long enough, and the venue was seen to work the old terms."""
        if self.order.state is OrderState.PENDING_REPLACE:
            refused = ModifyRefused(at=LATE, client_order_id="o", reason="", is_answer=True, is_unsent=True)
            self.does(Decision((refused,)))

    def is_told_all(self, venue: Venue, at: int) -> None:
        """What the venue says when it is asked, through the desk's own handler."""
        ask = venue_handlers(venue)[AskVenue]  # type: ignore[arg-type]
        effect = AskVenue(trace="trade-1", symbol="AAPL", client_order_id="o", since=SENT)
        for told in ask(effect, None, at):  # type: ignore[arg-type]
            assert isinstance(told, ExecutionReport)
            self.hears(told)


ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("fills"), st.integers(1, 6)),
        st.tuples(st.just("changes"), st.sampled_from([8])),
        st.tuples(st.just("ends"), st.none()),
    ),
    max_size=6,
)


# Of what was said, the place of each in the order in which it is heard; nobody hears of those left out.
HEARD = st.lists(st.integers(0, 6), unique=True, max_size=7)


@given(ACTS, HEARD, st.integers(0, 6))
@example([("changes", 8), ("fills", 5), ("fills", 3)], [2, 3], 0)
@example([("changes", 8), ("fills", 8)], [2], 0)
@example([("changes", 8), ("fills", 5), ("ends", None)], [2, 3, 1], 0)
def test_whatever_is_heard_of_a_change_the_books_come_to_what_the_venue_has(
    acts: list[tuple[str, Any]], heard: list[int], gives_up_after: int
) -> None:
    venue, desk = Venue(), Desk()
    desk.asks_for(8)
    for name, argument in acts:
        act = getattr(venue, name)
        act() if argument is None else act(argument)
    told = [venue.said[place] for place in heard if place < len(venue.said)]
    for number, report in enumerate(told):
        if number == gives_up_after:
            desk.gives_up()
        desk.hears(report)
        assert desk.order.remaining >= 0
        assert desk.order.filled <= venue.filled
    at = LATE
    for _ in range(6):  # the next comparison with the venue, and the questions it leads to
        desk.is_told_all(venue, at)
        if desk.order.is_live and not desk.order.is_in_doubt:
            desk.does(doubted(desk.order, at, "compared"))
        at += 20 * SECOND
    assert desk.order.filled == venue.filled
    assert desk.order.is_live is not venue.is_over
    assert desk.order.is_live or desk.ends  # whoever reads the journal hears of its end
    assert desk.order.terms.quantity == venue.whole or venue.is_over
