"""A trading desk staffed by software agents that can act only inside their writ.

What a strategy author needs is here; every other import path is free to move. Names are looked up
when they are first used, so that `import tradewrit` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradewrit.domain.signals import Signal
    from tradewrit.features.bars import Bars
    from tradewrit.features.indicators import (
        apply,
        atr,
        bollinger,
        ema,
        highest,
        lowest,
        macd,
        rate_of_change,
        realised_volatility,
        rolling_std,
        rolling_volume,
        rsi,
        sma,
        true_range,
    )
    from tradewrit.features.series import (
        Condition,
        Inputs,
        Series,
        crosses_above,
        crosses_below,
        where,
    )
    from tradewrit.features.sessions import (
        every,
        first_bar_of_session,
        first_session_of,
        last_bar_of_session,
        last_session_of,
        minutes_since_open,
        minutes_to_close,
    )
    from tradewrit.strategies.base import Signals, Strategy, enter_long, enter_short, leave

_HOMES = {
    "Signal": "tradewrit.domain.signals",
    "Bars": "tradewrit.features.bars",
    **dict.fromkeys(
        (
            "apply",
            "atr",
            "bollinger",
            "ema",
            "highest",
            "lowest",
            "macd",
            "rate_of_change",
            "realised_volatility",
            "rolling_std",
            "rolling_volume",
            "rsi",
            "sma",
            "true_range",
        ),
        "tradewrit.features.indicators",
    ),
    **dict.fromkeys(
        ("Condition", "Inputs", "Series", "crosses_above", "crosses_below", "where"),
        "tradewrit.features.series",
    ),
    **dict.fromkeys(
        (
            "every",
            "first_bar_of_session",
            "first_session_of",
            "last_bar_of_session",
            "last_session_of",
            "minutes_since_open",
            "minutes_to_close",
        ),
        "tradewrit.features.sessions",
    ),
    **dict.fromkeys(
        ("Signals", "Strategy", "enter_long", "enter_short", "leave"), "tradewrit.strategies.base"
    ),
}

__all__ = [  # noqa: RUF022 - sorted as a person would look them up, whatever the case
    "apply",
    "atr",
    "Bars",
    "bollinger",
    "Condition",
    "crosses_above",
    "crosses_below",
    "ema",
    "enter_long",
    "enter_short",
    "every",
    "first_bar_of_session",
    "first_session_of",
    "highest",
    "Inputs",
    "last_bar_of_session",
    "last_session_of",
    "leave",
    "lowest",
    "macd",
    "minutes_since_open",
    "minutes_to_close",
    "rate_of_change",
    "realised_volatility",
    "rolling_std",
    "rolling_volume",
    "rsi",
    "Series",
    "Signal",
    "Signals",
    "sma",
    "Strategy",
    "true_range",
    "where",
]


def __getattr__(name: str) -> Any:
    """Import a public name from where it is defined."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'tradewrit' has no attribute {name!r}")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
