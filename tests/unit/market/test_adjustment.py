"""Adjusted prices, and the splits and dividends that factors stand for."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tradewrit.domain.events.corporate import DividendWentEx, SharesSplit
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import SECOND
from tradewrit.domain.splits import Adjustment
from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.adjustment import ADJUSTED_TICK, actions_of, adjusted, adjusted_instrument
from tradewrit.market.factors import FactorRow, Factors

NEW_YORK = ZoneInfo("America/New_York")


def row(last: str, price: str, split: str, reference: str = "0") -> FactorRow:
    return FactorRow(
        last_date=date.fromisoformat(last),
        price_factor=Decimal(price),
        split_factor=Decimal(split),
        reference_price=Decimal(reference),
    )


# A dividend of 3.29 on 2014-05-08, seven for one on 2014-06-09, four for one later.
AAPL: Factors = (
    row("2014-05-07", "0.8961764", "0.0357143", "592.33"),
    row("2014-06-06", "0.9011818", "0.0357143", "645.57"),
    row("2020-08-28", "0.9967882", "0.25", "499.23"),
    row("2050-12-31", "1", "1"),
)


def at(text: str, zone: ZoneInfo | None = NEW_YORK) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone or UTC).timestamp()) * SECOND


def bars(*times: int, price: float = 100.0, quotes: bool = False) -> Bars:
    ts = np.array(times, dtype=np.int64)
    column = np.full(len(ts), price)
    quote = column.copy() if quotes else None
    return Bars("AAPL", ts, column, column, column, column, np.full(len(ts), 50.0), quote, quote)


def test_a_bar_takes_the_factor_of_the_first_row_that_is_not_before_its_date() -> None:
    found = adjusted(bars(at("2014-06-06"), at("2014-06-09")), AAPL, Adjustment.TOTAL)
    assert found.close.tolist() == [
        round(100 * 0.9011818 * 0.0357143, 8),
        round(100 * 0.9967882 * 0.25, 8),
    ]


def test_split_leaves_dividends_alone_and_turns_volumes_into_the_shares_of_today() -> None:
    found = adjusted(bars(at("2014-06-09"), at("2020-08-31"), quotes=True), AAPL, Adjustment.SPLIT)
    assert found.open.tolist() == [25.0, 100.0]
    assert found.volume.tolist() == [200.0, 50.0]
    assert found.bid is not None
    assert found.bid.tolist() == found.close.tolist()


def test_raw_is_what_was_printed() -> None:
    raw = bars(at("2014-06-06"))
    assert adjusted(raw, AAPL, Adjustment.RAW) is raw


def test_dates_are_those_of_the_exchange() -> None:
    # 19:59 on the last day in New York is already the next day in UTC.
    evening, morning = at("2014-06-06T19:59"), at("2014-06-09T04:00")
    assert datetime.fromtimestamp(evening / SECOND, UTC).date() == date(2014, 6, 6)
    late = at("2014-06-06T20:30")
    assert datetime.fromtimestamp(late / SECOND, UTC).date() == date(2014, 6, 7)
    found = adjusted(bars(evening, late, morning), AAPL, Adjustment.SPLIT)
    assert found.close.tolist() == [3.57143, 3.57143, 25.0]


def test_a_daily_bar_stamped_at_midnight_utc_has_the_date_of_its_stamp() -> None:
    found = adjusted(bars(at("2014-06-06", None), at("2014-06-09", None)), AAPL, Adjustment.SPLIT)
    assert found.close.tolist() == [3.57143, 25.0]


def test_a_table_that_ends_before_the_bars_is_refused() -> None:
    with pytest.raises(DataError, match=r"factors end with 2020-08-28.*--to"):
        adjusted(bars(at("2020-08-28"), at("2020-08-31")), AAPL[:-1], Adjustment.SPLIT)
    with pytest.raises(DataError, match="factors end with 2020-08-28"):
        actions_of([bars(at("2020-08-28"), at("2020-08-31"))], {"AAPL": AAPL[:-1]})


def test_an_adjusted_price_is_a_short_decimal_on_the_tick_of_its_instrument() -> None:
    found = adjusted(bars(at("2014-05-07"), price=592.33), AAPL, Adjustment.TOTAL)
    instrument = adjusted_instrument(Instrument(symbol="AAPL"))
    assert instrument.tick == ADJUSTED_TICK
    assert instrument.is_on_tick(instrument.traded(float(found.close[0])))
    finer = Instrument(symbol="X", tick=Decimal("1E-10"))
    assert adjusted_instrument(finer) is finer


def test_factors_are_read_as_the_splits_and_dividends_they_stand_for() -> None:
    days = [
        at(day)
        for day in ("2014-05-07", "2014-05-08", "2014-06-06", "2014-06-09", "2020-08-28", "2020-08-31")
    ]
    found = actions_of([bars(*days)], {"AAPL": AAPL})
    splits = [one for one in found if isinstance(one, SharesSplit)]
    assert [(one.at, str(one.ratio), one.price) for one in splits] == [
        (days[3], "7 for 1", Decimal("92.2242857143")),
        (days[5], "4 for 1", Decimal("124.8075")),
    ]
    dividends = [one for one in found if isinstance(one, DividendWentEx)]
    assert (dividends[0].at, dividends[0].amount) == (days[1], Decimal("3.29"))
    assert len({one.action for one in found}) == len(found)


def test_an_action_waits_for_the_first_bar_after_its_date_and_needs_one_before() -> None:
    days = [at("2014-06-09"), at("2014-07-01")]
    assert actions_of([bars(*days)], {"AAPL": AAPL}) == ()
    found = actions_of([bars(at("2014-06-02"), *days[1:])], {"AAPL": AAPL})
    assert [one.at for one in found if isinstance(one, SharesSplit)] == [days[1]]


@pytest.mark.parametrize(
    ("before", "after", "ratio"),
    [
        ("0.00892857", "0.0178571", "2 for 1"),
        ("0.6666667", "1", "3 for 2"),
        ("8", "1", "1 for 8"),
        ("0.95238095", "1", "21 for 20"),
        ("2000", "1", "1 for 2000"),
        ("0.5005005", "1", "1 for 0.5005005"),  # no short fraction: the factors themselves
    ],
)
def test_a_ratio_is_the_short_fraction_behind_rounded_factors(before: str, after: str, ratio: str) -> None:
    factors = (row("2014-06-06", "1", before, "10"), row("2050-12-31", "1", after))
    (split,) = actions_of([bars(at("2014-06-06"), at("2014-06-09"))], {"AAPL": factors})
    assert isinstance(split, SharesSplit)
    assert str(split.ratio) == ratio


def test_a_dividend_comes_before_a_split_of_the_same_day_and_without_a_reference_the_close_stands_in() -> (
    None
):
    factors = (row("2014-06-06", "0.99", "0.5"), row("2050-12-31", "1", "1"))
    found = actions_of([bars(at("2014-06-06"), at("2014-06-09"), price=200.0)], {"AAPL": factors})
    assert [type(one) for one in found] == [DividendWentEx, SharesSplit]
    assert isinstance(found[0], DividendWentEx)
    assert found[0].amount == 2
    assert isinstance(found[1], SharesSplit)
    assert found[1].price == 100


def test_symbols_without_factors_have_no_actions() -> None:
    assert actions_of([bars(at("2014-06-06"), at("2014-06-09"))], {}) == ()
