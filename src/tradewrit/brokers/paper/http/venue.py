"""One paper exchange as a process has it: what reaches it is kept, what it says is on record.

    input ─▶ kept ─▶ exchange ─▶ record, tape ─▶ every stream

Knows no socket. All of it happens on one thread, one input at a time.
"""

import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, assert_never

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.brokers.paper.http.inputs import (
    AnyInput,
    BarsClosed,
    BarsOpened,
    CancelAsked,
    CorrectionMade,
    HaltOrdered,
    InputFile,
    MarketEnded,
    OrdersPlaced,
    Quoted,
    ReplaceAsked,
    ResumeOrdered,
    VenueSettings,
)
from tradewrit.brokers.paper.http.record import Record
from tradewrit.brokers.paper.http.tape import Tape
from tradewrit.brokers.paper.http.wire import (
    BarsShown,
    Halted,
    MarketOver,
    QuoteShown,
    Reported,
    Resumed,
)
from tradewrit.brokers.paper.sessions import Calendars
from tradewrit.domain.events.orders import CORRECTIONS, Exec, ExecutionReport
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar, Quote
from tradewrit.domain.money import exactly
from tradewrit.domain.orders import Approved, OrderTerms
from tradewrit.domain.scopes import Grant
from tradewrit.domain.times import iso
from tradewrit.errors import OurFault

log: Final = logging.getLogger(__name__)

Reports = tuple[ExecutionReport, ...]
Trade = tuple[str, int, float]
"""Symbol, time (UTC ns) and price."""
_KEPT_BARS: Final = 5_000
_GRANT: Final = Grant(id="", agent="", scopes=frozenset(), issued_at=0, expires_at=0)
"""The desk has checked its own; the exchange asks for none."""


class Impossible(Exception):
    """An input that the market cannot have: the text says why."""


