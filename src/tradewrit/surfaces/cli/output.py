"""What commands write: tables, one JSON object, text, and a progress bar for long work.

Standard output carries results only, so that it can be piped; everything else goes to standard error.
Colour is rich's decision: none when not a terminal, none under NO_COLOR.
"""

import io
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Final

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradewrit.errors import OurFault

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
"""The option that every command with a result has."""

# A pipe has no width; a table there must not be cut at 80.
_WIDTH_OF_A_PIPE: Final = 220
_SILENT_S: Final = 1.0


def tolerate_any_text() -> None:
    """Make a terminal that lacks a character show its code instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def stdout_console() -> Console:
    """Where results go. Made anew each time: a test or a pipe may have replaced the stream."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_PIPE
    return console


def stderr_console() -> Console:
    """Where explanations and progress go."""
    return Console(stderr=True)


def note(text: str) -> None:
    """Say something beside the result, on standard error; nothing in it is taken for markup."""
    _aside(text, "dim")


def warn(text: str) -> None:
    """The same, for what somebody should not overlook."""
    _aside(text, "yellow")


def _aside(text: str, style: str) -> None:
    stderr_console().print(text, style=style, markup=False, highlight=False, soft_wrap=True)


def example(*lines: str) -> str:
    """The end of a command's help: how it is called, one line each."""
    return "\n".join(["[bold]Example[/bold]" if len(lines) == 1 else "[bold]Examples[/bold]", *lines])


def emit_json(data: Any) -> None:
    """Write one JSON object. Decimals become text, so that nobody reads them as floats."""
    emit_text(msgspec.json.format(msgspec.json.encode(data), indent=2).decode())


def emit_text(text: str) -> None:
    """Write text as it is, with one line end."""
    with _writing():
        sys.stdout.write(text.removesuffix("\n") + "\n")


def emit_table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Write a table; cells are plain text, or `Text` with a style. Without names of columns, no header."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    with _writing():
        stdout_console().print(table)


def emit_heading(text: str) -> None:
    """Write the title of what follows, after an empty line."""
    with _writing():
        stdout_console().print(Text.assemble("\n", (text, "bold underline")))


@contextmanager
def _writing() -> Iterator[None]:
    """Results that cannot be written are a failure, not a traceback; a reader who left early is neither."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OurFault(f"standard output cannot be written: {error.strerror or error}") from error


@contextmanager
def progress(what: str, total: int, console: Console | None = None) -> Iterator[Callable[[int], None]]:
    """A bar for work of `total` steps; yields a function that is told how many are done.

    It shows on standard error, only on a terminal, only after a second of work, and is gone at the
    end. Call it every some thousand steps: each call costs microseconds.
    """
    console = stderr_console() if console is None else console
    if not console.is_terminal:
        yield lambda _done: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task(what, total=total)

    def advance(done: int) -> None:
        bar.update(task, completed=done)
        if not bar.live.is_started and (bar.tasks[0].elapsed or 0.0) >= _SILENT_S:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()
