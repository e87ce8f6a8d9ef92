"""Which strategy is run and with what: the options, and what makes a configuration into a setup."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from tradewrit.config.tree import Config

if TYPE_CHECKING:
    from tradewrit.research.backtest.setup import Setup

SetupFrom = Callable[[Config], "Setup"]

StrategyOption = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        metavar="NAME|FILE.py",
        help="A strategy that ships with the package, or your own file. Without it, the configuration's.",
    ),
]
StrategyArgument = Annotated[
    str,
    typer.Argument(metavar="STRATEGY", help="A strategy that ships with the package, or your own .py file."),
]
Params = Annotated[
    list[str] | None,
    typer.Option(
        "--param",
        metavar="NAME=VALUE",
        help="A parameter of the strategy; may be given several times.",
    ),
]


def parameters_of(config: Config, strategy: str, given: Iterable[str]) -> dict[str, object]:
    """Those given, on top of the configuration's where that names the same strategy.

    Wrong use for text that is not NAME=VALUE.
    """
    inherited = config.strategy.parameters if strategy == config.strategy.name else {}
    return {**inherited, **dict(map(_parameter, given))}


def _parameter(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise typer.BadParameter(f"{text!r} is not NAME=VALUE, such as window=50", param_hint="--param")
    return name.strip(), value.strip()
