import json
from pathlib import Path

import pytest

from tests.unit.surfaces.console import bar_file, market, run

SLOWER = "trend_following:window=30,stop_fraction=0.04"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bar_file(tmp_path_factory.mktemp("data") / "bars.csv", market(2, 400))


def test_two_strategies_stand_side_by_side_with_the_better_figures_marked(data: Path) -> None:
    done = run("backtest", "--data", data, "--compare", "trend_following", SLOWER)
    assert done.exit_code == 0, done.output
    head = next(line for line in done.output.splitlines() if "difference" in line)
    assert head.split() == ["trend_following", SLOWER, "difference"]
    equity = next(line for line in done.output.splitlines() if line.startswith("Final equity"))
    assert equity.count("*") == 1
    assert "trades in common" in done.output


def test_json_is_one_object_with_the_summary_of_each_run_alone(data: Path) -> None:
    done = run("backtest", "--data", data, "--compare", "trend_following", SLOWER, "--json")
    compared = json.loads(done.stdout)
    runs = compared["runs"]
    assert [one["name"] for one in runs] == ["trend_following", SLOWER]
    assert [one["parameters"]["window"] for one in runs] == [20, 30]
    for one, words in zip(runs, ([], ["--param", "window=30", "--param", "stop_fraction=0.04"]), strict=True):
        alone = json.loads(
            run("backtest", "--data", data, "--strategy", "trend_following", *words, "--json").stdout
        )
        for name in ("final_equity", "trades", "fees", "metrics", "bars", "symbols", "open_positions"):
            assert one[name] == alone[name], name


def test_a_users_file_stands_against_a_name_and_takes_parameters(data: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(Path("examples/crossover.py").read_text(encoding="utf-8"), encoding="utf-8")
    done = run("backtest", "--data", data, "--compare", "trend_following", f"{mine}:fast=5", "--json")
    runs = json.loads(done.stdout)["runs"]
    assert runs[1]["parameters"]["fast"] == 5
    assert runs[1]["name"] == f"{mine}:fast=5"


def test_the_page_is_written_and_named(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "compared.html"
    done = run("backtest", "--data", data, "--compare", "trend_following", SLOWER, "--report", page)
    assert f"report: {page}" in done.output
    assert f"trend_following against {SLOWER}" in page.read_text(encoding="utf-8")


def test_both_are_judged_against_a_named_symbol(data: Path) -> None:
    words = (
        "--compare",
        "trend_following",
        SLOWER,
        "--symbols",
        "SYN000",
        "--benchmark",
        "SYN001",
        "--json",
    )
    runs = json.loads(run("backtest", "--data", data, *words).stdout)["runs"]
    assert [one["metrics"]["benchmark"] for one in runs] == ["SYN001"] * 2
    assert [one["symbols"] for one in runs] == [1, 1]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("trend_following", "trend_following"), "is named twice"),
        (("trend_following", ":window=3"), "names no strategy"),
        (("trend_following", "trend_following:window"), "is not param=value"),
        (("trend_following", "trend_following:"), "is not param=value"),
        (("trend_following", SLOWER, "--strategy", "trend_following"), "--strategy belongs to a single"),
        (("trend_following", SLOWER, "--param", "window=3"), "--param belongs to a single"),
        (("trend_following", SLOWER, "--trades", "out.csv"), "--trades belongs to a single"),
        (("trend_following", SLOWER, "--journal", "out.sqlite"), "--journal belongs to a single"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_use_is_explained(words: tuple[str, ...], why: str, data: Path) -> None:
    done = run("backtest", "--data", data, "--compare", *words, env={"COLUMNS": "400"})
    assert done.exit_code == 2
    assert why in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("trend_following", "trend_folowing"), "did you mean trend_following?"),
        (("trend_following", "trend_following:windw=3"), "did you mean window?"),
        (("trend_following", "nowhere.py"), "there is no strategy file nowhere.py"),
        (("trend_following", SLOWER, "--benchmark", "SYN009"), "the benchmark 'SYN009' has no bars"),
        (("trend_following", SLOWER, "--report", "/nowhere/out.html"), "there is no directory /nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_failure_is_explained_without_a_traceback(words: tuple[str, ...], why: str, data: Path) -> None:
    done = run("backtest", "--data", data, "--compare", *words)
    assert done.exit_code == 1
    assert why in " ".join(done.output.split())


def test_a_single_backtest_is_judged_against_a_symbol_it_does_not_trade(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    words = ("--symbols", "SYN000", "--benchmark", "SYN001", "--report", page, "--json")
    done = run("backtest", "--data", data, "--strategy", "trend_following", *words)
    assert json.loads(done.stdout)["metrics"]["benchmark"] == "SYN001"
    assert '"name":"SYN001"' in page.read_text(encoding="utf-8")
