"""How a failure leaves the command line: explained on standard error, with exit code 1 and no traceback."""

import errno
import traceback
from typing import Any, Final

import typer
from typer.core import TyperGroup

from tradewrit.errors import TradewritError
from tradewrit.surfaces.cli.output import stderr_console

FAILED = 1
"""The exit code of a failure that was explained; wrong use is 2, success 0."""
INTERRUPTED = 130
"""The exit code after Ctrl-C, as a shell counts it: 128 and the signal's number."""


_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Commands(TyperGroup):
    """The root group: turns every `TradewritError` of any command into its message.

    With --debug the traceback comes first. Any other exception is a bug and keeps its traceback.
    """

    def main(self, *arguments: Any, **named: Any) -> Any:
        """As click's; a help page that finds no room where it is written to is a failure like any other."""
        try:
            return super().main(*arguments, **named)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            explain(f"nothing more can be written: {error.strerror}")
            raise SystemExit(FAILED) from error

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command; a TradewritError becomes exit code 1, an interruption 130."""
        try:
            return super().invoke(ctx)
        except TradewritError as error:
            if ctx.params.get("debug"):
                traceback.print_exception(error)
            explain(str(error))
            raise typer.Exit(FAILED) from error
        except KeyboardInterrupt as error:
            explain("interrupted; nothing was half-written")
            raise typer.Exit(INTERRUPTED) from error


def explain(message: str, *, is_warning: bool = False) -> None:
    """Write a failure, or a warning, to standard error; nothing in the message is taken for markup."""
    console = stderr_console()
    word, style = ("warning:", "bold yellow") if is_warning else ("error:", "bold red")
    console.print(word, style=style, end=" ", highlight=False)
    console.print(message, markup=False, highlight=False, soft_wrap=True)
