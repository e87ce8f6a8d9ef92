"""Why an order is refused, in one vocabulary whatever the venue calls it."""

from enum import StrEnum
from typing import Final


class Rejection(StrEnum):
    """Normalised rejection codes; the venue's own words travel beside them."""

    UNKNOWN_SYMBOL = "unknown_symbol"
    MALFORMED = "malformed"
    OFF_TICK = "off_tick"
    OFF_LOT = "off_lot"
    BELOW_MINIMUM = "below_minimum_notional"
    INSUFFICIENT_FUNDS = "insufficient_buying_power"
    INSUFFICIENT_QUANTITY = "insufficient_quantity"
    NOT_SHORTABLE = "not_shortable"
    WASH_TRADE = "would_trade_with_itself"
    NOT_REDUCING = "reduce_only_would_increase"
    MARKET_CLOSED = "market_closed"
    HALTED = "symbol_halted"
    DUPLICATE = "duplicate_client_order_id"
    TRIGGERED_AT_ONCE = "stop_price_already_through"
    UNFILLABLE = "not_fillable_at_once"
    UNKNOWN_ORDER = "unknown_order"
    TOO_LATE = "too_late"
    UNSUPPORTED = "unsupported"
    VENUE = "refused_by_venue"
    NOT_SENT = "never_reached_the_venue"
    NO_WRIT = "no_writ"
    NOT_TAKEN = "call_not_taken"
    """Nothing was looked at: too many calls, a breaker that is open, a key that is not accepted."""


UNSENT: Final = frozenset({Rejection.NOT_SENT, Rejection.NO_WRIT, Rejection.NOT_TAKEN})
"""The order never left the desk, or never got anywhere: the venue has not spoken."""
OF_THE_ACCOUNT: Final = frozenset({Rejection.INSUFFICIENT_FUNDS})
"""What the account lacks, it lacks in every symbol."""
