"""`tradewrit check`: whether a strategy's backtest can be believed."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from tradewrit.config.tree import Config
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.hours import CalendarOption, ExitBeforeClose, with_hours
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example, progress
from tradewrit.surfaces.cli.parameters import Params, SetupFrom, StrategyArgument, parameters_of
from tradewrit.surfaces.cli.rules import MarketFillsOption, ReverseOption, with_rules
from tradewrit.surfaces.cli.selection import (
    Adjust,
    BarsPath,
    FactorFile,
    FundingFile,
    KnownAt,
    Since,
    Symbols,
    Until,
    bars_from,
    selected,
    with_prices,
)
from tradewrit.surfaces.cli.sizing import SizingOption, with_sizing

if TYPE_CHECKING:
    from tradewrit.market.selection import Selection
    from tradewrit.research.bias.findings import BiasReport, Finding


_STYLES = {"error": "bold red", "warning": "yellow", "info": "dim"}


def register(app: typer.Typer, setup_from: SetupFrom) -> None:
    """Add `tradewrit check`; `setup_from` makes a configuration into what a run needs."""

    @app.command(
        "check",
        epilog=example(
            "tradewrit check trend_following --data bars.parquet",
            "tradewrit check mine.py --data bars.csv --param window=50 --json",
        ),
    )
    def _check(
        strategy: StrategyArgument,
        data: BarsPath,
        config: ConfigFile = None,
        param: Params = None,
        symbols: Symbols = None,
        since: Since = None,
        until: Until = None,
        known_at: KnownAt = None,
        adjust: Adjust = None,
        factors: FactorFile = None,
        funding: FundingFile = None,
        fills: MarketFillsOption = None,
        reverse: ReverseOption = None,
        sizing: SizingOption = None,
        calendar: CalendarOption = None,
        exit_before_close: ExitBeforeClose = None,
        seed: Annotated[
            int, typer.Option("--seed", metavar="N", min=0, help="Of the samples that are drawn.")
        ] = 0,
        as_json: Json = False,
    ) -> None:
        """Say what speaks against believing a strategy's backtest, worst first.

        Look-ahead, hidden state, a warm-up that is too short, and results that hang on one trade or on one
        parameter. An error means the result cannot be believed; with one, the exit code is 1.
        """
        selection = selected(symbols, since, until, known_at)
        rules = with_rules(with_prices(in_force(config), adjust, factors, funding), fills, reverse)
        settings = with_hours(with_sizing(rules, sizing), calendar, exit_before_close)
        report = _report(strategy, data, settings, param or [], selection, seed, setup_from, is_quiet=as_json)
        if as_json:
            emit_json(report.to_dict())
        else:
            _emit(report)
        if report.errors:
            errors = f"{len(report.errors)} error{'s' if len(report.errors) > 1 else ''}"
            explain(f"{strategy}: {errors}; do not believe its backtest on this data")
            raise typer.Exit(FAILED)


def _report(
    strategy: str,
    data: Path,
    settings: Config,
    param: list[str],
    selection: "Selection",
    seed: int,
    setup_from: SetupFrom,
    *,
    is_quiet: bool,
) -> "BiasReport":
    setup = setup_from(settings)
    parameters = parameters_of(settings, strategy, param)
    from tradewrit.research.backtest.calendars import with_calendars
    from tradewrit.research.bias.checking import check_strategy
    from tradewrit.research.bias.reading import watching
    from tradewrit.runtime.strategies import load_strategy

    with watching() as opened:
        made = load_strategy(strategy, parameters)
    bars = bars_from(data, selection)
    from tradewrit.surfaces.cli.prices import adjusted_prices, with_funding_of

    adjusted = adjusted_prices(bars, setup, settings.data)
    if adjusted is not None:
        bars, setup = adjusted.bars, adjusted.setup
    setup = with_calendars(bars, with_funding_of(bars, setup, settings.data), made)
    with nullcontext(None) if is_quiet else progress("checks", 100) as advance:
        return check_strategy(
            made,
            bars,
            setup,
            data=data,
            opened=opened,
            seed=seed,
            progress=None if advance is None else lambda done, total: advance(100 * done // total),
        )


def _emit(report: "BiasReport") -> None:
    symbols = ", ".join(report.symbols) if len(report.symbols) <= 6 else f"{len(report.symbols)} symbols"
    emit_text(f"{report.strategy} on {symbols}: {report.bars:,} bars")
    if report.findings:
        emit_table(("", "what", "found"), [_row(one) for one in report.findings])
    emit_text(_looked_at(report))
    if not report.errors:
        emit_text("no error found" + ("; look at the warnings" if report.warnings else ""))


def _row(finding: "Finding") -> tuple[str | Text, ...]:
    told = Text(finding.message)
    for line in finding.examples:
        told.append(f"\n{line}", style="dim")
    told.append(f"\n{finding.advice}", style="italic")
    return Text(finding.severity.value, _STYLES[finding.severity.value]), finding.kind.value, told


def _looked_at(report: "BiasReport") -> str:
    """What was done, so that silence can be weighed."""
    numbers = {name: value for check in report.looked_at.values() for name, value in check.items()}
    parts = [f"{numbers['bars_one_by_one']:,} bars one by one"]
    for name, words in (
        ("cuts", "{:,} cuts"),
        ("starts", "{:,} later starts"),
        ("asked_again", "{:,} bars asked again"),
        ("backtests", "{:,} backtests"),
    ):
        if name in numbers:
            parts.append(words.format(numbers[name]))
    return f"looked at {', '.join(parts)}"
