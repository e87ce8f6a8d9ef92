"""What holds for every market: honest formulas are left in peace, and every look ahead has its reach."""

from collections.abc import Callable

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.research.bias import planted
from tradewrit.features.indicators import atr, bollinger, ema, highest, lowest, rate_of_change, rsi, sma
from tradewrit.features.series import Condition, Inputs, Series, crosses_above
from tradewrit.market.synth import synthetic_bars
from tradewrit.research.bias import cutting
from tradewrit.research.bias.findings import Kind
from tradewrit.research.bias.invented import invented
from tradewrit.research.bias.subject import Effort, Subject, owned, same_bars
from tradewrit.strategies.base import Signals, Strategy

QUICK = Effort(walked=600, cuts=8, starts=2, asked=20)
FEW = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))

FORMULAS: dict[str, Callable[[Inputs, int], Series]] = {
    "sma": lambda bars, n: sma(bars.close, n),
    "ema": lambda bars, n: ema(bars.open, n),
    "rsi": lambda bars, n: rsi(bars.close, n),
    "atr": lambda bars, n: atr(bars.high, bars.low, bars.close, n),
    "bollinger": lambda bars, n: bollinger(bars.close, n).upper,
    "highest": lambda bars, n: highest(bars.high, n).shift(1),
    "lowest": lambda bars, n: lowest(bars.low, n),
    "change": lambda bars, n: rate_of_change(bars.close, n),
}


class Honest(Strategy, frozen=True):
    """A comparison of two of the package's own indicators."""

    first: str = "sma"
    second: str = "ema"
    length: int = 5
    crosses: bool = False

    def signals(self, bars: Inputs) -> Signals:
        """Compare them, or wait until they cross."""
        a, b = FORMULAS[self.first](bars, self.length), FORMULAS[self.second](bars, self.length + 3)
        condition: Condition = crosses_above(a, b) if self.crosses else a > b
        return Signals(enter_long=condition, leave_long=~condition, inputs={"a": a, "b": b})


@given(
    first=st.sampled_from(sorted(FORMULAS)),
    second=st.sampled_from(sorted(FORMULAS)),
    length=st.integers(2, 30),
    crosses=st.booleans(),
    seed=st.integers(0, 1000),
)
@FEW
def test_formulas_of_our_own_indicators_are_never_accused(
    first: str, second: str, length: int, crosses: bool, seed: int
) -> None:
    strategy = Honest(first=first, second=second, length=length, crosses=crosses)
    outcome = cutting.check(
        Subject(strategy, synthetic_bars(1, 300, seed=seed, gaps=0.05), effort=QUICK), _nobody
    )
    assert outcome.findings == ()


@given(ahead=st.integers(1, 40), seed=st.integers(0, 1000))
@FEW
def test_a_look_ahead_of_any_length_is_found_with_its_length(ahead: int, seed: int) -> None:
    bars = synthetic_bars(1, 300, seed=seed, sigma=0.02)
    outcome = cutting.check(Subject(planted.LooksAhead(bars=ahead), bars, effort=QUICK), _nobody)
    (found,) = outcome.findings
    assert found.kind is (Kind.FORMING_BAR if ahead == 1 else Kind.LOOK_AHEAD)
    # A price that stands still, or comes back, needs fewer bars to be known.
    assert 1 <= found.numbers["bars_ahead"] <= ahead


@given(seed=st.integers(0, 1000), length=st.integers(2, 60))
@FEW
def test_invented_prices_keep_the_times_and_the_set_of_moves(seed: int, length: int) -> None:
    (bars,) = synthetic_bars(1, length, seed=seed, sigma=0.02)
    fake = invented(bars, np.random.default_rng(seed))
    assert np.array_equal(fake.ts, bars.ts)
    assert sorted(fake.volume) == sorted(bars.volume)
    np.testing.assert_allclose(
        np.sort(np.diff(np.log(fake.close))), np.sort(np.diff(np.log(bars.close))), atol=1e-9
    )
    assert (fake.high >= np.maximum(fake.open, fake.close) - 1e-9).all()
    assert (fake.low <= np.minimum(fake.open, fake.close) + 1e-9).all()


@given(needed=st.integers(1, 500), most=st.integers(1, 500))
def test_the_reach_is_the_smallest_number_that_is_enough(needed: int, most: int) -> None:
    assert cutting.least(lambda ahead: ahead >= needed, most) == min(needed, most)


@given(start=st.integers(0, 20), length=st.integers(1, 20))
def test_owned_bars_share_no_memory_with_the_rest(start: int, length: int) -> None:
    (bars,) = synthetic_bars(1, 50, seed=1)
    part = owned(bars, start, start + length)
    assert same_bars(part, owned(bars.head(start + length), start, start + length))
    assert all(getattr(part, name).base is None for name in ("ts", "open", "close"))
    assert len(part) == length


def _nobody(_bars: int) -> None:
    """Told of progress."""
