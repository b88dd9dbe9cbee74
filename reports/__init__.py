"""Floor 4: code of the reports, not finished reports; those are written to ``build/reports/``."""
