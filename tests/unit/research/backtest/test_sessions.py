"""The end of the session in a backtest: positions left before it, orders for the day, bars outside the hours."""

from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

from tests.unit.research.backtest.live import live_run
from tests.unit.research.sessions import session_case_of
from tradewrit import (
    Bars,
    Inputs,
    Signal,
    Signals,
    Strategy,
    enter_long,
    first_bar_of_session,
    minutes_since_open,
)
from tradewrit.brokers.paper.rules import MarketFills, PaperRules
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.limits import PROFILES
from tradewrit.domain.market import DAY, MINUTE
from tradewrit.domain.orders import OrderType
from tradewrit.domain.times import iso, parse_iso
from tradewrit.errors import ConfigError, DataError, StrategyError
from tradewrit.features.bars import Times
from tradewrit.research.backtest import skip
from tradewrit.research.backtest.calendars import with_calendars
from tradewrit.research.backtest.events import run
from tradewrit.research.backtest.setup import Setup
from tradewrit.research.results import Result, RoundTrip

# Thanksgiving is the 28th; on the 29th New York closes at 18:00 UTC instead of 21:00.
FREE = PaperRules(fees=FixedFee(Decimal(0)))
SETUP = Setup(limits=PROFILES["research"], rules=FREE, calendar="NYSE")


class Early(Strategy, frozen=True, kw_only=True):
    """Long from so many minutes after the open on, whenever flat."""

    after: int = 0
    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=minutes_since_open(bars) >= self.after)


class Always(Strategy, frozen=True, kw_only=True):
    """Long whenever flat, day and night, in plain Python."""

    target_fraction: float | None = 0.0

    def on_bar(self, bars: Bars) -> Signal | None:
        return enter_long(close=bars.close[-1])


class AllDay(Strategy, frozen=True, kw_only=True):
    """Long whenever flat, day and night."""

    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close > 0)


def session(day: str, first: str = "14:30", last: str = "20:30", step: int = 30) -> Times:
    """Bars of a New York day in winter."""
    start, end = parse_iso(f"2024-11-{day}T{first}:00Z"), parse_iso(f"2024-11-{day}T{last}:00Z")
    return np.arange(start, end + 1, step * MINUTE, dtype=np.int64)


def bars(*days: Times, symbol: str = "A", low: dict[str, float] | None = None) -> Bars:
    """Prices that rise by a cent a bar and never come back to a close. low: of single bars."""
    ts = np.concatenate(days)
    close = 100.0 + np.arange(1, len(ts) + 1) / 100
    lows = close - 0.008
    for at, price in (low or {}).items():
        lows[ts == parse_iso(f"2024-11-{at}:00Z")] = price
    return Bars(symbol, ts, close - 0.005, close, lows, close, np.full(len(ts), 1e6))


def both(one: Bars, strategy: Strategy, setup: Setup) -> Result:
    """The result of both engines, which is one."""
    events, skipped = run([one], strategy, setup).result, skip.run([one], strategy, setup)
    assert (events.trades, events.final_equity) == (skipped.trades, skipped.final_equity)
    return skipped


def told(trade: RoundTrip) -> tuple[str, str, str]:
    return iso(trade.entry_time)[8:16], iso(trade.exit_time)[8:16], trade.exit_reason


@pytest.mark.parametrize(
    ("minutes", "fills", "left_in"),
    [
        (60, "next_open", "26T20:00"),  # decided at 20:00, sold at the open of the bar that begins then
        (5, "next_open", "26T20:30"),  # the last open within the session, whatever was asked
        (0, "next_open", "26T20:30"),
        (60, "close", "26T19:30"),  # the bar that ends an hour before the close
        (45, "close", "26T20:00"),
        (0, "close", "26T20:30"),
    ],
)
def test_every_position_is_left_before_its_session_ends(
    minutes: int, fills: MarketFills, left_in: str
) -> None:
    setup = replace(SETUP, before_session_end_minutes=minutes, rules=replace(FREE, market_fills=fills))
    done = both(bars(session("26"), session("27")), Early(after=60), setup)
    assert [told(trade)[1:] for trade in done.trades] == [
        (left_in, "session_end"),
        (left_in.replace("26T", "27T"), "session_end"),
    ]
    assert done.open_positions == 0


