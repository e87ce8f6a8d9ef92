"""What a fold and a table of folds are, and the changed copy of a mapping that most of them need."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tradewrit.domain.books import Books
from tradewrit.domain.events.base import Event

Fold = Callable[[Books, Any], Books]
"""The books after one kind of event. Pure and total: an impossible move leaves the books as they are."""
Folds = Mapping[type[Event], Fold]
"""Kind of event -> its fold."""
K = TypeVar("K", bound=str)
V = TypeVar("V")


def with_item(mapping: dict[K, V], key: K, value: V) -> dict[K, V]:
    """A copy in which `key` has this value; a new key comes last."""
    copy = dict(mapping)
    copy[key] = value
    return copy


def without(mapping: dict[K, V], key: K) -> dict[K, V]:
    """A copy that lacks `key`, which need not have been there."""
    return {known: value for known, value in mapping.items() if known != key}


def latest(mapping: Mapping[K, V], at: Callable[[V], int], most: int) -> dict[K, V]:
    """The last few by time, then by key; not by place: a snapshot keeps no order.

    >>> latest({"b": 2, "c": 1, "a": 2}, int, 2)
    {'b': 2, 'a': 2}
    """
    past = sorted(mapping, key=lambda key: (at(mapping[key]), key))[:-most]
    return {key: value for key, value in mapping.items() if key not in past}
