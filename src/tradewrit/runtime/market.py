"""The live market view: grows bar by bar and quote by quote, and steps the strategy along.

Rebuilt from data after a restart; nothing in it is journalled. Behaves, bar for bar, like the
column view of a backtest.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import numpy as np

from tradewrit.domain.events.base import Event
from tradewrit.domain.events.corporate import SharesSplit
from tradewrit.domain.events.market import BelievePrices, MarketStatusReported, QuoteUpdated, TickReceived
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.market import Bar, MarketPhase, MarketStatus, Quote
from tradewrit.domain.money import Price
from tradewrit.domain.signals import Market, Signal
from tradewrit.domain.sizing import Largest, Sizing
from tradewrit.domain.splits import Ratio
from tradewrit.errors import StrategyError
from tradewrit.features.bars import Bars, Floats, Times
from tradewrit.features.evaluate import Stepper
from tradewrit.features.hours import Hours
from tradewrit.features.rescaling import split_before
from tradewrit.risk.oddities import wild
from tradewrit.risk.volatility import if_known, volatility_stepper
from tradewrit.runtime.scrutiny import Scrutiny
from tradewrit.strategies.base import Strategy
from tradewrit.strategies.evaluation import Stepping

_FIRST_ROOM = 256
_LARGEST: Final = Largest()


class Sessions(Protocol):
    """What a calendar must tell: the phase at a moment, with the next open and close."""

    def status(self, at: int) -> MarketStatus:
        """The status at `at`, UTC ns."""
        ...


class TimeLimit(Protocol):
    """How long a strategy may take; as `runtime.live.deadline.Deadline`."""

    def begin(self) -> None:
        """The bars of a new moment follow."""
        ...

    def run(self, work: Callable[[], Signal | None]) -> Signal | None:
        """What the work returns; raises StrategyOverdue when it takes too long."""
        ...


class MarketView(Market, Protocol):
    """A market that takes in what the desk hears."""

    def absorb(self, bars: Iterable[Bar]) -> int:
        """Take in bars that closed at one time, by rank; returns how many were new and sane."""
        ...

    def objections(self, at: int) -> tuple[Event, ...]:
        """What is to be told of bars that were not taken in, since this was last asked. at: now, UTC ns."""
        ...

    def hear(self, event: Event) -> None:
        """Take in what market_watch let pass (quotes, ticks), and what is journalled and about prices."""
        ...


class LiveMarket:
    """What the desk knows of prices right now, and what the strategy says of the last bars.

    sizing: the account's, which may want to know how volatile prices are. hours: of a symbol's market, for
    strategies that ask, and to leave before it closes; None where nobody knows. limit: on the strategy's
    time; None for none.
    """

    is_backtest = False

    def __init__(
        self,
        strategy: Strategy,
        instrument: Callable[[str], Instrument],
        sessions: Sessions | None = None,
        *,
        sizing: Sizing = _LARGEST,
        hours: Callable[[str], Hours | None] | None = None,
        limit: TimeLimit | None = None,
    ) -> None:
        self._sizing = sizing
        self._limit = limit
        self._unsound: set[str] = set()
        self._volatility: dict[str, _Volatility] = {}
        self._strategy = strategy
        self._instrument = instrument
        self._sessions = sessions
        self._hours = hours
        self._history: dict[str, _History] = {}
        self._steppers: dict[str, Stepping] = {}
        self._signals: dict[str, Signal | None] = {}
        self._speaking: tuple[tuple[str, int], ...] = ()
        self._quotes: dict[str, Quote] = {}
        self._last: dict[str, float] = {}
        self._sequences: dict[str, int] = {}
        self._scrutiny = Scrutiny()

    def absorb(self, bars: Iterable[Bar]) -> int:
        """Take in bars that closed at one time, by rank; returns how many. Then feed `BarsClosed`.

        A bar that is not newer than its symbol's last is left out: it was seen before. So is one that
        cannot be true, see `objections`.
        Raises StrategyError where the strategy failed, after all bars were taken in: it has no say on the bar
        it failed on, and everything else stands.
        """
        speaking = []
        failed: list[StrategyError] = []
        count = 0
        if self._limit is not None:
            self._limit.begin()
        for bar in bars:
            history = self._history.get(bar.symbol)
            if history is not None and bar.ts <= history.last_ts:
                continue
            if not self._scrutiny.passes(bar, self.last(bar.symbol)):
                continue
            if history is None:
                history = self._history[bar.symbol] = _History(bar.symbol)
                self._volatility[bar.symbol] = _Volatility(self._sizing)
                self._unsound.add(bar.symbol)
            history.append(bar)
            self._last[bar.symbol] = bar.close
            self._volatility[bar.symbol].update(bar)
            try:
                signal = self._voice(bar, history)
            except StrategyError as failure:
                failed.append(failure)
                self._unsound.add(bar.symbol)
                signal = None
            self._signals[bar.symbol] = signal or Signal(symbol=bar.symbol)
            if signal is not None:
                speaking.append((bar.symbol, signal.verdict))
            count += 1
        self._speaking = tuple(speaking)
        if failed:
            raise failed[0]
        return count

    def objections(self, at: int) -> tuple[Event, ...]:
        """What is to be told of bars that were not taken in, since this was last asked. at: now, UTC ns."""
        return self._scrutiny.said(at)

    def _voice(self, bar: Bar, history: "_History") -> Signal | None:
        """What the strategy says of a bar that was just taken in."""
        if bar.symbol in self._unsound:  # it knows nothing yet, or may remember half of a bar
            stepper = self._steppers[bar.symbol] = self._stepping(bar.symbol)
            if self._strategy.is_columnar():
                for before in history.bars().head(len(history.bars()) - 1).rows():
                    self._step(stepper, before, history)
            self._unsound.discard(bar.symbol)
        return self._step(self._steppers[bar.symbol], bar, history)

    def _step(self, stepper: Stepping, bar: Bar, history: "_History") -> Signal | None:
        if self._limit is None:
            return stepper.update(bar, history.bars)
        return self._limit.run(lambda: stepper.update(bar, history.bars))

    def hear(self, event: Event) -> None:
        """Take in what market_watch let pass (quotes, ticks), splits, and a person's word on prices."""
        match event:
            case SharesSplit():
                self._split(event)
            case BelievePrices(symbol=symbol):
                self._scrutiny.vouch(symbol)
            case QuoteUpdated(quote=quote, is_stale=False):
                self._quotes[quote.symbol] = quote
                self._last[quote.symbol] = quote.mid
            case TickReceived(tick=tick):
                if tick.sequence <= self.sequence(tick.symbol):
                    return  # late or repeated: a newer price is known
                self._sequences[tick.symbol] = tick.sequence
                history = self._history.get(tick.symbol)
                if history is not None and tick.ts < history.last_ts:
                    return  # from before the last bar, which knows better
                if 0.0 < tick.price < math.inf and wild(tick.price, self.last(tick.symbol)) is None:
                    self._last[tick.symbol] = tick.price
            case MarketStatusReported() | _:
                return

    def _split(self, event: SharesSplit) -> None:
        """Put all that is remembered of the symbol in the new shares, and step the strategy through it."""
        symbol, ratio = event.symbol, event.ratio
        if symbol in self._quotes:
            self._quotes[symbol] = ratio.quote(self._quotes[symbol])
        if symbol in self._last:
            self._last[symbol] = ratio.rough_price(self._last[symbol])
        history = self._history.get(symbol)
        if history is None:
            return
        history.split(ratio)
        volatility = self._volatility[symbol] = _Volatility(self._sizing)
        for bar in history.bars().rows():
            volatility.update(bar)
        stepper = self._steppers[symbol] = self._stepping(symbol)
        if self._strategy.is_columnar():
            for bar in history.bars().rows():
                signal = stepper.update(bar, history.bars)
                self._signals[symbol] = signal or Signal(symbol=symbol)

    def _stepping(self, symbol: str) -> Stepping:
        hours = None if self._hours is None else self._hours(symbol)
        return Stepping(self._strategy, self._instrument(symbol), hours)

    def bar(self, symbol: str) -> Bar | None:
        """The last completed bar."""
        history = self._history.get(symbol)
        return None if history is None else history.last

    def quote(self, symbol: str) -> Quote | None:
        """The last sane quote."""
        return self._quotes.get(symbol)

    def mark(self, symbol: str) -> Price | None:
        """The last price, exact."""
        last = self._last.get(symbol)
        return None if last is None else self._instrument(symbol).traded(last)

    def last(self, symbol: str) -> float:
        """The last price as a float; NaN before the first."""
        return self._last.get(symbol, math.nan)

    def sequence(self, symbol: str) -> int:
        """The number of the last tick; 0 before the first."""
        return self._sequences.get(symbol, 0)

    def bars_since(self, symbol: str, at: int) -> int:
        """How many completed bars opened at or after `at`."""
        history = self._history.get(symbol)
        return 0 if history is None else history.since(at)

    def phase(self, at: int) -> MarketPhase:
        """The phase of the session; always open without a calendar."""
        return MarketPhase.OPEN if self._sessions is None else self._sessions.status(at).phase

    def speaking(self) -> Sequence[tuple[str, int]]:
        """What the strategy has to say of the bars that just closed, by rank."""
        return self._speaking

    def signal(self, symbol: str) -> Signal | None:
        """What the strategy says of the last bar; None before the first."""
        return self._signals.get(symbol)

    def volatility(self, symbol: str) -> float | None:
        """The annualised volatility that the account sizes by; None while it is not known."""
        known = self._volatility.get(symbol)
        return None if known is None else known.last

    def symbols(self) -> Sequence[str]:
        """Every symbol seen, by rank."""
        return tuple(self._history)


