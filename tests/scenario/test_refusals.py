"""The venue will have none of it: an entry is refused on its merits, and not sent again on every bar."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks import BUY, SYMBOL, World
from tests.unruly import Unruly
from tradewrit.domain.events.account import HaltTrading, ResumeSymbol, ResumeTrading, TransitionRefused
from tradewrit.domain.events.orders import OrderRejected, OrderRequested
from tradewrit.domain.events.positions import CloseTrade
from tradewrit.domain.events.risk import CooldownBegan, CooldownEnded, LimitExceeded
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE
from tradewrit.domain.orders import Role
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.trades import TradeState
from tradewrit.surfaces.words import words

OTHER = "MSFT"


class Stubborn(World):
    """A venue that refuses entries, and a strategy that signals on every bar."""

    def __init__(self, code: Rejection = Rejection.NOT_SHORTABLE, limits: Limits | None = None) -> None:
        super().__init__(broker=Unruly, limits=limits)
        assert isinstance(self.broker, Unruly)
        self.venue = self.broker
        self.venue.refusal = code
        self.venue.refuses = {Role.ENTRY}

    def signals(self, bars: int = 1, symbol: str = SYMBOL) -> None:
        for _ in range(bars):
            self.says(BUY, symbol)
            self.bar(175.50, symbol=symbol)

    @property
    def tried(self) -> list[str]:
        """The symbols of all entries that were ever sent, in order."""
        return [event.terms.symbol for event in self.events(OrderRequested) if event.terms.role is Role.ENTRY]


def test_a_strategy_that_signals_each_bar_is_refused_once_in_five_minutes() -> None:
    world = Stubborn()
    world.signals(bars=11)
    assert len(world.tried) == 3
    times = [event.at for event in world.events(OrderRejected)]
    assert [later - before for before, later in pairwise(times)] == [5 * MINUTE] * 2
    assert not world.books.trades
    world.audit()


def test_the_refusal_is_told_once_with_its_end_and_so_is_what_is_refused_because_of_it() -> None:
    world = Stubborn()
    world.signals(bars=4)
    began = world.only(CooldownBegan)
    assert (began.symbol, began.code, began.refusals) == (SYMBOL, "not_shortable", 1)
    assert began.until == began.at + 5 * MINUTE
    assert words(began).startswith(
        "the venue refused an entry (not_shortable): none in AAPL until 2024-03-04T14:36:00Z"
    )
    (breach,) = world.only(LimitExceeded).breaches  # the same refusal on later bars says nothing new
    assert breach.limit == "cooldown"
    assert "until 2024-03-04T14:36:00Z" in breach.message


def test_another_symbol_is_no_matter_unless_it_is_the_account_that_lacks_something() -> None:
    for code, expected in (
        (Rejection.NOT_SHORTABLE, [SYMBOL, OTHER]),
        (Rejection.INSUFFICIENT_FUNDS, [SYMBOL]),
    ):
        world = Stubborn(code)
        world.signals()
        world.signals(symbol=OTHER)
        assert world.tried == expected


def test_when_the_venue_takes_it_after_all_the_trade_goes_its_way() -> None:
    world = Stubborn()
    world.signals()
    world.venue.refuses = set()
    world.signals(bars=7)
    assert world.stage() is TradeState.HOLDING
    assert len(world.tried) == 2
    world.audit()


def test_after_several_of_a_kind_nothing_is_tried_until_a_person_resumes_the_symbol() -> None:
    world = Stubborn(limits=Limits(max_refusals=3))
    world.signals(bars=60)
    assert len(world.tried) == 3
    assert world.events(CooldownBegan)[-1].until is None
    world.feed(ResumeSymbol(at=world.now, symbol=SYMBOL, actor="risk_officer", reason="patience"))
    assert "only by a person" in world.only(TransitionRefused).cause
    world.signals()
    assert len(world.tried) == 3
    world.feed(ResumeSymbol(at=world.now, symbol=SYMBOL, actor="human:ann", reason="the broker lends it now"))
    assert world.only(CooldownEnded).actor == "human:ann"
    world.signals(bars=2)
    assert len(world.tried) == 4
    assert world.events(CooldownBegan)[-1].refusals == 1  # a person's word wipes the slate
    world.audit()


def test_a_halt_for_want_of_buying_power_is_of_the_whole_account_and_ends_with_resume() -> None:
    world = Stubborn(Rejection.INSUFFICIENT_FUNDS, Limits(max_refusals=2))
    world.signals(bars=8)
    world.signals(symbol=OTHER)
    assert len(world.tried) == 2
    assert not world.books.halted
    world.feed(ResumeTrading(at=world.now, actor="human:ann", reason="cash is there"))
    assert not world.books.cooldowns
    world.signals(symbol=OTHER)
    assert world.tried[2:] == [OTHER]


def test_resume_ends_what_is_to_be_ended_and_after_a_kill_no_halt_of_a_symbol() -> None:
    world = Stubborn(limits=Limits(max_refusals=1))
    world.signals()
    world.feed(HaltTrading(at=world.now, actor="human:ann", reason="lunch"))
    world.feed(ResumeTrading(at=world.now, actor="human:ann", reason="back"))
    assert world.books.cooldowns[SYMBOL].until is None
    world.feed(ResumeTrading(at=world.now, actor="risk_officer", reason="by itself"))
    assert "only by a person" in world.only(TransitionRefused).cause
    world.feed(ResumeTrading(at=world.now, actor="human:ann", reason="the broker lends it now"))
    assert world.only(CooldownEnded).symbol == SYMBOL
    world.signals()
    assert len(world.tried) == 2


def test_refusals_of_different_kinds_do_not_add_up_and_old_ones_are_forgotten() -> None:
    world = Stubborn(limits=Limits(max_refusals=3, refusal_window_s=1800))
    for code in (Rejection.NOT_SHORTABLE, Rejection.WASH_TRADE) * 2:
        world.venue.refusal = code
        world.signals(bars=5)
    assert [event.refusals for event in world.events(CooldownBegan)] == [1, 1, 2, 2]
    world.wait(1800)
    world.signals(bars=2)
    assert world.events(CooldownBegan)[-1].refusals == 1


def test_what_never_left_the_desk_was_refused_by_nobody() -> None:
    world = Stubborn(Rejection.NOT_SENT)
    world.signals(bars=4)
    assert len(world.tried) == 4
    assert not world.events(CooldownBegan)


def test_a_position_is_left_as_ever_while_entries_cool_down() -> None:
    world = Stubborn(Rejection.INSUFFICIENT_FUNDS)
    world.venue.refuses = set()
    world.enter()
    world.venue.refuses = {Role.ENTRY}
    world.signals(symbol=OTHER)
    assert world.books.cooldowns
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, actor="human:ann"))
    world.bar(175.50)
    assert world.closed.reason == "manual"
    world.audit()


@pytest.mark.parametrize(
    ("limits", "tried"),
    [
        (Limits(refusal_cooldown_s=0, max_refusals=None), 10),
        (Limits(refusal_cooldown_s=0, max_refusals=4), 4),
        (Limits(refusal_cooldown_s=120, max_refusals=None), 5),
    ],
)
def test_how_patient_it_is_says_the_profile(limits: Limits, tried: int) -> None:
    world = Stubborn(limits=limits)
    world.signals(bars=10)
    assert len(world.tried) == tried


@given(st.lists(st.tuples(st.sampled_from([SYMBOL, OTHER]), st.booleans()), min_size=1, max_size=40))
def test_whatever_is_refused_nothing_is_tried_while_it_cools_down(bars: Sequence[tuple[str, bool]]) -> None:
    world = Stubborn(limits=Limits(refusal_cooldown_s=180, max_refusals=3))
    for symbol, is_poor in bars:
        world.venue.refusal = Rejection.INSUFFICIENT_FUNDS if is_poor else Rejection.VENUE
        world.signals(symbol=symbol)
    refused: dict[str, int] = {}
    sent = [event for event in world.events(OrderRequested) if event.terms.role is Role.ENTRY]
    for entry, refusal in zip(sent, world.events(OrderRejected), strict=True):
        for scope in ("", entry.terms.symbol):
            assert entry.at >= refused.get(scope, 0)
        scope = "" if refusal.code == Rejection.INSUFFICIENT_FUNDS else refusal.symbol
        refused[scope] = refusal.at + 3 * MINUTE
    assert all(sum(one.code == code for one in world.events(OrderRejected)) <= 6 for code in Rejection)
    assert world.books.reserved == Decimal(0)
    world.audit()
