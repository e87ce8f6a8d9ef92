"""A backtest as one HTML file that works offline: `write_report` is all there is to call."""

from tradewrit.research.report.page import write_report

__all__ = ["write_report"]
