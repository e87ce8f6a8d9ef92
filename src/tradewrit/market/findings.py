"""What can be wrong with market data, and the report that lists it. Judges nothing itself."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

import msgspec

from tradewrit.market.stamps import NO_TIME, iso

SHOWN: Final = 5
"""Examples kept per finding."""


class Severity(StrEnum):
    """error: `read_bars` refuses the file. warning: probably wrong. info: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Kind(StrEnum):
    """The defects that are looked for."""

    UNREADABLE = "unreadable"
    NO_ROWS = "no_rows"
    MISSING_COLUMN = "missing_column"
    UNPARSABLE = "unparsable"
    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"
    NEGATIVE_VOLUME = "negative_volume"
    DUPLICATE = "duplicate"
    UNORDERED = "unordered"
    OHLC_VIOLATION = "ohlc_violation"
    MISSING_SESSION = "missing_session"
    MISSING_BARS = "missing_bars"
    OFF_SESSION = "off_session"
    NO_CALENDAR = "no_calendar"
    SUSPECTED_SPLIT = "suspected_split"
    SUSPECTED_UNIT_ERROR = "suspected_unit_error"
    PRICE_JUMP = "price_jump"
    ZERO_VOLUME = "zero_volume"
    STALE = "stale"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of defect in one symbol ("" when it concerns the file).

    first_at, last_at: UTC ns of the first and last place, None when there is no time.
    count: how many rows, sessions or bars are concerned. examples: a few places in words.
    """

    kind: Kind
    severity: Severity
    symbol: str
    count: int
    message: str
    first_at: int | None = None
    last_at: int | None = None
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, times as ISO-8601."""
        return {
            "kind": self.kind.value,
            "severity": self.severity.value,
            "symbol": self.symbol,
            "count": self.count,
            "message": self.message,
            "first_at": None if self.first_at is None else iso(self.first_at),
            "last_at": None if self.last_at is None else iso(self.last_at),
            "examples": list(self.examples),
        }


class QualityReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything found in one source, worst first.

    rows: data rows read. first_at, last_at: UTC ns of the earliest and latest bar, None without one.
    calendars: by symbol, the calendar its gaps were checked against; "" when none fits.
    """

    source: str
    rows: int
    symbols: tuple[str, ...]
    first_at: int | None
    last_at: int | None
    calendars: dict[str, str]
    findings: tuple[Finding, ...]

    @property
    def is_clean(self) -> bool:
        """Whether there is neither an error nor a warning."""
        return all(finding.severity is Severity.INFO for finding in self.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings for which `read_bars` refuses the file."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    def of(self, kind: Kind) -> tuple[Finding, ...]:
        """The findings of one kind."""
        return tuple(finding for finding in self.findings if finding.kind is kind)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "source": self.source,
            "rows": self.rows,
            "symbols": list(self.symbols),
            "first_at": None if self.first_at is None else iso(self.first_at),
            "last_at": None if self.last_at is None else iso(self.last_at),
            "calendars": dict(self.calendars),
            "is_clean": self.is_clean,
            "errors": len(self.errors),
            "findings": [finding.to_dict() for finding in self.findings],
        }


_ORDER: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_KINDS: Final = {kind: place for place, kind in enumerate(Kind)}


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then infos; within them by kind, then as found."""
    return tuple(sorted(findings, key=lambda one: (_ORDER[one.severity], _KINDS[one.kind])))


def span(times: Iterable[int]) -> tuple[int | None, int | None]:
    """Earliest and latest of some times, leaving out those that could not be read."""
    known = [at for at in times if at != NO_TIME]
    return (min(known), max(known)) if known else (None, None)