def test_a_half_day_is_left_earlier() -> None:
    setup = replace(SETUP, before_session_end_minutes=30)
    done = both(bars(session("27"), session("29", last="17:30")), Early(after=60), setup)
    assert [told(trade)[1] for trade in done.trades] == ["27T20:30", "29T17:30"]


def test_it_is_not_entered_again_before_the_next_session_opens() -> None:
    setup = replace(SETUP, before_session_end_minutes=120)
    done = both(bars(session("26", first="09:00", last="23:30"), session("27")), AllDay(), setup)
    assert [told(trade)[0] for trade in done.trades] == ["26T15:00", "27T15:00"]


def test_where_no_bar_is_left_before_the_close_it_is_left_on_the_next_there_is() -> None:
    setup = replace(SETUP, before_session_end_minutes=30)
    done = both(bars(session("26", last="19:30"), session("27")), Early(after=60), setup)
    assert told(done.trades[0]) == ("26T15:30", "27T15:00", "session_end")


def test_plain_python_is_overruled_as_formulas_are() -> None:
    setup = replace(SETUP, before_session_end_minutes=60)
    one = bars(session("26"), session("27"))
    plain = run([one], Always(), setup).result
    assert plain.trades == both(one, AllDay(), setup).trades
    assert {trade.exit_reason for trade in plain.trades} == {"session_end"}


def test_an_entry_that_still_waits_is_taken_back_with_the_exit() -> None:
    setup = replace(SETUP, before_session_end_minutes=60, entry_type=OrderType.LIMIT)
    one = bars(session("26"), low={"26T20:30": 99.0})  # its limit is reached after that
    done = both(one, Early(after=300), setup)
    assert (done.trades, done.open_positions) == ((), 0)
    assert both(one, Early(after=300), replace(setup, before_session_end_minutes=None)).open_positions == 1


def test_a_market_order_that_waits_for_the_open_is_taken_back_as_well() -> None:
    rules = replace(FREE, sessions=True)
    setup = replace(SETUP, rules=rules, before_session_end_minutes=60)
    one = bars(session("26", last="15:00"), session("26", first="22:00", last="22:30"), session("27"))
    done = both(one, Once(lowest=100.015), setup)
    assert (done.trades, done.open_positions) == ((), 0)
    assert (
        both(one, Once(lowest=100.015), replace(setup, before_session_end_minutes=None)).open_positions == 1
    )


def test_what_an_entry_held_is_free_at_the_venue_when_it_is_taken_back() -> None:
    coin = bars(session("26", last="23:30"), symbol="B")
    up = replace(coin, symbol="C", **{n: getattr(coin, n) + 100 for n in ("open", "high", "low", "close")})
    opened, high, low, close = (
        np.round(300.0 - column[:13], 3) for column in (coin.open, coin.low, coin.high, coin.close)
    )
    down = Bars("A", session("26"), opened, high, low, close, coin.volume[:13])
    setup = replace(
        SETUP,
        calendars={"B": "24/7", "C": "24/7"},
        before_session_end_minutes=60,
        entry_type=OrderType.LIMIT,
        limits=replace(PROFILES["research"], max_leverage=Decimal(2), max_position_fraction=Decimal("0.35")),
    )
    data = [down, up, coin]
    done = skip.run(data, Thrice(), setup)  # the venue lends half of what the limits allow on shorts
    assert done.trades == run(data, Thrice(), setup).result.trades
    assert [(trade.symbol, *told(trade)) for trade in done.trades] == [
        ("C", "26T15:30", "26T23:00", "session_end"),
        ("B", "26T20:00", "26T23:00", "session_end"),
    ]


