"""The page about the journal holds a verifier that shares no code with us: it must work as printed."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.unit.runtime.journal.samples import RECORDS, STREAM, Alter, sample
from tradewrit.runtime.journal.sqlite import SqliteJournal
from tradewrit.runtime.journal.sqlite_file import Synchronous

PAGE = Path(__file__).parents[4] / "docs" / "explanation" / "journal.md"


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert "tradewrit" not in code
    script = tmp_path_factory.mktemp("page") / "verifier.py"
    script.write_text(code, encoding="utf-8")
    return script


def run(verifier: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", verifier, path],
        capture_output=True,
        text=True,
        check=False,
        encoding="utf-8",
    )


def test_the_verifier_on_the_page_agrees_with_ours(verifier: Path, path: Path) -> None:
    with closing(SqliteJournal.open(path, synchronous="OFF")) as journal:
        odd = 'ä\U0001f600 "quoted" \\ / \x7f \u2028 \t\n\x01'
        journal.append(odd, [sample(1)], expected_seq=0, recorded_at=-5)
        journal.append(
            "keyless",
            [msgspec.structs.replace(sample(1), dedup_key=None)] * 2,
            expected_seq=0,
            recorded_at=-5,
        )
        heads = [journal.head(stream) for stream in journal.streams()]
    answer = run(verifier, path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout == "".join(f"{head.stream} {head.seq} {head.hash}\n" for head in heads)


@pytest.mark.parametrize("column", ["body = x'00'", "event_id = 'x'", "prev_hash = hash", "seq = 99"])
def test_the_verifier_on_the_page_finds_what_was_altered(
    verifier: Path, path: Path, alter: Alter, column: str
) -> None:
    alter(f"UPDATE journal SET {column} WHERE stream = '{STREAM}' AND seq = {RECORDS}")
    answer = run(verifier, path)
    assert answer.returncode == 1
    assert f"the last good one is {RECORDS - 1}" in answer.stderr


def test_every_column_and_every_durability_is_explained(path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    with closing(SqliteJournal.open(path)) as journal:
        columns = [row[1] for row in journal._connection.execute("PRAGMA table_info(journal)")]
    explained = re.findall(r"`(\w+)`", text)
    assert set(columns) <= set(explained)
    assert {*Synchronous.__args__} <= set(explained)  # type: ignore[attr-defined]
