"""Backtests as HTML files that work offline: one by itself, or several side by side."""

from tradewrit.research.report.comparison import write_comparison
from tradewrit.research.report.page import write_report

__all__ = ["write_comparison", "write_report"]
