"""Lays out the story of a trade for a terminal of any width."""

from collections.abc import Sequence

from rich.text import Text

from tradewrit.domain.times import iso
from tradewrit.surfaces.cli.output import emit_table
from tradewrit.surfaces.story import Step
from tradewrit.surfaces.words import SHORT_TOKEN


def emit_story(steps: Sequence[Step]) -> None:
    """Two lines per step: which, when, who and where it stands in the journal; then what happened."""
    names = max((len(step.name) for step in steps), default=0)
    agents = max((len(step.agent) for step in steps), default=0)
    rows = []
    for step in steps:
        token = f"token {step.token_id[:SHORT_TOKEN]:{SHORT_TOKEN}}"
        place = f"  {clock(step.at)}  {step.agent:{agents}}  {token}  record {step.record}"
        told = Text.assemble((f"{step.name:{names}}", "bold"), (place, "dim"), "\n", step.told)
        rows.append((Text(f"{step.number:>2}", "bold"), told))
    emit_table((), rows)


def clock(at: int) -> str:
    """A time to read, in UTC: seconds only where it has them.

    >>> clock(1_704_186_000_000_000_000)
    '2024-01-02 09:00'
    """
    return iso(at).replace("T", " ").removesuffix("Z").removesuffix(":00")
