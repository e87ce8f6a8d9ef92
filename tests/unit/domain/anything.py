"""Hypothesis strategies for any event and any books, read off their type hints.

Names and ids come from small pools, so that what is drawn speaks about the same few trades and orders;
amounts have a sign only where the field's meaning has one. Numbers are plausible, contents are not:
a rejection without an order and a stop for a trade that never was are drawn as happily as the rest.
"""

import types
import typing
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Final, Literal

import msgspec
from hypothesis import strategies as st

from tradewrit.domain.books import Books
from tradewrit.domain.constraints import AMOUNTS, Constraints, Hours
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.registry import JOURNALLED, name_of
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.orders import Order, Side
from tradewrit.domain.positions import Position
from tradewrit.domain.reviews import PolicyKind, Review, ReviewPolicy
from tradewrit.domain.sizing import (
    EquityFraction,
    FixedNotional,
    FixedQuantity,
    Largest,
    RiskPerTrade,
    Sizing,
    VolatilityTarget,
)
from tradewrit.domain.trades import Trade

Drawn = st.SearchStrategy[Any]

_POOLS: Final = {
    **dict.fromkeys(["trade_id", "trace"], ("trade-1", "trade-2")),
    **dict.fromkeys(
        ["client_order_id", "entry_id", "stop_id", "target_id", "exit_id", "parent"], ("order-1", "order-2")
    ),
    "symbol": ("AAPL", "BTCUSD"),
    "review_id": ("review-1",),
}
# Amounts that may be negative; every other decimal is a price, a size, a fee or a fraction of one.
_SIGNED: Final = frozenset({
    "amount", "cash", "cash_change", "drawdown_fraction", "equity", "funding", "gross", "high_water",
    "initial_cash", "ours", "pnl", "positions", "rate", "realised", "reward_risk", "reward_risk_sum", "theirs",
    "unrealised",
})  # fmt: skip
_SMALL_TEXT = st.text(max_size=6)
_TIMES = st.integers(0, 2**62)
_POSITIVE = st.decimals(Decimal("0.0001"), Decimal(1_000_000), places=4)
_ANY_AMOUNT = st.decimals(Decimal(-1_000_000), Decimal(1_000_000), places=4)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
FRACTIONS = st.decimals(Decimal("0.01"), Decimal("0.99"), places=2)

LIMITS: Drawn = st.builds(
    Limits,
    profile=_SMALL_TEXT,
    max_position_notional=st.none() | _POSITIVE,
    max_position_fraction=FRACTIONS,
    min_cash_fraction=FRACTIONS,
    max_drawdown_fraction=FRACTIONS,
    stop_fraction=FRACTIONS,
    max_leverage=st.sampled_from([Decimal(1), Decimal(10)]),
    allowed_symbols=st.none() | st.frozensets(_SMALL_TEXT, max_size=3),
)
POLICIES: Drawn = st.builds(
    ReviewPolicy,
    kind=st.sampled_from(PolicyKind),
    above=_POSITIVE,
    approvers=st.integers(1, 3),
    expires_after_s=st.integers(1, 3600),
)
INSTRUMENTS: Drawn = st.builds(
    Instrument,
    symbol=st.sampled_from(_POOLS["symbol"]),
    currency=st.sampled_from(["USD", "EUR"]),
    tick=st.sampled_from([Decimal("0.01"), Decimal("0.25"), Decimal(1)]),
    lot=st.sampled_from([Decimal(1), Decimal("0.001")]),
    multiplier=st.sampled_from([Decimal(1), Decimal(50)]),
)
SIZINGS: Drawn = st.one_of(
    st.just(Largest()),
    st.builds(FixedQuantity, _POSITIVE),
    st.builds(FixedNotional, _POSITIVE),
    st.builds(EquityFraction, FRACTIONS, FRACTIONS),
    st.builds(RiskPerTrade, FRACTIONS),
    st.builds(VolatilityTarget, FRACTIONS, st.integers(2, 100), st.integers(1, 98_280), FRACTIONS),
)
_WINDOWS = st.builds(
    Hours,
    opens=st.integers(0, 1439),
    closes=st.integers(1, 1440),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Tokyo"]),
)


def _listed(*names: str) -> Drawn:
    return st.none() | st.sets(st.sampled_from(names)).map(lambda held: tuple(sorted(held)))


