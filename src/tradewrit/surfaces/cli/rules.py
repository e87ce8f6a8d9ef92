"""How orders of a run fill, and whether positions are reversed: options on top of the configuration."""

from enum import StrEnum
from typing import Annotated

import typer
from msgspec.structs import replace

from tradewrit.config.tree import Config


class Fills(StrEnum):
    """The values of `paper.market_fills`."""

    NEXT_OPEN = "next_open"
    CLOSE = "close"
    QUOTE = "quote"


MarketFillsOption = Annotated[
    Fills | None,
    typer.Option(
        "--fills",
        metavar="next_open|close|quote",
        help="What market orders take: the next bar's open; or at once the close of the bar just finished, "
        "or its closing quote (columns bid and ask). Without it, the configuration's.",
    ),
]
ReverseOption = Annotated[
    bool | None,
    typer.Option(
        "--reverse/--no-reverse",
        help="Whether a signal for the other side closes a position and opens the opposite one. Without it, "
        "the configuration's.",
    ),
]


def with_rules(config: Config, fills: Fills | None, reverse: bool | None) -> Config:
    """The configuration with these options on top; wrong use for rules that exclude each other."""
    if reverse is not None:
        config = replace(config, reverse=reverse)
    if fills is None:
        return config
    try:
        return replace(config, paper=replace(config.paper, market_fills=fills.value))
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--fills") from None