class _Volatility:
    """One symbol's volatility as bars arrive. last: None while it is not known, or not asked for."""

    def __init__(self, sizing: Sizing) -> None:
        self._stepper: Stepper | None = volatility_stepper(sizing)
        self.last: float | None = None

    def update(self, bar: Bar) -> None:
        """Take in one more bar."""
        if self._stepper is not None:
            self.last = if_known(self._stepper.update(bar)[0])


class _History:
    """One symbol's bars in arrays that double as they fill; a view of them costs nothing."""

    def __init__(self, symbol: str) -> None:
        self._symbol = symbol
        self._size = 0
        self.last: Bar | None = None
        self._ts: Times = np.empty(_FIRST_ROOM, dtype=np.int64)
        self._values: tuple[Floats, ...] = tuple(np.empty(_FIRST_ROOM) for _ in range(5))
        self._show()

    def _show(self) -> None:
        """Let the arrays be seen through views that cannot be written to."""
        self._seen_ts = self._ts.view()
        self._seen_values = tuple(column.view() for column in self._values)
        self._seen_ts.flags.writeable = False
        for column in self._seen_values:
            column.flags.writeable = False

    @property
    def last_ts(self) -> int:
        """When the last bar opened; before every time when there is none."""
        return -(2**63) if self.last is None else self.last.ts

    def append(self, bar: Bar) -> None:
        """Add a newer bar."""
        n = self._size
        if n == len(self._ts):
            self._ts = np.concatenate([self._ts, np.empty_like(self._ts)])
            self._values = tuple(np.concatenate([held, np.empty_like(held)]) for held in self._values)
            self._show()
        opened, high, low, close, volume = self._values
        self._ts[n] = bar.ts
        opened[n], high[n], low[n], close[n], volume[n] = bar.open, bar.high, bar.low, bar.close, bar.volume
        self._size = n + 1
        self.last = bar

    def bars(self) -> Bars:
        """The history so far, sharing memory; read-only, so that no strategy can change it."""
        n = self._size
        opened, high, low, close, volume = self._seen_values
        return Bars(self._symbol, self._seen_ts[:n], opened[:n], high[:n], low[:n], close[:n], volume[:n])

    def split(self, ratio: Ratio) -> None:
        """Restate every bar in the new shares."""
        n = self._size
        after = split_before(self.bars(), n, ratio)
        columns = after.open, after.high, after.low, after.close, after.volume
        for held, restated in zip(self._values, columns, strict=True):
            held[:n] = restated
        self.last = self.bars().row(n - 1)

    def since(self, at: int) -> int:
        """How many bars opened at or after `at`."""
        return self._size - int(np.searchsorted(self._ts[: self._size], at))
