"""Which lists of orders a venue refuses at random: drawn from a seed, for each symbol apart.

A symbol's draws come in the order of its own lists, so what is sent in one symbol changes nothing in
another, and whoever plays one symbol alone draws what the whole venue would. Knows no orders.
"""

from decimal import Decimal
from random import Random


class Chance:
    """Draws, list by list. fraction: of all lists that is refused, 0 to 1; 0 never draws."""

    def __init__(self, fraction: Decimal, seed: int) -> None:
        self._fraction = float(fraction)
        self._seed = seed
        self._draws: dict[str, Random] = {}

    def refuses(self, symbol: str) -> bool:
        """Whether the next list in a symbol is refused; each call is a list."""
        if not self._fraction:
            return False
        drawn = self._draws.get(symbol)
        if drawn is None:
            drawn = self._draws[symbol] = Random(f"{self._seed}:{symbol}")
        return drawn.random() < self._fraction
