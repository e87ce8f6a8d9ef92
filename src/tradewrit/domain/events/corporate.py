"""What happens to shares while they are held (splits, dividends, new names, delistings), and its booking."""

from decimal import Decimal

from tradewrit.domain.events.base import Event
from tradewrit.domain.money import Price
from tradewrit.domain.positions import ClosedLot
from tradewrit.domain.splits import Ratio


class SharesSplit(Event, frozen=True, kw_only=True, gc=False, tag="corporate.shares.split"):
    """From `at` on, every `ratio.old` shares are `ratio.new`; an outside fact, recorded once per action.

    price: of one new share, at which fractions of a share are paid out in cash.
    """

    action: str
    symbol: str
    ratio: Ratio
    price: Price


class DividendWentEx(Event, frozen=True, kw_only=True, gc=False, tag="corporate.dividend.ex"):
    """From `at` on, shares trade without the dividend: who holds them now gets `amount` per share."""

    action: str
    symbol: str
    amount: Decimal


class SymbolChanged(Event, frozen=True, kw_only=True, gc=False, tag="corporate.symbol.changed"):
    """From `at` on, the venue lists `symbol` as `successor`; "" where nobody knows the new name."""

    action: str
    symbol: str
    successor: str = ""


class SharesDelisted(Event, frozen=True, kw_only=True, gc=False, tag="corporate.shares.delisted"):
    """From `at` on, the venue trades `symbol` no more.

    price: what each unit is paid out at, 0 for nothing (a takeover, a bankruptcy); None while nobody knows.
    Said again with a price, under another action, it pays out what was frozen until then.
    """

    action: str
    symbol: str
    price: Price | None = None
    reason: str = ""


Gone = SymbolChanged | SharesDelisted
"""After which nothing more is traded under a name."""
CorporateAction = SharesSplit | DividendWentEx | SymbolChanged | SharesDelisted
"""What comes from outside."""


class SplitBooked(Event, frozen=True, kw_only=True, gc=False, tag="corporate.split.booked"):
    """A split entered the books: lots at their old cost, fractions of a share paid in cash.

    before, quantity: units held before and after it, signed. closed, cash_change: the fractions, and what
    they brought.
    """

    symbol: str
    ratio: Ratio
    price: Price
    before: Decimal
    quantity: Decimal
    cash_change: Decimal
    closed: tuple[ClosedLot, ...] = ()


class DividendBooked(Event, frozen=True, kw_only=True, gc=False, tag="corporate.dividend.booked"):
    """A dividend entered the books, as cash on its ex-date; a short pays it.

    quantity: units it was paid on, signed.
    """

    symbol: str
    amount: Decimal
    quantity: Decimal
    cash_change: Decimal


class DelistingBooked(Event, frozen=True, kw_only=True, gc=False, tag="corporate.delisting.booked"):
    """A position that trades no more was paid out in cash, without a fee. before: units held, signed."""

    symbol: str
    price: Price
    before: Decimal
    cash_change: Decimal
    closed: tuple[ClosedLot, ...] = ()
