"""`tradewrit simulate`: a whole desk in a hostile virtual world, and what it does wrong there."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from tradewrit.errors import ConfigError
from tradewrit.surfaces.cli.errors import FAILED, explain
from tradewrit.surfaces.cli.output import Json, emit_json, emit_table, emit_text, example, progress

if TYPE_CHECKING:
    from tradewrit.simulation.explorer import Report
    from tradewrit.simulation.world import Outcome

_SHOWN: Final = 20
Profile = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="What may go wrong; `simulate profiles` lists them.")
]
Seed = Annotated[int, typer.Argument(metavar="SEED", min=0, help="The seed of the run.")]


def register(app: typer.Typer) -> None:
    """Add `tradewrit simulate` and its commands."""
    group = typer.Typer(
        help="Run the desk in a hostile virtual world, and check what must always hold.",
        invoke_without_command=True,
        epilog=example(
            "tradewrit simulate --seeds 200",
            "tradewrit simulate --seeds 2000 --profile crash --jobs 2 --json",
            "tradewrit simulate replay 7 --profile crash --trace",
        ),
    )
    group.callback()(_search)
    group.command("replay", epilog=example("tradewrit simulate replay 7 --trace"))(_replay)
    group.command("enumerate", epilog=example("tradewrit simulate enumerate --trade bracket"))(_enumerate)
    group.command("shrink", epilog=example("tradewrit simulate shrink 7 --profile crash"))(_shrink)
    group.command("profiles", epilog=example("tradewrit simulate profiles"))(_profiles)
    app.add_typer(group, name="simulate")


def _search(
    ctx: typer.Context,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="How many runs.")] = 200,
    first: Annotated[
        int, typer.Option("--first", metavar="SEED", min=0, help="The seed of the first run.")
    ] = 0,
    profile: Profile = "swarm",
    jobs: Annotated[
        int, typer.Option("--jobs", metavar="N", min=1, help="Processes that share the work.")
    ] = 1,
    as_json: Json = False,
) -> None:
    """Run many seeds; each draws what goes wrong, and how often.

    A violation names seed, time and what did not hold, with the command that shows it again; with one, the
    exit code is 1.
    """
    if ctx.invoked_subcommand is not None:
        return
    from tradewrit.runtime.clock import Stopwatch
    from tradewrit.simulation.explorer import search
    from tradewrit.simulation.profiles import profile as known

    known(profile)
    watch = Stopwatch()
    with nullcontext(None) if as_json else progress("seeds", seeds) as advance:
        report = search(range(first, first + seeds), profile, jobs=jobs, progress=advance)
    _tell(report, watch.wall(), "seeds", as_json=as_json)


def _replay(
    seed: Seed,
    profile: Profile = "swarm",
    off: Annotated[
        str, typer.Option("--without", metavar="FAULTS", help="Faults to switch off, separated by commas.")
    ] = "",
    horizon: Annotated[
        int | None, typer.Option("--horizon", metavar="SECONDS", min=1, help="How long things go wrong.")
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Every line of what happened.")] = False,
    as_json: Json = False,
) -> None:
    """Run one seed again, exactly as before."""
    from tradewrit.simulation.explorer import plan_of
    from tradewrit.simulation.plan import FAULTS
    from tradewrit.simulation.world import World

    names = [name for name in off.split(",") if name]
    if unknown := [name for name in names if name not in FAULTS]:
        raise ConfigError(f"no fault is called {unknown[0]}; known: {', '.join(FAULTS)}")
    outcome = World(plan_of(seed, profile, names, horizon), keep_trace=trace).run()
    if as_json:
        emit_json(_told(outcome))
    else:
        if trace:
            emit_text("\n".join(outcome.lines))
        _emit_outcome(outcome)
    _fail_if(
        bool(outcome.violations), f"seed {seed} ({profile}) violates {len(outcome.violations)} invariants"
    )


def _enumerate(
    trade: Annotated[
        str,
        typer.Option(
            "--trade", metavar="NAME", help="oco, bracket, stop_only, roads, lease, review, or all."
        ),
    ] = "all",
    point: Annotated[
        str,
        typer.Option("--point", metavar="N[,N]", help="Die at this point, or these, and show the trace."),
    ] = "",
    again: Annotated[
        int,
        typer.Option(
            "--again", metavar="N", min=0, help="Die twice: also at each of the N points that follow."
        ),
    ] = 0,
    death: Annotated[
        str, typer.Option("--death", metavar="kill|power", help="Which death, with --point.")
    ] = "kill",
    as_json: Json = False,
) -> None:
    """Kill the desk at every micro-point of one trade, once each: the process, and the machine."""
    from tradewrit.runtime.clock import Stopwatch
    from tradewrit.simulation.explorer import GOLDEN, enumerate_deaths, merged, points_of
    from tradewrit.simulation.points import Death
    from tradewrit.simulation.world import World

    if trade != "all" and trade not in GOLDEN:
        raise ConfigError(f"no trade is called {trade!r}; known: {', '.join(GOLDEN)}")
    if point:
        plan = GOLDEN["oco" if trade == "all" else trade]
        outcome = World(plan, die_at=_numbers(point), death=Death(death), keep_trace=True).run()
        emit_text("\n".join(outcome.lines))
        _emit_outcome(outcome)
        _fail_if(bool(outcome.violations), f"a {death} at point {point} violates what must hold")
        return
    watch = Stopwatch()
    plans = list(GOLDEN.values()) if trade == "all" else [GOLDEN[trade]]
    total = sum(2 * len(points_of(plan)) * (1 + again) for plan in plans)
    reports: list[Report] = []
    with nullcontext(None) if as_json else progress("deaths", total) as advance:
        for plan in plans:
            done = sum(report.runs for report in reports)
            told = None if advance is None else partial(_further, advance, done)
            reports.append(enumerate_deaths(plan, progress=told, again_within=again))
    _tell(merged(reports), watch.wall(), "deaths", as_json=as_json)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(one) for one in text.split(","))
    except ValueError:
        raise ConfigError(f"--point takes numbers, such as 20 or 20,23, not {text!r}") from None


def _further(advance: Callable[[int], None], done: int, more: int) -> None:
    advance(done + more)


def _shrink(seed: Seed, profile: Profile = "swarm", as_json: Json = False) -> None:
    """Make a failing seed small: switch off every fault that is not needed, and cut its day short."""
    from tradewrit.simulation.explorer import command, plan_of
    from tradewrit.simulation.plan import active
    from tradewrit.simulation.shrinker import shrink

    try:
        plan, outcome = shrink(plan_of(seed, profile))
    except ValueError as nothing:
        raise ConfigError(str(nothing)) from nothing
    if as_json:
        emit_json({**_told(outcome), "faults_needed": active(plan), "reproduce": command(plan), "plan": plan})
        return
    emit_text(f"needs {', '.join(active(plan)) or 'no fault at all'}, within {plan.horizon_s} s")
    _emit_outcome(outcome)
    emit_text(command(plan))


def _profiles(as_json: Json = False) -> None:
    """List the profiles: which faults each may draw."""
    from tradewrit.simulation.profiles import PROFILES

    if as_json:
        emit_json({name: {"title": one.title, "faults": one.faults} for name, one in PROFILES.items()})
        return
    emit_table(("profile", "what goes wrong"), [(name, one.title) for name, one in PROFILES.items()])


def _tell(report: "Report", seconds: float, what: str, *, as_json: bool) -> None:
    if as_json:
        emit_json(
            {
                what: report.runs,
                "events": report.events,
                "faults": report.faults,
                "violations": [
                    {
                        "seed": failure.seed,
                        "profile": failure.profile,
                        "point": failure.point,
                        "invariant": one.invariant,
                        "at_s": one.at,
                        "message": one.message,
                        "reproduce": failure.reproduce,
                    }
                    for failure in report.failures
                    for one in failure.violations
                ],
                "coverage": len(report.covered),
                "coverage_by_fault": dict(sorted(Counter(fault for *_, fault in report.covered).items())),
                "seconds": round(seconds, 3),
            }
        )
    else:
        _emit_report(report, seconds, what)
    failed = len(report.failures)
    _fail_if(failed > 0, f"{failed} of {report.runs} {what} violate what must hold")


def _emit_report(report: "Report", seconds: float, what: str) -> None:
    emit_text(
        f"{report.runs:,} {what}, {report.events:,} events, {report.orders:,} orders, "
        f"{report.fills:,} fills, {report.trades:,} trades closed, in {seconds:.1f} s"
    )
    faults = ", ".join(f"{count:,} {name}" for name, count in Counter(report.faults).most_common())
    emit_text(f"faults: {faults or 'none'}")
    emit_text(f"covered: {len(report.covered):,} triples of state, event and fault")
    for failure in report.failures[:_SHOWN]:
        first = failure.violations[0]
        emit_text(f"{first.invariant} at {first.at:.3f} s: {first.message}\n  {failure.reproduce}")
    if not report.failures:
        emit_text("everything held that must hold")


def _emit_outcome(outcome: "Outcome") -> None:
    emit_text(
        f"seed {outcome.plan.seed} ({outcome.plan.profile}): {outcome.events:,} events, "
        f"{outcome.orders} orders, {outcome.fills} fills; trace {outcome.digest[:16]}, "
        f"books {outcome.state_hash[:16]}"
    )
    for one in outcome.violations:
        emit_text(f"{one.invariant} at {one.at:.3f} s: {one.message}")


def _told(outcome: "Outcome") -> dict[str, Any]:
    violations: Sequence[Any] = outcome.violations
    return {
        "seed": outcome.plan.seed,
        "profile": outcome.plan.profile,
        "events": outcome.events,
        "faults": outcome.faults,
        "violations": violations,
        "trace_hash": outcome.digest,
        "state_hash": outcome.state_hash,
    }


def _fail_if(has_failed: bool, message: str) -> None:
    if has_failed:
        explain(message)
        raise typer.Exit(FAILED)
