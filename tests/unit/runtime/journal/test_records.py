import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from tradewrit.runtime.journal.records import GENESIS, Entry, event_id, record_hash

ID = "0123456789abcdef" * 2


def test_the_hash_of_a_record_never_changes_between_versions() -> None:
    entry = Entry(
        type="order.fill.recorded",
        at=1_704_186_000_000_000_000,
        body=b'{"price":"166.72"}',
        source="broker",
        caused_by=12,
        correlation="scan:1",
        trace="trade:1",
        dedup_key="exec:paper:17",
        agent_id="spiffe://agentwrit.local/agent/paper/executor/00112233aabbccdd",
        token_id="0123456789abcdef0123456789abcdef",
    )
    digest = record_hash(ID, "acct:default/paper", 13, 1_704_186_000_000_000_001, 2, GENESIS, entry)
    assert digest == "55c7e7d9ee834606e4507d9af4cce5e97e0d095072594481bfcef9707f045dcb"
    assert event_id(ID, "acct:default/paper", 13) == "97c3e340b36ebdace7ab2abb6048f747"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(2**63), 2**63 - 1)
entries = st.builds(
    Entry,
    type=texts,
    at=numbers,
    body=st.binary(max_size=20),
    source=texts,
    caused_by=numbers,
    correlation=texts,
    trace=texts,
    dedup_key=st.none() | texts,
    version=numbers,
    agent_id=texts,
    token_id=texts,
)


@given(texts, numbers, numbers, numbers, entries)
def test_the_hash_can_be_computed_with_any_json_library(
    stream: str, seq: int, at: int, epoch: int, entry: Entry
) -> None:
    row = [ID, stream, seq, at, epoch, GENESIS, entry.type, entry.version, entry.at, entry.source]
    row += [entry.caused_by, entry.correlation, entry.trace, entry.dedup_key, entry.agent_id, entry.token_id]
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    expected = hashlib.sha256(text.encode() + b"\n" + entry.body).hexdigest()
    assert record_hash(ID, stream, seq, at, epoch, GENESIS, entry) == expected


def test_neighbouring_fields_cannot_borrow_from_each_other() -> None:
    pairs = [("a", "bc"), ("ab", "c"), ('a","b', "c"), ("", "abc"), ("abc", "")]
    hashes = {
        record_hash(ID, "s", 1, 1, 0, GENESIS, Entry(type=one, at=1, body=b"", source=two))
        for one, two in pairs
    }
    assert len(hashes) == len(pairs)


def test_no_key_and_an_empty_key_differ() -> None:
    keyless, empty = (Entry(type="a.b.c", at=1, body=b"", dedup_key=key) for key in (None, ""))
    assert record_hash(ID, "s", 1, 1, 0, GENESIS, keyless) != record_hash(ID, "s", 1, 1, 0, GENESIS, empty)
