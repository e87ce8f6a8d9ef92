"""`tradewrit sweep`: one strategy at many settings, and what may be believed of the best of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from tradewrit.config.tree import Config
from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.errors import FAILED, INTERRUPTED, explain
from tradewrit.surfaces.cli.hours import CalendarOption, with_hours
from tradewrit.surfaces.cli.output import Json, example, progress
from tradewrit.surfaces.cli.parameters import SetupFrom, StrategyArgument
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

if TYPE_CHECKING:
    from tradewrit.features.bars import Bars
    from tradewrit.research.sweep.crew import Crew
    from tradewrit.research.sweep.sweeping import Request, Swept
    from tradewrit.research.sweep.walk_forward import Plan


_MOST_UNASKED: Final = 5_000
_STORE: Final = "results.sqlite"
_TABLE: Final = "results.parquet"
_PAGE: Final = "report.html"


def register(app: typer.Typer, setup_from: SetupFrom) -> None:
    """Add `tradewrit sweep`; `setup_from` makes a configuration into what a run needs."""

    @app.command(
        "sweep",
        epilog=example(
            "tradewrit sweep trend_following --data bars.parquet "
            "--param window=10:50:10 --param stop_fraction=0.02,0.03,0.05",
            "tradewrit sweep mine.py --data bars.parquet --param window=5..200 --search tpe --trials 200 "
            "--walk-forward rolling",
            "tradewrit sweep mine.py --data bars.csv --param window=20,50 "
            "--param risk.max_position_notional=500,1000,5000 --objective calmar --min-trades 30",
            "tradewrit sweep mine.py --data bars.parquet --param window=10:500:10 --cluster "
            "--address 10.0.0.5:6379",
        ),
    )
    def _sweep(
        strategy: StrategyArgument,
        data: BarsPath,
        param: Annotated[
            list[str],
            typer.Option(
                "--param",
                metavar="NAME=VALUES",
                help="What to vary, once per parameter: values (1,2,3), steps (10:50:10, the end included) "
                "or a range to draw from (0.01..0.2). A name with a dot is a key of the configuration, such "
                "as risk.max_position_notional.",
            ),
        ],
        config: ConfigFile = None,
        symbols: Symbols = None,
        since: Since = None,
        until: Until = None,
        known_at: KnownAt = None,
        adjust: Adjust = None,
        factors: FactorFile = None,
        funding: FundingFile = None,
        calendar: CalendarOption = None,
        search: Annotated[
            str,
            typer.Option(
                "--search",
                metavar="grid|random|tpe",
                help="Every point, points drawn at random, or points a tree-structured Parzen estimator asks "
                "for, which learns from those before.",
            ),
        ] = "grid",
        trials: Annotated[
            int | None,
            typer.Option(
                "--trials",
                metavar="N",
                min=1,
                help="Points of a random or learning search (100 if not given); of each split, for tpe.",
            ),
        ] = None,
        seed: Annotated[
            int | None,
            typer.Option(
                "--seed", metavar="N", min=0, help="Of what is drawn; the configuration's if not given."
            ),
        ] = None,
        objective: Annotated[
            str,
            typer.Option(
                "--objective",
                metavar="NAME",
                help="The figure to look for the highest of: sharpe, sortino, calmar, total_return, cagr, "
                "max_drawdown, profit_factor, expectancy, sqn or win_rate.",
            ),
        ] = "sharpe",
        min_trades: Annotated[
            int,
            typer.Option(
                "--min-trades",
                metavar="N",
                min=1,
                help="Choose no point with fewer closed trades, in sample.",
            ),
        ] = 1,
        walk_forward: Annotated[
            str | None,
            typer.Option(
                "--walk-forward",
                metavar="rolling|anchored",
                help="Choose on a train part and test on the bars after it, split after split. A rolling "
                "train part moves along, an anchored one grows.",
            ),
        ] = None,
        splits: Annotated[
            int | None, typer.Option("--splits", metavar="N", help="How many splits; 5 if not given.")
        ] = None,
        train: Annotated[
            int | None,
            typer.Option(
                "--train", metavar="BARS", help="Bar times of the (first) train part; 3 tests if not given."
            ),
        ] = None,
        test: Annotated[
            int | None,
            typer.Option(
                "--test", metavar="BARS", help="Bar times of each test; what the splits leave if not given."
            ),
        ] = None,
        workers: Annotated[
            int | None,
            typer.Option(
                "--workers",
                metavar="N",
                min=1,
                help="Processes; one per processor if not given. 1: this one.",
            ),
        ] = None,
        cluster: Annotated[
            bool, typer.Option("--cluster", help="Work on a Ray cluster instead of on this machine alone.")
        ] = False,
        address: Annotated[
            str | None,
            typer.Option(
                "--address",
                metavar="HOST:PORT",
                help="The head of the Ray cluster. Without it the one that runs here (or RAY_ADDRESS); "
                "`local` starts one.",
            ),
        ] = None,
        out: Annotated[
            Path,
            typer.Option(
                "--out",
                metavar="DIR",
                help="Where results go: every run as it ends (results.sqlite), the table (results.parquet) "
                "and the page (report.html). What is there already is not run again.",
            ),
        ] = Path("runs/sweep"),
        yes: Annotated[
            bool, typer.Option("--yes", help="Run however many runs it takes, without asking to be asked.")
        ] = False,
        as_json: Json = False,
    ) -> None:
        """Try a strategy at many settings, and say what may be believed of the best one.

        Results are kept as they come: run the same command again to go on after an interruption. The best of
        many looks good by luck alone; the report says how good, and --walk-forward tests on bars the choice
        has not seen. The exit code is 1 when the strategy failed at some point.
        """
        from tradewrit.research.sweep.store import Store
        from tradewrit.research.sweep.sweeping import count_runs, sweep
        from tradewrit.surfaces.cli.sweep_setup import prices_of, setups

        settings = with_hours(with_prices(in_force(config), adjust, factors, funding), calendar, None)
        selection = selected(symbols, since, until, known_at)
        if address is not None and not cluster:
            raise typer.BadParameter("names a cluster; add --cluster", param_hint="--address")
        plan = _plan(walk_forward, splits, train, test)
        request = _request(strategy, settings, param, search, trials, seed, objective, min_trades, plan)
        setup_of = setups(config, settings, setup_from)
        bars, setup_of = prices_of(bars_from(data, selection), setup_of, settings)
        runs = count_runs(request, bars)
        if runs > _MOST_UNASKED and not yes:
            raise typer.BadParameter(
                f"that is {runs:,} runs; add --yes to make them all, or try some of the points with "
                "--search random --trials 200",
                param_hint="--param",
            )
        with Store(out / _STORE) as store, progress("runs", runs) as advance:
            crew = _crew(bars, strategy, out, runs, workers, address if cluster else None, is_cluster=cluster)
            swept = sweep(request, bars, setup_of, store, crew, progress=lambda done, _: advance(done))
        _show(swept, out, as_json=as_json)


def _request(
    strategy: str,
    settings: Config,
    param: list[str],
    search: str,
    trials: int | None,
    seed: int | None,
    objective: str,
    min_trades: int,
    plan: "Plan | None",
) -> "Request":
    from tradewrit.research.sweep.runs import OBJECTIVES
    from tradewrit.research.sweep.search import Method
    from tradewrit.research.sweep.space import space_of
    from tradewrit.research.sweep.sweeping import TRIALS, Request

    method = Method(_one_of(search, list(Method), "--search"))
    if trials is not None and method is Method.GRID:
        raise typer.BadParameter(
            "a grid tries every point; take --search random or --search tpe", param_hint="--trials"
        )
    space = space_of(param)
    base = settings.strategy.parameters if strategy == settings.strategy.name else {}
    return Request(
        strategy=strategy,
        space=space,
        base={name: value for name, value in base.items() if name not in {axis.name for axis in space.axes}},
        method=method,
        trials=TRIALS if trials is None else trials,
        seed=settings.seed if seed is None else seed,
        plan=plan,
        objective=_one_of(objective, OBJECTIVES, "--objective"),
        least_trades=min_trades,
    )


def _plan(walk: str | None, splits: int | None, train: int | None, test: int | None) -> "Plan | None":
    from tradewrit.research.sweep.walk_forward import Plan, Walk

    if walk is None:
        for option, value in (("--splits", splits), ("--train", train), ("--test", test)):
            if value is not None:
                raise typer.BadParameter("belongs to --walk-forward rolling|anchored", param_hint=option)
        return None
    return Plan(walk=Walk(_one_of(walk, list(Walk), "--walk-forward")), splits=splits, train=train, test=test)


def _one_of(text: str, known: Sequence[str], option: str) -> str:
    if text not in known:
        raise typer.BadParameter(f"{text!r} is none of {', '.join(map(str, known))}", param_hint=option)
    return text


def _crew(
    bars: "list[Bars]",
    strategy: str,
    out: Path,
    runs: int,
    workers: int | None,
    address: str | None,
    *,
    is_cluster: bool,
) -> "Crew":
    from tradewrit.research.sweep.crew import Alone, usable_cpus
    from tradewrit.research.sweep.runner import Runner

    if is_cluster:
        from tradewrit.research.sweep.cluster import RayCluster

        return RayCluster(bars, strategy, address or "auto", workers)
    count = min(workers or usable_cpus(), runs)
    if count == 1:
        return Alone(Runner(bars, strategy))
    from tradewrit.research.sweep.processes import Processes

    return Processes(bars, strategy, out, count)


def _show(swept: "Swept", out: Path, *, as_json: bool) -> None:
    from tradewrit.research.sweep.judging import judge
    from tradewrit.research.sweep.page import write_page
    from tradewrit.research.sweep.table import write_table
    from tradewrit.surfaces.cli.sweep_output import emit, emit_as_json

    judged = judge(swept)
    files = {"table": out / _TABLE, "report": out / _PAGE}
    try:
        write_table(judged, files["table"])
    except ConfigError as error:  # no polars: everything else is still worth having
        explain(str(error), is_warning=True)
        del files["table"]
    write_page(swept, judged, files["report"])
    if as_json:
        emit_as_json(swept, judged, files)
    else:
        emit(swept, judged, files)
    if not swept.is_complete:
        explain("interrupted; what was done is kept, the same command goes on")
        raise typer.Exit(INTERRUPTED)
    if swept.failed or swept.lost:
        explain(_failure(swept))
        raise typer.Exit(FAILED)


def _failure(swept: "Swept") -> str:
    errors = [ran.error for trial in swept.trials for ran in trial.ran.values() if ran.error]
    total = swept.kept + swept.made + swept.lost
    if not errors:
        return f"{swept.lost} of {total} runs ended with the worker that made them; run the command again"
    return f"{len(errors) + swept.lost} of {total} runs failed; the first: {errors[0]}"
