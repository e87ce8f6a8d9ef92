"""The report in a real browser: it draws, every control works, no script fails, and it looks like something."""

import html
import json
import re
import shutil
import struct
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.unit.research.backtests import curve, random_bars, random_result, result
from tradewrit.domain.market import MINUTE
from tradewrit.features.bars import Bars
from tradewrit.research.compare import Contender, compare
from tradewrit.research.metrics import compute
from tradewrit.research.report.comparison import render_comparison
from tradewrit.research.report.page import render
from tradewrit.research.results import Result

HOSTILE = "</script><b>"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--virtual-time-budget=2000"),
)
DARK: Final = "--blink-settings=preferredColorScheme=0"
# Presses what a reader can press: buttons, rows, the selector, dragging over each figure, arrow keys.
PRESS = """
<script>
for (const box of document.querySelectorAll(".figure")) {
  for (const [type, part] of [["pointermove", 0.5], ["pointerdown", 0.2], ["pointermove", 0.6], ["pointerup", 0.6], ["pointerleave", 0], ["dblclick", 0.5]]) {
    for (const pad of box.querySelectorAll("rect")) {
      pad.setPointerCapture = () => {};
      const frame = pad.getBoundingClientRect();
      pad.dispatchEvent(new PointerEvent(type, { clientX: frame.left + frame.width * part, clientY: frame.top + frame.height / 2, button: 0, pointerType: "mouse" }));
    }
  }
  for (const key of ["ArrowRight", "ArrowLeft", "Escape"]) box.dispatchEvent(new KeyboardEvent("keydown", { key }));
}
for (const node of document.querySelectorAll("button, tr.pick")) node.click();
for (const select of document.querySelectorAll("select")) { select.selectedIndex = select.length - 1; select.dispatchEvent(new Event("change")); }
document.documentElement.dataset.pressed = "yes";
</script>
</body>
"""
# A window of the browser is 500 wide at least: a narrower page is looked at through a frame. Says how wide
# the page was, how far it reaches beyond that, what of its figures is cut off, and what it asked others for.
FRAME: Final = """<!doctype html>
<iframe src="report.html" style="border: 0; width: WIDTHpx; height: 900px"></iframe>
<script>
onload = () => {
  const inner = document.querySelector("iframe"), page = inner.contentDocument, root = page.documentElement;
  const isCut = (node) => node.scrollWidth > node.clientWidth;
  const cut = [...page.querySelectorAll(".figures td, .tile .value")].filter(isCut).map((node) => node.textContent);
  const asked = inner.contentWindow.performance.getEntriesByType("resource").length;
  const found = { ...root.dataset, width: root.clientWidth, beyond: root.scrollWidth - root.clientWidth, asked, cut };
  document.documentElement.dataset.found = JSON.stringify(found);
};
</script>
"""

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on this machine: the report is not drawn here"
)


def page(made: Result, *bars: Bars) -> str:
    by_symbol = {one.symbol: one for one in bars}
    return render(made, compute(made, bars=by_symbol), by_symbol, title="A backtest")


