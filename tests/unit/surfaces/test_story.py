"""The story of a trade, and events in words, whatever the trade came to."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest

from tests.unit.surfaces.console import market
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.orders import ModifyRequested
from tradewrit.domain.events.positions import PositionClosed
from tradewrit.domain.events.strategy import CandidateFound, TradeLogged
from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import OrderTerms, OrderType, Role, Side
from tradewrit.domain.signals import Signal
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.events import run
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.replay import event_of
from tradewrit.runtime.strategies import load_strategy
from tradewrit.strategies.base import Strategy, enter_long, enter_short, leave
from tradewrit.surfaces.story import STEPS, choose, tell
from tradewrit.surfaces.trade_records import Lines
from tradewrit.surfaces.words import amount, terms_words, words


class InAndOut(Strategy, frozen=True, kw_only=True):
    """Enters on the third bar and leaves three bars later.

    is_short: which way.
    """

    is_short: bool = False

    def on_bar(self, bars: Bars) -> Signal | None:
        """By the number of the bar alone."""
        if len(bars) == 3:
            return enter_short("third bar") if self.is_short else enter_long("third bar")
        return leave("had enough") if len(bars) == 6 else None


def lines_of(strategy: Strategy, bars: Sequence[Bars], setup: Setup | None = None) -> Lines:
    """Every record of a run with its event."""
    done = run(bars, strategy, setup)
    return [(record, event_of(record)) for record in done.journal.read(done.stream)]


@pytest.fixture(scope="module")
def lively() -> Lines:
    """A run in which stops and targets are hit."""
    return lines_of(load_strategy("trend_following"), market(2, 600))


def closed(lines: Lines, reason: str) -> str:
    """The first trade that ended in this way."""
    return next(e.trade_id for _, e in lines if isinstance(e, PositionClosed) and e.reason == reason)


def of_kind(lines: Lines, kind: type[Event], trade: str) -> tuple[Record, Event]:
    return next(line for line in lines if type(line[1]) is kind and line[1].trace == trade)


@pytest.mark.parametrize("reason", ["target", "stop"])
def test_a_trade_from_scan_to_log_has_thirteen_steps_in_order(reason: str, lively: Lines) -> None:
    steps = tell(lively, closed(lively, reason))
    assert [step.number for step in steps] == list(range(1, STEPS + 1))
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert f"{reason} reached" in steps[8].told
    assert "listed with it" in steps[3].told
    assert f"the {reason} order, at the venue since step 4, is the exit" in steps[9].told
    other = {"target": "stop", "stop": "target"}[reason]
    assert f"the {other} order is cancelled" in steps[11].told


def test_protection_that_was_sent_after_the_fill_is_told_to_be_at_the_venue_since_then() -> None:
    setup = Setup(protection=Protection.AFTER_FILL)
    lines = lines_of(load_strategy("trend_following"), market(2, 600), setup)
    steps = tell(lines, closed(lines, "target"))
    assert "listed with it" not in steps[3].told
    assert "the target order, at the venue since step 7, is the exit" in steps[9].told
    assert "under the writ of position_keeper" in steps[6].told
    assert "moved" not in steps[6].told


def test_a_bracket_is_told_to_be_sent_under_one_writ_and_moved_under_the_other(lively: Lines) -> None:
    trade = closed(lively, "target")
    told = tell(lively, trade)[6].told
    sent, moved = told.index("under the writ of executor"), told.index("moved to ")
    assert sent < moved < told.index("under the writ of position_keeper")
    _, change = of_kind(lively, ModifyRequested, trade)
    assert words(change).startswith("to stop ")
    assert "under the writ of position_keeper" in words(change)
    assert "spiffe" not in words(change)


def test_every_step_names_the_record_it_was_read_from(lively: Lines) -> None:
    trade = closed(lively, "target")
    by_seq = {record.seq: (record, event) for record, event in lively}
    for step in tell(lively, trade):
        record, event = by_seq[step.record]
        assert (record.entry.at, record.entry.source) == (step.at, step.agent)
        assert event.trace == trade or step.number == 1
    last, logged = of_kind(lively, TradeLogged, trade)
    assert tell(lively, trade)[-1].record == last.seq
    assert isinstance(logged, TradeLogged)
    assert f"trade {logged.trades} of the account, {logged.wins} won" in tell(lively, trade)[-1].told


def test_an_exit_that_the_strategy_wanted_is_told_with_its_own_order() -> None:
    lines = lines_of(InAndOut(), market(1, 12))
    steps = tell(lines, choose(lines))
    assert [step.number for step in steps] == list(range(1, STEPS + 1))
    assert "had enough" in steps[8].told
    assert steps[9].told.startswith("sell ")
    assert " at market; under the writ of position_keeper, token " in steps[9].told


def test_a_short_is_sold_first_and_bought_back() -> None:
    lines = lines_of(InAndOut(is_short=True), market(1, 12))
    steps = tell(lines, choose(lines))
    assert steps[4].told.startswith("sold ")
    assert steps[10].told.startswith("bought ")


def test_the_story_of_an_open_trade_ends_where_it_stands() -> None:
    lines = lines_of(InAndOut(), [one.head(5) for one in market(1, 12)])
    trade = next(event.trade_id for _, event in lines if isinstance(event, CandidateFound))
    assert choose(lines) == ""
    steps = tell(lines, trade)
    assert [step.number for step in steps] == list(range(1, 9))
    assert "held " not in steps[-1].told


def test_a_refused_trade_ends_before_risk_approved_it() -> None:
    poor = Setup(limits=Limits(min_cash_fraction=Decimal(1)))
    lines = lines_of(InAndOut(), market(1, 12), poor)
    trade = next(event.trade_id for _, event in lines if isinstance(event, CandidateFound))
    assert [step.number for step in tell(lines, trade)] == [1, 2]


def test_an_unknown_trade_has_no_story(lively: Lines) -> None:
    assert tell(lively, "nobody") == ()
    assert tell((), "nobody") == ()
    assert choose(()) == ""


def test_a_target_is_told_rather_than_a_stop_and_the_last_rather_than_the_first(lively: Lines) -> None:
    targets = [e.trade_id for _, e in lively if isinstance(e, PositionClosed) and e.reason == "target"]
    assert len(targets) > 1
    assert choose(lively) == targets[-1]
    without = [line for line in lively if getattr(line[1], "reason", "") != "target"]
    stops = [e.trade_id for _, e in without if isinstance(e, PositionClosed)]
    assert choose(without) == stops[-1]


def test_every_event_of_a_run_has_a_line_of_words(lively: Lines) -> None:
    for _, event in lively:
        line = words(event)
        assert line.strip() == line != ""
        assert "\n" not in line
        assert len(line) < 400


def test_an_event_without_words_of_its_own_is_told_by_its_fields() -> None:
    class Surprise(Event, frozen=True, kw_only=True, tag="a.b.c"):
        symbol: str
        size: Decimal
        nothing: str = ""
        more: tuple[str, ...] = ("x" * 300,)

    told = words(Surprise(at=1, symbol="AAPL", size=Decimal("1.50")))
    assert told.startswith("symbol AAPL, size 1.50, more ")
    assert told.endswith("...")
    assert len(told) < 200


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": OrderType.MARKET}, "sell 302 AAPL at market"),
        ({"type": OrderType.LIMIT, "limit_price": Decimal("3.79")}, "sell 302 AAPL limit 3.79"),
        ({"type": OrderType.STOP, "stop_price": Decimal("3.13")}, "sell 302 AAPL stop 3.13"),
        (
            {"type": OrderType.STOP_LIMIT, "stop_price": Decimal("3.13"), "limit_price": Decimal(3)},
            "sell 302 AAPL stop 3.13 limit 3",
        ),
        (
            {"type": OrderType.TRAILING_STOP, "trail_fraction": Decimal("0.1")},
            "sell 302 AAPL trailing by 0.1",
        ),
    ],
)
def test_an_order_is_told_as_a_trader_says_it(changes: dict[str, object], told: str) -> None:
    terms = OrderTerms(
        client_order_id="x",
        trade_id="t",
        symbol="AAPL",
        side=Side.SELL,
        quantity=Decimal(302),  # type: ignore[arg-type]
        type=OrderType.MARKET,
        role=Role.STOP,
    )
    assert terms_words(msgspec.structs.replace(terms, **changes)) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Decimal("9675000.50"), "9,675,000.50"),
        (Decimal("0.00000001"), "0.00000001"),
        (54.61837357841443, "54.6184"),
        (342.8935, "342.8935"),
        (9675000.0, "9,675,000"),
        (0.00001234, "1.234e-05"),
        (100.0, "100"),
        (-5.5, "-5.5"),
        (0.0, "0"),
    ],
)
def test_amounts_are_readable_and_a_decimal_loses_no_digit(value: Decimal | float, told: str) -> None:
    assert amount(value) == told
