"""Two hundred hostile worlds, a share of every profile: whatever goes wrong, no invariant breaks.

`make prove` runs thousands more, and `tradewrit simulate` as many as anybody likes.
"""

import pytest

from tradewrit.simulation.explorer import search
from tradewrit.simulation.profiles import PROFILES

FIRST, EACH = 20_000, 13


@pytest.mark.parametrize("profile", PROFILES)
def test_whatever_goes_wrong_no_invariant_breaks(profile: str) -> None:
    report = search(range(FIRST, FIRST + EACH), profile)
    assert [(failure.violations, failure.reproduce) for failure in report.failures] == []
    assert report.runs == EACH
    assert report.orders > EACH


def test_over_a_thousand_orders_with_kills_anywhere_every_invariant_holds() -> None:
    report = search(range(FIRST, FIRST + 100), "crash")
    assert [(failure.violations, failure.reproduce) for failure in report.failures] == []
    assert report.orders >= 1_000
    assert report.faults["kill"] + report.faults["power"] > 100
