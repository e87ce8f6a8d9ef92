"""The work behind `tradewrit watchdog`: a watchdog, put together and run."""

import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.domain.market import SECOND
from tradewrit.domain.venues import objection_to
from tradewrit.errors import TheirFault, Unreachable, WrongVenue
from tradewrit.runtime.clock import SystemClock
from tradewrit.runtime.desk import stream_of
from tradewrit.runtime.issuer import Issuer
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.live.watchdog import Watchdog, WatchPolicy, terms_of_watchdog
from tradewrit.runtime.local_writs import LocalIssuer
from tradewrit.runtime.replay import load
from tradewrit.runtime.roles import Terms
from tradewrit.surfaces.cli.live_terms import Venue


def watch(
    journal: Path,
    account: str,
    venue: Venue,
    *,
    policy: WatchPolicy,
    once: bool,
    say: Callable[[str], None],
    issuer_of: Callable[[Mapping[str, Terms]], Issuer] | None = None,
) -> None:
    """Run a watchdog until a signal asks it to stop. once: a single look.

    issuer_of: an authority's, for these terms; None for a writ in memory.
    """
    machine = SystemClock()
    client = ExchangeClient(venue.url, venue.key, clock=machine)
    with ExitStack() as stack:
        stack.callback(client.close)
        file = SqliteJournal.open(journal, create=False)
        stack.callback(file.close)
        _bind(client, file, account, say)
        terms = terms_of_watchdog("paper", "paper")
        issuer = LocalIssuer(f"{file.id}:watchdog", account) if issuer_of is None else issuer_of(terms)
        dog = Watchdog(file, account, client, machine, issuer, terms, policy=policy, log=say)
        stack.callback(dog.stop)
        ended = threading.Event()
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, lambda *_: ended.set())
        while not ended.is_set():
            dog.look()
            if once:
                if dog.uncovered is None:
                    raise Unreachable("the watchdog could not look: see above")
                say(f"looked once; without a working stop: {', '.join(dog.uncovered) or 'nothing'}")
                return
            ended.wait(policy.every_ns / SECOND)


def _bind(client: ExchangeClient, journal: SqliteJournal, account: str, say: Callable[[str], None]) -> None:
    """Talk to the exchange of this journal alone; raises WrongVenue when another one answers already."""
    identity = load(journal, stream_of(account)).books.identity
    if identity is None:
        say("the journal does not say which exchange it belongs to; the desk's next start puts it on record")
        return
    try:
        answering = client.identity()
    except TheirFault as lost:  # it is looked for at every look, and has to be this one then
        say(f"the exchange cannot be asked who it is: {lost}")
    else:
        if reason := objection_to(identity, answering):
            raise WrongVenue(reason)
    client.bind(identity)
