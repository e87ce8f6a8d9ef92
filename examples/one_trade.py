"""One trade through a whole desk, event by event: bought at 175.50, sold at its target, 131.60 earned.

python examples/one_trade.py

Everything here is what runs live; only the prices are made up, and the clock is moved by hand.
"""

from decimal import Decimal

from tradewrit.brokers.paper.exchange import PaperExchange
from tradewrit.domain.capabilities import PAPER
from tradewrit.domain.events.account import AccountOpened
from tradewrit.domain.events.base import Event
from tradewrit.domain.events.market import QuoteReceived
from tradewrit.domain.events.registry import name_of
from tradewrit.domain.fees import BpsFee
from tradewrit.domain.instruments import plain
from tradewrit.domain.limits import Limits
from tradewrit.domain.market import MINUTE, Bar, Quote
from tradewrit.domain.orders import OrderType
from tradewrit.domain.reviews import ReviewPolicy
from tradewrit.domain.times import parse_iso
from tradewrit.runtime.clock import ManualClock, draw_journal_id
from tradewrit.runtime.desk import Desk
from tradewrit.runtime.journal.memory import MemoryJournal
from tradewrit.runtime.journal.records import Record
from tradewrit.runtime.market import LiveMarket
from tradewrit.runtime.replay import replay
from tradewrit.strategies.rules.trend_following import TrendFollowing

SYMBOL, START = "AAPL", parse_iso("2025-10-28T13:30:00Z")
# Two steps up for one and a half down: above the average, and not yet overbought.
CLOSES = [round(175.50 - 0.66 - 0.16 * (20 - k) / 2 + (0.0, 0.58)[k % 2], 2) for k in range(20)] + [175.50]


def tell(event: Event, record: Record | None) -> None:
    """One line per journalled event: its number, who said it, and its name."""
    if record is not None:
        print(f"{record.seq:3} {record.entry.source:16} {name_of(type(event))}")


def main() -> None:
    """Open a desk, show it a trend, let it trade, and check what it wrote."""
    journal, clock = MemoryJournal(draw_journal_id(seed=1)), ManualClock(START)
    market = LiveMarket(TrendFollowing(), lambda symbol: plain(symbol, "USD"))
    exchange = PaperExchange(lambda symbol: plain(symbol, "USD"), initial_cash=Decimal(100_000))
    opening = AccountOpened(
        at=START,
        journal_id=journal.id,
        account="paper",
        currency="USD",
        initial_cash=Decimal(100_000),
        mode="paper",
        margin=True,
        strategy=TrendFollowing.name(),
        entry_type=OrderType.LIMIT,
        limits=Limits(),
        review=ReviewPolicy(),
        fees=BpsFee(),
        capabilities=PAPER,
        instruments=(),
    )
    desk = Desk(opening, journal=journal, market=market, broker=exchange, clock=clock, listeners=[tell])

    for k, close in enumerate(CLOSES):
        volume = 2e6 if k == len(CLOSES) - 1 else 1e6
        bar = Bar(SYMBOL, clock.now(), close, close, close, close, volume)
        clock.advance(MINUTE)
        desk.close_bars([bar], clock.now())
    for price in (175.50, 180.00, 195.00, 201.81, 201.82):
        clock.advance(MINUTE)
        quote = Quote(SYMBOL, clock.now(), price, price)
        desk.feed_all(exchange.quote(quote), "broker")
        desk.feed(QuoteReceived(at=clock.now(), quote=quote), "market")

    gross = desk.books.stats.realised + desk.books.stats.fees
    verified, replayed = journal.verify(desk.stream), replay(journal, desk.stream)
    print(f"earned {gross:.2f} before {desk.books.stats.fees} of fees; cash {desk.books.cash}")
    print(f"journal of {verified.records} records intact: {verified.is_intact}")
    print(f"replayed to the same books: {replayed.state_hash == desk.books.state_hash}")


if __name__ == "__main__":
    main()
