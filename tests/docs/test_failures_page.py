"""Every failure that is claimed to be survived is mapped to tests that exist and run; the page says so."""

import re
from pathlib import Path

import pytest

from tests.proofs.page import PAGE, ROOT, TABLES, all_rows, defect, render, rows

LATER = {"F-38", "F-51", "F-57", "F-60", "F-62", "F-63"}
"""Of the bus, notifications, language models, the schedule, telemetry and learning: not built yet."""
REQUIRED = {
    "faults": {f"F-{n:02}" for n in range(1, 66)} - LATER,
    "scenarios": {f"R{n:02}" for n in range(1, 42)} - {"R32", "R39"},
    "requirements": {
        *(f"CB-{n}" for n in range(1, 17)),
        *("ERR-1", "ERR-2", "ERR-3", "ERR-6", "UT-3", "UT-4", "UT-6", "RD-1", "RD-2", "RD-3", "RD-4"),
        *("MD-4", "MD-8", "OX-18", "OX-19", "RK-17", "FL-14", "P-4", "P-5", "P-11", "P-19"),
        *("H-8", "H-15", "H-45", "H-62"),
    },
    "invariants": {f"I-{n}" for n in range(1, 17)},
}
NOT_SHOWN: set[str] = set()
"""Nothing shows these at all."""
IN_PART: set[str] = set()
"""Something is shown, and the row says what is not."""


@pytest.mark.parametrize("table", TABLES)
def test_every_required_line_is_there_once_and_no_other(table: str) -> None:
    names = [row.id for row in rows(table)]
    assert sorted(names) == sorted(REQUIRED[table])


@pytest.mark.parametrize("row", all_rows(), ids=lambda row: row.id)
def test_a_line_names_tests_that_exist_and_run(row: object) -> None:
    assert isinstance(row, type(all_rows()[0]))
    assert row.what
    assert row.must
    assert len(set(row.tests)) == len(row.tests)
    assert [why for name in (*row.tests, *row.checked) if (why := defect(name))] == []
    assert all(name.split("::")[-1].startswith("test_") for name in row.tests)


def test_what_is_not_shown_is_known_and_said() -> None:
    assert {row.id for row in all_rows() if not row.tests} == NOT_SHOWN
    assert {row.id for row in all_rows() if row.missing} == NOT_SHOWN | IN_PART


def test_an_invariant_names_all_the_code_that_asks_it() -> None:
    there = {
        f"{file.relative_to(ROOT).as_posix()}::{name}": f"I-{int(name[1:3])}"
        for file in sorted((ROOT / "src/tradewrit/simulation/invariants").glob("*.py"))
        for name in re.findall(r"^def (i\d\d_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = {name: row.id for row in rows("invariants") for name in row.checked}
    assert {name: named.get(name) for name in there} == there
    assert all(row.checked for row in rows("invariants"))


def test_the_page_says_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run python -m tests.proofs.page"


SAMPLE = """
import pytest

pytestmark = pytest.mark.skipif(True, reason="here only")

def test_runs(): ...

@pytest.mark.skipif(True, reason="here only")
def test_runs_elsewhere(): ...

@pytest.mark.skip
def test_off(): ...

@pytest.mark.skip(reason="later")
class TestOff:
    def test_inside(self): ...

@pytest.mark.xfail
def test_fails(): ...

def test_skips_itself():
    pytest.skip("not today")

class TestOn:
    def test_inside(self): ...
"""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sample.py::test_runs", ""),
        ("sample.py::test_runs_elsewhere", ""),
        ("sample.py::TestOn::test_inside", ""),
        ("sample.py::test_gone", "has no test_gone"),
        ("sample.py::TestOn::test_gone", "has no test_gone"),
        ("sample.py::test_inside", "has no test_inside"),
        ("sample.py::TestOn", "names no function"),
        ("sample.py", "names no function"),
        ("other.py::test_runs", "no file other.py"),
        ("sample.py::test_off", "does not run"),
        ("sample.py::TestOff::test_inside", "does not run"),
        ("sample.py::test_fails", "does not run"),
        ("sample.py::test_skips_itself", "does not run"),
    ],
)
def test_a_name_of_no_test_or_of_one_that_never_runs_is_found(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "sample.py").write_text(SAMPLE)
    assert (why in defect(name, tmp_path)) if why else defect(name, tmp_path) == ""
