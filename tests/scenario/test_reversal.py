"""Close and reverse: out of a position and into the opposite one, at one price, never in both."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tests.desks import BUY, JOURNAL_ID, LEAVE, SELL, SYMBOL, World
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.domain.events.account import HaltTrading
from tradewrit.domain.events.orders import OrderRejected
from tradewrit.domain.events.positions import CloseTrade, FillBooked
from tradewrit.domain.events.registry import decode, encode
from tradewrit.domain.events.risk import LimitExceeded
from tradewrit.domain.events.strategy import ExitJudged, ExitSignalled, ShouldExit
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, Bar
from tradewrit.domain.orders import OrderType, Role, Side
from tradewrit.domain.positions import OPENED_BY
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.signals import Signal
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.replay import replay

CLOSE = PaperRules(market_fills="close")
EITHER = Signal(enter=Side.SELL, leave_long="signal")


def a_holder(*, reverse: bool = True, signal: Signal = BUY, **more: object) -> World:
    """Holds 5 AAPL from 175.50, long or short."""
    world = World(reverse=reverse, **more)  # type: ignore[arg-type]
    world.enter(signal=signal)
    return world


def fills(world: World) -> list[tuple[Role, Side, int, str, int]]:
    """Role, side, quantity, price and minute of every fill."""
    start = world.heard[0][0].at
    return [
        (
            one.role,
            one.fill.side,
            int(one.fill.quantity),
            f"{one.fill.price:f}",
            (one.fill.at - start) // MINUTE,
        )
        for one in world.events(FillBooked)
    ]


def left(world: World) -> tuple[str, int]:
    """Why the one closed trade was left, and what is held now."""
    return world.closed.reason, int(world.held)


@pytest.mark.parametrize(("held", "other"), [(BUY, SELL), (SELL, BUY)])
def test_a_signal_for_the_other_side_turns_the_position_round_at_the_next_open(
    held: Signal, other: Signal
) -> None:
    world = a_holder(signal=held)
    world.says(other)
    world.bar(175.0)
    assert world.only(ExitSignalled).reason == "reverse"
    world.bar(174.0, 176.0, 172.0, 175.0)
    entered, turned = held.enter or Side.BUY, other.enter or Side.BUY
    assert fills(world) == [
        (Role.ENTRY, entered, 5, "175.50", 1),
        (Role.EXIT, turned, 5, "174.00", 3),
        (Role.ENTRY, turned, 5, "174.00", 3),
    ]
    assert world.closed.reason == "reverse"
    assert world.trade.direction is OPENED_BY[turned]
    assert len(world.working()) == 2  # its own stop and target
    world.audit()


def test_at_the_close_both_halves_are_done_at_that_close() -> None:
    world = World(reverse=True, rules=CLOSE)
    world.says(BUY)
    world.bar(175.50)
    assert world.held == 5
    world.says(SELL)
    world.bar(175.0, 175.0, 175.0, 174.0)
    assert [one[:4] for one in fills(world)] == [
        (Role.ENTRY, Side.BUY, 5, "175.50"),
        (Role.EXIT, Side.SELL, 5, "174.00"),
        (Role.ENTRY, Side.SELL, 5, "174.00"),
    ]
    assert world.held == -5
    world.audit()


def test_the_new_trade_begins_when_the_old_one_is_over() -> None:
    world = a_holder()
    world.says(SELL)
    world.bar(175.0)
    before = len(world.names())
    world.bar(175.0)
    names = world.names(before)
    done, begun = names.index("TradeLogged"), names.index("CandidateFound")
    assert names.index("PositionClosed") < done < begun
    assert names[done + 1] == "ScanStarted"
    assert len({one.symbol for one in world.books.trades.values()}) == len(world.books.trades) == 1


def test_one_that_does_not_reverse_holds_through_signals_for_the_other_side() -> None:
    world = a_holder(reverse=False)
    world.says(SELL)
    world.bar(175.0)
    world.bar(175.0)
    assert not world.events(ExitSignalled)
    assert world.held == 5


def test_a_signal_to_leave_and_to_enter_the_other_side_is_a_reversal() -> None:
    world = a_holder()
    world.says(EITHER)
    world.bar(175.0)
    world.bar(175.0)
    assert world.closed.reason == "reverse"
    assert world.held == -5


def test_a_signal_to_leave_only_leaves() -> None:
    world = a_holder()
    world.says(LEAVE)
    world.bar(175.0)
    world.bar(175.0)
    assert left(world) == ("signal", 0)


def test_a_signal_for_the_side_that_is_held_changes_nothing() -> None:
    world = a_holder()
    world.says(BUY)
    world.bar(175.0)
    assert not world.events(ExitSignalled)


def test_time_that_is_up_comes_before_a_reversal() -> None:
    world = a_holder(signal=replace(BUY, max_bars=2))
    world.says(SELL)
    world.bar(175.0)
    world.bar(175.0)
    assert left(world) == ("time", 0)


def test_a_position_that_its_stop_has_closed_is_not_turned_round() -> None:
    world = a_holder()
    world.bar(170.0, 170.0, 166.0, 168.0)
    world.says(SELL)
    assert left(world) == ("stop", 0)


# -- when the other side may not be entered, the exit stands


def test_a_refused_reversal_leaves_the_account_flat() -> None:
    world = a_holder(limits=Limits(allow_short=False))
    world.says(SELL)
    world.bar(175.0)
    world.bar(175.0)
    assert [breach.limit for breach in world.only(LimitExceeded).breaches] == ["allow_short"]
    assert left(world) == ("reverse", 0)
    assert not world.books.trades
    world.audit()


def test_a_halted_desk_leaves_and_enters_nothing() -> None:
    world = a_holder()
    world.says(SELL)
    world.bar(175.0)
    world.feed(HaltTrading(at=world.now, actor="human:maria", reason="enough"))
    world.bar(175.0)
    assert left(world) == ("reverse", 0)


def test_a_reversal_that_the_venue_refuses_leaves_the_account_flat() -> None:
    world = a_holder(signal=SELL, broker_cash="1000")
    world.says(BUY)
    world.bar(175.0)
    world.bar(300.0)  # the venue's 1000 have paid for the gap, and buy no 5 at 300
    assert world.events(OrderRejected)[-1].code == Rejection.INSUFFICIENT_FUNDS
    assert left(world) == ("reverse", 0)
    assert not world.books.trades
    world.audit(is_in_step=False)


def test_the_size_is_that_of_the_books_after_the_exit() -> None:
    limits = Limits(
        max_position_notional=None, max_position_fraction=Decimal(1), min_cash_fraction=Decimal(0)
    )
    world = World(reverse=True, limits=limits, rules=PaperRules(market_fills="close"), cash="1000.10")
    world.says(BUY)
    world.bar(99.0)
    assert world.held == 10
    world.says(SELL)
    world.bar(93.0)
    # 10 x 99.00 in, 10 x 93.00 out, 0.99 and 0.93 in fees: 938.18 buy ten at 93.00, and no more.
    assert world.held == -10
    assert world.books.cash == Decimal("1000.10") - 60 - Decimal("0.99") - 2 * Decimal("0.93")
    world.audit()


# -- in whatever time it takes


def test_an_entry_by_limit_rests_after_the_exit_at_market() -> None:
    world = World(reverse=True, entry=OrderType.LIMIT)
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    world.says(SELL)
    world.bar(175.0)
    world.bar(174.0, 174.5, 173.0, 174.0)
    assert world.held == 0
    assert world.working() == [(Role.ENTRY, Side.SELL, 5, Decimal("175.00"))]
    world.bar(174.0, 175.2, 174.0, 175.0)
    assert world.held == -5
    world.audit()


def test_an_exit_in_parts_is_followed_by_the_entry_when_the_last_part_is_out() -> None:
    world = World(reverse=True, rules=PaperRules(participation_fraction=Decimal("0.1")))
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    world.says(SELL)
    world.bar(175.0)
    world.says(SELL)
    world.bar(174.0, volume=30)
    assert world.held == 2
    world.bar(173.0, volume=50)
    assert [one[:4] for one in fills(world)][1:] == [
        (Role.EXIT, Side.SELL, 3, "174.00"),
        (Role.EXIT, Side.SELL, 2, "173.00"),
        (Role.ENTRY, Side.SELL, 3, "173.00"),
    ]
    world.audit()


def test_a_strategy_that_has_changed_its_mind_by_then_enters_nothing() -> None:
    world = World(reverse=True, rules=PaperRules(participation_fraction=Decimal("0.1")))
    world.says(BUY)
    world.bar(175.50)
    world.bar(175.50)
    world.says(SELL)
    world.bar(175.0)
    world.bar(174.0, volume=30)
    world.bar(173.0, volume=50)
    assert left(world) == ("reverse", 0)


def test_with_a_venue_that_streams_quotes_the_reversal_trades_on_the_next_ones() -> None:
    world = World(reverse=True)
    world.says(BUY)
    world.bar(175.50)
    world.quote(175.40, 175.50)
    assert world.held == 5
    world.says(SELL)
    world.bar(175.45)
    world.quote(175.40, 175.50)
    assert world.held == 0
    world.quote(175.30, 175.40)
    assert world.held == -5
    world.audit()


# -- what is asked, remembered and read


def test_whoever_asks_is_told_of_the_reversal_too() -> None:
    world = a_holder()
    world.says(SELL)
    world.bar(175.0)
    world.feed(ShouldExit(at=world.now, trade_id=world.trade.id))
    assert world.only(ExitJudged).reason == "reverse"


def test_a_person_who_closes_a_trade_reverses_nothing() -> None:
    world = a_holder()
    world.bar(175.0)
    world.feed(CloseTrade(at=world.now, trade_id=world.trade.id, reason="enough", actor="human:maria"))
    world.bar(175.0)
    assert left(world) == ("enough", 0)


@pytest.mark.parametrize(("is_shown_the_past", "held"), [(True, -5), (False, 0)])
def test_a_desk_that_was_closed_before_the_exit_filled_enters_if_it_knows_what_the_bar_said(
    tmp_path: Path, *, is_shown_the_past: bool, held: int
) -> None:
    path = tmp_path / "desk.journal"
    before = a_holder(journal=SqliteJournal.open(path, id=JOURNAL_ID, created_at=0))
    before.says(SELL)
    last = Bar(SYMBOL, before.now, 175.0, 175.0, 175.0, 175.0, 1e6)
    before.show(last)
    before.journal.close()
    journal = SqliteJournal.open(path, id=JOURNAL_ID, created_at=0)
    after = World(reverse=True, journal=journal, exchange=before.exchange, at=before.now)
    after.script.update(before.script)
    if is_shown_the_past:
        after.market.absorb([last])
    after.bar(175.0)
    assert left(after) == ("reverse", held)
    assert replay(after.journal, after.desk.stream).state_hash == after.books.state_hash
    after.journal.close()


def test_a_journal_from_before_there_were_reversals_reads_as_one_without() -> None:
    opened = World().heard[0][0]
    old = msgspec.json.decode(encode(opened))
    assert old.pop("reverse") is False
    assert decode(msgspec.json.encode(old)) == opened