@pytest.mark.parametrize(
    ("calendar", "low", "fills"),
    [
        ("NYSE", "26T20:30", 1),  # the last bar of the day it was sent on
        ("NYSE", "27T14:30", 0),
        ("24/7", "26T23:30", 1),
        ("24/7", "27T00:00", 0),
        ("", "27T00:00", 0),  # nobody knows: as a market that never closes
    ],
)
def test_an_order_for_the_day_ends_with_its_session(calendar: str, low: str, fills: int) -> None:
    days = [session("26", last="23:30"), session("27", first="00:00")]
    if calendar == "NYSE":
        days = [session("26"), session("27")]
    one = bars(*days, low={low: 99.0})
    once = Setup(limits=PROFILES["research"], rules=FREE, calendar=calendar, entry_type=OrderType.LIMIT)
    assert both(one, Once(), once).open_positions == fills


class FirstBar(Strategy, frozen=True, kw_only=True):
    """Long on the first bar of a session."""

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=first_bar_of_session(bars))


class Thrice(Strategy, frozen=True, kw_only=True):
    """Short in two symbols early in the day, in a third when the first is about to be left."""

    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        early = bars.close.between(199.975, 199.985) | bars.close.between(200.015, 200.025)
        return Signals(enter_short=early | bars.close.between(100.105, 100.115))


class Turning(Strategy, frozen=True, kw_only=True):
    """Long on the first bar of `bars`, short on the third."""

    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        return Signals(
            enter_long=bars.close.between(100.005, 100.015), enter_short=bars.close.between(100.025, 100.035)
        )


class Once(Strategy, frozen=True, kw_only=True):
    """Long on the third bar of `bars` and on no other, or on the one with this price."""

    lowest: float = 100.025
    target_fraction: float | None = 0.0

    def signals(self, bars: Inputs) -> Signals:
        return Signals(enter_long=bars.close.between(self.lowest, self.lowest + 0.01))


def test_the_other_half_of_a_reversal_belongs_to_the_session_in_which_its_exit_filled() -> None:
    one = bars(session("26", last="15:30"), session("27"), low={"26T15:00": 100.0})
    setup = replace(SETUP, entry_type=OrderType.LIMIT, reverse=True)
    done = both(one, Turning(), setup)  # decided on the 26th, whose session has no further bar
    assert [told(trade) for trade in done.trades] == [("26T15:00", "27T14:30", "reverse")]
    assert done.open_positions == 1
    (lot,) = run([one], Turning(), setup).books.positions["A"].lots
    assert iso(lot.opened_at)[8:16] == "27T14:30"


def test_bars_outside_the_hours_fill_nothing_where_sessions_are_kept() -> None:
    early = session("26", first="13:00", last="20:30")
    one = bars(early, low={"26T13:30": 50.0})
    anywhere = both(one, AllDay(), SETUP).trades
    kept = replace(SETUP, rules=replace(FREE, sessions=True))
    assert [told(trade)[2] for trade in anywhere] == ["stop"]
    done = both(one, AllDay(), kept)
    assert (done.trades, done.open_positions) == ((), 1)
    (lot,) = run([one], AllDay(), kept).books.positions["A"].lots
    assert iso(lot.opened_at)[8:16] == "26T14:30"


def test_a_market_order_at_the_close_of_a_bar_outside_the_hours_waits_for_the_open() -> None:
    rules = replace(FREE, sessions=True, market_fills="close")
    one = bars(session("26", first="13:00"))
    held = run([one], AllDay(), replace(SETUP, rules=rules)).books.positions["A"]
    assert [(iso(lot.opened_at)[8:16], lot.price) for lot in held.lots] == [
        ("26T14:30", Decimal("100.03500000000001"))
    ]
    assert both(one, AllDay(), replace(SETUP, rules=rules)).open_positions == 1


def test_the_close_of_the_last_bar_can_be_traded_at_where_sessions_are_kept() -> None:
    rules = replace(FREE, sessions=True, market_fills="close")
    setup = replace(SETUP, rules=rules, before_session_end_minutes=0)
    done = both(bars(session("26", step=60)), Early(after=60), setup)  # its last bar is half an hour long
    assert [told(trade)[1:] for trade in done.trades] == [("26T20:30", "session_end")]


