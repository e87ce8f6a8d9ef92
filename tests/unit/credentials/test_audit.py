import hashlib
import hmac
import itertools
import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.credentials.stores import AUTHORITY, NOW, event, opened
from tradewrit.credentials.audit import (
    FIELDS,
    AuditEvent,
    EventType,
    event_id,
    first_bad,
    is_signed,
    linked,
    record_of,
    row_of,
    signed_head,
    verified,
)
from tradewrit.credentials.audit_table import AuditQuery
from tradewrit.credentials.store import CredentialStore
from tradewrit.errors import JournalCorrupt, JournalError
from tradewrit.runtime.journal.chain import EMPTY
from tradewrit.runtime.journal.records import GENESIS, Head

KEY = b"k" * 32


def sign(message: bytes) -> bytes:
    return hashlib.blake2b(message, key=KEY).digest()


def is_right(signature: bytes, message: bytes) -> bool:
    return hmac.compare_digest(signature, sign(message))


def filled(folder: Path, count: int = 5) -> Path:
    store = opened(folder)
    for number in range(count):
        with store.change(NOW + number) as change:
            change.record(event(detail=f"event {number}"))
    store.close()
    return folder / "credentials.db"


def by_hand(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_the_first_event_follows_genesis_and_numbers_go_up_by_one() -> None:
    records = linked(AUTHORITY, EMPTY, [event(), event()], NOW)
    assert records[0].prev_hash == GENESIS
    assert records[1].prev_hash == records[0].hash
    assert [record.id for record in records] == ["evt-000001", "evt-000002"]


def test_numbers_beyond_six_digits_keep_all_their_digits() -> None:
    assert event_id(1_234_567) == "evt-1234567"


def test_moving_a_separator_from_one_field_to_the_next_changes_the_hash() -> None:
    one = AuditEvent(type="x", at=1, task_id="a|b", orch_id="c")
    other = AuditEvent(type="x", at=1, task_id="a", orch_id="b|c")
    assert linked(AUTHORITY, EMPTY, [one], NOW)[0].hash != linked(AUTHORITY, EMPTY, [other], NOW)[0].hash


@given(
    st.lists(
        st.builds(
            AuditEvent,
            type=st.sampled_from(EventType),
            at=st.integers(0, 2**62),
            detail=st.text(alphabet=st.characters(exclude_categories=["Cs"])),
            deleg_depth=st.integers(0, 5),
        ),
        max_size=4,
    )
)
def test_what_is_linked_and_stored_reads_back_and_verifies(events: list[AuditEvent]) -> None:
    records = linked(AUTHORITY, EMPTY, events, NOW)
    rows = [row_of(record) for record in records]
    assert [record_of(row) for row in rows] == records
    assert verified(AUTHORITY, rows, None).is_intact


def test_a_text_that_is_no_unicode_is_refused() -> None:
    with pytest.raises(JournalError, match="not valid Unicode"):
        linked(AUTHORITY, EMPTY, [event(detail="\ud800")], NOW)


@pytest.mark.parametrize("column", ["seq", "recorded_at", *FIELDS, "prev_hash", "hash"])
def test_a_change_to_any_column_of_an_event_is_noticed_at_that_event(tmp_path: Path, column: str) -> None:
    path = filled(tmp_path)
    value = 999 if column in {"seq", "recorded_at", "at", "deleg_depth", "bytes_transferred"} else "'x'"
    by_hand(path, f'UPDATE audit SET "{column}" = {value} WHERE seq = 3')
    with pytest.raises(JournalCorrupt, match="cannot be trusted from evt-000003 on"):
        CredentialStore.open(path)


@pytest.mark.parametrize(
    ("what", "statements", "named"),
    [
        ("the first deleted", ["DELETE FROM audit WHERE seq = 1"], "evt-000001"),
        ("one deleted", ["DELETE FROM audit WHERE seq = 3"], "evt-000003"),
        ("the last deleted", ["DELETE FROM audit WHERE seq = 5"], "evt-000005"),
        ("all deleted", ["DELETE FROM audit"], "evt-000001"),
        ("one deleted, the rest renumbered", ["DELETE FROM audit WHERE seq = 2", "UPDATE audit SET seq = seq - 1 WHERE seq > 2"], "evt-000002"),
        ("two exchanged", ["UPDATE audit SET seq = -2 WHERE seq = 2", "UPDATE audit SET seq = 2 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = -2"], "evt-000002"),
        ("a number as text", ["UPDATE audit SET at = CAST(at AS BLOB) WHERE seq = 4"], "evt-000004"),
        ("one put before the first", ["INSERT INTO audit SELECT 0, recorded_at, " + ", ".join(FIELDS) + ", prev_hash, hash FROM audit WHERE seq = 1"], "evt-000001"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_a_file_edited_by_hand_is_not_opened_and_the_first_bad_event_is_named(
    tmp_path: Path, what: str, statements: list[str], named: str
) -> None:
    path = filled(tmp_path)
    by_hand(path, *statements)
    with pytest.raises(JournalCorrupt, match=f"from {named} on"):
        CredentialStore.open(path)
    store = CredentialStore.open(path, is_verified=False)
    assert first_bad(store.verify()) == named, what
    store.close()


def test_nothing_is_built_on_a_chain_whose_end_was_cut_off(tmp_path: Path) -> None:
    path = filled(tmp_path)
    store = CredentialStore.open(path)
    by_hand(path, "DELETE FROM audit WHERE seq = 5")
    with pytest.raises(JournalCorrupt, match="nothing may be built on it"), store.change(NOW) as change:
        change.record(event())
    store.close()


def test_a_chain_cut_off_with_its_head_is_caught_by_a_head_kept_elsewhere(tmp_path: Path) -> None:
    path = filled(tmp_path)
    store = CredentialStore.open(path)
    kept = store.head()
    by_hand(
        path,
        "DELETE FROM audit WHERE seq = 5",
        "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)",
    )
    assert store.verify().is_intact
    found = store.verify(against=kept)
    assert first_bad(found) == "evt-000005"
    assert found.fault is not None
    assert re.search("cut off", found.fault)
    store.close()


def test_a_signed_head_holds_for_its_chain_and_for_nothing_else() -> None:
    head = Head(AUTHORITY, "audit", 5, "b" * 64)
    signed = signed_head(head, "key-1", sign)
    assert is_signed(signed, is_right)
    others = [
        Head("b" * 32, "audit", 5, "b" * 64),
        Head(AUTHORITY, "audit", 6, "b" * 64),
        Head(AUTHORITY, "audit", 5, "c" * 64),
    ]
    for other in others:
        forged = type(signed)(head=other, key_id=signed.key_id, signature=signed.signature)
        assert not is_signed(forged, is_right)
    assert not is_signed(type(signed)(head=head, key_id="key-1", signature="no hex"), is_right)


def test_events_are_found_by_each_field_and_counted_beyond_the_page(tmp_path: Path) -> None:
    store = opened(tmp_path)
    agents, tasks, outcomes = ["a", "b"], ["t", "u"], ["success", "denied"]
    for number, (who, task, outcome) in enumerate(itertools.product(agents, tasks, outcomes)):
        with store.change(NOW) as change:
            change.record(
                AuditEvent(
                    type="scope_violation", at=NOW + number, agent_id=who, task_id=task, outcome=outcome
                )
            )
    asked = {
        AuditQuery(): 8,
        AuditQuery(agent_id="a"): 4,
        AuditQuery(agent_id="a", task_id="u", outcome="denied"): 1,
        AuditQuery(type="token_issued"): 0,
        AuditQuery(since=NOW + 2, until=NOW + 4): 3,
        AuditQuery(agent_id="a' OR '1'='1"): 0,
    }
    for query, total in asked.items():
        events, count = store.events(query)
        assert (len(events), count) == (total, total), query
    events, count = store.events(AuditQuery(limit=2, offset=3))
    assert ([found.seq for found in events], count) == ([4, 5], 8)
    store.close()


def test_a_clock_that_goes_back_does_not_take_the_chain_with_it(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for at in (NOW, NOW - 60):
        with store.change(at) as change:
            change.record(AuditEvent(type="key_rotated", at=at))
    first, second = store.events(AuditQuery())[0]
    assert (second.event.at, second.recorded_at) == (NOW - 60, first.recorded_at)
    store.close()
