import html
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.research.backtests import curve, random_bars, random_result, result, trade
from tradewrit.domain.market import MINUTE
from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars, Floats
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.metrics.benchmark import BUY_AND_HOLD
from tradewrit.research.metrics.excursions import excursions
from tradewrit.research.metrics.figures import TABLES
from tradewrit.research.metrics.rolling import rolling_sharpe
from tradewrit.research.report import write_report
from tradewrit.research.report.glossary import GLOSSARY
from tradewrit.research.report.packing import packed_candles
from tradewrit.research.report.page import render
from tradewrit.research.report.payload import CHARTS, LISTED, TRADES
from tradewrit.research.results import Result

HOSTILE = "</script><b>&{{style}}<!--"
TWO_MEGABYTES = 2_000_000
COLUMNS = ("open", "high", "low", "close")


def page(made: Result, *bars: Bars, title: str = "A backtest", notes: tuple[str, ...] = ()) -> str:
    by_symbol = {one.symbol: one for one in bars}
    return render(made, compute(made, bars=by_symbol), by_symbol, title=title, notes=notes)


def data(text: str) -> dict[str, Any]:
    """The page's data block; fails on NaN and infinities, which JSON does not have."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    tree: dict[str, Any] = json.loads(found[1], parse_constant=refuse)
    return tree


def times(packed: list[int]) -> list[int]:
    """UTC ms, unpacked as the page does it."""
    unit, *steps = packed
    return (np.cumsum(steps) * unit).tolist()  # type: ignore[no-any-return]


def prices(chart: dict[str, Any]) -> dict[str, Floats]:
    """The chart's columns, unpacked as the page does it."""
    size, close = 10.0 ** chart["decimals"], np.cumsum(chart["close"])
    opened = np.append(0, close[:-1]) + np.array(chart["open"])
    high = np.maximum(opened, close) + np.array(chart["high"])
    low = np.minimum(opened, close) - np.array(chart["low"])
    return {name: column / size for name, column in zip(COLUMNS, (opened, high, low, close), strict=True)}


@pytest.fixture(scope="module")
def ordinary() -> str:
    bars = [random_bars(symbol, 500, seed=k) for k, symbol in enumerate(("AAPL", "MSFT"))]
    return page(random_result(bars, 60), *bars, notes=("Synthetic data.",))


def test_the_page_names_no_other_address(ordinary: str) -> None:
    assert "//" not in ordinary
    assert "http:" not in ordinary
    assert "https:" not in ordinary
    assert not re.findall(r"url\((?!#)", ordinary)
    assert "@import" not in ordinary
    assert set(re.findall(r'(?:src|href|action)="([^"]*)"', ordinary)) == {"data:,"}


