"""`tradewrit backtest`: a strategy over a file of bars, through the whole desk."""

import os
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from tradewrit.config.environment import process_environment
from tradewrit.config.places import journal_file
from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError, JournalError
from tradewrit.runtime.whole_file import is_stream
from tradewrit.surfaces.cli.compare import Compare, asked, compare_strategies
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.engines import Engine
from tradewrit.surfaces.cli.hours import CalendarOption, ExitBeforeClose, with_hours
from tradewrit.surfaces.cli.output import Json, emit_table, emit_text, example
from tradewrit.surfaces.cli.parameters import Params, SetupFrom, StrategyOption, parameters_of
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
    selected,
    with_prices,
)
from tradewrit.surfaces.cli.sizing import SizingOption, with_sizing

if TYPE_CHECKING:
    from tradewrit.surfaces.cli.running import Done


class _Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """Where results go; None for what is not asked for."""

    trades: Path | None
    report: Path | None
    journal: Path | None

    def named(self) -> list[tuple[str, Path]]:
        """Option and path of each that is asked for."""
        pairs = (("--trades", self.trades), ("--report", self.report), ("--journal", self.journal))
        return [(name, path) for name, path in pairs if path is not None]


def register(app: typer.Typer, setup_from: SetupFrom) -> None:
    """Add `tradewrit backtest`; `setup_from` makes a configuration into what a run needs."""

    @app.command(
        "backtest",
        epilog=example(
            "tradewrit backtest --strategy trend_following --data bars.parquet",
            "tradewrit backtest --strategy mine.py --data bars.csv --param window=50 --report out.html",
            "tradewrit backtest --data bars.csv --json --trades trades.csv > result.json",
            "tradewrit backtest --data lake --from 2024-01-02 --to 2024-07-01 --known-at 2024-07-01",
            "tradewrit backtest --data bars.parquet --adjust total --factors factors.parquet",
            "tradewrit backtest --data perp.parquet --funding rates.parquet --config perp.yaml",
            "tradewrit backtest --strategy mine.py --data bars.parquet --fills close --reverse",
            "tradewrit backtest --data bars.parquet --sizing risk_per_trade:risk_fraction=0.01",
            "tradewrit backtest --strategy mine.py --data minutes.parquet --exit-before-close 5",
            "tradewrit backtest --data bars.csv --compare trend_following trend_following:stop_fraction=0.03",
        ),
    )
    def _backtest(
        data: BarsPath,
        strategy: StrategyOption = None,
        config: ConfigFile = None,
        engine: Annotated[
            Engine,
            typer.Option(
                "--engine",
                metavar="auto|skip|events",
                help="How the bars are walked; auto takes the fastest that is exact.",
            ),
        ] = Engine.AUTO,
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
        cash: Annotated[
            str | None,
            typer.Option(
                "--cash", metavar="AMOUNT", help="Cash at the start, instead of the configuration's."
            ),
        ] = None,
        trades: Annotated[
            Path | None,
            typer.Option("--trades", metavar="OUT.csv", help="Write one row per closed trade here."),
        ] = None,
        report: Annotated[
            Path | None,
            typer.Option("--report", metavar="OUT.html", help="Write a report for the browser here."),
        ] = None,
        journal: Annotated[
            Path | None,
            typer.Option(
                "--journal",
                metavar="FILE.sqlite",
                help="Record every event here. Without it they are recorded in memory, and are gone.",
            ),
        ] = None,
        benchmark: Annotated[
            str | None,
            typer.Option(
                "--benchmark",
                metavar="SYMBOL",
                help="Judge against holding this symbol of the data, traded or not, instead of all that is "
                "traded.",
            ),
        ] = None,
        risk_free: Annotated[
            float,
            typer.Option(
                "--risk-free",
                metavar="RATE",
                min=-0.5,
                max=0.5,
                help="Yearly rate that Sharpe, Sortino and alpha take off returns; a fraction: 0.03 is 3 %.",
            ),
        ] = 0.0,
        compare: Compare = None,
        as_json: Json = False,
    ) -> None:
        """Run a strategy over past prices, through the same desk that trades.

        Every order passes risk, review and the paper exchange. Symbols share one account.

        Strategies that ship: trend_following, moving_average_crossover, buy_the_dip.
        """
        selection = selected(symbols, since, until, known_at)
        rules = with_rules(with_prices(in_force(config), adjust, factors, funding), fills, reverse)
        base = with_hours(with_sizing(rules, sizing), calendar, exit_before_close)
        if compare is not None:
            alone = {"--strategy": strategy, "--param": param, "--trades": trades, "--journal": journal}
            wanted = asked(compare, alone)
            _check_outputs(_Outputs(trades=None, report=report, journal=None), data)
            from tradewrit.surfaces.cli.running import run_backtest

            def run(name: str, parameters: Mapping[str, str]) -> "Done":
                chosen = _settings(base, name, map("=".join, parameters.items()), cash)
                return run_backtest(
                    chosen,
                    setup_from(chosen),
                    data,
                    selection,
                    None,
                    show_progress=not as_json,
                    benchmark=benchmark,
                    risk_free=risk_free,
                    engine=engine,
                )

            compare_strategies(wanted, run, report, as_json=as_json)
            return
        settings = _settings(base, strategy, param or (), cash)
        kept = _Outputs(trades=trades, report=report, journal=journal or _configured_journal(settings))
        _check_outputs(kept, data)
        setup = setup_from(settings)
        from tradewrit.surfaces.cli.running import run_backtest

        done = run_backtest(
            settings,
            setup,
            data,
            selection,
            kept.journal,
            show_progress=not as_json,
            benchmark=benchmark,
            risk_free=risk_free,
            engine=engine,
        )
        _write(kept, done)
        if as_json:
            _emit_json(done)
        else:
            _emit(done, kept)


