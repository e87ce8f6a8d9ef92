from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewrit.errors import JournalError
from tradewrit.runtime.journal.heads import head_text, parse_head, read_head, write_head
from tradewrit.runtime.journal.records import Head

HEAD = Head("0123456789abcdef" * 2, "acct:default/paper", 7, "ab" * 32)


def test_a_written_head_is_read_back_and_replaces_the_one_before(tmp_path: Path) -> None:
    place = tmp_path / "head.json"
    write_head(place, Head(HEAD.journal_id, HEAD.stream, 6, HEAD.hash))
    write_head(place, HEAD)
    assert read_head(place) == HEAD
    assert list(tmp_path.iterdir()) == [place]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 2**63 - 1))
def test_any_head_survives_as_text(stream: str, seq: int) -> None:
    head = Head(HEAD.journal_id, stream, seq, HEAD.hash)
    assert parse_head(f" {head_text(head)}\n") == head


def test_the_text_is_plain_json() -> None:
    expected = '{"journal_id":"%s","stream":"acct:default/paper","seq":7,"hash":"%s"}'
    assert head_text(HEAD) == expected % (HEAD.journal_id, HEAD.hash)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json",
        "[]",
        "{}",
        head_text(HEAD)[:-1],
        head_text(HEAD).replace(":7", ":-7"),
        head_text(HEAD).replace(":7", ':"7"'),
        head_text(HEAD).replace("abab", "ABAB"),
        head_text(HEAD).replace("0123", "012"),
    ],
)
def test_what_is_no_head_is_refused_with_the_name_of_the_file(tmp_path: Path, text: str) -> None:
    place = tmp_path / "head.json"
    place.write_text(text)
    with pytest.raises(JournalError, match=r"head\.json: is not an exported head"):
        read_head(place)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "head.json"
    place.write_bytes(b'{"journal_id":"\xff"}')
    with pytest.raises(JournalError, match="not an exported head"):
        read_head(place)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="cannot read the head"):
        read_head(tmp_path / "absent.json")
    with pytest.raises(JournalError, match="cannot read the head"):
        read_head(tmp_path)
    with pytest.raises(JournalError, match="cannot write the head"):
        write_head(tmp_path / "absent" / "head.json", HEAD)
    with pytest.raises(JournalError, match="cannot write the head"):
        write_head(tmp_path, HEAD)