def test_bars_of_a_day_have_no_session_to_leave_before_it_ends() -> None:
    days = parse_iso("2024-11-25T00:00:00Z") + np.arange(5, dtype=np.int64) * DAY
    setup = replace(SETUP, before_session_end_minutes=5)
    for engine in (run, skip.run):
        with pytest.raises(ConfigError, match="bars of a day or longer show nothing of a session"):
            engine([bars(days)], AllDay(), setup)


def test_an_exit_before_the_end_of_sessions_that_nobody_knows_is_refused() -> None:
    setup = replace(SETUP, calendar="", before_session_end_minutes=5)
    for engine in (run, skip.run):
        with pytest.raises(ConfigError, match=r"needs to know when A trades.*set data\.calendar"):
            engine([bars(session("26"))], AllDay(), setup)


def test_an_exit_before_anything_could_be_held_is_refused() -> None:
    setup = replace(SETUP, before_session_end_minutes=390)
    with pytest.raises(ConfigError, match="no session of NYSE is longer than 390 minutes"):
        skip.run([bars(session("26"))], AllDay(), setup)


def test_times_that_the_calendar_does_not_know_are_named() -> None:
    old = replace(bars(session("26")), ts=session("26") - 40 * 365 * DAY)
    with pytest.raises(DataError, match="the NYSE calendar knows 1986 to 2261, not 1984"):
        skip.run([old], Early(), SETUP)


def test_a_formula_that_asks_for_hours_nobody_knows_is_refused_by_name() -> None:
    for engine in (run, skip.run):
        with pytest.raises(StrategyError, match=r"early\.signals: minutes_since_open needs to know"):
            engine([bars(session("26"))], Early(), replace(SETUP, calendar=""))


def test_the_times_of_the_bars_choose_a_calendar_where_one_is_asked_for() -> None:
    days = [session(str(day)) for day in (18, 19, 20, 21, 22, 25, 26)]
    round_the_clock = parse_iso("2024-11-18T00:00:00Z") + np.arange(8 * 48, dtype=np.int64) * 30 * MINUTE
    data = [bars(*days), bars(round_the_clock, symbol="B"), bars(session("26"), symbol="C")]
    assert with_calendars(data, replace(SETUP, calendar=""), Early()).calendars == {
        "A": "NYSE",
        "B": "24/7",
        "C": "NYSE",
    }
    assert with_calendars(data, replace(SETUP, calendar=""), AllDay()).calendars == {}
    assert with_calendars(data, SETUP, Early()) is SETUP


def test_two_markets_in_one_account_keep_their_own_hours() -> None:
    new_york = bars(session("26"), symbol="A")
    coin = bars(session("26", first="00:00", last="23:30"), symbol="B")
    setup = replace(
        SETUP,
        calendars={"B": "24/7"},
        before_session_end_minutes=60,
        limits=replace(PROFILES["research"], max_position_fraction=Decimal("0.3")),
    )
    data = [new_york, coin]
    done = skip.run(data, Early(after=30), setup)
    assert done.trades == run(data, Early(after=30), setup).result.trades
    assert [(trade.symbol, *told(trade)) for trade in done.trades] == [
        ("A", "26T15:00", "26T20:00", "session_end"),
        ("B", "26T00:30", "26T23:00", "session_end"),
    ]


@pytest.mark.parametrize("seed", [*range(40)])
def test_a_desk_that_is_driven_live_decides_the_same(seed: int) -> None:
    case = session_case_of(seed, symbols=3, bars=60)
    done = run(case.bars, case.strategy, case.setup)
    desk, _ = live_run(case.bars, case.strategy, case.setup)
    assert desk.books.encoded() == done.books.encoded()


def test_the_first_bar_of_a_session_is_entered_once_a_day() -> None:
    setup = replace(SETUP, before_session_end_minutes=30)
    done = both(bars(session("26"), session("27")), FirstBar(), setup)
    assert [told(trade)[0] for trade in done.trades] == ["26T15:00", "27T15:00"]
