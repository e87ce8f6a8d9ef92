"""Checks of what a desk is connected to: its exchange, the exchange's prices, its journal, its authority.

Each asks and changes nothing. Imports what runs, so `doctor` imports it when something is to be looked at.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Final, TypeVar

import msgspec

from tradewrit.brokers.paper.http.client import ExchangeClient
from tradewrit.brokers.paper.http.stream import Cut
from tradewrit.brokers.paper.http.wire import Beat, Hello
from tradewrit.config.tree import Config
from tradewrit.config.writs import AuthorityConfig
from tradewrit.credentials.remote import RemoteClient
from tradewrit.credentials.remote_http import Http
from tradewrit.domain.market import DAY, SECOND
from tradewrit.domain.times import iso
from tradewrit.domain.venues import VenueIdentity, objection_to
from tradewrit.errors import JournalError, TheirFault, TradewritError, Unauthorized
from tradewrit.runtime.clock import Clock
from tradewrit.runtime.desk import stream_of
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.live.venue_clock import VenueClock
from tradewrit.runtime.replay import load
from tradewrit.runtime.secret import Secret
from tradewrit.surfaces.cli.machine import Check

T = TypeVar("T")

_TRIES: Final = 5
_LISTEN_S: Final = 3.0
_MOST_SKEW_S: Final = 2.0
_PATIENCE_S: Final = 5.0


def exchange(client: ExchangeClient, url: str, clock: Clock) -> tuple[Check, VenueIdentity | None]:
    """Whether it answers, how soon, whether it takes our key, and who it is; None for no answer."""
    name = "exchange"
    try:
        identity = client.identity()
        times = [_timed(client.clock, clock)[1] for _ in range(_TRIES)]
    except Unauthorized as refused:
        advice = "give the key it asks for: --key-env NAME of the variable that holds it"
        return Check(name=name, ok=False, found=str(refused), advice=advice), None
    except TradewritError as lost:
        advice = "start it (`tradewrit exchange serve`), or correct the address"
        return Check(name=name, ok=False, found=str(lost), advice=advice), None
    found = f"{url} is {identity}; answers in {_ms(median(times))} (slowest of {_TRIES}: {_ms(max(times))})"
    return Check(name=name, ok=True, found=found), identity


def prices(client: ExchangeClient, clock: Clock) -> Iterator[Check]:
    """Whether its stream is there, where its market stands, and how far our clock is from its own."""
    there = client.clock()
    heard = VenueClock(clock, there.at)
    connected = _listen(client, heard, clock)
    if isinstance(connected, str):
        advice = "nothing is traded without prices: see the exchange's log"
        yield Check(name="prices", ok=False, found=connected, advice=advice)
        return
    over = "; its data are at their end: no more prices will come" if there.is_over else ""
    stands = f"the market stands at {iso(there.at)}" if there.at else "the market has not begun"
    yield Check(name="prices", ok=True, found=f"the stream answers in {_ms(connected)}; {stands}{over}")
    yield skew(heard, there.at, clock)


def _listen(client: ExchangeClient, heard: VenueClock, clock: Clock) -> int | str:
    """How long the stream took to connect (ns), or why it did not; `heard` learns the time for a while."""
    began, until = clock.monotonic(), clock.monotonic() + round(_LISTEN_S * SECOND)
    connected: int | None = None
    events = client.events(client.clock().last)
    stop = threading.Timer(_LISTEN_S, events.close)
    stop.daemon = True
    stop.start()
    try:
        for _, message in events:
            if isinstance(message, Cut):
                return message.reason
            if isinstance(message, Hello):
                connected = clock.monotonic() - began
                heard.hear(message.at)
            elif at := message.at if isinstance(message, Beat) else getattr(message, "closed_at", 0):
                heard.hear(at, is_fresh=True)
            if clock.monotonic() >= until:
                break
    except TheirFault as lost:
        return str(lost)
    finally:
        stop.cancel()
        events.close()
    return f"not connected within {_LISTEN_S:g} s" if connected is None else connected


def skew(heard: VenueClock, at: int, clock: Clock) -> Check:
    """How far the clocks are apart. heard: has listened for a while. at: where the market stands, UTC ns."""
    name = "clock"
    if at and abs(clock.now() - at) > DAY:
        return Check(
            name=name, ok=True, found=f"the exchange plays {iso(at)[:10]}: there is nothing to compare"
        )
    apart = heard.skew_s
    if apart is None:
        found = f"not known: the market has shown nothing new within {_LISTEN_S:g} s"
        return Check(name=name, ok=True, found=found, is_required=False)
    found = f"this machine's clock is {apart:+.3f} s against the exchange's"
    if abs(apart) <= _MOST_SKEW_S:
        return Check(name=name, ok=True, found=found)
    advice = f"beyond {_MOST_SKEW_S:g} s no entry leaves: have it set by NTP (timedatectl, chronyc)"
    return Check(name=name, ok=False, found=found, advice=advice)


def journal(path: Path, config: Config, answering: VenueIdentity | None) -> Check:
    """Whose journal it is, and whether who answers is that exchange."""
    name = "journal"
    if not path.exists():
        return Check(name=name, ok=True, found=f"{path} (made when a desk starts)")
    stream = stream_of(config.account.name)
    try:
        with closing(SqliteJournal.open(path, read_only=True)) as file:
            identity, lease = load(file, stream).books.identity, file.lease(stream)
    except JournalError as unreadable:
        return Check(
            name=name, ok=False, found=str(unreadable), advice="`tradewrit journal verify` says more"
        )
    found = f"{path} belongs to {identity or 'no exchange yet'}"
    if lease is not None and not lease.is_given_up:
        found += f"; run by {lease.owner}, whose lease lasts until {iso(lease.expires_at)}"
    if answering is not None and (reason := objection_to(identity, answering)):
        return Check(name=name, ok=False, found=found, advice=reason)
    return Check(name=name, ok=True, found=found)


class _Health(msgspec.Struct, frozen=True):
    """What of its health an authority of the protocol tells."""

    status: str = ""


def authority(there: AuthorityConfig, secret_of: Callable[[str], Secret] | None, clock: Clock) -> Check:
    """Whether the authority elsewhere answers, how soon, and whether it takes the app's secret.

    secret_of: the sealed store's; None where nobody has said how it is opened, and nobody is asked.
    """
    name, url = "authority", there.url or ""
    certificates = None if there.certificates is None else Path(there.certificates).expanduser()
    try:
        with closing(Http(url, _PATIENCE_S, certificates)) as http:
            health, took = _timed(lambda: http.ask("GET", "/v1/health", _Health), clock)
        signed_in = _sign_in(there, secret_of, certificates)
    except Unauthorized as refused:
        advice = (
            f"the secret kept as {there.sealed_as!r} is not accepted: `tradewrit secrets set` a fresh one"
        )
        return Check(name=name, ok=False, found=f"{url}: {refused}", advice=advice)
    except TradewritError as lost:
        return Check(name=name, ok=False, found=str(lost), advice="see that it runs and can be reached")
    found = f"{url} is {health.status or 'there'}; answers in {_ms(took)}; {signed_in}"
    if health.status not in {"ok", ""}:
        return Check(name=name, ok=False, found=found, advice="its store cannot be read: see its log")
    return Check(name=name, ok=True, found=found)


def _sign_in(
    there: AuthorityConfig, secret_of: Callable[[str], Secret] | None, certificates: Path | None
) -> str:
    if there.client_id is None:
        return "not signed in: writs.authority.client_id is not set"
    if secret_of is None:
        return "not signed in: --passphrase-file or --key-file opens the store with its secret"
    secret = secret_of(there.sealed_as).reveal()
    plain = there.allow_plain_http
    with closing(
        RemoteClient(
            there.url or "", there.client_id, secret, authorities=certificates, is_plain_allowed=plain
        )
    ) as client:
        client.sign_in()
    return f"signed in as {there.client_id}"


def _timed(call: Callable[[], T], clock: Clock) -> tuple[T, int]:
    began = clock.monotonic()
    return call(), clock.monotonic() - began


def _ms(ns: float) -> str:
    return f"{ns / 1e6:.1f} ms"