def opened(folder: Path, text: str, *flags: str, name: str = "report.html") -> str:
    """What the browser prints after it opened a file with that text."""
    file = folder / name
    file.write_text(text, encoding="utf-8")
    command = [str(BROWSER), *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def elements(folder: Path, text: str, script: str, *flags: str) -> tuple[str, str]:
    """The page's root tag and its main part, after its own script and then this one ran."""
    printed = opened(folder, text.replace("</body>", script), "--dump-dom", *flags)
    root = re.search(r"<html[^>]*>", printed)
    assert root
    assert "data-error" not in root[0]
    assert 'data-drawn="yes"' in root[0]
    return root[0], printed.split("<main", 1)[1].split("</main>", 1)[0]


def drawn(folder: Path, text: str) -> str:
    """The page's elements after every control was used."""
    root, main = elements(folder, text, PRESS)
    assert 'data-pressed="yes"' in root
    for broken in ("NaN", "undefined", "[object"):
        assert broken not in main
    return main


def measured(folder: Path, text: str, width: int) -> dict[str, Any]:
    """What `FRAME` says of the page in a frame so wide."""
    (folder / "report.html").write_text(text, encoding="utf-8")
    flags = ("--dump-dom", "--allow-file-access-from-files", "--window-size=1400,1000")
    printed = opened(folder, FRAME.replace("WIDTH", str(width)), *flags, name="frame.html")
    root = re.search(r'data-found="([^"]*)"', printed)
    assert root
    found: dict[str, Any] = json.loads(html.unescape(root[1]))
    assert found["drawn"] == "yes"
    assert "error" not in found
    assert found["width"] == width
    return found


def picture(folder: Path, text: str, width: int, height: int, *flags: str) -> bytes:
    """A screenshot as PNG, of the size that was asked for."""
    target = folder / "picture.png"
    opened(folder, text, f"--window-size={width},{height}", f"--screenshot={target}", *flags)
    png = target.read_bytes()
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", png[16:24]) == (width, height)
    return png


@pytest.fixture(scope="module")
def ordinary() -> str:
    bars = [random_bars(symbol, 400, seed=k) for k, symbol in enumerate(("AAPL", "MSFT"))]
    return page(random_result(bars, 60), *bars)


def test_a_report_draws_its_charts_and_tables_and_every_control_works(tmp_path: Path) -> None:
    bars = [random_bars(symbol, 400, seed=k) for k, symbol in enumerate(("AAPL", HOSTILE))]
    main = drawn(tmp_path, page(random_result(bars, 40), *bars))
    assert main.count('class="figure"') == 5
    assert main.count('class="pick"') == 40
    assert len(re.findall(r"<path [^>]*d=\"M[^\"]{200,}", main)) >= 8
    for heading in (
        "Equity",
        "Drawdown",
        "Sharpe ratio, rolling over",
        "Exposure",
        "Excursions",
        "Buy &amp; hold",
    ):
        assert heading in main
    assert "&lt;/script&gt;&lt;b&gt;" in main


def test_a_comparison_draws_both_curves_and_every_control_works(tmp_path: Path) -> None:
    bars = random_bars("AAPL", 400)
    made = [random_result([bars], 20, seed=seed) for seed in (1, 2)]
    by_symbol = {"AAPL": bars}
    compared = compare(
        [
            Contender(name=name, result=one, metrics=compute(one, bars=by_symbol))
            for name, one in zip((HOSTILE, "second"), made, strict=True)
        ]
    )
    main = drawn(tmp_path, render_comparison(compared, by_symbol, title="Two"))
    assert main.count('class="figure"') == 1
    assert main.count("var(--second)") >= 4
    assert main.count('class="best"') == sum(len(line.best) for line in compared.lines)
    assert "&lt;/script&gt;&lt;b&gt;" in main


@pytest.mark.parametrize("width", [1280, 420])
def test_a_comparison_is_no_wider_than_the_window(tmp_path: Path, width: int) -> None:
    bars = random_bars("AAPL", 400)
    by_symbol = {"AAPL": bars}
    made = [random_result([bars], 20, seed=seed) for seed in (1, 2)]
    names = ("first", "moving_average_crossover:stop_fraction=0.03,target_fraction=0.2")
    compared = compare(
        [
            Contender(name=name, result=one, metrics=compute(one, bars=by_symbol))
            for name, one in zip(names, made, strict=True)
        ]
    )
    found = measured(tmp_path, render_comparison(compared, by_symbol, title="Two"), width)
    assert (found["beyond"], found["asked"]) == (0, 0)


def test_a_report_without_trades_says_so_plainly(tmp_path: Path) -> None:
    bars = random_bars("AAPL", 300)
    main = drawn(tmp_path, page(result(curve=curve([100_000.0] * 300)), bars))
    assert "No trade was closed in this test." in main
    assert 'class="pick"' not in main


def test_a_report_of_one_bar_draws(tmp_path: Path) -> None:
    main = drawn(tmp_path, page(result(curve=curve([100_000.0])), random_bars("AAPL", 1)))
    assert main.count('class="figure"') == 2


def test_a_report_without_bars_draws_what_it_knows(tmp_path: Path) -> None:
    main = drawn(tmp_path, page(random_result([random_bars("AAPL", 300)], 30)))
    assert main.count('class="figure"') == 2
    assert "Excursions" not in main


@pytest.mark.parametrize("width", [1280, 420])
def test_no_part_of_the_page_is_wider_than_the_window_and_nothing_is_asked_for(
    tmp_path: Path, ordinary: str, width: int
) -> None:
    found = measured(tmp_path, ordinary, width)
    assert (found["beyond"], found["asked"]) == (0, 0)


@pytest.mark.parametrize("width", [1280, 768, 420])
def test_no_figure_of_a_day_of_minutes_is_cut_off(tmp_path: Path, width: int) -> None:
    bars = random_bars("AAPL", 390, step=MINUTE)
    found = measured(tmp_path, page(random_result([bars], 30), bars), width)
    assert not found["cut"]


@pytest.mark.parametrize(("days", "headline"), [(10, "less than a month"), (100, "from 99 days")])
def test_days_are_not_scaled_to_a_year_in_the_headlines(tmp_path: Path, days: int, headline: str) -> None:
    bars = random_bars("AAPL", days)
    main = drawn(tmp_path, page(random_result([bars], 8), bars))
    tiles = dict(re.findall(r'<div class="name">([^<]*)</div><div class="value[^"]*">([^<]*)</div>', main))
    assert headline in main
    assert [tiles[name] == "\u2013" for name in ("CAGR", "Sharpe", "Alpha")] == [days < 30] * 3


def test_an_amount_in_another_currency_fits_its_tile_on_a_phone(tmp_path: Path) -> None:
    bars = random_bars("BTC/USDT", 300)
    made = replace(random_result([bars], 20), currency="USDT", final_equity=Decimal("1093871.51"))
    assert not measured(tmp_path, page(made, bars), 420)["cut"]


def test_a_name_without_end_breaks_and_reaches_nowhere(tmp_path: Path) -> None:
    bars = random_bars("N" * 300, 200)
    made, by_symbol = random_result([bars], 20), {bars.symbol: bars}
    metrics = compute(made, bars=by_symbol, benchmark=bars.symbol)
    text = render(made, metrics, by_symbol, title="A backtest")
    assert measured(tmp_path, text, 1280)["beyond"] == 0


def test_amounts_beyond_a_thousand_million_are_short_where_there_is_little_room(tmp_path: Path) -> None:
    line, dear = curve([3e12, 3.2e12, 3.1e12] * 100), random_bars("AAPL", 300, price=5e17)
    main = drawn(tmp_path, page(result(curve=line, final_equity=Decimal("3.1e12")), dear))
    assert "$3.1T" in main
    assert re.search(r">\d(\.\d+)?T</text>", main)
    assert re.search(r">\d(\.\d+)?e17</text>", main)


def test_one_wild_trade_of_many_does_not_hide_the_others_and_is_counted(tmp_path: Path) -> None:
    bars = random_bars("AAPL", 400)
    made = random_result([bars], 150)
    tame = [one for one in made.trades if abs(one.pnl) < one.notional / 5]
    wild = replace(tame[0], pnl=-5 * tame[0].notional)
    main = drawn(tmp_path, page(replace(made, trades=(wild, *tame[1:])), bars))
    assert main.count("1 trade beyond the edge is drawn on it.") == 2


def test_a_screenshot_of_the_report_is_a_picture_by_day_and_another_by_night(
    tmp_path: Path, ordinary: str
) -> None:
    light = picture(tmp_path, ordinary, 1280, 2400)
    dark = picture(tmp_path, ordinary, 1280, 2400, DARK)
    blank = picture(tmp_path, "<!doctype html><title>nothing</title>", 1280, 2400)
    # A flat page packs to almost nothing; curves, tables and text do not.
    assert len(light) > 10 * len(blank)
    assert len(dark) > 10 * len(blank)
    assert light != dark
