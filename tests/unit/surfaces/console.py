"""The command line as tests call it, in this process or in one of its own, and files to feed it."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from typer.testing import CliRunner, Result

from tradewrit.app import command_line
from tradewrit.features.bars import Bars
from tradewrit.market.store import write_bars
from tradewrit.market.synth import synthetic_bars

PROGRAM = "import sys; from tradewrit.app import main; sys.argv[0] = 'tradewrit'; main()"


def run(*words: str | Path, env: Mapping[str, str] | None = None) -> Result:
    """A command in this process."""
    return CliRunner().invoke(command_line(), [*map(str, words)], env=dict(env or {}), prog_name="tradewrit")


def shell(
    *words: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, through the console entry point. before: run in it first."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        preexec_fn=before,
        env={"HOME": "/nowhere", "LANG": "C.UTF-8", "PATH": os.environ.get("PATH", ""), **(env or {})},
    )


def market(symbols: int, bars: int, *, seed: int = 7) -> list[Bars]:
    """Lively synthetic bars with gaps and jumps: every symbol trades a few times in some hundred bars."""
    return synthetic_bars(symbols, bars, seed=seed, sigma=0.01, gaps=0.05, jumps=0.01)


def bar_file(path: Path, bars: Sequence[Bars]) -> Path:
    """The bars in a file, as its name ends."""
    write_bars(path, bars)
    return path
