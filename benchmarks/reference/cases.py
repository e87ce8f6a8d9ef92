"""Each published run: its days, its rules, and what came out of it elsewhere.

Source: the regression tests of QuantConnect's Lean, whose expected figures stand in its repository
(Apache-2.0): BasicTemplateAlgorithm, BasicTemplateHourlyAlgorithm, BasicTemplateDailyAlgorithm and
MACDTrendAlgorithm, on SPY.
"""

from datetime import date
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from benchmarks.reference.strategies import BasicTemplate, MacdTrend
from tradewrit.brokers.paper.rules import MarketFills, PaperRules
from tradewrit.domain.fees import PerShareFee
from tradewrit.domain.limits import PROFILES
from tradewrit.domain.sizing import EquityFraction
from tradewrit.research.backtest.setup import Setup
from tradewrit.strategies.base import Strategy


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One run. first, last: days of the exchange, both traded. fills: when market orders trade.

    final_equity, fees: as published, to the cent; fees None where nothing is said of them.
    """

    name: str
    strategy: Strategy
    interval: str
    first: date
    last: date
    fills: MarketFills
    final_equity: Decimal
    fees: Decimal | None = None


CASES = (
    Case(
        name="BasicTemplate minute",
        strategy=BasicTemplate(),
        interval="minute",
        first=date(2013, 10, 7),
        last=date(2013, 10, 11),
        fills="quote",
        final_equity=Decimal("101691.92"),
    ),
    Case(
        name="BasicTemplate hour",
        strategy=BasicTemplate(),
        interval="hour",
        first=date(2013, 10, 7),
        last=date(2013, 10, 11),
        fills="close",
        final_equity=Decimal("101529.08"),
    ),
    Case(
        name="BasicTemplate daily",
        strategy=BasicTemplate(),
        interval="daily",
        first=date(2013, 10, 8),
        last=date(2013, 10, 17),
        fills="next_open",
        final_equity=Decimal("104486.22"),
    ),
    Case(
        name="MACDTrend daily",
        strategy=MacdTrend(),
        interval="daily",
        first=date(2004, 1, 1),
        last=date(2014, 12, 31),
        fills="next_open",
        final_equity=Decimal("137751.04"),
        fees=Decimal("468.54"),
    ),
)


def setup_of(case: Case) -> Setup:
    """The account, limits and venue of a case.

    $100,000; $0.005 per share and at least $1; the whole of equity may go into one position, and is
    sized to 99.75 % of it less the fee, whole shares. The mandatory stop lies out of reach.
    """
    return Setup(
        initial_cash=Decimal(100_000),
        limits=replace(PROFILES["research"], stop_fraction=Decimal("0.99")),
        sizing=EquityFraction(fraction=Decimal(1), buffer_fraction=Decimal("0.0025")),
        rules=PaperRules(fees=PerShareFee(), market_fills=case.fills),
    )
