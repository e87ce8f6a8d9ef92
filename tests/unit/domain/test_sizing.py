from decimal import Decimal

import msgspec
import pytest

from tradewrit.domain.books import Books, decode_books
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.events.registry import decode, encode
from tradewrit.domain.folding import evolve
from tradewrit.domain.sizing import (
    EquityFraction,
    FixedNotional,
    FixedQuantity,
    Largest,
    RiskPerTrade,
    Sizing,
    VolatilityTarget,
    name_of,
    spelt,
)
from tradewrit.research.backtest.setup import Setup

RULES: list[Sizing] = [
    Largest(),
    FixedQuantity(Decimal(100)),
    FixedNotional(Decimal(5000)),
    EquityFraction(),
    RiskPerTrade(),
    VolatilityTarget(),
]


def opened(sizing: Sizing) -> AccountOpened:
    return Setup(sizing=sizing).opening("0" * 32, "trend_following", 1, "0.1.0")


@pytest.mark.parametrize("sizing", RULES, ids=name_of)
def test_every_rule_comes_back_from_the_journal_and_from_a_snapshot(sizing: Sizing) -> None:
    event = decode(encode(opened(sizing)))
    assert event == opened(sizing)
    books = evolve(Books(), event)
    assert books.sizing == sizing
    assert decode_books(books.encoded()) == books


def test_a_journal_from_before_there_were_rules_sizes_as_it_did() -> None:
    written = msgspec.json.decode(encode(opened(RiskPerTrade())))
    del written["sizing"]
    event = decode(msgspec.json.encode(written))
    assert isinstance(event, AccountOpened)
    assert event.sizing == Largest()


def test_a_journal_that_was_tampered_with_to_a_size_that_is_none_is_not_read() -> None:
    body = encode(opened(FixedQuantity(Decimal(100)))).replace(b'"quantity":"100"', b'"quantity":"-100"')
    with pytest.raises(msgspec.ValidationError, match="quantity must be a number above 0, not -100"):
        decode(body)


@pytest.mark.parametrize("value", ["0", "-1", "NaN", "Infinity", "sNaN"])
def test_an_amount_must_be_a_number_above_zero(value: str) -> None:
    with pytest.raises(ValueError, match="quantity must be a number above 0, not"):
        FixedQuantity(Decimal(value))
    with pytest.raises(ValueError, match="notional must be a number above 0, not"):
        FixedNotional(Decimal(value))
    with pytest.raises(ValueError, match="volatility must be a number above 0, not"):
        VolatilityTarget(volatility=Decimal(value))


@pytest.mark.parametrize("value", ["0", "-0.1", "1.0001", "NaN", "Infinity"])
def test_a_share_of_equity_is_above_zero_and_at_most_all_of_it(value: str) -> None:
    with pytest.raises(ValueError, match=r"^fraction must be above 0 and at most 1 \(all of equity\)"):
        EquityFraction(Decimal(value))
    with pytest.raises(ValueError, match=r"^risk_fraction must be above 0 and at most 1 \(all of equity\)"):
        RiskPerTrade(Decimal(value))
    with pytest.raises(ValueError, match=r"^max_fraction must be above 0 and at most 1 \(all of equity\)"):
        VolatilityTarget(max_fraction=Decimal(value))


@pytest.mark.parametrize("value", ["-0.01", "1", "NaN"])
def test_a_buffer_leaves_something_to_trade_with(value: str) -> None:
    with pytest.raises(ValueError, match="buffer_fraction must be at least 0 and below 1, not"):
        EquityFraction(buffer_fraction=Decimal(value))


def test_volatility_needs_two_returns_and_a_year() -> None:
    with pytest.raises(ValueError, match="volatility_window must be at least 2 bars, not 1"):
        VolatilityTarget(volatility_window=1)
    with pytest.raises(ValueError, match="bars_per_year must be at least 1, not 0"):
        VolatilityTarget(bars_per_year=0)


def test_a_rule_is_written_as_the_command_line_takes_it() -> None:
    assert spelt(Largest()) == "largest"
    assert spelt(FixedQuantity(Decimal("100.00"))) == "fixed_quantity:quantity=100"
    assert spelt(EquityFraction(Decimal("0.50"))) == "equity_fraction:fraction=0.5,buffer_fraction=0.0025"
    assert (
        spelt(VolatilityTarget())
        == "volatility_target:volatility=0.1,volatility_window=20,bars_per_year=252,max_fraction=1"
    )
