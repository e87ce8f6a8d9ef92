"""How a running desk stands, as Prometheus reads it (text format 0.0.4): for a textfile collector.

Labels are modes, lines and classes of endpoints, so their number is bounded.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from tradewrit.runtime.live.status import Mode, Status

_PREFIX: Final = "tradewrit_desk_"


class Metric(msgspec.Struct, frozen=True):
    """One family. samples: label pairs, such as `line="exchange"`, and their values."""

    name: str
    kind: str
    meaning: str
    samples: tuple[tuple[str, float], ...]

    def lines(self) -> Iterator[str]:
        """Its lines on the page."""
        name = f"{_PREFIX}{self.name}"
        yield f"# HELP {name} {self.meaning}"
        yield f"# TYPE {name} {self.kind}"
        for labels, value in self.samples:
            yield f"{name}{f'{{{labels}}}' if labels else ''} {value:.15g}"


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return Metric(name, "gauge", meaning, (("", value),))


def _counter(name: str, meaning: str, value: float) -> Metric:
    return Metric(name, "counter", meaning, (("", value),))


def metrics_of(status: Status) -> Iterable[Metric]:
    """Everything of a status that is a number."""
    lines, breakers = status.lines, status.breakers
    modes = tuple((f'mode="{mode}"', float(mode is status.mode)) for mode in Mode)
    yield Metric("mode", "gauge", "1 for the mode that it is in.", modes)
    yield _gauge("equity", "Equity, in account currency.", float(status.equity))
    yield _gauge("cash", "Cash, in account currency.", float(status.cash))
    yield _gauge("naked", "Symbols held without a working stop.", len(status.naked))
    yield _gauge("unknown_orders", "Orders of which nobody knows the fate.", len(status.unknown))
    yield _gauge("working_orders", "Orders that work at the venue.", status.working)
    yield _gauge("reviews", "Questions that wait for people.", status.reviews)
    yield _gauge("disputed", "Symbols in which the venue holds something else.", len(status.disputed))
    yield _gauge("suspended", "Symbols in which nothing new is done.", len(status.suspended))
    yield _gauge("halted_symbols", "Symbols that the venue has halted.", len(status.paused))
    yield _gauge("cooldowns", "Reasons why no entry is tried after refusals.", len(status.cooling))
    yield _gauge("strangers", "Working orders that are not the desk's.", len(status.strangers))
    yield _counter("inputs_dropped_total", "Inputs that were not taken.", status.dropped)
    yield _counter("bars_refused_total", "Bars that were not believed.", status.refused)
    yield _counter("requests_failed_total", "Requests that the desk failed on.", status.failed)
    yield _counter("ticks_total", "Trade prints that were heard.", status.ticks)
    yield _counter("tick_gaps_total", "Jumps in the numbers of a symbol's prints.", status.gaps)
    yield _counter("calls_overdue_total", "Calls that missed their deadline.", status.overdue)
    if status.skew_s is not None:
        yield _gauge("clock_skew_seconds", "This clock against the venue's; ahead is above 0.", status.skew_s)
    up = tuple((f'line="{line.name}"', float(line.is_up)) for line in lines)
    yield Metric("line_up", "gauge", "Whether a line is up.", up)
    silent = tuple((f'line="{line.name}"', line.silent_s) for line in lines)
    yield Metric("line_silent_seconds", "gauge", "Since a line was last heard.", silent)
    cuts = tuple((f'line="{line.name}"', float(line.cuts)) for line in lines)
    yield Metric("line_cuts_total", "counter", "How often a line was cut.", cuts)
    for name, meaning in (
        ("calls", "Calls let through to a class of endpoints."),
        ("failures", "Calls that failed."),
        ("opened", "How often the breaker opened."),
        ("rejected", "Calls that the breaker did not let through."),
    ):
        counted = tuple((f'endpoint="{one.endpoint}"', float(getattr(one, name))) for one in breakers)
        yield Metric(f"breaker_{name}_total", "counter", meaning, counted)


def page_of(status: Status | None) -> str:
    """The whole page; None for a desk that does not answer."""
    up = _gauge("up", "Whether the desk answers.", float(status is not None))
    found = [up, *(() if status is None else metrics_of(status))]
    return "\n".join(line for metric in found for line in metric.lines()) + "\n"
