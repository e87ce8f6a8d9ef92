import html
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.research.backtests import curve, random_bars, random_result, result, trade
from tradewrit.domain.market import MINUTE
from tradewrit.errors import ConfigError
from tradewrit.features.bars import Bars
from tradewrit.research.metrics import Metrics, compute
from tradewrit.research.report import write_report
from tradewrit.research.report.glossary import GLOSSARY
from tradewrit.research.report.page import render
from tradewrit.research.report.payload import LISTED, TRADES
from tradewrit.research.results import Result

HOSTILE = "</script><b>&{{style}}<!--"
TWO_MEGABYTES = 2_000_000


def page(made: Result, *bars: Bars, title: str = "A backtest", notes: tuple[str, ...] = ()) -> str:
    return render(made, compute(made), {one.symbol: one for one in bars}, title=title, notes=notes)


def data(text: str) -> dict[str, Any]:
    """The page's data block; fails on NaN and infinities, which JSON does not have."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    tree: dict[str, Any] = json.loads(found[1], parse_constant=refuse)
    return tree


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
    shown = data(text)["charts"][0]
    assert max(shown["high"]) == pytest.approx(bars.high.max(), abs=0.01)
    assert min(shown["low"]) == pytest.approx(bars.low.min(), abs=0.01)


def test_many_symbols_with_long_prices_and_many_trades_stay_below_two_megabytes() -> None:
    bars = [random_bars(f"SYNTHETIC-{k:04}", 1_000, seed=k, price=1.23456e-5) for k in range(250)]
    text = page(random_result(bars, 2 * TRADES), *bars)
    assert len(text.encode()) < TWO_MEGABYTES


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
    shown = data(page(made, bars))["curve"]
    assert min(shown["equity"]) == round(float(made.curve.equity.min()), 2)
    assert max(shown["equity"]) == round(float(made.curve.equity.max()), 2)
    assert min(shown["drawdown"]) == pytest.approx(compute(made).max_drawdown, abs=1e-5)


def test_buy_and_hold_ends_with_the_mean_growth_of_the_symbols() -> None:
    bars = [random_bars(symbol, 400, seed=k) for k, symbol in enumerate(("AAPL", "MSFT"))]
    shown = data(page(random_result(bars, 3), *bars))["curve"]["hold"]
    growth = [one.close[-1] / one.close[0] for one in bars]
    assert shown[0] == 100_000
    assert shown[-1] == pytest.approx(100_000 * sum(growth) / 2, abs=0.01)


def test_a_symbol_without_bars_has_no_chart_but_counts() -> None:
    bars = random_bars("AAPL", 50)
    made = random_result([bars], 5)
    tree = data(page(made))
    assert tree["charts"] == []
    assert tree["curve"]["hold"] is None
    assert tree["trades"]["total"] == 5


@pytest.mark.parametrize("points", [0, 1, 2])
def test_a_test_of_hardly_any_bars_is_a_page(points: int) -> None:
    tree = data(page(result(curve=curve([100_000] * points)), random_bars("AAPL", points)))
    assert tree["trades"]["total"] == 0
    assert len(tree["curve"]["t"]) == points


def test_times_add_up_from_their_steps(ordinary: str) -> None:
    shown = data(ordinary)["charts"][0]["t"]
    assert np.cumsum(shown)[[0, -1]].tolist() == [
        int(ts) // 10**6 for ts in random_bars("AAPL", 500).ts[[0, -1]]
    ]


def test_every_figure_is_explained_once() -> None:
    tables = {"by_symbol", "by_exit_reason", "months", "calendar_years"}
    explained = [term.field for terms in GLOSSARY.values() for term in terms]
    assert sorted(explained) == sorted(set(Metrics.__struct_fields__) - tables)


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
    write_report(made, compute(made), {"AAPL": bars}, path, title="A backtest")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text(encoding="utf-8") == page(made, bars)


def test_a_report_that_cannot_be_written_names_the_file(tmp_path: Path) -> None:
    made = result()
    with pytest.raises(ConfigError, match=r"cannot write .*report\.html"):
        write_report(made, compute(made), {}, tmp_path / "no" / "report.html", title="A backtest")
