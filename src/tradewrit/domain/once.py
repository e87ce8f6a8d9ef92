"""What is worked out of a frozen value at its first use, and kept with it."""

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 - reads as the decorator it is
    """A property of a frozen value with a `__dict__`, worked out once.

    `functools.cached_property` without the lock that it takes before Python 3.12: books are new with every
    event, so most first uses are the only ones. Two threads may both work it out, to the same value.
    """

    def __init__(self, work: Callable[[Any], T]) -> None:
        self._work = work
        self._name = work.__name__
        self.__doc__ = work.__doc__

    @overload
    def __get__(self, value: None, owner: type) -> Self: ...

    @overload
    def __get__(self, value: object, owner: type) -> T: ...

    def __get__(self, value: object | None, owner: type) -> Self | T:
        # Only while the value's own dictionary does not have it: this is no data descriptor.
        if value is None:
            return self
        found = value.__dict__[self._name] = self._work(value)
        return found