def test_the_page_forbids_every_request_to_the_browser(ordinary: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', ordinary)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "connect-src" not in policy[1]


def test_no_slot_of_the_template_is_left_open(ordinary: str) -> None:
    assert not re.findall(r"\{\{\w+\}\}", ordinary)


def test_a_hostile_name_stays_text() -> None:
    bars = random_bars(HOSTILE, 50)
    made = random_result([bars], 5)
    text = page(made, bars, title=HOSTILE, notes=(HOSTILE,))
    tree = data(text)
    assert [tree["title"], tree["notes"][0], tree["charts"][0]["symbol"]] == [HOSTILE] * 3
    assert text.count("</script>") == 2
    assert text.count("<b>") == 0
    assert f"<title>{html.escape(HOSTILE)}</title>" in text


def test_a_million_bars_stay_below_two_megabytes() -> None:
    bars = random_bars("SYN", 1_000_000, step=MINUTE)
    text = page(random_result([bars], 2_000), bars)
    assert len(text.encode()) < TWO_MEGABYTES
    shown = prices(data(text)["charts"][0])
    assert shown["high"].max() == pytest.approx(bars.high.max(), abs=0.01)
    assert shown["low"].min() == pytest.approx(bars.low.min(), abs=0.01)


@given(st.integers(1, 60), st.sampled_from([3e-8, 0.5, 1.1, 175.5, 61_000.0, 5e17]), st.integers(0, 100))
def test_a_packed_chart_gives_its_prices_and_times_back(count: int, price: float, seed: int) -> None:
    bars = random_bars("AAPL", count, price=price, seed=seed)
    packed = packed_candles(bars)
    half = 0.5 * 10.0 ** -packed["decimals"]
    assert half < 1e-4 * price
    for name, column in prices(packed).items():
        assert column == pytest.approx(getattr(bars, name), abs=1.01 * half + 1e-15 * price)
    assert times(packed["t"]) == (bars.ts // 10**6).tolist()
    assert min([*packed["high"], *packed["low"]]) >= 0


def test_many_symbols_with_long_prices_and_many_trades_stay_below_two_megabytes() -> None:
    bars = [random_bars(f"SYNTHETIC-{k:04}", 300, seed=k, price=1.23456e-5) for k in range(CHARTS + 50)]
    text = page(random_result(bars, 2 * TRADES), *bars)
    assert len(text.encode()) < TWO_MEGABYTES
    assert len(data(text)["charts"]) == CHARTS


def test_trades_beyond_the_limit_are_counted_and_the_extremes_kept() -> None:
    rng = np.random.default_rng(3)
    trades = [trade(f"{pnl:.2f}") for pnl in rng.normal(0, 100, TRADES + 2_000)]
    kept = data(page(result(trades=trades)))["trades"]
    assert kept["total"] == len(trades)
    assert len(kept["rows"]) <= TRADES
    assert [row[0] for row in kept["rows"][:LISTED]] == list(range(1, LISTED + 1))
    ranked = sorted(float(one.pnl) for one in trades)
    drawn = sorted(row[10] for row in kept["rows"])
    assert drawn[:100] == ranked[:100]
    assert drawn[-100:] == ranked[-100:]


def test_the_lowest_and_highest_equity_are_drawn() -> None:
    bars = random_bars("SYN", 20_000)
    made = random_result([bars], 10)
    shown = data(page(made, bars))["curve"]["runs"][0]
    assert min(shown["equity"]) == round(float(made.curve.equity.min()), 2)
    assert max(shown["equity"]) == round(float(made.curve.equity.max()), 2)
    assert min(shown["drawdown"]) == pytest.approx(compute(made).max_drawdown, abs=1e-5)


def test_buy_and_hold_ends_with_the_mean_growth_of_the_symbols() -> None:
    bars = [random_bars(symbol, 400, seed=k) for k, symbol in enumerate(("AAPL", "MSFT"))]
    (shown,) = data(page(random_result(bars, 3), *bars))["curve"]["lines"]
    growth = [one.close[-1] / one.close[0] for one in bars]
    assert shown["name"] == BUY_AND_HOLD
    assert shown["equity"][0] == 100_000
    assert shown["equity"][-1] == pytest.approx(100_000 * sum(growth) / 2, abs=0.01)


def test_a_named_benchmark_is_a_line_beside_buy_and_hold() -> None:
    bars = {symbol: random_bars(symbol, 400, seed=k) for k, symbol in enumerate(("AAPL", "SPY"))}
    made = random_result([bars["AAPL"]], 3)
    figures = compute(made, bars=bars, benchmark="SPY")
    tree = data(render(made, figures, bars, title="A backtest"))
    lines = tree["curve"]["lines"]
    assert [line["name"] for line in lines] == [BUY_AND_HOLD, "SPY"]
    assert lines[1]["equity"][-1] == pytest.approx(
        1e5 * bars["SPY"].close[-1] / bars["SPY"].close[0], abs=0.01
    )
    assert tree["symbols"] == ["AAPL"]
    assert [chart["symbol"] for chart in tree["charts"]] == ["AAPL"]


def test_the_rolling_ratio_is_drawn_for_the_strategy_and_for_what_is_held() -> None:
    bars = random_bars("AAPL", 600)
    made = random_result([bars], 3)
    shown = data(page(made, bars))["curve"]["rolling"]
    expected = rolling_sharpe(made.curve.ts, made.curve.equity)
    assert expected is not None
    assert shown["window"] == expected.window
    assert shown["runs"][0][-1] == pytest.approx(expected.value[-1], abs=1e-3)
    assert max(shown["runs"][0]) == pytest.approx(expected.value.max(), abs=1e-3)
    assert len(shown["lines"][0]) == len(shown["runs"][0]) == len(times(shown["t"]))


def test_a_short_test_draws_no_rolling_ratio() -> None:
    bars = random_bars("AAPL", 50)
    assert data(page(random_result([bars], 3), bars))["curve"]["rolling"] is None


def test_every_trade_carries_its_excursions() -> None:
    bars = random_bars("AAPL", 300)
    made = random_result([bars], 20)
    expected = excursions(made.trades, {"AAPL": bars})
    rows = data(page(made, bars))["trades"]["rows"]
    assert [row[14] for row in rows] == pytest.approx(expected.adverse, abs=1e-5)
    assert [row[15] for row in rows] == pytest.approx(expected.favourable, abs=1e-5)
    assert [row[14:] for row in data(page(made))["trades"]["rows"]] == [[None, None]] * 20


def test_a_contract_multiplier_does_not_swell_a_trades_return() -> None:
    future = trade("100", multiplier=Decimal(50), quantity=Decimal(2), entry_price=Decimal(4_000))
    (row,) = data(page(result(trades=[future])))["trades"]["rows"]
    assert row[11] == pytest.approx(100 / (2 * 50 * 4_000), abs=1e-5)


def test_a_symbol_without_bars_has_no_chart_but_counts() -> None:
    bars = random_bars("AAPL", 50)
    made = random_result([bars], 5)
    tree = data(page(made))
    assert tree["charts"] == []
    assert tree["curve"]["lines"] == []
    assert tree["trades"]["total"] == 5


@pytest.mark.parametrize("points", [0, 1, 2])
def test_a_test_of_hardly_any_bars_is_a_page(points: int) -> None:
    tree = data(page(result(curve=curve([100_000] * points)), random_bars("AAPL", points)))
    assert tree["trades"]["total"] == 0
    assert len(times(tree["curve"]["t"])) == points


def test_times_add_up_from_their_steps(ordinary: str) -> None:
    shown = times(data(ordinary)["charts"][0]["t"])
    assert shown == [int(ts) // 10**6 for ts in random_bars("AAPL", 500).ts]


def test_every_figure_is_explained_once() -> None:
    explained = [term.field for terms in GLOSSARY.values() for term in terms]
    assert sorted(explained) == sorted(set(Metrics.__struct_fields__) - TABLES)


def test_parameters_are_written_plainly_and_not_without_end() -> None:
    made = result(parameters={})
    assert data(page(made))["parameters"] == {}
    many: dict[str, Any] = {"stop": Decimal("0.05"), "name": "slow", "grid": list(range(10_000))}
    shown = data(page(result(parameters=many)))["parameters"]
    assert (shown["stop"], shown["name"]) == ("0.05", "slow")
    assert len(shown["grid"]) < 1_000


def test_the_report_is_one_file(tmp_path: Path) -> None:
    bars = random_bars("AAPL", 50)
    made = random_result([bars], 5)
    path = tmp_path / "report.html"
    write_report(made, compute(made, bars={"AAPL": bars}), {"AAPL": bars}, path, title="A backtest")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text(encoding="utf-8") == page(made, bars)


def test_a_report_that_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    made = result()
    with pytest.raises(ConfigError, match=r"cannot write .*report\.html"):
        write_report(made, compute(made), {}, tmp_path / "no" / "report.html", title="A backtest")
