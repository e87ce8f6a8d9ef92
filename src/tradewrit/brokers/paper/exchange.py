"""The paper exchange: takes orders as a broker does, and fills them against bars and quotes.

The rules it keeps, and where they are kinder than a real venue, are docs/reference/paper-exchange.md.
Knows no desk: it has an account of its own, so that two independent sets of books can be compared.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from tradewrit.brokers.paper.admission import Admission
from tradewrit.brokers.paper.book import SymbolBook
from tradewrit.brokers.paper.chance import Chance
from tradewrit.brokers.paper.corrections import Correction, Corrections
from tradewrit.brokers.paper.forms import Refusal
from tradewrit.brokers.paper.ledger import Ledger
from tradewrit.brokers.paper.lifecycle import Lifecycle
from tradewrit.brokers.paper.matching import Matching
from tradewrit.brokers.paper.rules import DEFAULT_RULES, PaperRules
from tradewrit.brokers.paper.sessions import Calendars, Sessions
from tradewrit.brokers.paper.splits import split_all
from tradewrit.domain.capabilities import PAPER, Capabilities
from tradewrit.domain.events.corporate import DividendWentEx, SharesDelisted, SharesSplit, SymbolChanged
from tradewrit.domain.events.funding import FundingSettled
from tradewrit.domain.events.orders import Exec, ExecutionReport
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar, Interval, Quote
from tradewrit.domain.money import exactly
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.rejections import Rejection
from tradewrit.domain.scopes import Grant
from tradewrit.runtime.ports import Replacement

Instruments = Callable[[str], Instrument | None] | Mapping[str, Instrument]


class PaperExchange:
    """One simulated venue with one account. Implements the `Broker` port; deterministic for its seed.

    instruments: what is traded here. initial_cash: in the account's one currency.
    calendar: ends DAY orders, finds auctions, counts settlement days; needed for `rules.sessions`. One for
        all, or a function that has each symbol's.
    chance: what `rules.reject_fraction` draws from, where others draw from it too; else that of the seed.
    interval: length of the bars that will be shown, by name or in ns; a daily bar is a session of its own.
    marks: the last price of a symbol as the caller knows it. A symbol with nothing working need not
        be shown its bars; then this values new orders and starts trailing stops. Without it the
        exchange goes by the last price it saw itself.
    quotes: the last quote of a symbol as the caller knows it, for `market_fills: quote`; without it the
        exchange goes by the last quote it was shown.
    last_at: when the bar opened that the last price and quote of a symbol come from, for `rules.sessions`;
        without it they count as of now.
    clock: what time it is, UTC ns; it dates what no order and no bar brings a time for (cancels, changes).
        Without it that is the latest time seen, so bars may then not be left out.

    The market side is driven one time at a time over all symbols: `open`, then `trade`, then `close`,
    each symbol's `ts` never falling. Bars of symbols absent from `working` may be left out.
    """

    def __init__(
        self,
        instruments: Instruments,
        *,
        initial_cash: Decimal,
        rules: PaperRules = DEFAULT_RULES,
        seed: int = 0,
        chance: Chance | None = None,
        calendar: Calendars | None = None,
        interval: Interval | int | None = None,
        marks: Callable[[str], float | None] | None = None,
        quotes: Callable[[str], Quote | None] | None = None,
        last_at: Callable[[str], int | None] | None = None,
        clock: Callable[[], int] | None = None,
        account: str = "paper",
    ) -> None:
        sessions = Sessions(
            calendar, interval, is_aware=rules.sessions, settlement_days=rules.settlement_days
        )
        self._ledger = Ledger(initial_cash, margin=rules.margin, max_leverage=rules.max_leverage)
        self._life = Lifecycle(account, self._ledger, rules, sessions, clock)
        self._matching = Matching(self._life, marks, quotes, last_at)
        self._instrument_of = instruments.get if isinstance(instruments, Mapping) else instruments
        self._admission = Admission(self._life, self._listed, self._matching.price_of)
        self._corrections = Corrections(self._life, self._listed)
        self._delisted: set[str] = set()
        self._chance = Chance(rules.reject_fraction, seed) if chance is None else chance

    # -- the broker

    @property
    def capabilities(self) -> Capabilities:
        """Everything this package knows how to ask for."""
        return PAPER

    def place(self, approved: Approved, grant: Grant) -> Sequence[ExecutionReport]:  # noqa: ARG002 - the desk checks it
        """Take a list of orders, whole or not at all.

        Answers NEW or REJECTED for each, parents before children, then what market orders got that need
        not wait (`PaperRules.market_fills`). An id that is known from before,
        dead or alive, places nothing: its past reports come again, under their old exec ids.
        """
        life = self._life
        life.told_at = max(life.told_at, approved.at)
        repeated: list[ExecutionReport] = []
        new: list[OrderTerms] = []
        for terms in approved.orders:
            known = life.reports.history(terms.client_order_id)
            repeated.extend(known)
            if not known:
                new.append(terms)
        if new:
            self._place(new)
        return (*repeated, *life.drain())

    def _place(self, orders: Sequence[OrderTerms]) -> None:
        first = orders[0]
        if self._chance.refuses(first.symbol):
            self._refuse(
                orders, Refusal(first.client_order_id, Rejection.VENUE, "refused at random, as configured")
            )
            return
        found = self._admission.examine(orders)
        if isinstance(found, Refusal):
            self._refuse(orders, found)
            return
        accepted = [
            self._life.admit(
                one.terms,
                one.instrument,
                is_reducing=one.is_reducing,
                hold=one.hold,
                price=self._matching.price_of(one.terms.symbol),
            )
            for one in found
        ]
        with exactly():
            for order in accepted:
                self._matching.take(order)

    def _refuse(self, orders: Sequence[OrderTerms], refusal: Refusal) -> None:
        for terms in orders:
            reason = refusal.reason
            if terms.client_order_id != refusal.client_order_id:
                reason = f"listed with {refusal.client_order_id}, which was refused: {reason}"
            self._life.reports.refused(terms, self._life.now, code=refusal.code, reason=reason)

    def cancel(
        self,
        client_order_id: str,
        grant: Grant,  # noqa: ARG002 - as above
        broker_order_id: str = "",
    ) -> Sequence[ExecutionReport]:
        """CANCELED, with the children that cannot live on; CANCEL_REJECTED for a dead or unknown order.

        It takes no id twice: one that is named by another `broker_order_id` than its own is unknown.
        """
        life = self._life
        order = life.orders.get(client_order_id)
        if order is None or broker_order_id not in {"", order.broker_order_id}:
            life.reports.gone(client_order_id, Exec.CANCEL_REJECTED, life.now, broker_order_id)
            return life.drain()
        life.end(order, Exec.CANCELED, life.now, reason="canceled on request")
        reports = life.drain()
        life.drop_if_empty(order.terms.symbol)
        return reports

    def replace(
        self,
        client_order_id: str,
        replacement: Replacement,
        grant: Grant,  # noqa: ARG002 - as above
        broker_order_id: str = "",
    ) -> Sequence[ExecutionReport]:
        """REPLACED, or REPLACE_REJECTED with a reason and the old terms standing.

        quantity: the new total, what has filled included; one that is named is worked in full, whatever a
        smaller position or another leg had taken from the order. A trailing stop takes a stop_price that is
        tighter than the one it has come to.
        """
        life = self._life
        order = life.orders.get(client_order_id)
        if order is None or broker_order_id not in {"", order.broker_order_id}:
            life.reports.gone(client_order_id, Exec.REPLACE_REJECTED, life.now, broker_order_id)
            return life.drain()
        changes = {
            name: value for name, value in msgspec.structs.asdict(replacement).items() if value is not None
        }
        if not changes:
            reason = "nothing to replace: name a quantity, a limit_price or a stop_price"
            life.reports.change_refused(order, life.now, code=Rejection.MALFORMED, reason=reason)
            return life.drain()
        stop = changes.pop("stop_price", None) if order.is_trailing else None
        terms = msgspec.structs.replace(order.terms, **changes)
        found = self._admission.examine_change(order, terms, stop)
        if isinstance(found, Refusal):
            life.reports.change_refused(order, life.now, code=found.code, reason=found.reason)
        else:
            life.change(order, terms, stop, found, is_resized="quantity" in changes)
        return life.drain()

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        """Every report about an order, oldest first, under its first exec id; empty for an unknown one."""
        return tuple(self._life.reports.history(client_order_id))

    def open_orders(self) -> Sequence[OrderTerms]:
        """Orders that may still trade, in order of arrival, at the quantity that is left to them."""
        return tuple(order.working_terms for order in self._life.orders.values())

    def executions(self, since: int) -> Sequence[ExecutionReport]:
        """Every fill, correction and bust at or after `since` (UTC ns), oldest first."""
        return self._life.reports.executions.since(since)

    def halts(self) -> Mapping[str, str]:
        """Symbols in which nothing trades for now, and why."""
        return dict(self._life.halted)

    def positions(self) -> Mapping[str, Decimal]:
        """Units held by symbol, negative when short; flat symbols are absent."""
        return dict(self._ledger.positions)

    # -- the market

    def open(self, bar: Bar) -> Sequence[ExecutionReport]:
        """The bar's first trade, met by what was working before it."""
        with exactly():
            return self._matching.open(bar)

    def trade(self, bar: Bar) -> Sequence[ExecutionReport]:
        """The rest of the bar, met by what rests in the book: stops first, then limits."""
        with exactly():
            return self._matching.trade(bar)

    def close(self, bar: Bar) -> Sequence[ExecutionReport]:
        """The bar's end: stops born inside it, on-close orders, trailing stops, the end of the day."""
        with exactly():
            return self._matching.close(bar)

    def quote(self, quote: Quote) -> Sequence[ExecutionReport]:
        """The same order types against a quote: buys at the ask, sells at the bid."""
        with exactly():
            return self._matching.quote(quote)

    def session_closed(self, at: int) -> Sequence[ExecutionReport]:
        """The session ended at `at`: on-close orders meet the last quote, DAY orders expire."""
        with exactly():
            return self._matching.session_closed(at)

    # -- what people of the exchange do

    def halt(self, symbol: str, reason: str) -> None:
        """Stop trading in a symbol: its orders rest, and nothing matches until `resume`."""
        self._life.halted[symbol] = reason

    def resume(self, symbol: str) -> None:
        """Let a halted symbol trade again, from the next price on; nothing happens to one that is not."""
        self._life.halted.pop(symbol, None)

    def objection(self, wanted: Correction) -> str:
        """Why an execution cannot be corrected so; "" when it can."""
        with exactly():
            return self._corrections.objection(wanted)

    def correct(self, wanted: Correction) -> Sequence[ExecutionReport]:
        """CORRECTED or BUSTED, with what became of orders that it leaves nothing to close.

        Raises ValueError with what `objection` says.
        """
        with exactly():
            self._corrections.make(wanted)
            return self._life.drain()

    # -- corporate actions

    def split(self, split: SharesSplit) -> Sequence[ExecutionReport]:
        """Restate the account and its orders, before the first price in the new shares is shown.

        RESTATED for each order, CANCELED for one of which no whole lot is left.
        """
        with exactly():
            instrument = self._instrument_of(split.symbol)
            if instrument is None:
                return ()
            self._matching.split(split.symbol, split.ratio)
            split_all(self._life, split, instrument)
            reports = self._life.drain()
            self._life.drop_if_empty(split.symbol)
        return reports

    def pay_dividend(self, dividend: DividendWentEx) -> None:
        """Pay a dividend on what is held, as cash; orders keep their prices."""
        with exactly():
            self._ledger.pay_dividend(dividend.symbol, dividend.amount)

    def delist(self, gone: SharesDelisted | SymbolChanged) -> Sequence[ExecutionReport]:
        """Trade a symbol no more: CANCELED for each order, and cash for what is held if a price is known."""
        with exactly():
            self._delisted.add(gone.symbol)
            reason = "delisted" if isinstance(gone, SharesDelisted) else "the symbol has changed"
            for order in list(self._life.books.get(gone.symbol, ())):
                self._life.end(order, Exec.CANCELED, gone.at, reason=reason)
            if isinstance(gone, SharesDelisted) and gone.price is not None:
                self._ledger.delist(gone.symbol, gone.price)
            reports = self._life.drain()
            self._life.drop_if_empty(gone.symbol)
        return reports

    def _listed(self, symbol: str) -> Instrument | None:
        return None if symbol in self._delisted else self._instrument_of(symbol)

    # -- funding

    def settle_funding(self, funding: FundingSettled) -> None:
        """Take funding from longs and give it to shorts, or the reverse for a negative rate."""
        with exactly():
            self._ledger.settle_funding(funding.symbol, funding.price, funding.rate)

    # -- what is working

    @property
    def working(self) -> Mapping[str, SymbolBook]:
        """By symbol, what works in it. A symbol stays until the end of the bar its last order ended in."""
        return self._life.books

    def is_working(self, symbol: str) -> bool:
        """Whether bars of this symbol must be shown."""
        return symbol in self._life.books

    # -- the account

    @property
    def cash(self) -> Decimal:
        """Cash of the venue's account: without the proceeds of open shorts."""
        return self._ledger.cash

    @property
    def fees(self) -> Decimal:
        """All fees charged so far."""
        return self._ledger.fees

    @property
    def held(self) -> Decimal:
        """Cash set aside for working entries."""
        return self._ledger.held

    @property
    def buying_power(self) -> Decimal:
        """Cash a new entry may use now."""
        return self._ledger.buying_power(self._life.now)

    def equity(self, marks: Callable[[str], Decimal | None]) -> Decimal:
        """Cash plus positions at `marks`; at their cost where there is no mark."""
        return self._ledger.equity(marks)
