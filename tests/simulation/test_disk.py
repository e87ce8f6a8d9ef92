"""The simulated disk: what lasts, what a crash takes, and what a piece of a record is worth."""

from random import Random

import pytest

from tradewrit.errors import JournalUnwritable
from tradewrit.runtime.journal.records import Entry
from tradewrit.simulation.disk import Append, Disk, DiskJournal, framed, unframed
from tradewrit.simulation.points import Death, Killed

ID = "0123456789abcdef" * 2
STREAM = "acct:paper"


class Dying:
    """Dies at the n-th time that a point is reached."""

    def __init__(self, point: str, nth: int = 1) -> None:
        self.point, self.left = point, nth

    def __call__(self, point: str) -> None:
        self.left -= point == self.point
        if point == self.point and not self.left:
            raise Killed(point, Death.KILL)


def entry(n: int) -> Entry:
    return Entry(type="order.submit.accepted", at=n, body=b'{"n":%d}' % n, dedup_key=f"exec:{n}")


def append(journal: DiskJournal, n: int) -> None:
    journal.append(STREAM, [entry(n), entry(100 + n)], expected_seq=2 * n, recorded_at=n)


def kept(disk: Disk) -> int:
    return DiskJournal(disk).verify(STREAM).last_good


@pytest.mark.parametrize(
    ("point", "after_kill", "after_power"),
    [("journal.append", 2, 2), ("journal.written", 4, 2), ("journal.synced", 4, 4)],
)
def test_a_killed_process_leaves_what_it_wrote_and_a_dead_machine_what_it_synced(
    point: str, after_kill: int, after_power: int
) -> None:
    disk = Disk(ID, Random(1))
    journal = DiskJournal(disk, Dying(point, nth=2))
    append(journal, 0)
    with pytest.raises(Killed):
        append(journal, 1)
    assert kept(disk) == after_kill
    disk.lose_power()
    assert kept(disk) == after_power
    # Whoever comes next goes on from there, with every key that counts and no other.
    later = DiskJournal(disk)
    assert later.has_seen(STREAM, "exec:1") is (after_power == 4)
    append(later, after_power // 2)
    assert later.verify(STREAM).is_intact


def test_a_torn_transaction_is_discarded_whole() -> None:
    raw = framed(Append(STREAM, (entry(1), entry(2)), 0, 1, 0))
    assert unframed(raw) is not None
    assert not any(unframed(raw[:cut]) for cut in range(len(raw)))
    for place in range(len(raw)):
        assert unframed(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]) is None


def test_after_a_power_loss_in_the_middle_of_a_write_a_piece_is_found_and_cut_off() -> None:
    disk = Disk(ID, Random(1), torn_fraction=1.0)
    append(DiskJournal(disk), 0)
    with pytest.raises(Killed):
        append(DiskJournal(disk, Dying("journal.written")), 1)
    disk.lose_power()
    assert (disk.discarded, kept(disk)) == (1, 2)


def test_a_full_disk_refuses_and_a_failed_sync_is_the_end() -> None:
    disk = Disk(ID, Random(1))
    journal = DiskJournal(disk)
    append(journal, 0)
    disk.is_full = True
    with pytest.raises(JournalUnwritable, match="no space"):
        append(journal, 1)
    disk.is_full = False
    append(journal, 1)
    disk.is_broken = True
    with pytest.raises(Killed, match="sync failed"):
        append(journal, 2)
    disk.lose_power()
    assert kept(disk) == 4
