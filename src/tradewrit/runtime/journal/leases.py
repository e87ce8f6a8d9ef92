"""The lease of a stream as the journal keeps it: who may write, and what the store refuses. One for all.

Knows no clock and no storage: a journal brings the lease it holds, and stores what comes back. Who may
take a lease, and when, is `runtime.lease`.
"""

from typing import Final

import msgspec

from tradewrit.domain.times import iso
from tradewrit.errors import JournalConflict

NEW_EPOCH: Final = 0
"""The epoch in a wanted lease that asks for the next one: somebody new takes over."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a stream, as of the last change.

    owner: names one run of one process; "" once the lease has been given up.
    epoch: rises with each new holder and never falls; what is appended carries it.
    beat: rises with every change, so no two states of one stream's lease are equal, whatever the clocks say.
    since, expires_at: UTC ns by the clock of whoever wrote it.
    duration_ns: how long it was granted for at its last renewal.
    """

    stream: str
    owner: str
    epoch: int = NEW_EPOCH
    beat: int = 0
    since: int
    expires_at: int
    duration_ns: int

    @property
    def is_given_up(self) -> bool:
        """Whether its holder has let go of it."""
        return not self.owner

    def __str__(self) -> str:
        if self.is_given_up:
            return f"epoch {self.epoch}, given up at {iso(self.expires_at)}"
        return f"{self.owner} (epoch {self.epoch}), since {iso(self.since)}, until {iso(self.expires_at)}"


def refuse_stale(stream: str, lease: Lease | None, epoch: int) -> None:
    """Raise JournalConflict unless `epoch` is the one that may append; without a lease anybody may."""
    if lease is None:
        return
    if epoch == lease.epoch and not lease.is_given_up:
        return
    if epoch == NEW_EPOCH:
        wanting = "this writer has no lease: take one first (runtime.lease), or let the holder write"
    elif epoch < lease.epoch:
        wanting = f"this writer holds epoch {epoch}: it has been replaced and must stop"
    elif epoch > lease.epoch:
        wanting = f"nobody was ever given epoch {epoch}"
    else:
        wanting = "this writer has given it up and must stop"
    raise JournalConflict(f"{stream} is written under the lease of {lease}, and {wanting}")


def settled(found: Lease | None, wanted: Lease, *, expected: Lease | None, written_under: int) -> Lease:
    """The lease to store in the place of `found`: compare, then set.

    written_under: the highest epoch among the stream's records.
    Raises JournalConflict when the store does not hold `expected`, or the epoch is not its epoch.
    """
    if found != expected:
        now = "has no lease" if found is None else f"is under the lease of {found}"
        raise JournalConflict(f"{wanted.stream} {now}: somebody else was faster; look again, then decide")
    beat = 1 if found is None else found.beat + 1
    if wanted.epoch == NEW_EPOCH:
        held = NEW_EPOCH if found is None else found.epoch
        return msgspec.structs.replace(wanted, epoch=max(held, written_under) + 1, beat=beat)
    # Only the holder goes on under an epoch, and only until it lets go.
    if found is None or found.is_given_up or (wanted.epoch, wanted.since) != (found.epoch, found.since):
        raise JournalConflict(
            f"{wanted.stream}: epoch {wanted.epoch} cannot be continued; take the lease anew"
        )
    if wanted.owner not in {found.owner, ""}:
        raise JournalConflict(f"{wanted.stream}: {wanted.owner} cannot continue the lease of {found.owner}")
    return msgspec.structs.replace(wanted, beat=beat)
