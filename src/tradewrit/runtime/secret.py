"""A secret in memory: it goes everywhere a value goes, and shows itself nowhere.

For what must be handed to a venue or a library as it is (an API key, a passphrase). Knows neither where
it came from nor where it goes.
"""

from collections.abc import Callable
from typing import Final, NoReturn


class Secret:
    """Text that prints as its name. `reveal` is the one way to it, and stands where it is used.

    >>> key = Secret("alpaca_key", "PK3XJ")
    >>> print(key, f"{key}", [key])
    Secret('alpaca_key') Secret('alpaca_key') [Secret('alpaca_key')]
    >>> len(key.reveal())
    5

    JSON and pickle refuse it, so that it cannot leave by accident; two of them are not compared.
    """

    # A function keeps the text: whoever walks attributes to print them finds a function.
    __slots__ = ("name", "reveal")

    def __init__(self, name: str, text: str) -> None:
        self.name: Final = name
        self.reveal: Final[Callable[[], str]] = lambda: text

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} is not to be pickled or copied: hand on the object itself")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, _: object) -> "Secret":
        return self
