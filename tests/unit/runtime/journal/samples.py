"""What the journal's tests record."""

from collections.abc import Callable

from tradewrit.runtime.journal.records import Entry

ID = "0123456789abcdef" * 2
STREAM = "acct:default/paper"
RECORDS = 6

Alter = Callable[..., None]


def sample(n: int) -> Entry:
    return Entry(
        type="order.fill.recorded",
        at=1_000 + n,
        body=b'{"n":%d}' % n,
        source="broker",
        caused_by=n - 1,
        correlation=f"scan:{n}",
        trace="trade:1",
        dedup_key=f"exec:paper:{n}",
    )
