"""The default strategy in nautilus_trader: its own indicators, every bar through its event engine.

What it cannot do with bars alone: wait for the next open. A market order fills at the close it was
decided at, which on these bars is the next open's price. Where one bar touches stop and target, its
high comes before its low.
"""

from collections.abc import Iterator
from decimal import Decimal
from math import floor
from typing import Any

import nautilus_trader
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import MovingAverageType, RelativeStrengthIndex, SimpleMovingAverage
from nautilus_trader.model import Bar, BarType, InstrumentId, Money, Price, Quantity, Symbol, Venue
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide, TimeInForce
from nautilus_trader.model.instruments import Equity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

from benchmarks.peers._job import CASH, FEE, MINUTE, POSITION, STOP, TARGET, Trade, cents_below, measure

VENUE = Venue("SIM")
INSTRUMENT = Equity(
    InstrumentId(Symbol("SYN000"), VENUE),
    Symbol("SYN000"),
    USD,
    price_precision=2,
    price_increment=Price.from_str("0.01"),
    lot_size=Quantity.from_int(1),
    ts_event=0,
    ts_init=0,
    maker_fee=Decimal(str(FEE)),
    taker_fee=Decimal(str(FEE)),
)
BARS = BarType.from_str(f"{INSTRUMENT.id}-1-MINUTE-LAST-EXTERNAL")


class TrendFollowing(Strategy):
    """Buys above the average, on volume, while the RSI is in its upper middle."""

    def __init__(self) -> None:
        super().__init__(StrategyConfig())
        self.average, self.usual = SimpleMovingAverage(20), SimpleMovingAverage(20)
        self.strength = RelativeStrengthIndex(14, MovingAverageType.WILDER)
        self.found: list[Trade] = []

    def on_start(self) -> None:
        """Ask for the bars."""
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        """Called at the close of every bar."""
        close, volume = bar.close.as_double(), bar.volume.as_double()
        self.average.update_raw(close)
        self.usual.update_raw(volume)
        self.strength.update_raw(close)
        if not (self.average.initialized and self.portfolio.is_flat(INSTRUMENT.id)):
            return
        if close > self.average.value and volume > self.usual.value and 0.5 <= self.strength.value <= 0.7:
            self.submit_order_list(self._bracket(close))

    def _bracket(self, close: float) -> Any:
        stop, target = cents_below(close * (1 - STOP)), cents_below(close * (1 + TARGET))
        return self.order_factory.bracket(
            INSTRUMENT.id,
            OrderSide.BUY,
            INSTRUMENT.make_qty(floor(POSITION / close)),
            sl_trigger_price=INSTRUMENT.make_price(stop),
            tp_price=INSTRUMENT.make_price(target),
            tp_post_only=False,
            time_in_force=TimeInForce.GTC,
        )

    def on_position_closed(self, event: Any) -> None:
        """Remember it. It was opened at the close of a bar, which is the next one's open."""
        quantity = event.peak_qty.as_double()
        left = event.ts_closed - MINUTE
        self.found.append(Trade(quantity, event.ts_opened, left, event.avg_px_open, event.avg_px_close))


def work(bars: pd.DataFrame) -> Iterator[Trade]:
    """A bar is stamped with its close."""
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(VENUE, OmsType.NETTING, AccountType.CASH, [Money(CASH, USD)], base_currency=USD)
    engine.add_instrument(INSTRUMENT)
    frame = bars.set_index(pd.to_datetime(bars["ts"] + MINUTE, utc=True)).drop(columns=["ts", "symbol"])
    engine.add_data(BarDataWrangler(BARS, INSTRUMENT).process(frame))
    strategy = TrendFollowing()
    engine.add_strategy(strategy)
    engine.run()
    found = strategy.found
    engine.dispose()
    yield from found


if __name__ == "__main__":
    measure(nautilus_trader.__version__, work)
