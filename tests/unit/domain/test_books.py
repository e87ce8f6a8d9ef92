"""Books as a value: one encoding, one hash, and what is derived from them."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.accounts import marked
from tests.unit.domain.anything import any_books
from tradewrit.domain.books import Books, decode_books
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.money import EXACT, ZERO
from tradewrit.domain.portfolio import equity, margin
from tradewrit.domain.positions import Direction


@given(any_books())
def test_encoding_and_decoding_gives_the_same_books_and_the_same_bytes(books: Books) -> None:
    # What is worked out from the fields, and kept, is no part of them.
    assert books.holdings is books.holdings
    assert books.reserved == books.reserved
    again = decode_books(books.encoded())
    assert again == books
    assert again.encoded() == books.encoded()
    assert again.state_hash == books.state_hash


@given(any_books())
def test_the_order_in_which_things_were_entered_is_no_part_of_the_state(books: Books) -> None:
    turned = msgspec.structs.replace(
        books,
        orders=dict(reversed(books.orders.items())),
        positions=dict(reversed(books.positions.items())),
        instruments=dict(reversed(books.instruments.items())),
    )
    assert turned.state_hash == books.state_hash


def test_another_cent_is_another_hash() -> None:
    assert Books(cash=Decimal("100.00")).state_hash != Books(cash=Decimal("100.01")).state_hash


_HASHES = """
from decimal import Decimal as D
from tradewrit.domain.books import Books
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
symbols = ["AAPL", "TSLA", "MSFT", "GOOG", "ES", "BTC", "ETH"]
limits = Limits(allowed_symbols=frozenset(symbols))
held = {symbol: Instrument(symbol=symbol) for symbol in set(symbols)}
print(Books(cash=D("1.00"), limits=limits, instruments=held).state_hash)
"""


def _hash_under(seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", _HASHES],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    ).stdout


def test_the_state_hash_does_not_depend_on_pythons_hash_seed() -> None:
    symbols = ["AAPL", "TSLA", "MSFT", "GOOG", "ES", "BTC", "ETH"]
    here = Books(
        cash=Decimal("1.00"),
        limits=Limits(allowed_symbols=frozenset(symbols)),
        instruments={symbol: Instrument(symbol=symbol) for symbol in symbols},
    )
    assert {_hash_under("0"), _hash_under("1")} == {f"{here.state_hash}\n"}


@given(
    any_books(), st.dictionaries(st.sampled_from(["AAPL", "BTCUSD"]), st.decimals("0.01", "5000", places=2))
)
def test_holdings_are_equity_as_a_linear_form_of_prices(books: Books, prices: dict[str, Decimal]) -> None:
    worth, set_aside = books.cash, ZERO
    for symbol, position in books.positions.items():
        instrument = books.instrument(symbol)
        price = prices.get(symbol)
        for lot in position.lots:
            paid = lot.price * lot.quantity * instrument.multiplier
            now = paid if price is None else price * lot.quantity * instrument.multiplier
            if position.direction is Direction.LONG and not instrument.asset_class.is_derivative:
                worth += now
            else:
                worth += (now - paid) * position.direction.sign
                set_aside += paid
    assert equity(books, marked(prices)) == worth
    assert margin(books) == EXACT.divide(set_aside, books.limits.max_leverage)


@given(any_books())
def test_what_is_reserved_is_the_open_part_of_every_live_order(books: Books) -> None:
    expected = ZERO
    for order in books.orders.values():
        if order.is_live:
            open_part = EXACT.divide(order.reserved * order.remaining, order.terms.quantity)
            expected += open_part if order.filled else order.reserved
    assert books.reserved == expected


def test_a_symbol_nobody_defined_trades_in_cents_single_units_and_the_accounts_currency() -> None:
    instrument = Books(currency="EUR").instrument("SAP")
    assert (instrument.tick, instrument.lot, instrument.currency) == (Decimal("0.01"), Decimal(1), "EUR")
    own = Instrument(symbol="SAP", tick=Decimal("0.05"))
    assert Books(instruments={"SAP": own}).instrument("SAP") is own


def test_an_open_trade_is_found_by_its_symbol() -> None:
    assert Books().trade_in("AAPL") is None
    assert Books(active={"AAPL": "gone"}).trade_in("AAPL") is None


@pytest.mark.parametrize("damage", [b"", b"{", b'{"cash": "not money"}', b'{"orders": []}'])
def test_bytes_that_are_no_books_are_refused(damage: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_books(damage)
