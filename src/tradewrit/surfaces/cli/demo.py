"""`tradewrit demo`: the desk on real prices, the story of one trade, a verified journal, a report."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from msgspec.structs import replace

from tradewrit.config.environment import process_environment
from tradewrit.config.places import data_folder
from tradewrit.config.tree import Config
from tradewrit.credentials.remote_http import checked_url
from tradewrit.errors import JournalCorrupt
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.live_options import IssuerFrom
from tradewrit.surfaces.cli.output import Json, emit_heading, emit_table, emit_text, example, progress
from tradewrit.surfaces.cli.sealed_key import KeyFile, PassphraseFile, kept_secret

if TYPE_CHECKING:
    from tradewrit.features.bars import Bars
    from tradewrit.research.demo import Demo
    from tradewrit.runtime.issuer import Issuer
    from tradewrit.runtime.secret import Secret

DEFAULT_FOLDER = Path("runs/demo")
_TTL_S: Final = 86_400
"""Of tokens from elsewhere. A bar is a day: see `research.demo.PACE`."""


def register(app: typer.Typer, *, issuer_from: IssuerFrom) -> None:
    """Add `tradewrit demo`; `issuer_from` gives it writs from elsewhere."""
    examples = example(
        "tradewrit demo",
        "tradewrit demo --out /tmp/desk --json",
        "tradewrit demo --authority http://127.0.0.1:8080 --config desk.yaml",
    )

    @app.command("demo", epilog=examples)
    def demo(
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
                help="Wait for the disk on every record, as a desk with real money must; several times "
                "slower.",
            ),
        ] = False,
        authority: Annotated[
            str | None,
            typer.Option(
                "--authority",
                metavar="URL",
                help="Act under the writs of an authority elsewhere; as which app, the configuration and the "
                "sealed store say.",
            ),
        ] = None,
        config: ConfigFile = None,
        passphrase_file: PassphraseFile = None,
        key_file: KeyFile = None,
        as_json: Json = False,
    ) -> None:
        """Run the desk on real daily prices and tell the story of one trade, step by step.

        Paper money; no network but to an authority that is named. The journal is on disk; at the end it is
        verified record by record, and replayed to the same state.
        """
        from tradewrit.research.demo import demo_bars, run_demo
        from tradewrit.runtime.clock import Stopwatch, SystemClock

        if authority is None and config is not None:
            raise typer.BadParameter("goes with --authority", param_hint="--config")
        watch = Stopwatch()
        bars = demo_bars()
        load_seconds = watch.wall()
        total = sum(len(one) for one in bars)
        elsewhere: AbstractContextManager[Issuer | None] = nullcontext()
        if authority is not None:
            there = _going_to(authority, in_force(config))
            elsewhere = _issuing(issuer_from, there, bars, passphrase_file, key_file)
        with elsewhere as issuer, progress("bars through the desk", total) as advance:
            demo = run_demo(
                out,
                bars,
                seed=seed,
                synchronous="FULL" if is_full else "NORMAL",
                created_at=SystemClock().now(),
                load_seconds=load_seconds,
                progress=None if as_json else advance,
                issuer=issuer,
            )
        if as_json:
            from tradewrit.research.results import encode

            emit_text(encode(_summary(demo, authority), indent=2).decode())
        else:
            _emit(demo, authority, is_full=is_full)
        if not (demo.verification.is_intact and demo.is_replay_equal):
            raise JournalCorrupt(
                f"{demo.journal}: "
                f"{demo.verification.fault or 'the replay ends in another state than the run'}"
            )


def _going_to(url: str, config: Config) -> Config:
    """The configuration with this authority in it; raises ConfigError for no address of one."""
    from tradewrit.research.demo import ACCOUNT

    there = config.writs.authority
    checked_url(url, is_plain_allowed=there.allow_plain_http)
    there = replace(there, url=url)
    account = replace(config.account, name=ACCOUNT)
    writs = replace(config.writs, authority=there, ttl_s=_TTL_S, protective_ttl_s=_TTL_S)
    return replace(config, account=account, writs=writs)


@contextmanager
def _issuing(
    issuer_from: IssuerFrom,
    config: Config,
    bars: "Sequence[Bars]",
    passphrase_file: Path | None,
    key_file: Path | None,
) -> Iterator["Issuer"]:
    """Whoever issues the writs of a demonstration on these bars; asked before anything is replaced."""
    from tradewrit.research.demo import PACE, demo_terms

    def secret_of(name: str) -> "Secret":
        return kept_secret(name, passphrase_file, key_file)

    home = data_folder(process_environment())
    with issuer_from(config, demo_terms(bars), home, secret_of, pace=PACE) as issuer:
        yield issuer


def _summary(demo: "Demo", authority: str | None) -> dict[str, Any]:
    """The object of `tradewrit demo --json`; its keys are a contract."""
    counts = demo.run.counts
    elsewhere = {} if authority is None else {"authority": authority}
    return {
        "trades": len(demo.run.result.trades),
        "orders": counts.get("order.submit.requested", 0),
        "fills": counts.get("position.fill.booked", 0),
        "events": demo.verification.records,
        "final_equity": demo.run.result.final_equity,
        "journal_verified": demo.verification.is_intact,
        "replay_hash_equal": demo.is_replay_equal,
        "report": str(demo.report),
        **elsewhere,
    }


def _emit(demo: "Demo", authority: str | None, *, is_full: bool) -> None:
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
    emit_table((), _journal(demo, authority, is_full=is_full))
    emit_heading("Files")
    emit_table(
        (),
        [
            ("report", str(demo.report)),
            ("trades", str(demo.trades)),
            ("bars", str(demo.bars)),
            ("journal", str(demo.journal)),
            ("authority", authority or f"{demo.home} (its keys, and the audit chain of the writs it issued)"),
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


def _journal(demo: "Demo", authority: str | None, *, is_full: bool) -> list[tuple[str, str]]:
    checked, replayed = demo.verification, demo.replayed
    fault = checked.fault or f"intact: every hash checked in {demo.verify_seconds:.2f} s"
    same = "the same state as the run" if demo.is_replay_equal else "ANOTHER state than the run"
    counts = demo.run.counts
    return [
        ("records", f"{checked.records:,}, one hash chain, {_size(demo.journal)} on disk"),
        ("orders, fills", f"{counts['order.submit.requested']:,}, {counts['position.fill.booked']:,}"),
        ("acted under", _identities(demo, authority)),
        ("verified", fault),
        ("replayed", f"{same} in {demo.replay_seconds:.2f} s, hash {replayed.state_hash[:16]}..."),
        (
            "written",
            "waiting for the disk on every record"
            if is_full
            else "safe against a crash of the program (--full-sync: of the machine too)",
        ),
    ]


def _identities(demo: "Demo", authority: str | None) -> str:
    """How many agents acted under how many tokens; both are counted in the journal."""
    agents = {record.entry.agent_id for record, _ in demo.lines} - {""}
    tokens = {record.entry.token_id for record, _ in demo.lines} - {""}
    whose = "the desk's own authority" if authority is None else f"the authority at {authority}"
    return f"{len(agents)} identities and {len(tokens)} tokens of {whose}"


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"
