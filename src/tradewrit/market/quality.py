"""What is wrong with this market data? Reads leniently, refuses nothing, lists everything.

A file that `read_bars` refuses is diagnosed all the same: rows that cannot be used are reported and
left out of the checks that look along the series.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tradewrit.errors import DataError
from tradewrit.features.bars import Bars
from tradewrit.market.calendar import Calendar
from tradewrit.market.clean import series_of
from tradewrit.market.defects import file_defects, order_defects, row_defects
from tradewrit.market.findings import Finding, Kind, QualityReport, Severity, worst_first
from tradewrit.market.gaps import find_gaps, fitting_calendar
from tradewrit.market.jumps import find_jumps
from tradewrit.market.runs import find_runs
from tradewrit.market.stamps import NO_TIME
from tradewrit.market.store import bar_files, read_table
from tradewrit.market.table import Table, table_of

__all__ = ["Finding", "Kind", "QualityReport", "Severity", "check"]


def check(data: str | Path | Sequence[Bars], calendar: Calendar | None = None) -> QualityReport:
    """Examine a bar file, a directory of bar files (each file by itself) or bars in memory.

    calendar: the sessions that bars are expected in; by default each symbol's times choose between
    NYSE, 24/7 and none.

    Raises DataError only when there is no such file, its name tells no format, or a Parquet file is
    given without polars. Dirty data never raises: what cannot be decoded is a finding.
    """
    if not isinstance(data, str | Path):
        return _report("bars", [table_of(data)], [], calendar)
    tables, findings = [], []
    for file in bar_files(Path(data)):
        try:
            tables.append(read_table(file))
        except DataError as error:
            if "need polars" in str(error):
                raise
            findings.append(_unreadable(str(error)))
    return _report(str(data), tables, findings, calendar)


def _unreadable(message: str) -> Finding:
    return Finding(kind=Kind.UNREADABLE, severity=Severity.ERROR, symbol="", count=1, message=message)


def _report(
    source: str, tables: Sequence[Table], findings: list[Finding], calendar: Calendar | None
) -> QualityReport:
    calendars: dict[str, str] = {}
    for table in tables:
        findings.extend(_findings(table, calendar, calendars))
    times = [known for table in tables if len(known := table.ts[table.ts != NO_TIME])]
    return QualityReport(
        source=source,
        rows=sum(len(table) for table in tables),
        symbols=tuple(dict.fromkeys(name for table in tables for name in table.names)),
        first_at=min((int(ts.min()) for ts in times), default=None),
        last_at=max((int(ts.max()) for ts in times), default=None),
        calendars=calendars,
        findings=worst_first(findings),
    )


def _findings(table: Table, calendar: Calendar | None, calendars: dict[str, str]) -> Iterator[Finding]:
    yield from file_defects(table)
    yield from row_defects(table)
    if not len(table):
        return
    positions = np.arange(len(table))
    for name, where in zip(table.names, table.rows_by_symbol(), strict=True):
        rows = positions[where]
        yield from order_defects(table, name, rows)
        series = series_of(table, name, rows)
        yield from find_jumps(series)
        yield from find_runs(series)
        chosen = calendar or fitting_calendar(series.ts)
        calendars[name] = chosen.name if chosen else ""
        if chosen:
            yield from find_gaps(name, series.ts, chosen)
        elif len(series) > 1:
            yield _unchecked(name)


def _unchecked(symbol: str) -> Finding:
    return Finding(
        kind=Kind.NO_CALENDAR,
        severity=Severity.INFO,
        symbol=symbol,
        count=1,
        message="gaps were not checked: the times fit neither NYSE sessions nor 24/7; name a calendar",
    )
