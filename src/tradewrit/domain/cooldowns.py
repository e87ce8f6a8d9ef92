"""Cool-downs: the venue has refused an entry on its merits, and none is tried for a while.

In the symbol it was refused in; in all of them where the account is what lacks something.
"""

from typing import Final

import msgspec

from tradewrit.domain.rejections import OF_THE_ACCOUNT
from tradewrit.domain.times import iso

EVERYWHERE: Final = ""
"""In the place of a symbol: all of them."""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """One entry that the venue did not take. at: UTC ns."""

    code: str
    at: int


class Cooldown(msgspec.Struct, frozen=True, gc=False):
    """No entry before `until`, UTC ns; None: not until a person resumes. refusals: of the last window."""

    until: int | None
    reason: str
    refusals: tuple[Refusal, ...] = ()

    def is_over(self, at: int) -> bool:
        """Whether entries may be tried again."""
        return self.until is not None and at >= self.until


def scope_of(symbol: str, code: str) -> str:
    """The symbol, or everywhere: what a refusal of this kind speaks of."""
    return EVERYWHERE if code in OF_THE_ACCOUNT else symbol


def in_words(scope: str, code: str, refusals: int, until: int | None) -> str:
    """Why no entry is tried, and until when.

    >>> in_words("AAPL", "not_shortable", 3, None)
    'the venue refused 3 entries (not_shortable): none in AAPL until a person resumes'
    """
    what = "an entry" if refusals == 1 else f"{refusals} entries"
    end = "a person resumes" if until is None else iso(until)
    return f"the venue refused {what} ({code}): none in {scope or 'any symbol'} until {end}"
