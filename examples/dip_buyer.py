"""The escape hatch: plain Python on every bar, for what formulas cannot say.

tradewrit backtest --strategy examples/dip_buyer.py --data BARS.csv
"""

from itertools import pairwise

from tradewrit import Bars, Signal, Strategy, enter_long, leave


class DipBuyer(Strategy):
    """Buy after a run of falling closes, leave after as many rising ones.

    run: how many closes in a row.
    """

    run: int = 4

    def on_bar(self, bars: Bars) -> Signal | None:
        """Count how long the closes have been falling or rising; look at `bars` and nothing else."""
        if len(bars) <= self.run:
            return None
        recent = bars.close[-self.run - 1 :].tolist()
        steps = [after - before for before, after in pairwise(recent)]
        if all(step < 0 for step in steps):
            return enter_long(f"{self.run} falling closes", close=recent[-1])
        if all(step > 0 for step in steps):
            return leave("recovered", close=recent[-1])
        return None
