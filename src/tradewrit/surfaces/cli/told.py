"""What a live desk tells people as it happens, line by line on standard error."""

from typing import Final

from tradewrit.domain.events import account, market, orders, positions, review, risk, running, twins, writs
from tradewrit.domain.events.base import Event
from tradewrit.domain.writs import BY_THE_SWITCH

_TOLD: Final = (
    orders.OrderAccepted,
    orders.OrderRejected,
    orders.OrderUnknown,
    orders.OrderPartiallyFilled,
    orders.FillCorrected,
    orders.FillQuestioned,
    orders.FillWithheld,
    orders.ReportQuarantined,
    twins.TwinFound,
    twins.TwinFilled,
    twins.TwinEnded,
    positions.StopSet,
    positions.StopFailed,
    positions.StopLapsed,
    positions.StopHit,
    positions.PositionClosed,
    account.VenueIdentified,
    account.TradingHalted,
    account.TradingResumed,
    account.SymbolSuspended,
    market.SymbolHalted,
    market.SymbolHaltLifted,
    market.MaintenanceBegan,
    market.MaintenanceEnded,
    account.PositionDisputed,
    account.PositionAgreed,
    account.ExternalOrderSeen,
    account.ExternalTraded,
    risk.DrawdownAlerted,
    risk.CooldownBegan,
    risk.CooldownEnded,
    market.BarRefused,
    market.PriceLevelBelieved,
    market.BelievePrices,
    review.HumanDecided,
    review.ReviewExpired,
    review.ReviewInvalidated,
    review.EntryRequoted,
    review.AnswerRefused,
    review.ReviewUnshown,
    running.BreakerOpened,
    running.BreakerClosed,
    writs.WritDenied,
    writs.WritLost,
    writs.WritRevoked,
    writs.WritRenewalFailed,
)
"""What a person reads in the log as it happens; everything else is in the journal."""


def is_told(event: Event) -> bool:
    """Whether people read of it as it happens; that a halt ends the writ of each role goes without saying."""
    is_of_halt = isinstance(event, writs.WritRevoked) and event.reason == BY_THE_SWITCH
    return isinstance(event, _TOLD) and not is_of_halt
