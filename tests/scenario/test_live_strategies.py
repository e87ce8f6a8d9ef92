"""A desk whose strategy fails while something is held: it stays, guards, and can be started again. F-58."""

from pathlib import Path

import pytest

from tests.scenario.test_live_processes import Market, Place, home, market, patiently
from tradewrit.domain.orders import Role
from tradewrit.runtime.live.door import door_of, knock
from tradewrit.runtime.live.requests import AskResume
from tradewrit.runtime.live.status import Mode

__all__ = ["home", "market"]
FAILING = """
from tradewrit import Signal, Strategy
from tradewrit.domain.orders import Side


class Failing(Strategy, frozen=True, kw_only=True):
    \"\"\"Buys on the bar of 14:32, and fails on that of 14:34.\"\"\"

    def on_bar(self, bars):
        minute = int(bars.ts[-1]) // 60_000_000_000 %% 60
        if minute == 34:
            %s
        return Signal(enter=Side.BUY) if minute == 32 else None
"""


@pytest.mark.parametrize("failure", ["raise KeyError('mood')", "while True: pass"])
def test_a_strategy_that_fails_halts_its_desk_and_does_not_end_it(
    failure: str, tmp_path: Path, market: Market
) -> None:
    place = Place(tmp_path, market)
    place.strategy.write_text(FAILING % failure)
    with place.desk() as desk:
        place.enter()
        market.bar()
        patiently(lambda: market.held > 0, "it was bought")
        patiently(lambda: market.working(Role.STOP), "its stop works")
        market.bar()
        patiently(lambda: (now := place.status()) is not None and now.mode is Mode.HALTED, "it halts")
        knock(door_of(place.journal), AskResume(reason="looked at"), timeout_s=10.0)
        desk.terminate()
        assert desk.wait() == 0
    with place.desk() as desk:
        assert market.held > 0
        assert market.working(Role.STOP)
        desk.terminate()
        _, log = desk.communicate()
    assert "the strategy failed on 1 bars from before" in log
