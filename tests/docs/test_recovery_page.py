"""The page on recovery names events that exist and numbers that are those of the code."""

import re
from pathlib import Path

from tradewrit.domain.capabilities import Capabilities, Dedupe
from tradewrit.domain.events.registry import BY_NAME
from tradewrit.domain.market import MINUTE, SECOND
from tradewrit.domain.rejections import Rejection
from tradewrit.risk import doubts, reconciling
from tradewrit.runtime.outbox import Lane

TEXT = (Path(__file__).parents[2] / "docs" / "explanation" / "recovery.md").read_text()
WORDS = re.sub(r"\s+", " ", TEXT)


def test_every_event_it_names_exists() -> None:
    named = set(re.findall(r"`((?:account|order|position|review)\.[a-z_.]+)`", TEXT))
    assert len(named) > 8
    settings = {"review.max_drift_bps"}
    assert named - settings <= BY_NAME.keys()


def test_it_says_what_each_kind_of_venue_gets() -> None:
    rows = re.findall(r"^\| `(\w+)`: ", TEXT, re.MULTILINE)
    assert rows == list(Dedupe)
    assert f"`{Rejection.NOT_SENT}`" in TEXT


def test_its_numbers_are_those_of_the_code() -> None:
    assert ("three times" in TEXT) is (doubts.LOOKUPS == 3)
    assert f"{Capabilities().acceptance_s} seconds unless" in WORDS
    assert "at most a minute apart" in WORDS
    assert doubts.LONGEST_WAIT_S * SECOND == MINUTE
    assert f"from {reconciling.OVERLAP // MINUTE} minutes before" in WORDS
    assert "two seconds later" in WORDS
    assert reconciling.SOON == 2 * SECOND


def test_the_order_of_the_lanes_is_the_one_it_tells() -> None:
    assert [lane.name for lane in Lane] == ["PROTECTION", "EXITS", "QUESTIONS", "ENTRIES", "DATA"]
    told = [
        "Cancels, stops and targets",
        "before exits",
        "before questions",
        "before entries",
        "before market data",
    ]
    places = [WORDS.index(words) for words in told]
    assert places == sorted(places)
