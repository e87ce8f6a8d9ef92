"""When markets are open, and whether positions are left before they close: options on the configuration."""

from typing import Annotated

import typer
from msgspec.structs import replace

from tradewrit.config.tree import CALENDAR, CALENDARS, Config


def _calendar(text: str) -> str:
    name = text.upper()
    if not CALENDAR.fullmatch(name):
        raise typer.BadParameter(f"{text!r} is none: {CALENDARS}")
    return name


CalendarOption = Annotated[
    str | None,
    typer.Option(
        "--calendar",
        metavar="NAME",
        parser=_calendar,
        help=f"When the markets are open: {CALENDARS}. Without it, the configuration's; without that, each "
        "symbol's times choose between NYSE and 24/7.",
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


def with_hours(config: Config, calendar: str | None, before_close: int | None) -> Config:
    """The configuration with these options on top."""
    if calendar is not None:
        config = replace(config, data=replace(config.data, calendar=calendar))
    if before_close is not None:
        config = replace(config, exits=replace(config.exits, before_session_end_minutes=before_close))
    return config
