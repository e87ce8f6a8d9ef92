"""When markets are open, and whether positions are left before they close: options on the configuration."""

from enum import StrEnum
from typing import Annotated

import typer
from msgspec.structs import replace

from tradewrit.config.tree import Config


class KnownCalendar(StrEnum):
    """The values of `data.calendar`."""

    NYSE = "NYSE"
    NASDAQ = "NASDAQ"
    ALWAYS = "24/7"


CalendarOption = Annotated[
    KnownCalendar | None,
    typer.Option(
        "--calendar",
        metavar="NYSE|NASDAQ|24/7",
        case_sensitive=False,
        help="When the markets are open. Without it, the configuration's; without that, each symbol's times "
        "choose.",
    ),
]
ExitBeforeClose = Annotated[
    int | None,
    typer.Option(
        "--exit-before-close",
        metavar="MINUTES",
        min=0,
        max=1439,
        help="Leave every position so many minutes before its session ends, and enter none until the next "
        "one opens. Without it, the configuration's.",
    ),
]


def with_hours(config: Config, calendar: KnownCalendar | None, before_close: int | None) -> Config:
    """The configuration with these options on top."""
    if calendar is not None:
        config = replace(config, data=replace(config.data, calendar=calendar.value))
    if before_close is not None:
        config = replace(config, exits=replace(config.exits, before_session_end_minutes=before_close))
    return config
