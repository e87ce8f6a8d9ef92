"""The configuration of one desk as a frozen tree; every key has a default, so an empty file is one.

Knows no file and no environment: `config.loading` fills it, `config.places` finds folders for it.
What each key means stands in `config.meanings`, from which the reference page is made.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from tradewrit.brokers.paper.rules import MarketFills
from tradewrit.config.writing import as_data, as_yaml
from tradewrit.config.writs import WritsConfig
from tradewrit.domain.capabilities import Protection
from tradewrit.domain.fees import BpsFee, FeeModel
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.limits import Limits
from tradewrit.domain.maintenance import Maintenance, window_of
from tradewrit.domain.market import SECOND
from tradewrit.domain.money import ZERO
from tradewrit.domain.reviews import ReviewPolicy
from tradewrit.domain.sizing import Largest, Sizing
from tradewrit.domain.splits import Adjustment

Mode = Literal["backtest", "paper", "live"]

# The name stands in ids, stream names and file names.
_ACCOUNT_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CURRENCY: Final = re.compile(r"[A-Z][A-Z0-9]{1,9}")
_BPS_OF_ALL: Final = 10_000
_LONGEST_SETTLEMENT: Final = 30
CALENDAR: Final = re.compile(r"24/7|NASDAQ|[A-Z][A-Z0-9]{3}")
CALENDARS: Final = "NYSE, NASDAQ, 24/7 or the ISO 10383 code of an exchange, such as XLON"
_MINUTES_A_DAY: Final = 1440


class AccountConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The account that is traded. A cash account neither borrows nor shorts."""

    name: str = "paper"
    currency: str = "USD"
    type: Literal["cash", "margin"] = "margin"
    initial_cash: Decimal = Decimal("100000.00")

    def __post_init__(self) -> None:
        if not _ACCOUNT_NAME.fullmatch(self.name):
            raise ValueError(
                f"name must be 1 to 64 letters, digits, dots, dashes or underscores, not {self.name!r}"
            )
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError(f"currency must be a code such as USD or USDT, not {self.currency!r}")
        if not self.initial_cash > 0:
            raise ValueError(f"initial_cash must be positive, not {self.initial_cash}")


class StrategyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who decides.

    parameters: scalars, handed to the strategy as they are: text, true or false, null, int for whole
        numbers and an exact Decimal for any other.
    """

    name: str = "trend_following"
    parameters: Mapping[str, Any] = msgspec.field(default_factory=dict)


class ExitsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When every position is left, whatever the strategy says.

    before_session_end_minutes: how long before its session ends; None leaves it to the strategy.
    """

    before_session_end_minutes: int | None = None

    def __post_init__(self) -> None:
        minutes = self.before_session_end_minutes
        if minutes is not None and not 0 <= minutes < _MINUTES_A_DAY:
            raise ValueError(
                f"before_session_end_minutes must be from 0 to {_MINUTES_A_DAY - 1}, not {minutes}"
            )


class PaperConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the paper exchange fills and charges; a backtest uses the same rules.

    market_fills: a market order takes the next open, or at once the close or the closing quote.
    participation_fraction: most of a bar's volume that one order may fill; None means no cap.
    settlement_days: business days until the cash of a sale is free; 0 is at once.
    reject_fraction: of all lists of orders, refused at random: to rehearse refusals.
    halts: a new order in a halted symbol rests, or is refused.
    """

    fees: FeeModel = BpsFee()
    market_fills: MarketFills = "next_open"
    slippage_bps: Decimal = ZERO
    limit_fills: Literal["touch", "through"] = "touch"
    participation_fraction: Decimal | None = None
    settlement_days: int = 0
    sessions: bool = False
    reject_fraction: Decimal = ZERO
    halts: Literal["rest", "refuse"] = "rest"

    def __post_init__(self) -> None:
        if self.reject_fraction > 1:
            raise ValueError(f"reject_fraction must be from 0 to 1, not {self.reject_fraction}")
        if self.slippage_bps >= _BPS_OF_ALL:
            raise ValueError(f"slippage_bps must be below {_BPS_OF_ALL} (all of it), not {self.slippage_bps}")
        if self.participation_fraction is not None and not 0 < self.participation_fraction <= 1:
            raise ValueError(
                f"participation_fraction must be above 0 and at most 1, not {self.participation_fraction}"
            )
        if self.participation_fraction is not None and self.market_fills != "next_open":
            raise ValueError(
                f"participation_fraction is a share of what is still to trade, and market_fills: "
                f"{self.market_fills} fills when a bar has traded; use next_open, or leave out one"
            )
        if self.settlement_days > _LONGEST_SETTLEMENT:
            raise ValueError(
                f"settlement_days must be at most {_LONGEST_SETTLEMENT}, not {self.settlement_days}"
            )


class DataConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How past prices are shown, the factor table that says what happened to the shares, and funding rates.

    calendar: when the markets are open, by name or exchange code (`market.calendar`); None has each
    symbol's times choose between NYSE and 24/7.
    With `raw` and a table, splits and dividends happen to positions and orders as they do live.
    """

    adjustment: Adjustment = Adjustment.RAW
    factors: str | None = None
    funding: str | None = None
    calendar: str | None = None

    def __post_init__(self) -> None:
        if self.calendar is not None and not CALENDAR.fullmatch(self.calendar):
            raise ValueError(f"calendar must be {CALENDARS}, not {self.calendar!r}")
        if self.adjustment is not Adjustment.RAW and self.factors is None:
            raise ValueError(f"adjustment: {self.adjustment} needs a factor table: set factors to its file")


class VenueConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the venue of a running desk says of itself. A backtest's venue is never down.

    maintenance: windows, as `domain.maintenance` reads them.
    maintenance_margin_s: how long before one nothing new is sent any more.
    outage_alarm_s: how long a line to it may be cut before that is an alarm; maintenance does not count.
    """

    maintenance: tuple[str, ...] = ()
    maintenance_margin_s: int = 300
    outage_alarm_s: int = 300

    def __post_init__(self) -> None:
        for name in ("maintenance_margin_s", "outage_alarm_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        self.windows()

    def windows(self) -> Maintenance:
        """The windows, read."""
        read = tuple(window_of(text) for text in self.maintenance)
        return Maintenance(read, self.maintenance_margin_s * SECOND)


class JournalConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the journal lies (None: `config.places.journal_file`) and how hard it is written."""

    path: str | None = None
    synchronous: Literal["full", "normal"] = "full"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a desk is told before it starts. Live mode alone is not enough to trade live."""

    mode: Mode = "paper"
    allow_live_orders: bool = False
    account: AccountConfig = AccountConfig()
    strategy: StrategyConfig = StrategyConfig()
    entry: Literal["market", "limit"] = "market"
    reverse: bool = False
    protection: Protection = Protection.BRACKET
    exits: ExitsConfig = ExitsConfig()
    sizing: Sizing = Largest()
    risk: Limits = Limits()
    review: ReviewPolicy = ReviewPolicy()
    paper: PaperConfig = PaperConfig()
    instruments: tuple[Instrument, ...] = ()
    data: DataConfig = DataConfig()
    venue: VenueConfig = VenueConfig()
    journal: JournalConfig = JournalConfig()
    writs: WritsConfig = WritsConfig()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode == "live" and not self.allow_live_orders:
            raise ValueError(
                "mode: live trades real money and needs allow_live_orders: true as well; "
                "set both, or use paper"
            )
        if self.mode == "live" and self.journal.synchronous != "full":
            raise ValueError("journal.synchronous: must be full in live mode: an order follows its record")
        seen: set[str] = set()
        for place, instrument in enumerate(self.instruments):
            if instrument.symbol in seen:
                raise ValueError(f"instruments[{place}].symbol: {instrument.symbol} is defined twice")
            seen.add(instrument.symbol)

    def to_data(self) -> dict[str, object]:
        """The effective configuration as plain values, Decimals kept, secrets masked."""
        return as_data(self)

    def to_yaml(self) -> str:
        """The effective configuration, every key written out, secrets masked; `load` takes it back."""
        return as_yaml(self)
