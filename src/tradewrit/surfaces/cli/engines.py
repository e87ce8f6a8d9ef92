"""The engines a backtest can be asked to take."""

from enum import StrEnum


class Engine(StrEnum):
    """How the bars are walked."""

    AUTO = "auto"
    SKIP = "skip"
    EVENTS = "events"
