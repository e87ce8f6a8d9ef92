"""The report in a real browser: it draws, every control works, and no script fails."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.research.backtests import curve, random_bars, random_result, result
from tradewrit.features.bars import Bars
from tradewrit.research.metrics import compute
from tradewrit.research.report.page import render
from tradewrit.research.results import Result

HOSTILE = "</script><b>"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --virtual-time-budget=2000 --dump-dom"
)
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

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on this machine: the report is not drawn here"
)


def drawn(folder: Path, made: Result, *bars: Bars) -> str:
    """The page's elements after its script and every control ran."""
    text = render(made, compute(made), {one.symbol: one for one in bars}, title="A backtest")
    file = folder / "report.html"
    file.write_text(text.replace("</body>", PRESS), encoding="utf-8")
    command = [str(BROWSER), *FLAGS.split(), f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    root = re.search(r"<html[^>]*>", done.stdout)
    assert root
    assert "data-error" not in root[0]
    assert 'data-drawn="yes"' in root[0]
    assert 'data-pressed="yes"' in root[0]
    return done.stdout.split("<main", 1)[1].split("</main>", 1)[0]


def test_a_report_draws_its_charts_and_tables_and_every_control_works(tmp_path: Path) -> None:
    bars = [random_bars(symbol, 300, seed=k) for k, symbol in enumerate(("AAPL", HOSTILE))]
    main = drawn(tmp_path, random_result(bars, 40), *bars)
    assert main.count('class="figure"') == 3
    assert main.count('class="pick"') == 40
    assert len(re.findall(r"<path [^>]*d=\"M[^\"]{200,}", main)) >= 3
    assert "NaN" not in main
    assert "undefined" not in main
    assert "[object" not in main
    assert "&lt;/script&gt;&lt;b&gt;" in main


def test_a_report_without_trades_says_so_plainly(tmp_path: Path) -> None:
    bars = random_bars("AAPL", 300)
    main = drawn(tmp_path, result(curve=curve([100_000.0] * 300)), bars)
    assert "No trade was closed in this test." in main
    assert 'class="pick"' not in main
    assert "NaN" not in main


def test_a_report_of_one_bar_draws(tmp_path: Path) -> None:
    main = drawn(tmp_path, result(curve=curve([100_000.0])), random_bars("AAPL", 1))
    assert main.count('class="figure"') == 2
    assert "NaN" not in main
