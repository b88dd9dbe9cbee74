"""The quality of what was imported: what is there, what cannot be, what is missing, and what to do about it."""

from reports.quality.report import Quality, open_signals, quality

__all__ = ["Quality", "open_signals", "quality"]
