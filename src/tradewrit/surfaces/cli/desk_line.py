"""How a command speaks to a running desk, and what it says of one that does not answer."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from tradewrit.config.tree import Config
from tradewrit.domain.market import SECOND
from tradewrit.domain.times import iso
from tradewrit.errors import JournalError, OurFault
from tradewrit.surfaces.cli.config import in_force
from tradewrit.surfaces.cli.live_options import journal_of
from tradewrit.surfaces.cli.output import emit_json, emit_text

if TYPE_CHECKING:
    from tradewrit.runtime.clock import Clock
    from tradewrit.runtime.live.requests import Answer, AnyRequest


def ask(
    journal: Path | None, config: Path | None, request: "AnyRequest", *, timeout_s: float | None
) -> "Answer":
    """What a running desk answers. Raises OurFault when none does, or when it refuses."""
    from tradewrit.runtime.clock import SystemClock
    from tradewrit.runtime.live.door import NoAnswer, door_of, knock

    current = in_force(config)
    place = journal_of(current, journal)
    try:
        answer = knock(door_of(place), request, timeout_s=timeout_s)
    except NoAnswer as silent:
        raise OurFault(f"{silent}{last_beat(place, current, SystemClock())}") from None
    if answer.error:
        raise OurFault(answer.error)
    return answer


def told(answer: "Answer", *, as_json: bool) -> None:
    """Print what it said."""
    if as_json:
        emit_json({"said": answer.said})
    else:
        emit_text(answer.said)


def last_beat(journal: Path, config: Config, clock: "Clock") -> str:
    """What the journal tells of a desk that does not answer: since when its lease has not been renewed."""
    from tradewrit.runtime.desk import stream_of
    from tradewrit.runtime.journal.sqlite import SqliteJournal

    if not journal.exists():
        return f", and there is no journal at {journal}: start one with tradewrit run, or correct --journal"
    try:
        with closing(SqliteJournal.open(journal, read_only=True)) as file:
            lease = file.lease(stream_of(config.account.name))
    except JournalError as unreadable:
        return f", and its journal cannot be read: {unreadable}"
    if lease is None:
        return f". Nobody has ever run account {config.account.name} there: start one with tradewrit run"
    if lease.is_given_up:
        return (
            f". The last one let go of the account at {iso(lease.expires_at)}: start one with tradewrit run"
        )
    beat = lease.expires_at - lease.duration_ns
    silent_ns = max(0, clock.now() - beat)
    ago = f"{silent_ns // SECOND} s ago"
    if silent_ns < lease.duration_ns:
        return f". {lease.owner} has renewed its lease {ago}: it is starting, or busy; ask again"
    return (
        f". {lease.owner} has not renewed its lease since {iso(beat)}, {ago}: it hangs or is dead. The next "
        "tradewrit run takes the account over; until then a watchdog protects what is held"
    )
