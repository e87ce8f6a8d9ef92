"""The page that says which test shows what: docs/reference/failures.md, made of the tables beside this file.

python -m tests.proofs.page    writes it, and says what is wrong with the tables
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Final

import msgspec

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "reference" / "failures.md"
TABLES: Final = {
    "faults": ("Faults", "F-01 to F-65. What goes wrong at a desk, step by step of a trade, and around it."),
    "scenarios": ("Scenarios", "R01 to R41. What has cost users of other engines money."),
    "requirements": ("Requirements", "What was asked for about failing venues, people and processes."),
    "invariants": (
        "Invariants",
        "What [the simulation](../explanation/simulation.md) asks in every world, and what would notice if not.",
    ),
}
INTRODUCTION: Final = """\
# What can go wrong, and what shows that it is survived

Each line names something that goes wrong, what must come of it, and the tests that show it. A test checks that every
line is here once, that every test named exists and is not skipped, and that this page is what the tables in
`tests/proofs/` say. What this rests on, and what is not promised, is told in [Promises](../explanation/promises.md).

To run the tests of one line: `.venv/bin/python -m pytest FILE -k NAME`.
"""


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line. tests: node ids. checked: code that asks, as `file::function`. missing: what is not shown."""

    id: str
    what: str
    must: str
    tests: tuple[str, ...]
    checked: tuple[str, ...] = ()
    missing: str = ""


def rows(table: str) -> list[Row]:
    """The lines of one table, in its order. Raises msgspec.ValidationError for one that is malformed."""
    text = (Path(__file__).parent / f"{table}.toml").read_text(encoding="utf-8")
    return [msgspec.convert({"id": name, **fields}, Row) for name, fields in tomllib.loads(text).items()]


def all_rows() -> list[Row]:
    """Every line of every table."""
    return [row for table in TABLES for row in rows(table)]


# -- what is wrong with a name


@cache
def _tree(path: Path) -> ast.Module | None:
    return ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else None


def defect(name: str, root: Path = ROOT) -> str:
    """Why `file::[Class::]function` is no function that exists and, if it is a test, runs; "" if it is one."""
    file, *path = name.split("::")
    tree = _tree(root / file)
    if tree is None:
        return f"there is no file {file}"
    scope: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef = tree
    passed = [_marks(tree)]
    for part in path:
        found = [node for node in scope.body if isinstance(node, _NAMED) and node.name == part]
        if not found:
            return f"{file} has no {part}"
        scope = found[-1]
        passed.append([ast.unparse(decorator) for decorator in scope.decorator_list])
    if not path or isinstance(scope, ast.Module | ast.ClassDef):
        return f"{name} names no function"
    off = [mark for marks in passed for mark in marks if _never_runs(mark)]
    first = scope.body[0]
    if isinstance(first, ast.Expr) and ast.unparse(first).startswith("pytest.skip("):
        off.append("pytest.skip()")
    return f"{name} does not run: {off[0]}" if off else ""


_NAMED: Final = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _marks(tree: ast.Module) -> list[str]:
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    return [ast.unparse(node.value) for node in assigned if ast.unparse(node.targets[0]) == "pytestmark"]


def _never_runs(mark: str) -> bool:
    """A condition may skip a test here and there; these keep it from ever counting."""
    return any(f"pytest.mark.{word}" in mark for word in ("xfail", "network")) or (
        "pytest.mark.skip" in mark and "pytest.mark.skipif" not in mark
    )


# -- the page


def render() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *_unshown(), *(_section(table) for table in TABLES)])


def _unshown() -> Iterator[str]:
    found = [row for row in all_rows() if row.missing]
    yield "## What is not shown\n"
    if not found:
        yield f"Each of the {len(all_rows())} lines below is shown as a whole.\n"
        return
    yield f"{len(found)} of {len(all_rows())} lines are not shown, or not as a whole:\n"
    yield from (f"- **{row.id}** {row.what}: {row.missing}." for row in found)
    yield ""


def _section(table: str) -> str:
    title, about = TABLES[table]
    lines = [f"## {title}\n", f"{about}\n", "| | What goes wrong | What must come of it | Shown by |"]
    if table == "invariants":
        lines[-1] = "| | What holds | Asked | Code and tests |"
    lines.append("|---|---|---|---|")
    for row in rows(table):
        told = [*_named(row.checked), *_named(row.tests)]
        if row.missing:
            told.append("*not shown: see above*" if not row.tests else "*in part: see above*")
        cells = (row.id, row.what, row.must, "<br>".join(told))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _named(names: tuple[str, ...]) -> Iterator[str]:
    for file, group in groupby(names, key=lambda name: name.split("::")[0]):
        said = ", ".join(f"`{name.split('::', 1)[1]}`" for name in group)
        yield f"[{Path(file).name}](../../{file}): {said}"


if __name__ == "__main__":
    wrong = [why for row in all_rows() for name in (*row.tests, *row.checked) if (why := defect(name))]
    PAGE.write_text(render(), encoding="utf-8")
    sys.exit("\n".join(wrong) or 0)