class Venue:
    """An exchange, its account, and the record of both.

    id: the identity under which its events are numbered. file: where its inputs are kept; None: nowhere.
    calendar: as `PaperExchange` takes it.
    """

    def __init__(
        self,
        settings: VenueSettings,
        id: str,  # noqa: A002 - the field's word
        *,
        file: InputFile | None = None,
        before: Iterable[AnyInput] = (),
        calendar: Calendars | None = None,
        record: Record | None = None,
        tape: Tape | None = None,
    ) -> None:
        """before: inputs from an earlier process, which are taken as they were."""
        self.settings = settings
        self.id = id
        self.record = record or Record()
        self.tape = tape or Tape()
        self.now = 0
        self.is_over = False
        self.opened_at = self.closed_at = -1
        self._instruments: Mapping[str, Instrument] = {one.symbol: one for one in settings.instruments}
        self._marks: dict[str, float] = {}
        self._quotes: dict[str, Quote] = {}
        self._priced_at: dict[str, int] = {}
        self._bars: dict[str, deque[Bar]] = {}
        self._open: dict[str, Bar] = {}
        self._said: set[str] = set()
        self._new: Reports = ()
        self._exchange = PaperExchange(
            self._instruments,
            initial_cash=settings.cash,
            rules=settings.rules,
            seed=settings.seed,
            calendar=calendar,
            interval=settings.interval_ns,
            marks=self._marks.get,
            quotes=self._quotes.get,
            last_at=self._priced_at.get,
            clock=lambda: self.now,
            account=settings.account,
        )
        for one in before:
            self._do(one)
        self._file = file
        self._is_broken = False

    def take(self, one: AnyInput) -> Reports:
        """Keep an input, do it, and put what it led to on record; returns the reports.

        Raises Impossible for prices out of order, and OurFault when the input cannot be kept: in both cases
        nothing was done.
        """
        if self._is_broken:
            raise OurFault("an earlier input failed half-way, see the log: start the exchange server anew")
        self._check(one)
        if self._file is not None:
            self._file.add(one)
        try:
            reports = self._do(one)
        except BaseException:
            # A bug. What it left behind is not to be believed, and must not come back after a restart.
            self._is_broken = True
            if self._file is not None:
                self._file.take_back()
            raise
        for report in self._new:
            log.info("%s", _told(report))
        return reports

    # -- questions

    def order(self, client_order_id: str) -> Sequence[ExecutionReport]:
        """Every report about an order; empty for an unknown one."""
        return self._exchange.order(client_order_id)

    def open_orders(self) -> Sequence[OrderTerms]:
        """Orders that may still trade."""
        return self._exchange.open_orders()

    def executions(self, since: int, skip: int, most: int) -> tuple[Reports, int]:
        """Fills at or after `since` (UTC ns), without the first `skip` of them; where to go on, or 0."""
        fills = self._exchange.executions(since)
        end = skip + most
        return tuple(fills[skip:end]), end if end < len(fills) else 0

    def positions(self) -> Mapping[str, Decimal]:
        """Units held by symbol."""
        return self._exchange.positions()

    @property
    def exchange(self) -> PaperExchange:
        """The exchange itself, to be asked about its account and never told anything."""
        return self._exchange

    def equity(self) -> Decimal:
        """Cash and positions at the last prices."""
        return self._exchange.equity(self._mark)

    def bars(self, symbol: str, most: int) -> tuple[Bar, ...]:
        """The last completed bars of a symbol, oldest first."""
        kept = self._bars.get(symbol, ())
        return tuple(kept)[-most:]

    def quote(self, symbol: str) -> Quote | None:
        """The last quote of a symbol."""
        return self._quotes.get(symbol)

    def is_listed(self, symbol: str) -> bool:
        """Whether the symbol is traded here."""
        return symbol in self._instruments

    # -- what inputs do

    def _check(self, one: AnyInput) -> None:
        match one:
            case BarsOpened(bars=bars):
                self._check_order(bars)
                for bar in bars:
                    if bar.symbol in self._open:
                        raise Impossible(
                            f"{bar.symbol}: its last bar is still open; show the rest of it first"
                        )
            case BarsClosed(bars=bars, closed_at=closed_at):
                for bar in bars:
                    opened = self._open.get(bar.symbol)
                    if opened is None or (opened.ts, opened.open) != (bar.ts, bar.open):
                        raise Impossible(f"{bar.symbol}: its bar of {iso(bar.ts)} has not opened like this")
                    if closed_at < bar.ts:
                        raise Impossible(f"{bar.symbol}: a bar cannot close before it opens")
            case Quoted(quote=quote):
                self._check_listed(quote.symbol)
                if quote.ts < self._priced_at.get(quote.symbol, 0):
                    raise Impossible(f"{quote.symbol}: the quote is older than its last price")
            case HaltOrdered(symbol=symbol):
                self._check_listed(symbol)
            case ResumeOrdered(symbol=symbol):
                if symbol not in self._exchange.halts():
                    raise Impossible(f"{symbol} is not halted")
            case CorrectionMade(correction=correction):
                if wrong := self._exchange.objection(correction):
                    raise Impossible(wrong)
            case _:
                return

    def _check_order(self, bars: Sequence[Bar]) -> None:
        for bar in bars:
            self._check_listed(bar.symbol)
            last = self._bars.get(bar.symbol)
            if last and bar.ts <= last[-1].ts:
                raise Impossible(
                    f"{bar.symbol}: its last bar opened at {iso(last[-1].ts)}; {iso(bar.ts)} is not later"
                )

    def _check_listed(self, symbol: str) -> None:
        if not self.is_listed(symbol):
            known = ", ".join(list(self._instruments)[:10])
            raise Impossible(f"{symbol} is not traded here; what is: {known}")

    def _do(self, one: AnyInput) -> Reports:
        self._new = ()
        with exactly():
            return self._led_to(one)

    def _led_to(self, one: AnyInput) -> Reports:
        match one:
            case OrdersPlaced(orders=orders, by=by):
                # The venue dates an order by its own clock, whatever the desk's says.
                approved = Approved(orders=orders, by=by, at=self.now)
                return self._report(self._exchange.place(approved, _GRANT))
            case CancelAsked(client_order_id=order_id, broker_order_id=name):
                return self._report(self._exchange.cancel(order_id, _GRANT, name))
            case ReplaceAsked(client_order_id=order_id, replacement=replacement, broker_order_id=name):
                return self._report(self._exchange.replace(order_id, replacement, _GRANT, name))
            case BarsOpened(bars=bars):
                return self._open_bars(bars)
            case BarsClosed(bars=bars, closed_at=closed_at):
                return self._close_bars(bars, closed_at)
            case Quoted(quote=quote):
                return self._take_quote(quote)
            case HaltOrdered(symbol=symbol, reason=reason):
                self._exchange.halt(symbol, reason)
                self.record.add(Halted(symbol=symbol, reason=reason, at=self.now))
                return ()
            case ResumeOrdered(symbol=symbol):
                self._exchange.resume(symbol)
                self.record.add(Resumed(symbol=symbol, at=self.now))
                return ()
            case CorrectionMade(correction=correction):
                return self._report(self._exchange.correct(correction))
            case MarketEnded():
                self.is_over = True
                self.record.add(MarketOver())
                return ()
            case _:
                assert_never(one)

    def _open_bars(self, bars: Sequence[Bar]) -> Reports:
        reports: list[ExecutionReport] = []
        for bar in bars:
            self.now = max(self.now, bar.ts)
            self.opened_at = max(self.opened_at, bar.ts)
            self._open[bar.symbol] = bar
            reports += self._exchange.open(bar)
            self._price(bar.symbol, bar.open, bar.ts)
        said = self._report(reports, [(bar.symbol, bar.ts, bar.open) for bar in bars])
        if self.tape.readers:
            self.record.wake()
        return said

    def _close_bars(self, bars: Sequence[Bar], closed_at: int) -> Reports:
        reports = [report for bar in bars for report in self._exchange.trade(bar)]
        for bar in bars:
            reports += self._exchange.close(bar)
            self._price(bar.symbol, bar.close, bar.ts)
            del self._open[bar.symbol]
            self._bars.setdefault(bar.symbol, deque(maxlen=_KEPT_BARS)).append(bar)
            self.closed_at = max(self.closed_at, bar.ts)
        self.now = max(self.now, closed_at)
        said = self._report(reports)
        self.record.add(BarsShown(closed_at=closed_at, bars=tuple(bars)))
        self._print((bar.symbol, closed_at, bar.close) for bar in bars)
        return said

    def _take_quote(self, quote: Quote) -> Reports:
        self.now = max(self.now, quote.ts)
        self._quotes[quote.symbol] = quote
        reports = self._exchange.quote(quote)
        self._price(quote.symbol, quote.mid, quote.ts)
        said = self._report(reports)
        self.record.add(QuoteShown(quote=quote))
        return said

    def _price(self, symbol: str, price: float, at: int) -> None:
        self._marks[symbol] = price
        self._priced_at[symbol] = at

    def _mark(self, symbol: str) -> Decimal | None:
        last = self._marks.get(symbol)
        return None if last is None else self._instruments[symbol].traded(last)

    def _report(self, reports: Sequence[ExecutionReport], first: Iterable[Trade] = ()) -> Reports:
        """What the exchange said; what it says for the first time goes on record, and its trades on the tape.

        first: trades of the market from before them.
        """
        self._new = tuple(report for report in reports if report.exec_id not in self._said)
        self._said.update(report.exec_id for report in self._new)
        if self._new:
            self.record.add(Reported(reports=self._new))
        self._print(first)
        for report in self._new:
            if report.kind is Exec.TRADE and report.last_price is not None:
                price, size = float(report.last_price), float(report.last_quantity)
                self.tape.add(report.symbol, report.at, price, size, behind=self.record.last)
        return tuple(reports)

    def _print(self, trades: Iterable[Trade]) -> None:
        """Put trades of the market on the tape; bars do not tell how large each was."""
        for symbol, at, price in trades:
            self.tape.add(symbol, at, price, 0.0, behind=self.record.last)


def _told(report: ExecutionReport) -> str:
    """A report as a line for whoever watches."""
    words = [report.kind.value, report.client_order_id, report.symbol]
    if report.side is not None:
        words.append(report.side.value)
    if report.kind in CORRECTIONS:
        words.append(f"{report.corrects} is {report.last_quantity} at {report.last_price}")
    if report.kind is Exec.TRADE:
        words.append(f"{report.last_quantity} at {report.last_price}, {report.cumulative} in all")
        words.append(f"[{report.exec_id}]")
    if report.reason:
        words.append(f"({report.code or 'because'}: {report.reason})")
    return " ".join(filter(None, words))
