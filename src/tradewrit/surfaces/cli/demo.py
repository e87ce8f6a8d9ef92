"""`tradewrit demo`: the desk on real prices, the story of one trade, a verified journal, a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewrit.errors import JournalCorrupt
from tradewrit.surfaces.cli.output import Json, emit_heading, emit_table, emit_text, example, progress

if TYPE_CHECKING:
    from tradewrit.research.demo import Demo

DEFAULT_FOLDER = Path("runs/demo")


def register(app: typer.Typer) -> None:
    """Add `tradewrit demo`."""
    app.command("demo", epilog=example("tradewrit demo", "tradewrit demo --out /tmp/desk --json"))(_demo)


def _demo(
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Where everything goes. What an earlier demo left there is replaced, and nothing else.",
        ),
    ] = DEFAULT_FOLDER,
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            metavar="N",
            min=0,
            help="Names the journal and its orders; the prices, and so the trades, are the same.",
        ),
    ] = 0,
    is_full: Annotated[
        bool,
        typer.Option(
            "--full-sync",
            help="Wait for the disk on every record, as a desk with real money must; several times slower.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the desk on real daily prices and tell the story of one trade, step by step.

    Paper money, no network. The journal is on disk; at the end it is verified record by record, and
    replayed to the same state.
    """
    from tradewrit.research.demo import demo_bars, run_demo
    from tradewrit.runtime.clock import Stopwatch, SystemClock

    watch = Stopwatch()
    bars = demo_bars()
    load_seconds = watch.wall()
    total = sum(len(one) for one in bars)
    with progress("bars through the desk", total) as advance:
        demo = run_demo(
            out,
            bars,
            seed=seed,
            synchronous="FULL" if is_full else "NORMAL",
            created_at=SystemClock().now(),
            load_seconds=load_seconds,
            progress=None if as_json else advance,
        )
    if as_json:
        from tradewrit.research.results import encode

        emit_text(encode(_summary(demo), indent=2).decode())
    else:
        _emit(demo, is_full=is_full)
    if not (demo.verification.is_intact and demo.is_replay_equal):
        raise JournalCorrupt(
            f"{demo.journal}: {demo.verification.fault or 'the replay ends in another state than the run'}"
        )


def _summary(demo: "Demo") -> dict[str, Any]:
    """The object of `tradewrit demo --json`; its keys are a contract."""
    counts = demo.run.counts
    return {
        "trades": len(demo.run.result.trades),
        "orders": counts.get("order.submit.requested", 0),
        "fills": counts.get("position.fill.booked", 0),
        "events": demo.verification.records,
        "final_equity": demo.run.result.final_equity,
        "journal_verified": demo.verification.is_intact,
        "replay_hash_equal": demo.is_replay_equal,
        "report": str(demo.report),
    }


def _emit(demo: "Demo", *, is_full: bool) -> None:
    from tradewrit.surfaces.cli.figures import figures, headline
    from tradewrit.surfaces.cli.story import emit_story
    from tradewrit.surfaces.story import choose, tell

    trade = choose(demo.lines)
    steps = tell(demo.lines, trade)
    emit_heading("One trade, as the journal tells it")
    emit_text("Prices are adjusted for splits and dividends; a daily bar opens at midnight in New York.")
    emit_story(steps)
    emit_heading("Results")
    emit_text(headline(demo.run.result))
    emit_table((), figures(demo.run.result, demo.run.counts, demo.metrics))
    emit_heading("Journal")
    emit_table((), _journal(demo, is_full=is_full))
    emit_heading("Files")
    emit_table(
        (),
        [
            ("report", str(demo.report)),
            ("trades", str(demo.trades)),
            ("bars", str(demo.bars)),
            ("journal", str(demo.journal)),
            ("authority", f"{demo.home} (its keys, and the audit chain of the writs it issued)"),
            ("head", f"{demo.head} (keep it elsewhere: it shows a cut or rebuilt journal)"),
        ],
    )
    emit_heading("Next")
    emit_text(
        f"Open {demo.report} in a browser, then try\n"
        f"  tradewrit journal show {demo.journal} --trade {trade}\n"
        f"  tradewrit journal verify {demo.journal} --head {demo.head}\n"
        f"  tradewrit backtest --strategy trend_following --data {demo.bars} --param window=50"
    )


def _journal(demo: "Demo", *, is_full: bool) -> list[tuple[str, str]]:
    checked, replayed = demo.verification, demo.replayed
    fault = checked.fault or f"intact: every hash checked in {demo.verify_seconds:.2f} s"
    same = "the same state as the run" if demo.is_replay_equal else "ANOTHER state than the run"
    counts = demo.run.counts
    return [
        ("records", f"{checked.records:,}, one hash chain, {_size(demo.journal)} on disk"),
        ("orders, fills", f"{counts['order.submit.requested']:,}, {counts['position.fill.booked']:,}"),
        ("acted under", _identities(demo)),
        ("verified", fault),
        ("replayed", f"{same} in {demo.replay_seconds:.2f} s, hash {replayed.state_hash[:16]}..."),
        (
            "written",
            "waiting for the disk on every record"
            if is_full
            else "safe against a crash of the program (--full-sync: of the machine too)",
        ),
    ]


def _identities(demo: "Demo") -> str:
    """How many agents acted under how many tokens; both are counted in the journal."""
    agents = {record.entry.agent_id for record, _ in demo.lines} - {""}
    tokens = {record.entry.token_id for record, _ in demo.lines} - {""}
    return f"{len(agents)} identities and {len(tokens)} tokens of the desk's own authority"


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
