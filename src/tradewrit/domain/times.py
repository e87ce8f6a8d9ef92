"""UTC nanoseconds and their ISO-8601 text, exact in both directions.

Knows no clock, no calendar and no time zone but UTC.
"""

import re
from datetime import UTC, datetime, timedelta

from tradewrit.domain.market import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[T ](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)


def iso(ns: int) -> str:
    """ISO-8601 in UTC: seconds, and 3, 6 or 9 decimals only where the time has them.

    ns: UTC nanoseconds since 1970, any int64.

    >>> iso(1_704_186_000_000_000_000), iso(1_500_000_000)
    ('2024-01-02T09:00:00Z', '1970-01-01T00:00:01.500Z')
    """
    seconds, fraction = divmod(ns, SECOND)
    # Adding whole seconds stays in integers; datetime.fromtimestamp would go through a float.
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    if not fraction:
        return f"{text}Z"
    digits = f"{fraction:09d}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z"


def parse_iso(text: str) -> int:
    """UTC nanoseconds named by ISO-8601 text, to the last nanosecond.

    Takes a date (midnight UTC) or a date and time, with `Z`, an offset, or nothing (then UTC).
    Raises ValueError for anything else, with the text and an example in the message.

    >>> parse_iso("2024-01-02T09:00:00.000000001Z")
    1704186000000000001
    """
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise _refused(text)
    zone = (found["zone"] or "Z").replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(f"{found['date']}T{found['time'] or '00:00'}{zone}")
        since = moment - _EPOCH
    except (ValueError, OverflowError) as why:
        raise _refused(text) from why
    fraction = int((found["fraction"] or "").ljust(9, "0"))
    at = (since.days * 86_400 + since.seconds) * SECOND + fraction
    if not -(2**63) <= at < 2**63:
        raise ValueError(
            f"{text!r} is out of range: nanoseconds in 64 bits reach from 1677-09-22 to 2262-04-11"
        )
    return at


def _refused(text: str) -> ValueError:
    return ValueError(f"{text!r} is not a time; write it like 2024-01-02T09:00:00Z")
