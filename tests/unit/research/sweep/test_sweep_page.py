"""The page of a sweep in a real browser: it draws, every control works, and nothing is asked of anybody."""

import re
from pathlib import Path

import msgspec
import pytest

from tests.unit.research.sweep.asking import request, some_bars, swept
from tests.unit.research.test_report_browser import BROWSER, DARK, drawn, measured, picture
from tradewrit.research.sweep.deflated import Luck
from tradewrit.research.sweep.judging import judge
from tradewrit.research.sweep.page import render
from tradewrit.research.sweep.search import Method
from tradewrit.research.sweep.sweeping import Request
from tradewrit.research.sweep.walk_forward import Plan, Walk

NO_BROWSER = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium on this machine: the page is not drawn here"
)
WALK = Plan(walk=Walk.ROLLING, splits=3)


def page(folder: Path, wish: Request) -> str:
    found = swept(folder / "sweep", wish, some_bars(2, 400))
    return render(found, judge(found))


@NO_BROWSER
def test_a_walk_forward_draws_heat_map_splits_tests_and_points(tmp_path: Path) -> None:
    main = drawn(tmp_path, page(tmp_path, request(plan=WALK)))
    assert main.count('class="figure"') == 3
    for heading in ("Parameters", "Chosen, then tested", "The tests, one after the other", "Every point"):
        assert f">{heading}<" in main
    assert "In sample against out of sample" in main
    assert "<li>Chosen in sample on 3 splits" in main


@NO_BROWSER
@pytest.mark.parametrize(
    "wish",
    [
        request("window=10,20,30"),
        request("window=10"),
        request("low=99.9", "high=99.95,99.99"),
        request("window=0,20"),
        request("window=5..60", "stop_fraction=0.01..0.05", method=Method.RANDOM, trials=60),
        request("risk.max_position_notional=500,1000", "window=10,20", "low=45,50", objective="max_drawdown"),
    ],
    ids=["one axis", "one point", "no trades", "a failure", "ranges", "three axes"],
)
def test_whatever_was_swept_the_page_draws(wish: Request, tmp_path: Path) -> None:
    main = drawn(tmp_path, page(tmp_path, wish))
    assert main.count('class="figure"') == 1
    assert "Every point" in main


@NO_BROWSER
def test_each_split_is_told_from_luck_or_not_by_itself(tmp_path: Path) -> None:
    """A mean of probabilities is the probability of nothing."""
    found = swept(tmp_path / "sweep", request(plan=WALK), some_bars(2, 400))
    judged = judge(found)
    assert len(judged.choices) == 3
    choices = [
        msgspec.structs.replace(one, luck=Luck(trials=6, expected=0.01, deflated=deflated))
        for one, deflated in zip(judged.choices, (0.97, 0.99, 0.2), strict=True)
    ]
    main = drawn(tmp_path, render(found, msgspec.structs.replace(judged, choices=tuple(choices))))
    assert re.search(r">2 of 3<.{0,60}>splits told from luck \(0\.95\)<", main)


@NO_BROWSER
@pytest.mark.parametrize("width", [1280, 420])
def test_no_part_is_wider_than_the_window_and_nothing_is_asked_for(tmp_path: Path, width: int) -> None:
    found = measured(tmp_path, page(tmp_path, request(plan=WALK)), width)
    assert (found["beyond"], found["asked"]) == (0, 0)


@NO_BROWSER
def test_a_screenshot_is_a_picture_by_day_and_another_by_night(tmp_path: Path) -> None:
    text = page(tmp_path, request(plan=WALK))
    light, dark = picture(tmp_path, text, 1280, 2400), picture(tmp_path, text, 1280, 2400, DARK)
    blank = picture(tmp_path, "<!doctype html><title>nothing</title>", 1280, 2400)
    assert len(light) > 10 * len(blank)
    assert light != dark


def test_thousands_of_points_stay_under_two_megabytes_and_keep_the_best(tmp_path: Path) -> None:
    from msgspec.structs import replace

    found = swept(tmp_path, request("window=10,20,30", plan=WALK), some_bars(2, 600))
    many = tuple(replace(found.trials[k % 3], number=k + 1, values={"window": k}) for k in range(12_000))
    judged = judge(replace(found, trials=many))
    text = render(replace(found, trials=many), judged)
    assert len(text) < 2_000_000
    assert '"total":12000' in text
    assert f'"best":{judged.best}' in text
