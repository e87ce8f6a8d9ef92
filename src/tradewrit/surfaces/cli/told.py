"""What a live desk tells people as it happens, line by line on standard error."""

from typing import Final

from tradewrit.domain.events import account, market, orders, positions, review, risk, running, writs

TOLD: Final = (
    orders.OrderAccepted,
    orders.OrderRejected,
    orders.OrderUnknown,
    orders.OrderPartiallyFilled,
    orders.FillCorrected,
    orders.ReportQuarantined,
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
    account.PositionDisputed,
    account.PositionAgreed,
    account.ExternalOrderSeen,
    account.ExternalTraded,
    risk.DrawdownAlerted,
    market.BarRefused,
    market.PriceLevelBelieved,
    market.BelievePrices,
    review.HumanDecided,
    review.ReviewExpired,
    review.ReviewInvalidated,
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
