"""`tradewrit data fetch`: from a venue on this machine into files and lakes, and what it says when it cannot."""

import json
from pathlib import Path

import pytest

from tests.unit.market.feeds.venues import (
    Accident,
    AlpacaVenue,
    BinanceVenue,
    YahooVenue,
    new_york_days,
    served,
)
from tests.unit.surfaces.console import run, shell
from tradewrit.market.store import read_bars
from tradewrit.market.synth import synthetic_bars

KEYS = {"APCA_API_KEY_ID": "public-part", "APCA_API_SECRET_KEY": "the-secret-part"}


def test_fetched_bars_are_data_for_a_backtest(tmp_path: Path) -> None:
    (bars,) = synthetic_bars(["BTC/USDT"], 1500, seed=3)
    target = tmp_path / "btc.csv"
    with served(BinanceVenue({"BTC/USDT": bars})) as venue:
        done = run(
            "data", "fetch", "binance", target, "--symbols", "BTC/USDT", "--interval", "1m",
            "--from", "2024-01-01", "--to", "2024-02-01", "--base-url", venue.url,
        )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert f"{target}: 1,500 rows written, BTC/USDT" in done.stdout
    assert read_bars(target)[0].close.tolist() == bars.close.tolist()


def test_fetching_again_into_a_lake_adds_what_is_new(tmp_path: Path) -> None:
    days = new_york_days(synthetic_bars(["SPY"], 20, seed=3)[0])
    words = ("data", "fetch", "yahoo", tmp_path / "lake", "--symbols", "SPY", "--json")
    with served(YahooVenue({"SPY": days})) as venue:
        first = run(*words, "--from", "2024-01-01", "--to", "2024-01-10", "--base-url", venue.url)
        again = run(*words, "--from", "2024-01-05", "--to", "2024-02-10", "--base-url", venue.url)
    assert json.loads(first.stdout)["lake"]["added"] == 8
    told = json.loads(again.stdout)
    assert (told["lake"]["added"], told["lake"]["same"]) == (12, 5)
    assert told["lake"]["intervals"] == ["1d"]
    assert len(read_bars(tmp_path / "lake")[0]) == 20


def test_the_keys_come_from_the_environment_and_are_nowhere_to_be_read(tmp_path: Path) -> None:
    (bars,) = synthetic_bars(["AAPL"], 30, seed=3)
    words = (
        "data",
        "fetch",
        "alpaca",
        tmp_path / "a.csv",
        "--symbols",
        "AAPL",
        "--from",
        "2024-01-01",
        "--interval",
        "1m",
    )
    with served(AlpacaVenue({"AAPL": bars}, page=100)) as venue:
        done = run(*words, "--base-url", venue.url, env=KEYS)
        venue.accidents.append(Accident(status=403, body='{"message": "forbidden: AAPL"}'))
        refused = run("--debug", *words, "--base-url", venue.url, env=KEYS)
    assert done.exit_code == 0, done.stderr
    assert venue.asked[0][2]["apca-api-secret-key"] == "the-secret-part"
    assert refused.exit_code == 1
    assert "forbidden: AAPL" in refused.stderr
    assert "secret-part" not in done.output + refused.output
    missing = run(*words, "--base-url", venue.url, env=dict.fromkeys(KEYS, ""))
    assert missing.exit_code == 1
    assert "APCA_API_KEY_ID and APCA_API_SECRET_KEY not set" in missing.stderr


def test_offline_is_said_without_a_traceback_and_nothing_is_written(tmp_path: Path) -> None:
    target = tmp_path / "spy.csv"
    done = shell(
        "data",
        "fetch",
        "yahoo",
        target,
        "--symbols",
        "SPY",
        "--from",
        "2024-01-01",
        "--base-url",
        "http://127.0.0.1:1",
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "127.0.0.1:1 cannot be reached" in done.stderr
    assert "check the connection" in done.stderr
    assert "Traceback" not in done.stderr
    assert not target.exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("yahoo", "x.csv", "--symbols", "A", "--from", "tomorrow"), 2, "is not a time"),
        (
            ("yahoo", "x.csv", "--symbols", "A", "--from", "2024-02-01", "--to", "2024-01-01"),
            2,
            "ends before it begins",
        ),
        (("yahoo", "x.csv", "--symbols", ",", "--from", "2024-01-01"), 2, "names no symbol"),
        (("yahoo", "x.csv", "--symbols", "A", "--from", "2024-01-01", "--feed", "iex"), 2, "no feeds"),
        (("nasdaq", "x.csv", "--symbols", "A", "--from", "2024-01-01"), 2, "nasdaq"),
        (
            ("yahoo", "x.csv", "--symbols", "A", "--from", "2024-01-01", "--interval", "3m"),
            1,
            "has no bars of 3m",
        ),
        (
            ("yahoo", "x.csv", "--symbols", "A", "--from", "2024-01-01", "--base-url", "ftp://x"),
            1,
            "base URL",
        ),
    ],
)
def test_a_mistake_is_explained(words: tuple[str, ...], code: int, said: str) -> None:
    done = run("data", "fetch", *words)
    assert done.exit_code == code
    assert said in " ".join(done.stderr.replace("│", " ").split())
