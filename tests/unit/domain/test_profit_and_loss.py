"""Profit and loss to the last unit, against an oracle in fractions that shares no line with the books.

The oracle knows three things only: every payment that flowed, the units held, and what each unit cost. So
equity is payments plus units at the mark; what a flat account made is the sum of its payments.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Final

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from tradewrit.agents import bookkeeper
from tradewrit.brokers.paper.ledger import Ledger
from tradewrit.domain import reports
from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import DividendBooked, DividendWentEx, SharesSplit
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.events.orders import CommissionReport, Exec, ExecutionReport
from tradewrit.domain.instruments import AssetClass, Instrument
from tradewrit.domain.money import ZERO, Price, Qty, exactly
from tradewrit.domain.orders import Order, OrderState, OrderTerms, OrderType, Role, Side
from tradewrit.domain.portfolio import equity
from tradewrit.domain.positions import ClosedLot, Direction
from tradewrit.domain.splits import Ratio
from tradewrit.domain.trades import Trade, TradeState
from tradewrit.kernel import Kernel
from tradewrit.runtime.live.shadow import NoPrices

CASH: Final = Decimal(1_000_000)
TRADE: Final = "trade"
DESK: Final = Kernel(
    [
        bookkeeper,
        SimpleNamespace(
            NAME="executor", Hears=ExecutionReport, decide=lambda b, _, e: reports.interpret(b, e)
        ),
    ]
)


# -- what can happen


class Filled(msgspec.Struct, frozen=True):
    """fee: in `currency`; known: whether the venue says at what rate."""

    side: Side
    lots: int
    price: Decimal
    fee: Decimal
    currency: str = ""
    rate: Decimal | None = None
    known: bool = True


class Funded(msgspec.Struct, frozen=True):
    rate: Decimal
    mark: Decimal


class Paid(msgspec.Struct, frozen=True):
    amount: Decimal


class Split(msgspec.Struct, frozen=True):
    """Ratios that divide finite decimals into finite decimals: nothing has to be rounded."""

    new: int
    old: int
    price: Decimal


Step = Filled | Funded | Paid | Split
PRICES = st.decimals("0.01", "400", places=2)
FEES = st.decimals("-0.05", "3", places=5)
FILLS = st.one_of(
    st.builds(Filled, st.sampled_from(Side), st.integers(1, 12), PRICES, FEES),
    st.builds(
        Filled,
        st.sampled_from(Side),
        st.integers(1, 12),
        PRICES,
        FEES,
        st.sampled_from(["BNB", "BTC"]),
        st.decimals("0.0001", "70000", places=4),
        st.booleans(),
    ),
)
OTHERS = st.one_of(
    st.builds(Funded, st.decimals("-0.03", "0.03", places=8), PRICES),
    st.builds(Paid, st.decimals("0.001", "2", places=3)),
    st.builds(
        lambda ratio, price: Split(ratio[0], ratio[1], price),
        st.sampled_from([(2, 1), (4, 1), (5, 4), (1, 2), (1, 5)]),
        PRICES,
    ),
)
STEPS = st.lists(st.one_of(FILLS, FILLS, OTHERS), min_size=1, max_size=14)
INSTRUMENTS = st.builds(
    Instrument,
    symbol=st.just("S"),
    asset_class=st.sampled_from([AssetClass.EQUITY, AssetClass.PERPETUAL]),
    lot=st.sampled_from([Decimal(1), Decimal("0.1")]),
    multiplier=st.sampled_from([Decimal(1), Decimal(50), Decimal("0.01")]),
)


# -- the oracle


class Oracle:
    """units: signed. flow: all payments so far. costs: (units, price) of what is open, oldest first."""

    def __init__(self, instrument: Instrument) -> None:
        self.lot, self.multiplier = Fraction(instrument.lot), Fraction(instrument.multiplier)
        self.units = self.flow = self.fees = self.funding = self.dividends = self.realised = Fraction(0)
        self.costs: list[tuple[Fraction, Fraction]] = []

    def trade(self, signed: Fraction, price: Fraction) -> None:
        self.flow -= signed * price * self.multiplier
        self.units += signed
        while signed and self.costs and self.costs[0][0] * signed < 0:
            units, paid = self.costs.pop(0)
            matched = min(abs(units), abs(signed)) * (1 if units > 0 else -1)
            self.realised += matched * (price - paid) * self.multiplier
            signed += matched
            if units != matched:
                self.costs.insert(0, (units - matched, paid))
        if signed:
            self.costs.append((signed, price))

    def take(self, step: Step) -> None:
        match step:
            case Filled(side, lots, price, fee, currency, rate):
                charged = Fraction(fee) * (Fraction(rate) if currency and rate is not None else 1)
                self.flow -= charged
                self.fees += charged
                self.trade(lots * self.lot * side.sign, Fraction(price))
            case Funded(rate, mark):
                received = -self.units * self.multiplier * Fraction(mark) * Fraction(rate)
                self.flow += received
                self.funding += received
            case Paid(amount):
                self.flow += self.units * self.multiplier * Fraction(amount)
                self.dividends += self.units * self.multiplier * Fraction(amount)
            case Split(new, old, price):
                ratio = Fraction(new, old)
                self.costs = [(units * ratio, paid / ratio) for units, paid in self.costs]
                self.units *= ratio
                whole = abs(self.units) // self.lot * self.lot
                left = abs(self.units) - whole
                if left:
                    self.trade(-left if self.units > 0 else left, Fraction(price))

    def equity(self, mark: Decimal) -> Fraction:
        return Fraction(CASH) + self.flow + self.units * self.multiplier * Fraction(mark)


# -- the account


class Account:
    """The books, fed as a desk feeds them: reports are interpreted, facts are booked."""

    def __init__(self, instrument: Instrument) -> None:
        self.instrument = instrument
        trade = Trade(id=TRADE, symbol="S", strategy="", direction=Direction.LONG, state=TradeState.HOLDING)
        self.books = Books(
            cash=CASH, instruments={"S": instrument}, trades={TRADE: trade}, active={"S": TRADE}
        )
        self.venue = Ledger(CASH)
        self.closed: list[ClosedLot] = []
        self.dividends = ZERO
        self.late: list[CommissionReport] = []
        self.count = 0

    @property
    def trade(self) -> Trade:
        return self.books.trades[TRADE]

    def feed(self, event: Event) -> None:
        step = DESK.step(self.books, NoPrices(), event)
        assert step is not None
        self.books = step.books
        for record in step.records:
            self.closed += getattr(record.event, "closed", ())
            if isinstance(record.event, DividendBooked):
                self.dividends += record.event.cash_change

    def take(self, step: Step) -> None:
        self.count += 1
        name = str(self.count)
        match step:
            case Filled():
                self.fill(step, name)
            case Funded(rate, mark):
                self.feed(
                    FundingSettled(at=self.count, action=name, symbol="S", rate=rate, price=Price(mark))
                )
                self.venue.settle_funding("S", mark, rate)
            case Paid(amount):
                self.feed(DividendWentEx(at=self.count, action=name, symbol="S", amount=amount))
                self.venue.pay_dividend("S", amount)
            case Split(new, old, price):
                ratio = Ratio(Decimal(new), Decimal(old))
                self.feed(
                    SharesSplit(at=self.count, action=name, symbol="S", ratio=ratio, price=Price(price))
                )
                self.venue.split("S", ratio.new, ratio.old, price)

    def fill(self, step: Filled, name: str) -> None:
        quantity = step.lots * self.instrument.lot
        terms = OrderTerms(
            client_order_id=name,
            trade_id=TRADE,
            symbol="S",
            side=step.side,
            quantity=Qty(quantity),
            type=OrderType.MARKET,
            role=Role.ENTRY,
        )
        order = Order(terms=terms, state=OrderState.ACCEPTED)
        self.books = replace(self.books, orders={name: order})
        self.feed(
            ExecutionReport(
                at=self.count,
                exec_id=name,
                client_order_id=name,
                kind=Exec.TRADE,
                last_quantity=quantity,
                last_price=Price(step.price),
                fee=step.fee,
                fee_currency=step.currency,
                fee_rate=step.rate if step.known else None,
            )
        )
        charged = step.fee * step.rate if step.currency and step.rate is not None else step.fee
        self.venue.book(self.instrument, step.side, quantity, step.price, charged)
        self.late.append(
            CommissionReport(
                at=self.count, exec_id=name, fee=step.fee, fee_currency=step.currency, fee_rate=step.rate
            )
        )

    def settle(self) -> None:
        """The commission reports arrive, all of them, after everything else."""
        for report in self.late:
            self.feed(report)


def told(instrument: Instrument, steps: Sequence[Step], settle: bool = True) -> tuple[Account, Oracle]:
    account, oracle = Account(instrument), Oracle(instrument)
    for step in steps:
        account.take(step)
        oracle.take(step)
    if settle:
        account.settle()
    return account, oracle


B, S_ = Side.BUY, Side.SELL
D = Decimal
PERP = Instrument(symbol="S", asset_class=AssetClass.PERPETUAL, lot=D("0.1"), multiplier=D(50))


@given(INSTRUMENTS, STEPS, PRICES)
@example(
    PERP,
    [Filled(B, 3, D(100), D("0.1")), Funded(D("0.0001"), D(101)), Filled(S_, 8, D(99), D(1), "BNB", D(600))],
    D(98),
)
@example(
    Instrument(symbol="S"), [Filled(B, 7, D(10), D(1)), Split(5, 4, D(8)), Filled(S_, 8, D(9), D(1))], D(9)
)
def test_equity_is_payments_and_units_at_the_mark(
    instrument: Instrument, steps: list[Step], mark: Decimal
) -> None:
    with exactly():
        account, oracle = told(instrument, steps)
        assert Fraction(equity(account.books, lambda _: Price(mark))) == oracle.equity(mark)
        assert Fraction(account.venue.equity(lambda _: mark)) == oracle.equity(mark)
        assert account.books.cash == account.venue.cash
        held = account.books.positions.get("S")
        assert (ZERO if held is None else held.signed) == oracle.units


@given(INSTRUMENTS, STEPS)
def test_a_trade_tells_gross_fees_and_funding_apart(instrument: Instrument, steps: list[Step]) -> None:
    with exactly():
        account, oracle = told(instrument, steps)
        trade, stats = account.trade, account.books.stats
        assert Fraction(trade.realised) == oracle.realised + oracle.dividends
        assert Fraction(trade.fees) == Fraction(stats.fees) == oracle.fees
        assert Fraction(trade.funding) == Fraction(stats.funding) == oracle.funding
        assert not account.books.pending_fees


@given(INSTRUMENTS, STEPS)
def test_what_a_flat_account_made_is_the_sum_of_its_payments(
    instrument: Instrument, steps: list[Step]
) -> None:
    with exactly():
        _, before = told(instrument, steps, settle=False)
        if before.units:
            lots = int(abs(before.units) / before.lot)
            steps = [*steps, Filled(S_ if before.units > 0 else B, lots, D("12.34"), D("0.77"))]
        account, oracle = told(instrument, steps)
        assert not account.books.positions
        trade = account.trade
        made = trade.realised - trade.fees + trade.funding
        assert Fraction(made) == oracle.flow
        assert account.books.cash == CASH + made


@given(INSTRUMENTS, STEPS)
def test_closed_and_open_lots_add_up_to_all_that_was_charged_and_funded(
    instrument: Instrument, steps: list[Step]
) -> None:
    steps = [replace(step, known=True) if isinstance(step, Filled) else step for step in steps]
    with exactly():
        account, oracle = told(instrument, steps)
        held = account.books.positions.get("S")
        lots = () if held is None else held.lots
        closed = account.closed
        assert sum((Fraction(lot.gross) for lot in closed), Fraction(0)) == oracle.realised
        assert (
            sum((Fraction(lot.fees) for lot in closed), Fraction(0))
            + sum((Fraction(lot.fee) for lot in lots), Fraction(0))
            == oracle.fees
        )
        funding = [Fraction(lot.funding) for lot in closed] + [Fraction(lot.funding) for lot in lots]
        assert sum(funding) == oracle.funding
        assert all(lot.pnl == lot.gross - lot.fees + lot.funding for lot in closed)
        sign = 1 if held is None else held.direction.sign
        assert [(Fraction(lot.quantity) * sign, Fraction(lot.price)) for lot in lots] == oracle.costs


@given(INSTRUMENTS, STEPS)
def test_a_fee_at_no_known_rate_is_not_guessed(instrument: Instrument, steps: list[Step]) -> None:
    with exactly():
        account, oracle = told(instrument, steps, settle=False)
        unknown = [
            (step.fee, step.currency)
            for step in steps
            if isinstance(step, Filled) and step.currency and step.fee and not step.known
        ]
        assert [(one.fee, one.currency) for one in account.books.pending_fees.values()] == unknown
        # What was meant for them is all that is missing.
        missing = oracle.fees - Fraction(account.books.stats.fees)
        assert missing == sum(
            (
                Fraction(step.fee) * Fraction(step.rate or 0)
                for step in steps
                if isinstance(step, Filled) and step.currency and not step.known
            ),
            Fraction(0),
        )
