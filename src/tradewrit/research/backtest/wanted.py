"""What a sizing rule asks for, in floats: bounds for the screen, never a size."""

from collections.abc import Sequence
from typing import assert_never

import msgspec
import numpy as np

from tradewrit.domain.fees import BpsFee, FeeModel, FixedFee, PerShareFee
from tradewrit.domain.sizing import (
    EquityFraction,
    FixedNotional,
    FixedQuantity,
    Largest,
    RiskPerTrade,
    Sizing,
    VolatilityTarget,
)
from tradewrit.features.bars import Floats
from tradewrit.research.backtest.tracks import Indices, Track

_ANY = float("inf")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """At most the least of these; and surely no less than `kept` of that, less `spared`.

    fraction: of equity. notional, spared: in the account's currency. quantity: in units. target: of
    volatility, which makes the fraction another one for every entry (`calm_shares`); None without one.
    """

    fraction: float = _ANY
    notional: float = _ANY
    quantity: float = _ANY
    kept: float = 1.0
    spared: float = 0.0
    target: float | None = None


def wanted(sizing: Sizing, fees: FeeModel, stop: float, tracks: Sequence[Track]) -> Wanted:
    """Bounds for every entry of a run. stop: the distance of all its stops, as a fraction of the price."""
    match sizing:
        case Largest():
            return Wanted()
        case FixedQuantity(quantity=quantity):
            return Wanted(quantity=float(quantity))
        case FixedNotional(notional=notional):
            return Wanted(notional=float(notional))
        case EquityFraction(fraction=fraction, buffer_fraction=buffer):
            return _less_fee(float(fraction * (1 - buffer)), fees, tracks)
        case RiskPerTrade(risk_fraction=fraction):
            # On the tick a stop is as far away as asked, or up to a tick further.
            kept = min(stop / (stop + float(one.instrument.tick) / _lowest(one)) for one in tracks)
            return Wanted(fraction=float(fraction) / stop, kept=kept)
        case VolatilityTarget(volatility=target, max_fraction=most):
            return Wanted(fraction=float(most), target=float(target))
        case _:
            assert_never(sizing)


def calm_shares(wanted: Wanted, tracks: Sequence[Track], times: Indices, ranks: Indices) -> Floats | None:
    """The share of equity that has the target's volatility, for entries by time and rank; None without one.

    0 while volatility is not known: there is certainly no trade.
    """
    if wanted.target is None:
        return None
    moved = np.full(len(times), np.nan)
    order = ranks.argsort(kind="stable")
    ends = ranks[order].searchsorted(np.arange(len(tracks) + 1))
    for rank, track in enumerate(tracks):
        of_track = order[ends[rank] : ends[rank + 1]]
        if track.volatility is not None:
            moved[of_track] = track.volatility.closes[track.rows_at(times[of_track])]
    with np.errstate(divide="ignore"):
        shares: Floats = wanted.target / moved
    return np.nan_to_num(shares, copy=False, nan=0.0, posinf=np.inf)


def _less_fee(fraction: float, fees: FeeModel, tracks: Sequence[Track]) -> Wanted:
    match fees:
        case BpsFee(rate_bps=rate):
            return Wanted(fraction=fraction / (1 + float(rate) / 10_000))
        case PerShareFee(per_unit=per_unit, minimum=minimum):
            cheapest = min(_lowest(one) * float(one.instrument.multiplier) for one in tracks)
            kept = max(0.0, 1 - float(per_unit) / cheapest)
            return Wanted(fraction=fraction, kept=kept, spared=float(minimum))
        case FixedFee(amount=amount):
            return Wanted(fraction=fraction, spared=float(amount))
        case _:
            assert_never(fees)


def _lowest(track: Track) -> float:
    """The lowest close, of which there may be none."""
    return float(track.bars.close.min(initial=_ANY))