def _settings(config: Config, strategy: str | None, params: Iterable[str], cash: str | None) -> Config:
    """The configuration with the command's own options on top."""
    name = strategy or config.strategy.name
    parameters = parameters_of(config, name, params)
    chosen = msgspec.structs.replace(config.strategy, name=name, parameters=parameters)
    account = config.account if cash is None else _with_cash(config, cash)
    return msgspec.structs.replace(config, strategy=chosen, account=account)


def _with_cash(config: Config, text: str) -> Any:
    try:
        return msgspec.structs.replace(config.account, initial_cash=Decimal(text.replace(",", "")))
    except (InvalidOperation, ValueError) as wrong:
        raise typer.BadParameter(
            f"{text!r} is not a positive amount, such as 50000", param_hint="--cash"
        ) from wrong


def _configured_journal(config: Config) -> Path | None:
    """A backtest never writes into the journal of a paper or live account."""
    return journal_file(config, process_environment()) if config.mode == "backtest" else None


def _check_outputs(outputs: _Outputs, data: Path) -> None:
    """Before the work, not after it: every output can be written, and none overwrites what is needed."""
    taken = {data.resolve(): "--data"}
    for option, path in outputs.named():
        other = taken.setdefault(path.resolve(), option)
        if other != option:
            raise typer.BadParameter(f"{path} is {other} as well; name another file", param_hint=option)
        check_writable(path)
    if outputs.journal is not None and outputs.journal.exists():
        raise JournalError(
            f"{outputs.journal}: already exists, and a backtest starts a journal of its own; "
            "name another file or delete this one"
        )


def check_writable(path: Path) -> None:
    """Raise ConfigError when no file can be written at `path`."""
    folder = path.absolute().parent
    if path.is_dir():
        raise ConfigError(f"cannot write {path}: it is a directory; name a file in it")
    if is_stream(path):
        return
    if not folder.is_dir():
        raise ConfigError(f"cannot write {path}: there is no directory {folder}; make it first")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"cannot write {path}: {folder} is not writable; choose another place")


def _write(outputs: _Outputs, done: "Done") -> None:
    from tradewrit.research.results import write_trades_csv

    result = done.result
    if outputs.trades is not None:
        write_trades_csv(outputs.trades, result.trades)
    if outputs.report is not None:
        from tradewrit.research.report import write_report

        title = f"{result.strategy}: backtest"
        write_report(done.shown, done.metrics, done.known, outputs.report, title=title, notes=done.notes)


def _emit_json(done: "Done") -> None:
    from tradewrit.research.results import encode, summary

    emit_text(encode(summary(done.result, done.metrics, done.notes), indent=2).decode())


def _emit(done: "Done", outputs: _Outputs) -> None:
    from tradewrit.surfaces.cli.figures import figures, headline

    emit_text(headline(done.result))
    emit_table((), figures(done.result, done.counts, done.metrics, done.why_not))
    for note in done.notes:
        emit_text(note)
    for option, path in outputs.named():
        emit_text(f"{option.removeprefix('--')}: {path}")