CONSTRAINTS: Drawn = st.builds(
    Constraints,
    sides=_listed(*Side),
    venues=_listed("alpaca", "paper"),
    modes=_listed("backtest", "live", "paper"),
    max_day_orders=st.none() | st.integers(0, 4),
    hours=st.sets(_WINDOWS, max_size=2).map(lambda held: tuple(sorted(held))),
    reduce_only=st.booleans(),
    **{name: st.none() | st.decimals(0, 1000, places=2) for name in AMOUNTS if name != "max_day_orders"},
)
_MADE: Final[dict[object, Drawn]] = {
    Constraints: CONSTRAINTS,
    Limits: LIMITS,
    ReviewPolicy: POLICIES,
    Instrument: INSTRUMENTS,
    Sizing: SIZINGS,
}


def of_type(hint: Any, field: str = "") -> Drawn:
    """Values of one annotated type; `field` is the name it stands under, which may say more."""
    if hint in _MADE:
        return _MADE[hint]
    if hint is str:
        pool = _POOLS.get(field)
        return _SMALL_TEXT if pool is None else st.sampled_from(pool)
    if hint is Decimal:
        return _ANY_AMOUNT if field in _SIGNED else _POSITIVE
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, typing.NewType):
        return of_type(hint.__supertype__, field)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return a(hint)
    return _compound(hint, field)


_PLAIN: Final[dict[object, Drawn]] = {
    int: _TIMES,
    float: _FLOATS,
    bool: st.booleans(),
    type(None): st.none(),
}


def _compound(hint: Any, field: str) -> Drawn:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in {typing.Union, types.UnionType}:
        return st.one_of(*(of_type(one, field) for one in inner))
    if origin is tuple:
        if inner[-1] is Ellipsis:
            return st.lists(of_type(inner[0]), max_size=2).map(tuple)
        return st.tuples(*map(of_type, inner))
    if origin is frozenset:
        return st.frozensets(of_type(inner[0]), max_size=2)
    if origin is dict:
        return st.dictionaries(of_type(inner[0]), of_type(inner[1]), max_size=2)
    raise TypeError(f"no strategy for {hint!r} ({field}): teach it here")


@cache
def a(kind: type[msgspec.Struct]) -> Drawn:
    """Instances of a struct with every field drawn."""
    hints = typing.get_type_hints(kind)
    return st.builds(
        kind, **{name: of_type(hints[name], name) for name in kind.__struct_fields__ if name in hints}
    )


KINDS: Final = tuple(sorted(JOURNALLED, key=name_of))
EVENTS: Final[Drawn] = st.sampled_from(KINDS).flatmap(a)
"""Any event that may be journalled."""


def _by(key: Callable[[Any], str], kind: type[msgspec.Struct], most: int) -> Drawn:
    return st.lists(a(kind), max_size=most, unique_by=key).map(lambda many: {key(one): one for one in many})


@st.composite
def any_books(draw: st.DrawFn) -> Books:
    """Books in whatever state: its parts drawn one by one, each under its own key."""
    trades: dict[str, Trade] = draw(
        st.dictionaries(st.sampled_from(_POOLS["trade_id"]), a(Trade), max_size=2)
    )
    trades = {key: msgspec.structs.replace(trade, id=key) for key, trade in trades.items()}
    reviews: dict[str, Review] = draw(_by(lambda _: "review-1", Review, 1))
    reviews = {key: msgspec.structs.replace(review, id=key) for key, review in reviews.items()}
    positions: dict[str, Position] = draw(_by(lambda held: held.symbol, Position, 2))
    return Books(
        limits=draw(LIMITS),
        cash=draw(_ANY_AMOUNT),
        high_water=draw(_POSITIVE),
        instruments=draw(_by(lambda one: one.symbol, Instrument, 2)),
        orders=draw(_by(lambda order: order.id, Order, 2)),
        trades=trades,
        active={trade.symbol: key for key, trade in trades.items()},
        positions={symbol: held for symbol, held in positions.items() if held.lots},
        reviews=reviews,
        events=draw(st.integers(0, 1000)),
    )


def happens(books: Books, events: list[Event], evolve: Callable[[Books, Event], Books]) -> list[Books]:
    """The books before the first event and after each."""
    path = [books]
    for event in events:
        path.append(evolve(path[-1], event))
    return path
