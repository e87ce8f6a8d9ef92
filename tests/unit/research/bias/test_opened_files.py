"""What a strategy opens is seen, judged, and not confused with Python's own files."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tradewrit.research.bias.findings import Severity
from tradewrit.research.bias.reading import Access, judged, watching


def test_a_file_that_is_opened_is_seen_once_per_opening(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    path.write_text("1")
    with watching() as seen:
        path.read_text()
        path.read_bytes()
    assert [one.path for one in seen] == [path, path]
    (found,) = judged(seen, None)
    assert found.numbers == {"times": 2}


def test_nothing_is_seen_outside_the_watch(tmp_path: Path) -> None:
    path = tmp_path / "numbers.csv"
    with watching() as seen:
        pass
    path.write_text("1")
    assert seen == []


def test_importing_code_is_no_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_module_of_its_own.py").write_text("VALUE = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    with watching() as seen:
        import a_module_of_its_own  # type: ignore[import-not-found]
    assert a_module_of_its_own.VALUE == 1
    assert judged(seen, tmp_path) == []


def test_the_network_and_other_programs_are_errors() -> None:
    with watching() as seen:
        subprocess.run([sys.executable, "-S", "-c", ""], check=True)
        with socket.socket() as one, pytest.raises(OSError, match=r"."):
            one.connect(("127.0.0.1", 1))
    findings = judged(seen, None)
    assert {one.severity for one in findings} == {Severity.ERROR}
    text = " ".join(one.message for one in findings)
    assert "the network" in text
    assert "another program" in text


def test_a_file_inside_the_data_directory_is_the_data(tmp_path: Path) -> None:
    inside, outside = Access("in", tmp_path / "lake" / "a.parquet"), Access("out", tmp_path / "b.csv")
    first, second = judged([inside, outside], tmp_path / "lake")
    assert (first.severity, second.severity) == (Severity.ERROR, Severity.WARNING)
