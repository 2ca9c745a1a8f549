"""The morning report: one model from the store, shown at a terminal or as Markdown."""

from nightforge.report.build import build_report
from nightforge.report.data import ReportData, gather

__all__ = ["ReportData", "build_report", "gather"]
