"""What the server counts, and how Prometheus reads it (text format 0.0.4).

Labels are routes of the table, never what a client sent, so their number is bounded.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
Labels = tuple[tuple[str, str], ...]
Samples = Iterator[tuple[str, Labels, float]]


class Duration:
    """How long the answers of one route took: a histogram."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one answer."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.total_s += seconds


class Metrics:
    """Counters of one server; only its event loop changes them, any thread may read them."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.refusals: Counter[str] = Counter()
        self.cut_off: Counter[str] = Counter()
        self.connections_refused = 0
        self.durations: dict[tuple[str, str], Duration] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answer under the route's template."""
        self.requests[method, route, status] += 1
        self.durations.setdefault((method, route), Duration()).add(seconds)

    def text(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """The page. gauges: name to what it means and its value now."""
        lines: list[str] = []
        for name, (meaning, value) in gauges.items():
            lines += _family(name, "gauge", meaning, iter([("", (), value)]))
        for name, meaning, samples in (
            ("requests_total", "Requests answered.", self._requests()),
            ("refusals_total", "Requests refused, by error code.", _by(self.refusals, "error_code")),
            ("cut_off_total", "Connections cut off, by what was late.", _by(self.cut_off, "phase")),
            ("connections_refused_total", "Connections refused because too many were open.", self._refused()),
        ):
            lines += _family(name, "counter", meaning, samples)
        lines += _family(
            "request_duration_seconds", "histogram", "Time from head to answer.", self._durations()
        )
        return "\n".join(lines) + "\n"

    def _requests(self) -> Samples:
        for (method, route, status), count in sorted(self.requests.items()):
            yield "", (("method", method), ("route", route), ("status", str(status))), count

    def _refused(self) -> Samples:
        yield "", (), self.connections_refused

    def _durations(self) -> Samples:
        for (method, route), duration in sorted(self.durations.items()):
            labels: Labels = (("method", method), ("route", route))
            seen = 0
            for limit, count in zip((*BUCKETS_S, float("inf")), duration.counts, strict=True):
                seen += count
                yield "_bucket", (*labels, ("le", "+Inf" if limit == float("inf") else str(limit))), seen
            yield "_sum", labels, duration.total_s
            yield "_count", labels, seen


def _by(counts: Mapping[str, int], label: str) -> Samples:
    for value, count in sorted(counts.items()):
        yield "", ((label, value),), count


def _family(name: str, kind: str, meaning: str, samples: Samples) -> Iterator[str]:
    full = f"tradewrit_credentials_{name}"
    yield f"# HELP {full} {meaning}"
    yield f"# TYPE {full} {kind}"
    for suffix, labels, value in samples:
        written = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f"{full}{suffix}{'{' + written + '}' if written else ''} {value:.17g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
