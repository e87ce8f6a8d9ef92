"""The indicators against TA-Lib, and against values known by reasoning."""

import numpy as np
import pytest
import talib

from tests.unit.features.markets import walk
from tradewrit.features.bars import Floats
from tradewrit.features.indicators import (
    atr,
    bollinger,
    ema,
    highest,
    lowest,
    macd,
    rate_of_change,
    rolling_std,
    rolling_volume,
    rsi,
    sma,
    true_range,
)

CLOSE = walk(7, 600)
HIGH = np.round(CLOSE * (1 + np.abs(np.random.default_rng(8).normal(0, 0.004, 600))), 2)
LOW = np.round(CLOSE * (1 - np.abs(np.random.default_rng(9).normal(0, 0.004, 600))), 2)
VOLUME = np.random.default_rng(10).integers(1_000, 90_000, 600).astype(np.float64)


def assert_matches(ours: Floats, theirs: Floats) -> None:
    """Equal to a billionth, with the first number on the same bar."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("window", [2, 5, 14, 20, 50])
def test_indicators_equal_ta_lib(window: int) -> None:
    assert_matches(sma(CLOSE, window, 2), talib.SMA(CLOSE, window))
    assert_matches(sma(CLOSE, window), talib.SMA(CLOSE, window))
    assert_matches(ema(CLOSE, window), talib.EMA(CLOSE, window))
    assert_matches(rsi(CLOSE, window, 2), talib.RSI(CLOSE, window))
    assert_matches(rsi(CLOSE, window), talib.RSI(CLOSE, window))
    assert_matches(atr(HIGH, LOW, CLOSE, window), talib.ATR(HIGH, LOW, CLOSE, window))
    assert_matches(rolling_std(CLOSE, window), talib.STDDEV(CLOSE, window))
    assert_matches(rolling_volume(VOLUME, window), talib.SMA(VOLUME, window))
    assert_matches(highest(HIGH, window), talib.MAX(HIGH, window))
    assert_matches(lowest(LOW, window), talib.MIN(LOW, window))
    assert_matches(rate_of_change(CLOSE, window), talib.ROCP(CLOSE, window))


def test_true_range_equals_ta_lib() -> None:
    assert_matches(true_range(HIGH, LOW, CLOSE), talib.TRANGE(HIGH, LOW, CLOSE))


@pytest.mark.parametrize("width", [1.0, 2.0, 2.5])
def test_bollinger_bands_equal_ta_lib(width: float) -> None:
    bands = bollinger(CLOSE, 20, width, decimals=2)
    upper, middle, lower = talib.BBANDS(CLOSE, 20, width, width)
    assert_matches(bands.upper, upper)
    assert_matches(bands.middle, middle)
    assert_matches(bands.lower, lower)


def test_macd_is_two_ema_of_ta_lib_and_an_ema_of_their_difference() -> None:
    lines = macd(CLOSE)
    line = talib.EMA(CLOSE, 12) - talib.EMA(CLOSE, 26)
    signal = np.full(600, np.nan)
    signal[25:] = talib.EMA(line[25:], 9)
    assert_matches(lines.macd, line)
    assert_matches(lines.signal, signal)
    assert_matches(lines.histogram, line - signal)
    assert int(np.flatnonzero(~np.isnan(lines.macd))[0]) == 25
    assert int(np.flatnonzero(~np.isnan(lines.signal))[0]) == 33


def test_rsi_is_100_when_rising_0_when_falling_and_50_when_nothing_moves() -> None:
    rising = np.arange(100.0, 160.0)
    for decimals in (None, 2):
        assert rsi(rising, 14, decimals)[14:].tolist() == [100.0] * 46
        assert rsi(rising[::-1], 14, decimals)[14:].tolist() == [0.0] * 46
        assert rsi(np.full(60, 100.0), 14, decimals)[14:].tolist() == [50.0] * 46
        assert np.isnan(rsi(rising[:14], 14, decimals)).all()


def test_an_average_of_a_handful_of_bars_is_what_one_expects() -> None:
    values = np.array([1.0, 2.0, 3.0, 7.0])
    assert sma(values, 2, 2)[1:].tolist() == [1.5, 2.5, 5.0]
    assert ema(values, 3)[2:].tolist() == [2.0, 4.5]
    assert rate_of_change(values, 2)[2:].tolist() == [2.0, 2.5]
    assert highest(values, 3)[2:].tolist() == [3.0, 7.0]
    assert lowest(values, 3)[2:].tolist() == [1.0, 2.0]


def test_a_flat_window_has_no_deviation_at_all() -> None:
    values = np.concatenate((walk(3, 40), np.full(40, 0.1 + 0.2)))
    assert rolling_std(values, 20)[59:].tolist() == [0.0] * 21


def test_true_range_reaches_over_a_gap() -> None:
    high, low, close = np.array([10.0, 15.0, 9.0]), np.array([9.0, 14.0, 8.0]), np.array([9.5, 14.5, 8.5])
    assert true_range(high, low, close)[1:].tolist() == [5.5, 6.5]


def test_parameters_that_make_no_sense_are_named() -> None:
    with pytest.raises(ValueError, match="fast must be less than slow, not 26 against 12"):
        macd(CLOSE, 26, 12)
    with pytest.raises(ValueError, match="width must be a positive number"):
        bollinger(CLOSE, 20, 0.0)
    with pytest.raises(ValueError, match="one-dimensional arrays of one length"):
        atr(HIGH, LOW[:-1], CLOSE)
    with pytest.raises(ValueError, match="one-dimensional"):
        sma(np.ones((3, 3)), 2)
