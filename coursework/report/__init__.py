"""From run directories to a report: PDF, page and model card, from one content."""

from coursework.report.building import build, stage

__all__ = ["build", "stage"]
