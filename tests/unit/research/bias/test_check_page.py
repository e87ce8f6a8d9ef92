"""The page about checking a strategy names every finding with every severity it can have."""

import re
from pathlib import Path

import pytest

from tradewrit.research.bias.findings import ADVICE, Kind

PAGE = (Path(__file__).parents[4] / "docs" / "how-to" / "check-a-strategy.md").read_text()


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_finding_is_explained_and_has_advice(kind: Kind) -> None:
    assert f"`{kind.value}`" in PAGE
    assert ADVICE[kind].endswith(".")


def test_the_page_names_no_other_kind() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert named == {kind.value for kind in Kind}
