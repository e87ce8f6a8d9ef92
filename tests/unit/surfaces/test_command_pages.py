"""The pages about the commands: generated where they list, run where they teach."""

import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from tests.unit.surfaces.console import run
from tradewrit.app import command_line
from tradewrit.surfaces.cli.page import commands_page, leaves

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "commands.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"
COMMANDS = dict(leaves(get_command(command_line()), ("tradewrit",)))


def test_the_reference_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text() == commands_page(command_line())


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_and_option_is_on_the_reference_page(words: tuple[str, ...]) -> None:
    page = PAGE.read_text().replace("\\|", "|")  # a bar is escaped within a table
    section = page.partition(f"\n## {' '.join(words)}\n")[2].partition("\n## ")[0]
    assert f"    {' '.join(words)}" in section
    for param in COMMANDS[words].params:
        if param.name != "help":
            name = param.opts[0] if param.param_type_name == "option" else param.metavar
            assert f"`{name}" in section


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_prints_json(words: tuple[str, ...]) -> None:
    done = run(*words[1:], "--help")
    assert done.exit_code == 0
    assert f"{' '.join(words)}" in done.output.partition("Example")[2]
    assert "--json" in done.output


def test_the_root_help_lists_every_command() -> None:
    out = run("--help").stdout
    assert all(words[1] in out for words in COMMANDS)


def test_the_commands_of_the_tutorial_work_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What begins with a dollar sign is typed; a block that names a file is put there."""
    monkeypatch.chdir(tmp_path)
    typed = 0
    for block in _blocks(TUTORIAL.read_text()):
        first, *rest = block.splitlines()
        if first.startswith("# file: "):
            Path(first.removeprefix("# file: ")).write_text("\n".join(rest) + "\n")
            continue
        for line in block.splitlines():
            done = run(*shlex.split(line.removeprefix("$ tradewrit ")))
            assert (line, done.exit_code, done.stderr.startswith("error")) == (line, 0, False)
            typed += 1
    assert typed >= 7
    assert Path("trades.csv").read_text() == Path("runs/demo/trades.csv").read_text()


def _blocks(text: str) -> list[str]:
    """What stands between fences."""
    return [block.partition("\n")[2].strip("\n") for block in text.split("```")[1::2]]
