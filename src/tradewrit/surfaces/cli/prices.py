"""Prices as the configuration wants them shown, raw or adjusted with a factor table; and funding."""

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tradewrit.config.tree import DataConfig
from tradewrit.features.bars import Bars
from tradewrit.research.backtest.setup import Setup
from tradewrit.surfaces.cli.errors import explain

if TYPE_CHECKING:
    from tradewrit.research.backtest.adjusting import Adjusted


def adjusted_prices(bars: list[Bars], setup: Setup, wanted: DataConfig) -> "Adjusted | None":
    """What the factor table makes of bars and setup; None when there is no table.

    Warns of symbols that the table does not know. Raises DataError for a table that cannot be used.
    """
    if wanted.factors is None:
        return None
    from tradewrit.market.factors import read_factors
    from tradewrit.research.backtest.adjusting import adjust

    path = Path(wanted.factors).expanduser()
    adjusted = adjust(bars, setup, wanted.adjustment, read_factors(path))
    if adjusted.unknown:
        names = ", ".join(adjusted.unknown[:5]) + (", ..." if len(adjusted.unknown) > 5 else "")
        explain(f"{path}: has no factors of {names}; those prices stay as they are", is_warning=True)
    return adjusted


def with_funding_of(bars: list[Bars], setup: Setup, wanted: DataConfig) -> Setup:
    """The setup with the funding that the configured file tells of; as it was without one.

    Warns of rates that concern no bar, and of symbols that are not defined as perpetuals. Raises
    DataError for a file that cannot be used.
    """
    if wanted.funding is None:
        return setup
    from tradewrit.market.funding import funding_of, read_funding

    path = Path(wanted.funding).expanduser()
    funding = funding_of(bars, read_funding(path))
    if not funding:
        explain(f"{path}: no rate concerns these bars; check its symbols and times", is_warning=True)
    paying = dict.fromkeys(one.symbol for one in funding)
    if paid_for := [name for name in paying if not setup.instrument(name).asset_class.is_derivative]:
        explain(
            f"{path}: {', '.join(paid_for[:5])} pay funding but are not margined; set "
            "`asset_class: perpetual` under `instruments` in --config",
            is_warning=True,
        )
    return replace(setup, funding=funding)
