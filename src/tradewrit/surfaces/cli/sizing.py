"""How large trades of a run are: an option on top of the configuration."""

import re
from typing import Annotated, Final

import typer
from msgspec.structs import replace

from tradewrit.config.environment import variable
from tradewrit.config.loading import read
from tradewrit.config.tree import Config

SizingOption = Annotated[
    str | None,
    typer.Option(
        "--sizing",
        metavar="RULE:KEY=VALUE",
        help="How large a trade is wanted, as far as the limits allow: largest, fixed_quantity, "
        "fixed_notional, equity_fraction, risk_per_trade or volatility_target; keys after a colon, with "
        "commas between them. Without it, the configuration's.",
    ),
]

_OPTION: Final = "--sizing"
_VARIABLE: Final = re.compile(r"TRADEWRIT_SIZING__([A-Z0-9_]+)")


def with_sizing(config: Config, text: str | None) -> Config:
    """The configuration with this rule instead of its own; wrong use for a text that says none."""
    if text is None:
        return config
    rule, _, listed = text.partition(":")
    keys = {"type": rule.strip(), **dict(_key(text, part) for part in listed.split(",") if part.strip())}
    # Set as the environment sets keys, so that they are read, checked and explained in one place.
    reading = read(None, {variable(f"sizing.{name}"): value for name, value in keys.items()})
    if reading.config is None or not rule.strip():
        wrong = "; ".join(f"{one.key}: {one.message}" for one in reading.problems)
        wrong = wrong.replace("sizing.", "").replace("sizing: ", "")
        said = _VARIABLE.sub(lambda found: found[1].lower(), wrong)
        raise typer.BadParameter(said or f"{text!r} names no rule, such as largest", param_hint=_OPTION)
    return replace(config, sizing=reading.config.sizing)


def _key(text: str, part: str) -> tuple[str, str]:
    name, sign, value = part.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise typer.BadParameter(
            f"{part!r} in {text!r} is not KEY=VALUE; write RULE:key=value,key=value", param_hint=_OPTION
        )
    return name.strip(), value.strip()
