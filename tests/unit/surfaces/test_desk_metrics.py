"""A status as Prometheus reads it: lines, breakers and modes, and a desk that does not answer. P-4."""

import re
from pathlib import Path

from tests.live import Live, Wire, play
from tests.unit.surfaces.console import run
from tradewrit.surfaces.cli.desk_metrics import page_of

_SAMPLE = re.compile(r'tradewrit_desk_\w+(\{\w+="[\w ]+"\})? -?[\d.e+-]+')


def test_a_cut_line_and_its_mode_are_numbers() -> None:
    pages: list[str] = []

    async def story(live: Live) -> None:
        await live.settle(3)
        pages.append(page_of(live.shell.status()))
        wire.refuses = True
        wire.cut()
        await live.settle(3)
        pages.append(page_of(live.shell.status()))

    wire = Wire("venue")
    play(story, wires=[wire])
    up, cut = pages
    for page in pages:
        for line in page.splitlines():
            assert line.startswith("#") or _SAMPLE.fullmatch(line), line
        names = [line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")]
        assert len(names) == len(set(names)), "each family once"
    assert 'tradewrit_desk_line_up{line="venue"} 1' in up
    assert 'tradewrit_desk_line_cuts_total{line="venue"} 0' in up
    assert 'tradewrit_desk_mode{mode="running"} 1' in up
    assert 'tradewrit_desk_line_up{line="venue"} 0' in cut
    assert 'tradewrit_desk_line_cuts_total{line="venue"} 1' in cut
    assert 'tradewrit_desk_mode{mode="guarded"} 1' in cut
    assert 'tradewrit_desk_mode{mode="running"} 0' in cut


def test_no_desk_is_a_number_too(tmp_path: Path) -> None:
    done = run("status", "--metrics", "--journal", str(tmp_path / "none.sqlite"))
    assert done.exit_code == 1
    assert "tradewrit_desk_up 0\n" in done.stdout
    assert "no desk answers" in done.stderr
