"""Worlds in which the desk once failed, shrunk and kept whole: a plan holds for ever, whatever seeds draw by then.

Each is named after what had gone wrong. To keep another: `simulate shrink SEED --json` has the plan.
"""

from pathlib import Path

import msgspec
import pytest

from tradewrit.simulation.plan import Plan
from tradewrit.simulation.world import World

KEPT = sorted((Path(__file__).parent / "regressions").glob("*.json"))


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_what_failed_once_holds(path: Path) -> None:
    plan = msgspec.json.decode(path.read_bytes(), type=Plan)
    outcome = World(plan).run()
    assert outcome.violations == ()
    assert outcome.events > 10


def test_a_plan_survives_being_written_down() -> None:
    assert len(KEPT) >= 10
    for path in KEPT:
        plan = msgspec.json.decode(path.read_bytes(), type=Plan)
        assert msgspec.json.decode(msgspec.json.encode(plan), type=Plan) == plan
