"""`tradewrit watchdog`: a second process that protects what a dead desk holds."""

from contextlib import ExitStack
from typing import Annotated

import msgspec
import typer

from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.surfaces.cli.config import ConfigFile, in_force
from tradewrit.surfaces.cli.live_options import (
    PAPER,
    Broker,
    IssuerFrom,
    JournalFile,
    KeyEnv,
    UnderAuthority,
    issuing,
    journal_of,
    key_from,
)
from tradewrit.surfaces.cli.output import Json, emit_text, example
from tradewrit.surfaces.cli.sealed_key import KeyFile, PassphraseFile


def register(app: typer.Typer, issuer_from: IssuerFrom) -> None:
    """Add `tradewrit watchdog`; `issuer_from` gives it a writ of an authority."""

    @app.command(
        "watchdog",
        epilog=example("tradewrit watchdog --journal desk.sqlite --broker http://127.0.0.1:8090"),
    )
    def _watchdog(
        broker: Broker,
        journal: JournalFile = None,
        config: ConfigFile = None,
        key_env: KeyEnv = None,
        *,
        every: Annotated[
            float, typer.Option(min=0.1, max=3_600.0, metavar="SECONDS", help="Between two looks.")
        ] = 15.0,
        patience: Annotated[
            float,
            typer.Option(
                min=0.1,
                max=86_400.0,
                metavar="SECONDS",
                help="For how long a position may be without a stop, its desk silent; longer than its lease.",
            ),
        ] = 30.0,
        authority: UnderAuthority = False,
        passphrase_file: PassphraseFile = None,
        key_file: KeyFile = None,
        once: Annotated[bool, typer.Option("--once", help="Look once and leave.")] = False,
        as_json: Json = False,
    ) -> None:
        """Watch over a desk: place the stop it would place, if it is silent and a position is without one.

        A process of its own with a protective writ of its own: it cannot enter, and under the desk's order
        ids it cannot double a stop.
        """
        from tradewrit.runtime.clock import SystemClock
        from tradewrit.runtime.live.watchdog import WatchPolicy
        from tradewrit.surfaces.cli.aside import standard_error
        from tradewrit.surfaces.cli.live_terms import Venue
        from tradewrit.surfaces.cli.watching import watch

        if broker == PAPER:
            raise typer.BadParameter(
                "a watchdog needs the address of an exchange server", param_hint="--broker"
            )
        current = in_force(config)
        clock = SystemClock()

        venue, place = Venue(url=broker, key=key_from(key_env)), journal_of(current, journal)
        if as_json:
            emit_text(msgspec.json.encode({"broker": broker, "journal": str(place)}).decode())
        else:
            emit_text(f"Watching {place} against {broker}; Ctrl-C stops it.")
        policy = WatchPolicy(
            every_ns=round(every * SECOND),
            patience_ns=round(patience * SECOND),
            maintenance=current.venue.windows(),
        )
        with ExitStack() as stack:
            log = standard_error()
            stack.callback(log.close)
            issuer_of = None
            if authority:
                issuer_of = issuing(stack, issuer_from, current, passphrase_file, key_file)
            watch(
                place,
                current.account.name,
                venue,
                policy=policy,
                once=once,
                say=lambda text: log.say(f"{iso(clock.now())} watchdog: {text}"),
                issuer_of=issuer_of,
            )
