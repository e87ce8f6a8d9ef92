"""The strategies that come with the package, by name."""

from collections.abc import Mapping
from typing import Final

from tradewrit.strategies.base import Strategy
from tradewrit.strategies.rules.buy_the_dip import BuyTheDip
from tradewrit.strategies.rules.moving_average_crossover import MovingAverageCrossover
from tradewrit.strategies.rules.trend_following import TrendFollowing

BUILT_IN: Final[Mapping[str, type[Strategy]]] = {
    strategy.name(): strategy for strategy in (TrendFollowing, MovingAverageCrossover, BuyTheDip)
}
