"""Topics are dotted names; patterns select them with `*`.

| Pattern             | Matches                                                            |
|---------------------|--------------------------------------------------------------------|
| `order.submit.sent` | that topic only                                                    |
| `order.*`           | `order.x`, `order.x.y`, ...: a last `*` is one or more parts       |
| `order.*.accepted`  | `order.submit.accepted`: any other `*` is exactly one part         |
| `*`                 | everything                                                         |
"""

import re
from collections.abc import Callable

from tradewrit.errors import ConfigError

_PART = r"[^.*\s]+"
_TOPIC = re.compile(rf"{_PART}(\.{_PART})*")
_PATTERN = re.compile(rf"(\*|{_PART})(\.(\*|{_PART}))*")


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A function that tells whether a topic matches; raises ConfigError for a malformed pattern."""
    if _PATTERN.fullmatch(pattern) is None:
        raise ConfigError(
            f"{pattern!r} is not a topic pattern: write dotted names in which `*` stands for whole parts, "
            "like order.* or order.*.accepted"
        )
    *first, last = pattern.split(".")
    parts = [_PART if part == "*" else re.escape(part) for part in first]
    parts.append(_TOPIC.pattern if last == "*" else re.escape(last))
    matches = re.compile(r"\.".join(parts)).fullmatch
    return lambda topic: matches(topic) is not None


def checked_topic(topic: str) -> str:
    """The topic itself; raises ConfigError when it is not a dotted name without `*`."""
    if _TOPIC.fullmatch(topic) is None:
        raise ConfigError(f"{topic!r} is not a topic: write dotted names, like order.submit.accepted")
    return topic
