"""What the tables of endpoints of our servers have in common. Knows no framework."""

from collections.abc import Callable
from typing import Any

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path.

    does: what it does; the first line of its docstring is its summary. takes: its JSON body; gives: its
    answer; None for none.
    """

    method: str
    path: str
    does: Callable[..., Any]
    takes: type[msgspec.Struct] | None = None
    gives: type[msgspec.Struct] | None = None

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (self.does.__doc__ or "").partition("\n")[0]
