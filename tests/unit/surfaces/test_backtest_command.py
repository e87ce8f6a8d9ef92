"""`tradewrit backtest`: its contract, its parity with the yardstick, and what it refuses."""

import json
import os
import resource
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks import plain_loop
from tests.unit.surfaces.console import bar_file, market, run, shell
from tradewrit.app import setup_from
from tradewrit.brokers.paper.rules import PaperRules
from tradewrit.config.loading import load
from tradewrit.config.tree import Config
from tradewrit.domain.constraints import Constraints
from tradewrit.domain.fees import FixedFee
from tradewrit.domain.instruments import Instrument
from tradewrit.domain.orders import OrderType
from tradewrit.errors import ConfigError
from tradewrit.market.synth import synthetic_bars
from tradewrit.research.backtest.setup import Setup
from tradewrit.runtime.journal.sqlite import SqliteJournal

ROOT = Path(__file__).parents[3]
SUMMARY = (
    *("engine", "bars", "symbols", "trades", "open_positions", "initial_cash", "final_equity", "fees"),
    *("funding", "denied", "denied_by", "refused", "refused_by"),
    *("load_seconds", "run_seconds", "run_cpu_seconds", "metrics", "notes"),
)
HEADER = "symbol,ts,open,high,low,close,volume\n"
ROW = "A,2024-01-02T14:30:00Z,{open},{high},{low},{close},{volume}\n"
STRATEGY = "from tradewrit import Strategy, Signals\n\n\nclass Mine(Strategy):\n"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two symbols, some hundred bars each."""
    return bar_file(tmp_path_factory.mktemp("data") / "bars.csv", market(2, 600))


def results(*words: str | Path) -> dict[str, object]:
    """The object of `backtest --json`, numbers exact."""
    done = run("backtest", *words, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found: dict[str, object] = json.loads(done.stdout, parse_float=Decimal)
    return found


# The contract


def test_json_is_one_object_with_the_keys_that_scripts_rely_on(data: Path) -> None:
    done = shell("backtest", "--strategy", "trend_following", "--data", data, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert tuple(found) == SUMMARY
    assert found["engine"] == "skip"
    assert found["symbols"] == 2
    assert found["trades"] > 5
    assert found["metrics"]["trades"] == found["trades"]
    assert found["run_cpu_seconds"] > 0


@pytest.mark.parametrize(("symbols", "bars"), [(1, 3000), (10, 400), (50, 150)])
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_the_trades_are_the_yardsticks_byte_for_byte(
    symbols: int, bars: int, suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = bar_file(tmp_path / f"bars.{suffix}", market(symbols, bars, seed=symbols))
    ours, theirs = tmp_path / "ours.csv", tmp_path / "theirs.csv"
    found = results("--strategy", "trend_following", "--data", file, "--trades", ours)
    capsys.readouterr()
    assert plain_loop.main([str(file), "--trades", str(theirs)]) == 0
    expected = json.loads(capsys.readouterr().out)
    assert ours.read_text() == theirs.read_text()
    assert len(ours.read_text().splitlines()) > 10
    assert Decimal(str(found["final_equity"])) == Decimal(expected["final_equity"])
    assert Decimal(str(found["fees"])) == Decimal(expected["fees"])
    assert (found["trades"], found["open_positions"]) == (expected["trades"], expected["open_positions"])


def test_without_json_it_prints_a_table_and_names_every_file_written(data: Path, tmp_path: Path) -> None:
    trades, report, journal = (tmp_path / name for name in ("t.csv", "r.html", "j.sqlite"))
    done = run(
        *("backtest", "--strategy", "trend_following", "--data", data),
        *("--trades", trades, "--report", report, "--journal", journal),
    )
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("trend_following on SYN000, SYN001: ")
    assert lines[-3:] == [f"trades: {trades}", f"report: {report}", f"journal: {journal}"]
    for figure in ("final equity", "largest drawdown", "closed trades", "winners", "fees", "time"):
        assert any(line.startswith(f"{figure} ") for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j.sqlite", "r.html", "t.csv"]
    assert "<script" in report.read_text()


def test_a_backtest_needs_no_strategy_where_the_configuration_names_one(data: Path) -> None:
    assert (
        results("--data", data)["trades"]
        == results("--strategy", "trend_following", "--data", data)["trades"]
    )


def test_parameters_reach_the_strategy(data: Path) -> None:
    assert results("--data", data, "--param", "low=99.9", "--param", "high=99.95")["trades"] == 0


def test_parameters_of_a_configuration_belong_to_its_own_strategy(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "desk.yaml"
    config.write_text("strategy: {name: trend_following, parameters: {low: 99.9, high: 99.95}}\n")
    own = ROOT / "examples" / "crossover.py"
    assert results("--data", data, "--config", config)["trades"] == 0
    assert (
        results("--data", data, "--config", config, "--strategy", own)["trades"]
        == (results("--data", data, "--strategy", own)["trades"])
    )


def test_only_the_symbols_asked_for_are_traded_in_the_files_order(data: Path, tmp_path: Path) -> None:
    trades = tmp_path / "t.csv"
    found = results("--data", data, "--symbols", "SYN001", "--trades", trades)
    assert found["symbols"] == 1
    assert {line.split(",")[0] for line in trades.read_text().splitlines()[1:]} == {"SYN001"}


def test_cash_replaces_the_configurations(data: Path) -> None:
    assert results("--data", data, "--cash", "5,000.50")["initial_cash"] == Decimal("5000.50")


def test_a_configuration_changes_fees_and_limits(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "desk.yaml"
    config.write_text("paper:\n  fees: {type: fixed, amount: 2}\nrisk:\n  max_position_notional: 500\n")
    found = results("--data", data, "--config", config)
    fills = 2 * int(str(found["trades"])) + int(str(found["open_positions"]))
    assert Decimal(str(found["fees"])) == 2 * fills


@pytest.mark.parametrize("example", ["crossover.py", "dip_buyer.py"])
def test_a_users_own_file_is_a_strategy(example: str, data: Path) -> None:
    done = run("backtest", "--strategy", ROOT / "examples" / example, "--data", data)
    assert done.exit_code == 0
    assert f"{example.removesuffix('.py')} on SYN000, SYN001" in done.stdout


def test_what_kept_ideas_from_trading_is_said(data: Path) -> None:
    held = run("backtest", "--data", data, "--param", "stop_fraction=0.5")
    assert "reward/risk 0.30 is not above 2.5" in held.stdout
    poor = run("backtest", "--data", data, "--cash", "100")
    assert "refused by risk" in poor.stdout


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (1, "enter_long needs 20 bars for its first answer; the longest history has 1."),
        (2, "enter_long needs 20 bars for its first answer; the longest history has 2."),
        (60, "enter_long held on none of 60 bars."),
    ],
)
def test_a_run_without_trades_says_why_wherever_it_is_read(rows: int, reason: str, tmp_path: Path) -> None:
    still = dict.fromkeys(("open", "high", "low", "close"), "100.00") | {"volume": "10"}
    line = ROW.format(**still)
    file, report, trades = tmp_path / "bars.csv", tmp_path / "r.html", tmp_path / "t.csv"
    stamps = (f"2024-01-02T{14 + k // 60}:{k % 60:02}:00Z" for k in range(rows))
    file.write_text(HEADER + "".join(line.replace("2024-01-02T14:30:00Z", at) for at in stamps))
    shown = run("backtest", "--data", file, "--report", report, "--trades", trades)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert reason in shown.stdout
    assert "profit factor" not in shown.stdout
    assert reason.replace("<", "\\u003c") in report.read_text()
    assert trades.read_text().count("\n") == 1
    found = results("--data", file)
    assert (found["trades"], found["final_equity"]) == (0, Decimal(100_000))
    assert [str(note).startswith(reason) for note in found["notes"]] == [True]  # type: ignore[attr-defined]


def test_a_price_of_a_few_ticks_is_warned_of_and_json_stays_whole(tmp_path: Path) -> None:
    rows = "".join(
        f"ADA,2024-01-{day:02}T00:00:00Z,0.00005,0.00006,0.00004,0.00005,100\n" for day in range(1, 29)
    )
    file = tmp_path / "bars.csv"
    file.write_text(HEADER + rows)
    done = run("backtest", "--data", file, "--json")
    assert done.exit_code == 0
    assert done.stderr.startswith("warning: ADA trades near 5e-05 in ticks of 0.01")
    assert json.loads(done.stdout)["bars"] == 28


def test_figures_per_year_are_not_shown_for_a_few_days(data: Path) -> None:
    assert "less than a month: not annualised" in run("backtest", "--data", data).stdout


# The configuration


def test_every_setting_that_a_backtest_has_comes_from_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text(
        "account: {name: mine, currency: EUR, type: cash, initial_cash: 5000}\n"
        "entry: limit\nseed: 9\nwrits: {executor: {max_quantity: 7}}\n"
        "risk: {profile: demo_large, max_leverage: 2}\n"
        "paper:\n  fees: {type: fixed, amount: 1}\n  slippage_bps: 3\n  limit_fills: through\n"
        "  participation_fraction: 0.1\n  settlement_days: 2\n"
        "instruments:\n  - {symbol: SAP, currency: EUR, tick: 0.02}\n"
    )
    config = load(file, {})
    assert setup_from(config) == Setup(
        account="mine",
        currency="EUR",
        initial_cash=Decimal(5000),
        entry_type=OrderType.LIMIT,
        limits=config.risk,
        review=config.review,
        rules=PaperRules(
            fees=FixedFee(Decimal(1)),
            slippage_bps=Decimal(3),
            limit_fills="through",
            participation_fraction=Decimal("0.1"),
            settlement_days=2,
            margin=False,
            max_leverage=Decimal(2),
        ),
        instruments={"SAP": Instrument(symbol="SAP", currency="EUR", tick=Decimal("0.02"))},
        entries=Constraints(max_quantity=Decimal(7)),
        seed=9,
    )


def test_the_default_configuration_is_the_default_setup() -> None:
    assert setup_from(Config()) == Setup()


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("REVIEW__KIND", "require", "review.kind: require asks people"),
        ("REVIEW__KIND", "four_eyes", "review.kind: four_eyes asks people"),
    ],
)
def test_what_no_backtest_can_do_is_refused(key: str, value: str, why: str, data: Path) -> None:
    done = run("backtest", "--data", data, env={f"TRADEWRIT_{key}": value})
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {why}")
    with pytest.raises(ConfigError):
        setup_from(load(None, {f"TRADEWRIT_{key}": value}))


def test_a_backtest_never_writes_into_the_journal_of_an_account_that_trades(
    data: Path, tmp_path: Path
) -> None:
    config, journal = tmp_path / "desk.yaml", tmp_path / "j.sqlite"
    config.write_text(f"mode: paper\njournal: {{path: {journal}}}\n")
    assert run("backtest", "--data", data, "--config", config).exit_code == 0
    assert not journal.exists()
    config.write_text(f"mode: backtest\njournal: {{path: {journal}}}\n")
    assert run("backtest", "--data", data, "--config", config).exit_code == 0
    assert journal.exists()


# The journal


def test_a_journalled_run_can_be_verified_and_replayed(data: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.sqlite"
    in_memory = results("--data", data)
    assert results("--data", data, "--journal", journal)["final_equity"] == in_memory["final_equity"]
    assert run("journal", "verify", journal).exit_code == 0
    replayed = json.loads(run("journal", "replay", journal, "--json").stdout)
    assert replayed["streams"][0]["closed_trades"] == in_memory["trades"]


def test_a_journal_that_exists_is_left_alone(data: Path, tmp_path: Path) -> None:
    journal = tmp_path / "j.sqlite"
    assert run("backtest", "--data", data, "--journal", journal).exit_code == 0
    before = journal.read_bytes()
    done = run("backtest", "--data", data, "--journal", journal)
    assert done.exit_code == 1
    assert "already exists, and a backtest starts a journal of its own" in done.stderr
    assert journal.read_bytes() == before


def test_a_full_disk_is_explained_and_the_journal_stands_up_to_the_last_good_record(
    data: Path, tmp_path: Path
) -> None:
    def small_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    journal, trades = tmp_path / "j.sqlite", tmp_path / "t.csv"
    done = shell("backtest", "--data", data, "--journal", journal, "--trades", trades, before=small_disk)
    assert (done.returncode, done.stdout) == (1, "")
    assert "what was recorded until then is whole" in done.stderr
    assert "Traceback" not in done.stderr
    assert not trades.exists()
    verified = json.loads(run("journal", "verify", journal, "--json").stdout)
    assert verified["ok"]
    assert verified["streams"][0]["records"] > 10


def test_a_full_journal_file_says_that_the_disk_is_full(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = SqliteJournal.open
    monkeypatch.setattr(SqliteJournal, "open", lambda *args, **given: opened(*args, max_pages=30, **given))
    done = run("backtest", "--data", data, "--journal", tmp_path / "j.sqlite")
    assert done.exit_code == 1
    assert "the disk is full; free some space and try again" in done.stderr
    monkeypatch.undo()
    assert run("journal", "verify", tmp_path / "j.sqlite").exit_code == 0


# Interrupted


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_is_one_line_and_leaves_nothing_behind(data: Path, tmp_path: Path) -> None:
    strategy = tmp_path / "mine.py"
    strategy.write_text(
        "import os, signal\nfrom tradewrit import Strategy\n\n\nclass Mine(Strategy):\n"
        "    def on_bar(self, bars):\n"
        "        if len(bars) == 100:\n            os.kill(os.getpid(), signal.SIGINT)\n"
    )
    folder = tmp_path / "out"
    folder.mkdir()
    done = shell(
        *("backtest", "--strategy", strategy, "--data", data),
        *("--journal", folder / "j.sqlite", "--trades", folder / "t.csv"),
        # A test runner in the background may have handed down a deaf ear.
        before=_hear_interrupts,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error: interrupted; nothing was half-written\n"
    assert list(folder.iterdir()) == []


# Bad input


def bars_with(**cells: str) -> str:
    values = {"open": "10", "high": "11", "low": "9", "close": "10", "volume": "100"}
    return HEADER + ROW.format(**{**values, **cells})


BAD_DATA = {
    "missing.csv": (None, "no such file"),
    "empty.csv": ("", "missing columns symbol, ts, open, high, low, close, volume"),
    "header.csv": (HEADER, "no rows"),
    "columns.csv": ("date,price\n1,2\n", "missing columns"),
    "nan.csv": (bars_with(close="nan"), "close is nan, not a positive number"),
    "inf.csv": (bars_with(high="inf"), "high is inf, not a positive number"),
    "negative.csv": (bars_with(low="-9"), "low is -9.0, not a positive number"),
    "zero.csv": (bars_with(open="0"), "open is 0.0, not a positive number"),
    "unsorted.csv": (
        bars_with() + "A,2024-01-01T14:30:00Z,10,11,9,10,5\n",
        "the rows of a symbol must rise in time",
    ),
    "duplicate.csv": (bars_with() + ROW.format(open=1, high=1, low=1, close=1, volume=1), "duplicate"),
    "bars.parquet": ("not parquet", "not a Parquet file"),
    "bars.txt": ("hello", "cannot tell the format from this name"),
}


@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_data_is_refused_with_its_place(name: str, tmp_path: Path) -> None:
    text, why = BAD_DATA[name]
    file, trades = tmp_path / name, tmp_path / "trades.csv"
    if text is not None:
        file.write_text(text)
    done = run("backtest", "--data", file, "--trades", trades, "--json")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {file}: ")
    assert why in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not trades.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_bytes(data.read_bytes())
    file.chmod(0)
    done = run("backtest", "--data", file)
    assert done.exit_code == 1
    assert str(file) in done.stderr


BAD_STRATEGIES = {
    "raises on import": ("x = 1 / 0\n", "mine.py:1: ZeroDivisionError: division by zero"),
    "leaves on import": ("import sys\nsys.exit(3)\n", "mine.py:2: SystemExit: 3"),
    "is no Python": ("def f(:\n", "mine.py:1: SyntaxError"),
    "defines nothing": ("x = 1\n", "mine.py defines no strategy"),
    "defines no decision": (STRATEGY + "    window: int = 3\n", "Mine defines neither signals nor on_bar"),
    "raises in signals": (
        STRATEGY + "    def signals(self, bars):\n        return Signals(enter_long=bars.nothing > 1)\n",
        "mine.signals raised AttributeError",
    ),
    "raises on a bar": (
        STRATEGY + "    def on_bar(self, bars):\n        return {}[len(bars)] if len(bars) > 30 else None\n",
        "mine.on_bar raised KeyError on bar 30 of SYN000",
    ),
    "answers nonsense": (
        STRATEGY + "    def on_bar(self, bars):\n        return 'buy'\n",
        "mine.on_bar must return a Signal or None, not 'buy'",
    ),
}


@pytest.mark.parametrize("kind", BAD_STRATEGIES)
def test_a_bad_strategy_file_is_explained_and_no_journal_stays_behind(
    kind: str, data: Path, tmp_path: Path
) -> None:
    text, why = BAD_STRATEGIES[kind]
    (tmp_path / "mine.py").write_text(text)
    journal = tmp_path / "j.sqlite"
    done = run("backtest", "--strategy", tmp_path / "mine.py", "--data", data, "--journal", journal)
    assert (done.exit_code, done.stdout) == (1, "")
    assert why in done.stderr
    assert list(tmp_path.glob("j.sqlite*")) == []


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (
            ("--strategy", "trend_folowing"),
            "unknown strategy 'trend_folowing'; did you mean trend_following?",
        ),
        (("--strategy", "no_such.py"), "there is no strategy file no_such.py"),
        (("--param", "windw=3"), "trend_following has no parameter 'windw'; did you mean window?"),
        (("--param", "window=x"), "trend_following: parameter window = x: "),
        (("--param", "window=0"), "window must be a whole number of at least 1, not 0"),
        (("--param", "low=nan"), "parameter low = nan: must be a finite number"),
        (("--param", "stop_fraction=5"), "parameter stop_fraction = 5.0: must be above 0 and below 1"),
        (("--param", "max_bars=0"), "parameter max_bars = 0: must be at least 1"),
        (("--symbols", "SYN0"), "bars.csv: has no SYN0; it has SYN000, SYN001"),
        (("--from", "2199-01-01"), "bars.csv: no bars from 2199-01-01"),
        (("--known-at", "2024-01-01"), "bars.csv: only a lake knows since when it knows its bars"),
        (("--config", "no_such.yaml"), "no_such.yaml: no such file"),
    ],
)
def test_a_name_or_value_that_is_not_known_is_exit_code_1(
    words: tuple[str, ...], why: str, data: Path
) -> None:
    done = run("backtest", "--data", data, *words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert why in done.stderr


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--engine", "fast"), "fast"),
        (("--param", "window"), "'window' is not NAME=VALUE"),
        (("--param", "=3"), "'=3' is not NAME=VALUE"),
        (("--cash", "much"), "'much' is not a positive amount"),
        (("--cash", "-5"), "'-5' is not a positive amount"),
        (("--cash", "nan"), "'nan' is not a positive amount"),
        (("--symbols", ","), "names no symbol; write it like AAPL,MSFT"),
        (("--from", "yesterday"), "'yesterday' is not a time"),
        (("--to", "2999-01-01"), "'2999-01-01' is out of range"),
        (("--jsn",), "--jsn"),
    ],
)
def test_wrong_use_is_exit_code_2(words: tuple[str, ...], why: str, data: Path) -> None:
    done = run("backtest", "--data", data, *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert why in done.stderr


def test_the_risk_free_rate_is_taken_off_by_the_ratios_alone(tmp_path: Path) -> None:
    data = bar_file(tmp_path / "days.csv", synthetic_bars(2, 300, seed=7, sigma=0.02, interval="1d"))
    plain = json.loads(run("backtest", "--data", data, "--json").stdout)["metrics"]
    found = json.loads(run("backtest", "--data", data, "--risk-free", "0.04", "--json").stdout)["metrics"]
    assert (plain["risk_free"], found["risk_free"]) == (0, 0.04)
    assert found["sharpe"] == pytest.approx(plain["sharpe"] - 0.04 / plain["volatility"])
    assert found["alpha"] == pytest.approx(plain["alpha"] - 0.04 * (1 - plain["beta"]))
    assert found["volatility"] == pytest.approx(plain["volatility"])
    assert found["total_return"] == plain["total_return"]
    refused = run("backtest", "--data", data, "--risk-free", "4", "--json")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_what_is_open_where_bars_have_ended_is_told(tmp_path: Path) -> None:
    whole, short = market(2, 300)
    file = bar_file(tmp_path / "bars.csv", [whole, short.take(slice(60))])
    mine = tmp_path / "holds.py"
    mine.write_text(
        "from tradewrit import Inputs, Signals, Strategy\n\n\n"
        "class Holds(Strategy):\n"
        "    stop_fraction: float | None = 0.04\n    target_fraction: float | None = 0.9\n\n"
        "    def signals(self, bars: Inputs) -> Signals:\n"
        "        return Signals(enter_long=bars.close > 0)\n"
    )
    done = run("backtest", "--data", file, "--strategy", mine, "--json")
    (note,) = json.loads(done.stdout)["notes"]
    assert f"The bars of 1 of 2 symbols end before the test does ({short.symbol} " in note


def test_a_misspelt_key_is_named_with_its_line(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "desk.yaml"
    config.write_text("seed: 1\nrisk:\n  max_positon_notional: 5\n")
    done = shell("backtest", "--data", data, "--config", config)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{config}:3: risk.max_positon_notional: unknown key" in done.stderr


def _folder_is_missing(folder: Path) -> Path:
    return folder / "none" / "out.x"


def _folder_is_a_file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file" / "out.x"


def _is_a_folder(folder: Path) -> Path:
    (folder / "out.x").mkdir()
    return folder / "out.x"


@pytest.mark.parametrize("place", [_folder_is_missing, _folder_is_a_file, _is_a_folder])
@pytest.mark.parametrize("option", ["--trades", "--report", "--journal"])
def test_an_output_that_cannot_be_written_is_refused_before_the_work(
    option: str, place: Callable[[Path], Path], tmp_path: Path
) -> None:
    # The data are not even looked for.
    done = run("backtest", "--data", tmp_path / "missing.csv", option, place(tmp_path))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: cannot write {tmp_path}")


def test_no_output_overwrites_the_data_or_another_output(data: Path, tmp_path: Path) -> None:
    before = data.read_bytes()
    done = run("backtest", "--data", data, "--trades", data)
    assert done.exit_code == 2
    assert data.read_bytes() == before
    both = tmp_path / "out"
    assert run("backtest", "--data", data, "--trades", both, "--report", both).exit_code == 2
    assert not both.exists()


def test_a_failure_leaves_an_older_result_as_it_was(data: Path, tmp_path: Path) -> None:
    trades = tmp_path / "t.csv"
    trades.write_text("from yesterday\n")
    assert run("backtest", "--data", data, "--strategy", "nobody", "--trades", trades).exit_code == 1
    assert trades.read_text() == "from yesterday\n"
